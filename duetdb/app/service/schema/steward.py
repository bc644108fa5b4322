"""Keeps the database in step with the schema: indexes, validators, renamed data, stored names."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final, Protocol

import structlog
from pymongo.errors import ConnectionFailure, PyMongoError

from duetdb.app.service.engine import Engine
from duetdb.app.service.schema.index_sync import IndexSync
from duetdb.app.service.schema.lease import Lease
from duetdb.app.service.schema.metadata_store import MetadataStore, Snapshot, Stale
from duetdb.app.service.schema.renames import Mover, Rename, pending, without
from duetdb.app.service.schema.validators import Existing, Validators
from duetdb.app.service.schema.workers import (
    BEAT_SECONDS,
    SETTLE_SECONDS,
    SILENCE_SECONDS,
    Workers,
)
from duetdb.schema_gen.model import Collection, Schema

_log = structlog.get_logger(__name__)

_NEW: Final = Existing("collection", {})


class Living(Protocol):
    """The living schema, as far as its steward has to do with it."""

    @property
    def schema(self) -> Schema: ...
    @property
    def snapshot(self) -> Snapshot: ...
    @property
    def store(self) -> MetadataStore: ...
    @property
    def workers(self) -> Workers: ...
    async def refresh(self) -> None: ...


class Steward:
    """Does the background work that a schema asks of the database, one worker at a time.

    Whoever holds the lease does it, for changes made by any process. A new
    holder looks at everything once, so nothing that a dead one began is lost.
    """

    def __init__(self, engine: Engine, catalog: Living) -> None:
        self.indexes = IndexSync(engine)
        self.validators = Validators(engine)
        self.mover = Mover(engine)
        self.problems: dict[str, tuple[str, ...]] = {}
        """What MongoDB refused, by collection: an index on data that does not allow it."""
        self._catalog = catalog
        self._lease = Lease(engine, "steward", catalog.workers.id, SILENCE_SECONDS)
        self._holds = False
        self._waiting: set[str] = set()
        self._moves: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._busy = asyncio.Lock()

    def changed(self, old: Schema, new: Schema) -> None:
        """Notes the collections that differ; the work itself is done later."""
        self._waiting.update(
            name
            for name in old.collections.keys() | new.collections.keys()
            if old.collections.get(name) is not new.collections.get(name)
        )
        self._wake.set()

    async def run(self) -> None:
        """Works until cancelled."""
        try:
            while True:
                try:
                    await self._turn()
                except PyMongoError as error:
                    _log.warning("schema_steward_waits", error=str(error)[:300])
                await self._pause()
        finally:
            for move in self._moves.values():
                move.cancel()
            await asyncio.gather(*self._moves.values(), return_exceptions=True)

    async def release(self) -> None:
        """Lets another worker take over at once."""
        if self._holds:
            self._holds = False
            await self._lease.release()

    async def tend(self, names: Iterable[str]) -> None:
        """Brings these collections in step now, lease or not; their data moves on afterwards."""
        async with self._busy:
            schema = self._catalog.schema
            for name in names:
                try:
                    await self._tend(schema, name)
                except ConnectionFailure:
                    self._waiting.add(name)
                    raise
                except PyMongoError as error:
                    told = f"It is not in step with its metadata in MongoDB: {error!s:.300}"
                    self.problems[name] = (told,)
                    _log.error("collection_not_tended", collection=name, error=str(error)[:300])

    async def _turn(self) -> None:
        held = await self._lease.hold()
        if held and not self._holds:
            await self._look_at_everything()
        self._holds = held
        names, self._waiting = self._waiting, set()
        if held and names:
            # What a validator begins to refuse, a worker on the old schema might still write.
            await self._catalog.workers.settled(self._catalog.schema.version, SETTLE_SECONDS)
            await self.tend(names)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(BEAT_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _look_at_everything(self) -> None:
        schema = self._catalog.schema
        existing = await self.validators.existing()
        forgotten = {name for name, each in existing.items() if each.ours}
        self._waiting.update((schema.collections.keys() | forgotten) - schema.quarantined.keys())

    async def _tend(self, schema: Schema, name: str) -> None:
        if name in schema.quarantined:
            return
        collection = schema.collections.get(name)
        existing = (await self.validators.existing(name)).get(name)
        if collection is None:
            if existing is not None:
                await self.validators.lift(name, existing)
                await self.indexes.clear(name)
            return
        if existing is None:
            await self.validators.create(name)
        if existing is None or existing.kind == "collection":
            await self.validators.apply(collection, existing or _NEW)
            self.problems[name] = await self.indexes.settle(collection)
        await self._store_name(name, collection)
        self._begin_moves(name, pending(collection))

    async def _store_name(self, name: str, collection: Collection) -> None:
        """A collection described by hand keeps the name that it was given at first."""
        stored = self._catalog.snapshot.stored.get(name)
        if stored is not None and "graphqlName" not in stored.definition:
            await self._catalog.store.name_once(stored, collection.names.type)

    def _begin_moves(self, name: str, renames: tuple[Rename, ...]) -> None:
        running = self._moves.get(name)
        if not renames or (running is not None and not running.done()):
            return
        self._moves[name] = asyncio.create_task(self._move(name), name=f"move fields of {name}")

    async def _move(self, name: str) -> None:
        """Moves the data of all renamed fields of a collection, then forgets their old names."""
        while True:
            collection = self._catalog.schema.collections.get(name)
            renames = pending(collection) if collection else ()
            if not renames:
                return
            try:
                await self.mover.move_completely(name, renames)
                await self._forget(name, renames)
            except PyMongoError as error:
                _log.error("rename_waits", collection=name, error=str(error)[:300])
                await asyncio.sleep(BEAT_SECONDS)

    async def _forget(self, name: str, renames: tuple[Rename, ...]) -> None:
        snapshot = await self._catalog.store.load(self._catalog.snapshot)
        stored = snapshot.stored.get(name)
        if stored is not None:
            definition = without(stored.definition, renames)
            if definition != stored.definition:
                try:
                    await self._catalog.store.commit(snapshot, {name: definition})
                except Stale:
                    return  # Changed meanwhile: the caller looks again.
        await self._catalog.refresh()
