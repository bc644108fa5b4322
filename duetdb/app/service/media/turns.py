"""The turns that the uploads of a worker take, so that many of them leave room for all others."""

from __future__ import annotations

import asyncio

from duetdb.app.service.errors import Unavailable
from duetdb.app.service.limits import Limits


class Turns:
    """How many uploads may be under way, and how many of them may store something at a time.

    An upload that waits for its turn does not read on, so its sender waits as well. Without turns
    a burst of uploads takes every connection to the database, and reads wait until one is free.
    """

    def __init__(self, limits: Limits) -> None:
        self.turn = asyncio.Semaphore(limits.media_uploads)
        self._most = self._room = limits.media_open
        self._none = asyncio.Event()
        self._none.set()

    def enter(self) -> None:
        """Begins an upload; raises ``Unavailable`` when there are too many."""
        if not self._room:
            raise Unavailable("Too many uploads are under way just now.", retry_after=2)
        self._room -= 1
        self._none.clear()

    def leave(self) -> None:
        """Ends an upload."""
        self._room += 1
        if self._room == self._most:
            self._none.set()

    async def all_left(self) -> None:
        """Returns when no upload is under way."""
        await self._none.wait()
