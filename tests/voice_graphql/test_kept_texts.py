"""Texts are prepared once, and what is kept of them is bounded by what it weighs."""

from __future__ import annotations

import gc
from typing import cast
from weakref import ref

from graphql import build_schema

from duetdb.app.service.limits import Limits
from duetdb.graphql.kept_texts import Budget, KeptTexts, weight_of
from duetdb.graphql.operations import Operations
from duetdb.graphql.plan import Planner
from duetdb.graphql.rows import RowSource
from duetdb.graphql.telling import Telling


def test_the_oldest_goes_when_all_weigh_too_much() -> None:
    texts: KeptTexts[int] = KeptTexts(Budget())
    for number in range(12):
        texts.keep(f"{number:_>90000}", number, 90_000)
    assert [texts.get(f"{number:_>90000}") for number in range(12)] == [None, *range(1, 12)]


def test_fields_weigh_too() -> None:
    texts: KeptTexts[int] = KeptTexts(Budget())
    for number in range(200):
        texts.keep(f"{number}", number, weight_of(f"{number}", 1000))
    kept = [number for number in range(200) if texts.get(f"{number}") is not None]
    assert kept == list(range(117, 200))


def test_several_share_what_one_may_weigh() -> None:
    """Those that keep much make room for those that keep little."""
    budget = Budget()
    much, little = KeptTexts[int](budget), KeptTexts[int](budget)
    for number in range(10):
        much.keep(f"{number}", number, 100_000)
    for number in range(3):
        little.keep(f"{number}", number, 100_000)
    assert [much.get(f"{number}") for number in range(10)] == [None] * 3 + list(range(3, 10))
    assert [little.get(f"{number}") for number in range(3)] == [0, 1, 2]
    del much
    gc.collect()
    for number in range(3, 10):
        little.keep(f"{number}", number, 100_000)
    assert [little.get(f"{number}") for number in range(10)] == list(range(10))


def test_what_is_large_is_not_kept_and_drives_nothing_out() -> None:
    texts: KeptTexts[int] = KeptTexts(Budget())
    for text, made, fields in (("small", 1, 5), ("x" * 100_001, 2, 0), ("wide", 3, 10_000)):
        texts.keep(text, made, weight_of(text, fields))
    texts.keep("small", 4, 5)
    assert texts.get("small") == 1
    assert texts.get("x" * 100_001) is None
    assert texts.get("wide") is None


async def test_a_prepared_text_does_not_hold_its_tokens() -> None:
    schema = build_schema("type Query { a: Int }")
    told = Telling(introspection=True, suggestions=True)
    operations = Operations(schema, cast(Planner, None), Limits(), told, Budget())
    location = (await operations.find("{ a x: a }", None)).node.loc
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
