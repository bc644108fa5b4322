"""The text that a group's key has as a name in JSON (SPEC 7.6).

The database makes the texts, so that values of one text are one group. It leaves
as they are those that it cannot spell: numbers of more digits than 15 or far from
1, dates outside its calendar, objects, and lists with any of these or with lists
inside. Their texts are made here. Where such a text is also that of another group,
the database is asked again, and told the texts of those values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

from bson import encode
from bson.decimal128 import Decimal128

from duetdb.app.service.encoding import date_text, dumps, is_date
from duetdb.app.service.reading.expressions import Expression, either_list, let

_NULL: Final = "null"
_LONG: Final = 9.2e18
_LEAST: Final = 1e-6
_MOST: Final = 1e21
_NO_TEXT: Final = ("undefined", "missing", "null")

Spelled: TypeAlias = Sequence[tuple[Any, str]]
"""Values that the database cannot spell, with their texts."""


def text_expression(value: Expression, spelled: Spelled = ()) -> Expression:
    """The text of a value, or the value itself where the database cannot spell it.

    Those in ``spelled`` have the texts that stand there.
    """
    texts = {"$map": {"input": "$$v", "as": "v", "in": _scalar()}}
    whole = {"$setIsSubset": [{"$map": {"input": "$$t", "in": {"$type": "$$this"}}}, ["string"]]}
    separator = {"$cond": [{"$eq": ["$$value", None]}, "$$this", _after("$$value", "$$this")]}
    joined = {"$reduce": {"input": "$$t", "initialValue": None, "in": separator}}
    listed = {
        "$let": {
            "vars": {"t": texts},
            "in": {"$cond": [whole, {"$ifNull": [joined, ""]}, _unspelled()]},
        }
    }
    text = let(value, either_list("$$v", listed, _scalar()))
    return _known(text, spelled) if spelled else text


def clashes(groups: Iterable[Sequence[Any]]) -> Spelled:
    """The values, among the keys of groups, that give several groups the same texts."""
    by_texts: dict[tuple[str, ...], list[Sequence[Any]]] = {}
    for keys in groups:
        by_texts.setdefault(tuple(map(text_of, keys)), []).append(keys)
    found: dict[bytes, tuple[Any, str]] = {}
    for texts, several in by_texts.items():
        for keys in several if several[1:] else ():
            for key, text in zip(keys, texts, strict=True):
                if type(key) is not str:
                    found[encode({"": key})] = (key, text)
    return list(found.values())


def _unspelled() -> Expression:
    """A list with what the database cannot spell; if that is all of it, as if it were no list."""
    only = {"$first": "$$v"}
    return either_list(only, "$$v", {"$cond": [{"$eq": ["$$v", [only]]}, only, "$$v"]})


def text_of(key: Any) -> str:
    """The text of what ``text_expression`` gave."""
    if isinstance(key, str):
        return str(key)
    if is_date(key):
        return date_text(key)
    if isinstance(key, list):
        return ",".join(_inner(each) for each in key)
    if isinstance(key, Decimal128):
        return str(key)
    if isinstance(key, float):
        return _double(key)
    return dumps(key).decode()


def _inner(element: Any) -> str:
    return dumps(element).decode() if isinstance(element, list) else text_of(element)


def _double(number: float) -> str:
    if number != number:
        return "NaN"
    if abs(number) == float("inf"):
        return "Infinity" if number > 0 else "-Infinity"
    if number.is_integer() and abs(number) < _MOST:
        return str(int(number))
    return repr(number).replace("e-0", "e-")


def _known(text: Expression, spelled: Spelled) -> Expression:
    values, texts = ({"$literal": list(each)} for each in zip(*spelled, strict=True))
    place = {"$indexOfArray": [values, "$$v"]}
    known = {"$cond": [{"$gte": ["$$at", 0]}, {"$arrayElemAt": [texts, "$$at"]}, "$$v"]}
    return let(text, {"$let": {"vars": {"at": place}, "in": known}})


def _after(text: Expression, other: Expression) -> Expression:
    return {"$concat": [text, ",", other]}


def _scalar() -> Expression:
    """The text of ``$$v``, which is no list."""
    return {
        "$let": {
            "vars": {"type": {"$type": "$$v"}},
            "in": {
                "$switch": {
                    "branches": [
                        _when(["string"], "$$v"),
                        _when(["double", "decimal"], _number()),
                        _when(["int", "long", "bool", "objectId"], {"$toString": "$$v"}),
                        _when(_NO_TEXT, _NULL),
                        _when(["date"], _date()),
                    ],
                    "default": "$$v",
                }
            },
        }
    }


def _when(types: Sequence[str], then: Expression) -> dict[str, Expression]:
    return {"case": {"$in": ["$$type", list(types)]}, "then": then}


def _date() -> Expression:
    year = {"$year": "$$v"}
    inside = {"$and": [{"$gte": [year, 0]}, {"$lte": [year, 9999]}]}
    return {"$cond": [inside, {"$toString": "$$v"}, "$$v"]}


def _number() -> Expression:
    """The shortest digits; of a double the database's own text has six at most."""
    digits = {"$toString": {"$add": [{"$toDecimal": "$$v"}, Decimal128("0.0")]}}
    zeros = {"$rtrim": {"input": digits, "chars": "0"}}
    size = {"$abs": "$$v"}
    is_exact = {
        "$or": [
            {"$eq": ["$$type", "decimal"]},
            {"$eq": [{"$toDouble": {"$toDecimal": "$$v"}}, "$$v"]},
        ]
    }
    whole = [{"$eq": [{"$trunc": "$$v"}, "$$v"]}, {"$lt": [size, _LONG]}]
    return {
        "$switch": {
            "branches": [
                {"case": {"$eq": ["$$v", 0]}, "then": "0"},
                {"case": {"$lt": [size, _LEAST]}, "then": "$$v"},
                {"case": {"$and": whole}, "then": {"$toString": {"$toLong": "$$v"}}},
                {
                    "case": {"$and": [{"$lt": [size, _MOST]}, is_exact]},
                    "then": {"$rtrim": {"input": zeros, "chars": "."}},
                },
            ],
            "default": "$$v",
        }
    }
