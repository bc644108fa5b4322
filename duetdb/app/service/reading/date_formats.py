"""Dates as texts in the tokens of moment.js, computed by the database.

The tokens mean what moment.js makes of them in English. What is no token is
itself, and so is whatever stands in brackets: ``[week] W``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from duetdb.app.service.reading.expressions import Expression, let

_TOKENS: Final = re.compile(
    r"\[[^\]]*\]|[MDdwWQ]o|DDDo|M{1,4}|D{1,4}|d{1,4}|w{1,2}|W{1,2}|Q|(?:YY){1,2}|(?:gg){1,2}"
    r"|(?:GG){1,2}|e|E|a|A|h{1,2}|H{1,2}|k{1,2}|m{1,2}|s{1,2}|S{1,9}|x|X|Z{1,2}|.",
    re.DOTALL,
)
_MONTHS: Final = (
    "January February March April May June July August September October November December"
).split()
_DAYS: Final = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split()


@dataclass(frozen=True, slots=True)
class Clock:
    """A date and the zone in which it is read."""

    date: Expression
    zone: str

    def part(self, operator: str) -> Expression:
        """A number such as ``$month``."""
        return {operator: self._arguments()}

    def text(self, format: str) -> Expression:
        """The date in MongoDB's own directives; an error outside the years 0 to 9999."""
        return {"$dateToString": {**self._arguments(), "format": {"$literal": format}}}

    def bucket(self, unit: str) -> Expression:
        """The instant at which the span of time began; weeks begin on Monday."""
        return {"$dateTrunc": {**self._arguments(), "unit": unit, "startOfWeek": "monday"}}

    @property
    def saturday(self) -> Clock:
        """The end of the same week as it is counted in English, from Sunday on."""
        days = {"$subtract": [7, self.part("$dayOfWeek")]}
        added = {"startDate": self.date, "unit": "day", "amount": days, "timezone": self.zone}
        return Clock({"$dateAdd": added}, self.zone)

    def _arguments(self) -> dict[str, Any]:
        zone = {} if self.zone == "UTC" else {"timezone": self.zone}
        return {"date": self.date, **zone}


def formatted(format: str, clock: Clock) -> Expression:
    """The date as a text in the tokens of ``format``, for the years 1 to 9999."""
    pieces: list[Expression] = []
    directives = ""
    for token in _TOKENS.findall(format):
        directive = _DIRECTIVES.get(token)
        computed = None if directive else _computed(token, clock)
        if computed is None:
            directives += directive or _literal(token)
            continue
        if directives:
            pieces.append(clock.text(directives))
        pieces.append(computed)
        directives = ""
    if directives:
        pieces.append(clock.text(directives))
    return pieces[0] if len(pieces) == 1 else {"$concat": pieces}


def _literal(token: str) -> str:
    text = token[1:-1] if token[0] == "[" and token[-1] == "]" else token
    return text.replace("%", "%%")


def _computed(token: str, clock: Clock) -> Expression | None:
    """What a token is where the database has no directive for it."""
    if token in _TEXTS:
        return _TEXTS[token](clock)
    if token in _NUMBERS:
        return {"$toString": _NUMBERS[token](clock)}
    if token[0] == "S":
        digits = {"$concat": [clock.text("%L"), "0" * max(len(token) - 3, 0)]}
        return {"$substrCP": [digits, 0, len(token)]}
    name = token[:-1]
    if name in _NUMBERS and token[-1] == "o":
        return _ordinal(_NUMBERS[name](clock))
    if name in _NUMBERS and token == name * 2:
        return {"$substrCP": [{"$toString": {"$add": [100, _NUMBERS[name](clock)]}}, 1, 2]}
    return None


def _hour(clock: Clock, hours: int) -> Expression:
    """The hour on a clock of 12 or 24 hours that begins with 1."""
    before = {"$add": [clock.part("$hour"), hours - 1]}
    return {"$add": [{"$mod": [before, hours]}, 1]}


