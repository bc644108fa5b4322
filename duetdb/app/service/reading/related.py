"""Filters through relations, resolved to ids before the query that they belong to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.query import And, Filter, Match, Not, Or, Query, Related
from duetdb.app.service.reading.answer_size import check_look_ups
from duetdb.app.service.reading.source import Source
from duetdb.app.service.reading.translate import to_mongo
from duetdb.schema_gen.field import Relation


async def where_of(query: Query, source: Source) -> dict[str, Any]:
    """The filter document of ``query``; errors are those of ``resolved``."""
    return to_mongo(await resolved(query.filter, source), query.collection)


async def resolved(filter: Filter, source: Source) -> Filter:
    """``filter`` with each ``Related`` in it replaced by the ids that it stands for.

    One database call for each, bounded: raises ``LimitExceeded`` when there are
    too many, or one selects more documents than an ``$in`` list may hold.
    """
    number = _related_in(filter)
    if not number:
        return filter
    check_look_ups(source.limits, number)
    return await _resolved(filter, source)


async def _resolved(filter: Filter, source: Source) -> Filter:
    if not _related_in(filter):
        return filter
    if isinstance(filter, And | Or):
        parts = [await _resolved(each, source) for each in filter.parts]
        return replace(filter, parts=tuple(parts))
    if isinstance(filter, Not):
        return Not(await _resolved(filter.part, source))
    if isinstance(filter, Match):
        return replace(filter, value=await _resolved(filter.value, source))
    assert isinstance(filter, Related)
    ids = await _ids(filter, source)
    path = "_id" if filter.field.relation is Relation.CHILD else filter.path
    return Match(path, "in", ids)


def _related_in(filter: Filter) -> int:
    """How many conditions on related documents there are, those inside of others included."""
    if isinstance(filter, Match):
        return _related_in(filter.value) if filter.operator == "elemMatch" else 0
    if isinstance(filter, And | Or):
        return sum(map(_related_in, filter.parts))
    if isinstance(filter, Not):
        return _related_in(filter.part)
    return 1 + _related_in(filter.filter) if isinstance(filter, Related) else 0


async def _ids(related: Related, source: Source) -> list[Any]:
    inner = await _resolved(related.filter, source)
    where = to_mongo(inner, related.target)
    most = source.limits.in_values
    if related.field.relation is Relation.CHILD:
        child = {"_parent_def": related.source.name, "_parent_field": related.field.name}
        pipeline: list[dict[str, Any]] = [
            {"$match": {"$and": [child, where]}},
            {"$group": {"_id": "$_parent_id"}},
            {"$limit": most + 1},
        ]
        found = await source.aggregate(related.target.name, pipeline, most + 1)
    else:
        found = await source.find(related.target.name, where, {"_id": 1}, limit=most + 1)
    if len(found) > most:
        raise LimitExceeded(
            f"The condition on '{related.path}' holds for more than {most} documents of "
            f"'{related.target.name}'.",
            hint="Narrow it, or raise DUETDB_IN_VALUES.",
        )
    return [each["_id"] for each in found]
