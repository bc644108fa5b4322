"""How long the database part of one request took, measured only when somebody asks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_spent: ContextVar[list[float] | None] = ContextVar("duetdb_database_seconds", default=None)


def start() -> list[float]:
    """Begins measuring in this context; the answer collects seconds, one item a call."""
    spent: list[float] = []
    _spent.set(spent)
    return spent


@contextmanager
def database() -> Iterator[None]:
    """Counts the enclosed time as database time, if this request is measured."""
    spent = _spent.get()
    if spent is None:
        yield
        return
    begun = time.perf_counter()
    try:
        yield
    finally:
        spent.append(time.perf_counter() - begun)
