"""Random filters, each as ``q`` and, where GraphQL has the words, as a typed ``where``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from bson import ObjectId

from tests.oracle.operands import VARIABLES
from tests.oracle.scenes import (
    DAYS,
    FLOATS,
    GONE,
    INSTANTS,
    INTEGERS,
    OTHER_FIELDS,
    TEXTS,
)
from tests.oracle.values import Json

_SAME = ["$eq", "$not", "$in", "$nin", "$exists"]
_COMPARED = [*_SAME, "$ne", "$gt", "$gte", "$lt", "$lte", "$bt"]
_OF_LISTS = ["$all", "$size", "$elemMatch"]
_SIZES = ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$bt"]
_PATTERNS = ["a", "^a", "b$", "[0-9]+", "A", "/^A/i", "a.b", "a|Z", "^$", "/B C/i"]
POOLS: dict[str, list[Any]] = {
    "text": TEXTS,
    "number": INTEGERS,
    "float_number": [*FLOATS, 1, 10],
    "bool": [True, False],
    "date": DAYS,
    "datetime": INSTANTS,
}
_DATES = ("date", "datetime")
_ODD: list[Any] = [None, True, 0, 2.5, "a", "10", "1", "true", [], [1, 2], ["a"], {"kind": "small"}]
_FREE: list[Any] = [None, True, False, 0, 1, 2.5, "a", "2024-01-01", [], [1], {"k": 1}, ["a", None]]
_FEW: list[Any] = [None, 0, 1, "a"]


@dataclass(frozen=True)
class Twin:
    """One filter as ``q`` and as ``where``; None where GraphQL has no such words."""

    q: Json
    where: Json | None = None


def mangled(name: str) -> str:
    """A field's name in GraphQL."""
    return re.sub(r"[^_A-Za-z0-9]", "_", name)


