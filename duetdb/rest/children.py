"""Child lists: the documents that belong to one field of one parent (SPEC 9.2)."""

from __future__ import annotations

from typing import Any

from duetdb.app.http.responses import JsonBytes
from duetdb.app.http.streaming import Streaming
from duetdb.app.service.errors import NotFound
from duetdb.app.service.principal import require_full
from duetdb.app.service.query import And, Filter, Match, Parent, Projection, Query
from duetdb.rest import documents
from duetdb.rest.call import Call
from duetdb.rest.plans import Plan
from duetdb.rest.preconditions import by_id
from duetdb.schema_gen.field import Relation
from duetdb.schema_gen.suggest import did_you_mean

_NO_FIELDS = Projection(("_id",), include=True)


async def list_children(call: Call) -> JsonBytes | Streaming:
    """``GET /rest/P/ID/field``"""
    plan, parent = _places(call)
    address = tuple(call.segments[:2])
    if call.service.may_read(parent.collection, address, call.principal):
        exists = Query(
            collection=parent.collection,
            filter=by_id(parent.id),
            max=1,
            projection=_NO_FIELDS,
            address=address,
        )
        if not await call.service.find(exists, call.principal):
            raise documents.not_found(parent.collection, call.segments[1])
    return await documents.list_within(call, plan, _within(parent))


async def create_children(call: Call) -> JsonBytes:
    """``POST /rest/P/ID/field``"""
    plan, parent = _places(call)
    return await documents.create_within(call, plan, parent)


async def get_child(call: Call) -> JsonBytes:
    """``GET /rest/P/ID/field/SUBID``"""
    plan, parent = _places(call)
    _, found = _child(call, plan, parent)
    return await documents.get_found(call, plan, found)


async def update_child(call: Call) -> JsonBytes:
    """``PUT`` and ``PATCH /rest/P/ID/field/SUBID``"""
    plan, parent = _places(call)
    child_id, found = _child(call, plan, parent)
    return await documents.update_found(call, plan, child_id, found, parent)


async def delete_child(call: Call) -> JsonBytes:
    """``DELETE /rest/P/ID/field/SUBID``"""
    plan, parent = _places(call)
    child_id, found = _child(call, plan, parent)
    return await documents.delete_found(call, plan, child_id, found, parent)


def _places(call: Call) -> tuple[Plan, Parent]:
    """The child collection, and the parent in the path; raises ``NotFound`` or ``Quarantined``."""
    above = call.above()
    field = above.by_name.get(call.segments[2])
    if field is None or field.relation is not Relation.CHILD:
        if above.name not in call.part.plans:
            require_full(call.principal)  # nothing is told of a collection without rights in it
        raise _no_list(call.segments[2], above.name, [each.name for each in above.children])
    if field.hidden:
        require_full(call.principal)
    plan = call.plan(field.collection)
    parent_id = documents.id_of(above, call.segments[1])
    return plan, Parent(collection=above, id=parent_id, field=field)


def _child(call: Call, plan: Plan, parent: Parent) -> tuple[Any, Filter]:
    child_id = documents.id_of(plan.collection, call.segments[3])
    return child_id, And((by_id(child_id), _within(parent)))


def _within(parent: Parent) -> Filter:
    return And(
        (
            Match("_parent_id", "eq", parent.id),
            Match("_parent_def", "eq", parent.collection.name),
            Match("_parent_field", "eq", parent.field.name),
        )
    )


def _no_list(name: str, collection: str, lists: list[str]) -> NotFound:
    near = did_you_mean(name, lists)
    shown = ", ".join(lists) if lists else "none"
    return NotFound(
        f"{collection} has no child list {name[:100]!r}.{near}",
        hint=f"The child lists of {collection}: {shown}.",
    )
