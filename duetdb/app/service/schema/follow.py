"""Hears of every change of the metadata, by whatever path it was made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from pymongo.errors import PyMongoError

from duetdb.app.service.engine import Engine
from duetdb.app.service.schema.metadata_store import METADATA, SCHEMA, VERSION

_log = structlog.get_logger(__name__)

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
_RELEVANT: Final = [
    {
        "$match": {
            "$or": [
                {"ns.coll": METADATA},
                {"ns.coll": SCHEMA, "documentKey._id": VERSION},
                {"operationType": {"$in": ["dropDatabase", "invalidate"]}},
            ]
        }
    }
]


class Follower:
    """Calls ``changed`` after each change of the metadata, and after each gap in hearing.

    The driver resumes a broken stream by its token. Where that cannot work (the
    oplog has moved on, the database was dropped) a new stream is opened, and as
    anything may have happened in between, ``changed`` is called once more: it
    must compare contents, and be cheap when nothing is new. Of many changes in
    a row, such as a commit of a whole database, only the last makes a call.
    """

    def __init__(self, engine: Engine, changed: Callable[[], Awaitable[None]]) -> None:
        self._database = engine.database
        self._changed = changed
        self._told = asyncio.Event()

    async def run(self) -> None:
        """Listens until cancelled; errors are logged, and followed by a growing pause."""
        await asyncio.gather(self._listen(), self._react())

    async def _listen(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                async with await self._database.watch(_RELEVANT) as stream:
                    self._told.set()
                    async for _ in stream:
                        self._told.set()
                        pause = _FIRST_PAUSE
            except PyMongoError as error:
                _log.warning("metadata_stream_lost", error=str(error)[:300], again_in=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _react(self) -> None:
        while True:
            await self._told.wait()
            self._told.clear()
            try:
                await self._changed()
            except Exception as error:
                _log.warning("metadata_not_read", error=str(error)[:300], exc_info=error)
                self._told.set()
                await asyncio.sleep(_FIRST_PAUSE * 10)
