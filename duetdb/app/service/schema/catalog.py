"""The living schema of one process: built from the metadata, swapped whole, always current."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import TypeAlias

import structlog
from pymongo.errors import PyMongoError

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import NotFound, Quarantined
from duetdb.app.service.principal import Principal
from duetdb.app.service.schema.assembly import Assembler, Builder, Generation, Unbuildable
from duetdb.app.service.schema.follow import Follower
from duetdb.app.service.schema.metadata_store import Definition, MetadataStore, Snapshot
from duetdb.app.service.schema.narrowed import NarrowedGenerations
from duetdb.app.service.schema.steward import Steward
from duetdb.app.service.schema.workers import BEAT_SECONDS, Workers
from duetdb.schema_gen.model import Collection, Schema
from duetdb.schema_gen.suggest import did_you_mean
from duetdb.schema_gen.system import USERS

__all__ = ["Catalog", "Generation"]

_log = structlog.get_logger(__name__)

Problems: TypeAlias = Mapping[str, tuple[str, ...]]


class Catalog:
    """Holds the current ``Generation`` and keeps it current.

    ``current`` is one reference that is replaced whole: take it once per
    operation. Building happens in a thread, one build at a time, and of several
    changes in a row only the newest is built. ``users`` is the collection of the
    users' records.
    """

    def __init__(self, engine: Engine, users: str = USERS) -> None:
        self.current = Generation()
        self.ready = False
        self.store = MetadataStore(engine)
        self.workers = Workers(engine)
        self.steward = Steward(engine, self)
        self.snapshot = Snapshot()
        self._engine = engine
        self._assembler = Assembler(users)
        self._narrowed = NarrowedGenerations(self._assembler)
        self._failure: str | None = None
        self._lock = asyncio.Lock()
        self._asked = 0
        self._answered = 0
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def schema(self) -> Schema:
        return self.current.schema

    @property
    def problems(self) -> Problems:
        """Why something is not served: by collection, and under "" what concerns none alone."""
        general = (*self.snapshot.problems, *([self._failure] if self._failure else []))
        found = {**self.schema.quarantined, **({"": general} if general else {})}
        return MappingProxyType(found)

    def register(self, name: str, builder: Builder) -> None:
        """Adds a part to every generation that is built from now on."""
        self._assembler.register(name, builder)

    async def generation(self, principal: Principal) -> Generation:
        """What this caller sees of the current generation: take it once per operation."""
        if principal.full:
            return self.current
        return await self._narrowed.of(self.current, principal.permissions)

    def collection(self, name: str) -> Collection:
        """The collection of that name.

        Raises ``NotFound``, with a near name if there is one, or ``Quarantined``.
        """
        found = self.schema.collections.get(name)
        if found is not None:
            return found
        reasons = self.schema.quarantined.get(name)
        if reasons is None:
            near = did_you_mean(name, self.schema.collections)
            raise NotFound(f"There is no collection {name!r}.{near}")
        raise Quarantined(
            f"The collection {name!r} is not served because of its metadata: {reasons[0]}",
            hint="Correct its metadata; everything else keeps working meanwhile.",
        )

    async def start(self) -> None:
        """Loads and builds everything, then follows every change until ``stop``."""
        await self.store.prepare()
        await self.workers.prepare()
        await self.refresh()
        self.ready = True
        if not self._engine.in_memory:
            follower = Follower(self._engine, self.refresh)
            self._tasks = [
                asyncio.create_task(follower.run(), name="metadata follower"),
                asyncio.create_task(self._beat(), name="worker heartbeat"),
            ]
        self._tasks.append(asyncio.create_task(self.steward.run(), name="schema steward"))

    async def stop(self) -> None:
        """Stops following; the current generation stays readable."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        with suppress(PyMongoError):
            await self.steward.release()
            await self.workers.withdraw()

    async def refresh(self) -> None:
        """Makes the generation at least as new as the metadata is now.

        Callers that arrive during a build share the next one.
        """
        self._asked += 1
        mine = self._asked
        async with self._lock:
            if self._answered < mine:
                covered = self._asked
                await self._rebuild()
                self._answered = covered

    async def rehearse(self, definitions: Mapping[str, Definition]) -> Generation:
        """Builds what these definitions would make, without swapping it in."""
        return await asyncio.to_thread(
            self._assembler.assemble, definitions, self.schema.version, self.current
        )

    async def _rebuild(self) -> None:
        snapshot = await self.store.load(self.snapshot)
        unchanged = snapshot.version == self.snapshot.version and snapshot.same_content(
            self.snapshot
        )
        if unchanged and self.ready and self._assembler.is_complete(self.current):
            return
        previous = self.current
        try:
            generation = await asyncio.to_thread(
                self._assembler.assemble, snapshot.definitions, snapshot.version, previous
            )
        except Unbuildable as error:
            if not self.ready:
                raise
            self._failure = f"Version {snapshot.version} of the schema cannot be built: {error}"
            _log.error("schema_unbuildable", version=snapshot.version, error=str(error))
            return
        self._failure = None
        self.snapshot, self.current = snapshot, generation
        await self._announce(previous)

    async def _announce(self, previous: Generation) -> None:
        for name, reasons in self.schema.quarantined.items():
            if previous.schema.quarantined.get(name) != reasons:
                _log.error("collection_quarantined", collection=name, reasons=reasons)
        _log.info("schema_current", version=self.schema.version, worker=self.workers.id)
        self.steward.changed(previous.schema, self.schema)
        await self.workers.announce(self.schema.version)

    async def _beat(self) -> None:
        """Says that this worker is alive, and looks whether the stream has missed a version."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await self.workers.announce(self.schema.version)
                if await self.store.version() != self.snapshot.version:
                    await self.refresh()
            except PyMongoError as error:
                _log.warning("heartbeat_failed", error=str(error)[:300])
