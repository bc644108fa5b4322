"""Pages in order: a plain find, or a pipeline where what is ordered by has to be computed.

That is what lies behind relations, fields whose data is still moving from a
former name (an order by the new name alone would put all that has not moved
first), and lists, of which the database sorts by one at most.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace

from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.grouping import Place
from duetdb.app.service.query import EVERYTHING, Document, Order, Query
from duetdb.app.service.reading.concealing import Stage, outermost
from duetdb.app.service.reading.expressions import SORT_KEYS, Expression
from duetdb.app.service.reading.nearest import NEAREST
from duetdb.app.service.reading.places import TEMPORARY, Places
from duetdb.app.service.reading.projections import projection_of
from duetdb.app.service.reading.selecting import Selection, frugally, in_need
from duetdb.app.service.reading.source import Source
from duetdb.app.service.reading.translate import is_by_distance, sort_of
from duetdb.app.service.stored_names import former_of


async def page(
    query: Query, selection: Selection, source: Source, skip: int, limit: int, *needed: str
) -> list[Document]:
    """The selected documents in the order of ``query``; a ``limit`` of 0 is none.

    ``needed`` are paths to be read besides those that the query asks for. Raises
    ``NotAvailable`` in memory mode for an order that follows relations.
    """

    async def read(selected: Selection) -> list[Document]:
        name = query.collection.name
        if _is_plain(query, selected, source):
            fields, sort = projection_of(query, *needed), sort_of(query)
            return await source.find(name, selected.where, fields, sort, skip, limit)
        pipeline = _projected_page(query, selected, skip, limit, *needed)
        return await source.aggregate(name, pipeline, limit or source.limits.page_default)

    return await frugally(selection, query.collection, read)


async def stream(
    query: Query, selection: Selection, source: Source
) -> AsyncGenerator[list[Document], None]:
    """The page of ``query``, of any size, in batches; errors are those of ``page``."""
    begun = False
    try:
        async with aclosing(_batches(query, selection, source)) as batches:
            async for batch in batches:
                begun = True
                yield batch
        return
    except LimitExceeded as error:
        frugal = None if begun else in_need(error, selection, query.collection)
        if frugal is None:
            raise
    async with aclosing(_batches(query, frugal, source)) as batches:
        async for batch in batches:
            yield batch


def _batches(
    query: Query, selection: Selection, source: Source
) -> AsyncGenerator[list[Document], None]:
    name, skip, limit = query.collection.name, query.skip, query.max or 0
    if _is_plain(query, selection, source):
        fields, sort = projection_of(query), sort_of(query)
        return source.stream(name, selection.where, fields, sort, skip, limit)
    return source.stream_pipeline(name, _projected_page(query, selection, skip, limit))


def follows_relations(query: Query) -> bool:
    return any(each.hops for each in query.order)


def _is_plain(query: Query, selection: Selection, source: Source) -> bool:
    """Whether a find gives the page; in memory, renamed fields move before anybody asks."""
    if not source.in_memory:
        is_staged = selection.behind or selection.frugal
        return not (is_staged or _needs_nearest(query) or _is_computed(query, selection))
    if follows_relations(query):
        source.refuse_in_memory("Ordering through relations")
    return not selection.behind


def _is_computed(query: Query, selection: Selection) -> bool:
    """Whether the database cannot sort by all keys, behind the stages of the selection."""
    is_staged = selection.behind or selection.frugal
    if is_staged and any(_has_position(each.path) for each in query.order):
        return True
    if follows_relations(query) or any(_is_moving(each, query) for each in query.order):
        return True
    return len(query.order) > 1 and sum(_is_listed(each, query) for each in query.order) > 1


def _needs_nearest(query: Query) -> bool:
    """Whether documents that are not seen must not decide on an order by distance."""
    return query.guard != EVERYTHING and not query.order and is_by_distance(query.filter)


def _is_listed(order: Order, query: Query) -> bool:
    """Whether there is a list at the path, or on the way."""
    parts = order.path.split(".")
    paths = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
    fields = (query.collection.by_path.get(each) for each in paths)
    return any(field is not None and field.is_list for field in fields)


def _is_moving(order: Order, query: Query) -> bool:
    former = query.collection.former
    return bool(former) and former_of(order.path, query.collection) is not None


def _projected_page(
    query: Query, selection: Selection, skip: int, limit: int, *needed: str
) -> list[Stage]:
    """The page as a pipeline, with the fields that ``query`` asks for."""
    fields = projection_of(query, *needed)
    stages = sorted_page(query, selection, skip, limit)
    return [*stages, {"$project": fields}] if fields else stages


def sorted_page(query: Query, selection: Selection, skip: int, limit: int) -> list[Stage]:
    """The stages that select, sort and cut; what may be seen of documents is left as it is."""
    if not _is_computed(query, selection):
        sort = NEAREST if _needs_nearest(query) else dict(sort_of(query))
        return _sorted(query, selection, [], sort, _cut(skip, limit))
    places = Places(query.collection)
    keys: dict[str, Expression] = {}
    order: list[Order] = []
    for each in query.order:
        if _has_key(each, query):
            name = f"k{len(keys)}"
            keys[name] = _key(each, places)
            each = Order(f"{TEMPORARY}.{name}", each.descending)
        order.append(each)
    sort = dict(sort_of(replace(query, order=tuple(order))))
    # An expression takes the place of the related documents, which need not be sorted as well.
    noted: list[Stage] = [*places.look_ups, {"$set": {TEMPORARY: {"$mergeObjects": [keys]}}}]
    cut = [*_cut(skip, limit), {"$unset": TEMPORARY}]
    return _sorted(query, selection, noted, sort, cut)


def _sorted(
    query: Query,
    selection: Selection,
    noted: list[Stage],
    sort: Mapping[str, int],
    cut: list[Stage],
) -> list[Stage]:
    """``noted`` makes what is sorted by, ``cut`` what is left of the sorted documents."""
    sorting: list[Stage] = [{"$sort": sort}] if sort else []
    if not selection.frugal or not query.order or is_by_distance(query.filter):
        return [*selection.stages, *noted, *sorting, *cut]
    keys: Stage = {"$project": dict.fromkeys(outermost(["_id", *sort]), 1)}
    look_up: Stage = {
        "from": query.collection.name,
        "localField": "_id",
        "foreignField": "_id",
        "pipeline": selection.stages,
        "as": TEMPORARY,
    }
    place = f"${TEMPORARY}"
    found: list[Stage] = [{"$unwind": place}, {"$replaceRoot": {"newRoot": place}}]
    return [*selection.stages, *noted, keys, *sorting, *cut, {"$lookup": look_up}, *found]


def _has_key(order: Order, query: Query) -> bool:
    """Whether its value is computed, where any is."""
    is_behind = bool(order.hops) or _has_position(order.path)
    return is_behind or _is_moving(order, query) or _is_listed(order, query)


def _cut(skip: int, limit: int) -> list[Stage]:
    stages: list[Stage] = [{"$skip": skip}] if skip else []
    return [*stages, {"$limit": limit}] if limit else stages


def _has_position(path: str) -> bool:
    """Behind other stages the database would read no more than ``path`` names as a projection.

    Projections know no positions, so that what is to be sorted by would be gone.
    """
    return any(part.isdigit() for part in path.split("."))


def _key(order: Order, places: Places) -> Expression:
    """The one value that counts: the database sorts by no more than one list at a time.

    It is inside of an object, or a value that is a list would be sorted by its elements.
    """
    values = places.elements(Place(order.path, order.hops), SORT_KEYS)
    direction = -1 if order.descending else 1
    first = {"$first": {"$sortArray": {"input": values, "sortBy": direction}}}
    return {"v": {"$ifNull": [first, None]}}
