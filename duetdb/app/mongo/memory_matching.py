"""Which documents a filter selects, with MongoDB's meaning, for the in-memory engine.

What is not here is ``NotAvailable``: of the operators that the query language of the interfaces
has, those about places.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import ge, gt, le, lt
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias

import regex
from bson import Decimal128, ObjectId
from bson.datetime_ms import DatetimeMS
from bson.int64 import Int64
from pymongo.errors import ExecutionTimeout

from duetdb.app.mongo.memory_values import MISSING, NOT_A_NUMBER, key_of, reached
from duetdb.app.service.errors import NotAvailable

Condition: TypeAlias = Mapping[str, Any]


class Reached(NamedTuple):
    """What a path leads to, and ``compared``: the same with the elements of what are lists.

    A comparison holds if it does for any of these.
    """

    values: list[Any]
    compared: list[Any]

    @classmethod
    def by_path(cls, document: Any, path: str) -> Reached:
        values, elements = [], []
        for value, at_position in reached(document, path.split(".")):
            values.append(value)
            if isinstance(value, list) and not at_position:
                elements.extend(value)
        return cls(values, values + elements)


_MATCH_SECONDS: Final = 0.05
"""How long one text may be held against a pattern, while everybody else waits."""
TIME_EXPIRED: Final = 50
_LOGICAL: Final = frozenset(("$and", "$or", "$nor"))
_CLASSES: Final = re.compile(r"\\[wWdDsSbB]")
_DIALECT: Final = re.compile(r"\\[ZNU]|\(\?[^:=!<]")
_FLAGS: Final = {"a": "ASCII", "i": "IGNORECASE", "m": "MULTILINE", "s": "DOTALL", "x": "VERBOSE"}


def matches(condition: Condition | None, document: Any) -> bool:
    """Whether MongoDB would find ``document`` by ``condition``; raises ``NotAvailable``."""
    return all(
        _logical(name, value, document)
        if name.startswith("$")
        else _holds(value, Reached.by_path(document, name))
        for name, value in (condition or {}).items()
    )


def check(condition: Condition | None) -> None:
    """Raises ``NotAvailable`` for what ``matches`` does not know, whatever is stored."""
    for name, value in (condition or {}).items():
        if name in _LOGICAL:
            for each in value:
                check(each)
        elif name.startswith("$"):
            refuse(name)
        elif is_operators(value):
            _check_operators(value)


def refuse(what: str) -> NoReturn:
    raise NotAvailable(
        f"{what} is not available in memory mode.",
        hint="Use the embedded database (serve without --memory) or a MongoDB.",
    )


def is_operators(value: Any) -> bool:
    """Whether this is a condition on one value; ``$and`` and its like are on a document."""
    return isinstance(value, dict) and any(
        str(name).startswith("$") and name not in _LOGICAL for name in value
    )


def _check_operators(operators: Condition) -> None:
    for name, operand in operators.items():
        if name == "$not":
            _check_operators(operand)
        elif name == "$elemMatch":
            (_check_operators if is_operators(operand) else check)(operand)
        elif name == "$regex":
            _pattern(operand, operators.get("$options", ""))
        elif name not in _OPERATORS and name != "$options":
            refuse(name)


def _logical(operator: str, parts: Any, document: Any) -> bool:
    if operator == "$and":
        return all(matches(part, document) for part in parts)
    if operator == "$or":
        return any(matches(part, document) for part in parts)
    if operator == "$nor":
        return not any(matches(part, document) for part in parts)
    refuse(operator)


def _holds(condition: Any, found: Reached) -> bool:
    """One condition on what a path leads to."""
    if not is_operators(condition):
        return _eq(found, condition)
    return all(
        _operator(name, operand, condition, found)
        for name, operand in condition.items()
        if name != "$options"
    )


def _operator(name: str, operand: Any, condition: Condition, found: Reached) -> bool:
    if name == "$not":
        return not _holds(operand, found)
    if name == "$regex":
        pattern = _pattern(operand, condition.get("$options", ""))
        return any(isinstance(each, str) and _is_in(each, pattern) for each in found.compared)
    holds = _OPERATORS.get(name)
    return holds(found, operand) if holds is not None else refuse(name)


def _eq(found: Reached, operand: Any) -> bool:
    wanted = key_of(operand)
    return any(key_of(each) == wanted for each in found.compared)


def _in(found: Reached, operands: Any) -> bool:
    wanted = {key_of(each) for each in operands}
    return any(key_of(each) in wanted for each in found.compared)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Reached, Any], bool]:
    """A comparison, which holds only between values of one type, and for NaN with itself."""

    def holds(found: Reached, operand: Any) -> bool:
        wanted = key_of(operand)
        keys = [key_of(each) for each in found.compared]
        if wanted == NOT_A_NUMBER:
            return compare(0, 0) and NOT_A_NUMBER in keys
        return any(
            key[0] == wanted[0] and key != NOT_A_NUMBER and compare(key[1], wanted[1])
            for key in keys
        )

    return holds


def _elem_match(found: Reached, condition: Any) -> bool:
    elements = [each for value in found.values if isinstance(value, list) for each in value]
    if is_operators(condition):
        return any(_holds(condition, Reached([each], [each])) for each in elements)
    inside = [_as_object(each) for each in elements if isinstance(each, dict | list)]
    return any(matches(condition, each) for each in inside)


def _as_object(element: dict[str, Any] | list[Any]) -> Condition:
    """An element that is a list itself is looked into by its positions, not into its elements."""
    if isinstance(element, dict):
        return element
    return {str(position): each for position, each in enumerate(element)}


def _type(found: Reached, operand: Any) -> bool:
    names = operand if isinstance(operand, list) else [operand]
    tests = [_TYPES.get(each) or refuse(f"$type {each!r}") for each in names]
    return any(test(each) for test in tests for each in found.compared)


def _exists(found: Reached, operand: Any) -> bool:
    return any(each is not MISSING for each in found.values) == bool(operand)


_OPERATORS: Final[Mapping[str, Callable[[Reached, Any], bool]]] = {
    "$eq": _eq,
    "$ne": lambda found, operand: not _eq(found, operand),
    "$in": _in,
    "$nin": lambda found, operands: not _in(found, operands),
    "$gt": _ordered(gt),
    "$gte": _ordered(ge),
    "$lt": _ordered(lt),
    "$lte": _ordered(le),
    "$all": lambda found, operands: bool(operands) and all(_eq(found, each) for each in operands),
    "$size": lambda found, size: any(isinstance(v, list) and len(v) == size for v in found.values),
    "$exists": _exists,
    "$elemMatch": _elem_match,
    "$type": _type,
}

_TYPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "double": lambda value: isinstance(value, float),
    "string": lambda value: isinstance(value, str),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "objectId": lambda value: isinstance(value, ObjectId),
    "bool": lambda value: isinstance(value, bool),
    "date": lambda value: key_of(value)[0] == 45 or isinstance(value, DatetimeMS),
    "null": lambda value: value is None,
    "int": lambda value: type(value) is int and -(2**31) <= value < 2**31,
    "long": lambda value: (
        isinstance(value, Int64) or (type(value) is int and not -(2**31) <= value < 2**31)
    ),
    "decimal": lambda value: isinstance(value, Decimal128),
    "number": lambda value: key_of(value)[0] == 10,
}


def _is_in(text: str, pattern: Any) -> bool:
    try:
        return pattern.search(text, timeout=_MATCH_SECONDS) is not None
    except TimeoutError:
        raise ExecutionTimeout("A pattern takes too long.", TIME_EXPIRED) from None


@lru_cache(maxsize=256)
def _pattern(pattern: str, options: str) -> Any:
    """The pattern as Python's; where the two dialects may differ it is ``NotAvailable``.

    It is one of the ``regex`` package, which unlike that of Python can be told to give up.
    """
    if pattern.isascii() or "i" not in options:
        options += "a"  # as in MongoDB, \w and \d are those of ASCII
    elif _CLASSES.search(pattern):
        refuse(f"The pattern {pattern!r}")
    if _DIALECT.search(pattern):
        refuse(f"The pattern {pattern!r}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern, _flags(re, options))
            return regex.compile(pattern, _flags(regex, options))
    except (re.error, regex.error, FutureWarning, OverflowError):
        refuse(f"The pattern {pattern!r}")


def _flags(module: Any, options: str) -> int:
    """The option letters as flags, which are other numbers in either module."""
    return sum(int(getattr(module, _FLAGS[each])) for each in set(options))