def _week(clock: Clock) -> Expression:
    """The week with 1 January in it is the first."""
    day = {"$subtract": [clock.saturday.part("$dayOfYear"), 1]}
    return {"$add": [{"$toInt": {"$divide": [day, 7]}}, 1]}


def _ordinal(number: Expression) -> Expression:
    """1st, 2nd, 3rd, 4th, 11th."""
    teens = {"$eq": [{"$toInt": {"$divide": [{"$mod": ["$$v", 100]}, 10]}}, 1]}
    last = {"$mod": ["$$v", 10]}
    endings = ["th", "st", "nd", "rd", *["th"] * 6]
    ending = {"$cond": [teens, "th", {"$arrayElemAt": [endings, last]}]}
    return let(number, {"$concat": [{"$toString": "$$v"}, ending]})


def _name(names: list[str], number: Expression, length: int | None = None) -> Expression:
    """A name by its number, which begins with 1."""
    short = [name[:length] for name in names]
    return {"$arrayElemAt": [short, {"$subtract": [number, 1]}]}


def _half(clock: Clock, names: list[str]) -> Expression:
    return {"$cond": [{"$lt": [clock.part("$hour"), 12]}, *names]}


def _end(text: Expression) -> Expression:
    return {"$substrCP": [text, 2, 2]}


def _offset(clock: Clock) -> Expression:
    offset = clock.text("%z")
    hours, minutes = {"$substrCP": [offset, 0, 3]}, {"$substrCP": [offset, 3, 2]}
    return {"$concat": [hours, ":", minutes]}


_DIRECTIVES: Final[Mapping[str, str]] = {
    "YYYY": "%Y",
    "GGGG": "%G",
    "MM": "%m",
    "DD": "%d",
    "DDDD": "%j",
    "E": "%u",
    "WW": "%V",
    "HH": "%H",
    "mm": "%M",
    "ss": "%S",
    "SSS": "%L",
    "ZZ": "%z",
}
_NUMBERS: Final[Mapping[str, Callable[[Clock], Expression]]] = {
    "Q": lambda clock: {"$toInt": {"$divide": [{"$add": [clock.part("$month"), 2]}, 3]}},
    "M": lambda clock: clock.part("$month"),
    "D": lambda clock: clock.part("$dayOfMonth"),
    "DDD": lambda clock: clock.part("$dayOfYear"),
    "d": lambda clock: {"$subtract": [clock.part("$dayOfWeek"), 1]},
    "e": lambda clock: {"$subtract": [clock.part("$dayOfWeek"), 1]},
    "w": _week,
    "W": lambda clock: clock.part("$isoWeek"),
    "gggg": lambda clock: clock.saturday.part("$year"),
    "H": lambda clock: clock.part("$hour"),
    "h": lambda clock: _hour(clock, 12),
    "k": lambda clock: _hour(clock, 24),
    "m": lambda clock: clock.part("$minute"),
    "s": lambda clock: clock.part("$second"),
    "x": lambda clock: {"$toLong": clock.date},
    "X": lambda clock: {"$toLong": {"$floor": {"$divide": [{"$toLong": clock.date}, 1000]}}},
}
_TEXTS: Final[Mapping[str, Callable[[Clock], Expression]]] = {
    "YY": lambda clock: _end(clock.text("%Y")),
    "GG": lambda clock: _end(clock.text("%G")),
    "gg": lambda clock: _end({"$toString": clock.saturday.part("$year")}),
    "MMM": lambda clock: _name(_MONTHS, clock.part("$month"), 3),
    "MMMM": lambda clock: _name(_MONTHS, clock.part("$month")),
    "dd": lambda clock: _name(_DAYS, clock.part("$dayOfWeek"), 2),
    "ddd": lambda clock: _name(_DAYS, clock.part("$dayOfWeek"), 3),
    "dddd": lambda clock: _name(_DAYS, clock.part("$dayOfWeek")),
    "A": lambda clock: _half(clock, ["AM", "PM"]),
    "a": lambda clock: _half(clock, ["am", "pm"]),
    "Z": _offset,
}
