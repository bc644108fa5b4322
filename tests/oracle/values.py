"""Values as MongoDB orders them, and as both interfaces write them.

This package evaluates the query language over plain documents, from the
specification and MongoDB's documented meaning. It knows nothing of the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

from bson import ObjectId

Json: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[int, Any]

MISSING: Final = object()
"""What a path leads to where there is nothing."""

NULL: Final[Key] = (1, 0)
EMPTY_LIST: Final[Key] = (0, 0)
"""What an empty list is ordered by: before everything."""


def key(value: Any) -> Key:
    """The rank of the value's type and its place within: null, numbers, texts, objects, lists,
    ids, truth values, dates (SPEC 7.4). Equal keys are equal values."""
    if value is None or value is MISSING:
        return NULL
    if isinstance(value, bool):
        return (7, value)
    if isinstance(value, int | float):
        return (2, value)
    if isinstance(value, str):
        return (3, value.encode())
    if isinstance(value, dict):
        return (4, tuple((key(each)[0], name, key(each)[1]) for name, each in value.items()))
    if isinstance(value, list):
        return (5, tuple(key(each) for each in value))
    if isinstance(value, ObjectId):
        return (6, value)
    assert isinstance(value, datetime)
    return (8, value)


def same(one: Any, other: Any) -> bool:
    return key(one) == key(other)


def comparable(one: Any, other: Any) -> bool:
    """Whether ``$gt`` and its like may hold: only between values of one kind."""
    return key(one)[0] == key(other)[0]


def date_text(value: datetime) -> str:
    return value.isoformat(timespec="milliseconds") + "Z"


def wire(value: Any) -> Any:
    """A stored value as JSON has it."""
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, datetime):
        return date_text(value)
    if isinstance(value, Mapping):
        return {name: wire(each) for name, each in value.items()}
    return [wire(each) for each in value] if isinstance(value, list) else value


def alike(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; for Python ``True`` is 1, which it is not here."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)
