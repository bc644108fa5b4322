"""One upload of several files: all of them are stored at its end, or none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any
from uuid import uuid4

from bson import ObjectId

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import BadRequest, TooLarge
from duetdb.app.service.limits import Limits
from duetdb.app.service.media.beginning import Beginning
from duetdb.app.service.media.changes import as_known, refuse_changed
from duetdb.app.service.media.kinds import clean_name
from duetdb.app.service.media.loose import Loose
from duetdb.app.service.media.metadata import FILES
from duetdb.app.service.media.store import File, Store, Writer, check_holds, content_of, notes_of
from duetdb.app.service.media.turns import Turns


class Upload:
    """Takes ``begin``, ``write`` and ``end`` for each file, then ``commit`` or ``replace``.

    Bytes are stored as they come, and no file document before the commit, so nobody sees
    half an upload. Leaving the block without a commit removes the bytes.
    """

    def __init__(
        self,
        engine: Engine,
        limits: Limits,
        store: Store,
        creator: str,
        turns: Turns,
    ) -> None:
        self.limits = limits
        self._engine = engine
        self._store = store
        self._creator = creator
        self._turns = turns
        self._documents = engine.database[FILES]
        self._loose = Loose(engine, store)
        self._files: list[dict[str, Any]] = []
        self._writer: Writer | None = None
        self._beginning = Beginning("")
        self._total = 0
        self._committed = False

    @property
    def id(self) -> str:
        """32 hexadecimal digits."""
        return self._loose.id

    async def __aenter__(self) -> Upload:
        self._turns.enter()
        try:
            async with self._turns.turn:
                await self._loose.enter()
        except BaseException:
            self._turns.leave()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if not self._committed:
                await asyncio.shield(self._undo())
        finally:
            self._turns.leave()

    async def begin(self, name: str, declared: str) -> None:
        """Starts the next file; raises ``TooLarge`` when there are too many."""
        if len(self._files) >= self.limits.media_files:
            raise TooLarge(f"More than {self.limits.media_files:,} files in one upload.")
        origname = clean_name(name)
        about = {"origname": origname, "createdby": self._creator, "uploadid": self.id}
        about["store"] = self._store.name
        file = {"_id": ObjectId(), "length": 0, "chunkSize": self._store.chunk, "metadata": about}
        file["filename"] = f"{uuid4().hex}{origname}"
        async with self._turns.turn:
            await self._loose.add(content_of(file))
        self._files.append(file)
        self._beginning = Beginning(declared)
        self._writer = Writer(self._store, content_of(file), self._turns.turn)

    async def write(self, data: bytes) -> None:
        """Adds bytes to the file; raises ``TooLarge``."""
        assert self._writer is not None, "begin comes first"
        file, limits = self._files[-1], self.limits
        file["length"] += len(data)
        self._total += len(data)
        if file["length"] > limits.media_file_bytes:
            raise TooLarge(f"A file has more than {limits.media_file_bytes:,} bytes.")
        if self._total > limits.media_upload_bytes:
            raise TooLarge(f"The files have more than {limits.media_upload_bytes:,} bytes.")
        await self._beginning.write(data)
        await self._writer.write(data)
        await self._loose.touch()

    async def end(self) -> None:
        """Finishes the file."""
        assert self._writer is not None, "begin comes first"
        await self._writer.finish()
        kind = await self._beginning.kind()
        self._files[-1]["metadata"] |= {
            "mediatype": kind.mediatype,
            "width": kind.width,
            "height": kind.height,
            "exif": dict(kind.exif),
        }

    async def commit(self) -> list[str]:
        """Stores all files at once, and answers their ids in the order in which they came."""
        for each in self._files:
            each["uploadDate"] = datetime.now(UTC)

        async def store(session: Any) -> None:
            await self._loose.settle(session)
            await self._documents.insert_many(self._files, session=session)

        await self._stored(store)
        return [str(each["_id"]) for each in self._files]

    async def replace(self, old: File) -> str:
        """Gives the file ``old`` the bytes of the only file of this upload, and answers its id.

        Its id, its names and who created it stay; its sizes go. Raises ``NotFound`` when it
        was deleted, and ``Conflict`` when it was replaced meanwhile.
        """
        if len(self._files) != 1:
            raise BadRequest("One file can be replaced by one file only.")
        check_holds(self._store, old)
        [new] = self._files
        known = {"origname": old.get("filename"), **notes_of(old)}  # others note no name
        kept = {key: known[key] for key in ("origname", "createdby") if key in known}
        changed = {
            "length": new["length"],
            "chunkSize": new["chunkSize"],
            "uploadDate": datetime.now(UTC),
            "metadata": {**new["metadata"], **kept, "content": content_of(new)},
        }
        replaced = Loose(self._engine, self._store)

        async def store(session: Any) -> None:
            await self._loose.settle(session)
            await replaced.enter([content_of(old)], session)
            same, change = as_known(old), {"$set": changed}
            done = await self._documents.update_one(same, change, session=session)
            if not done.matched_count:
                await refuse_changed(self._documents, old, session)

        await self._stored(store)
        await replaced.remove()
        return str(old["_id"])

    async def _stored(self, work: Callable[[Any], Awaitable[None]]) -> None:
        """The upload is there when this returns, and is not to be removed any more."""
        async with self._turns.turn:
            with translate_driver_errors():
                await self._engine.transaction(work)
        self._committed = True

    async def _undo(self) -> None:
        if self._writer is not None:
            await self._writer.settled()
        await self._loose.remove()
