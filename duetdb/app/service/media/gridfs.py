"""Bytes in the database itself, in chunks as GridFS has them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from bson import Binary, ObjectId

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import NotFound
from duetdb.app.service.media.store import File, content_of, store_name_of


class GridFS:
    """The chunks of ``_media.chunks``."""

    name = "gridfs"
    chunk = 255 * 1024  # what GridFS has by default

    def __init__(self, engine: Engine) -> None:
        self._chunks = engine.database["_media.chunks"]

    async def start(self) -> None:
        with translate_driver_errors():
            await self._chunks.create_index([("files_id", 1), ("n", 1)], unique=True)

    async def stop(self) -> None:
        """The connection is the engine's."""

    async def put(self, content: ObjectId, number: int, data: bytes) -> None:
        with translate_driver_errors():
            await self._chunks.insert_one({"files_id": content, "n": number, "data": Binary(data)})

    def holds(self, file: File) -> bool:
        return store_name_of(file) == self.name

    async def read(self, file: File, start: int, end: int) -> AsyncIterator[bytes]:
        size = file["chunkSize"]
        first, last = start // size, (end - 1) // size
        asked = {"files_id": content_of(file), "n": {"$gte": first, "$lte": last}}
        expected = first
        with translate_driver_errors():
            # Each client that reads slowly holds a batch; more in one come no faster.
            async for each in self._chunks.find(asked, batch_size=2).sort("n", 1):
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
