"""What a text asks for is counted as it is written, and no text makes the counting slow."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import pytest
from graphql import get_introspection_query, parse

from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.limits import Limits
from duetdb.graphql.measure import Measure, check_measure


def counted(text: str) -> dict[str, Any]:
    """What a text asks for, as far as it is something, and its repeated fields."""
    measure = Measure(parse(text))
    found = {**asdict(measure.whole), "repeated": measure.merging.repeated}
    return {name: value for name, value in found.items() if value}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ a b { c } }", {"selected": 3, "width": 2, "depth": 1}),
        ("{ a { b { c { d } } } }", {"selected": 4, "width": 1, "depth": 3}),
        ("{ a x: a y: b { z: c } }", {"selected": 4, "width": 3, "depth": 1, "aliases": 3}),
        (
            "{ ...f ...f } fragment f on T { a ... on U { b } }",
            {"selected": 8, "width": 4},
        ),
        (
            "{ x { ...f } y { ...g } } fragment f on T { ...g ...g } fragment g on T { a b }",
            {"selected": 12, "width": 2, "depth": 1},
        ),
        (
            "{ x { ...f } } fragment f on T { a { b { ...g } } } fragment g on T { c { d } }",
            {"selected": 7, "width": 1, "depth": 4},
        ),
        (
            "query @a { a @skip(if: true) ...f @b @c } fragment f on T { b @d ... @e { c } }",
            {"selected": 5, "width": 3, "directives": 5},
        ),
        ("query A { a } query B { a b }", {"selected": 3, "width": 3}),
        ("{ ...f } fragment f on T { a ...f }", {"selected": 3, "width": 1}),
        ("{ ...missing }", {"selected": 1}),
        ("{ a } fragment unused on T { b: c { d } }", None),
    ],
)
def test_what_is_counted(text: str, expected: dict[str, int] | None) -> None:
    if expected is None:
        expected = {"selected": 3, "width": 2, "depth": 1, "aliases": 1}
    assert counted(text) == expected


@pytest.mark.parametrize(
    ("text", "repeated"),
    [
        ("{ a a a }", 2),
        ("{ a b: a a: c }", 1),
        ("{ a { b } a { b } }", 2),
        ("{ a { b { c } } a { b { d } b { d } } }", 4),
        ("{ a { b } c { b } }", 0),
        ("{ a ... { a ... { a } } }", 2),
        ("{ a ...f ...f } fragment f on T { a b }", 1),
        ("{ x { ...f } x { ...f b } } fragment f on T { b }", 2),
        ("{ x { ...f } y { ...f } } fragment f on T { b b }", 2),
        ("{ a } fragment unused on T { b b }", 1),
        ("query A { a } query B { a }", 0),
    ],
)
def test_fields_are_repeated_where_selections_are_merged(text: str, repeated: int) -> None:
    assert Measure(parse(text)).merging.repeated == repeated


def test_the_schema_counts_for_itself() -> None:
    text = (
        "{ a: __schema { types { ...T } } b { c } } "
        "fragment T on __Type { x: fields { name } kind }"
    )
    assert counted(text) == {
        "selected": 2,
        "width": 1,
        "depth": 1,
        "schema": {
            "selected": 6,
            "width": 1,
            "depth": 3,
            "aliases": 2,
            "directives": 0,
            "lists": 2,
            "schema": None,
        },
    }


def test_all_of_introspection_passes_under_the_narrowest_limits() -> None:
    text = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
        experimental_directive_deprecation=True,
        one_of=True,
    )
    narrow = Limits(
        graphql_fields=1,
        graphql_depth=1,
        graphql_aliases=1,
        graphql_directives=1,
        graphql_roots=1,
        graphql_repeats=1,
    )
    check_measure(Measure(parse(text)), narrow)


def twice(levels: int, inner: str) -> str:
    """Fragments that each use the next one twice."""
    links = " ".join(
        f"fragment F{n} on T {{ {inner.replace('...', f'...F{n + 1}')} }}" for n in range(levels)
    )
    return f"{{ a {{ ...F0 }} }} {links} fragment F{levels} on T {{ a }}"


TANGLED = {
    "spread twice": twice(20, "... ..."),
    "nested twice": twice(20, "a { ... } b { ... }"),
    "nested twice under one name": twice(20, "a { ... } a { ... }"),
    "long chains": "{ "
    + " ".join(f"a{n} {{ ...F0 }}" for n in range(500))
    + " } "
    + " ".join(f"fragment F{n} on T {{ ...F{n + 1} }}" for n in range(200))
    + " fragment F200 on T { a }",
    "one field 1,500 times": "{ " + "a " * 1_500 + "}",
    "objects 700 times": "{ " + "a { b } " * 700 + "}",
}


@pytest.mark.parametrize("name", TANGLED)
def test_a_tangled_text_is_refused_as_fast_as_it_is_long(name: str) -> None:
    document = parse(TANGLED[name])
    took = []
    for _ in range(5):
        start = time.perf_counter()
        with pytest.raises(LimitExceeded):
            check_measure(Measure(document), Limits())
        took.append(time.perf_counter() - start)
    per_token = min(took) / document.token_count  # type: ignore[attr-defined]
    assert per_token < 0.000_01


def test_twenty_levels_of_fragments_take_less_than_a_millisecond() -> None:
    document = parse(TANGLED["nested twice"])
    took = []
    for _ in range(20):
        start = time.perf_counter()
        with pytest.raises(LimitExceeded):
            check_measure(Measure(document), Limits())
        took.append(time.perf_counter() - start)
    assert min(took) < 0.001
