"""What documents are grouped by, as expressions of the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bson.datetime_ms import DatetimeMS

from duetdb.app.service.grouping import DateBucket, DateFormat, DatePart, Key
from duetdb.app.service.reading.date_formats import Clock, formatted
from duetdb.app.service.reading.expressions import Expression, let
from duetdb.app.service.reading.key_texts import Spelled, text_expression
from duetdb.app.service.reading.places import Places
from duetdb.app.service.reading.zones import check_zone

_PARTS: Final = {
    DatePart.YEAR: "$year",
    DatePart.MONTH: "$month",
    DatePart.DAY: "$dayOfMonth",
    DatePart.HOUR: "$hour",
    DatePart.MINUTE: "$minute",
    DatePart.SECOND: "$second",
}
_NO_YEAR: Final = 0
_LAST_YEAR: Final = 9999
_EARLIEST: Final = DatetimeMS(-9 * 10**18)
"""The database cannot go back to the beginning of a span from much further."""


@dataclass(frozen=True, slots=True)
class KeyExpression:
    """A key of a document, and what its groups are ordered by where that is another value."""

    value: Expression
    rank: Expression | None = None


def key_expression(key: Key, places: Places, as_text: bool, spelled: Spelled = ()) -> KeyExpression:
    """The key that ``key`` asks for, null where there is none; a text with ``as_text``.

    ``spelled`` are texts that the database cannot make.

    Texts of numbers and of dates are ordered as the numbers and dates that they
    were made of. Raises ``BadQuery`` for an unknown time zone.
    """
    check_zone(key.zone)
    value = places.value(key.place)
    found = _or_null(_dated(key, value)) if key.date else _or_null(value)
    rank = found if as_text else None
    if isinstance(key.date, DateFormat):
        rank = _when_date(value, "$$v")
    return KeyExpression(text_expression(found, spelled) if as_text else found, rank)


def _or_null(value: Expression) -> Expression:
    return {"$ifNull": [value, None]}


def _dated(key: Key, value: Expression) -> Expression:
    clock = Clock("$$v", key.zone)
    if isinstance(key.date, DatePart):
        return _when_date(value, clock.part(_PARTS[key.date]))
    if isinstance(key.date, DateBucket):
        begun = clock.bucket(key.date.value.lower())
        return _when_date(value, {"$cond": [{"$gte": ["$$v", _EARLIEST]}, begun, None]})
    assert key.date is not None
    year = clock.part("$year")
    spelled = {"$and": [{"$gt": [year, _NO_YEAR]}, {"$lte": [year, _LAST_YEAR]}]}
    text = formatted(key.date.text, clock)
    return _when_date(value, {"$cond": [spelled, text, None]})


def _when_date(value: Expression, made: Expression) -> Expression:
    is_date = {"$eq": [{"$type": "$$v"}, "date"]}
    return let(value, {"$cond": [is_date, made, None]})
