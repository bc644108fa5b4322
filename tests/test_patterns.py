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
from duetdb.app.service.filters.patterns import check_pattern
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import Match
from duetdb.schema_gen.build import build_schema

AMBIGUOUS = "what it repeats can take one text in several ways"
SHARED = "repeats in a row can share out one text in many ways"

ENDLESS: dict[str, str] = {
    r"(a+)+$": AMBIGUOUS,
    r"^(a+)+$": AMBIGUOUS,
    r"(a|aa)+$": AMBIGUOUS,
    r"(a|a)*b": AMBIGUOUS,
    r"^(a|b|ab)*c": AMBIGUOUS,
    r"(0|0?1|01)*2": AMBIGUOUS,
    r"(\w+\s?)+$": AMBIGUOUS,
    r"(\s*\w+\s*)+$": AMBIGUOUS,
    r"(\d+\.?)+$": AMBIGUOUS,
    r"^(\d+)*$": AMBIGUOUS,
    r"([a-zA-Z]+)*$": AMBIGUOUS,
    r"^(\w|\d)+$": AMBIGUOUS,
    r"^(.+)+$": AMBIGUOUS,
    r"(.|\s)*x": AMBIGUOUS,
    r"(a.?)*b": AMBIGUOUS,
    r"(a*)*b": AMBIGUOUS,
    r"((a*)*)*$": AMBIGUOUS,
    r"(x+x+)+y": AMBIGUOUS,
    r"^(([a-z])+.)+[A-Z]([a-z])+$": AMBIGUOUS,
    r"([\/\w .-]*)*\/?$": AMBIGUOUS,
    r'"(\\.|[^"])*"x': AMBIGUOUS,
    r"^((ab)*|a*b*)*c": AMBIGUOUS,
    r"(a{1,100}){1,100}$": AMBIGUOUS,
    r"(?:(?:(?:a{1,50}){1,50}){1,50}){1,50}b": AMBIGUOUS,
    r"(?=(a+)+)b$": AMBIGUOUS,
    r"(?!(a|a)+$)b": AMBIGUOUS,
    r"(a++)+b": AMBIGUOUS,
    r"(?>a+)+b": AMBIGUOUS,
    r"(?i)(a|A)+$": AMBIGUOUS,
    r"(é|é)*x": AMBIGUOUS,
    r"(?x)( a + ) + $": AMBIGUOUS,
    r"(\x61|a)+$": AMBIGUOUS,
    r"([[:alpha:]]|\p{L})*1": AMBIGUOUS,
    r"(.*a){25}": SHARED,
    r"(.*)(.*)(.*)(.*)b": SHARED,
    r"a*a*b": SHARED,
    r"a*a*a*a*a*a*b": SHARED,
    r"^a*a*a*b": SHARED,
    r"\Qa\E*a*a*b": SHARED,
    r"a*[ab]*a*b": SHARED,
    r"[a-z]+[a-z]+[a-z]+!!": SHARED,
    r"[a-z]+[a-z0-9]*@": SHARED,
    r"((a{1,3}){1,3}){1,3}b": SHARED,
    "a?" * 20 + "a" * 20 + "$": SHARED,
    r"(?:a?){500}b": "a part that may be empty is repeated a number of times",
    r"(\s?){7,100}x": "a part that may be empty is repeated a number of times",
    r"(\s*){10}x": SHARED,
}

UNREADABLE: dict[str, str] = {
    "(": "a '(' is not closed",
    "a)": "a ')' closes nothing",
    "[a": "a '[' is not closed",
    "[z-a]": "a range in brackets goes backwards",
    "[[:letters:]]": "'[:letters:]' is no class of characters",
    "a{3,1}": "{3,1} counts backwards",
    "*a": "nothing stands before '*'",
    "a|+": "nothing stands before '+'",
    "a\\": "it ends in a backslash",
    r"\x{zz}": "'\\x' takes a hexadecimal number",
    r"\x{41": "a '}' is missing",
    r"(a+)\1+b": "'\\1' refers back to a group, which is not taken here",
    r"\g{1}": "'\\g' refers back to a group, which is not taken here",
    r"\k<name>": "'\\k' refers back to a group, which is not taken here",
    r"(?P=name)": "'(?P=' is not taken here",
    r"(?R)?a+b": "'(?R)' is not taken here",
    r"(?1)": "'(?1)' is not taken here",
    r"(?&name)": "'(?&n' is not taken here",
    r"(?(1)a|b)": "'(?(1' is not taken here",
    r"(?C1)a": "'(?C1' is not taken here",
    r"(?|a|b)": "'(?|a' is not taken here",
    r"(*ACCEPT)a": "'(*' is not taken here",
    r"(*LIMIT_MATCH=1)a": "'(*' is not taken here",
    r"\u0041": "'\\u' is not taken here",
    "(?#comment": "a ')' is missing",
    "(?<name": "a '>' is missing",
    "(" * 40: "groups stand more than 30 levels inside each other",
    r"\p{L": "a '}' is missing",
}

