"""What was read from the database a moment ago, so that each request need not ask again."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Generic, TypeVar

from pymongo import ReadPreference

from duetdb.app.service.engine import Engine

K = TypeVar("K")
V = TypeVar("V")

SECONDS: Final = 0.5
"""What another worker has changed is seen everywhere after so long, well within a second."""
_MOST: Final = 10_000


class Lately(Generic[K, V]):
    """Remembers what ``read`` answered for a key, for half a second and 10,000 keys."""

    def __init__(self, read: Callable[[K], Awaitable[V]], seconds: float = SECONDS) -> None:
        self._read = read
        self._seconds = seconds
        self._known: dict[K, tuple[V, float]] = {}

    async def get(self, key: K) -> V:
        """What ``read`` answers, or answered at most half a second ago; errors are not kept."""
        # The clock is read first: what changes during the reading counts as not seen.
        now = time.monotonic()
        known = self._known.get(key)
        if known is not None and now - known[1] < self._seconds:
            return known[0]
        value = await self._read(key)
        self.forget(key)
        if len(self._known) >= _MOST:
            del self._known[next(iter(self._known))]
        self._known[key] = (value, now)
        return value

    def forget(self, key: K) -> None:
        """The next ``get`` of this key reads it again."""
        self._known.pop(key, None)


def primary(engine: Engine, name: str) -> Any:
    """A collection whose reads see every write that was acknowledged, by whichever worker."""
    collection = engine.database[name]
    if engine.in_memory:
        return collection
    return collection.with_options(read_preference=ReadPreference.PRIMARY)
