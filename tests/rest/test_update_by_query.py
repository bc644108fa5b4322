"""``PATCH /rest/C/*?q=``: one change for every document that a query selects."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.rest.conftest import insert

UNTOUCHED = "0" * 24


async def people(client: httpx.AsyncClient, *bodies: dict[str, Any]) -> list[str]:
    return [each["_id"] for each in await insert(client, "people", list(bodies))]


async def patch(client: httpx.AsyncClient, query: str, body: Any) -> httpx.Response:
    return await client.patch("/rest/people/*", params={"q": query}, json=body)


async def test_what_matches_is_changed(rest: httpx.AsyncClient) -> None:
    await people(rest, {"name": "Ann", "age": 41}, {"name": "Bob", "age": 17}, {"name": "Cy"})
    answer = await patch(rest, '{"age":{"$gt":1}}', {"$inc": {"age": 1}, "active": "true"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"matched": 2, "modified": 2, "failed": []}
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    shown = (await rest.get("/rest/people?sort=name&metafields=true")).json()
    assert [(each.get("age"), each.get("active")) for each in shown] == [
        (42, True),
        (18, True),
        (None, None),
    ]
    assert [each["_version"] for each in shown] == [2, 2, 1]
    assert {each["_changedby"] for each in shown} == {"api"}


async def test_an_empty_query_is_everything(rest: httpx.AsyncClient) -> None:
    await people(rest, {"name": "Ann"}, {"name": "Bob"})
    answer = await patch(rest, "{}", {"$push": {"tags": "new"}})
    assert answer.json() == {"matched": 2, "modified": 2, "failed": []}
    assert [each["tags"] for each in (await rest.get("/rest/people")).json()] == [["new"]] * 2
    answer = await patch(rest, '{"name":"Zoe"}', {"age": 1})
    assert answer.json() == {"matched": 0, "modified": 0, "failed": []}


async def test_those_that_cannot_be_are_named(rest: httpx.AsyncClient) -> None:
    ids = await people(
        rest,
        {"name": "Ann", "likes": 1, "salary": 100},
        {"name": "Bob", "likes": "none", "salary": 200},
        {"name": "Cy", "likes": 3},
    )
    answer = await patch(rest, "{}", {"$inc": {"likes": 1, "salary": "0.50"}})
    assert answer.status_code == 200
    assert answer.json() == {
        "matched": 3,
        "modified": 2,
        "failed": [
            {"_id": ids[1], "message": "likes: What is stored there is not a number."},
        ],
    }
    shown = (await rest.get("/rest/people?sort=name")).json()
    assert [each["likes"] for each in shown] == [2, "none", 4]
    assert [each["salary"] for each in shown] == [100.5, 200, 0.5]
    assert [each.get("bonus") for each in shown] == [10.05, 20.0, 0.05]


async def test_unique_values_are_given_to_one(rest: httpx.AsyncClient) -> None:
    await people(rest, {"name": "Ann"}, {"name": "Bob"})
    answer = (await patch(rest, "{}", {"email": "ann@example.com"})).json()
    assert (answer["matched"], answer["modified"]) == (2, 1)
    assert [each["message"] for each in answer["failed"]] == ["email: Already exists"]


async def test_a_query_through_a_relation(rest: httpx.AsyncClient) -> None:
    acme = await insert(rest, "companies", {"name": "Acme"})
    await people(rest, {"name": "Ann", "company": acme["_id"]}, {"name": "Bob"})
    answer = await patch(rest, '{"company.name":"Acme"}', {"$unset": {"company": ""}})
    assert answer.json()["modified"] == 1
    answer = await patch(rest, "{}", {"company": UNTOUCHED})
    assert (answer.json()["matched"], answer.json()["modified"]) == (2, 0)


@pytest.mark.parametrize(
    ("query", "body", "name", "said"),
    [
        ({}, {"age": 1}, "BadRequest", "PATCH /* needs a query in q."),
        ({"q": ""}, {"age": 1}, "BadRequest", "PATCH /* needs a query in q."),
        ({"q": "null"}, {"age": 1}, "BadRequest", "PATCH /* needs a query in q."),
        ({"q": "{"}, {"age": 1}, "BadQuery", "q cannot be read"),
        ({"q": "[]"}, {"age": 1}, "BadQuery", "filter is an object"),
        ({"q": '{"age":{"$gtt":1}}'}, {"age": 1}, "BadQuery", "Did you mean '$gt'?"),
        ({"q": '{"$where":"1"}'}, {"age": 1}, "BadQuery", "$where"),
        ({"q": "{}"}, [{"age": 1}], "BadRequest", "must be a JSON object"),
        ({"q": "{}"}, None, "BadRequest", "must be a JSON object"),
        ({"q": "{}"}, {"$incr": {"age": 1}}, "BadRequest", "Did you mean '$inc'?"),
        ({"q": "{}"}, {"age": 1, "$inc": {"age": 1}}, "BadRequest", "twice"),
        ({"q": "{}"}, {"_id": UNTOUCHED, "age": 1}, "BadRequest", "'_id' never changes"),
        ({"q": "{}"}, {"age": "x"}, "ValidationError", "Validation error"),
        ({"q": "{}"}, {"$push": {"tags": 5}}, "ValidationError", "Validation error"),
    ],
)
async def test_what_cannot_be_meant_changes_nothing(
    rest: httpx.AsyncClient, query: dict[str, str], body: Any, name: str, said: str
) -> None:
    await people(rest, {"name": "Ann", "age": 41})
    answer = await rest.request("PATCH", "/rest/people/*", params=query, json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["name"] == name
    assert said in answer.json()["message"]
    assert (await rest.get("/rest/people?metafields=true")).json()[0]["_version"] == 1


async def test_it_takes_patch_alone_and_the_full_key(rest: httpx.AsyncClient) -> None:
    answer = await rest.put("/rest/people/*?q={}", json={"age": 1})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "PATCH, DELETE"
    answer = await rest.post(
        "/rest/people/*?q={}", json={"age": 1}, headers={"x-http-method-override": "PATCH"}
    )
    assert answer.json() == {"matched": 0, "modified": 0, "failed": []}
    for key, status in (("", 401), ("not-a-key-of-this-database", 403)):
        headers = {"x-apikey": key}
        answer = await rest.patch("/rest/people/*?q={}", json={"age": 1}, headers=headers)
        assert answer.status_code == status
    assert (await rest.patch("/rest/peple/*?q={}", json={"age": 1})).status_code == 404
