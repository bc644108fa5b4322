"""Which server processes are alive, and on which version of the schema each of them is."""

from __future__ import annotations

import asyncio
from typing import Any, Final
from uuid import uuid4

from duetdb.app.service.engine import Engine

COLLECTION: Final = "_workers"

BEAT_SECONDS: Final = 2.0
"""How often a worker says that it is alive."""
SILENCE_SECONDS: Final = 5.0
"""A worker that has said nothing for so long counts as gone."""
SETTLE_SECONDS: Final = 1.0
"""How long anybody waits for all workers to follow a change."""
_POLL_SECONDS: Final = 0.02
_FORGOTTEN_SECONDS: Final = 3600


class Workers:
    """The registry of live workers, kept in the database and on its clock.

    In memory there is one process only, so there is nothing to write down.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._registry = engine.database[COLLECTION]
        self.id = uuid4().hex

    async def prepare(self) -> None:
        if not self._engine.in_memory:
            await self._registry.create_index(
                "seen", name="seen", expireAfterSeconds=_FORGOTTEN_SECONDS
            )

    async def announce(self, version: int) -> None:
        """This worker is alive and answers by this version of the schema."""
        if not self._engine.in_memory:
            await self._registry.update_one(
                {"_id": self.id},
                {"$set": {"version": version}, "$currentDate": {"seen": True}},
                upsert=True,
            )

    async def withdraw(self) -> None:
        """This worker stops; nobody need wait for it any more."""
        if not self._engine.in_memory:
            await self._registry.delete_one({"_id": self.id})

    async def is_alive(self, worker: str) -> bool:
        return bool(await self._registry.find_one({"_id": worker, **_ALIVE}, {"_id": 1}))

    async def settled(self, version: int, within: float) -> bool:
        """Waits until every live worker has the version, ``within`` seconds at most."""
        if self._engine.in_memory:
            return True
        deadline = asyncio.get_running_loop().time() + within
        behind = {"version": {"$lt": version}, **_ALIVE}
        while await self._registry.find_one(behind, {"_id": 1}):
            if asyncio.get_running_loop().time() + _POLL_SECONDS >= deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True


_ALIVE: Final[dict[str, Any]] = {
    "$expr": {"$lt": [{"$subtract": ["$$NOW", "$seen"]}, int(SILENCE_SECONDS * 1000)]}
}
