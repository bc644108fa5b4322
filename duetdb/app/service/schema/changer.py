"""Carries out a change of metadata: check, prepare the data, commit, and see it everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Final

import structlog
from pymongo.errors import DocumentTooLarge

from duetdb.app.service.access.document_filter import mistake_in
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import BadMetadata, Conflict, NotAvailable, TooLarge
from duetdb.app.service.keys.listing import web_keys
from duetdb.app.service.schema.assembly import Generation, Unbuildable
from duetdb.app.service.schema.catalog import Catalog
from duetdb.app.service.schema.drafts import Draft, checked, field_position
from duetdb.app.service.schema.metadata_store import Definition, Stale
from duetdb.app.service.schema.renamed_rules import refuse_renames
from duetdb.app.service.schema.renames import pending
from duetdb.app.service.schema.workers import SETTLE_SECONDS
from duetdb.schema_gen.metadata import describe
from duetdb.schema_gen.model import Collection, Schema
from duetdb.schema_gen.problem import Problem
from duetdb.schema_gen.validator import json_schema, narrows

_log = structlog.get_logger(__name__)

_ATTEMPTS: Final = 20


class Changer:
    """One change at a time in this process; the version decides between processes.

    What data must satisfy is built before the commit and undone if anything
    fails, so a refused change leaves the collection as it was.
    """

    def __init__(self, engine: Engine, catalog: Catalog) -> None:
        self._engine = engine
        self._catalog = catalog
        self._steward = catalog.steward
        self._lock = asyncio.Lock()

    async def put(self, drafts: Sequence[Draft]) -> frozenset[str]:
        """Stores all drafts or none; the answer is the names of collections that are new.

        Raises ``BadMetadata`` with every mistake, or ``Conflict``.
        """
        async with self._lock:
            for _ in range(_ATTEMPTS):
                await self._catalog.refresh()
                try:
                    return await self._put(drafts)
                except Stale:
                    await self._catalog.store.prepare()
            raise _overtaken()

    async def remove(self, name: str) -> bool:
        """Takes a collection's metadata away; False if there is none.

        Raises ``Conflict`` while other collections have relations to it.
        """
        async with self._lock:
            for _ in range(_ATTEMPTS):
                await self._catalog.refresh()
                snapshot = self._catalog.snapshot
                if name not in snapshot.stored:
                    return False
                left = {key: each for key, each in snapshot.definitions.items() if key != name}
                after = await self._rehearsed(left)
                broken = _newly_quarantined(self._catalog.schema, after.schema)
                if broken:
                    raise Conflict(
                        f"{name!r} has relations from: {', '.join(sorted(broken))}.",
                        hint="Remove those relations first. Nothing was changed.",
                    )
                try:
                    version = await self._catalog.store.commit(snapshot, {}, [name])
                except Stale:
                    continue
                await self._settle(version, [name])
                return True
            raise _overtaken()

    async def _put(self, drafts: Sequence[Draft]) -> frozenset[str]:
        snapshot, before = self._catalog.snapshot, self._catalog.schema
        definitions = await asyncio.to_thread(checked, drafts, snapshot.definitions, before)
        after = (await self._rehearsed({**snapshot.definitions, **definitions})).schema
        _refuse_broken(drafts, before, after)
        _refuse_rules(drafts, after)
        if any(after.collections[draft.name].former for draft in drafts):
            refuse_renames(drafts, before, after, await web_keys(self._engine))
        changed = await asyncio.to_thread(_changed, definitions, before, after)
        if not changed:
            return frozenset()
        by_name = {draft.name: draft for draft in drafts}
        async with AsyncExitStack() as undo:
            for name in changed:
                await self._prepare(by_name[name], before, after.collections[name], undo)
            try:
                version = await self._catalog.store.commit(snapshot, changed)
            except DocumentTooLarge:
                raise TooLarge("The metadata of a collection is larger than 16 MB.") from None
            undo.pop_all()
        await self._settle(version, list(changed))
        return frozenset(changed.keys() - snapshot.stored.keys() - before.collections.keys())

    async def _rehearsed(self, definitions: Mapping[str, Definition]) -> Generation:
        try:
            return await self._catalog.rehearse(definitions)
        except Unbuildable as error:
            raise BadMetadata([Problem("", str(error))]) from error

    async def _prepare(
        self, draft: Draft, before: Schema, new: Collection, undo: AsyncExitStack
    ) -> None:
        """Makes the stored data ready for the new schema, without disturbing the old one."""
        old = before.collections.get(new.name)
        await self._finish_moves(old, new)
        existing = (await self._steward.validators.existing(new.name)).get(new.name)
        if existing is not None and existing.kind != "collection":
            _refuse_unique(draft, new, existing.kind)
            return
        try:
            made = await self._steward.indexes.build_unique(new)
        except BadMetadata as error:
            definition = describe(new)
            raise BadMetadata(
                [
                    draft.problem(f"{field_position(definition, each.path)}.unique", each.message)
                    for each in error.problems
                ],
                hint=error.hint,
            ) from error
        undo.push_async_callback(self._steward.indexes.drop, new.name, made)
        if existing is not None and narrows(dict(existing.schema), json_schema(new)):
            await self._steward.validators.lift(new.name, existing)
            undo.push_async_callback(self._steward.tend, [new.name])

    async def _finish_moves(self, old: Collection | None, new: Collection) -> None:
        """A renamed field may be renamed again only when its data has arrived."""
        wanted = pending(new)
        if self._engine.in_memory and any("." in rename.new for rename in wanted):
            raise NotAvailable("Renaming inside objects is not available in memory mode.")
        for rename in pending(old) if old is not None else ():
            if rename not in wanted:
                await self._steward.mover.move(new.name, rename)

    async def _settle(self, version: int, names: Sequence[str]) -> None:
        """Returns when every worker has the version and the database is in step, or time is up."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SETTLE_SECONDS
        await self._catalog.refresh()
        if not await self._catalog.workers.settled(version, deadline - loop.time()):
            _log.warning("workers_behind", version=version)
        rest = asyncio.create_task(self._steward.tend(names), name="tend changed collections")
        rest.add_done_callback(_log_failure)
        await asyncio.wait([rest], timeout=max(0.0, deadline - loop.time()))


