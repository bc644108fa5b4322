"""Groups and figures as REST writes them, ``$YEAR:born`` and ``SUM:weight`` (SPEC 7.6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from duetdb.app.service.errors import BadQuery, LimitExceeded
from duetdb.app.service.filters.parse import place_of
from duetdb.app.service.grouping import DateFormat, DatePart, Function, Key, Measure
from duetdb.schema_gen.model import Collection, Schema
from duetdb.schema_gen.suggest import did_you_mean

_DATE: Final = "DATE."
_PARTS: Final = {each.value: each for each in DatePart}
_LONGEST_FORMAT: Final = 200

FUNCTIONS: Final[Mapping[str, Function]] = {
    "MIN": Function.LEAST,
    "MAX": Function.GREATEST,
    "AVG": Function.AVG,
    "SUM": Function.SUM,
    "COUNT": Function.COUNT,
}
"""What REST calls its functions; MIN and MAX answer documents."""


def parse_key(text: str, collection: Collection, schema: Schema) -> Key:
    """Reads ``field``, ``$YEAR:field`` or ``$DATE.YYYY-MM:field``.

    The field comes behind the last colon, since formats may hold some; a format
    may stand in brackets, ``$DATE.[YYYY-MM]``. Raises ``BadQuery`` for unknown
    functions, naming the nearest, and for fields that lead to no value,
    ``LimitExceeded`` for a format that is too long.
    """
    if not text.startswith("$"):
        return Key(place_of(collection, text, schema))
    name, colon, field = text[1:].rpartition(":")
    if not colon:
        name, field = field, ""
    date = _date(name)
    if not field:
        raise BadQuery(f"'{text[:50]}' needs a field.", hint="Such as $YEAR:born.")
    return Key(place_of(collection, field, schema), date)


def _date(name: str) -> DatePart | DateFormat:
    if name.upper().startswith(_DATE):
        return DateFormat(_format(name[len(_DATE) :]))
    part = _PARTS.get(name.upper())
    if part is None:
        raise _unknown(f"${name}", [*(f"${each}" for each in _PARTS), "$DATE.YYYY-MM-DD"])
    return part


def _format(text: str) -> str:
    if len(text) > _LONGEST_FORMAT:
        raise LimitExceeded(f"A date format has at most {_LONGEST_FORMAT} characters.")
    inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if not inner:
        raise BadQuery("'$DATE.' needs a format.", hint="Such as $DATE.YYYY-MM:born.")
    return text if _closes_early(inner) else inner


def _closes_early(text: str) -> bool:
    """Whether a bracket is closed that was not opened, as in ``YYYY] [MM``."""
    depth = 0
    for each in text:
        depth += (each == "[") - (each == "]")
        if depth < 0:
            return True
    return False


def parse_measure(text: str, collection: Collection, schema: Schema) -> tuple[str, Measure]:
    """Reads ``SUM:weight``; the first item is its name in the answer, ``SUM weight``.

    The text behind the colon of COUNT is a label that may be empty. Raises
    ``BadQuery`` for unknown functions, naming the nearest, and for fields that
    lead to no value.
    """
    given, _, field = text.partition(":")
    name = given.strip().upper()
    function = FUNCTIONS.get(name)
    if function is None:
        raise _unknown(given, FUNCTIONS)
    if function is Function.COUNT:
        return f"{name} {field}", Measure(function)
    if not field:
        raise BadQuery(f"'{name}' needs a field.", hint=f"Such as {name}:price.")
    return f"{name} {field}", Measure(function, place_of(collection, field, schema))


def _unknown(name: str, allowed: Iterable[str]) -> BadQuery:
    known = list(allowed)
    return BadQuery(
        f"There is no function '{name[:50]}'.{did_you_mean(name, known)}",
        hint=f"One of {', '.join(known)}, each with a colon and a field.",
    )
