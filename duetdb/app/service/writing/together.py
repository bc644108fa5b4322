"""A batch of documents written by one command, with the ids of those that it wrote."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import OperationFailure

from duetdb.app.service.engine import Engine

BATCH: Final = 1000
"""Ids read, and documents written, at once."""

PATIENCE: Final = 0.3
"""Seconds after which a batch is not tried again: others like it are through long before."""

_TOO_LARGE_FOR_CACHE: Final = 289
"""What MongoDB says since version 6.2; before, it is a write conflict."""

Write: TypeAlias = Callable[[Mapping[str, Any], AsyncClientSession | None], Awaitable[object]]
"""What writes all documents that match a condition."""


class Outrun(Exception):
    """Others write the same documents, or they are too large to be written together."""


async def together(
    engine: Engine, collection: str, ids: Sequence[Any], where: Mapping[str, Any], write: Write
) -> list[Any]:
    """The ids of those of ``ids`` that match ``where``, after ``write`` has written them.

    All are written or none, in a transaction that is begun again only for a
    moment: where others write the same documents all the time, it would never
    come to its end. Raises ``Outrun`` then, and what ``write`` raises.
    """
    documents = engine.database[collection]
    began: float | None = None

    async def run(session: AsyncClientSession | None) -> list[Any]:
        nonlocal began
        if began is None:
            began = time.monotonic()
        elif time.monotonic() - began > PATIENCE:
            raise Outrun
        within = {"$and": [{"_id": {"$in": ids}}, where]}
        cursor = documents.find(within, {"_id": 1}, batch_size=BATCH, session=session)
        found = [each["_id"] async for each in cursor]
        if found:
            await write({"_id": {"$in": found}}, session)
        return found

    try:
        return await engine.transaction(run)
    except OperationFailure as error:
        if error.code == _TOO_LARGE_FOR_CACHE:
            raise Outrun from None
        raise
