"""Stored ids that documents can be found and told apart by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def usable(values: Iterable[Any]) -> list[Any]:
    """The ids among stored values, in their order.

    What was written beside us may hold anything. Null is no id, and what Python
    cannot tell apart by its hash (objects, lists, patterns, decimals) is left
    out as well: none of these is the ``_id`` of a collection that relations know.
    """
    return [each for each in values if each is not None and _has_hash(each)]


def _has_hash(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
