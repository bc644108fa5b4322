"""What is stored in place of a key: a hash that nobody can test guesses on without our secret.

The secret is the setting ``key_pepper``, which is in no dump of the database;
or else it is made once and kept in ``_secrets``, so that all workers share it
and a restored dump keeps its keys. Under another secret all keys are unknown.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from contextlib import suppress
from typing import Final

from pymongo.errors import DuplicateKeyError

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.lately import primary

FULL_LENGTH: Final = 37
WEB_LENGTH: Final = 24
"""Lower-case hex characters of a key, by which clients tell that it is one (SPEC 2.2)."""
PREFIX_LENGTH: Final = 6
"""Characters of a key that are stored as they are, to find it by."""

_SECRETS: Final = "_secrets"
_NAME: Final = "keys"


class Hashes:
    """The keyed hash, once its secret is known."""

    def __init__(self, engine: Engine, pepper: str | None) -> None:
        self._stored = primary(engine, _SECRETS)
        self._secret = pepper.encode() if pepper else b""

    async def prepare(self) -> None:
        """Reads the secret, or makes it; safe in many processes at once."""
        if self._secret:
            return
        with translate_driver_errors():
            # Whoever comes first makes it: an earlier start, or another process.
            with suppress(DuplicateKeyError):
                await self._stored.insert_one({"_id": _NAME, "value": secrets.token_hex(32)})
            found = await self._stored.find_one({"_id": _NAME})
        self._secret = str(found["value"]).encode()

    def of(self, key: str) -> str:
        """HMAC-SHA-256 of a key. It need not be slow: keys are random, not chosen by people."""
        assert self._secret, "prepare() comes first"
        return hmac.digest(self._secret, key.encode("utf-8", "surrogatepass"), "sha256").hex()

    def stored(self, key: str) -> dict[str, str]:
        """What is stored of a key."""
        return {"prefix": key[:PREFIX_LENGTH], "hash": self.of(key), "scheme": "hmac-sha-256"}


def plain_hash(key: str) -> str:
    """What was stored of a full-access key before there was a secret."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def new_key(length: int) -> str:
    """A key of so many lower-case hex characters, four random bits each."""
    return secrets.token_hex(length)[:length]
