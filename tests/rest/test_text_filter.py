"""``filter``: documents that hold words with these beginnings (SPEC 6.3)."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.rest.conftest import insert

PERSONS = [
    {"name": "Ann Østby", "level": "junior", "age": 30, "address": {"city": "P.O. Box 460"}},
    {"name": "Bob Stone", "email": "bob@example.com", "age": 40, "tags": ["red", "green"]},
    {"name": "ann-marie", "age": 50, "extra": {"note": "hidden"}},
]


@pytest.fixture
async def people(rest: httpx.AsyncClient) -> httpx.AsyncClient:
    await insert(rest, "people", PERSONS)
    return rest


@pytest.mark.parametrize(
    ("query", "ages"),
    [
        ("filter=ann", [30, 50]),
        ("filter=ANN", [30, 50]),
        ("filter=an", [30, 50]),
        ("filter=nn", []),
        ("filter=ann+marie", [50]),
        ("filter=marie%20ann", [50]),
        ("filter=ann,+ost", []),
        ("filter=%C3%B8stby", [30]),
        ("filter=%C3%98ST", [30]),
        ("filter=p.o.+box+460", [30]),
        ("filter=bob@example", [40]),
        ("filter=green", [40]),
        ("filter=hidden", []),
        ("filter=.*", [30, 40, 50]),
        ("filter=^a|b$", [30]),
        ("filter=", [30, 40, 50]),
        ("filter=++", [30, 40, 50]),
        ("filter=x&filter=bob", [40]),
        ('filter=ann&q={"age":{"$gt":30}}', [50]),
        ('filter=ann&q={"age":40}', []),
        ("filter=ann&sort=age&dir=-1", [50, 30]),
        ("filter=ann&max=1&skip=1", [50]),
    ],
)
async def test_each_token_begins_a_word(
    people: httpx.AsyncClient, query: str, ages: list[int]
) -> None:
    answer = await people.get(f"/rest/people?{query}")
    assert [each["age"] for each in answer.json()] == ages
    streamed = await people.get(f"/rest/people.ndjson?{query}")
    assert [json.loads(line)["age"] for line in streamed.text.splitlines()] == ages
    counted = await people.get(f"/rest/people?count=true&{query}")
    if "max=" not in query:
        assert counted.json()["totals"]["total"] == len(ages)


async def test_a_child_list_is_filtered_too(people: httpx.AsyncClient) -> None:
    ids = [each["_id"] for each in (await people.get("/rest/people")).json()]
    for text in ("red wine", "white wine"):
        await insert(people, f"people/{ids[0]}/notes", {"text": text})
    await insert(people, f"people/{ids[1]}/notes", {"text": "red sea"})
    answer = await people.get(f"/rest/people/{ids[0]}/notes?filter=red")
    assert [each["text"] for each in answer.json()] == ["red wine"]


async def test_nothing_is_found_where_nothing_is_searchable(people: httpx.AsyncClient) -> None:
    meta = {"name": "plain", "fields": [{"name": "n", "type": "number"}]}
    assert (await people.put("/rest/plain/_meta", json=meta)).status_code == 200
    await insert(people, "plain", {"n": 1, "other": "ann"})
    assert (await people.get("/rest/plain?filter=ann")).json() == []
    assert len((await people.get("/rest/plain?filter=.")).json()) == 1


async def test_the_index_on_words_is_used(people: httpx.AsyncClient) -> None:
    await insert(people, "people", [{"name": f"n{number}"} for number in range(500)])
    answer = await people.get("/rest/people?filter=bob&explain=true")
    (read,) = answer.json()["explain"]
    assert "_keywords" in read["index"]
    assert read["documentsExamined"] == 1


async def test_too_many_words_are_refused(people: httpx.AsyncClient) -> None:
    words = "+".join(f"w{n}" for n in range(600))
    answer = await people.get(f"/rest/people?filter={words}")
    assert (answer.status_code, answer.json()["name"]) == (400, "LimitExceeded")


async def test_a_delete_is_not_narrowed_by_it(people: httpx.AsyncClient) -> None:
    """It takes ``q`` alone, so ``filter`` alone is refused."""
    assert (await people.delete("/rest/people/*?filter=ann")).status_code == 400
    assert len((await people.get("/rest/people")).json()) == 3
