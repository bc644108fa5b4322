"""Parts of dates, and dates as texts in the tokens of moment.js, in UTC (SPEC 7.6)."""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

_MONTHS = (
    "January February March April May June July August September October November December"
).split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_TOKEN = re.compile(
    r"\[([^\]]*)\]|Do|YYYY|YY|MMMM|MMM|MM|M|DDDD|DD|D|dddd|ddd|HH|H|hh|h|mm|m|ss|s|A|a|Q|GGGG|WW|W|E|."
)

PARTS: Mapping[str, Callable[[datetime], int]] = {
    "YEAR": lambda date: date.year,
    "MONTH": lambda date: date.month,
    "DAY": lambda date: date.day,
    "HOUR": lambda date: date.hour,
    "MIN": lambda date: date.minute,
    "SEC": lambda date: date.second,
}

_TOKENS: Mapping[str, Callable[[datetime], str]] = {
    "YYYY": lambda date: f"{date.year:04}",
    "YY": lambda date: f"{date.year % 100:02}",
    "MMMM": lambda date: _MONTHS[date.month - 1],
    "MMM": lambda date: _MONTHS[date.month - 1][:3],
    "MM": lambda date: f"{date.month:02}",
    "M": lambda date: str(date.month),
    "DDDD": lambda date: f"{date.timetuple().tm_yday:03}",
    "DD": lambda date: f"{date.day:02}",
    "D": lambda date: str(date.day),
    "Do": lambda date: f"{date.day}{_ending(date.day)}",
    "dddd": lambda date: _DAYS[date.weekday()],
    "ddd": lambda date: _DAYS[date.weekday()][:3],
    "HH": lambda date: f"{date.hour:02}",
    "H": lambda date: str(date.hour),
    "hh": lambda date: f"{(date.hour - 1) % 12 + 1:02}",
    "h": lambda date: str((date.hour - 1) % 12 + 1),
    "mm": lambda date: f"{date.minute:02}",
    "m": lambda date: str(date.minute),
    "ss": lambda date: f"{date.second:02}",
    "s": lambda date: str(date.second),
    "A": lambda date: "AM" if date.hour < 12 else "PM",
    "a": lambda date: "am" if date.hour < 12 else "pm",
    "Q": lambda date: str((date.month + 2) // 3),
    "GGGG": lambda date: f"{date.isocalendar().year:04}",
    "WW": lambda date: f"{date.isocalendar().week:02}",
    "W": lambda date: str(date.isocalendar().week),
    "E": lambda date: str(date.isoweekday()),
    "w": lambda date: str((_saturday(date).timetuple().tm_yday - 1) // 7 + 1),
    "X": lambda date: str(timegm(date.timetuple())),
}


def formatted(format: str, date: datetime) -> str:
    """The date as a text; what is no token, or in brackets, is itself."""
    found = []
    for match in _TOKEN.finditer(format):
        make = _TOKENS.get(match[0])
        found.append(make(date) if make else match[0] if match[1] is None else match[1])
    return "".join(found)


def _saturday(date: datetime) -> datetime:
    """The end of its week as English calendars have it; the week with 1 January is the first."""
    return date + timedelta(days=6 - date.isoweekday() % 7)


def _ending(number: int) -> str:
    if number % 100 // 10 == 1:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
