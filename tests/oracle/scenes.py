"""Random collections and what is stored in them, clean and dirty."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, TypeAlias

from bson import ObjectId

from tests.oracle.values import Json

Make: TypeAlias = Callable[[Random], Any]

THINGS, OTHERS = "things", "others"
GONE = ObjectId("f" * 24)
"""The id of a document that is not there any more."""

TEXTS = ["", "a", "ab", "Ab", "b c", "é", "10", "a.b", "ZZ top"]
INTEGERS = [-3, 0, 1, 2, 3, 10, 2**40]
FLOATS = [-1.5, 0.0, 0.25, 1.0, 2.0, 2.5, 1e6]
DAYS = [
    *("2023-12-31", "2024-01-01", "2024-04-30", "2024-05-01", "2024-05-12", "2024-05-13"),
    *("2024-05-16", "2024-05-17", "2024-05-18", "2024-06-01"),
]
"""Around noon of Friday, 17 May 2024, and the beginnings of its week, month and year."""
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


def _of(pool: Sequence[Any]) -> Make:
    return lambda random: random.choice(pool)


def _either(*makes: Make) -> Make:
    return lambda random: random.choice(makes)(random)


def _list(make: Make, most: int = 3) -> Make:
    return lambda random: [make(random) for _ in range(random.randint(0, most))]


def _object(**makes: Make) -> Make:
    """An object with some of these properties, in any order."""

    def make(random: Random) -> Json:
        names = random.sample(list(makes), random.randint(0, len(makes)))
        return {name: makes[name](random) for name in names}

    return make


_text, _integer, _float, _day = _of(TEXTS), _of(INTEGERS), _of(FLOATS), _of(DAYS)
_plain = _of([None, True, False, 0, 1, 2.5, "a", "ab", "2024-01-01"])
_few = _of([None, 0, 1, "a"])
_pair = _object(k=_few, m=_few)
_structure = _either(
    _pair,
    _list(_pair),
    _list(_pair),
    _list(_either(_plain, _pair)),
    _object(k=_plain, m=_pair, x=_list(_plain)),
    _list(_list(_plain, 2), 2),
)
_json = _either(_plain, _structure, _structure)

FIELDS: Mapping[str, Json] = {
    str(each["name"]): each
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

VALUES: Mapping[str, Make] = {
    "title": _text,
    "sub title": _text,
    "age": _integer,
    "net-chg": _integer,
    "height": _float,
    "active": _of([True, False]),
    "born": _day,
    "seen": _of(INSTANTS),
    "tags": _list(_text),
    "scores": _list(_integer),
    "days": _list(_day, 2),
    "address": _object(city=_text, since=_day, floor=_integer),
    "parts": _list(_object(kind=_of(KINDS), length=_integer, marks=_list(_integer))),
    "about": _either(_structure, _of([0, 1, True, None])),
    "free": _json,
}
"""What a client writes; ``free`` is not declared."""

_stray = _either(
    _plain,
    _of([datetime(2024, 1, 1), datetime(2024, 5, 17, 12, 30), 10**15, -0.5]),
    _list(_either(_plain, _of([datetime(2024, 2, 29), 2.5, {"kind": "small", "x": 1}]))),
    _object(city=_plain, kind=_plain, length=_plain, x=_plain),
)
"""What a writer beside the server may leave in any field."""

OTHER_FIELDS: list[Json] = [
    {"name": "name", "type": "text"},
    {"name": "size", "type": "number"},
    {"name": "on", "type": "date"},
    {"name": "marks", "type": "number", "multiple": True},
]
_other = _object(name=_text, size=_integer, on=_day, marks=_list(_integer))


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


def make_scene(random: Random) -> Scene:
    """A scene of about fifteen documents."""
    names = random.sample(list(FIELDS), random.randint(4, 8))
    others = [_other(random) for _ in range(random.randint(1, 4))]
    definitions = [
        {"name": OTHERS, "fields": OTHER_FIELDS},
        {"name": THINGS, "fields": [FIELDS[name] for name in names]},
    ]
    clean = {each: VALUES.get(each) or _links(each, len(others)) for each in (*names, "free")}
    stray = {each: _stray if each in VALUES else _of([[], [-1], [0], [0, -1]]) for each in clean}
    return Scene(
        definitions,
        others,
        [_document(clean, random) for _ in range(random.randint(7, 11))],
        [_document(stray, random) for _ in range(random.randint(0, 6))],
    )


def _links(name: str, others: int) -> Make:
    """The numbers of others, each once; -1 in stray documents is one that is gone."""
    most = 1 if FIELDS[name]["relation"] == "one" else 3
    return lambda random: random.sample(range(others), random.randint(0, min(most, others)))


def _document(makes: Mapping[str, Make], random: Random) -> Json:
    """Each field is there two times in three, and null once in ten."""
    names = [name for name in makes if random.random() < 0.67]
    random.shuffle(names)
    return {name: None if random.random() < 0.1 else makes[name](random) for name in names}
