"""``extensions.explain``: beside the answer, how the database answered each read."""

from __future__ import annotations

from typing import Any

import pytest

from duetdb.app.service.engine import Engine
from tests.voice_graphql.conftest import NO_KEY, WRONG_KEY, Json, Voice

QUERY = '{ books(where: {title: {eq: "b"}}) { title reviews { text } } }'


@pytest.fixture
async def books(voice: Voice) -> Voice:
    await voice.insert("books", *({"title": each} for each in "abc"))
    return voice


def without_time(body: Json) -> Json:
    for each in body["extensions"]["explain"]:
        assert each.pop("milliseconds") >= 0
    return body


async def explained(voice: Voice, query: str, **variables: Any) -> Json:
    answer = await voice.client.post(
        "/graphql?explain=true", json={"query": query, "variables": variables}
    )
    assert answer.status_code == 200, answer.text
    return without_time(answer.json())


async def test_beside_the_answer(books: Voice) -> None:
    body = await explained(books, "{ books(max: 2) { title } }")
    assert body == {
        "data": {"books": [{"title": "a"}, {"title": "b"}]},
        "extensions": {
            "explain": [
                {
                    "collection": "books",
                    "operation": "find",
                    "plan": "LIMIT <- PROJECTION_SIMPLE <- FETCH <- IXSCAN",
                    "index": "_id_",
                    "documentsExamined": 2,
                    "keysExamined": 2,
                    "returned": 2,
                }
            ]
        },
    }


@pytest.mark.parametrize(
    ("query", "reads"),
    [
        (QUERY, ["books find", "reviews find"]),
        ("{ a: books { title } b: authors { name } }", ["authors find", "books find"]),
        ("{ booksConnection { totalCount } }", ["books count", "books count"]),
        ("{ booksAggregate(groupBy: title) { count } }", ["books aggregate"]),
        ('{ booksById(id: "x") { title } }', []),
        ("{ __typename }", []),
        ('mutation { createBooks(data: {title: "d"}) { title } }', []),
    ],
)
async def test_each_read_once(books: Voice, query: str, reads: list[str]) -> None:
    body = await explained(books, query)
    assert "errors" not in body
    found = [f"{each['collection']} {each['operation']}" for each in body["extensions"]["explain"]]
    assert sorted(found) == reads


async def test_the_ways_to_ask(books: Voice) -> None:
    post = books.client.post
    asked = {"query": QUERY, "extensions": {"explain": True}}
    answers = [
        await post("/graphql", json=asked),
        await post("/graphql?explain=true", json={"query": QUERY}),
        await books.client.get("/graphql", params={"query": QUERY, "explain": "true"}),
        await books.client.get(
            "/graphql", params={"query": QUERY, "extensions": '{"explain": true}'}
        ),
    ]
    first, *others = (without_time(each.json()) for each in answers)
    assert len(first["extensions"]["explain"]) == 2
    assert others == [first] * 3


@pytest.mark.parametrize("extensions", [{}, {"explain": False}, {"explain": "true"}, None])
async def test_not_asked(books: Voice, extensions: Json | None) -> None:
    answer = await books.client.post(
        "/graphql?explain=false", json={"query": QUERY, "extensions": extensions}
    )
    assert answer.json() == {"data": {"books": [{"title": "b", "reviews": []}]}}


async def test_errors_are_answered_as_they_are(books: Voice) -> None:
    body = await explained(books, "{ books(max: -1) { title } }")
    assert body["errors"][0]["message"] == "'max' must not be negative."
    assert body["extensions"] == {"explain": []}


@pytest.mark.parametrize(("headers", "status"), [(NO_KEY, 401), (WRONG_KEY, 403)])
async def test_only_with_the_full_key(books: Voice, headers: dict[str, str], status: int) -> None:
    answer = await books.client.post(
        "/graphql?explain=true", json={"query": QUERY}, headers=headers
    )
    (error,) = answer.json()["errors"]
    assert "extensions" not in answer.json()
    assert error["extensions"]["status"] == status


async def test_a_grouped_answer_is_as_short_as_its_groups(books: Voice, engine: Engine) -> None:
    """The database answers one document for each group, however many documents there are."""
    await engine.database["books"].insert_many(
        [{"title": "abc"[n % 3], "pages": n} for n in range(3_000)]
    )
    body = await explained(books, "{ booksAggregate(groupBy: title) { avg { pages } } }")
    averages = [each["avg"]["pages"] for each in body["data"]["booksAggregate"]]
    assert averages == [1498.5, 1499.5, 1500.5]
    (read,) = body["extensions"]["explain"]
    assert (read["documentsExamined"], read["returned"]) == (3_003, 3)
