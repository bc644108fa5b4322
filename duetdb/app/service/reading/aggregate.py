"""Groups, figures and different values of many documents, computed by the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from bson import encode

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.grouping import Aggregate, Distinct, Group, Place
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import EVERYTHING, Document
from duetdb.app.service.reading.answer_size import check_shown, check_size
from duetdb.app.service.reading.concealing import Stage
from duetdb.app.service.reading.expand import complete
from duetdb.app.service.reading.figures import DOCUMENTS, of_nothing
from duetdb.app.service.reading.groups import group_stages, key_stages
from duetdb.app.service.reading.guarding import both
from duetdb.app.service.reading.key_texts import Spelled, clashes, text_of
from duetdb.app.service.reading.ordering import sorted_page
from duetdb.app.service.reading.places import TEMPORARY, Places
from duetdb.app.service.reading.projections import projection_of, with_own
from duetdb.app.service.reading.related import led, settled
from duetdb.app.service.reading.selecting import Selection, frugally, guard_of, select
from duetdb.app.service.reading.source import Source

Keyed: TypeAlias = tuple[tuple[Any, ...], Document]
"""The keys of a document, and the document."""


class Aggregator:
    """Executes questions about many documents; who may ask them was decided before.

    All methods raise ``BadQuery`` and ``LimitExceeded`` for questions that the
    database refuses or that take too long, ``Unavailable`` without it, and
    ``NotAvailable`` in memory mode.
    """

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self._source = Source(engine, limits)

    async def aggregate(self, aggregate: Aggregate) -> list[Group]:
        """The groups with their figures: one call, and one for all documents among the figures.

        One more where several groups have the same text, which makes one of them.
        """
        self._source.refuse_in_memory("Grouping")
        ceiling = self._source.limits.page_ceiling
        limit = ceiling + 1 if aggregate.max is None else aggregate.max
        with translate_driver_errors():
            aggregate = await self._settled(aggregate)
            query = aggregate.query
            found = await self._grouped(aggregate, limit)
            if aggregate.max is None:
                self._check_number(len(found), "groups")
            if aggregate.as_text and (spelled := clashes(_keys(each, aggregate) for each in found)):
                found = await self._grouped(aggregate, limit, spelled)
            if not found and not aggregate.keys and aggregate.having == EVERYTHING:
                found = [of_nothing(aggregate.measures)]
            check_size(self._source.limits, len(found) * query.projection.times)
            await self._put_documents(found, aggregate)
        return [_group(each, aggregate) for each in found]

    async def keyed(self, aggregate: Aggregate) -> list[Keyed]:
        """The documents of the page of ``query``, each behind its keys; measures are not looked at.

        One call, and those of the expansions.
        """
        self._source.refuse_in_memory("Grouping")
        with translate_driver_errors():
            aggregate = await self._settled(aggregate)
            query = aggregate.query
            selection = select(query, *_places(aggregate))
            stages = key_stages(aggregate.keys, query.collection, aggregate.as_text)
            fields = projection_of(query)
            if fields:
                stages.append({"$project": with_own(fields, TEMPORARY)})
            size = query.max or self._source.limits.page_default

            async def read(selected: Selection) -> list[Document]:
                page = sorted_page(query, selected, query.skip, query.max or 0)
                return await self._source.aggregate(query.collection.name, [*page, *stages], size)

            found = await frugally(selection, query.collection, read)
            keys = [_shown(each.pop(TEMPORARY), aggregate) for each in found]
            await complete(found, query, self._source)
            check_shown(self._source.limits, found, query)
        return list(zip(keys, found, strict=True))

    async def distinct(self, distinct: Distinct) -> list[Any]:
        """The different values in order; ``LimitExceeded`` for too many without ``max``."""
        query, ceiling = distinct.query, self._source.limits.page_ceiling
        limit = ceiling + 1 if query.max is None else query.max
        stages: list[Stage] = [{"$sort": {"_id": -1 if distinct.descending else 1}}]
        if query.skip:
            stages.append({"$skip": query.skip})
        stages.append({"$limit": limit})
        found = await self._values(distinct, stages, limit)
        if query.max is None:
            self._check_number(len(found), "values")
        return [each["_id"]["value"] for each in found]

    async def count_distinct(self, distinct: Distinct) -> int:
        """How many different values there are, the page aside."""
        found = await self._values(distinct, [{"$count": "n"}], 1)
        return int(found[0]["n"]) if found else 0

    async def _values(self, distinct: Distinct, stages: list[Stage], size: int) -> list[Document]:
        self._source.refuse_in_memory("Listing different values")
        with translate_driver_errors():
            query = await settled(replace(distinct.query, order=()), self._source)
            (place,) = await led([distinct.place], self._source)
            places = Places(query.collection)
            values = places.elements(place)
            pipeline: list[Stage] = [
                *select(query, place).stages,
                *places.look_ups,
                {"$project": {"_id": 0, "value": values}},
                {"$unwind": "$value"},
                # In an object, because a value that is a list would be sorted by its elements.
                {"$group": {"_id": {"value": "$value"}}},
                *stages,
            ]
            return await self._source.aggregate(query.collection.name, pipeline, size)

    async def _grouped(
        self, aggregate: Aggregate, limit: int, spelled: Spelled = ()
    ) -> list[Document]:
        """The groups; the order of the documents matters to a page of them alone."""
        query = aggregate.query
        is_page = bool(query.skip) or query.max is not None
        stages = group_stages(aggregate, limit, spelled)

        async def read(selected: Selection) -> list[Document]:
            page = sorted_page(query, selected, query.skip, query.max or 0)
            documents = page if is_page else selected.stages
            name = query.collection.name
            return await self._source.aggregate(name, [*documents, *stages], limit)

        return await frugally(select(query, *_places(aggregate)), query.collection, read)

    async def _settled(self, aggregate: Aggregate) -> Aggregate:
        """With everything found out that other documents decide on."""
        source, asked = self._source, aggregate.measures
        places = iter(await led(_places(aggregate), source))
        return replace(
            aggregate,
            query=await settled(aggregate.query, source),
            keys=tuple([replace(each, place=next(places)) for each in aggregate.keys]),
            measures=tuple([replace(each, place=each.place and next(places)) for each in asked]),
        )

    async def _put_documents(self, groups: list[Document], aggregate: Aggregate) -> None:
        """Puts documents in place of their ids, those of all groups found by one call."""
        names = [f"m{n}" for n, each in enumerate(aggregate.measures) if each.function in DOCUMENTS]
        ids = [id_ for group in groups for name in names for id_ in group[name]]
        found: Mapping[bytes, Document] = {}
        if ids:
            query = aggregate.query
            name, guard = query.collection.name, guard_of(query.guard, query.collection)
            where, fields = both({"_id": {"$in": ids}}, guard), projection_of(query)
            documents = await self._source.find(name, where, fields, limit=len(ids))
            found = {_mark(each["_id"]): each for each in documents}
            await complete(documents, query, self._source)
        for group in groups:
            for each in names:
                group[each] = next((found.get(_mark(id_)) for id_ in group[each]), None)
        placed = [group[each] for group in groups for each in names if group[each]]
        check_shown(self._source.limits, placed, aggregate.query)

    def _check_number(self, number: int, what: str) -> None:
        ceiling = self._source.limits.page_ceiling
        if number > ceiling:
            raise LimitExceeded(
                f"There are more than {ceiling:,} {what}.",
                hint="Narrow the filter, ask for fewer by max, or raise DUETDB_PAGE_CEILING.",
            )


def _places(aggregate: Aggregate) -> list[Place]:
    """Where the keys and the figures look."""
    measured = [each.place for each in aggregate.measures if each.place is not None]
    return [*(each.place for each in aggregate.keys), *measured]


def _group(found: Document, aggregate: Aggregate) -> Group:
    values = [found[f"m{n}"] for n in range(len(aggregate.measures))]
    return Group(_shown(_keys(found, aggregate), aggregate), tuple(values))


def _keys(found: Document, aggregate: Aggregate) -> list[Any]:
    return [found["_id"][f"k{n}"] for n in range(len(aggregate.keys))]


def _shown(keys: Iterable[Any], aggregate: Aggregate) -> tuple[Any, ...]:
    return tuple(map(text_of, keys)) if aggregate.as_text else tuple(keys)


def _mark(id_: Any) -> bytes:
    """Tells ids apart, whatever they are: an object could not be looked up."""
    return encode({"": id_})
