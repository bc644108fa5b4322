"""GraphQL operations that the operator has registered: texts, found by their hashes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from pymongo.errors import DuplicateKeyError

from duetdb.app.service.audit import notes
from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import LimitExceeded, NotFound
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import Principal, require_full

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

    All but ``find`` need a full principal and raise ``Unauthenticated`` or ``Forbidden``.
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

    async def add(self, operations: Sequence[RegisteredOperation], principal: Principal) -> None:
        """Registers texts, some of which may be there already; raises ``LimitExceeded``."""
        require_full(principal)
        for each in operations:
            self._check_size(each)
        new = {each.hash: each for each in operations}
        with translate_driver_errors():
            others = await self._stored.count_documents({"_id": {"$nin": list(new)}})
            most = self._limits.registered_operations
            if others + len(new) > most:
                raise LimitExceeded(
                    f"There would be {others + len(new):,} registered operations, more than "
                    f"{most:,}.",
                    hint="Remove some, or raise DUETDB_REGISTERED_OPERATIONS.",
                )
            for each in new.values():
                record = {"_id": each.hash, "name": each.name, "text": each.text}
                with suppress(DuplicateKeyError):  # somebody else was registering the same text
                    await self._stored.replace_one({"_id": each.hash}, record, upsert=True)
                notes.acted("operations.add", each.hash)

    def _check_size(self, operation: RegisteredOperation) -> None:
        size, most = len(operation.text.encode()), self._limits.registered_bytes
        if size > most:
            raise LimitExceeded(
                f"A text of {size:,} bytes cannot be registered, for it has more than {most:,}.",
                hint="Register its operations one by one, or raise DUETDB_REGISTERED_BYTES.",
            )

    async def all(self, principal: Principal) -> Sequence[RegisteredOperation]:
        """Everything that is registered, by name."""
        require_full(principal)
        with translate_driver_errors():
            found = await self._stored.find().sort([("name", 1), ("_id", 1)]).to_list(None)
        return [RegisteredOperation(each["_id"], each["name"], each["text"]) for each in found]

    async def remove(self, hash_: str, principal: Principal) -> None:
        """Forgets a text, here at once and in other processes soon; raises ``NotFound``."""
        require_full(principal)
        with translate_driver_errors():
            deleted = (await self._stored.delete_one({"_id": hash_})).deleted_count
        self._known.pop(hash_, None)
        if not deleted:
            raise NotFound(
                f"No operation is registered by the hash {hash_[:100]!r}.",
                hint="`duetdb operations list` shows the hashes.",
            )
        notes.acted("operations.remove", hash_)


def hash_of(text: str) -> str:
    """The name of a text among registered ones."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
