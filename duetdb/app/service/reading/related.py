"""Filters through relations, resolved to ids before the query that they belong to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.query import And, Filter, Match, Not, Or, Query, Related
from duetdb.app.service.reading.source import Source
from duetdb.app.service.reading.translate import to_mongo
from duetdb.schema_gen.field import Relation


async def where_of(query: Query, source: Source) -> dict[str, Any]:
    """The filter document of ``query``; errors are those of ``resolved``."""
    return to_mongo(await resolved(query.filter, source), query.collection)


async def resolved(filter: Filter, source: Source) -> Filter:
    """``filter`` with each ``Related`` in it replaced by the ids that it stands for.

    One database call for each, bounded: raises ``LimitExceeded`` when one
    selects more documents than an ``$in`` list may hold.
    """
    if not _has_related(filter):
        return filter
    if isinstance(filter, And | Or):
        return replace(filter, parts=tuple([await resolved(each, source) for each in filter.parts]))
    if isinstance(filter, Not):
        return Not(await resolved(filter.part, source))
    if isinstance(filter, Match):
        return replace(filter, value=await resolved(filter.value, source))
    assert isinstance(filter, Related)
    ids = await _ids(filter, source)
    path = "_id" if filter.field.relation is Relation.CHILD else filter.path
    return Match(path, "in", ids)


def _has_related(filter: Filter) -> bool:
    if isinstance(filter, Match):
        return filter.operator == "elemMatch" and _has_related(filter.value)
    if isinstance(filter, And | Or):
        return any(_has_related(each) for each in filter.parts)
    if isinstance(filter, Not):
        return _has_related(filter.part)
    return isinstance(filter, Related)


async def _ids(related: Related, source: Source) -> list[Any]:
    inner = await resolved(related.filter, source)
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
