"""Which documents a caller may write, held against those that it is about to store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from bson import encode

from duetdb.app.service.query import EVERYTHING, Document, Filter
from duetdb.app.service.reading.related import resolved
from duetdb.app.service.reading.source import Source
from duetdb.app.service.reading.translate import nothing, to_mongo
from duetdb.app.service.writing.remit import not_within_rights
from duetdb.app.service.writing.write_errors import REFUSED, refusal
from duetdb.schema_gen.model import Collection

_BATCH_BYTES: Final = 8_000_000
"""Documents are sent in commands of about this size; one that is larger goes alone."""


class Guard:
    """A guard in MongoDB's words: ``where`` is {} where every document may be written."""

    def __init__(self, where: Mapping[str, Any], collection: str, source: Source) -> None:
        self.where = where
        self._roots = frozenset(_roots(where))
        self._collection = collection
        self._source = source

    def is_about(self, names: Iterable[str]) -> bool:
        """Whether a change of these top-level fields may make a difference to it."""
        return bool(self._roots) and not self._roots.isdisjoint(names)

    async def check(self, documents: Sequence[Document]) -> None:
        """Raises ``Forbidden`` unless all of them match as they are to be stored.

        The database itself is asked, so that nothing else has to know what a filter
        means; in memory it cannot be, which is ``NotAvailable``.
        """
        if not self.where:
            return
        self._source.refuse_in_memory("A write that a filter of the caller's rights decides on")
        for batch in _batches(documents):
            try:
                matching = await self._matching(batch)
            except REFUSED as error:
                raise refusal(error) or error from None
            if matching < len(batch):
                raise not_within_rights()
            await asyncio.sleep(0)

    async def _matching(self, documents: list[Document]) -> int:
        """How many match; asked of the collection, whose collation may be one of its own."""
        pipeline = [
            {"$match": nothing()},
            {"$unionWith": {"pipeline": [{"$documents": {"$literal": documents}}]}},
            {"$match": self.where},
            {"$count": "n"},
        ]
        target = self._source.collection(self._collection)
        cursor = await target.aggregate(pipeline, maxTimeMS=self._source.limits.query_ms)
        found = await cursor.to_list(1)
        return int(found[0]["n"]) if found else 0


async def guard_of(guard: Filter, collection: Collection, source: Source) -> Guard:
    """The guard of a write; what related documents decide on is looked up now."""
    return Guard(await condition_of(guard, collection, source), collection.name, source)


async def condition_of(guard: Filter, collection: Collection, source: Source) -> dict[str, Any]:
    """A guard as a condition on what is stored, {} for one that every document matches."""
    if guard == EVERYTHING:
        return {}
    return to_mongo(await resolved(guard, source), collection.whole)


def _roots(where: Mapping[str, Any]) -> Iterator[str]:
    """The top-level fields that a condition asks by."""
    for name, value in where.items():
        if name[:1] == "$":
            for each in value:
                yield from _roots(each)
        else:
            yield name.partition(".")[0]


def _batches(documents: Sequence[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    size = 0
    for each in documents:
        length = len(encode(each))
        if batch and size + length > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += length
    if batch:
        yield batch
