"""Every limit on queries, at a value of its own: the error, and what it says to do."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.mongo.memory import memory_engine
from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import Match, Query
from duetdb.app.service.reading.reader import Reader
from duetdb.app.service.reading.searching import is_search
from duetdb.schema_gen.build import build_schema
from tests.conftest import make_settings
from tests.voice_graphql.running import serving

THINGS: dict[str, Any] = {
    "name": "things",
    "fields": [
        {"name": "name", "type": "text", "searchable": True},
        {"name": "n", "type": "number"},
        {"name": "tags", "type": "text", "multiple": True},
        {"name": "next", "type": "things", "relation": "one"},
        {"name": "place", "type": "geo"},
    ],
}


@asynccontextmanager
async def server(mongod: EmbeddedMongod, **limits: object) -> AsyncIterator[httpx.AsyncClient]:
    """A server with these limits, and three things of which each refers to the one before."""
    async with serving(make_settings(mongod.uri, **limits)) as running:
        client = running.voice.client
        assert (await client.put("/rest/things/_meta", json=THINGS)).status_code in (200, 201)
        before: list[str] = []
        for n in range(3):
            made = await client.post("/rest/things", json={"n": n, "name": f"t{n}", "next": before})
            before = [made.json()["_id"]]
        yield client


def nested(levels: int) -> Any:
    """A filter of so many levels."""
    q: Any = {"n": 1}
    for _ in range(levels - 1):
        q = {"$and": [q]}
    return q


TOO_MUCH: dict[str, tuple[dict[str, int], Any, Any, str, str]] = {
    "filter_depth": (
        {"filter_depth": 4},
        nested(4),
        nested(5),
        "The filter has more than 4 levels.",
        "Ask in fewer levels, or raise DUETDB_FILTER_DEPTH.",
    ),
    "filter_clauses": (
        {"filter_clauses": 5},
        {"$or": [{"n": {"$gt": n}} for n in range(5)]},
        {"$or": [{"n": {"$gt": n}} for n in range(6)]},
        "The filter holds more than 5 comparisons.",
        "Use '$in' for lists of values, or raise DUETDB_FILTER_CLAUSES.",
    ),
    "filter_clauses, of empty filters": (
        {"filter_clauses": 5},
        {"$or": [{}] * 5},
        {"$or": [{}] * 6},
        "The filter holds more than 5 comparisons.",
        "Use '$in' for lists of values, or raise DUETDB_FILTER_CLAUSES.",
    ),
    "in_values": (
        {"in_values": 3},
        {"n": {"$in": [1, 2, 3]}},
        {"n": {"$in": [1, 2, 3, 4]}},
        "The lists of the filter hold more than 3 values.",
        "Ask in several requests, or raise DUETDB_IN_VALUES.",
    ),
    "in_values, of several lists": (
        {"in_values": 3},
        {"n": {"$in": [1, 2]}, "name": {"$nin": ["a"]}},
        {"n": {"$in": [1, 2]}, "tags": {"$all": ["a", "b"]}},
        "The lists of the filter hold more than 3 values.",
        "Ask in several requests, or raise DUETDB_IN_VALUES.",
    ),
    "regex_length": (
        {"regex_length": 8},
        {"name": {"$regex": "/" + "a" * 8 + "/i"}},
        {"name": {"$regex": "/" + "a" * 9 + "/i"}},
        "A regular expression is longer than 8 characters.",
        "Use a shorter one, or raise DUETDB_REGEX_LENGTH.",
    ),
    "geo_points": (
        {"geo_points": 4},
        {"place": {"$geoWithin": {"$polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}}},
        {"place": {"$geoWithin": {"$polygon": [[0, 0], [1, 0], [2, 0], [1, 1], [0, 1]]}}},
        "A geometry of the query has more than 4 positions.",
        "Simplify it, or raise DUETDB_GEO_POINTS.",
    ),
}


@pytest.mark.parametrize("name", TOO_MUCH)
async def test_a_limit_of_filters(mongod: EmbeddedMongod, name: str) -> None:
    limits, allowed, refused, message, hint = TOO_MUCH[name]
    query = "query($q: JSON) { things(q: $q) { n } }"
    async with server(mongod, **limits) as client:
        answer = await client.get("/rest/things", params={"q": json.dumps(allowed)})
        assert answer.status_code == 200, answer.text
        answer = await client.get("/rest/things", params={"q": json.dumps(refused)})
        assert answer.status_code == 400
        assert (answer.json()["message"], answer.json()["hint"]) == (message, hint)
        body = {"query": query, "variables": {"q": allowed}}
        assert "errors" not in (await client.post("/graphql", json=body)).json()
        body = {"query": query, "variables": {"q": refused}}
        [error] = (await client.post("/graphql", json=body)).json()["errors"]
        assert error["message"] == message
        assert error["extensions"] == {"code": "LIMIT_EXCEEDED", "status": 400, "hint": hint}


async def test_words_are_limited_as_clauses(mongod: EmbeddedMongod) -> None:
    async with server(mongod, filter_clauses=3) as client:
        assert (await client.get("/rest/things?filter=a+b+c")).status_code == 200
        answer = await client.get("/rest/things?filter=a+b+c+d")
        assert answer.status_code == 400
        assert answer.json()["message"] == "The text filter has more than 3 words."
        assert answer.json()["hint"] == "Ask by fewer words, or raise DUETDB_FILTER_CLAUSES."


async def test_the_page_ceiling(mongod: EmbeddedMongod) -> None:
    async with server(mongod, page_ceiling=2, page_default=1) as client:
        assert len((await client.get("/rest/things")).json()) == 1
        assert len((await client.get("/rest/things?max=2")).json()) == 2
        answer = await client.get("/rest/things?max=3")
        assert answer.status_code == 400
        assert answer.json()["message"] == "max is at most 2."
        assert answer.json()["hint"] == "Page with skip and max, or raise DUETDB_PAGE_CEILING."
        body = {"query": "{ things(max: 3) { n } }"}
        [error] = (await client.post("/graphql", json=body)).json()["errors"]
        assert error["message"] == "'max' is at most 2."
        assert error["extensions"]["status"] == 400


@pytest.mark.parametrize("depth", [1, 2, 3])
async def test_the_depth_of_expansion(mongod: EmbeddedMongod, depth: int) -> None:
    async with server(mongod, expand_depth=depth) as client:
        thing = (await client.get("/rest/things?sort=n&dir=-1&max=1")).json()[0]
        levels = 0  # below the document itself
        while thing.get("next") and isinstance(thing["next"][0], dict):
            thing = thing["next"][0]
            levels += 1
        assert levels == depth - 1


def check_too_slow(answer: httpx.Response) -> None:
    assert answer.status_code == 400
    body = answer.json()
    assert body["message"] == "The query takes longer than this server allows."
    assert body["hint"] == (
        "Narrow the filter, ask for fewer documents, or declare the field `indexed`. The limits "
        "are DUETDB_QUERY_MS, DUETDB_STREAM_MS and, for patterns, DUETDB_REGEX_MS."
    )


@asynccontextmanager
async def many(mongod: EmbeddedMongod, **limits: object) -> AsyncIterator[httpx.AsyncClient]:
    """A server with these limits and 30,000 things, too many to look at in a millisecond."""
    settings = make_settings(mongod.uri, **limits)
    async with serving(settings) as running:
        client, database = running.voice.client, running.voice.database
        assert (await client.put("/rest/things/_meta", json=THINGS)).status_code in (200, 201)
        filler = "lorem ipsum " * 20
        await database.things.insert_many([{"n": n, "name": filler} for n in range(30_000)])
        yield client


async def test_the_time_of_regular_expressions(mongod: EmbeddedMongod) -> None:
    search, prefix = '{"name":{"$regex":"x$"}}', '{"name":{"$regex":"^x"}}'
    async with many(mongod, regex_ms=1) as client:
        for params in (
            {"q": search},
            {"q": search, "count": "true"},
            {"q": f'{{"$nor":[{search}]}}'},
        ):
            answer = await client.get("/rest/things", params={**params, "sort": "n"})
            check_too_slow(answer)
        for q in (prefix, '{"n":-1}'):
            answer = await client.get("/rest/things", params={"q": q})
            assert (answer.status_code, answer.json()) == (200, [])


async def test_the_time_of_queries(mongod: EmbeddedMongod) -> None:
    async with many(mongod, query_ms=1) as client:
        answer = await client.get("/rest/things", params={"q": '{"n":-1}'})
        check_too_slow(answer)
        body = {"query": "{ things(where: {n: {eq: -1}}) { n } }"}
        [error] = (await client.post("/graphql", json=body)).json()["errors"]
        assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
        assert error["extensions"]["status"] == 400


async def test_the_time_of_streams(mongod: EmbeddedMongod) -> None:
    async with many(mongod, stream_ms=1) as client:
        answer = await client.get("/rest/things.ndjson", params={"q": '{"n":-1}'})
        check_too_slow(answer)
        answer = await client.get("/rest/things", params={"q": '{"n":-1}'})
        assert answer.status_code == 200


async def test_the_memory_of_sorting(mongod: EmbeddedMongod, little_memory: None) -> None:
    async with many(mongod) as client:
        for path in ("things", "things.ndjson"):
            answer = await client.get(f"/rest/{path}", params={"sort": "n", "max": "5000"})
            assert answer.status_code == 400
            body = answer.json()
            assert body["message"] == (
                "The answer needs more memory than the database gives one query."
            )
            assert body["hint"] == (
                "Declare \"indexed\": true on 'n', by which it is sorted, or let the database use "
                "its disk by DUETDB_SORT_DISK=true."
            )
    async with many(mongod, sort_disk="true") as client:
        answer = await client.get("/rest/things", params={"sort": "n", "max": "5000"})
        assert [each["n"] for each in answer.json()] == list(range(5000))


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"a": {"$regex": "^abc", "$options": ""}}, False),
        ({"a": {"$regex": r"^a\.b"}}, False),
        ({"a": {"$regex": "^"}}, True),
        ({"a": {"$regex": "^ab*"}}, True),
        ({"a": {"$regex": r"^a\w"}}, True),
        ({"a": {"$regex": "^a|b"}}, True),
        ({"a": {"$regex": "^abc", "$options": "i"}}, True),
        ({"a": {"$regex": "abc"}}, True),
        ({"$nor": [{"a": {"$regex": "abc"}}]}, True),
        ({"$and": [{"b": {"$eq": 1}}, {"a": {"$elemMatch": {"c": {"$regex": "abc"}}}}]}, True),
        ({"a": {"$elemMatch": {"$not": {"$regex": "abc"}}}}, True),
        ({"a": {"$in": ["abc", {"b": 1}]}, "b": {"$eq": {"c": "^x"}}}, False),
        ({}, False),
    ],
)
def test_which_filters_search_texts(where: Any, expected: bool) -> None:
    assert is_search(where) is expected


async def test_memory_mode_gives_up_as_well() -> None:
    """Also on a pattern that nobody judged; the driver's own error, so the same answer."""
    engine = memory_engine("slow")
    await engine.database["things"].insert_many([{"name": "a" * 40 + "!"} for _ in range(30)])
    collection = build_schema({"things": THINGS}, version=1).collections["things"]
    endless = Query(collection=collection, filter=Match("name", "regex", ("^(a|aa)+$", "")))
    with pytest.raises(LimitExceeded, match="takes longer than this server allows"):
        await Reader(engine, Limits()).find(endless)
    slow = Query(collection=collection, filter=Match("name", "regex", ("^(a|aa){16}b", "")))
    with pytest.raises(LimitExceeded, match="takes longer than this server allows"):
        await Reader(engine, Limits(regex_ms=1)).find(slow)


def test_the_page_on_rest_knows_the_limits() -> None:
    page = (Path(__file__).parent.parent / "docs" / "rest.md").read_text(encoding="utf-8")
    rows = re.findall(r"\| ([\d,]+|true|false) \| `DUETDB_(\w+)` \|", page)
    assert len(rows) == 15
    for default, name in rows:
        assert str(getattr(Limits(), name.lower())).lower() == default.replace(",", "")
