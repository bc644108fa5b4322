"""One worker at a time: a document that says who may do a piece of work, and until when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from pymongo.errors import DuplicateKeyError

from duetdb.app.service.engine import Engine
from duetdb.app.service.schema.metadata_store import SCHEMA

_POLL_SECONDS: Final = 0.1


class Lease:
    """Held by renewing it; a holder that falls silent loses it, on the database's clock.

    What is done under it must be harmless if done twice: a process that was
    stopped for longer than the lease finds out only afterwards.
    """

    def __init__(self, engine: Engine, name: str, holder: str, seconds: float) -> None:
        self._in_memory = engine.in_memory
        self._leases: Any = engine.database[SCHEMA]
        self._id = f"lease:{name}"
        self._holder = holder
        self._milliseconds = int(seconds * 1000)

    async def hold(self) -> bool:
        """Takes or renews the lease; False while somebody else has it."""
        if self._in_memory:
            return True
        if await self._take():
            return True
        try:
            # MongoDB refuses its own clock in the filter of an upsert, so: first a lease of nobody.
            await self._leases.insert_one({"_id": self._id, "until": datetime.min})
        except DuplicateKeyError:
            return False
        return await self._take()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Waits until the lease is free, and keeps it for as long as the block lasts."""
        while True:
            if await self.hold():
                break
            await asyncio.sleep(_POLL_SECONDS)
        renewing = asyncio.create_task(self._renew(), name=f"renew {self._id}")
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            await self.release()

    async def release(self) -> None:
        """Lets somebody else have it at once."""
        if not self._in_memory:
            await self._leases.delete_one({"_id": self._id, "holder": self._holder})

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._milliseconds / 4000)
            await self.hold()

    async def _take(self) -> bool:
        free = {"$or": [{"holder": self._holder}, {"$expr": {"$lt": ["$until", "$$NOW"]}}]}
        until = {"$add": ["$$NOW", self._milliseconds]}
        taken = await self._leases.update_one(
            {"_id": self._id, **free}, [{"$set": {"holder": self._holder, "until": until}}]
        )
        return bool(taken.matched_count)
