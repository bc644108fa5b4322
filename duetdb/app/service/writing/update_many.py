"""Changing every document that matches a filter, each on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from pymongo.asynchronous.client_session import AsyncClientSession

from duetdb.app.service.errors import (
    BadRequest,
    Conflict,
    DuetError,
    NotFound,
    TooLarge,
    ValidationFailed,
)
from duetdb.app.service.principal import Principal
from duetdb.app.service.query import Outcome, Update, UpdateMany
from duetdb.app.service.writing.changes import Changes
from duetdb.app.service.writing.guard import Guard
from duetdb.app.service.writing.native import UNSUITED, Native, native
from duetdb.app.service.writing.site import Site
from duetdb.app.service.writing.together import BATCH, Outrun, together
from duetdb.app.service.writing.update import Revising
from duetdb.app.service.writing.write_errors import REFUSED, refusal

_ABREAST = 8
"""Documents of one request that are changed at the same time, where each is looked at."""

_OF_ONE_DOCUMENT = (BadRequest, Conflict, TooLarge, ValidationFailed)
"""The errors that say something about one document, and nothing about the others."""

_CHANGED = Outcome(matched=1, modified=1)

Changed: TypeAlias = Callable[[Sequence[Any]], None]
"""What is told the ids of a batch that were changed."""


class RevisingMany:
    """One ``UpdateMany``."""

    def __init__(
        self, site: Site, update: UpdateMany, condition: Mapping[str, Any], principal: Principal
    ) -> None:
        self._site = site
        self._update = update
        self._condition = condition
        self._principal = principal
        self._guard = Guard({}, site.plan.collection.name, site.source)
        self._matched = self._modified = 0
        self._failed: list[tuple[Any, str]] = []

    async def run(self, changed: Changed) -> Outcome:
        """Changes all that match; errors are those of ``Writer.update_many``.

        Documents come in the order of ``_id``, which no update changes, so that
        each comes once, whether or not it matches still when it has been changed.
        """
        command = self._command()
        cursor = self._site.documents.find(
            self._condition,
            {"_id": 1},
            sort=[("_id", 1)],
            batch_size=BATCH,
            max_time_ms=self._site.limits.stream_ms,
            allow_disk_use=True,
        )
        async with cursor:
            while batch := await cursor.to_list(BATCH):
                done: list[Any] = []
                try:
                    await self._batch([each["_id"] for each in batch], command, done)
                finally:
                    changed(done)
        return Outcome(matched=self._matched, modified=self._modified, failed=tuple(self._failed))

    def _command(self) -> Native | None:
        """The command for many documents at once, None when each must be looked at.

        Raises ``ValidationFailed`` and ``BadRequest`` for what no document admits.
        """
        update, site = self._update, self._site
        sets = (each.path for each in update.operations if each.operator == "set")
        if "_id" in (*update.changes, *sets):
            raise BadRequest("An '_id' never changes.", hint="Leave it out.")
        changes = Changes(site.plan, update.changes, site.limits.nesting, update.operations)
        if changes.invalid:
            raise ValidationFailed(changes.invalid)
        if site.engine.in_memory:
            return None  # it has no transactions
        return native(changes, site.plan, in_memory=False)

    async def _batch(self, ids: list[Any], command: Native | None, done: list[Any]) -> None:
        """Changes documents of one batch, and adds the ids of those that were to ``done``."""
        if command is not None:
            done += await self._together(ids, command)
            self._count(Outcome(matched=len(done), modified=len(done)))
            changed = {repr(each) for each in done}  # not every _id can be hashed
            ids = [each for each in ids if repr(each) not in changed]
        for start in range(0, len(ids), _ABREAST):
            some = ids[start : start + _ABREAST]
            outcomes = await asyncio.gather(*map(self._one, some), return_exceptions=True)
            done += [id_ for id_, each in zip(some, outcomes, strict=True) if each == _CHANGED]
            for each in outcomes:
                if isinstance(each, BaseException):
                    raise each
                self._count(each)

    async def _together(self, ids: Sequence[Any], command: Native) -> Sequence[Any]:
        """The ids of those that one command has changed; none when it fails with one of them.

        A failure leaves nothing that would be changed again one by one.
        """
        documents = self._site.documents
        where = {"$and": [self._condition, *command.conditions]}

        async def change(which: Mapping[str, Any], session: AsyncClientSession | None) -> None:
            await documents.update_many(which, command.stamped(self._principal), session=session)

        try:
            return await together(self._site.engine, documents.name, ids, where, change)
        except Outrun:
            return ()
        except REFUSED as error:
            if refusal(error) is None and getattr(error, "code", None) not in UNSUITED:
                raise
            return ()

    async def _one(self, id_: Any) -> Outcome:
        """What became of one document; raises what would become of all the others too."""
        update = Update(
            collection=self._update.collection,
            id=id_,
            changes=self._update.changes,
            operations=self._update.operations,
        )
        try:
            await Revising(self._site, update, self._guard, self._condition).run(self._principal)
        except NotFound:
            # Deleted, or changed by others so that it does not match any more.
            return Outcome(matched=0, modified=0)
        except _OF_ONE_DOCUMENT as error:
            return Outcome(matched=1, modified=0, failed=((id_, _reason(error)),))
        return _CHANGED

    def _count(self, part: Outcome) -> None:
        room = self._site.limits.reported_failures - len(self._failed)
        self._matched += part.matched
        self._modified += part.modified
        self._failed += part.failed[:room]


def _reason(error: DuetError) -> str:
    if isinstance(error, ValidationFailed):
        return " ".join(f"{each.field}: {each.message}" for each in error.invalid)
    return error.message
