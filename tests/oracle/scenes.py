"""Random collections and what is stored in them, clean and dirty."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from bson import ObjectId
from hypothesis import strategies as st

from tests.oracle.values import Json

T = TypeVar("T")
Draw = Callable[[st.SearchStrategy[T]], T]

THINGS, OTHERS = "things", "others"
GONE = ObjectId("f" * 24)
"""The id of a document that is not there any more."""

TEXTS = ["", "a", "ab", "Ab", "b c", "é", "10", "a.b", "ZZ top"]
INTEGERS = [-3, 0, 1, 2, 3, 10, 2**40]
FLOATS = [-1.5, 0.0, 0.25, 1.0, 2.0, 2.5, 1e6]
DAYS = ["2023-12-31", "2024-01-01", "2024-02-29", "2024-05-16", "2024-05-17", "2024-06-01"]
INSTANTS = [
    "1999-12-31T23:59:59.999Z",
    "2024-01-01T00:00:00.000Z",
    "2024-01-01T10:20:30.000Z",
    "2024-05-17T12:30:00.000Z",
    "2024-05-17T23:45:00.000Z",
    "2024-10-27T00:30:00.000Z",
    "2024-10-27T01:30:00.000Z",
]
KINDS = ["small", "large", ""]


def _lists(inner: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(inner, max_size=most)


_text = st.sampled_from(TEXTS)
_integer = st.sampled_from(INTEGERS)
_float = st.sampled_from(FLOATS)
_plain = st.sampled_from([None, True, False, 0, 1, 2.5, "a", "ab", "2024-01-01"])
_pairs = st.dictionaries(st.sampled_from("km"), st.sampled_from([None, 0, 1, "a"]), max_size=2)
_json = st.one_of(
    _plain,
    _pairs,
    _lists(_pairs),
    _lists(_pairs),
    _lists(_plain | _pairs),
    st.dictionaries(st.sampled_from("kmx"), _plain | _pairs | _lists(_plain), max_size=2),
    _lists(_lists(_plain, 2), 2),
)
_part = st.fixed_dictionaries(
    {}, optional={"kind": st.sampled_from(KINDS), "length": _integer, "marks": _lists(_integer)}
)
_address = st.fixed_dictionaries(
    {}, optional={"city": _text, "since": st.sampled_from(DAYS), "floor": _integer}
)

FIELDS: Mapping[str, Json] = {
    each["name"]: each
    for each in (
        {"name": "title", "type": "text"},
        {"name": "sub title", "type": "text"},
        {"name": "age", "type": "number"},
        {"name": "net-chg", "type": "number"},
        {"name": "height", "type": "float_number"},
        {"name": "active", "type": "bool"},
        {"name": "born", "type": "date"},
        {"name": "seen", "type": "datetime"},
        {"name": "tags", "type": "text", "multiple": True},
        {"name": "scores", "type": "number", "multiple": True},
        {"name": "days", "type": "date", "multiple": True},
        {
            "name": "address",
            "type": "object",
            "fields": [
                {"name": "city", "type": "text"},
                {"name": "since", "type": "date"},
                {"name": "floor", "type": "number"},
            ],
        },
        {
            "name": "parts",
            "type": "object",
            "multiple": True,
            "fields": [
                {"name": "kind", "type": "text"},
                {"name": "length", "type": "number"},
                {"name": "marks", "type": "number", "multiple": True},
            ],
        },
        {"name": "about", "type": "JSON"},
        {"name": "one", "type": OTHERS, "relation": "one"},
        {"name": "many", "type": OTHERS, "relation": "many"},
    )
}
"""Every field that a collection may have."""

_VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "title": _text,
    "sub title": _text,
    "age": _integer,
    "net-chg": _integer,
    "height": _float,
    "active": st.booleans(),
    "born": st.sampled_from(DAYS),
    "seen": st.sampled_from(INSTANTS),
    "tags": _lists(_text),
    "scores": _lists(_integer),
    "days": _lists(st.sampled_from(DAYS), 2),
    "address": _address,
    "parts": _lists(_part),
    "about": _json.filter(lambda value: not isinstance(value, str)),
    "free": _json,
}
"""What a client writes; ``free`` is not declared."""

_stray = st.one_of(
    _plain,
    st.sampled_from([datetime(2024, 1, 1), datetime(2024, 5, 17, 12, 30), 10**15, -0.5]),
    _lists(_plain | st.sampled_from([datetime(2024, 2, 29), 2.5, {"kind": "small", "x": 1}])),
    st.dictionaries(st.sampled_from(["city", "kind", "length", "x"]), _plain, max_size=2),
)
"""What a writer beside the server may leave in any field."""

OTHER_FIELDS: list[Json] = [
    {"name": "name", "type": "text"},
    {"name": "size", "type": "number"},
    {"name": "on", "type": "date"},
    {"name": "marks", "type": "number", "multiple": True},
]
_other = st.fixed_dictionaries(
    {},
    optional={
        "name": _text,
        "size": _integer,
        "on": st.sampled_from(DAYS),
        "marks": _lists(_integer),
    },
)


@dataclass(frozen=True)
class Scene:
    """Two collections: ``things``, and the ``others`` that they may refer to.

    ``clean`` are documents for the server to write, ``stray`` those that are
    put beside it. References stand in them as numbers of ``others``.
    """

    definitions: list[Json]
    others: list[Json]
    clean: list[Json]
    stray: list[Json]

    @property
    def names(self) -> list[str]:
        """The declared fields of ``things``."""
        return [each["name"] for each in self.definitions[1]["fields"]]


def draw_scene(draw: Draw[Any]) -> Scene:
    """A scene of about twenty documents."""
    names = draw(st.lists(st.sampled_from(list(FIELDS)), min_size=3, max_size=8, unique=True))
    others = draw(st.lists(_other, min_size=1, max_size=4))
    definitions = [
        {"name": OTHERS, "fields": OTHER_FIELDS},
        {"name": THINGS, "fields": [FIELDS[name] for name in names]},
    ]
    values = {each: _VALUES[each] for each in (*names, "free") if each in _VALUES}
    references = {each: FIELDS[each]["relation"] for each in names if "relation" in FIELDS[each]}
    for name, relation in references.items():
        some = 1 if relation == "one" else 3
        values[name] = st.lists(st.integers(0, len(others) - 1), max_size=some, unique=True)
    clean = draw(st.lists(_document(values), min_size=4, max_size=10))
    stray = draw(st.lists(_document(_dirty(values, references)), max_size=6))
    return Scene(definitions, others, clean, stray)


def _document(values: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Json]:
    optional = {name: st.none() | value | value | value for name, value in values.items()}
    return st.fixed_dictionaries({}, optional=optional)


def _dirty(
    values: Mapping[str, st.SearchStrategy[Any]], references: Mapping[str, str]
) -> Mapping[str, st.SearchStrategy[Any]]:
    return {
        name: st.lists(st.just(-1) | st.just(0), max_size=2) if name in references else _stray
        for name in values
    }
