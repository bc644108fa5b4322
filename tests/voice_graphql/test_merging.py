"""Fields that cannot be merged are those that graphql-core finds, and found in linear time."""

from __future__ import annotations

import time

import pytest
from graphql import OverlappingFieldsCanBeMergedRule, build_schema, parse, validate
from hypothesis import given, settings
from hypothesis import strategies as st

from duetdb.graphql.measure import Measure

EXAMPLES = 500
SCHEMA = build_schema("""
    type Query { a(x: In, y: Int): Int b: Int t(x: In): T u: T }
    type T { a(x: In, y: Int): Int b: Int t(x: In): T u: T }
    input In { p: Int q: [Int] r: In }
""")


def differs(text: str) -> bool:
    """Whether a text has fields that cannot be merged."""
    return bool(Measure(parse(text)).merging.errors)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ a a }", False),
        ("{ a: b a: b }", False),
        ("{ a a: b }", True),
        ("{ x: a(y: 1) x: a(y: 1) }", False),
        ("{ x: a(y: 1) x: a(y: 2) }", True),
        ("{ a(y: 1) a }", True),
        ("{ a(x: {p: 1, q: [1, 2]}, y: 2) a(y: 2, x: {q: [1, 2], p: 1}) }", False),
        ("{ a(x: {p: 1, q: [1, 2]}) a(x: {p: 1, q: [2, 1]}) }", True),
        ("query($y: Int, $z: Int) { a(y: $y) a(y: $z) }", True),
        ("query($y: Int) { a(y: $y) a(y: $y) }", False),
        ("{ t { x: a } t { x: b } }", True),
        ("{ t { x: a } u { x: b } }", False),
        ("{ t { ...f } t { x: b } } fragment f on T { x: a }", True),
        ("{ t { ...f ...g } } fragment f on T { t { x: a } } fragment g on T { t { x: b } }", True),
        ("{ t { ...f } } fragment f on T { x: a ... { x: a ... on T { x: b } } }", True),
    ],
)
def test_what_cannot_be_merged(text: str, expected: bool) -> None:
    assert differs(text) is expected
    assert bool(validate(SCHEMA, parse(text), [OverlappingFieldsCanBeMergedRule])) is expected


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Operations with few names, so that many fields share their keys."""
    count = draw(st.integers(0, 3))

    def selection(depth: int, first: int) -> str:
        return "{ " + " ".join(one(depth, first) for _ in range(draw(st.integers(1, 4)))) + " }"

    def one(depth: int, first: int) -> str:
        kind = draw(st.sampled_from("field field object inline spread".split()))
        alias = draw(st.sampled_from(["", "", "a: ", "x: "]))
        if kind == "object" and depth:
            name = draw(st.sampled_from(["t", "u", "t(x: {p: 1})", "t(x: {p: 2})"]))
            return f"{alias}{name} {selection(depth - 1, first)}"
        if kind == "inline" and depth:
            return f"... {selection(depth - 1, first)}"
        if kind == "spread" and first < count:
            return f"...F{draw(st.integers(first, count - 1))}"
        return alias + draw(st.sampled_from(["a", "b", "a(y: 1)", "a(x: {p: 1}, y: 1)"]))

    fragments = [f"fragment F{n} on T {selection(2, n + 1)}" for n in range(count)]
    return " ".join([f"{{ t {selection(3, 0)} }}", *fragments])


@given(texts())
@settings(max_examples=EXAMPLES, deadline=None, database=None)
def test_the_same_fields_differ_as_for_graphql_core(text: str) -> None:
    expected = validate(SCHEMA, parse(text), [OverlappingFieldsCanBeMergedRule])
    assert differs(text) is bool(expected)


def test_hundreds_of_fragments_side_by_side_take_no_time() -> None:
    """Compared in pairs they take a quarter of a second."""
    fragments = " ".join(f"fragment F{n} on T {{ x{n}: a }}" for n in range(450))
    text = f"{{ t {{ {' '.join(f'...F{n}' for n in range(450))} }} }} {fragments}"
    document = parse(text)
    took = []
    for _ in range(5):
        start = time.perf_counter()
        assert Measure(document).merging.errors == []
        took.append(time.perf_counter() - start)
    assert min(took) < 0.02
