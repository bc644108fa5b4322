"""The one internal seam on which every committed change is published.

Realtime, subscriptions and webhooks will subscribe here; the service knows
none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from duetdb.app.service.query import Document


class ChangeKind(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One committed change: ``documents`` are as stored after it (deleted: as they were).

    A write by query holds no documents: there are ``ids`` alone, a batch of them.
    """

    kind: ChangeKind
    collection: str
    ids: tuple[Any, ...]
    documents: tuple[Document, ...]
    principal: str


Listener: TypeAlias = Callable[[Change], None]


class Events:
    """Calls each listener once per committed change, in order; listeners must not block."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Adds a listener; the answer takes it away again."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def publish(self, change: Change) -> None:
        for listener in tuple(self._listeners):
            listener(change)
