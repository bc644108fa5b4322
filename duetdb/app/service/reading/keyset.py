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

from bson import encode, json_util
from bson.binary import Binary
from bson.codec_options import DatetimeConversion
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128
from bson.errors import BSONError
from bson.int64 import Int64
from bson.objectid import ObjectId
from bson.timestamp import Timestamp

from duetdb.app.service.encoding import id_text
from duetdb.app.service.errors import BadQuery
from duetdb.app.service.query import And, Document, Filter, Match, Or, Order
from duetdb.schema_gen.model import Collection

_LONGEST: Final = 65_536
_NAN: Final = float("nan")

_KINDS: Final[tuple[tuple[frozenset[type], Any], ...]] = (
    (frozenset((int, float, Int64, Decimal128)), float("-inf")),
    (frozenset((str,)), ""),
    (frozenset((dict,)), {}),
    (frozenset((bytes, Binary)), b""),
    (frozenset((ObjectId,)), ObjectId("0" * 24)),
    (frozenset((bool,)), False),
    (frozenset((datetime, DatetimeMS)), DatetimeMS(-(2**63))),
    (frozenset((Timestamp,)), Timestamp(0, 0)),
)
"""Kinds of values in the order in which MongoDB sorts them, each with its least value.

Comparisons hold only inside one kind; null, and no value at all, come before all.
"""

_RANKS: Final = {type_: rank for rank, (types, _) in enumerate(_KINDS) for type_ in types}
_NUMBER: Final = _RANKS[float]


def keys_of(collection: Collection, order: Sequence[Order]) -> tuple[Order, ...]:
    """The order completed by ``_id``; raises ``BadQuery`` for keys without one position."""
    for each in order:
        if each.hops:
            raise BadQuery(
                f"'{each.path}' is behind a relation, by which pages cannot be ordered.",
                hint="Order by fields of the document itself, or page a list by skip and max.",
            )
        parts = each.path.split(".")
        for length in range(1, len(parts) + 1):
            field = collection.by_path.get(".".join(parts[:length]))
            if field is not None and field.is_list:
                raise BadQuery(
                    f"'{each.path}' is a list, by which pages cannot be ordered.",
                    hint="Order by fields of one value.",
                )
    if any(each.path == "_id" for each in order):
        return tuple(order)
    # The tie-break turns with the last key, as it does for lists.
    return (*order, Order("_id", order[-1].descending if order else False))


def check_places(order: Sequence[Order], documents: Sequence[Document]) -> None:
    """Raises ``BadQuery`` when one of the documents has no single place in the order.

    A list is sorted by one of its elements and compared by any of them, so it
    would come on several pages.
    """
    for each in order:
        if each.path == "_id":
            continue
        for document in documents:
            value = _value(document, each.path)
            if value is not None and value.__class__ not in _RANKS:
                what = "list" if isinstance(value, list) else "value"
                raise BadQuery(
                    f"The document {id_text(document['_id'])} has a {what} in '{each.path}' "
                    "by which pages cannot be ordered.",
                    hint="Correct the document, or order by another field.",
                )


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
        encode({"": values})  # what nothing stored can be
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
        if isinstance(value, list):
            return value
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
    rank = _rank(value)
    others = range(rank) if descending else range(rank + 1, len(_KINDS))
    parts = [_inside(path, value, descending), *(_whole(path, other) for other in others)]
    if descending:
        parts.append(Match(path, "eq", None))
    return Or(tuple(parts))


def _inside(path: str, value: Any, descending: bool) -> Filter:
    """Later values of the same kind. NaN comes before all numbers and compares with none."""
    if _is_nan(value):
        return Or(()) if descending else Match(path, "gte", _KINDS[_NUMBER][1])
    later = Match(path, "lt" if descending else "gt", value)
    if descending and _rank(value) == _NUMBER:
        return Or((later, Match(path, "eq", _NAN)))
    return later


def _whole(path: str, rank: int) -> Filter:
    """All values of one kind."""
    every = Match(path, "gte", _KINDS[rank][1])
    return Or((every, Match(path, "eq", _NAN))) if rank == _NUMBER else every


def _is_nan(value: Any) -> bool:
    return value != value or (isinstance(value, Decimal128) and value.to_decimal().is_nan())


def _rank(value: Any) -> int:
    rank = _RANKS.get(value.__class__)
    if rank is None:
        raise BadQuery("The cursor holds a value by which nothing can be ordered.")
    return rank
