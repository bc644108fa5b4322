"""Regular expressions that may be asked by, and those that are refused before anything is sent."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

import httpx
import pytest

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import BadQuery, LimitExceeded
from duetdb.app.service.filters.parse import parse_filter
from duetdb.app.service.filters.patterns import safe_pattern
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import Match
from duetdb.schema_gen.build import build_schema
from tests.patterns import ENDLESS, UNREADABLE, USUAL


@pytest.mark.parametrize("pattern", ENDLESS)
def test_an_endless_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(BadQuery) as caught:
        safe_pattern(pattern, "", 10_000)
    assert caught.value.message.startswith("'$regex' cannot be '")
    reason = f"it could take endless time, because {ENDLESS[pattern]}."
    assert caught.value.message.endswith(reason)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("Begin it with '^', and let each repeated part")


@pytest.mark.parametrize("pattern", UNREADABLE)
def test_a_pattern_that_cannot_be_read_is_refused(pattern: str) -> None:
    with pytest.raises(BadQuery) as caught:
        safe_pattern(pattern, "", 10_000)
    assert caught.value.message == f"'$regex' cannot be '{pattern}': {UNREADABLE[pattern]}."


@pytest.mark.parametrize("pattern", USUAL)
def test_a_usual_pattern_passes(pattern: str) -> None:
    safe_pattern(pattern, "", 10_000)


def test_there_are_many_of_each_kind() -> None:
    assert min(len(ENDLESS), len(USUAL)) >= 40


async def test_the_database_reads_usual_patterns_as_well(engine: Engine) -> None:
    things = engine.database.things
    await things.insert_one({"text": "ann@example.com"})
    for pattern in USUAL:
        await things.find_one({"text": {"$regex": pattern}}, max_time_ms=1000)


@pytest.mark.parametrize(
    ("pattern", "options", "passes"),
    [
        ("(a|A)+$", "", True),
        ("(a|A)+$", "i", False),
        ("(a | a)+$", "", True),
        ("(a | a)+$", "x", False),
        ("(a#|a\n|a)+$", "x", False),
        ("a #( not closed", "x", True),
        ("(.|\n)*x", "", True),
        ("(.|\n)*x", "s", False),
    ],
)
def test_options_are_heeded(pattern: str, options: str, passes: bool) -> None:
    if passes:
        safe_pattern(pattern, options, 10_000)
    else:
        with pytest.raises(BadQuery):
            safe_pattern(pattern, options, 10_000)


@pytest.mark.parametrize(
    "pattern",
    [
        "(" + "|".join("abcdefghij" * 24) + ")+",
        "(a?b?c?){5}" * 45,
        "(" * 7 + "a" + "{6})" * 7,
        "[a-z]*" * 80,
        "(a*b)*" * 80,
        "(?=a)" * 100,
        "(?=(a|b)*)" * 50,
        "(?=" * 29 + "a*" + ")" * 29,
        r"[\x{0}-\x{10ffff}]*" * 25,
        "((a|b|c|d|e)(f|g|h)?){3}" * 20,
    ],
)
def test_judging_a_pattern_is_quick(pattern: str) -> None:
    """At most 500 characters come here; the event loop waits for the verdict."""
    begun = time.perf_counter()
    with suppress(BadQuery):
        safe_pattern(pattern[:500], "", 10_000)
    assert time.perf_counter() - begun < 0.1


THINGS: dict[str, Any] = {"name": "things", "fields": [{"name": "text", "type": "text"}]}
SCHEMA = build_schema({"things": THINGS}, version=1)


def read(q: Any, **limits: int) -> Any:
    return parse_filter(SCHEMA.collections["things"], q, Limits(**limits), SCHEMA)


def test_patterns_are_limited_together() -> None:
    q = {"$or": [{"text": {"$regex": "^" + "a" * 9 + str(n)}} for n in range(10)]}
    read(q, regex_length=11)
    with pytest.raises(LimitExceeded, match="are too long together") as caught:
        read({"$or": [*q["$or"], q["$or"][0]]}, regex_length=11)
    assert caught.value.hint == "Use fewer or shorter ones, or raise DUETDB_REGEX_LENGTH."


def test_the_pattern_is_judged_with_its_slashes_read() -> None:
    assert read({"text": {"$regex": "/ab+/i"}}) == Match("text", "regex", ("ab+", "i"))
    with pytest.raises(BadQuery, match="could take endless time"):
        read({"text": {"$regex": "/(a|A)+$/i"}})


async def test_both_interfaces_refuse_alike(app_client: httpx.AsyncClient) -> None:
    answer = await app_client.put("/rest/_meta", json={"collections": [THINGS]})
    assert answer.status_code == 200, answer.text
    q = {"text": {"$regex": "(a+)+$"}}
    over_rest = await app_client.get("/rest/things", params={"q": json.dumps(q)})
    assert over_rest.status_code == 400
    sentence = (
        "' cannot be '(a+)+$': it could take endless time, because what it repeats can take one "
        "text in several ways."
    )
    assert over_rest.json()["message"].startswith(f"'$regex{sentence}")
    query = 'query { things(where: {text: {regex: "(a+)+$"}}) { text } }'
    [error] = (await app_client.post("/graphql", json={"query": query})).json()["errors"]
    assert error["message"].startswith(f"'regex{sentence}")
    assert error["extensions"]["status"] == 400
