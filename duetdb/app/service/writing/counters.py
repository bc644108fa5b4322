"""Auto-increment: one atomic counter per collection and field (SPEC 4.3).

A counter is a document of ``_counters`` that holds the last number given out.
Numbers are taken outside of transactions, so that writers do not wait for each
other; one that is not used in the end is lost, and none is given out twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, OperationFailure

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Invalid, ValidationFailed
from duetdb.schema_gen.fields.number import COUNTED_MAX

COUNTERS = "_counters"


class Counters:
    """Gives out numbers, starting at 1 or after the highest that the collection holds."""

    def __init__(self, engine: Engine) -> None:
        self._database = engine.database

    async def reserve(self, collection: str, path: str, count: int = 1) -> int:
        """Takes ``count`` consecutive numbers at once and returns the first.

        Raises ``ValidationFailed`` when the 64 bits are used up.
        """
        last = await self._take(collection, path, count)
        if last is None:
            await self.raise_to(collection, path, 0)
            last = await self._take(collection, path, count)
        assert last is not None, "the counter was made just now and is never deleted meanwhile"
        return last - count + 1

    async def raise_to(self, collection: str, path: str, value: int) -> None:
        """Makes sure that ``value``, which a client chose, is not given out later."""
        key = _key(collection, path)
        raised = await self._database[COUNTERS].update_one(key, {"$max": {"n": value}})
        if raised.matched_count:
            return
        highest = max(value, await self._highest(collection, path))
        try:
            await self._database[COUNTERS].update_one(key, {"$max": {"n": highest}}, upsert=True)
        except DuplicateKeyError:  # another writer made it between the two
            await self._database[COUNTERS].update_one(key, {"$max": {"n": highest}})

    async def catch_up(self, collection: str, path: str) -> None:
        """Raises the counter to what documents written beside us already hold."""
        await self.raise_to(collection, path, await self._highest(collection, path))

    async def assign(self, collection: str, path: str, documents: Iterable[dict[str, Any]]) -> None:
        """Numbers the documents that have no value at ``path``, in order, as one block.

        Values that clients chose are kept, and the counter is raised to them first,
        but never beyond ``COUNTED_MAX``.
        """
        *inside, name = path.split(".")
        holders = [holder for each in documents if (holder := _inside(each, inside)) is not None]
        given = [holder[name] for holder in holders if type(holder.get(name)) is int]
        countable = [each for each in given if each <= COUNTED_MAX]
        if countable:
            await self.raise_to(collection, path, max(countable))
        without = [holder for holder in holders if holder.get(name) is None]
        if without:
            first = await self.reserve(collection, path, len(without))
            for position, holder in enumerate(without):
                holder[name] = first + position

    async def _take(self, collection: str, path: str, count: int) -> int | None:
        try:
            counter = await self._database[COUNTERS].find_one_and_update(
                _key(collection, path),
                {"$inc": {"n": count}},
                return_document=ReturnDocument.AFTER,
            )
        except OperationFailure as error:
            if error.code != 2:  # BadValue: the sum is beyond 64 bits
                raise
            raise ValidationFailed(
                [Invalid(path, "The numbers of this counter are used up.", "TYPE")]
            ) from None
        return None if counter is None else int(counter["n"])

    async def _highest(self, collection: str, path: str) -> int:
        found = await self._database[collection].find_one(
            {path: {"$type": ["int", "long"], "$lte": COUNTED_MAX}}, {path: 1}, sort=[(path, -1)]
        )
        *inside, name = path.split(".")
        value = (_inside(found, inside) or {}).get(name)
        return value if isinstance(value, int) else 0


def _inside(document: Any, names: Sequence[str]) -> dict[str, Any] | None:
    """The object under a path, None where there is none."""
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else None


def _key(collection: str, path: str) -> dict[str, Any]:
    return {"_id": {"collection": collection, "field": path}}
