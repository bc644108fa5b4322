"""The audit: who was refused what, and who administered what, in two capped collections.

Two, so that no flood of refusals pushes out what administrators did. It is
written in batches beside the requests, which never wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, Final, TypeAlias

import structlog
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from duetdb.app.service.audit.notes import Asked
from duetdb.app.service.dates import now
from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import NotAvailable
from duetdb.app.service.principal import Principal, require_full

ACTIONS: Final = "_audit"
REFUSALS: Final = "_audit_refused"
CAPACITY: Final = 32 * 1024 * 1024
"""Bytes of each collection: about 100,000 entries, of which the oldest go first."""

_PAUSE_SECONDS: Final = 0.5
_MOST_REFUSALS: Final = 200
"""Different refusals between two writes; of the same ones, and of more, only the number is kept."""
_MOST_ACTIONS: Final = 10_000
_LONGEST: Final = 300
_NAMESPACE_EXISTS: Final = 48

Entry: TypeAlias = dict[str, Any]

_log = structlog.get_logger(__name__)


class Audit:
    """Collects entries, and writes them once it is started.

    An entry has ``time``, ``kind`` (``refused`` or ``done``), ``action``,
    ``reason``, ``principal``, ``address``, ``request``, and ``count`` of what
    happened alike between two writes.
    """

    def __init__(self) -> None:
        self._refusals: dict[tuple[str, ...], Entry] = {}
        self._actions: list[Entry] = []
        self._told = asyncio.Event()
        self._engine: Engine | None = None
        self._writer: asyncio.Task[None] | None = None

    def refused(self, asked: Asked, reason: str) -> None:
        """Notes a refusal, or counts it if there are too many of them."""
        key: tuple[str, ...] = (asked.action, reason, asked.principal, asked.address)
        if key not in self._refusals and len(self._refusals) >= _MOST_REFUSALS:
            key = ()
            asked = Asked(self)
            reason = "More refusals, of which there were too many to note each."
        known = self._refusals.get(key)
        if known is None:
            self._refusals[key] = _entry("refused", asked, asked.action, reason)
        else:
            known["count"] += 1
        self._told.set()

    def acted(self, asked: Asked, action: str, target: str) -> None:
        """Notes an administrative action."""
        if len(self._actions) < _MOST_ACTIONS:
            self._actions.append(_entry("done", asked, action, target))
        self._told.set()

    async def start(self, engine: Engine) -> None:
        """Makes the collections and writes to them until ``stop``; in memory nothing is kept."""
        await self.prepare(engine)
        if not engine.in_memory:
            self._writer = asyncio.create_task(self._write_on(), name="audit")

    async def stop(self) -> None:
        """Writes what is left."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        await self.flush()

    async def prepare(self, engine: Engine) -> None:
        """The same without writing by itself: ``flush`` does."""
        self._engine = engine
        if engine.in_memory:
            return
        existing = await engine.database.list_collection_names()
        for name in (ACTIONS, REFUSALS):
            if name not in existing:
                await _create(engine, name)

    async def flush(self) -> None:
        """Writes what was noted; actions are kept while the database cannot be reached."""
        self._told.clear()
        engine, refusals, actions = self._engine, self._refusals, self._actions
        self._refusals, self._actions = {}, []
        if engine is None or engine.in_memory:
            return
        try:
            await _insert(engine, ACTIONS, actions)
            actions = []
            await _insert(engine, REFUSALS, refusals.values())
        except PyMongoError as error:
            _log.error("audit_not_written", error=str(error)[:300])
            if isinstance(error, ConnectionFailure):
                self._actions = [*actions, *self._actions][:_MOST_ACTIONS]
                self._told.set()

    async def page(
        self, principal: Principal, skip: int, most: int, *, oldest_first: bool = False
    ) -> list[Entry]:
        """The entries of both kinds by time, for the full-access key.

        Raises ``Unauthenticated``, ``Forbidden``, or ``NotAvailable`` in memory.
        """
        require_full(principal)
        if self._engine is None or self._engine.in_memory:
            raise NotAvailable(
                "There is no audit in memory mode.",
                hint="Use the embedded database (serve without --memory) or a MongoDB.",
            )
        await self.flush()
        found: list[Entry] = []
        with translate_driver_errors():
            for name in (ACTIONS, REFUSALS):
                entries = self._engine.database[name].find({}, {"_id": 0})
                direction = 1 if oldest_first else -1
                found += await entries.sort("$natural", direction).limit(skip + most).to_list()
        found.sort(key=_time, reverse=not oldest_first)
        return found[skip : skip + most]

    async def _write_on(self) -> None:
        while True:
            await self._told.wait()
            await asyncio.sleep(_PAUSE_SECONDS)  # what happens alike meanwhile is one entry
            await self.flush()


def _entry(kind: str, asked: Asked, action: str, reason: str) -> Entry:
    return {
        "time": now(),
        "kind": kind,
        "action": action[:_LONGEST],
        "reason": reason[:_LONGEST],
        "principal": asked.principal[:_LONGEST],
        "address": asked.address[:_LONGEST],
        "request": asked.request,
        "count": 1,
    }


def _time(entry: Mapping[str, Any]) -> Any:
    return entry["time"]


async def _create(engine: Engine, name: str) -> None:
    try:
        await engine.database.create_collection(
            name, check_exists=False, capped=True, size=CAPACITY
        )
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:
            raise


async def _insert(engine: Engine, name: str, entries: Collection[Entry]) -> None:
    if entries:
        await engine.database[name].insert_many(list(entries), ordered=False)
