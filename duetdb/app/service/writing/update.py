"""Changing one document: merged at the top level, or replaced as a whole."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import OperationFailure

from duetdb.app.service.dates import now
from duetdb.app.service.errors import (
    BadRequest,
    Conflict,
    Invalid,
    NotFound,
    ValidationFailed,
    VersionMismatch,
)
from duetdb.app.service.principal import Principal
from duetdb.app.service.query import Document, Update
from duetdb.app.service.system_fields import (
    PARENT_FIELDS,
    STAMPED,
    at_version,
    stamp_changed,
    unchanged,
    version_of,
)
from duetdb.app.service.writing.changes import Changes, Replacement, Revision
from duetdb.app.service.writing.counters import Counters
from duetdb.app.service.writing.guard import Guard
from duetdb.app.service.writing.links import Links, child_condition, media_of
from duetdb.app.service.writing.native import MOST_NAMES, UNSUITED, native
from duetdb.app.service.writing.remit import not_within_rights, remit_of
from duetdb.app.service.writing.site import Site
from duetdb.app.service.writing.unique import find_taken
from duetdb.app.service.writing.write_errors import REFUSED, refusal
from duetdb.app.service.writing.write_plan import WritePlan
from duetdb.schema_gen.field import MISSING
from duetdb.schema_gen.values import parse_id

_PAUSE = 0.002
"""Seconds by which the pause between two turns grows, so that losers spread out."""

_PATIENCE = 3
"""Turns that somebody else may win; in the next ones the document is held."""


class Revising:
    """One ``Update``.

    When nothing depends on the stored document it is one atomic command.
    Otherwise the document is read, changed and written under the condition that
    its ``_version`` is still the one read, and all that again if it is not; after
    some such turns in a transaction, which holds the document.
    A document that does not match ``guard`` is not there, and has to match it
    afterwards. With a ``condition`` it must match that before, and the id is in
    stored form.
    """

    def __init__(
        self,
        site: Site,
        update: Update,
        guard: Guard,
        condition: Mapping[str, Any] | None = None,
    ) -> None:
        self._site = site
        self._plan = site.plan
        self._update = update
        self._guard = guard
        self._remit = remit_of(update.collection)
        sent = [*update.changes, *(each.path for each in update.operations)]
        self._names = None if update.replace else sent
        self._whole = self._remit is None or self._remit.takes_whole(self._names)
        self._target = site.documents
        self._id = parse_id(self._plan.collection, update.id) if condition is None else update.id
        self._where = {"_id": self._id, **child_condition(update.parent)}
        conditions = [each for each in (condition, guard.where) if each]
        if conditions:
            self._where["$and"] = conditions

    async def run(self, principal: Principal) -> Document:
        """The document after the change; errors are those of ``Writer.update``."""
        self._check_id()
        try:
            stored = await self._run(principal)
        except REFUSED as error:
            raise refusal(error) or error from None
        return self._plan.as_named(stored)

    async def _run(self, principal: Principal) -> Document:
        update, depth = self._update, self._site.limits.nesting
        if not update.replace:
            changes = Changes(
                self._plan, update.changes, depth, update.operations, whole=self._whole
            )
            stored = await self._at_once(changes, principal)
            return await self._in_turns(changes, principal) if stored is None else stored
        if update.operations:
            raise BadRequest(
                "A replacement takes no update operators.", hint="Send the whole document."
            )
        replacement = Replacement(self._plan, update.changes, depth, whole=self._whole)
        return await self._in_turns(replacement, principal)

    def _check_id(self) -> None:
        if self._id is None:
            raise self._not_found()
        update = self._update
        sets = {each.path: each.value for each in update.operations if each.operator == "set"}
        for given in (update.changes.get("_id", update.id), sets.get("_id", update.id)):
            if given != update.id and parse_id(self._plan.collection, given) != self._id:
                raise BadRequest(
                    "The '_id' in the body is not the one of the document.",
                    hint="An '_id' never changes; leave it out.",
                )

    async def _at_once(self, changes: Changes, principal: Principal) -> Document | None:
        """The whole change in one command; None when it needs the stored document after all."""
        touched = changes.roots | self._plan.derived | STAMPED
        if changes.invalid or not self._whole or self._guard.is_about(touched):
            return None
        command = native(changes, self._plan, in_memory=self._site.engine.in_memory)
        if command is None:
            return None
        where = {**self._where}
        if command.conditions:
            where["$and"] = [*where.get("$and", ()), *command.conditions]
        if self._update.if_version is not None:
            where["_version"] = at_version(self._update.if_version)
        try:
            return await self._write(where, command.stamped(principal))
        except OperationFailure as error:
            if error.code in UNSUITED:
                return None
            raise

    async def _in_turns(self, revision: Revision, principal: Principal) -> Document:
        """Read, change, write if nobody was faster; again until one of the turns holds."""
        async with self._site.turns.at(self._plan.collection.name, self._id):
            for attempt in range(self._site.limits.write_retries):
                await asyncio.sleep(random.uniform(0, _PAUSE * attempt))
                holding = attempt >= _PATIENCE and not self._site.engine.in_memory
                turn = self._holding_turn if holding else self._turn
                stored = await turn(revision, principal)
                if stored is not None:
                    return stored
        raise Conflict("Other writers change the document all the time.", hint="Try again.")

    async def _holding_turn(self, revision: Revision, principal: Principal) -> Document | None:
        """A turn for which all other writers of the document wait; None when one was before it.

        Without it, those who change the document in one command, time and again,
        would always be faster than one who has to read it first.
        """
        async with self._site.engine.client.start_session() as session:
            try:
                async with await session.start_transaction():
                    return await self._turn(revision, principal, session)
            except OperationFailure as error:
                if error.has_error_label("TransientTransactionError"):
                    return None
                raise

    async def _turn(
        self,
        revision: Revision,
        principal: Principal,
        session: AsyncClientSession | None = None,
    ) -> Document | None:
        """The document after the change, None when somebody changed it in between."""
        current = await self._read(session)
        named = self._plan.as_named(current)
        changed, invalid = revision.applied(named)
        if self._remit is not None:
            changed, lost = self._remit.kept(named, changed)
            invalid += lost
        await self._judge(revision, named, changed, invalid)
        await self._derive(revision, changed)
        stamp_changed(changed, principal, now())
        changed["_version"] = version_of(current) + 1
        if self._guard.is_about(_different(named, changed)):
            await self._guard.check([changed])
        return await self._write_over(current, changed, revision, session)

    async def _read(self, session: AsyncClientSession | None) -> Document:
        """The document as it is; in a transaction also nobody else can write it from here on."""
        current: Document | None
        if session is None:
            current = await self._target.find_one(self._where)
        else:
            # Any change will do that leaves something else there: it is overwritten in the end.
            hold = {"$set": {"_changedby": ObjectId()}}
            current = await self._target.find_one_and_update(self._where, hold, session=session)
        if current is None:
            raise self._not_found()
        wanted = self._update.if_version
        if wanted is not None and wanted != version_of(current):
            is_told = self._update.collection.rights.can_read
            raise VersionMismatch(
                f"The document is at version {version_of(current)}, not {wanted}."
                if is_told
                else f"The document is not at version {wanted}.",
                hint="Read it again and repeat the change on what it is now.",
            )
        return current

    async def _judge(
        self, revision: Revision, current: Document, changed: Document, invalid: list[Invalid]
    ) -> None:
        """Raises ``ValidationFailed`` with everything that is wrong with the changed document."""
        collection = self._plan.collection
        links = Links(self._site.source, self._site.schema, self._update.reaches)
        # A document is sent back as it was read, and its files may have been deleted meanwhile.
        seen = self._update.collection
        kept = media_of(seen, current) if seen.rights.can_read else {}
        for brought in revision.brought(changed):
            links.references(collection, brought)
            links.media(collection, brought, kept=kept)
        if all(str(changed.get(name)) == str(current.get(name)) for name in PARENT_FIELDS):
            # Sent back as it was read: the parent may be gone meanwhile, the child was kept.
            changed.update({name: current[name] for name in PARENT_FIELDS if name in current})
        else:
            self._check_link(current, changed)
            links.parent(collection, changed)
        found = [*revision.invalid, *invalid, *await links.check()]
        found += self._missing(current, changed)
        if found or self._site.engine.in_memory:
            found += await self._taken(revision, changed)
        if found:
            firsts: dict[str, Invalid] = {}
            for each in found:
                firsts.setdefault(each.field, each)
            raise ValidationFailed(list(firsts.values()))

    def _check_link(self, current: Document, changed: Document) -> None:
        """Raises ``Forbidden`` when the caller may not give the document another parent.

        Who reaches it by its parent's URL has rights in children of that one alone.
        """
        is_limited = self._update.reaches is not None
        if is_limited and self._update.parent is not None:
            raise not_within_rights()
        if self._remit is not None:
            self._remit.check_link(current, changed)

    def _missing(self, current: Document, changed: Document) -> list[Invalid]:
        missing = _missing(self._plan, changed)
        if self._remit is None or not missing:
            return missing
        return self._remit.missed(_missing(self._plan, current), missing, self._names)

    async def _taken(self, revision: Revision, changed: Document) -> list[Invalid]:
        if not self._plan.unique:
            return []
        collection = self._plan.collection
        taken = await find_taken(self._site.engine, collection, [changed], own_id=self._id)
        return [each for each in taken if each.field.split(".")[0] in revision.roots]

    async def _derive(self, revision: Revision, changed: Document) -> None:
        """Sets what follows from the other fields: counters, formulas, tokens."""
        counters = Counters(self._site.engine)
        for field in self._plan.counted:
            if field.path.split(".")[0] in revision.roots:
                await counters.assign(self._plan.collection.name, field.path, [changed])
        self._plan.compute(changed)
        self._plan.tokenizer.apply(changed)

    async def _write_over(
        self,
        current: Document,
        changed: Document,
        revision: Revision,
        session: AsyncClientSession | None,
    ) -> Document | None:
        """Writes the changed document if the stored one is still ``current``."""
        # A held document would not match a filter by what holds it, and matched before.
        where = {**(self._where if session is None else {"_id": self._id}), **unchanged(current)}
        touched = revision.roots | self._plan.derived
        values = {
            name: value
            for name, value in changed.items()
            if name in touched or name not in current or name in STAMPED
        }
        gone = {name: "" for name in current if name not in changed}
        if self._update.replace or len(values) + len(gone) > MOST_NAMES:
            replaced: Document | None = await self._target.find_one_and_replace(
                where, changed, return_document=ReturnDocument.AFTER, session=session
            )
            return replaced
        command: dict[str, Any] = {"$set": values}
        return await self._write(where, {**command, "$unset": gone} if gone else command, session)

    async def _write(
        self,
        where: Mapping[str, Any],
        command: Mapping[str, Any],
        session: AsyncClientSession | None = None,
    ) -> Document | None:
        stored: Document | None = await self._target.find_one_and_update(
            where, command, return_document=ReturnDocument.AFTER, session=session
        )
        return stored

    def _not_found(self) -> NotFound:
        return NotFound(
            f"There is no document {self._update.id!s:.100} in {self._plan.collection.name!r}."
        )


def _missing(plan: WritePlan, document: Document) -> list[Invalid]:
    """What is required and not there."""
    found = plan.shape.missing(document)
    return [Invalid(path, sentence, code) for path, code, sentence in found]


def _different(before: Document, after: Document) -> Iterator[str]:
    """The top-level fields that are not the same values still."""
    for name in before.keys() | after.keys():
        if before.get(name, MISSING) is not after.get(name, MISSING):
            yield name
