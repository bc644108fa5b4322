"""References in answers to writes, and the way back: who refers to a document (SPEC 9.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from duetdb.app.http.responses import JsonBytes
from duetdb.app.service.encoding import dumps
from duetdb.app.service.errors import NotFound
from duetdb.app.service.query import Document, Filter, Match, Or, Projection, Query
from duetdb.rest.call import Call
from duetdb.rest.fields import Fields
from duetdb.rest.hints import hints_of, wants_meta
from duetdb.rest.links import shape
from duetdb.rest.media import described
from duetdb.rest.paging import expansions
from duetdb.rest.plans import EVERY_FIELD, PLAIN_FIELDS, Plan
from duetdb.rest.preconditions import by_id
from duetdb.schema_gen.field import Relation
from duetdb.schema_gen.model import Collection

_NO_FIELDS = Projection(("_id",), include=True)


async def expanded(call: Call, plan: Plan, documents: list[Document], meta: bool) -> list[Document]:
    """What was written, as a reader sees it: with its references expanded.

    Documents without references are answered as they are.
    """
    expand = plan.expand[meta]
    if not any(_holds(each, step.field.path) for step in expand for each in documents):
        return documents
    copies = [_copied(each, plan.holders) for each in documents]
    query = Query(collection=plan.collection, expand=expand)
    await call.service.expand(copies, query, call.principal)
    return copies


async def referring(call: Call, plan: Plan, document_id: Any) -> JsonBytes:
    """``referencedby=true``: one flat array of the documents that refer to this one."""
    service, principal = call.service, call.principal
    target = Query(
        collection=plan.collection,
        filter=by_id(document_id),
        max=1,
        projection=_NO_FIELDS,
        address=tuple(call.segments),
    )
    if not await service.find(target, principal):
        raise NotFound(f"There is no such document in {plan.collection.name}.")
    meta = wants_meta(call.params, hints_of(call.params))
    room = service.limits.page_default
    answer: list[Document] = []
    for name, filters in _referrers(plan.collection, document_id).items():
        source = call.part.plans.get(name)
        if source is None or room == len(answer):
            continue
        query = replace(
            source.first_page,
            filter=Or(filters),
            max=room - len(answer),
            projection=EVERY_FIELD if meta else PLAIN_FIELDS,
            expand=expansions(call.params, source, meta, Fields()),
            described=described(call.params, source.collection),
        )
        found = await service.find(query, principal)
        await shape(call, source.collection, found)
        answer += found
    return JsonBytes(dumps(answer))


def _referrers(collection: Collection, document_id: Any) -> Mapping[str, tuple[Filter, ...]]:
    found: dict[str, tuple[Filter, ...]] = {}
    for each in collection.referrers:
        if each.field.relation is not Relation.CHILD:
            match = Match(each.field.path, "eq", document_id)
            found[each.collection] = (*found.get(each.collection, ()), match)
    return found


def _copied(document: Document, holders: frozenset[str]) -> Document:
    """A copy whose references may be replaced, without a change in what was written."""
    copy = dict(document)
    for name in holders:
        if name in copy:
            copy[name] = _deep(copy[name])
    return copy


def _deep(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _deep(each) for name, each in value.items()}
    return [_deep(each) for each in value] if isinstance(value, list) else value


def _holds(value: Any, path: str) -> bool:
    for step in path.split("."):
        if isinstance(value, list):
            return bool(value)
        if not isinstance(value, dict):
            return False
        value = value.get(step)
    return value is not None and value != []
