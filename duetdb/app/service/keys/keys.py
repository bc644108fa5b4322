"""The keys that open the interfaces: made, stored as hashes only, and verified."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pymongo.errors import DuplicateKeyError

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Forbidden, Unauthenticated
from duetdb.app.service.principal import FULL_ACCESS, Principal

COLLECTION: Final = "_keys"
FULL: Final = "full"

_LENGTH: Final = 37
_PREFIX_LENGTH: Final = 6
_FRESH_SECONDS: Final = 1.0
"""How long a hash read from the database is trusted: a reset key dies everywhere within 2 s."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is known of a stored key: not the key itself."""

    prefix: str
    created: datetime


class Keys:
    """Verifies what callers present against the full-access key of the database.

    A key given by the operator is the only one that counts and is never stored.
    Otherwise one is made at the first start of any process; ``generated`` then
    holds it, this once, for the process that made it.
    """

    def __init__(self, engine: Engine, configured: str | None = None) -> None:
        self._keys: Any = engine.database[COLLECTION]
        self._configured = bool(configured)
        self._hash = digest(configured) if configured else ""
        self._read_at = 0.0
        self.generated: str | None = None

    async def start(self) -> None:
        """Makes the full-access key if the database has none; safe in many processes at once."""
        if self._configured:
            return
        await self._keys.create_index("prefix", name="prefix")
        if await self._keys.find_one({"_id": FULL}) is None:
            key = new_key()
            try:
                await self._keys.insert_one(_record(key))
                self.generated = key
            except DuplicateKeyError:
                pass  # Another process was faster, and prints its own.
        await self._read()

    async def describe(self) -> KeyRecord | None:
        """The stored full-access key, None if there is none yet."""
        found = await self._keys.find_one({"_id": FULL})
        return None if found is None else KeyRecord(found["prefix"], found["created"])

    async def reset(self) -> str:
        """Replaces the stored full-access key; the answer is the new one, shown this once."""
        key = new_key()
        await self._keys.replace_one({"_id": FULL}, _record(key), upsert=True)
        await self._read()
        return key

    async def authenticate(self, presented: str | None) -> Principal:
        """The holder of the presented key.

        Raises ``Unauthenticated`` when nothing was presented and ``Forbidden``
        when what was presented is not a key of this database (SPEC 2.5).
        """
        if not presented:
            raise Unauthenticated(
                "No key was presented.",
                hint="Send your key in the header x-apikey, or as the query parameter apikey.",
            )
        if not self._configured and time.monotonic() - self._read_at > _FRESH_SECONDS:
            await self._read()
        if hmac.compare_digest(digest(presented), self._hash):
            return FULL_ACCESS
        raise Forbidden(
            "The key that was presented is not a key of this database.",
            hint="Check the key, or make a new one with: duetdb keys reset.",
        )

    async def _read(self) -> None:
        # Set before waiting, so that one caller asks the database and the others do not queue.
        self._read_at = time.monotonic()
        found = await self._keys.find_one({"_id": FULL}, {"hash": 1})
        self._hash = str(found.get("hash", "")) if found else ""


def new_key() -> str:
    """A full-access key: 37 lower-case hex characters, 148 random bits (SPEC 2.2)."""
    return secrets.token_hex(_LENGTH)[:_LENGTH]


def digest(key: str) -> str:
    """What is stored of a key. A plain hash will do: the keys are random, not chosen by people."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _record(key: str) -> dict[str, Any]:
    now = datetime.now(UTC).replace(tzinfo=None)
    return {"_id": FULL, "hash": digest(key), "prefix": key[:_PREFIX_LENGTH], "created": now}
