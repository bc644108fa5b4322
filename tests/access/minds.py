"""Callers of several kinds, what is stored, and what they may think of writing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from hypothesis import strategies as st

from duetdb.app.service.query import Document
from tests.access.limited import Caller, key, user
from tests.writing import Desk

FIELDS = [
    {"name": "title", "type": "text", "required": True},
    {"name": "team", "type": "text", "searchable": False},
    {"name": "size", "type": "number"},
    {"name": "pin", "type": "number", "required": True},
    {"name": "tags", "type": "text", "multiple": True, "searchable": False},
    {"name": "email", "type": "email", "unique": True},
    {"name": "boss", "type": "people", "relation": "many"},
    {"name": "safe", "type": "vaults", "relation": "one"},
    {"name": "twice", "type": "number", "formula": "{{size}}*2"},
    {"name": "sum", "type": "number", "formula": "{{size}}+{{secret}}"},
    {"name": "number", "type": "number", "autoIncrement": True, "hidden": True},
    {"name": "secret", "type": "number", "hidden": True, "renamedFrom": "mystery"},
    {"name": "notes", "type": "text", "hidden": True, "default": "none"},
    {
        "name": "address",
        "type": "object",
        "fields": [
            {"name": "city", "type": "text"},
            {"name": "zip", "type": "text", "hidden": True, "renamedFrom": "code"},
            {"name": "door", "type": "text", "hidden": True, "required": True, "default": "1"},
        ],
    },
    {
        "name": "items",
        "type": "object",
        "multiple": True,
        "fields": [
            {"name": "price", "type": "number"},
            {"name": "cost", "type": "number", "hidden": True},
        ],
    },
]
RED = {"team": "red"}
ACCESS = {"write": ["*"], "rules": [{"role": "*", "filter": RED}]}
DERIVED = ("twice", "sum")
IDS = [ObjectId(f"{number:024x}") for number in range(1, 10)]
ANN, BOB, SAFE, MISSING = IDS[5:9]
PEOPLE = {
    "fields": [{"name": "name", "type": "text"}],
    "access": {"rules": [{"role": "*", "filter": {"name": "Ann"}}]},
}
VAULTS = {"fields": [], "access": {"read": ["owner"]}}


@dataclass(frozen=True)
class Who:
    """A kind of caller; it sees, and may write, either all but some values or only some."""

    make: Callable[[Desk], Caller]
    unseen: tuple[str, ...] = ()
    seen: tuple[str, ...] | None = None
    kept: tuple[str, ...] = ()
    written: tuple[str, ...] | None = None

    def sees(self, path: str) -> bool:
        if self.seen is not None:
            return _is_among(path, self.seen)
        return not _is_among(path, self.unseen)

    def sees_in(self, name: str) -> bool:
        """Whether it sees what objects there are, be it a part of them."""
        return self.seen is None or any(each.startswith(f"{name}.") for each in self.seen)

    def writes(self, path: str) -> bool:
        if self.written is not None:
            return _is_among(path, self.written)
        return not _is_among(path, self.kept)


def _is_among(path: str, paths: tuple[str, ...]) -> bool:
    plain = ".".join(part for part in path.split(".") if not part.isdecimal())
    return any(plain == each or plain.startswith(f"{each}.") for each in paths)


HIDDEN = ("number", "secret", "mystery", "notes", "address.zip", "address.code", "address.door")
HIDDEN += ("items.cost",)
SOME = ("title", "size", "items.price")
MORE = (*SOME, "pin", "team", "tags", "free")
OTHERS = ("title", "pin", "address.city", "items.price", "free", "tags", "team")
WHO = {
    "user": Who(user, unseen=HIDDEN, kept=HIDDEN),
    "reads some": Who(
        lambda desk: key(desk, "/posts/**", "/people/**", filter=RED, readable=MORE),
        seen=MORE,
        written=MORE,
    ),
    "writes others": Who(
        lambda desk: key(desk, "/posts/**", filter=RED, readable=SOME, writable=OTHERS),
        seen=SOME,
        written=OTHERS,
    ),
    "writes some": Who(
        lambda desk: key(desk, "/posts/**", filter=RED, writable=OTHERS),
        unseen=HIDDEN,
        written=OTHERS,
    ),
    "writes alone": Who(
        lambda desk: key(
            desk,
            "/posts/**",
            filter=RED,
            readable=("title",),
            methods=frozenset(("POST", "PATCH", "PUT", "DELETE")),
        ),
        seen=("title",),
        written=("title",),
    ),
}


def mostly(likely: st.SearchStrategy[Any], other: st.SearchStrategy[Any]) -> Any:
    return st.integers(0, 9).flatmap(lambda number: likely if number < 9 else other)


numbers = st.sampled_from([0, 1, 7, -3, 12, 2**63 - 1])
texts = st.sampled_from(["", "a", "red", "blue", "x y", "$a"])
scalars = st.one_of(st.none(), numbers, texts, st.booleans())
address = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("city", "zip", "code", "door", "street"), texts)
)
item = st.fixed_dictionaries({}, optional=dict.fromkeys(("price", "cost", "n"), numbers))
values: Mapping[str, st.SearchStrategy[Any]] = {
    "title": st.sampled_from(["a", "x y", "$a", "b", "red", ""]),
    "team": st.sampled_from(["red", "red", "red", "blue", ""]),
    "size": numbers,
    "pin": mostly(numbers, st.none()),
    "tags": st.lists(texts, max_size=2),
    "email": st.sampled_from(["a@b.c", "d@e.f", "g@h.i"]),
    "boss": st.lists(st.sampled_from([str(each) for each in (ANN, BOB, MISSING)]), max_size=2),
    "safe": st.sampled_from([str(SAFE), str(MISSING)]),
    "address": address | scalars,
    "address.city": texts,
    "address.0": address | texts,
    "items": st.lists(item, max_size=2),
    "items.0": item,
    "items.0.price": numbers,
    "items.7.price": numbers,
    "items.0.n": scalars,
    "free": scalars | item,
    "free.x": scalars,
    "secret": numbers,
    "mystery": numbers,
    "notes": texts,
    "address.zip": texts,
    "address.code": texts,
    "items.1.cost": numbers,
    "twice": numbers,
}
NAMES = sorted(values)
PARTS = {
    "address": ("city", "zip", "code", "door", "street"),
    "address.0": ("city", "zip"),
    "items.0": ("price", "cost", "n"),
    "items": ("price", "cost", "n"),
}
operands = scalars | item | st.lists(scalars | item, max_size=2)


class Mind:
    """What a caller thinks of: mostly what it may do, and anything else now and then."""

    def __init__(self, who: Who) -> None:
        mine = [name for name in NAMES if who.writes(name) or name in ("address", "items.0")]
        readable = [name for name in mine if who.sees(name)]
        self._parts = {
            name: [part for part in parts if who.writes(f"{name.partition('.')[0]}.{part}")]
            for name, parts in PARTS.items()
        }
        self.paths = mostly(st.sampled_from(mine), st.sampled_from(NAMES))
        self._operable = mostly(st.sampled_from(readable or mine), self.paths)
        self._lists = mostly(st.sampled_from(["items", "tags", "free"]), self.paths)

    def value(self, name: str) -> st.SearchStrategy[Any]:
        parts = self._parts.get(name)
        if parts is None:
            return values[name]
        own = st.fixed_dictionaries({}, optional=dict.fromkeys(parts, numbers | texts))
        return mostly(st.lists(own, max_size=2) if name == "items" else own, values[name])

    def body(self) -> st.SearchStrategy[Document]:
        return st.lists(self.paths, min_size=1, max_size=2, unique=True).flatmap(
            lambda names: st.fixed_dictionaries({name: self.value(name) for name in names})
        )

    def operation(self) -> st.SearchStrategy[tuple[str, str, Any]]:
        element = mostly(operands, self.value("items.0"))
        several = element | st.lists(element, max_size=2).map(lambda each: {"$each": each})
        either = element | st.lists(element, max_size=2).map(lambda each: {"$in": each})
        free = mostly(st.just("free"), self.paths)
        return st.one_of(
            st.tuples(st.sampled_from(["$inc", "$min", "$max"]), self._operable, numbers),
            st.tuples(st.sampled_from(["$push", "$addToSet"]), self._lists, several),
            st.tuples(st.just("$pull"), self._lists, either),
            st.tuples(st.just("$pop"), self._lists, st.sampled_from([1, -1])),
            st.tuples(st.just("$unset"), self._operable, st.just(1) | address),
            st.tuples(st.just("$rename"), self._operable, free),
            self.paths.flatmap(
                lambda name: st.tuples(st.just("$set"), st.just(name), self.value(name))
            ),
        )


stored = st.fixed_dictionaries(
    {
        "title": st.just("t"),
        "team": st.sampled_from(["red", "red", "red", "blue"]),
        "pin": mostly(numbers, st.none()),
    },
    optional={
        "size": numbers,
        "tags": st.lists(texts, max_size=2),
        "boss": st.just([ANN]),
        "free": scalars | item | st.lists(item, max_size=2),
        "secret": numbers,
        "mystery": numbers,
        "notes": texts,
        "address": address,
        "items": st.lists(item, min_size=1, max_size=3),
    },
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str, Any]:
    """Somebody, a kind of write, and its body."""
    name = draw(st.sampled_from(sorted(WHO)))
    kinds = ["create", "update", "update", "update", "replace", "replace", "delete"]
    kind = draw(st.sampled_from(kinds))
    mind, who = MINDS[name], WHO[name]
    body = draw(mind.body())
    needed = {"title": "n", "team": "red", "pin": 1}
    whole = {**{each: needed[each] for each in needed if who.writes(each)}, **body}
    if kind == "create":
        return name, kind, [whole] * draw(st.integers(1, 2))
    if kind == "replace":
        own = {each: value for each, value in whole.items() if "." not in each}
        return name, kind, draw(st.sampled_from([own, own, own, body]))
    if kind == "update" and draw(st.booleans()):
        operator, path, operand = draw(mind.operation())
        body = {operator: {path: operand}, **draw(st.just({}) | st.just(body))}
    return name, kind, body


MINDS = {name: Mind(who) for name, who in WHO.items()}
