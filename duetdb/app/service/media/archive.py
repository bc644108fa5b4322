"""The files of the archive: found, listed and deleted here, written by ``upload``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Any, Final

from bson import ObjectId

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.limits import Limits
from duetdb.app.service.media.changes import as_known, no_such_file, refuse_changed
from duetdb.app.service.media.loose import Loose
from duetdb.app.service.media.metadata import FILES, SIZES, metadata_of
from duetdb.app.service.media.store import File, Store, check_holds, content_of, is_whole
from duetdb.app.service.media.sweeper import Sweeper
from duetdb.app.service.media.turns import Turns
from duetdb.app.service.media.upload import Upload
from duetdb.app.service.principal import Principal

_LEAVING_SECONDS: Final = 3.0
_NEWEST: Final = (("uploadDate", -1), ("_id", -1))
"""The order in which the newest file comes first."""


class Archive:
    """The files of a database: their documents in ``_media.files``, their bytes in ``store``.

    The documents are those of GridFS. What ``_media.uploads`` lists are bytes that no file
    stands for, yet or any more; see ``loose``.
    """

    def __init__(self, engine: Engine, limits: Limits, store: Store) -> None:
        self._engine = engine
        self._store = store
        self._sweeper = Sweeper(engine, store)
        self._turns = Turns(limits)
        self._files = engine.database[FILES]
        self._sizes = engine.database[SIZES]
        self.limits = limits

    async def start(self) -> None:
        """Builds the indexes, and begins to remove what dead workers left of their uploads."""
        await self._store.start()
        with translate_driver_errors():
            await self._files.create_index([*_NEWEST])
            await self._files.create_index([("metadata.origname", 1), *_NEWEST])
            await self._files.create_index([("filename", 1), *_NEWEST])
            await self._sizes.create_index([("content", 1)])
        self._sweeper.start()

    async def stop(self) -> None:
        """Uploads that the server has given up remove their bytes first."""
        await self._sweeper.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LEAVING_SECONDS):
                await self._turns.all_left()
        await self._store.stop()

    def upload(self, principal: Principal) -> Upload:
        """A new upload, to be entered with ``async with``."""
        return Upload(self._engine, self.limits, self._store, principal.name, self._turns)

    async def find(self, name: str) -> dict[str, Any]:
        """The file document by id or name, the newest of that name; raises ``NotFound``."""
        with translate_driver_errors():
            found = None
            if ObjectId.is_valid(name):
                found = await self._files.find_one({"_id": ObjectId(name)})
            if found is None:
                asked = {"$or": [{"metadata.origname": name}, {"filename": name}]}
                found = await self._files.find_one(asked, sort=[*_NEWEST])
        if found is None:
            raise no_such_file()
        return dict(found)

    async def find_whole(self, name: str) -> dict[str, Any]:
        """As ``find``, for who goes on to its bytes: what is no whole file is not found either."""
        file = await self.find(name)
        if not is_whole(file):
            raise no_such_file()
        return file

    async def described(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The metadata of those of these ids that are whole files, by id; one query."""
        with translate_driver_errors():
            found = await self._files.find({"_id": {"$in": _object_ids(ids)}}).to_list(None)
        return {str(each["_id"]): self.metadata(each) for each in found if is_whole(each)}

    def content(self, file: File, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from ``start`` to before ``end``, few of them in memory at a time.

        Raises ``NotFound`` when the file is deleted meanwhile, and ``Unavailable``.
        """
        return self._store.read(file, start, end)

    async def delete(self, file: File) -> str:
        """Removes a file and answers its id.

        Raises ``NotFound`` when it was deleted, ``Conflict`` when it was replaced meanwhile, and
        ``Unavailable``.
        """
        check_holds(self._store, file)
        loose = Loose(self._engine, self._store)

        async def remove(session: Any) -> None:
            gone = await self._files.delete_one(as_known(file), session=session)
            if not gone.deleted_count:
                await refuse_changed(self._files, file, session)
            await loose.enter([content_of(file)], session)

        with translate_driver_errors():
            await self._engine.transaction(remove)
        await loose.remove()
        return str(file["_id"])

    async def kept_size(self, key: str) -> dict[str, Any] | None:
        """A size that was made before."""
        with translate_driver_errors():
            found = await self._sizes.find_one({"_id": key})
        return None if found is None else dict(found)

    async def keep_size(self, file: File, key: str, size: dict[str, Any]) -> None:
        """Keeps a size, unless its file was deleted or replaced while it was made.

        It is looked for the file afterwards: either it is gone, or whoever removes it removes
        its content later, and the sizes with it.
        """
        with translate_driver_errors():
            size = {**size, "content": content_of(file)}
            await self._sizes.replace_one({"_id": key}, size, upsert=True)
            if await self._files.find_one(as_known(file), {"_id": 1}) is None:
                await self._sizes.delete_one({"_id": key})

    async def list(self, skip: int, most: int) -> list[dict[str, Any]]:
        """The metadata of a page of files, the newest first."""
        with translate_driver_errors():
            cursor = self._files.find().sort([*_NEWEST]).skip(skip).limit(most)
            return [self.metadata(each) for each in await cursor.to_list(None)]

    async def count(self) -> int:
        """How many files there are."""
        with translate_driver_errors():
            return int(await self._files.count_documents({}))

    def metadata(self, file: dict[str, Any]) -> dict[str, Any]:
        """What ``meta`` answers (SPEC 11.3)."""
        return metadata_of(file, self._engine.database.name)


def _object_ids(ids: Iterable[str]) -> list[ObjectId]:
    return [ObjectId(each) for each in ids if ObjectId.is_valid(each)]
