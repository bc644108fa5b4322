"""The connected database, and what its engine can do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One connection for one process.

    ``client`` and ``database`` are PyMongo's ``AsyncMongoClient`` and
    ``AsyncDatabase``, or the adapted in-memory ones of the same shape. In
    memory there are no transactions, change streams, partial unique indexes
    or validators: callers ask ``in_memory`` once and answer ``NotAvailable``
    where the feature matters, never with a wrong result.
    """

    client: Any
    database: Any
    in_memory: bool = False

    async def transaction(self, work: Callable[[Any], Awaitable[T]], **options: Any) -> T:
        """What ``work`` gives, called with the session of a transaction, again if need be.

        ``options`` are those of PyMongo's ``with_transaction``. In memory ``work`` is called
        once, with None.
        """
        if self.in_memory:
            return await work(None)
        async with self.client.start_session() as session:
            done: T = await session.with_transaction(work, **options)
        return done
