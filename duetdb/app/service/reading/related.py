"""What other documents decide on, found out before the query that it belongs to.

Filters through relations become the ids that they stand for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.grouping import Place
from duetdb.app.service.query import (
    EVERYTHING,
    And,
    Filter,
    Hop,
    Match,
    Not,
    Or,
    Order,
    Projection,
    Query,
    Related,
    Words,
)
from duetdb.app.service.reading.answer_size import check_look_ups
from duetdb.app.service.reading.projections import projection_of
from duetdb.app.service.reading.seen_words import found_by
from duetdb.app.service.reading.selecting import select
from duetdb.app.service.reading.source import Source
from duetdb.app.service.reading.translate import hides_words
from duetdb.schema_gen.field import Relation

H = TypeVar("H", Order, Place)


async def settled(query: Query, source: Source) -> Query:
    """``query`` with each ``Related`` in it replaced by the ids that it stands for.

    So are words, where those that are stored would tell of hidden fields.

    One database call for each, bounded: raises ``LimitExceeded`` when there are
    too many, or one selects more documents than an ``$in`` list may hold.
    """
    number = _related_in(query.filter) + _related_in(query.guard)
    if number:
        check_look_ups(source.limits, number)
    query = await _settled(query, source)
    if any(each.hops for each in query.order):
        query = replace(query, order=await led(query.order, source))
    return query


async def led(places: Iterable[H], source: Source) -> tuple[H, ...]:
    """Orders or places with the guards of what they lead to settled; errors are the same."""
    found = []
    for place in places:
        hops = [await _hop(each, source) for each in place.hops]
        found.append(replace(place, hops=tuple(hops)) if hops else place)
    return tuple(found)


async def resolved(filter: Filter, source: Source) -> Filter:
    """A filter of the full-access key with each ``Related`` replaced; errors are the same."""
    number = _related_in(filter)
    if not number:
        return filter
    check_look_ups(source.limits, number)
    return await _resolved(filter, None, source)


async def _hop(hop: Hop, source: Source) -> Hop:
    number = _related_in(hop.guard)
    if not number:
        return hop
    check_look_ups(source.limits, number)
    return replace(hop, guard=await _resolved(hop.guard, None, source))


async def _settled(query: Query, source: Source) -> Query:
    if _related_in(query.guard):
        query = replace(query, guard=await _resolved(query.guard, None, source))
    if query.filter is EVERYTHING:
        return query
    if _related_in(query.filter) or hides_words(query.collection):
        query = replace(query, filter=await _resolved(query.filter, query, source))
    return query


async def _resolved(filter: Filter, query: Query | None, source: Source) -> Filter:
    """``query`` is the one whose filter it is, which says whose words may be looked at."""
    if isinstance(filter, And | Or):
        parts = [await _resolved(each, query, source) for each in filter.parts]
        return replace(filter, parts=tuple(parts))
    if isinstance(filter, Not):
        return Not(await _resolved(filter.part, query, source))
    if isinstance(filter, Match):
        if filter.operator != "elemMatch":
            return filter
        return replace(filter, value=await _resolved(filter.value, query, source))
    if isinstance(filter, Words):
        if query is None or not hides_words(query.collection):
            return filter
        return await found_by(filter, query, source)
    path = "_id" if filter.field.relation is Relation.CHILD else filter.path
    return Match(path, "in", await _ids(filter, source))


def _related_in(filter: Filter) -> int:
    """How many conditions on related documents there are, those inside of others included."""
    if isinstance(filter, Match):
        return _related_in(filter.value) if filter.operator == "elemMatch" else 0
    if isinstance(filter, And | Or):
        return sum(map(_related_in, filter.parts))
    if isinstance(filter, Not):
        return _related_in(filter.part)
    if isinstance(filter, Related):
        return 1 + _related_in(filter.filter) + _related_in(filter.guard)
    return 0


async def _ids(related: Related, source: Source) -> list[Any]:
    asked = Query(
        collection=related.target,
        filter=related.filter,
        guard=related.guard,
        projection=Projection(("_id",), include=True),
    )
    selection = select(await _settled(asked, source))
    name, most = related.target.name, source.limits.in_values
    if related.field.relation is Relation.CHILD:
        child = {"_parent_def": related.source.name, "_parent_field": related.field.name}
        pipeline: list[dict[str, Any]] = [
            *selection.within(child).stages,
            {"$group": {"_id": "$_parent_id"}},
            {"$limit": most + 1},
        ]
        found = await source.aggregate(name, pipeline, most + 1)
    elif selection.behind:
        pipeline = [*selection.stages, {"$limit": most + 1}, {"$project": {"_id": 1}}]
        found = await source.aggregate(name, pipeline, most + 1)
    else:
        found = await source.find(name, selection.where, projection_of(asked), limit=most + 1)
    if len(found) > most:
        raise LimitExceeded(
            f"The condition on '{related.path}' holds for more than {most} documents of "
            f"'{related.target.name}'.",
            hint="Narrow it, or raise DUETDB_IN_VALUES.",
        )
    return [each["_id"] for each in found]
