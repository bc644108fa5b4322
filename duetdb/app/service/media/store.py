"""Where the bytes of files are; what a file is and whether there is one, its document says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Protocol

from bson import ObjectId

File = Mapping[str, Any]
"""A document of ``_media.files``."""


def content_of(file: File) -> ObjectId:
    """The id under which a store has the bytes of a file: its own, until it was replaced."""
    about: Mapping[str, Any] = file.get("metadata") or {}
    found: ObjectId = about.get("content", file["_id"])
    return found


class Writer(Protocol):
    """Takes the bytes of one content, piece by piece, and keeps few of them in memory.

    Each method raises ``Unavailable`` when the store cannot be reached.
    """

    async def write(self, data: bytes) -> None:
        """Adds bytes."""

    async def finish(self) -> None:
        """Returns when every byte is stored."""

    async def abort(self) -> None:
        """Gives up what is under way; what is stored, ``Store.remove`` removes."""


class Store(Protocol):
    """Bytes by content id. It knows nothing of files, so all that it is told is already decided."""

    async def start(self) -> None:
        """Makes ready what the store needs; raises ``Unavailable``."""

    async def stop(self) -> None:
        """Closes its connections."""

    def writer(self, content: ObjectId) -> Writer:
        """A writer for a content that is not there yet."""

    def read(self, file: File, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from ``start`` to before ``end``, in pieces, few of them in memory.

        Raises ``Unavailable``, and ``NotFound`` when the bytes are gone or end too early.
        """

    async def remove(self, contents: Iterable[ObjectId]) -> None:
        """Removes whatever there is of these contents, half written ones included."""
