"""What kind of value a sampled field holds: the leaves of inference."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from bson import Decimal128, ObjectId
from bson.datetime_ms import DatetimeMS

DAY_MS: Final = 86_400_000
DOMINANT: Final = 0.9
"""The share of values at which the rest count as dirt and not as a second type."""
OPTION_COUNT: Final = 12
OPTION_LENGTH: Final = 40
OPTION_REPEATS: Final = 5
"""An option is one of at most 12 short texts that each repeat five times on average."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?")
_EPOCH = datetime(1970, 1, 1)
_GEOMETRIES: Final = frozenset(
    {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"}
)


def kind_of(value: Any) -> str:
    """The kind of one stored value: a field type id, ``id``, ``list``, or a BSON type's name."""
    match value:
        case bool():
            return "bool"
        case str():
            return "text"
        case int():
            return "number"
        case float():
            return "float_number"
        case Decimal128():
            return "money"
        case datetime() | DatetimeMS():
            return "datetime"
        case ObjectId():
            return "id"
        case Mapping():
            return "geo" if is_geometry(value) else "object"
        case list() | tuple():
            return "list"
        case _:
            return type(value).__name__


def is_empty(value: Any) -> bool:
    """Whether a value says as little as an absent one: null, "", [] or {}."""
    return value is None or (isinstance(value, str | list | tuple | Mapping) and not value)


def is_geometry(value: Mapping[str, Any]) -> bool:
    """Whether an object is a GeoJSON geometry (RFC 7946) and nothing more."""
    kind = value.get("type")
    if kind == "GeometryCollection" and set(value) == {"type", "geometries"}:
        parts = value["geometries"]
        return isinstance(parts, list) and all(
            isinstance(part, Mapping) and is_geometry(part) for part in parts
        )
    if not isinstance(kind, str) or kind not in _GEOMETRIES:
        return False
    return set(value) == {"type", "coordinates"} and _are_coordinates(value["coordinates"])


def _are_coordinates(value: Any) -> bool:
    if not isinstance(value, list) or not value:
        return False
    if all(isinstance(part, int | float) and not isinstance(part, bool) for part in value):
        return len(value) in (2, 3)
    return all(_are_coordinates(part) for part in value)


def dominant_kind(values: Sequence[Any]) -> tuple[str | None, Counter[str]]:
    """The kind that nearly all values have (None: truly mixed), and how many have which.

    Whole numbers among decimals are decimals.
    """
    kinds = Counter(kind_of(value) for value in values)
    if "float_number" in kinds and "number" in kinds:
        kinds["float_number"] += kinds.pop("number")
    kind, count = kinds.most_common(1)[0]
    return (kind if count >= DOMINANT * kinds.total() else None), kinds


def text_type(values: Iterable[str]) -> dict[str, Any]:
    """The field that texts make: email, option with its options, or text."""
    filled = Counter(value for value in values if value)
    if filled and all(_EMAIL.fullmatch(value) for value in filled):
        return {"type": "email"}
    few = 2 <= len(filled) <= OPTION_COUNT
    if few and filled.total() >= OPTION_REPEATS * len(filled) and all(map(_is_word, filled)):
        return {"type": "option", "options": sorted(filled)}
    return {"type": "text"}


def _is_word(value: str) -> bool:
    """Codes without a letter, such as "+47", are few by accident and not from a list."""
    return len(value) <= OPTION_LENGTH and any(letter.isalpha() for letter in value)


def moment_type(values: Iterable[datetime | DatetimeMS]) -> str:
    """``time`` when all lie on 1970-01-01, ``date`` when all are midnights, else ``datetime``."""
    moments = [_milliseconds(value) for value in values]
    if all(moment % DAY_MS == 0 for moment in moments):
        return "date"
    return "time" if all(0 <= moment < DAY_MS for moment in moments) else "datetime"


def _milliseconds(value: datetime | DatetimeMS) -> int:
    if isinstance(value, DatetimeMS):
        return int(value)
    delta = value.replace(tzinfo=None) - (value.utcoffset() or _EPOCH - _EPOCH) - _EPOCH
    return delta.days * DAY_MS + delta.seconds * 1000 + delta.microseconds // 1000


def looks_like_dates(values: Sequence[str]) -> bool:
    """Whether texts are dates that were stored as text."""
    filled = [value for value in values if value]
    return bool(filled) and all(_ISO_DATE.fullmatch(value) for value in filled)


def has_more_than_cents(values: Iterable[Decimal128]) -> bool:
    """Whether an amount has digits that money, with its two decimals, would lose."""
    decimals = (value.to_decimal() for value in values)
    return any(d.is_finite() and d != round(d, 2) for d in decimals)
