"""Counting what may fail only so often: guesses of passwords, and mails that anybody can cause.

Whoever counts is known by a hash alone, and everybody is counted alike, whether
there is an account or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from pymongo.errors import DuplicateKeyError

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.identity.revocation import later
from duetdb.app.service.lately import primary

COLLECTION: Final = "_attempts"

_TRIES: Final = 10
"""How often a change of one counter is tried against others that change it as well."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many attempts, then pauses that double from ``first`` to ``longest`` seconds.

    After ``forgotten`` seconds without an attempt the count begins anew.
    """

    kind: str
    free: int
    first: float
    longest: float
    forgotten: float


ACCOUNT: Final = Allowance("account", free=5, first=2, longest=300, forgotten=3600)
"""Wrong passwords for one e-mail address, from anywhere."""
ADDRESS: Final = Allowance("address", free=50, first=2, longest=900, forgotten=3600)
"""Wrong passwords from one network address, for anybody."""
MAILS: Final = Allowance("mails", free=3, first=300, longest=3600, forgotten=86_400)
"""Mails to one e-mail address that anybody can ask for."""
MAILS_FROM: Final = Allowance("mails from", free=20, first=60, longest=3600, forgotten=86_400)
"""Such mails that one network address asks for."""


class Attempts:
    """Counters in the database, for all workers.

    An attempt is counted before it is made, so that a thousand at the same time
    are not all the first.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._attempts = primary(engine, COLLECTION)

    async def start(self) -> None:
        if not self._engine.in_memory:
            await self._attempts.create_index("expires", name="expires", expireAfterSeconds=0)

    async def count(self, allowance: Allowance, who: str) -> float:
        """Counts one attempt; above 0 it may not be made, for so many seconds."""
        key = _key(allowance, who)
        with translate_driver_errors():
            for _ in range(_TRIES):
                found = await self._attempts.find_one({"_id": key})
                now = datetime.now(UTC).replace(tzinfo=None)
                if found is not None and found["expires"] <= now:
                    found = {**found, "pause_until": now, "expired": True}
                if found is not None and found["pause_until"] > now:
                    return float((found["pause_until"] - now).total_seconds())
                if await self._counted(key, found, allowance, now):
                    return 0.0
        return allowance.first

    async def forget(self, allowance: Allowance, who: str) -> None:
        """What was counted does not matter any more: the right password was given."""
        with translate_driver_errors():
            await self._attempts.delete_one({"_id": _key(allowance, who)})

    async def give_back(self, allowance: Allowance, who: str) -> None:
        """The last attempt was a good one and does not count."""
        key = _key(allowance, who)
        with translate_driver_errors():
            await self._attempts.update_one(
                {"_id": key, "count": {"$gt": 0}}, {"$inc": {"count": -1, "turn": 1}}
            )

    async def _counted(
        self, key: str, found: dict[str, Any] | None, allowance: Allowance, now: datetime
    ) -> bool:
        """Whether nobody else has counted since ``found`` was read."""
        seen = 0 if found is None else found["count"]
        count = 1 if found is None or "expired" in found else seen + 1
        beyond = count - allowance.free
        pause = min(allowance.first * 2.0 ** min(beyond, 30), allowance.longest)
        values = {
            "count": count,
            "turn": 1 if found is None else found["turn"] + 1,
            "pause_until": now + timedelta(seconds=pause if beyond >= 0 else 0),
            "expires": later(seconds=allowance.forgotten),
        }
        if found is None:
            try:
                await self._attempts.insert_one({"_id": key, **values})
            except DuplicateKeyError:
                return False
            return True
        changed = await self._attempts.update_one(
            {"_id": key, "turn": found["turn"]}, {"$set": values}
        )
        return bool(changed.matched_count)


def _key(allowance: Allowance, who: str) -> str:
    return f"{allowance.kind}:{sha256(who.encode('utf-8', 'surrogatepass')).hexdigest()}"
