"""Bytes in the database itself, in chunks as GridFS has them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

from bson import Binary, ObjectId

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import NotFound
from duetdb.app.service.media.store import File, content_of

CHUNK: Final = 255 * 1024
"""Bytes of a chunk; the GridFS default."""


class GridFS:
    """The chunks of ``_media.chunks``."""

    def __init__(self, engine: Engine) -> None:
        self._chunks = engine.database["_media.chunks"]

    async def start(self) -> None:
        with translate_driver_errors():
            await self._chunks.create_index([("files_id", 1), ("n", 1)], unique=True)

    async def stop(self) -> None:
        """The connection is the engine's."""

    def writer(self, content: ObjectId) -> ChunkWriter:
        return ChunkWriter(self._chunks, content)

    async def read(self, file: File, start: int, end: int) -> AsyncIterator[bytes]:
        size = file["chunkSize"]
        first, last = start // size, (end - 1) // size
        asked = {"files_id": content_of(file), "n": {"$gte": first, "$lte": last}}
        expected = first
        with translate_driver_errors():
            async for each in self._chunks.find(asked, batch_size=4).sort("n", 1):
                if each["n"] != expected:
                    break
                expected += 1
                offset = each["n"] * size
                yield bytes(each["data"])[max(0, start - offset) : end - offset]
        if expected <= last:
            raise NotFound("The file was deleted while it was read.")

    async def remove(self, contents: Iterable[ObjectId]) -> None:
        with translate_driver_errors():
            await self._chunks.delete_many({"files_id": {"$in": list(contents)}})


class ChunkWriter:
    """Inserts a chunk as soon as it is full."""

    def __init__(self, chunks: Any, content: ObjectId) -> None:
        self._chunks = chunks
        self._content = content
        self._buffer = bytearray()
        self._count = 0

    async def write(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= CHUNK:
            await self._flush()

    async def finish(self) -> None:
        if self._buffer:
            await self._flush()

    async def abort(self) -> None:
        self._buffer.clear()

    async def _flush(self) -> None:
        data = Binary(bytes(self._buffer[:CHUNK]))
        del self._buffer[:CHUNK]
        with translate_driver_errors():
            await self._chunks.insert_one(
                {"files_id": self._content, "n": self._count, "data": data}
            )
        self._count += 1
