"""GraphQL operations that the operator has registered: texts, found by their hashes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pymongo.errors import DuplicateKeyError

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import LimitExceeded, NotFound
from duetdb.app.service.limits import Limits

COLLECTION: Final = "_operations"

_FRESH_SECONDS: Final = 0.5
"""How long a text is trusted to be registered still: one that is removed is refused soon."""


@dataclass(frozen=True, slots=True)
class RegisteredOperation:
    """One registered text; ``hash`` is the SHA-256 of it, in lower-case hexadecimal digits."""

    hash: str
    name: str
    text: str


class RegisteredOperations:
    """The registry of one database, read from memory as long as that is fresh.

    Whoever adds and removes must have made sure that the caller may.
    """

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self._stored: Any = engine.database[COLLECTION]
        self._limits = limits
        self._known: dict[str, tuple[str, float]] = {}

    async def find(self, hash_: str) -> str | None:
        """The text of a hash, None if none is registered."""
        text, read_at = self._known.get(hash_, ("", 0.0))
        if text and time.monotonic() - read_at < _FRESH_SECONDS:
            return text
        with translate_driver_errors():
            found = await self._stored.find_one({"_id": hash_}, {"text": 1})
        if found is None:
            self._known.pop(hash_, None)
            return None
        self._known[hash_] = found["text"], time.monotonic()
        while len(self._known) > self._limits.registered_operations:
            del self._known[next(iter(self._known))]
        return str(found["text"])

    async def add(self, name: str, text: str) -> RegisteredOperation:
        """Registers a text, which may be there already; raises ``LimitExceeded``."""
        added = RegisteredOperation(hash_of(text), name, text)
        size = len(text.encode())
        if size > self._limits.registered_bytes:
            raise LimitExceeded(
                f"The text has {size:,} bytes; at most {self._limits.registered_bytes:,} are "
                "registered.",
                hint="Register its operations one by one, or raise DUETDB_REGISTERED_BYTES.",
            )
        record = {"_id": added.hash, "name": name, "text": text, "created": _now()}
        with translate_driver_errors():
            others = await self._stored.count_documents({"_id": {"$ne": added.hash}})
            if others >= self._limits.registered_operations:
                raise LimitExceeded(
                    f"{others:,} operations are registered already, and no more may be.",
                    hint="Remove some, or raise DUETDB_REGISTERED_OPERATIONS.",
                )
            with suppress(DuplicateKeyError):  # somebody else was registering the same text
                await self._stored.replace_one({"_id": added.hash}, record, upsert=True)
        return added

    async def all(self) -> Sequence[RegisteredOperation]:
        """Everything that is registered, by name."""
        with translate_driver_errors():
            found = await self._stored.find().sort([("name", 1), ("_id", 1)]).to_list(None)
        return [RegisteredOperation(each["_id"], each["name"], each["text"]) for each in found]

    async def remove(self, hash_: str) -> None:
        """Forgets a text, here at once and in other processes soon; raises ``NotFound``."""
        with translate_driver_errors():
            deleted = (await self._stored.delete_one({"_id": hash_})).deleted_count
        self._known.pop(hash_, None)
        if not deleted:
            raise NotFound(
                f"No operation is registered by the hash {hash_[:100]!r}.",
                hint="`duetdb operations list` shows the hashes.",
            )


def hash_of(text: str) -> str:
    """The name of a text among registered ones."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
