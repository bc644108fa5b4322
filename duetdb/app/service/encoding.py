"""Stored values on the wire: the one encoder that both interfaces use.

A stored string that is not valid UTF-8 never gets here as such: the driver is
told to put U+FFFD in place of the bad bytes (``unicode_decode_error_handler``),
so dirty text cannot break a read.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from math import isfinite
from typing import Any

import orjson
from bson import json_util
from bson.code import Code
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from bson.objectid import ObjectId

# Subclasses go to ``default`` because Code is a str that must not leave as one.
_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS

_DAY_MS = 86_400_000
_EPOCH_DAY = 719_468  # days from 0000-03-01 to 1970-01-01
_ERA_DAYS = 146_097  # days of 400 Gregorian years


def dumps(value: Any) -> bytes:
    """Encodes documents, or anything made of them, as JSON.

    ObjectIds leave as hex, dates as ``YYYY-MM-DDTHH:MM:SS.mmmZ``, Decimal128 as
    a number with all its digits, NaN and infinities as null, every other BSON
    type as relaxed Extended JSON.
    """
    return orjson.dumps(value, default=_default, option=_OPTIONS)


def wire(value: Any) -> Any:
    """The same for one value, as what ``json.loads`` would make of it.

    Decimal128 becomes an int or the nearest float here, because Python's JSON
    values have no exact decimal; ``dumps`` keeps every digit.
    """
    plain = _PLAIN.get(type(value))
    if plain is not None:
        return plain(value)
    if isinstance(value, Mapping):
        return {key: wire(each) for key, each in value.items()}
    return wire(_default(value))


def id_text(value: Any) -> str:
    """An id as a text, whatever its stored type is: what GraphQL calls ``ID``."""
    if type(value) is ObjectId:
        return value.binary.hex()
    if type(value) is float and value.is_integer():
        return str(int(value))
    plain = wire(value)
    return plain if isinstance(plain, str) else dumps(plain).decode()


def sendable(text: str) -> str:
    """A message that quotes what was sent, which may be half of a surrogate pair, as UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def is_date(value: Any) -> bool:
    """Whether a stored value is a date, in Python's range or not."""
    return isinstance(value, datetime | DatetimeMS)


def date_text(value: datetime | DatetimeMS) -> str:
    """A stored date on the wire; never raises.

    Years outside 0 to 9999, which BSON can hold and Python cannot, are written
    as ISO 8601's expanded years: ``+012345-01-01T00:00:00.000Z``.
    """
    if isinstance(value, DatetimeMS):
        return _milliseconds_text(int(value))
    if value.tzinfo is None:
        return value.isoformat(timespec="milliseconds") + "Z"
    offset = value.utcoffset()
    seconds = calendar.timegm(value.timetuple()) - (offset.total_seconds() if offset else 0)
    return _milliseconds_text(int(seconds) * 1000 + value.microsecond // 1000)


def _milliseconds_text(milliseconds: int) -> str:
    days, rest = divmod(milliseconds, _DAY_MS)
    year, month, day = _civil(days)
    seconds, millis = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    shown = f"{year:04d}" if 0 <= year <= 9999 else f"{year:+07d}"
    return f"{shown}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}.{millis:03d}Z"


def _civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of a day since 1970 in the proleptic Gregorian calendar.

    Counts in eras of 400 years that begin on 1 March, so that the leap day is
    the last of its year and months follow one linear rule.
    """
    era, of_era = divmod(days + _EPOCH_DAY, _ERA_DAYS)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    return era * 400 + year + (month >= 10), month + 3 if month < 10 else month - 9, day


@lru_cache(maxsize=8192)  # decoding a decimal costs 3 µs, and prices repeat
def _decimal(bid: bytes) -> orjson.Fragment | None:
    decimal = Decimal128.from_bid(bid).to_decimal()
    shown = decimal.is_finite() and isfinite(float(decimal))
    return orjson.Fragment(str(decimal)) if shown else None


def _decimal_wire(value: Decimal128) -> int | float | None:
    decimal = value.to_decimal()
    if not decimal.is_finite():
        return None
    if decimal == decimal.to_integral_value() and abs(decimal) < 2**63:
        return int(decimal)
    number = float(decimal)
    return number if abs(number) != float("inf") else None


def _extended(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return json_util.default(value, json_options=json_util.RELAXED_JSON_OPTIONS)


_ENCODERS: Mapping[type, Callable[[Any], Any]] = {
    datetime: date_text,
    DatetimeMS: date_text,
    Decimal128: lambda value: _decimal(value.bid),
    Int64: int,
}


def _default(value: Any) -> Any:
    if type(value) is ObjectId:  # by far the most frequent
        return value.binary.hex()
    return _ENCODERS.get(type(value), _extended)(value)


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None


def _itself(value: Any) -> Any:
    return value


_PLAIN: Mapping[type, Callable[[Any], Any]] = {
    str: _itself,
    int: _itself,
    bool: _itself,
    type(None): _itself,
    float: _finite,
    list: lambda value: [wire(each) for each in value],
    tuple: lambda value: [wire(each) for each in value],
    Decimal128: _decimal_wire,
    Code: lambda value: wire(_extended(value)),
}
