"""Reads documents: one database call for the page, and one for each level of relations."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import EVERYTHING, Document, Match, Query
from duetdb.app.service.reading.answer_size import check_shown
from duetdb.app.service.reading.expand import attach, complete
from duetdb.app.service.reading.ordering import page, stream
from duetdb.app.service.reading.projections import projection_of
from duetdb.app.service.reading.related import settled
from duetdb.app.service.reading.selecting import select
from duetdb.app.service.reading.source import Source

_COUNTED_EXACTLY = 10_000
_COUNT = {"$group": {"_id": None, "n": {"$sum": 1}}}


class Reader:
    """Executes queries as they are; who may ask them was decided before.

    All methods raise ``BadQuery`` and ``LimitExceeded`` for queries that the
    database refuses or that take too long, and ``Unavailable`` without it.
    """

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self._source = Source(engine, limits)

    async def find(self, query: Query) -> list[Document]:
        """The documents of one page, with their expansions attached.

        Related documents may be shared between those that they are attached to.
        """
        with translate_driver_errors():
            query = await settled(query, self._source)
            if _is_by_id(query):
                where, fields = select(query).where, projection_of(query)
                found = await self._source.one(query.collection.name, where, fields)
            else:
                found = await page(query, select(query), self._source, query.skip, query.max or 0)
            await complete(found, query, self._source)
            check_shown(self._source.limits, found, query)
            return found

    async def count(self, query: Query) -> int:
        """How many documents match, whatever the page.

        Without any filter, large collections are answered from the collection's
        own counter, which costs nothing where counting takes 27 ms for 100,000
        documents. It is exact but for two cases: orphaned documents of a
        sharded cluster, and a drift after the engine was killed. Small
        collections, where a difference would be seen, are always counted.
        """
        with translate_driver_errors():
            name = query.collection.name
            if query.filter == query.guard == EVERYTHING:
                estimate = await self._source.estimate(name)
                if estimate > _COUNTED_EXACTLY:
                    return estimate
            selection = select(replace(await settled(query, self._source), order=()))
            if not selection.behind:
                return await self._source.count(name, selection.where)
            counted = await self._source.aggregate(name, [*selection.stages, _COUNT], 1)
            return int(counted[0]["n"]) if counted else 0

    async def expand(self, documents: list[Document], query: Query) -> None:
        """Attaches what ``query`` asks for besides to documents of its collection, in place."""
        with translate_driver_errors():
            await attach(documents, query, self._source)
            check_shown(self._source.limits, documents, query)

    async def stream(self, query: Query) -> AsyncGenerator[Document, None]:
        """The matching documents one by one, in batches, with their expansions attached.

        Closing it closes the cursor in the database.
        """
        with translate_driver_errors():
            query = await settled(query, self._source)
            batches = stream(query, select(query), self._source)
            async with aclosing(batches):
                async for batch in batches:
                    await complete(batch, query, self._source)
                    for document in batch:
                        check_shown(self._source.limits, (document,), query)
                        yield document


def _is_by_id(query: Query) -> bool:
    """Whether it is a read by id, which needs no order and no page."""
    filter = query.filter
    if type(filter) is not Match or filter.path != "_id" or filter.operator != "eq":
        return False
    return not query.skip and not query.order
