"""Texts are prepared once, and what is kept of them is bounded by what it weighs."""

from __future__ import annotations

import gc
from typing import cast
from weakref import ref

import pytest
from graphql import FragmentDefinitionNode, OperationDefinitionNode, build_schema, parse

from duetdb.graphql.kept_texts import KeptTexts, fields_of
from duetdb.graphql.operations import Operations
from duetdb.graphql.plan import Planner
from duetdb.graphql.rows import RowSource


def test_the_oldest_goes_when_all_weigh_too_much() -> None:
    texts: KeptTexts[int] = KeptTexts()
    for number in range(12):
        texts.keep(f"{number:_>90000}", number, 0)
    assert [texts.get(f"{number:_>90000}") for number in range(12)] == [None, *range(1, 12)]


def test_fields_weigh_too() -> None:
    texts: KeptTexts[int] = KeptTexts()
    for number in range(200):
        texts.keep(f"{number}", number, 1000)
    kept = [number for number in range(200) if texts.get(f"{number}") is not None]
    assert kept == list(range(117, 200))


def test_what_is_large_is_not_kept_and_drives_nothing_out() -> None:
    texts: KeptTexts[int] = KeptTexts()
    texts.keep("small", 1, 5)
    texts.keep("x" * 100_001, 2, 0)
    texts.keep("wide", 3, 10_000)
    texts.keep("small", 4, 5)
    assert texts.get("small") == 1
    assert texts.get("x" * 100_001) is None
    assert texts.get("wide") is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("{ a b { c } }", 3),
        ("{ ...f ...f } fragment f on T { a ... on U { b } }", 4),
        ("{ x { ...f } y { ...g } } fragment f on T { ...g ...g } fragment g on T { a b }", 8),
    ],
)
def test_fragments_count_wherever_they_are_used(text: str, number: int) -> None:
    definitions = parse(text).definitions
    fragments = {
        each.name.value: each for each in definitions if isinstance(each, FragmentDefinitionNode)
    }
    operation = definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    assert fields_of(operation.selection_set, fragments) == number


async def test_a_prepared_text_does_not_hold_its_tokens() -> None:
    schema = build_schema("type Query { a: Int }")
    operations = Operations(schema, cast(Planner, None), introspection=True)
    location = (await operations.find("{ a x: a }", None, 100)).node.loc
    assert location is not None
    assert location.start_token.next is None
    assert location.end_token.prev is None


def test_a_row_function_is_gone_with_its_last_user() -> None:
    gc.disable()
    try:
        source = RowSource()
        source.show("a", "1")
        rows = source.build()
        assert rows([{}]) == [{"a": 1}]
        function = ref(rows)
        del rows
        assert function() is None
    finally:
        gc.enable()
