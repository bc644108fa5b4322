"""Positions in an order: cursors, and the filters that find what lies beyond one.

A position is the values of the order keys in one document, its ``_id`` last, so
it stays where it is while documents are inserted and deleted around it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from bson import json_util
from bson.codec_options import DatetimeConversion
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128
from bson.errors import BSONError
from bson.objectid import ObjectId

from duetdb.app.service.errors import BadQuery
from duetdb.app.service.query import And, Document, Filter, Match, Or, Order
from duetdb.schema_gen.model import Collection

_LONGEST: Final = 65_536
_NUMBER: Final = 0
_NAN: Final = float("nan")
_LEAST_NUMBER: Final = float("-inf")

_KINDS: Final[tuple[tuple[tuple[type, ...], Any], ...]] = (
    ((int, float, Decimal128), _LEAST_NUMBER),
    ((str,), ""),
    ((dict,), {}),
    ((ObjectId,), ObjectId("0" * 24)),
    ((bool,), False),
    ((datetime, DatetimeMS), DatetimeMS(-(2**63))),
)
"""Kinds of values in the order in which MongoDB sorts them, each with its least value.

Comparisons hold only inside one kind; null, and no value at all, come before all.
"""


def keys_of(collection: Collection, order: Sequence[Order]) -> tuple[Order, ...]:
    """The order completed by ``_id``; raises ``BadQuery`` for keys without one position."""
    for each in order:
        parts = each.path.split(".")
        for length in range(1, len(parts) + 1):
            field = collection.by_path.get(".".join(parts[:length]))
            if field is not None and field.is_list:
                raise BadQuery(
                    f"'{each.path}' is a list, by which pages cannot be ordered.",
                    hint="Order by fields of one value.",
                )
    kept = {each.path: each for each in reversed(order)}
    unique = tuple(each for each in order if kept[each.path] is each)
    return unique if any(each.path == "_id" for each in unique) else (*unique, Order("_id"))


def cursor_of(order: Sequence[Order], document: Document) -> str:
    """The opaque text of a document's position."""
    values = [_value(document, each.path) for each in order]
    text = json_util.dumps([_mark(order), *values], json_options=json_util.CANONICAL_JSON_OPTIONS)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def position_of(collection: Collection, order: Sequence[Order], cursor: str) -> list[Any]:
    """The position that a cursor means; raises ``BadQuery`` unless it came from this order."""
    try:
        if len(cursor) > _LONGEST:
            raise ValueError(cursor)
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        values = json_util.loads(raw.decode(), json_options=_READ)
    except (ValueError, TypeError, BSONError, binascii.Error, RecursionError, OverflowError):
        values = None
    if not isinstance(values, list) or len(values) != len(order) + 1 or values[0] != _mark(order):
        raise BadQuery(
            "The cursor is not one of this connection and order.",
            hint="Pass a cursor of an edge unchanged, with the same orderBy.",
        )
    return values[1:]


_READ: Final = json_util.JSONOptions(
    tz_aware=False,
    json_mode=json_util.JSONMode.CANONICAL,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)


def _mark(order: Sequence[Order]) -> str:
    """Recognises the order, so that a cursor of another one is refused and not misread."""
    text = json.dumps([[each.path, each.descending] for each in order])
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _value(document: Document, path: str) -> Any:
    value: Any = document
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def beyond(order: Sequence[Order], position: Sequence[Any], *, backward: bool) -> Filter:
    """What comes after the position in the order, or with ``backward`` before it."""
    alternatives: list[Filter] = []
    equal: list[Filter] = []
    for key, value in zip(order, position, strict=True):
        further = _further(key.path, value, key.descending is not backward)
        if further is not None:
            alternatives.append(And((*equal, further)) if equal else further)
        equal.append(Match(key.path, "eq", value))
    return Or(tuple(alternatives))


def _further(path: str, value: Any, descending: bool) -> Filter | None:
    """Values that come later than ``value``; None when none can."""
    if value is None:
        return None if descending else Match(path, "ne", None)
    parts = [_inside(path, value, descending)]
    if path != "_id":  # ids are of one kind, and known never to be null
        rank = _rank(value)
        others = range(rank) if descending else range(rank + 1, len(_KINDS))
        parts += [_whole(path, other) for other in others]
        if descending:
            parts.append(Match(path, "eq", None))
    return Or(tuple(parts))


def _inside(path: str, value: Any, descending: bool) -> Filter:
    """Later values of the same kind. NaN comes before all numbers and compares with none."""
    if value != value:
        return Or(()) if descending else Match(path, "gte", _LEAST_NUMBER)
    later = Match(path, "lt" if descending else "gt", value)
    if descending and _rank(value) == _NUMBER:
        return Or((later, Match(path, "eq", _NAN)))
    return later


def _whole(path: str, rank: int) -> Filter:
    """All values of one kind."""
    every = Match(path, "gte", _KINDS[rank][1])
    return Or((every, Match(path, "eq", _NAN))) if rank == _NUMBER else every


def _rank(value: Any) -> int:
    for rank, (types, _) in enumerate(_KINDS):
        if isinstance(value, types) and not (isinstance(value, bool) and bool not in types):
            return rank
    raise BadQuery("The cursor holds a value by which nothing can be ordered.")
