"""The connected database, and what its engine can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
