"""What was made of texts and may be asked for again, bounded in the memory that it takes."""

from __future__ import annotations

from threading import Lock
from typing import Any, Final, Generic, TypeVar
from weakref import WeakSet

T = TypeVar("T")

_MOST: Final = 1_000_000
"""What all that is kept weighs together: a character of a text takes about 100 bytes of memory."""
_SHARE: Final = 10
"""What weighs more than this part of all is not kept."""
_FIELD: Final = 12
"""What a field of a plan weighs, in characters of a text."""


class Budget:
    """What several keep, such as the schemas of several kinds of callers, and who they are."""

    def __init__(self) -> None:
        self._sharers: WeakSet[KeptTexts[Any]] = WeakSet()
        self._lock = Lock()  # generations are built in threads

    def share(self, sharer: KeptTexts[Any]) -> None:
        with self._lock:
            self._sharers.add(sharer)

    def settle(self) -> None:
        """Makes those that keep most let go of something until all weigh little enough."""
        with self._lock:
            sharers = list(self._sharers)
        while sum(each.weight for each in sharers) > _MOST:
            max(sharers, key=lambda each: each.weight).let_go()


class KeptTexts(Generic[T]):
    """What was made of texts, by the texts or their hashes; the oldest goes first."""

    def __init__(self, budget: Budget) -> None:
        self.weight = 0
        self._kept: dict[str, tuple[T, int]] = {}
        self._budget = budget
        budget.share(self)

    def get(self, key: str) -> T | None:
        found = self._kept.get(key)
        return None if found is None else found[0]

    def keep(self, key: str, made: T, weight: int) -> None:
        """Keeps what was made of a text, unless it weighs too much."""
        if key in self._kept or weight > _MOST // _SHARE:
            return
        self._kept[key] = made, weight
        self.weight += weight
        self._budget.settle()

    def let_go(self) -> None:
        """Forgets the oldest."""
        _, gone = self._kept.pop(next(iter(self._kept)))
        self.weight -= gone


def weight_of(text: str, fields: int) -> int:
    """What a text weighs together with its plans, which have so many fields."""
    return len(text) + _FIELD * fields
