"""One upload of several files: all of them are stored at its end, or none."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final
from uuid import uuid4

from bson import Binary, ObjectId

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Conflict, TooLarge
from duetdb.app.service.limits import Limits
from duetdb.app.service.media.kinds import clean_name, kind_of

CHUNK: Final = 255 * 1024
_SIGN_OF_LIFE: Final = 60
"""Seconds after which an upload says that it is still alive."""


class Upload:
    """Takes ``begin``, ``write`` and ``end`` for each file, then ``commit``.

    Chunks are written as they come, and no file document before the commit, so nobody sees
    half an upload. Leaving the block without a commit removes the chunks.
    """

    def __init__(self, engine: Engine, limits: Limits, creator: str) -> None:
        self.id = uuid4().hex
        self._engine = engine
        self._chunks = engine.database["_media.chunks"]
        self._uploads = engine.database["_media.uploads"]
        self.limits = limits
        self._creator = creator
        self._files: list[dict[str, Any]] = []
        self._buffer = bytearray()
        self._declared = ""
        self._total = 0
        self._count = 0
        self._touched = 0.0
        self._committed = False

    async def __aenter__(self) -> Upload:
        with translate_driver_errors():
            await self._uploads.insert_one(
                {"_id": self.id, "files": [], "touched": datetime.now(UTC)}
            )
        self._touched = asyncio.get_running_loop().time()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._committed:
            await asyncio.shield(self._undo())

    async def begin(self, name: str, declared: str) -> None:
        """Starts the next file; raises ``TooLarge`` when there are too many."""
        if len(self._files) >= self.limits.media_files:
            raise TooLarge(f"More than {self.limits.media_files:,} files in one upload.")
        origname = clean_name(name)
        about = {"origname": origname, "createdby": self._creator, "uploadid": self.id}
        file = {"_id": ObjectId(), "length": 0, "chunkSize": CHUNK, "metadata": about}
        file["filename"] = f"{uuid4().hex}{origname}"
        self._files.append(file)
        self._declared, self._count = declared, 0
        with translate_driver_errors():
            await self._uploads.update_one({"_id": self.id}, {"$push": {"files": file["_id"]}})

    async def write(self, data: bytes) -> None:
        """Adds bytes to the file; raises ``TooLarge``."""
        file, limits = self._files[-1], self.limits
        file["length"] += len(data)
        self._total += len(data)
        if file["length"] > limits.media_file_bytes:
            raise TooLarge(f"A file has more than {limits.media_file_bytes:,} bytes.")
        if self._total > limits.media_upload_bytes:
            raise TooLarge(f"The files have more than {limits.media_upload_bytes:,} bytes.")
        self._buffer += data
        while len(self._buffer) >= CHUNK:
            await self._flush(CHUNK)

    async def end(self) -> None:
        """Finishes the file."""
        if self._buffer or not self._count:
            await self._flush(len(self._buffer))
        self._files[-1]["uploadDate"] = datetime.now(UTC)

    async def commit(self) -> list[str]:
        """Stores all files at once, and answers their ids in the order in which they came."""
        with translate_driver_errors():
            if self._engine.in_memory:
                await self._store(None)
            else:
                async with self._engine.client.start_session() as session:
                    await session.with_transaction(self._store)
        self._committed = True
        return [str(each["_id"]) for each in self._files]

    async def _store(self, session: Any) -> None:
        inside = {} if session is None else {"session": session}
        gone = await self._uploads.delete_one({"_id": self.id}, **inside)
        if not gone.deleted_count:
            raise Conflict("The upload took so long that it was given up.", hint="Send it again.")
        await self._engine.database["_media.files"].insert_many(self._files, **inside)

    async def _flush(self, size: int) -> None:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        file = self._files[-1]
        if not self._count:
            kind = await asyncio.to_thread(kind_of, data, self._declared)
            file["metadata"] |= {
                "mediatype": kind.mediatype,
                "width": kind.width,
                "height": kind.height,
                "exif": dict(kind.exif),
            }
        chunk = {"files_id": file["_id"], "n": self._count, "data": Binary(data)}
        with translate_driver_errors():
            await self._chunks.insert_one(chunk)
            now = asyncio.get_running_loop().time()
            if now - self._touched > _SIGN_OF_LIFE:
                alive = {"$set": {"touched": datetime.now(UTC)}}
                await self._uploads.update_one({"_id": self.id}, alive)
                self._touched = now
        self._count += 1

    async def _undo(self) -> None:
        with translate_driver_errors():
            ids = [each["_id"] for each in self._files]
            await self._chunks.delete_many({"files_id": {"$in": ids}})
            await self._uploads.delete_one({"_id": self.id})
