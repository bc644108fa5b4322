"""Tokens that are refused although they are genuine: logged out, or of an ended session."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.lately import Lately, primary

COLLECTION: Final = "_revoked"

_LATEST: Final = datetime(9999, 12, 31)


class Revocations:
    """A list in the database that every worker looks at, and that forgets what has expired.

    Its entries are the marks of tokens.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._revoked = primary(engine, COLLECTION)
        self._lately: Lately[str, bool] = Lately(self._holds)

    async def start(self) -> None:
        if not self._engine.in_memory:
            await self._revoked.create_index("until", name="until", expireAfterSeconds=0)

    async def holds(self, mark: str) -> bool:
        """Whether the token was revoked half a second ago or earlier, or later by this worker."""
        return await self._lately.get(mark)

    async def add(self, mark: str, until: datetime) -> None:
        """Revokes a token that expires then."""
        with translate_driver_errors():
            await self._revoked.update_one({"_id": mark}, {"$set": {"until": until}}, upsert=True)
        self._lately.forget(mark)

    async def _holds(self, mark: str) -> bool:
        with translate_driver_errors():
            return await self._revoked.find_one({"_id": mark}, {"_id": 1}) is not None


def instant(seconds: float) -> datetime:
    """Seconds since 1970 as the database stores an instant: UTC without a zone."""
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    except (OverflowError, ValueError, OSError):
        return _LATEST


def later(**duration: float) -> datetime:
    """An instant from now on, as the database stores it."""
    return datetime.now(UTC).replace(tzinfo=None) + timedelta(**duration)
