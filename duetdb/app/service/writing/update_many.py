"""Changing every document that matches a filter, each on its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import (
    BadRequest,
    Conflict,
    DuetError,
    NotFound,
    TooLarge,
    ValidationFailed,
)
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import Principal
from duetdb.app.service.query import Outcome, Update, UpdateMany
from duetdb.app.service.writing.changes import Changes
from duetdb.app.service.writing.update import Revising
from duetdb.app.service.writing.write_plan import WritePlan
from duetdb.schema_gen.model import Schema

BATCH = 1000
"""Ids read, and documents changed, at once."""

_AT_ONCE = 8
"""Documents of one request that are changed at the same time, where each is looked at."""

_OF_ONE_DOCUMENT = (BadRequest, Conflict, TooLarge, ValidationFailed)
"""The errors that say something about one document, and nothing about the others."""


class RevisingMany:
    """One ``UpdateMany``; ``outcome`` is what it did so far."""

    def __init__(
        self, engine: Engine, schema: Schema, limits: Limits, plan: WritePlan, update: UpdateMany
    ) -> None:
        self._engine = engine
        self._schema = schema
        self._limits = limits
        self._plan = plan
        self._update = update
        self._target = engine.database[plan.collection.name]
        self.outcome = Outcome(matched=0, modified=0)

    async def run(
        self, condition: Mapping[str, Any], principal: Principal
    ) -> AsyncIterator[tuple[Any, ...]]:
        """The ids that were changed, batch by batch; errors are those of ``Writer.update_many``.

        In the order of ``_id``, which no update changes: a document comes once,
        whether or not it matches still when it has been changed.
        """
        self._check()
        cursor = self._target.find(
            condition,
            {"_id": 1},
            sort=[("_id", 1)],
            batch_size=BATCH,
            max_time_ms=self._limits.stream_ms,
            allow_disk_use=True,
        )
        while batch := await cursor.to_list(BATCH):
            done = await self._each([found["_id"] for found in batch], condition, principal)
            if done:
                yield tuple(done)

    def _check(self) -> None:
        update = self._update
        sets = (each.path for each in update.operations if each.operator == "set")
        if "_id" in (*update.changes, *sets):
            raise BadRequest("An '_id' never changes.", hint="Leave it out.")
        changes = Changes(self._plan, update.changes, self._limits.nesting, update.operations)
        if changes.invalid:
            raise ValidationFailed(changes.invalid)

    async def _each(
        self, ids: Sequence[Any], condition: Mapping[str, Any], principal: Principal
    ) -> list[Any]:
        """Changes documents one by one, a few at the same time; the answer is what was changed."""
        done: list[Any] = []
        failed: list[tuple[Any, str]] = []

        async def change(id_: Any) -> None:
            update = Update(
                collection=self._update.collection,
                id=id_,
                changes=self._update.changes,
                operations=self._update.operations,
            )
            revising = Revising(
                self._engine, self._schema, self._limits, self._plan, update, condition
            )
            try:
                await revising.run(principal)
            except NotFound:
                return  # deleted or changed by others since, so that it does not match any more
            except _OF_ONE_DOCUMENT as error:
                failed.append((id_, _reason(error)))
            else:
                done.append(id_)

        for start in range(0, len(ids), _AT_ONCE):
            await asyncio.gather(*map(change, ids[start : start + _AT_ONCE]))
        self._count(done, failed)
        return done

    def _count(self, done: Sequence[Any], failed: Sequence[tuple[Any, str]]) -> None:
        before = self.outcome
        self.outcome = Outcome(
            matched=before.matched + len(done) + len(failed),
            modified=before.modified + len(done),
            failed=(*before.failed, *failed),
        )


def _reason(error: DuetError) -> str:
    if isinstance(error, ValidationFailed):
        return " ".join(f"{each.field}: {each.message}" for each in error.invalid)
    return error.message
