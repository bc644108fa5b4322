"""Deleting documents by id, or all that match a filter."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import LimitExceeded, VersionMismatch
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import Delete, Document
from duetdb.app.service.reading.guarding import both
from duetdb.app.service.system_fields import unchanged, version_of
from duetdb.app.service.writing.links import child_condition
from duetdb.app.service.writing.together import BATCH, Outrun, together
from duetdb.schema_gen.model import EMPTY
from duetdb.schema_gen.values import parse_id


class Deletion:
    """One ``Delete``; what does not match ``guard`` is not there."""

    def __init__(
        self, engine: Engine, limits: Limits, delete: Delete, guard: Mapping[str, Any] = EMPTY
    ) -> None:
        self._engine = engine
        self._limits = limits
        self._delete = delete
        self._target = engine.database[delete.collection.name]
        self._within = both(child_condition(delete.parent), guard)

    async def by_ids(self) -> list[Document]:
        """The deleted documents as they were, in the order of the ids; unknown ids are left out."""
        given = self._delete.ids or ()
        if len(given) > self._limits.bulk_documents:
            raise LimitExceeded(
                f"One request deletes at most {self._limits.bulk_documents:,} ids.",
                hint="Send the ids in several requests.",
            )
        parsed = (parse_id(self._delete.collection, each) for each in given)
        ids = list(dict.fromkeys(each for each in parsed if each is not None))
        if len(ids) == 1:
            return await self._one(ids[0])
        if not ids:
            return []
        return await self._engine.transaction(partial(self._several, ids))

    async def matching(self, condition: Mapping[str, Any], deleted: list[Any]) -> None:
        """Deletes in batches what matches when its turn comes, and adds the ids to ``deleted``.

        The list is the caller's, who then knows what is gone if a later batch fails.
        """
        where = both(condition, self._within)
        cursor = self._target.find(
            where, {"_id": 1}, batch_size=BATCH, max_time_ms=self._limits.stream_ms
        )
        async with cursor:
            while batch := await cursor.to_list(BATCH):
                await self._batch([each["_id"] for each in batch], where, deleted)

    async def _one(self, id_: Any) -> list[Document]:
        where = both({"_id": id_}, self._within)
        wanted = self._delete.if_version
        if wanted is None:
            found = await self._target.find_one_and_delete(where)
            return [] if found is None else [found]
        current = await self._target.find_one(where, {"_version": 1})
        if current is None:
            return []
        if wanted == version_of(current):
            found = await self._target.find_one_and_delete(both(where, unchanged(current)))
            if found is not None:
                return [found]
        raise VersionMismatch(
            f"The document is not at version {wanted}.",
            hint="Read it again and decide whether it should still be deleted.",
        )

    async def _several(self, ids: list[Any], session: AsyncClientSession | None) -> list[Document]:
        """Reads and deletes in one transaction, so that nobody deletes in between."""
        where = both({"_id": {"$in": ids}}, self._within)
        found = {
            document["_id"]: document
            async for document in self._target.find(where, batch_size=BATCH, session=session)
        }
        await self._target.delete_many({"_id": {"$in": list(found)}}, session=session)
        return [found[id_] for id_ in ids if id_ in found]

    async def _batch(self, ids: list[Any], where: Mapping[str, Any], deleted: list[Any]) -> None:
        """Deletes those that match still, and adds them to ``deleted``; nobody else has them."""

        async def delete(which: Mapping[str, Any], session: AsyncClientSession | None) -> None:
            await self._target.delete_many(which, session=session)

        try:
            deleted += await together(self._engine, self._target.name, ids, where, delete)
        except Outrun:
            for id_ in ids:
                one = {"$and": [{"_id": id_}, where]}
                if await self._target.find_one_and_delete(one, {"_id": 1}) is not None:
                    deleted.append(id_)
