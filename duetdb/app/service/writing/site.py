"""What the writes of one collection work with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from duetdb.app.service.engine import Engine
from duetdb.app.service.limits import Limits
from duetdb.app.service.reading.source import Source
from duetdb.app.service.writing.write_plan import WritePlan
from duetdb.schema_gen.model import Schema


class Turns:
    """Who of this process may read, change and write a document next.

    The compare on its version would sort them out as well, but by letting all of
    them but one do it again; so they queue, and the compare is for the writers of
    other processes.
    """

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def at(self, collection: str, id_: Any) -> asyncio.Lock:
        """The lock that stands for one document, for as long as somebody holds it or waits."""
        key = f"{collection}/{id_!r}"
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return lock


@dataclass(frozen=True, slots=True)
class Site:
    """One collection, and all that it takes to write its documents."""

    engine: Engine
    source: Source
    schema: Schema
    limits: Limits
    turns: Turns
    plan: WritePlan

    @property
    def documents(self) -> Any:
        """The driver's collection."""
        return self.engine.database[self.plan.collection.name]
