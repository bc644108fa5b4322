"""Bytes that no file stands for, yet or any more, listed so that they are removed for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from bson import ObjectId

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Conflict
from duetdb.app.service.media.store import Store

_SIGN_OF_LIFE: Final = 60
"""Seconds after which an upload says that it is still alive."""


async def transaction(engine: Engine, work: Callable[[Any], Awaitable[None]]) -> None:
    """Calls ``work`` with the session of a transaction; in memory, where none is, with None."""
    with translate_driver_errors():
        if engine.in_memory:
            await work(None)
        else:
            async with engine.client.start_session() as session:
                await session.with_transaction(work)


class Loose:
    """A document ``{_id, files, touched}`` of ``_media.uploads``: contents in the hands of one.

    ``sweep`` removes the contents of those that were not touched for long, so each content is
    listed before its first byte is written, and until its last one is removed.
    """

    def __init__(self, engine: Engine, id_: str) -> None:
        self._uploads = engine.database["_media.uploads"]
        self._mine = {"_id": id_, "given_up": None}
        self._touched = 0.0

    async def enter(self, contents: Sequence[ObjectId] = (), session: Any = None) -> None:
        """Lists contents under a new document."""
        entry = {"_id": self._mine["_id"], "files": list(contents), "touched": datetime.now(UTC)}
        with translate_driver_errors():
            await self._uploads.insert_one(entry, session=session)
        self._touched = asyncio.get_running_loop().time()

    async def add(self, content: ObjectId) -> None:
        """Lists one content more; raises ``Conflict`` when the sweep has taken the others."""
        await self._update({"$push": {"files": content}})

    async def touch(self) -> None:
        """Gives a sign of life when one is due; raises ``Conflict`` as ``add`` does."""
        now = asyncio.get_running_loop().time()
        if now - self._touched > _SIGN_OF_LIFE:
            await self._update({})
            self._touched = now

    async def settle(self, session: Any, instead: ObjectId | None = None) -> None:
        """Within a transaction: a file now stands for the contents, and for ``instead`` no more.

        Raises ``Conflict`` as ``add`` does.
        """
        if instead is None:
            done = await self._uploads.delete_one(self._mine, session=session)
            if not done.deleted_count:
                raise _given_up()
        else:
            await self._update({"$set": {"files": [instead]}}, session)

    async def remove(self, store: Store) -> None:
        """Removes the contents from the store, then the document."""
        with translate_driver_errors():
            found = await self._uploads.find_one({"_id": self._mine["_id"]})
            if found is not None:
                await store.remove(found["files"])
                await self._uploads.delete_one({"_id": self._mine["_id"]})

    async def _update(self, change: dict[str, Any], session: Any = None) -> None:
        set_ = {**change.get("$set", {}), "touched": datetime.now(UTC)}
        with translate_driver_errors():
            change = {**change, "$set": set_}
            done = await self._uploads.update_one(self._mine, change, session=session)
        if not done.matched_count:
            raise _given_up()


async def sweep(engine: Engine, store: Store, before: datetime) -> None:
    """Removes the contents of which there was no sign of life since ``before``.

    It is marked first that they are given up, so that from then on they cannot be settled.
    """
    uploads = engine.database["_media.uploads"]
    with translate_driver_errors():
        async for each in uploads.find({"touched": {"$lt": before}}):
            mine = {"_id": each["_id"], "touched": each["touched"]}
            marked = await uploads.update_one(mine, {"$set": {"given_up": True}})
            if marked.matched_count:
                await store.remove(each["files"])
                await uploads.delete_one({"_id": each["_id"]})


def _given_up() -> Conflict:
    return Conflict("The upload took so long that it was given up.", hint="Send it again.")
