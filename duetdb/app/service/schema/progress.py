"""Changes of metadata that outlast their request, and what became of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import BadMetadata, DuetError, NotFound
from duetdb.app.service.schema.metadata_store import SCHEMA
from duetdb.app.service.schema.workers import Workers

BUILDING: Final = "building"
APPLIED: Final = "applied"
FAILED: Final = "failed"
INTERRUPTED: Final = "interrupted"


class Progress:
    """Kept in the database, so that any worker can answer for a change that another makes."""

    def __init__(self, engine: Engine, workers: Workers) -> None:
        self._changes: Any = engine.database[SCHEMA]
        self._workers = workers

    async def begin(self, collections: list[str]) -> str:
        """Notes a change under way; the answer is the id by which to ask for it."""
        change = uuid4().hex
        await self._changes.insert_one(
            {
                "_id": f"change:{change}",
                "state": BUILDING,
                "collections": collections,
                "worker": self._workers.id,
                "started": datetime.now(UTC).replace(tzinfo=None),
            }
        )
        return change

    async def end(self, change: str, error: BaseException | None) -> None:
        """Notes how a change ended."""
        outcome: dict[str, Any] = {"state": APPLIED if error is None else FAILED}
        if isinstance(error, BadMetadata):
            outcome["problems"] = [
                {"path": each.path, "message": each.message} for each in error.problems
            ]
        if error is not None:
            known = isinstance(error, DuetError)
            outcome["message"] = str(error) if known else "It failed; the log says why."
        await self._changes.update_one({"_id": f"change:{change}"}, {"$set": outcome})

    async def of(self, change: str) -> dict[str, Any]:
        """``{id, state, collections, started}``, with ``message`` and ``problems`` if it failed.

        ``state`` is building, applied, failed, or interrupted when the worker that
        made the change is gone: nothing was changed then. Raises ``NotFound``.
        """
        found = await self._changes.find_one({"_id": f"change:{change}"})
        if found is None:
            raise NotFound(f"There is no change of metadata {change[:40]!r}.")
        worker = found.pop("worker", "")
        if found["state"] == BUILDING and not await self._workers.is_alive(worker):
            found["state"] = INTERRUPTED
        del found["_id"]
        return {"id": change, **found}
