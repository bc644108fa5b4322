"""Schema administration: what the holder of the full-access key may do with metadata."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import structlog

from duetdb.app.service.audit import notes
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import NotFound
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import Principal, require_full
from duetdb.app.service.schema.catalog import Catalog
from duetdb.app.service.schema.changer import Changer
from duetdb.app.service.schema.drafts import Draft, drafts_of
from duetdb.app.service.schema.inferrer import Inferrer, merged
from duetdb.app.service.schema.metadata_store import Definition
from duetdb.app.service.schema.progress import Progress
from duetdb.schema_gen.metadata import describe
from duetdb.schema_gen.model import Schema

_log = structlog.get_logger(__name__)

_PATIENCE_SECONDS: Final = 30.0
"""A change that takes longer, because an index is built over much data, goes on by itself."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a change.

    ``definition`` is what ``_meta`` answers now, ``created`` whether a
    collection is new. ``pending`` is the id of a change that is still under
    way, for ``SchemaAdmin.progress``; the definition is then the present one.
    """

    definition: Definition
    created: bool = False
    pending: str | None = None


class SchemaAdmin:
    """Every method needs a full principal and raises ``Unauthenticated`` or ``Forbidden``.

    Mistakes in metadata are ``BadMetadata``, all of them at once.
    """

    def __init__(self, engine: Engine, catalog: Catalog, limits: Limits) -> None:
        self._name = engine.database.name
        self._database = engine.database
        self._catalog = catalog
        self._changer = Changer(engine, catalog)
        self._inferrer = Inferrer(engine, catalog.steward.validators, limits.query_ms)
        self._progress = Progress(engine, catalog.workers)
        self._reporters: set[asyncio.Task[None]] = set()

    async def describe_all(self, principal: Principal) -> dict[str, Any]:
        """``{name, collections}``, system and quarantined collections included (SPEC 10.1)."""
        require_full(principal)
        return await asyncio.to_thread(self._describe_all, self._catalog.schema)

    async def describe(self, name: str, principal: Principal) -> Definition:
        """One entry of ``describe_all``; raises ``NotFound``.

        A quarantined collection is described as it is stored, with ``problems``.
        """
        require_full(principal)
        schema = self._catalog.schema
        if name in schema.quarantined:
            return self._quarantined(name, schema)
        return self._entry(name, schema)

    async def put(self, name: str, body: Any, principal: Principal) -> Applied:
        """Creates or changes one collection; ``body`` is what ``describe`` returns."""
        require_full(principal)
        created, pending = await self._change((Draft(name, body),))
        notes.acted("schema.put", name)
        present = name in self._catalog.schema.collections
        shown = await self.describe(name, principal) if present else {"name": name}
        return Applied(shown, name in created, pending)

    async def put_all(self, body: Any, principal: Principal) -> Applied:
        """Applies the metadata of many collections, all or nothing.

        ``body`` is what ``describe_all`` returns; collections that it does not
        mention stay. Problem paths begin with ``collections[i]``.
        """
        require_full(principal)
        drafts = drafts_of(body)
        created, pending = await self._change(drafts)
        notes.acted("schema.put", ", ".join(str(draft.name) for draft in drafts))
        return Applied(await self.describe_all(principal), bool(created), pending)

    async def delete(self, name: str, principal: Principal, drop: bool = False) -> None:
        """Removes a collection's metadata, and with ``drop`` its documents too.

        Raises ``NotFound``, and ``Conflict`` while others have relations to it.
        """
        require_full(principal)
        if not await self._changer.remove(name):
            self._catalog.collection(name)  # raises the fitting error for an unknown name
            raise NotFound(
                f"The collection {name!r} is built in and has no metadata to remove.",
                hint="Delete its documents instead.",
            )
        if drop:
            await self._database.drop_collection(name)
        notes.acted("schema.delete", f"{name}, with its documents" if drop else name)

    async def infer(self, name: str, principal: Principal, apply: bool = False) -> Definition:
        """Proposes metadata from stored documents: a definition, with ``unsure`` sentences.

        What is declared already stays as it is. Raises ``NotFound`` when the
        database holds no such collection.
        """
        require_full(principal)
        proposal = await self._inferrer.propose(name)
        definition = self._extended(proposal.definition)
        if apply:
            definition = (await self.put(name, definition, principal)).definition
        return {**definition, "unsure": list(proposal.unsure)}

    async def infer_all(self, principal: Principal, apply: bool = False) -> dict[str, Any]:
        """The same for every collection without metadata: ``{name, collections}``."""
        require_full(principal)
        await self._catalog.refresh()
        existing = await self._inferrer.collections()
        described = self._catalog.snapshot.stored.keys() | self._catalog.schema.collections.keys()
        names = sorted(existing.keys() - described)
        proposals = await self._inferrer.propose_all(names)
        definitions = {name: self._extended(each.definition) for name, each in proposals.items()}
        if apply and definitions:
            body = {"collections": list(definitions.values())}
            await self.put_all(body, principal)
            _log.info("metadata_inferred", collections=names)
        listed = [
            {**definition, "unsure": list(proposals[name].unsure)}
            for name, definition in definitions.items()
        ]
        return {"name": self._name, "collections": listed}

    async def progress(self, change: str, principal: Principal) -> dict[str, Any]:
        """What became of the change that ``Applied.pending`` named; raises ``NotFound``."""
        require_full(principal)
        return await self._progress.of(change)

    async def _change(self, drafts: tuple[Draft, ...]) -> tuple[frozenset[str], str | None]:
        """The names of new collections, and the id of the change if it is not done yet."""
        work = asyncio.create_task(self._changer.put(drafts), name="change of metadata")
        # A caller who hangs up does not stop a change half-way.
        await asyncio.wait([work], timeout=_PATIENCE_SECONDS)
        if work.done():
            return work.result(), None
        change = await self._progress.begin([draft.name for draft in drafts])
        reporter = asyncio.create_task(self._report(change, work), name="report of a change")
        self._reporters.add(reporter)
        reporter.add_done_callback(self._reporters.discard)
        return frozenset(), change

    async def _report(self, change: str, work: asyncio.Task[frozenset[str]]) -> None:
        await asyncio.wait([work])
        error = None if work.cancelled() else work.exception()
        if error is not None:
            _log.error("metadata_change_failed", change=change, exc_info=error)
        await self._progress.end(change, error)

    def _describe_all(self, schema: Schema) -> dict[str, Any]:
        names = sorted(schema.collections.keys() | schema.quarantined.keys())
        listed = [
            self._quarantined(name, schema)
            if name in schema.quarantined
            else self._entry(name, schema)
            for name in names
        ]
        return {"name": self._name, "collections": listed}

    def _entry(self, name: str, schema: Schema) -> Definition:
        collection = schema.collections.get(name) or self._catalog.collection(name)
        problems = self._catalog.steward.problems.get(name)
        return {**describe(collection), **({"problems": list(problems)} if problems else {})}

    def _quarantined(self, name: str, schema: Schema) -> Definition:
        stored = self._catalog.snapshot.stored.get(name)
        definition = dict(stored.definition) if stored else {}
        return {**definition, "name": name, "problems": list(schema.quarantined[name])}

    def _extended(self, found: Definition) -> Definition:
        collection = self._catalog.schema.collections.get(found["name"])
        return found if collection is None else merged(describe(collection), found)