def _changed(
    definitions: Mapping[str, Definition], before: Schema, after: Schema
) -> dict[str, Definition]:
    """What is to be stored: the drafts that say something new, as ``_meta`` will show them."""
    changed: dict[str, Definition] = {}
    for name in definitions:
        new, old = after.collections[name], before.collections.get(name)
        wanted = describe(new)
        if old is None or describe(old) != wanted:
            changed[name] = {key: each for key, each in wanted.items() if key != "system"}
    return changed


def _refuse_rules(drafts: Sequence[Draft], after: Schema) -> None:
    """Raises ``BadMetadata`` for rules whose filters cannot be asked of their collections."""
    problems = [
        draft.problem(f"access.rules[{index}].filter", mistake)
        for draft in drafts
        if (collection := after.collections.get(draft.name)) is not None
        for index, rule in enumerate(collection.access.get("rules") or ())
        if rule.get("filter") and (mistake := mistake_in(rule["filter"], collection, after))
    ]
    if problems:
        raise BadMetadata(problems)


def _refuse_broken(drafts: Sequence[Draft], before: Schema, after: Schema) -> None:
    own = {draft.name: draft for draft in drafts}
    problems = [
        own[name].problem("", reason) if name in own else Problem("", f"{name}: {reason}")
        for name in (after.quarantined.keys() & own.keys()) | _newly_quarantined(before, after)
        for reason in after.quarantined[name]
    ]
    if problems:
        raise BadMetadata(sorted(problems, key=lambda each: (each.path, each.message)))


def _newly_quarantined(before: Schema, after: Schema) -> set[str]:
    return set(after.quarantined.keys() - before.quarantined.keys())


def _refuse_unique(draft: Draft, collection: Collection, kind: str) -> None:
    definition = describe(collection)
    problems = [
        draft.problem(
            f"{field_position(definition, field.path)}.unique",
            f"{field.path!r} cannot be unique: {collection.name!r} is a {kind} in MongoDB.",
        )
        for field in collection.all_fields
        if field.unique
    ]
    if problems:
        raise BadMetadata(problems)


def _overtaken() -> Conflict:
    return Conflict(
        "The metadata was changed by others again and again.",
        hint="Try again. Nothing was changed.",
    )


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("collections_not_tended", exc_info=error)
