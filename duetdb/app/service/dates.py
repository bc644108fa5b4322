"""Date operands of the query language: ISO texts and the variables of SPEC 7.3."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

_ISO = re.compile(
    r"(\d{4})-(\d\d)(?:-(\d\d))?"
    r"(?:[T ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|z|[+-]\d\d(?::?\d\d)?)?)?"
)
_YEAR = re.compile(r"\d{4}")


def parse_date(text: str) -> datetime | None:
    """The instant that an ISO 8601 text means, as stored (naive UTC); None if it is none.

    A date alone is its midnight in UTC, and so is a time without an offset in
    UTC. Digits beyond milliseconds are dropped, as they are when stored.
    """
    text = text.strip()
    found = _ISO.fullmatch(text)
    try:
        if found is None:
            return datetime(int(text), 1, 1) if _YEAR.fullmatch(text) else None
        return _instant(found)
    except (ValueError, OverflowError):
        return None


def _instant(found: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    millis = int((fraction or "0").ljust(3, "0")[:3])
    end_of_day = hour == "24" and not int(minute) and not int(second or 0) and not millis
    instant = datetime(
        int(year),
        int(month),
        int(day or 1),
        0 if end_of_day else int(hour or 0),
        int(minute or 0),
        int(second or 0),
        millis * 1000,
    )
    if end_of_day:
        instant += timedelta(days=1)
    return instant - _offset(offset)


def _offset(text: str | None) -> timedelta:
    if text is None or text in "Zz":
        return timedelta()
    digits = text[1:].replace(":", "").ljust(4, "0")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -size if text[0] == "-" else size


def variable(name: str, now: datetime) -> datetime | None:
    """The instant that a variable such as ``$currentMonth`` means at ``now``; None if unknown."""
    meaning = _VARIABLES.get(name)
    return meaning(now) if meaning else None


def from_milliseconds(number: float) -> datetime | None:
    """The instant so many milliseconds after 1970; None outside the years 1 to 9999."""
    try:
        instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(number))
    except (OverflowError, ValueError):
        return None
    return instant.replace(tzinfo=None)


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
