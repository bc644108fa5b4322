"""Counting across workers: each takes permits by the batch and spends them without asking."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final

from limits import RateLimitItem

from duetdb.app.service.permits import Permits

_BATCHES: Final = 50
"""Parts of a limit that are taken at once: a worker strands at most one of them, 2 %."""
_MOST_HELD: Final = 10_000


@dataclass(slots=True)
class _Held:
    """What one worker has of one limit; moments are of ``time.monotonic``."""

    left: int = 0
    until: float = 0.0
    closed_until: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def spend(self, now: float) -> bool:
        """Takes one permit of those that are here."""
        if not self.left or now >= self.until:
            return False
        self.left -= 1
        return True


class Leased:
    """Counts what all processes on one database see.

    Permits are counted when they are taken, so all workers together never give out more than
    there are; what a worker has left at the end of a window is lost.
    """

    def __init__(self, permits: Permits) -> None:
        self._permits = permits
        self._held: dict[str, _Held] = {}

    async def take(self, item: RateLimitItem, who: str) -> float:
        key = item.key_for(who)
        held = self._held.get(key) or self._remember(key)
        now = time.monotonic()
        if held.spend(now):
            return 0.0
        if now < held.closed_until:
            return held.closed_until - now
        async with held.lock:
            return await self._refill(item, key, held)

    async def _refill(self, item: RateLimitItem, key: str, held: _Held) -> float:
        now = time.monotonic()
        if held.spend(now):  # somebody else asked meanwhile
            return 0.0
        if now < held.closed_until:
            return held.closed_until - now
        batch = max(1, item.amount // _BATCHES)
        lease = await self._permits.lease(key, item.amount, item.get_expiry(), batch)
        if not lease.granted:
            held.closed_until = now + lease.seconds
            return lease.seconds
        held.left, held.until = lease.granted - 1, now + lease.seconds
        return 0.0

    def _remember(self, key: str) -> _Held:
        if len(self._held) >= _MOST_HELD:
            now = time.monotonic()
            self._held = {
                each: held
                for each, held in self._held.items()
                if max(held.until, held.closed_until) > now
            }
        return self._held.setdefault(key, _Held())
