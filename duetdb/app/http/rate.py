"""How often one may ask: each key, each user and each address, and failed authentication apart."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_network
from math import ceil
from typing import Final, Protocol

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from duetdb.app.http.proxies import is_this_machine, parsed
from duetdb.app.service.errors import TooManyRequests
from duetdb.app.service.principal import Principal

WINDOW: Final = 10
"""Seconds over which requests are averaged: a page may ask for much at once, and then rests."""
_FAILURE_WINDOW: Final = 60
_NETWORK_BITS: Final = 64
"""Of an IPv6 address: one customer has at least the rest of it to choose from."""
_MOST_BLOCKED: Final = 10_000


class Counter(Protocol):
    """Counts in memory, or across workers."""

    async def take(self, item: RateLimitItem, who: str) -> float:
        """Takes one permit of ``who``; the answer is 0, or the seconds until there is one."""
        ...


class InMemory:
    """Counts what this process sees."""

    def __init__(self) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def take(self, item: RateLimitItem, who: str) -> float:
        if self._limiter.hit(item, who):
            return 0.0
        return max(self._limiter.get_window_stats(item, who).reset_time - time.time(), 0.01)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Requests a second that each key, user and address may send, failures a minute; 0: any."""

    key: float = 0
    user: float = 0
    address: float = 0
    failures: int = 0


class RateLimiter:
    """Raises ``TooManyRequests`` for who asks too often.

    Addresses are looked at before the caller is known: ``admit``. ``spend`` counts the request of
    a known caller, ``failed`` one whose credentials were not accepted: many of them close the
    server to their address before any further key is looked at, the right one included.
    """

    def __init__(self, rates: Rates) -> None:
        self.counter: Counter = InMemory()
        self._rates = rates
        self._failures = RateLimitItemPerSecond(
            rates.failures, _FAILURE_WINDOW, namespace="failures"
        )
        self._blocked: dict[str, float] = {}

    async def admit(self, address: str) -> None:
        """Counts a request of an address, which no program on this machine needs to fear."""
        if self._blocked:
            self._check_blocked(group_of(address))
        if self._rates.address and not is_this_machine(address):
            await self._take(self._rates.address, group_of(address), "address")

    async def spend(self, address: str, principal: Principal) -> None:
        """Counts a request of a known caller: by the rate of its own, if the key has one.

        The full-access key has none unless it is given one: who holds it needs no flood.
        """
        rate = principal.rate
        if rate is None:
            if principal.full:
                return
            rate = self._rates.user if principal.id.startswith("user:") else self._rates.key
        if rate:
            kind = principal.id.partition(":")[0] or "caller"
            await self._take(rate, principal.id or group_of(address), kind)

    async def failed(self, address: str) -> None:
        """Counts credentials that were not accepted."""
        if not self._rates.failures:
            return
        group = group_of(address)
        wait = await self.counter.take(self._failures, group)
        if wait:
            self._block(group, wait)
            self._check_blocked(group)

    async def _take(self, rate: float, who: str, kind: str) -> None:
        wait = await self.counter.take(_item(rate, kind), who)
        if wait:
            raise TooManyRequests(
                f"Too many requests: this {kind} may send {rate:g} a second.",
                hint="Wait for as long as Retry-After says, and then ask less often.",
                retry_after=ceil(wait),
            )

    def _check_blocked(self, group: str) -> None:
        wait = self._blocked.get(group, 0.0) - time.monotonic()
        if wait > 0:
            raise TooManyRequests(
                "Too many requests of this address had credentials that are not accepted.",
                hint="Check the key or the token, and wait for as long as Retry-After says.",
                retry_after=ceil(wait),
            )

    def _block(self, group: str, seconds: float) -> None:
        now = time.monotonic()
        if len(self._blocked) >= _MOST_BLOCKED:
            self._blocked = {who: until for who, until in self._blocked.items() if until > now}
        self._blocked[group] = now + seconds


@lru_cache(maxsize=4096)
def group_of(address: str) -> str:
    """Whose address it is: itself, or the network of an IPv6 address."""
    found = parsed(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, _NETWORK_BITS), strict=False))
    return str(found or address)


@lru_cache(maxsize=1024)
def _item(rate: float, kind: str) -> RateLimitItem:
    """``rate`` a second over the usual window, or over one in which there is at least one."""
    seconds = max(WINDOW, ceil(1 / rate))
    return RateLimitItemPerSecond(max(1, round(rate * seconds)), seconds, namespace=kind)
