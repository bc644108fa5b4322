"""The operators of a condition: what each takes, and the value that it becomes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from duetdb.app.service.errors import BadQuery, LimitExceeded
from duetdb.app.service.filters.geo import GEO
from duetdb.app.service.filters.operands import Convert, literal
from duetdb.app.service.filters.patterns import safe_pattern
from duetdb.app.service.limits import Limits
from duetdb.schema_gen.suggest import did_you_mean

LOGICAL: tuple[str, ...] = ("$and", "$or", "$nor", "$not")
"""Operators that stand where a field could."""

_SLASHES = re.compile(r"/(.*)/([a-z]*)", re.DOTALL)
_OPTIONS = frozenset("imsx")
_ELSEWHERE: Mapping[str, str] = {
    "$distinct": "It belongs at the top of 'q' of a REST list; in GraphQL, group by the field.",
    "$date": 'It stands inside a comparison: {"born": {"$gt": {"$date": "2017-01-01"}}}.',
    **dict.fromkeys(("$orderby", "$fields", "$max", "$skip"), "It belongs into the hints, 'h'."),
    **dict.fromkeys(("$groupby", "$aggregate"), "It belongs into the hints, 'h'."),
    **dict.fromkeys(("$maxDistance", "$minDistance"), "It belongs inside of '$near'."),
}


def operand(operator: str, value: Any, convert: Convert) -> Any:
    """The value of a ``Match``; raises ``BadQuery``."""
    read = _READERS.get(operator)
    if read is None:
        raise unknown(operator, CONDITIONS)
    return read(operator, value, convert)


def pattern(text: Any, options: Any, limits: Limits) -> tuple[str, str]:
    """Pattern and option letters of a regular expression, which may be written ``/ab/i``.

    The pattern is the one to be sent, which does not look at long texts if that could take long.
    """
    if not isinstance(text, str):
        raise BadQuery("'$regex' takes a regular expression as a string.")
    slashed = _SLASHES.fullmatch(text)
    if slashed and set(slashed[2]) <= _OPTIONS:
        text, letters = slashed[1], slashed[2]
    else:
        letters = ""
    if not isinstance(options, str) or not set(options) <= _OPTIONS:
        raise BadQuery("'$options' takes letters of 'imsx', 'i' for example.")
    if len(text) > limits.regex_length:
        raise LimitExceeded(
            f"A regular expression is longer than {limits.regex_length} characters.",
            hint="Use a shorter one, or raise DUETDB_REGEX_LENGTH.",
        )
    if "\0" in text:
        raise BadQuery("A regular expression contains a null byte.")
    chosen = "".join(sorted(set(letters + options)))
    return safe_pattern(literal(text), chosen, limits.regex_text), chosen


def boolean(operator: str, value: Any) -> bool:
    """A truth value, as JSON, as 0 and 1, or as the words that forms send."""
    known = {"true": True, "false": False, "1": True, "0": False}.get(str(value).lower())
    if known is None or isinstance(value, float | list | dict):
        raise BadQuery(f"'{operator}' takes true or false.")
    return known


def unknown(operator: str, allowed: tuple[str, ...]) -> BadQuery:
    """The error for an operator that is none here, with what it was perhaps meant to be."""
    if operator in _ELSEWHERE:
        return BadQuery(f"'{operator}' cannot stand here.", hint=_ELSEWHERE[operator])
    return BadQuery(
        f"Unknown query operator '{operator}'.{did_you_mean(operator, allowed)}",
        hint=f"Allowed here: {', '.join(allowed)}.",
    )


def _one(operator: str, value: Any, convert: Convert) -> Any:
    return _listed(value, convert) if isinstance(value, list) else convert(value)


def _listed(value: list[Any], convert: Convert) -> list[Any]:
    return [convert(each) if not isinstance(each, list) else literal(each) for each in value]


def _many(operator: str, value: Any, convert: Convert) -> list[Any]:
    if not isinstance(value, list):
        raise BadQuery(f"'{operator}' takes a list of values.")
    return _listed(value, convert)


def _range(operator: str, value: Any, convert: Convert) -> list[Any]:
    if not isinstance(value, list) or len(value) != 2:
        raise BadQuery("'$bt' takes a list of two values, the lowest and the highest.")
    return [convert(each) for each in value]


def _presence(operator: str, value: Any, convert: Convert) -> bool:
    return boolean(operator, value)


def _length(operator: str, value: Any, convert: Convert) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise BadQuery("'$size' takes a whole number of elements, or a comparison with one.")
    return value


_READERS: Mapping[str, Callable[[str, Any, Convert], Any]] = {
    "$eq": _one,
    "$ne": _one,
    "$gt": _one,
    "$gte": _one,
    "$lt": _one,
    "$lte": _one,
    "$in": _many,
    "$nin": _many,
    "$all": _many,
    "$bt": _range,
    "$exists": _presence,
    "$size": _length,
}

CONDITIONS: tuple[str, ...] = (*_READERS, "$regex", "$elemMatch", "$not", *GEO)
"""Operators of a condition on a field."""
