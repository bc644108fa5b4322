"""Regular expressions on long texts: nothing can stop the database inside of one."""

from __future__ import annotations

import time

import pytest

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import BadQuery
from duetdb.app.service.filters.patterns import safe_pattern

MOST = 10_000
QUICK = [
    *("", "abc", "a" * 500, "^abc", "colou?r", r"\d+", "ab*", "foo.*", ".*foo", ".*foo.*", "a|b*"),
    *("^a.*b", r"\Aa.*b", "^(a|b)*c", r"\d{4}-\d\d", "x{0,20}y", "own 7$", r"\bx\b", "^a+|^b+c"),
]
SLOW = [
    *("x*y", "x+y", "foo.*bar", r"\w+@\w+", "[a-z]+$", "a|b|c*d", "^a|x*y", "(?=.*a)b"),
    *("^a.*b.*c", "^(a b*)*c", "x{0,500}y", "(x?){10}y", ".*a|b*c", r"[\s\S]*y", "(?m)^a*b"),
    *("(?:x*,){3}", "x{65535}"),
]


@pytest.mark.parametrize("pattern", QUICK)
def test_quick_patterns_look_at_every_text(pattern: str) -> None:
    assert safe_pattern(pattern, "", MOST) == pattern


@pytest.mark.parametrize("pattern", SLOW)
def test_others_do_not_look_at_long_ones(pattern: str) -> None:
    try:
        sent = safe_pattern(pattern, "", MOST)
    except BadQuery:
        pytest.skip("It is refused on every text.")
    assert sent == rf"\A(?![\s\S]{{10001}})[\s\S]*?(?:{pattern})"


def test_lines_and_spaces_of_options_are_heeded() -> None:
    assert safe_pattern("^a*b", "", 9) == "^a*b"
    assert safe_pattern("^a*b", "m", 9) == r"\A(?![\s\S]{10})[\s\S]*?(?:^a*b)"
    assert safe_pattern("a * b # c", "x", 9) == "\\A(?![\\s\\S]{10})[\\s\\S]*?(?:a * b # c\n)"
    assert safe_pattern("(?x)a * b # c", "", 9).endswith("(?:(?x)a * b # c\n)")


@pytest.mark.parametrize("pattern", [*QUICK, *SLOW, "é+x", "(?i)X+Y", "(?x) x + y"])
async def test_short_texts_are_found_as_ever(engine: Engine, pattern: str) -> None:
    texts = ["", "abc", "xxy", "a\nxy", "foo bar", "\n\nxy", "ann@x.org", "éx", "z" * 2998 + "xy"]
    things = engine.database.things
    await things.insert_many([{"text": each} for each in texts])
    try:
        sent = safe_pattern(pattern, "", MOST)
    except BadQuery:
        pytest.skip("It is refused on every text.")
    asked = [things.find({"text": {"$regex": each}}).to_list() for each in (sent, pattern)]
    found, expected = [await each for each in asked]
    assert found == expected


@pytest.mark.parametrize("pattern", ["x*y", "x.*y", "(?=x*y)x", r"\w+@\w+", "x{0,100}x*y"])
async def test_a_long_text_takes_no_time(engine: Engine, pattern: str) -> None:
    things = engine.database.things
    await things.insert_many([{"text": "x" * 10_000}, {"text": "x" * 1_000_000 + "y"}])
    begun = time.perf_counter()
    sent = safe_pattern(pattern, "", MOST)
    assert await things.count_documents({"text": {"$regex": sent}}) == 0
    assert time.perf_counter() - begun < 5
