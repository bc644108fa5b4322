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
from duetdb.rest.paging import hints_of, wants_meta
from duetdb.rest.plans import EVERY_FIELD, PLAIN_FIELDS, Plan
from duetdb.rest.preconditions import by_id
from duetdb.schema_gen.field import Relation
from duetdb.schema_gen.model import Collection

_NO_FIELDS = Projection(("_id",), include=True)


async def expanded(call: Call, plan: Plan, documents: list[Document], meta: bool) -> list[Document]:
    """What was written, as a reader sees it: with its references expanded.

    Documents without references are answered as they are, without another read.
    """
    expand = plan.expand[meta]
    if not any(_holds(each, step.field.path) for step in expand for each in documents):
        return documents
    ids = [each["_id"] for each in documents]
    query = Query(
        collection=plan.collection,
        filter=Match("_id", "in", ids),
        max=len(ids),
        projection=EVERY_FIELD,
        expand=expand,
    )
    found = {each["_id"]: each for each in await call.service.find(query, call.principal)}
    return [found.get(each["_id"], each) for each in documents]


async def referring(call: Call, plan: Plan, document_id: Any) -> JsonBytes:
    """``referencedby=true``: one flat array of the documents that refer to this one."""
    service, principal = call.service, call.principal
    target = Query(
        collection=plan.collection, filter=by_id(document_id), max=1, projection=_NO_FIELDS
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
            expand=source.expand[meta],
        )
        answer += await service.find(query, principal)
    return JsonBytes(dumps(answer))


def _referrers(collection: Collection, document_id: Any) -> Mapping[str, tuple[Filter, ...]]:
    found: dict[str, tuple[Filter, ...]] = {}
    for each in collection.referrers:
        if each.field.relation is not Relation.CHILD:
            match = Match(each.field.path, "eq", document_id)
            found[each.collection] = (*found.get(each.collection, ()), match)
    return found


def _holds(value: Any, path: str) -> bool:
    for step in path.split("."):
        if isinstance(value, list):
            return bool(value)
        if not isinstance(value, dict):
            return False
        value = value.get(step)
    return bool(value)
