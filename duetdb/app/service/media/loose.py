"""Bytes that no file stands for, yet or any more, listed so that they are removed for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import structlog
from bson import ObjectId

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Conflict, DuetError
from duetdb.app.service.media.metadata import FILES, SIZES
from duetdb.app.service.media.store import Store

_log = structlog.get_logger(__name__)

ABANDONED: Final = timedelta(minutes=10)
"""After so long without a sign of life an upload is given up, and what it wrote is removed."""
_SIGN_OF_LIFE: Final = 60.0
"""Seconds after which an upload says that it is still alive."""


class Loose:
    """A document ``{_id, files, touched}`` of ``_media.uploads``: contents in the hands of one.

    ``sweep`` removes the contents of those that were not touched for long, so each content is
    listed before its first byte is written, and until its last one is removed. With a content go
    the sizes that were made of it.
    """

    def __init__(self, engine: Engine, store: Store) -> None:
        self.id = uuid4().hex
        self._engine = engine
        self._store = store
        # The database's clock is the same for all workers; memory has none, and one worker.
        self._now: dict[str, Any] = {"$currentDate": {"touched": True}}
        if engine.in_memory:
            self._now = {"$set": {"touched": datetime.now(UTC)}}
        self._files = engine.database[FILES]
        self._uploads = engine.database["_media.uploads"]
        self._mine = {"_id": self.id, "given_up": None}
        self._contents: list[ObjectId] = []
        self._touched = 0.0

    async def enter(self, contents: Iterable[ObjectId] = (), session: Any = None) -> None:
        """Lists contents under a new document, within a transaction if there is a session."""
        self._contents = list(contents)
        new = {"$push": {"files": {"$each": self._contents}}, **self._now}
        with translate_driver_errors():
            await self._uploads.update_one({"_id": self.id}, new, upsert=True, session=session)
        self._touched = asyncio.get_running_loop().time()

    async def add(self, content: ObjectId) -> None:
        """Lists one content more; raises ``Conflict`` when the sweep has taken the others."""
        await self._update({"$push": {"files": content}})
        self._contents.append(content)

    async def touch(self) -> None:
        """Gives a sign of life when one is due; raises ``Conflict`` as ``add`` does."""
        now = asyncio.get_running_loop().time()
        if now - self._touched > _SIGN_OF_LIFE:
            await self._update({})
            self._touched = now

    async def settle(self, session: Any) -> None:
        """Within a transaction: from its commit on, files stand for the contents.

        Raises ``Conflict`` as ``add`` does.
        """
        with translate_driver_errors():
            done = await self._uploads.delete_one(self._mine, session=session)
        if not done.deleted_count:
            raise _given_up()

    async def remove(self) -> None:
        """Removes the contents, and never raises: what fails now, the sweep does later.

        A commit that was answered by a lost connection may have been carried out: the contents
        that files stand for are let be.
        """
        try:
            with translate_driver_errors():
                done = await self._uploads.update_one(self._mine, {"$set": {"given_up": True}})
                mine = self._contents
                if not done.matched_count:
                    mine = await self._without_files()
                await _remove(self._engine, self._store, mine)
                await self._uploads.delete_one({"_id": self.id})
        except DuetError as error:
            _log.warning("media_not_removed", upload=self.id, reason=str(error))

    async def _without_files(self) -> list[ObjectId]:
        found: set[ObjectId] = set()
        for path in ("_id", "metadata.content"):
            found |= set(await self._files.distinct(path, {path: {"$in": self._contents}}))
        return [each for each in self._contents if each not in found]

    async def _update(self, change: dict[str, Any]) -> None:
        with translate_driver_errors():
            done = await self._uploads.update_one(self._mine, {**change, **self._now})
        if not done.matched_count:
            raise _given_up()


async def sweep(engine: Engine, store: Store, age: timedelta) -> None:
    """Removes the contents of which there was no sign of life for ``age``.

    It is marked first that they are given up, so that from then on they cannot be settled.
    """
    if engine.in_memory:
        return  # nothing there outlives its worker
    uploads = engine.database["_media.uploads"]
    last = {"$subtract": ["$$NOW", age // timedelta(milliseconds=1)]}
    with translate_driver_errors():
        async for each in uploads.find({"$expr": {"$lt": ["$touched", last]}}):
            mine = {"_id": each["_id"], "touched": each["touched"]}
            marked = await uploads.update_one(mine, {"$set": {"given_up": True}})
            if marked.matched_count:
                await _remove(engine, store, each["files"])
                await uploads.delete_one({"_id": each["_id"]})
                _log.info("media_swept", upload=each["_id"], files=len(each["files"]))


async def _remove(engine: Engine, store: Store, contents: list[ObjectId]) -> None:
    await engine.database[SIZES].delete_many({"content": {"$in": contents}})
    await store.remove(contents)


def _given_up() -> Conflict:
    return Conflict("The upload took so long that it was given up.", hint="Send it again.")
