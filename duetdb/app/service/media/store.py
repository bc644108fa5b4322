"""Where the bytes of files are; what a file is and whether there is one, its document says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from bson import ObjectId

from duetdb.app.service.errors import Unavailable

File = Mapping[str, Any]
"""A document of ``_media.files``."""


def notes_of(file: File) -> Mapping[str, Any]:
    """What is noted of a file; of one that another GridFS client stored it may be of any type."""
    found = file.get("metadata")
    return found if isinstance(found, Mapping) else {}


def is_whole(file: File) -> bool:
    """Whether there is what the GridFS specification wants of each file, by which it is read."""
    return (
        isinstance(file.get("length"), int)
        and isinstance(file.get("chunkSize"), int)
        and file["chunkSize"] > 0
        and isinstance(file.get("uploadDate"), datetime)
    )


def content_of(file: File) -> ObjectId:
    """The id under which a store has the bytes of a file: its own, until it was replaced."""
    found: ObjectId = notes_of(file).get("content", file["_id"])
    return found


def store_name_of(file: File) -> str:
    """The name of the store of a file; other GridFS clients say nothing of it."""
    found: str = notes_of(file).get("store", "gridfs")
    return found


class Store(Protocol):
    """Bytes by content id, cut in chunks that are stored one by one, each whole or not at all.

    It knows nothing of files, so all that it is told is already decided. Each method raises
    ``Unavailable`` when the store cannot be reached.
    """

    name: str
    """What file documents say of where their bytes are."""
    chunk: int
    """Bytes of each chunk of a content but the last."""

    async def start(self) -> None:
        """Makes ready what the store needs."""

    async def stop(self) -> None:
        """Closes its connections."""

    async def put(self, content: ObjectId, number: int, data: bytes) -> None:
        """Stores the chunk ``number``, counted from 0; returns when it is safe."""

    def holds(self, file: File) -> bool:
        """Whether it is here that the bytes of a file are, by what its document says."""

    def read(self, file: File, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from ``start`` to before ``end``, few of them in memory at a time.

        Raises ``NotFound`` when the bytes are gone or end too early.
        """

    async def remove(self, contents: Iterable[ObjectId]) -> None:
        """Removes whatever there is of these contents."""


def check_holds(store: Store, file: File) -> None:
    """Raises ``Unavailable`` for a file whose bytes are in a store that is not set up."""
    if not store.holds(file):
        raise Unavailable(
            "The file is in a store that this server is not set up for.",
            hint="The operator must name that store's bucket in the settings again.",
            retry_after=60,
        )


class Writer:
    """Takes the bytes of one content, piece by piece, and has one chunk of them in memory.

    ``places`` bounds how many chunks are stored at a time: whoever waits does not read on, so
    its sender waits as well.
    """

    def __init__(self, store: Store, content: ObjectId, places: asyncio.Semaphore) -> None:
        self._store = store
        self._content = content
        self._places = places
        self._buffer = bytearray()
        self._count = 0
        self._putting: asyncio.Future[None] | None = None

    async def write(self, data: bytes) -> None:
        """Adds bytes; raises ``Unavailable``."""
        self._buffer += data
        while len(self._buffer) >= self._store.chunk:
            await self._put()

    async def finish(self) -> None:
        """Returns when every byte is stored; raises ``Unavailable``."""
        if self._buffer:
            await self._put()

    async def settled(self) -> None:
        """Returns when no chunk is under way any more, so that none comes after a removal."""
        if self._putting is not None:
            await asyncio.wait([self._putting])
        self._buffer.clear()

    async def _put(self) -> None:
        size = self._store.chunk
        async with self._places:
            data = bytes(self._buffer[:size])
            del self._buffer[:size]
            putting = self._store.put(self._content, self._count, data)
            self._putting = asyncio.ensure_future(putting)
            await asyncio.shield(self._putting)
        self._count += 1
