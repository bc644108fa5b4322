"""``filter``: words, or their beginnings, that a document has (SPEC 6.3), wherever lists are."""

from __future__ import annotations

from typing import Any

import pytest

from tests.voice_graphql.conftest import Json, Voice


@pytest.fixture
async def books(voice: Voice) -> Voice:
    """Three books about sheep and towns, with reviews."""
    ids = await voice.insert(
        "books",
        {"title": "A Wild Sheep Chase", "pages": 1, "print": {"city": "Zürich"}},
        {"title": "Electric Sheep", "pages": 2, "tags": ["wilderness"]},
        {"title": "The Castle", "pages": 3},
    )
    texts = ("good sheep", "bad sheep", "no sheep, but good")
    link = {"_parent_id": ids[0], "_parent_def": "books", "_parent_field": "reviews"}
    await voice.insert("reviews", *({"text": text, **link} for text in texts))
    return voice


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("sheep", [1, 2]),
        ("SHEEP", [1, 2]),
        ("she", [1, 2]),
        ("heep", []),
        ("sheep wild", [1, 2]),
        ("wilder sheep", [2]),
        ("wild, chase!", [1]),
        ("zürich", [1]),
        ("zü", [1]),
        ("castle sheep", []),
        ("", [1, 2, 3]),
        (" ... ", [1, 2, 3]),
        (None, [1, 2, 3]),
    ],
)
async def test_the_same_as_rest(books: Voice, text: str | None, pages: list[int]) -> None:
    query = "query($f: String) { books(filter: $f) { pages } }"
    assert await books.data(query, f=text) == [{"pages": each} for each in pages]
    answer = await books.client.get("/rest/books", params={"filter": text or ""})
    assert [each["pages"] for each in answer.json()] == pages


EVERYWHERE: dict[str, tuple[str, Any]] = {
    "with a filter": (
        'books(filter: "sheep", where: {pages: {gt: 1}}) { pages }',
        [{"pages": 2}],
    ),
    "with q": ('books(filter: "sheep", q: {pages: 1}) { pages }', [{"pages": 1}]),
    "with both": ('books(filter: "sheep", q: {pages: 1}, where: {pages: {gt: 1}}) { pages }', []),
    "with a page": (
        'books(filter: "sheep", orderBy: {pages: DESC}, skip: 1, max: 5) { pages }',
        [{"pages": 1}],
    ),
    "a connection": (
        'booksConnection(filter: "sheep", first: 1) { totalCount edges { node { pages } } }',
        {"totalCount": 2, "edges": [{"node": {"pages": 1}}]},
    ),
    "children": (
        'books(max: 1) { reviews(filter: "good", where: {text: {gt: "h"}}) { text } }',
        [{"reviews": [{"text": "no sheep, but good"}]}],
    ),
    "figures": (
        'booksAggregate(filter: "sheep", where: {pages: {gt: 1}}) { sum { pages } }',
        [{"sum": {"pages": 2}}],
    ),
}


@pytest.mark.parametrize("what", EVERYWHERE)
async def test_everywhere(books: Voice, what: str) -> None:
    field, expected = EVERYWHERE[what]
    assert await books.data(f"{{ {field} }}") == expected


async def test_the_index_is_used(books: Voice) -> None:
    await books.insert("books", *({"title": f"Filler {n}"} for n in range(500)))
    query = '{ books(filter: "electric sheep") { pages } }'
    answer = await books.client.post(
        "/graphql", json={"query": query, "extensions": {"explain": True}}
    )
    body = answer.json()
    assert body["data"] == {"books": [{"pages": 2}]}
    (read,) = body["extensions"]["explain"]
    assert read["index"].startswith("duet_words"), read
    assert read["documentsExamined"] <= 2


async def test_mistakes(books: Voice) -> None:
    query = "query($f: String) { books(filter: $f) { pages } }"
    many = " ".join(f"w{n}" for n in range(501))
    message = await books.message(query, f=many)
    assert message == "The text filter has more than 500 words."
    assert "String cannot represent" in await books.message("{ books(filter: 1) { pages } }")


async def test_nothing_to_search(bare: Voice) -> None:
    """Words of a collection without searchable fields find nothing, on both interfaces."""
    numbers: Json = {"name": "numbers", "fields": [{"name": "n", "type": "number"}]}
    await bare.define(numbers)
    await bare.insert("numbers", {"n": 1})
    assert await bare.data('{ numbers(filter: "x") { n } }') == []
    assert (await bare.client.get("/rest/numbers?filter=x")).json() == []
    assert await bare.data('{ numbersAggregate(filter: "x") { count } }') == [{"count": 0}]
