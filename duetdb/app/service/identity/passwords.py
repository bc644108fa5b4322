"""Hashing passwords: slow on purpose, so off the event loop and few at a time."""

from __future__ import annotations

import asyncio
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from duetdb.app.service.errors import Unavailable

LONGEST: Final = 256
"""Characters of a password: more protect nothing, and cost the server."""

_THREADS: Final = 2
_WAITING: Final = 32
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""argon2id with 19 MiB and two passes, which OWASP names as enough."""


class Passwords:
    """Makes and checks hashes of passwords, two at a time, with at most 32 that wait.

    The same text typed on two keyboards is the same password (NFKC).
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="passwords")
        self._under_way = 0
        self._decoy = ""

    async def start(self) -> None:
        """Makes the hash that is compared with where there is none, so that this takes as long."""
        self._decoy = await self.hash("nobody has this password")

    def stop(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """A salted hash; raises ``Unavailable`` when too many wait."""
        return await self._run(password)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether the hash is one of the password, in the same time when there is no hash."""
        matches = await self._run(password, stored or self._decoy)
        return bool(matches) and stored is not None

    def is_old(self, stored: str) -> bool:
        """Whether new hashes are made in another way than this one was."""
        return _HASHER.check_needs_rehash(stored)

    async def _run(self, password: str, stored: str | None = None) -> str:
        if self._under_way >= _WAITING:
            raise Unavailable("Too many people log in just now.", hint="Try again in a moment.")
        self._under_way += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, _work, password, stored)
        finally:
            self._under_way -= 1


def _work(password: str, stored: str | None) -> str:
    """A new hash; or with a stored one that hash if it is one of the password, else nothing."""
    plain = unicodedata.normalize("NFKC", password)
    if stored is None:
        return _HASHER.hash(plain)
    try:
        _HASHER.verify(stored, plain)
    except (Argon2Error, InvalidHashError):
        return ""
    return stored
