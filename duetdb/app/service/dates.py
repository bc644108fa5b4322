"""Date operands of the query language: ISO texts and the variables of SPEC 7.3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from duetdb.schema_gen.field import Mismatch
from duetdb.schema_gen.fields.instants import read_instant

_EPOCH = datetime(1970, 1, 1)


def now() -> datetime:
    """The present instant as MongoDB stores it: UTC, naive, in milliseconds."""
    instant = datetime.now(UTC)
    return instant.replace(tzinfo=None, microsecond=instant.microsecond // 1000 * 1000)


def instant(operand: Any, now: datetime) -> datetime | None:
    """The instant that the ``X`` of ``{"$date": X}`` means, as stored; None if it is none.

    ``X`` is an ISO date (its midnight in UTC), an ISO date-time (UTC unless it
    says otherwise), a variable such as ``$currentMonth``, or milliseconds since
    1970 as Extended JSON writes them.
    """
    if isinstance(operand, str):
        meaning = _VARIABLES.get(operand)
        return meaning(now) if meaning else _iso(operand)
    if isinstance(operand, int) and not isinstance(operand, bool):
        return _milliseconds(operand)
    return None


def _iso(text: str) -> datetime | None:
    try:
        return read_instant(text, "")
    except Mismatch:
        return None


def _milliseconds(number: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(milliseconds=number)
    except OverflowError:
        return None


def _day(now: datetime, offset: int = 0) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=offset)


def _week(now: datetime, offset: int = 0) -> datetime:
    """Monday of the week, as ISO 8601 counts weeks."""
    return _day(now, 7 * offset - now.weekday())


def _month(now: datetime, offset: int = 0) -> datetime:
    years, month = divmod(now.month - 1 + offset, 12)
    return datetime(now.year + years, month + 1, 1)


def _year(now: datetime, offset: int = 0) -> datetime:
    return datetime(now.year + offset, 1, 1)


_VARIABLES: Mapping[str, Callable[[datetime], datetime]] = {
    "$now": lambda now: now,
    "$currentDate": _day,
    "$today": _day,
    "$yesterday": lambda now: _day(now, -1),
    "$tomorrow": lambda now: _day(now, 1),
    "$currentWeek": _week,
    "$lastWeek": lambda now: _week(now, -1),
    "$nextWeek": lambda now: _week(now, 1),
    "$currentMonth": _month,
    "$lastMonth": lambda now: _month(now, -1),
    "$nextMonth": lambda now: _month(now, 1),
    "$currentYear": _year,
    "$lastYear": lambda now: _year(now, -1),
    "$nextYear": lambda now: _year(now, 1),
}

VARIABLES: tuple[str, ...] = tuple(_VARIABLES)
"""Every variable, for messages and documentation."""