USUAL: tuple[str, ...] = (
    "",
    "abc",
    "^abc",
    "abc$",
    r"\bfoo\b",
    r"^\d+$",
    r"^\d+(\.\d+)*$",
    r"^-?\d+(\.\d+)?([eE][-+]?\d+)?$",
    r"^\d+\.?\d*$",
    r"^\$?\d{1,3}(,\d{3})*(\.\d{2})?$",
    r"^[A-Z][a-z]+( [A-Z][a-z]+)*$",
    r"^\p{Lu}\p{L}*( \p{Lu}\p{L}*)*$",
    r"^(Mr|Mrs|Ms)\.? [A-Z]\w+$",
    r"^[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}$",
    r"\S+@\S+\.\S+",
    r"\w+@\w+\.\w+",
    r"^[^@]+@[^@]+$",
    r"^(([^<>()[\]\\.,;:\s@\"]+(\.[^<>()[\]\\.,;:\s@\"]+)*)|(\".+\"))@"
    r"((\[[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\])|(([a-zA-Z\-0-9]+\.)+[a-zA-Z]{2,}))$",
    r"https?://\S+",
    r"^https?://[^\s/$.?#].[^\s]*$",
    r"^/([\w-]+/)*[\w-]*$",
    r"\.(jpe?g|png|gif)$",
    r"^#?([a-f0-9]{6}|[a-f0-9]{3})$",
    r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?Z?)?$",
    r"^(\+\d{1,3}[- ]?)?\(?\d{3}\)?[- .]?\d{3}[- .]?\d{4}$",
    r"(\d{1,3}\.){3}\d{1,3}",
    r"^(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$",
    r"^([0-9A-F]{2}:){5}[0-9A-F]{2}$",
    r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    r"^[0-9a-f]{24}(,[0-9a-f]{24})*$",
    r"^(\d{4}[- ]?){3}\d{4}$",
    r"^v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$",
    r"^(?=.*\d)(?=.*[a-z])(?=.*[A-Z]).{8,}$",
    r"^(?!.*test).*$",
    r"(?:(?!foo).)*",
    r"^[a-z0-9]+(?:-[a-z0-9]+)*$",
    r"^[a-z][a-z0-9_]*$",
    r"^[\w.]{3,20}$",
    r"foo.*bar.*baz",
    r".*foo.*",
    r"^.*foo.*bar.*$",
    r"^\s+|\s+$",
    r"\s*,\s*",
    r"(\w+)\s*=\s*(\w+)",
    r"^(\w+\s+)*\w+$",
    r"(foo|far|fit)+",
    r"^(cat|car|dog)+$",
    r'(?:[^"\\]|\\.)*"',
    r"^(?:[^,]*,){3}[^,]*$",
    r"<[^>]+>",
    r"^\[\d{2}:\d{2}\]",
    "colou?r",
    "straße|größe",
    "[^]]*]",
    "a{,5}{",
    r"\Qa.b*\E",
    "(?#a note)(?i)hello(?-i) world",
    r"(?<year>\d{4})-(?P<month>\d\d)-(?'day'\d\d)",
    r"[[:alpha:]_][[:alnum:]_]*",
    r"\x41\x{1F600}+\cA\0",
    r"(?s).+?x",
    r"[\d\-\b\]]+",
    "(?i:ABC)|(?:def)",
)
"""Patterns that people use, as people write them."""


@pytest.mark.parametrize("pattern", ENDLESS)
def test_an_endless_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(BadQuery) as caught:
        check_pattern(pattern, "")
    assert caught.value.message.startswith("'$regex' cannot be '")
    reason = f"it could take endless time, because {ENDLESS[pattern]}."
    assert caught.value.message.endswith(reason)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("Begin it with '^', and let each repeated part")


@pytest.mark.parametrize("pattern", UNREADABLE)
def test_a_pattern_that_cannot_be_read_is_refused(pattern: str) -> None:
    with pytest.raises(BadQuery) as caught:
        check_pattern(pattern, "")
    assert caught.value.message == f"'$regex' cannot be '{pattern}': {UNREADABLE[pattern]}."


@pytest.mark.parametrize("pattern", USUAL)
def test_a_usual_pattern_passes(pattern: str) -> None:
    check_pattern(pattern, "")


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
        check_pattern(pattern, options)
    else:
        with pytest.raises(BadQuery):
            check_pattern(pattern, options)


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
        check_pattern(pattern[:500], "")
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
