"""The beginning of a file as it arrives, kept until the kind of the file is known by it."""

from __future__ import annotations

import asyncio
from typing import Final

from duetdb.app.service.media.kinds import Kind, kind_of

_SOON: Final = 64 * 1024
"""Bytes after which the kind is looked for: nearly every picture is known by them."""
_MOST: Final = 1024 * 1024
"""Bytes after which it is given up: colour profiles, previews and EXIF of cameras stand before
the size of a picture, and take some hundred KB."""


class Beginning:
    """Takes the bytes of one file, and holds 1 MB of them at most."""

    def __init__(self, declared: str) -> None:
        self._declared = declared
        self._bytes = bytearray()
        self._looked = False
        self._kind: Kind | None = None

    async def write(self, data: bytes) -> None:
        if self._kind is not None:
            return
        self._bytes += data[: _MOST - len(self._bytes)]
        whole = len(self._bytes) >= _MOST
        if whole or (not self._looked and len(self._bytes) >= _SOON):
            self._looked = True
            kind = await self._look()
            if whole or kind.width is not None:
                self._kind = kind
                self._bytes = bytearray()  # one that is cleared may keep its room

    async def kind(self) -> Kind:
        """The kind of the file, all of which was written or more than enough."""
        return self._kind or await self._look()

    async def _look(self) -> Kind:
        return await asyncio.to_thread(kind_of, bytes(self._bytes), self._declared)
