"""Values of every field type: what is sent, and what both interfaces must answer."""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from hypothesis import strategies as st

OPTIONS = ["red", "green", "deep blue", "naïve"]


@dataclass(frozen=True, slots=True)
class Pair:
    """One value as a client sends it and as it must be answered."""

    sent: Any
    answered: Any


def same(value: Any) -> Pair:
    return Pair(value, value)


_text = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=12
)
_keys = st.text(string.ascii_letters + "_ -é", min_size=1, max_size=6)
_integers = st.one_of(st.integers(-50, 50), st.integers(-(2**63), 2**63 - 1))
_floats = st.floats(allow_nan=False, allow_infinity=False, width=64)
_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), _text),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_keys, inner, max_size=3)),
    max_leaves=6,
).filter(lambda value: isinstance(value, dict | list | bool | int))
_objects = st.dictionaries(_keys, _json, max_size=3)
FILES = [f"{number:024x}" for number in range(1, 5)]
"""The files that there are."""
_media = st.sampled_from(FILES)
_moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)


def written(moment: datetime) -> str:
    """The one form of dates on the wire."""
    return moment.isoformat(timespec="milliseconds") + "Z"


def _date(day: date) -> Pair:
    return Pair(day.isoformat(), f"{day.isoformat()}T00:00:00.000Z")


def _datetime(moment: datetime) -> Pair:
    shifted = moment.replace(tzinfo=UTC).isoformat()
    return Pair(shifted if moment.second % 2 else written(moment), written(moment))


def _time(clock: time) -> Pair:
    clock = clock.replace(microsecond=clock.microsecond // 1000 * 1000)
    whole = datetime.combine(date(1970, 1, 1), clock)
    return Pair(clock.isoformat(timespec="milliseconds"), written(whole))


def _money(cents: int) -> Pair:
    return Pair(f"{cents / 100:.2f}" if cents % 2 else cents / 100, cents / 100)


def _point(place: tuple[float, float]) -> Pair:
    return same({"type": "Point", "coordinates": [round(place[0], 5), round(place[1], 5)]})


ELEMENTS: dict[str, st.SearchStrategy[Pair]] = {
    "text": _text.map(same),
    "number": st.one_of(_integers.map(same), _integers.map(lambda n: Pair(str(n), n))),
    "float_number": _floats.map(same),
    "money": st.integers(-(10**10), 10**10).map(_money),
    "email": st.text(string.ascii_lowercase, min_size=1, max_size=8).map(
        lambda name: same(f"{name}@example.org")
    ),
    "html": _text.map(lambda text: same(f"<p>{text}</p>")),
    "date": st.dates(date(1, 1, 1), date(9999, 12, 31)).map(_date),
    "datetime": _moments.map(_datetime),
    "time": st.times().map(_time),
    "image": st.lists(_media, min_size=1, max_size=2).map(same),
    "file": _media.map(lambda identity: Pair(identity, [identity])),
    "bool": st.one_of(
        st.booleans().map(same), st.booleans().map(lambda b: Pair(str(b).lower(), b))
    ),
    "option": st.sampled_from(OPTIONS).map(same),
    "JSON": _json.map(same),
    "geo": st.tuples(st.floats(-180, 180), st.floats(-90, 90)).map(_point),
}
"""One element of each type that holds a value of its own."""

SCALAR_LISTS = sorted(set(ELEMENTS) - {"image", "file", "JSON"})
"""The types that may be ``multiple`` here."""

DIRTY: list[Any] = [
    "not that type",
    -1.5,
    True,
    {"unexpected": ["object"]},
    ["list", 1, None],
    datetime(2001, 2, 3) + timedelta(milliseconds=4),
]
"""What writers beside the server may have left in any field."""


def value_of(field: dict[str, Any]) -> st.SearchStrategy[Pair]:
    """A value for one field of metadata, null now and then."""
    return st.one_of(_present(field), _present(field), _present(field), st.just(same(None)))


def _present(field: dict[str, Any]) -> st.SearchStrategy[Pair]:
    if field["type"] == "object":
        parts = {part["name"]: value_of(part) for part in field["fields"]}
        one = st.fixed_dictionaries({}, optional=parts).map(_joined)
    else:
        one = ELEMENTS[field["type"]]
    if not field.get("multiple"):
        return one
    return st.lists(one, max_size=3).map(
        lambda pairs: Pair([p.sent for p in pairs], [p.answered for p in pairs])
    )


def _joined(parts: dict[str, Pair]) -> Pair:
    return Pair(
        {name: pair.sent for name, pair in parts.items()},
        {name: pair.answered for name, pair in parts.items()},
    )


EXTRA = _objects
"""Undeclared properties."""

Drawn = Callable[[st.SearchStrategy[Any]], Any]