class Filters:
    """Makes filters on one collection."""

    def __init__(
        self, random: Random, name: str, fields: Sequence[Json], ids: Sequence[ObjectId]
    ) -> None:
        self.random = random
        self.name = name
        self.fields = fields
        self._ids = [str(each) for each in ids]

    def one(self, choices: Sequence[Any]) -> Any:
        return self.random.choice(choices)

    def number(self, least: int, most: int) -> int:
        return self.random.randint(least, most)

    def chance(self, of: int) -> bool:
        """True once in so many times."""
        return self.random.randrange(of) == 0

    def some(self, choices: Sequence[Any], least: int, most: int) -> list[Any]:
        """Different ones of the choices."""
        return self.random.sample(choices, self.number(least, min(most, len(choices))))

    def filter(self, depth: int = 2) -> Twin:
        """Up to three conditions or filters, joined in some way."""
        how = self.one(["one", "one", "one", "and", "or", "nor", "not", "none"])
        if how == "none":
            return Twin({}, {})
        if how == "one" or not depth:
            return self._condition()
        number = 1 if how == "not" else self.number(1, 3)
        parts = [
            self.filter(depth - 1) if self.chance(5) else self._condition() for _ in range(number)
        ]
        return joined(how, parts)

    def _condition(self) -> Twin:
        kind = self.number(0, 9)
        if kind == 0:
            return self._system()
        if kind in (1, 2):
            return self._free(self.one(["free", "free.k", "free.0", "free.m.k", "about.k"]))
        return self._on(self.one(self.fields), "")

    def _system(self) -> Twin:
        if self.chance(2):
            operator = self.one(["$eq", "$not", "$in", "$nin", "$gt", "$lte"])
            return self._compare("_id", operator, self._ids, "_id")
        return self._compare("_version", self.one(_COMPARED), [0, 1, 2], "_version")

    def _free(self, path: str) -> Twin:
        operator = self.one([*_COMPARED, *_OF_LISTS, "$regex", *["part"] * 5])
        if operator == "part":
            part = {self.one("km"): self._loose() for _ in range(self.number(1, 2))}
            return Twin({path: part})
        if operator == "$elemMatch":
            inner = {self.one(["$eq", "$gt", "$not"]): self.one(_FEW)}
            return Twin({path: {"$elemMatch": inner if self.chance(2) else {"k": inner}}})
        if operator == "$regex":
            return Twin({path: {"$regex": self.one(_PATTERNS)}})
        if operator == "$size":
            return Twin({path: {"$size": self.number(0, 3)}})
        return Twin(self._compare(path, operator, _FREE, "").q)

    def _loose(self) -> Any:
        value = self.one(_FEW)
        if self.chance(2):
            return value
        operator = self.one(["$gte", "$not", "$ne", "$in", "$nin", "$bt"])
        several = operator in ("$in", "$nin", "$bt")
        return {operator: [value, self.one(_FEW)] if several else value}

    def _on(self, declared: Json, base: str) -> Twin:
        """A condition on a declared field, ``base`` being the path of the object that it is in."""
        path = f"{base}{declared['name']}"
        if declared.get("relation"):
            return self._related(path)
        if "fields" in declared:
            return self._inside(path, declared)
        if declared["type"] == "JSON":
            return self._free(self.one([path, f"{path}.k", f"{path}.0.k"]))
        return self._value(path, declared)

    def _value(self, path: str, declared: Json) -> Twin:
        kind, many = declared["type"], declared.get("multiple", False)
        pool = POOLS[kind]
        operators = [*(_SAME if kind == "bool" else _COMPARED), *(["$regex"] * (kind == "text"))]
        if many and self.chance(5):
            return Twin(self._compare(f"{path}.{self.one('01')}", "$bt", pool, "").q)
        operator = self.one([*operators, *(_OF_LISTS if many else [])])
        if operator == "$regex":
            return _both(path, "$regex", self.one(_PATTERNS))
        if operator == "$size":
            return self._size(path)
        if operator == "$elemMatch":
            inner = self._compare("x", self.one(operators[:-1]), pool, kind)
            found = {"$elemMatch": _operators(inner.q["x"])}
            where = inner.where and {mangled(path): {"elemMatch": inner.where["x"]}}
            return Twin({path: found}, where)
        if self.chance(8):
            return Twin(self._compare(path, operator, _ODD, "").q)
        return self._compare(path, operator, pool, kind)

    def _size(self, path: str) -> Twin:
        number = self.number(0, 3)
        if self.chance(2):
            return _both(path, "$size", number)
        operator = self.one(_SIZES)
        operand = {"$in": [number], "$nin": [number, 1], "$bt": [number, 2]}.get(operator, number)
        where = {mangled(path): {"size": {operator[1:]: operand}}}
        return Twin({path: {"$size": {operator: operand}}}, where)

    def _compare(self, path: str, operator: str, pool: Sequence[Any], kind: str) -> Twin:
        """One comparison; ``kind`` is empty when GraphQL cannot say it."""
        value = self._operands(operator, pool, kind)
        if operator in ("$gt", "$lt") and value is None:
            operator = "$eq"
        twin = _both(path, operator, value)
        if operator == "$eq" and not isinstance(value, dict) and self.chance(2):
            twin = Twin({path: value}, twin.where)
        unsaid = operator == "$bt" and None in value
        if not kind or unsaid or (kind in _DATES and "$date" in str(value)):
            return Twin(twin.q)
        return twin

    def _operands(self, operator: str, pool: Sequence[Any], kind: str) -> Any:
        if operator == "$exists":
            return self.one([True, False])
        value = self._operand(pool, kind)
        if operator == "$bt":
            return [value, self._operand(pool, kind)]
        if operator not in ("$in", "$nin", "$all"):
            return value
        return [value, *(self._operand(pool, kind) for _ in range(self.number(0, 2)))]

    def _operand(self, pool: Sequence[Any], kind: str) -> Any:
        if self.chance(12):
            return None
        if kind in _DATES:
            value = self.one(VARIABLES if self.chance(2) else pool)
            return {"$date": value} if self.chance(4) else value
        return self.one(pool)

    def _inside(self, path: str, declared: Json) -> Twin:
        """A condition on an object, or on the objects of a list."""
        many = declared.get("multiple", False)
        inner = self.one(declared["fields"])
        how = self.one(["path", "path", "part", "exists", *(["each", "at", "size"] * many)])
        if how == "exists":
            there = self.one([True, False])
            where = {mangled(path): {"exists": there}} if many else None
            return Twin({path: {"$exists": there}}, where)
        if how == "size":
            return self._size(path)
        if how == "at":
            return Twin(self._on(inner, f"{path}.{self.one('01')}.").q)
        if how == "path":
            twin = self._on(inner, f"{path}.")
            name = mangled(f"{path}.{inner['name']}")
            if twin.where is None or many:
                return Twin(twin.q)
            return Twin(twin.q, {mangled(path): {inner["name"]: twin.where[name]}})
        parts = self._parts(declared["fields"], 2)
        q = {name: each for twin in parts for name, each in twin.q.items()}
        if how == "part":
            return Twin({path: q})
        wheres = [twin.where for twin in parts]
        if None in wheres or not many:
            return Twin({path: {"$elemMatch": q}} if many else {path: q})
        where = {name: each for found in wheres for name, each in (found or {}).items()}
        return Twin({path: {"$elemMatch": q}}, {mangled(path): {"elemMatch": where}})

    def _parts(self, fields: Sequence[Json], most: int) -> list[Twin]:
        """Conditions on different ones of the fields."""
        chosen = self.some(fields, 1, most)
        return [self._value(each["name"], each) for each in chosen]

    def _related(self, path: str) -> Twin:
        """A condition on references: by id, by a field of theirs, by a part of theirs."""
        how = self.one(["id", "id", "field", "field", "at", "part", "exists"])
        if how == "exists":
            return Twin({f"{path}.0": {"$exists": self.one([True, False])}})
        if how == "id":
            return self._reference(path)
        if how == "part":
            parts = self._parts(OTHER_FIELDS, 2)
            q = {name: each for twin in parts for name, each in twin.q.items()}
            wheres = [twin.where for twin in parts]
            where = {name: each for found in wheres for name, each in (found or {}).items()}
            return Twin({path: q}, None if None in wheres else {mangled(path): where})
        inner = self.one(OTHER_FIELDS)
        base = f"{path}.{self.one('01')}" if how == "at" else path
        twin = self._value(inner["name"], inner)
        ((name, condition),) = twin.q.items()
        return Twin({f"{base}.{name}": condition})

    def _reference(self, path: str) -> Twin:
        value = self.one([*self._ids, str(GONE)])
        form = self.one(["plain", "object", "path", "in", "at", "null"])
        if form == "in":
            return Twin({path: {"$in": [value, self.one(self._ids)]}})
        if form == "path":
            return Twin({f"{path}._id": value})
        if form == "at":
            return Twin({f"{path}.0._id": value})
        return Twin({path: {"object": {"_id": value}, "plain": value, "null": None}[form]})


def _both(path: str, operator: str, value: Any) -> Twin:
    word = "ne" if operator == "$not" else operator[1:]
    return Twin({path: {operator: value}}, {mangled(path): {word: value}})


def _operators(condition: Any) -> Json:
    """A condition on an element, always with an operator."""
    plain = not isinstance(condition, dict) or "$date" in condition
    return {"$eq": condition} if plain else condition


def joined(how: str, parts: Sequence[Twin]) -> Twin:
    """Both forms of the conditions together; GraphQL has no ``nor``."""
    wheres = [each.where for each in parts]
    q: Json = {f"${how}": [each.q for each in parts]}
    where: Json | None = {how: wheres}
    if how == "not":
        q, where = {"$not": parts[0].q}, {how: wheres[0]}
    if how == "nor":
        where = {"not": {"or": wheres}}
    return Twin(q, None if None in wheres else where)
