"""What a question's values mean for the field that they are compared with (SPEC 4.3, 7.3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

from tests.oracle.world import Target

_DATES = ("date", "datetime")
_SYSTEM_DATES = (("_created",), ("_changed",))


def stored(value: Any, target: Target, now: datetime) -> Any:
    """The value as the field stores it; what it could never hold stays and equals nothing."""
    if isinstance(value, dict) and "$date" in value:
        found = instant(value["$date"], now)
        assert found is not None, value
        return found
    if isinstance(value, list):
        return [each if isinstance(each, list) else stored(each, target, now) for each in value]
    if target.names[-1:] == ("_id",) or target.relation:
        return _id(value)
    kind = target.declared["type"] if target.declared else None
    if isinstance(value, str):
        if kind in _DATES or target.names in _SYSTEM_DATES:
            found = instant(value, now)
            return value if found is None else found
        if kind in ("number", "float_number"):
            return _number(value)
        if kind == "bool":
            return {"true": True, "false": False}.get(value, value)
    return value


def _id(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"_id"}:
        value = value["_id"]
    return ObjectId(value) if isinstance(value, str) and ObjectId.is_valid(value) else value


def _number(text: str) -> Any:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number


def instant(text: str, now: datetime) -> datetime | None:
    """The instant of an ISO text or of a variable; None if it is neither."""
    if text.startswith("$"):
        return variable(text, now)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def variable(name: str, now: datetime) -> datetime:
    """A variable of SPEC 7.3; weeks begin on Monday."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if name == "$now":
        return now
    if name in _DAYS:
        return day + timedelta(days=_DAYS[name])
    if name in _WEEKS:
        return day + timedelta(days=7 * _WEEKS[name] - day.weekday())
    if name in _MONTHS:
        return _month(day, _MONTHS[name])
    return day.replace(year=day.year + _YEARS[name], month=1, day=1)


def _month(day: datetime, away: int) -> datetime:
    first = day.replace(day=1)
    if away < 0:
        return (first - timedelta(days=1)).replace(day=1)
    return (first + timedelta(days=31)).replace(day=1) if away else first


_DAYS = {"$currentDate": 0, "$today": 0, "$yesterday": -1, "$tomorrow": 1}
_WEEKS = {"$currentWeek": 0, "$lastWeek": -1, "$nextWeek": 1}
_MONTHS = {"$currentMonth": 0, "$lastMonth": -1, "$nextMonth": 1}
_YEARS = {"$currentYear": 0, "$lastYear": -1, "$nextYear": 1}

VARIABLES = ("$now", *_DAYS, *_WEEKS, *_MONTHS, *_YEARS)
