"""The part of a filter document that says what a caller may see, kept apart from what it asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Guard(dict[str, Any]):
    """A filter document that the caller did not write, and of which nothing is told."""


def both(one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    """What meets two filter documents."""
    if not one or not other:
        return one or other
    return {"$and": [one, other]}


def is_guarded(where: Mapping[str, Any]) -> bool:
    """Whether a guard is a part of the filter document."""
    return isinstance(where, Guard) or any(map(is_guarded, where.get("$and", ())))
