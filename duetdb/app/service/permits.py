"""Permits that all processes on one database share: how many are left of a limit in a window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import structlog
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from duetdb.app.service.engine import Engine

COLLECTION: Final = "_rates"

_log = structlog.get_logger("duetdb.rates")


@dataclass(frozen=True, slots=True)
class Lease:
    """``granted`` permits that hold for ``seconds``; without any, how long to wait for one."""

    granted: int
    seconds: float


class Permits:
    """A counter document for each limit, changed by one atomic update on the database's clock.

    The window slides: of what was taken in the window before, as much still counts as the
    present one has left to run.
    """

    def __init__(self, engine: Engine) -> None:
        self._rates: Any = engine.database[COLLECTION]

    @classmethod
    async def started(cls, engine: Engine) -> Permits:
        """The permits of a database, which removes the counters that nobody uses any more."""
        permits = cls(engine)
        await permits._rates.create_index("expires", name="expires", expireAfterSeconds=0)
        return permits

    async def lease(
        self, key: str, limit: int, seconds: int, wanted: int, *, whole: bool = False
    ) -> Lease:
        """Takes up to ``wanted`` of the ``limit`` permits that there are every ``seconds``.

        With ``whole`` it takes as many or none.
        Without the database all are granted: what they are for would not be answered either.
        """
        try:
            change = _taking(limit, seconds * 1000, wanted, wanted if whole else 1)
            return _lease(await self._update(key, change), limit, seconds)
        except PyMongoError as error:
            _log.warning("rates are not counted", reason=str(error))
            return Lease(wanted, 1.0)

    async def _update(self, key: str, change: list[dict[str, Any]]) -> dict[str, Any]:
        for _ in range(2):
            try:
                found: dict[str, Any] = await self._rates.find_one_and_update(
                    {"_id": key}, change, upsert=True, return_document=ReturnDocument.AFTER
                )
                return found
            except DuplicateKeyError as error:  # another worker has just made it
                raced = error
        raise raced


def _taking(limit: int, milliseconds: int, wanted: int, least: int) -> list[dict[str, Any]]:
    """The update: which window it is, what counts in it, and what is granted of the rest.

    Where less than ``least`` could be granted, nothing is.
    """
    now = {"$toLong": "$$NOW"}
    window = {"$toLong": {"$floor": {"$divide": [now, milliseconds]}}}
    passed = {"$divide": [{"$mod": [now, milliseconds]}, milliseconds]}
    age = {"$subtract": [window, {"$ifNull": ["$window", -2]}]}

    def by_age(same: Any, next_: Any) -> dict[str, Any]:
        branches = [
            {"case": {"$eq": [age, 0]}, "then": same},
            {"case": {"$eq": [age, 1]}, "then": next_},
        ]
        return {"$switch": {"branches": branches, "default": 0}}

    counted = {"$add": ["$taken", {"$multiply": ["$previous", {"$subtract": [1, "$passed"]}]}]}
    room = {"$toInt": {"$floor": {"$subtract": [limit, counted]}}}
    return [
        {
            "$set": {
                "window": window,
                "passed": passed,
                "taken": by_age("$taken", 0),
                "previous": by_age("$previous", "$taken"),
                "expires": {"$add": ["$$NOW", 2 * milliseconds]},
            }
        },
        {"$set": {"granted": {"$cond": [{"$gte": [room, least]}, {"$min": [wanted, room]}, 0]}}},
        {"$set": {"taken": {"$add": ["$taken", "$granted"]}}},
    ]


def _lease(found: dict[str, Any], limit: int, seconds: int) -> Lease:
    left = (1 - found["passed"]) * seconds
    if found["granted"]:
        return Lease(int(found["granted"]), left)
    # What is left of the window before shrinks to nothing at the end of this one.
    if found["taken"] >= limit or not found["previous"]:
        return Lease(0, left)
    enough = 1 - (limit - found["taken"] - 1) / found["previous"]
    return Lease(0, min(left, max(0.01, (enough - found["passed"]) * seconds)))
