"""Every worker looks now and then for what dead ones left of their uploads."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Final

import structlog
from pymongo.errors import PyMongoError

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import DuetError
from duetdb.app.service.media.loose import ABANDONED, sweep
from duetdb.app.service.media.store import Store

_log = structlog.get_logger(__name__)

_PAUSE: Final = 60.0
"""Seconds between two looks, about: workers that start together do not look together."""


class Sweeper:
    """A task that sweeps until it is stopped."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                await sweep(self._engine, self._store, ABANDONED)
            except (PyMongoError, DuetError) as error:
                _log.warning("media_sweep_failed", reason=str(error))
            except Exception:  # the next look may go well
                _log.exception("media_sweep_failed")
            await asyncio.sleep(_PAUSE * random.uniform(0.75, 1.25))
