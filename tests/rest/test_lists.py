"""List parameters, hints and envelopes (SPEC 6)."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.rest.conftest import insert

NAMES = ["Ann", "Bob", "Cid", "Dan", "Eva"]


@pytest.fixture
async def five(rest: httpx.AsyncClient) -> httpx.AsyncClient:
    people = [
        {"name": name, "age": 20 + place % 3, "address": {"city": "Oslo"}}
        for place, name in enumerate(NAMES)
    ]
    await insert(rest, "people", people)
    return rest


async def names(client: httpx.AsyncClient, query: str) -> list[str]:
    answer = await client.get(f"/rest/people?{query}")
    assert answer.status_code == 200, answer.text
    return [each["name"] for each in answer.json()]


async def test_a_list_is_a_bare_array_in_insertion_order(five: httpx.AsyncClient) -> None:
    answer = await five.get("/rest/people")
    assert [each["name"] for each in answer.json()] == NAMES
    assert json.loads(answer.headers["x-pagination"]) == {"count": 5, "skip": 0, "max": 1000}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('q={"name":"Bob"}', ["Bob"]),
        ('?&q={"name":"Bob"}', ["Bob"]),
        ('&q={"age":+{"$gt":+21}}', ["Cid"]),
        ("sort=name&dir=-1&max=2", ["Eva", "Dan"]),
        ("sort=age&sort=name&dir=-1&dir=-1", ["Cid", "Eva", "Bob", "Dan", "Ann"]),
        ("sort=age&dir=-1&sort=name", ["Cid", "Bob", "Eva", "Ann", "Dan"]),
        ("sort=name&dir={sortDir}", NAMES),
        ("sort=&dir=", NAMES),
        ("skip=3", ["Dan", "Eva"]),
        ("skip=1&max=2", ["Bob", "Cid"]),
        ("skip=-1&max=0", NAMES),
        ("skip=x&max=NaN", NAMES),
        ("skip=1.5&max=", NAMES),
        ('h={"$max":1,"$skip":1}&max=3', ["Bob"]),
        ('h={"$orderby":{"age":-1,"name":1},"$max":2}&sort=name', ["Cid", "Bob"]),
        ('h={"$orderby":{"age":-1.0,"name":"-1"}}', ["Cid", "Eva", "Bob", "Dan", "Ann"]),
        ('h={"colour":1}', NAMES),
        ("h=[]", NAMES),
        ("q=[]", NAMES),
        ("h={}", NAMES),
        ("unknown=1&filter=", NAMES),
        ("sort=_created&dir=1", NAMES),
    ],
)
async def test_parameters(five: httpx.AsyncClient, query: str, found: list[str]) -> None:
    assert await names(five, query) == found


async def test_totals_and_count(five: httpx.AsyncClient) -> None:
    answer = await five.get("/rest/people?totals=true&skip=1&max=2")
    body = answer.json()
    assert [each["name"] for each in body["data"]] == ["Bob", "Cid"]
    assert body["totals"] == {"total": 5, "count": 2, "skip": 1, "max": 2}
    assert json.loads(answer.headers["x-pagination"])["total"] == 5
    for query in ("totals=true&count=true", "count=true", '&count=true&q={"age":{"$gt":0}}'):
        body = (await five.get(f"/rest/people?{query}")).json()
        assert (body["data"], body["totals"]["count"]) == ([], 5)


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        ({"name": 1}, {"_id", "name"}),
        ({"name": True, "age": 1}, {"_id", "name", "age"}),
        ({"name": 1, "_id": 0}, {"name"}),
        ({"_id": 1}, {"_id"}),
        ({"_id": 0}, {"name", "age", "address"}),
        ({"address": 0}, {"_id", "name", "age"}),
        ({"address": 0, "age": 0, "_id": 0}, {"name"}),
        ({"address.city": 1, "address": 1}, {"_id", "address"}),
        ({"_version": 1}, {"_id", "_version"}),
        ({"_created": 1, "name": 1}, {"_id", "_created", "name"}),
        ({"nothing": 1}, {"_id"}),
        ({}, {"_id", "name", "age", "address"}),
    ],
)
async def test_fields(five: httpx.AsyncClient, fields: dict[str, Any], keys: set[str]) -> None:
    hint = {"h": json.dumps({"$fields": fields})}
    listed = (await five.get("/rest/people", params=hint)).json()
    assert set(listed[0]) == keys
    ids = [each["_id"] for each in (await five.get("/rest/people")).json()]
    one = await five.get(f"/rest/people/{ids[0]}", params=hint)
    assert set(one.json()) == keys
    assert one.headers["etag"] == '"1"'


@pytest.mark.parametrize(
    "query",
    [
        "q={",
        "q=1",
        'q={"age":{"$foo":1}}',
        'q={"$where":"1"}',
        "h=1",
        "h={",
        'h={"$fields":{"a":1,"b":0}}',
        'h={"$fields":{"a":2}}',
        'h={"$fields":{"a":"1"}}',
        'h={"$fields":{"":1}}',
        'h={"$fields":{"$a":1}}',
        'h={"$fields":{"a..b":1}}',
        'h={"$fields":{"a\\u0000":1}}',
        'h={"$fields":[1]}',
        'h={"$orderby":["a"]}',
        'h={"$orderby":{"$a":1}}',
        'h={"$orderby":{"a":"desc"}}',
        'h={"$orderby":{"a":{"$meta":"b"}}}',
        'h={"$metafields":"yes"}',
        'h={"$groupby":["a"],"$aggregate-grand-total":2}',
        "sort=$where",
        "sort=a..b",
        "max=10001",
        'h={"$max":10001}',
        "skip=99999999999999999999",
        "q=%FF",
    ],
)
async def test_what_cannot_be_read_is_400(five: httpx.AsyncClient, query: str) -> None:
    answer = await five.get(f"/rest/people?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"]
    assert answer.json()["status"] == 400


async def test_an_unknown_hint_is_named_with_the_nearest(rest: httpx.AsyncClient) -> None:
    answer = await rest.get('/rest/people?h={"$orderBy":{"age":1}}')
    assert answer.status_code == 400
    assert answer.json() == {
        "name": "BadQuery",
        "message": "Unknown hint '$orderBy'. Did you mean '$orderby'?",
        "status": 400,
        "hint": "Hints are $fields, $orderby, $max, $skip, $metafields, $groupby, $aggregate, "
        "$aggregate-grand-total; conditions belong into q.",
    }
