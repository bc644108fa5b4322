"""How MongoDB compares and orders values, for the in-memory engine.

Mongomock compares as Python does (``True`` equals 1, 1.0 and 1.00 differ as amounts, lists are
ordered by their first element); an answer that is wrong once is worse than none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

from bson import Binary, Decimal128, ObjectId
from bson.datetime_ms import DatetimeMS
from bson.timestamp import Timestamp

from duetdb.app.service.errors import NotAvailable

Key: TypeAlias = tuple[int, Any]
"""The place of a value's type in MongoDB's order, and what it is compared by within the type."""

MISSING: Final = object()
"""What a path leads to where there is nothing."""

_NULL: Final[Key] = (5, 0)
_EMPTY_LIST: Final[Key] = (0, 0)
NOT_A_NUMBER: Final[Key] = (10, (0, 0))


def key_of(value: Any) -> Key:
    """What ``value`` is compared by: equal for values that MongoDB holds equal.

    Raises ``NotAvailable`` for types that no collection's metadata can declare.
    """
    if value is None or value is MISSING:
        return _NULL
    find_key = _KEYS.get(type(value))
    if find_key is None:
        find_key = next((k for kind, k in _KEYS.items() if isinstance(value, kind)), _unknown)
    return find_key(value)


def _number(value: int | float | Decimal) -> Key:
    return (10, (1, value)) if value == value else NOT_A_NUMBER


def _amount(value: Decimal128) -> Key:
    number = value.to_decimal()
    return NOT_A_NUMBER if number.is_nan() else (10, (1, number))


def _object(value: Mapping[str, Any]) -> Key:
    members = []
    for name, inner in value.items():
        kind, key = key_of(inner)
        members.append((kind, name, key))
    return (20, tuple(members))


def _binary(value: bytes) -> Key:
    return (30, (len(value), getattr(value, "subtype", 0), bytes(value)))


def _instant(value: datetime) -> Key:
    return (45, int(DatetimeMS(value)))


def _unknown(value: Any) -> Key:
    raise NotAvailable(
        f"Comparing values of the type {type(value).__name__} is not available in memory mode.",
        hint="Use the embedded database (serve without --memory) or a MongoDB.",
    )


_KEYS: Final[Mapping[type, Callable[[Any], Key]]] = {
    bool: lambda value: (40, value),
    int: _number,
    float: _number,
    Decimal128: _amount,
    str: lambda value: (15, value),
    dict: _object,
    list: lambda value: (25, tuple(key_of(each) for each in value)),
    Binary: _binary,
    bytes: _binary,
    ObjectId: lambda value: (35, value),
    datetime: _instant,
    DatetimeMS: lambda value: (45, int(value)),
    Timestamp: lambda value: (47, (value.time, value.inc)),
}


def reached(value: Any, path: Sequence[str], *, at: bool = False) -> Iterator[tuple[Any, bool]]:
    """What a path of a filter leads to: by position and by name into the elements of lists.

    ``MISSING`` stands for an object, or a value that is none, without the next name. With each
    value comes whether its last step was a position: a list there is not looked into.
    """
    if not path:
        yield value, at
        return
    name, rest = path[0], path[1:]
    if isinstance(value, dict):
        if name in value:
            yield from reached(value[name], rest)
        else:
            yield MISSING, False
    elif isinstance(value, list):
        if name.isdigit() and int(name) < len(value):
            element = value[int(name)]
            if not rest or isinstance(element, dict | list):
                yield from reached(element, rest, at=True)
        for each in value:
            if isinstance(each, dict):
                yield from reached(each, path)
    else:
        yield MISSING, False


def in_order(
    documents: Sequence[dict[str, Any]], keys: Sequence[tuple[str, int]]
) -> list[dict[str, Any]]:
    """The documents sorted as MongoDB does: a list counts by its least or greatest element."""
    ordered = list(documents)
    for path, direction in reversed(keys):
        parts, best = path.split("."), min if direction > 0 else max
        ordered.sort(
            key=lambda each: best(_sort_keys(each, parts)),
            reverse=direction < 0,
        )
    return ordered


def _sort_keys(value: Any, path: Sequence[str], *, spread: bool = True) -> list[Key]:
    """What a document may be sorted by: unlike in filters, a position is not also a name."""
    if not path:
        if value == []:
            return [_EMPTY_LIST]
        return [key_of(each) for each in (value if isinstance(value, list) and spread else [value])]
    name, rest = path[0], path[1:]
    if isinstance(value, dict):
        return _sort_keys(value.get(name, MISSING), rest)
    if not isinstance(value, list):
        return [_NULL]
    if name.isdigit() and int(name) < len(value):
        return _sort_keys(value[int(name)], rest, spread=False)
    keys = []
    for each in value:
        keys += _sort_keys(each, path) if isinstance(each, dict) else [_NULL]
    return keys or [_NULL]
