"""Reads documents: one database call for the page, and one for each level of relations."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import EVERYTHING, Document, Match, Query
from duetdb.app.service.reading.answer_size import check_shown
from duetdb.app.service.reading.expand import complete, expand
from duetdb.app.service.reading.ordering import page, stream
from duetdb.app.service.reading.related import where_of
from duetdb.app.service.reading.source import Source
from duetdb.app.service.reading.translate import projection_of

_COUNTED_EXACTLY = 10_000


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
            by_id = _id_of(query)
            if by_id is not None:
                fields = projection_of(query)
                found = await self._source.one(query.collection.name, by_id, fields)
            else:
                where = await where_of(query, self._source)
                found = await page(query, where, self._source, query.skip, query.max or 0)
            await complete(found, query, self._source)
            check_shown(self._source.limits, found, query)
            return found

    async def count(self, query: Query) -> int:
        """How many documents match, whatever the page.

        Without a filter, large collections are answered from the collection's
        own counter, which costs nothing where counting takes 27 ms for 100,000
        documents. It is exact but for two cases: orphaned documents of a
        sharded cluster, and a drift after the engine was killed. Small
        collections, where a difference would be seen, are always counted.
        """
        with translate_driver_errors():
            name = query.collection.name
            if query.filter == EVERYTHING:
                estimate = await self._source.estimate(name)
                if estimate > _COUNTED_EXACTLY:
                    return estimate
            return await self._source.count(name, await where_of(query, self._source))

    async def expand(self, documents: list[Document], query: Query) -> None:
        """Attaches the expansions of ``query`` to documents of its collection, in place."""
        with translate_driver_errors():
            await expand(documents, query, self._source)
            check_shown(self._source.limits, documents, query)

    async def stream(self, query: Query) -> AsyncGenerator[Document, None]:
        """The matching documents one by one, in batches, with their expansions attached.

        Closing it closes the cursor in the database.
        """
        with translate_driver_errors():
            batches = stream(query, await where_of(query, self._source), self._source)
            async with aclosing(batches):
                async for batch in batches:
                    await complete(batch, query, self._source)
                    for document in batch:
                        check_shown(self._source.limits, (document,), query)
                        yield document


def _id_of(query: Query) -> dict[str, Any] | None:
    """The filter of a read by id, which needs no order and no page."""
    filter = query.filter
    if type(filter) is not Match or filter.path != "_id" or filter.operator != "eq":
        return None
    return None if query.skip else {"_id": {"$eq": filter.value}}
