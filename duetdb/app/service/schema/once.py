"""Work that is done once in the life of a database, by whichever process comes first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import uuid4

from duetdb.app.service.engine import Engine
from duetdb.app.service.schema.lease import Lease
from duetdb.app.service.schema.metadata_store import SCHEMA

_LEASE_SECONDS: Final = 3.0
"""How long the next process waits for one that was killed in the middle of the work."""


@asynccontextmanager
async def once(
    engine: Engine, name: str, wanted: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bool]:
    """Whether the caller is to do the work of that name in the block; others wait meanwhile.

    The work counts as done when the block ends without an exception. One that
    was cut off is given to the next process, whatever ``wanted`` says by then,
    so the work must be able to go on where it stands.
    """
    works: Any = engine.database[SCHEMA]
    key = {"_id": f"once:{name}"}
    async with Lease(engine, name, uuid4().hex, _LEASE_SECONDS).held():
        found = await works.find_one(key)
        if found is None and await wanted():
            found = {**key, "done": False}
            await works.insert_one(found)
        if found is None or found["done"]:
            yield False
            return
        yield True
        await works.update_one(key, {"$set": {"done": True}})
