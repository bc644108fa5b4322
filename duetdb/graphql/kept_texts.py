"""What was made of texts and may be asked for again, bounded in the memory that it takes."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

T = TypeVar("T")

_MOST: Final = 1_000_000
"""What all that is kept weighs together: a character of a text takes about 100 bytes of memory."""
_SHARE: Final = 10
"""What weighs more than this part of all is not kept."""
_FIELD: Final = 12
"""What a field of a plan weighs, in characters of a text."""


class KeptTexts(Generic[T]):
    """What was made of texts, by the texts or their hashes; the oldest goes first."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[T, int]] = {}
        self._weight = 0

    def get(self, key: str) -> T | None:
        found = self._kept.get(key)
        return None if found is None else found[0]

    def keep(self, key: str, made: T, weight: int) -> None:
        """Keeps what was made of a text, unless it weighs too much."""
        if key in self._kept or weight > _MOST // _SHARE:
            return
        self._kept[key] = made, weight
        self._weight += weight
        while self._weight > _MOST:
            _, gone = self._kept.pop(next(iter(self._kept)))
            self._weight -= gone


def weight_of(text: str, fields: int) -> int:
    """What a text weighs together with its plans, which have so many fields."""
    return len(text) + _FIELD * fields
