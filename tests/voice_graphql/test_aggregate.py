"""``xAggregate``: groups of documents and their figures, asked and answered exactly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bson import ObjectId

from tests.voice_graphql.conftest import Json, Voice
from tests.voice_graphql.four_books import FIRST, fill


@pytest.fixture
async def books(voice: Voice) -> Voice:
    return await fill(voice)


WHOLE: dict[str, tuple[str, Json]] = {
    "count": ("count", {"count": 4}),
    "nothing but its name": ("__typename", {"__typename": "BooksAggregate"}),
    "a group without fields": ("group n: count", {"group": {}, "n": 4}),
    "sums": (
        "sum { pages rating price scores parts { length marks } print { year size { height } } }",
        {
            "sum": {
                "pages": 450,
                "rating": 7.5,
                "price": 15.25,
                "scores": 6,
                "parts": {"length": 8, "marks": 3},
                "print": {"year": 3998, "size": {"height": 20.5}},
            }
        },
    ),
    "averages": (
        "avg { pages rating scores parts { length } gross }",
        {
            "avg": {
                "pages": 150,
                "rating": 3.75,
                "scores": 2,
                "parts": {"length": 8 / 3},
                "gross": 15.25,
            }
        },
    ),
    "least": (
        "min { title pages rating price published sold genre tags print { city } "
        "parts { length kind } }",
        {
            "min": {
                "title": "Ada",
                "pages": 50,
                "rating": 3,
                "price": 5,
                "published": "2020-02-03T00:00:00.000Z",
                "sold": "2020-02-03T23:30:15.000Z",
                "genre": "poetry",
                "tags": "a",
                "print": {"city": "Oslo"},
                "parts": {"length": 1, "kind": "x"},
            }
        },
    ),
    "greatest": (
        "max { title sold read_at _version parts { length } }",
        {
            "max": {
                "title": "Dan",
                "sold": "2021-01-01T00:00:00.000Z",
                "read_at": None,
                "_version": 1,
                "parts": {"length": 5},
            }
        },
    ),
    "different": (
        "countDistinct { genre inPrint tags author editors cover print { year } "
        "parts { kind } _createdby }",
        {
            "countDistinct": {
                "genre": 2,
                "inPrint": 2,
                "tags": 2,
                "author": 2,
                "editors": 2,
                "cover": 0,
                "print": {"year": 1},
                "parts": {"kind": 2},
                "_createdby": 1,
            }
        },
    ),
    "aliases": (
        "a: sum { p: pages q: pages __typename } b: sum { pages r: rating } "
        "sum { print { __typename } }",
        {
            "a": {"p": 450, "q": 450, "__typename": "BooksNumbers"},
            "b": {"pages": 450, "r": 7.5},
            "sum": {"print": {"__typename": "Books_printNumbers"}},
        },
    ),
    "merged fields": (
        "max { pages } ...F max { ... on BooksExtremes { title } }",
        {"max": {"pages": 300, "title": "Dan"}, "count": 4},
    ),
    "left out": (
        "count @skip(if: true) sum @include(if: false) { pages } "
        "avg { pages rating @skip(if: true) }",
        {"avg": {"pages": 150}},
    ),
}


@pytest.mark.parametrize("what", WHOLE)
async def test_figures_of_everything(books: Voice, what: str) -> None:
    selection, row = WHOLE[what]
    fragment = (
        " fragment F on BooksAggregate { count max { title } }" if "...F" in selection else ""
    )
    assert await books.data(f"{{ booksAggregate {{ {selection} }} }}{fragment}") == [row]


async def test_figures_of_nothing(books: Voice) -> None:
    query = """{ booksAggregate(where: {title: {eq: "none"}}) {
      count sum { pages } avg { pages } min { title _id } max { sold } countDistinct { title }
    } }"""
    assert await books.data(query) == [
        {
            "count": 0,
            "sum": {"pages": 0},
            "avg": {"pages": None},
            "min": {"title": None, "_id": None},
            "max": {"sold": None},
            "countDistinct": {"title": 0},
        }
    ]
    grouped = '{ booksAggregate(where: {title: {eq: "none"}}, groupBy: genre) { count } }'
    assert await books.data(grouped) == []


@pytest.mark.parametrize(
    ("params", "arguments", "selection"),
    [
        ({"aggregate": "COUNT:"}, "", "count"),
        ({"aggregate": "SUM:pages"}, "", "sum { pages }"),
        ({"aggregate": "AVG:print.year"}, "", "avg { print { year } }"),
        (
            {"aggregate": "SUM:parts.length", "groupby": "genre"},
            "genre",
            "sum { parts { length } }",
        ),
        ({"aggregate": "SUM:price", "groupby": "genre"}, "genre", "sum { price }"),
        ({"aggregate": "COUNT:", "groupby": "tags"}, "tags", "count"),
        ({"aggregate": "COUNT:", "groupby": "author"}, "author", "count"),
        ({"aggregate": "AVG:rating", "q": '{"pages":{"$gt":60}}'}, "", "avg { rating }"),
        ({"aggregate": "COUNT:", "filter": "rome"}, "", "count"),
    ],
)
async def test_the_same_as_rest(
    books: Voice, params: dict[str, str], arguments: str, selection: str
) -> None:
    answer = await books.client.get("/rest/books", params=params)
    assert answer.status_code == 200, answer.text
    by_rest = answer.json() if arguments else {"": answer.json()}
    given = "$q: JSON, $filter: String, $by: [BooksField!]"
    query = f"""query({given}) {{
      booksAggregate(q: $q, filter: $filter, groupBy: $by) {{ group figure: {selection} }}
    }}"""
    found = await books.data(
        query,
        q=json.loads(params.get("q", "null")),
        filter=params.get("filter"),
        by=[arguments] if arguments else None,
    )
    assert found
    by_graphql = {text(next(iter(each["group"].values()), "")): each["figure"] for each in found}
    assert {key: next(iter(each.values())) for key, each in by_rest.items()} == {
        key: innermost(each) for key, each in by_graphql.items()
    }


def text(key: Any) -> str:
    """A key of a group as REST names it (SPEC 7.6)."""
    if isinstance(key, list):
        return ",".join(map(text, key))
    return key if isinstance(key, str) else json.dumps(key)


def innermost(figure: Any) -> Any:
    return innermost(next(iter(figure.values()))) if isinstance(figure, dict) else figure


async def test_dirty_values_break_nothing(books: Voice) -> None:
    await books.database["books"].insert_many(
        [
            {"title": 7, "pages": "many", "price": "free", "sold": "once", "tags": "a", "print": 1},
            {
                "title": {"a": 1},
                "pages": [1, "x"],
                "genre": ObjectId(FIRST),
                "parts": {"length": 9},
            },
        ],
        bypass_document_validation=True,
    )
    query = """{ booksAggregate {
      count sum { pages price parts { length } } min { title pages } max { title pages price tags }
      countDistinct { title tags }
    } }"""
    assert await books.data(query) == [
        {
            "count": 6,
            "sum": {"pages": 451, "price": 15.25, "parts": {"length": 17}},
            "min": {"title": None, "pages": 1},
            "max": {"title": None, "pages": None, "price": None, "tags": "b"},
            "countDistinct": {"title": 6, "tags": 2},
        }
    ]
    groups = (
        "{ booksAggregate(groupBy: [genre, sold_YEAR], orderBy: {group: {genre: DESC}}) { group } }"
    )
    first = (await books.data(groups))[0]
    assert first == {"group": {"genre": FIRST, "sold_YEAR": None}}


async def test_only_selected_figures_are_computed(books: Voice) -> None:
    """What the database is asked for is seen in how it says that it answers."""
    query = "{ booksAggregate(groupBy: genre) { group sum { pages } } }"
    answer = await books.client.post("/graphql?explain=true", json={"query": query})
    (read,) = answer.json()["extensions"]["explain"]
    assert (read["collection"], read["operation"], read["returned"]) == ("books", "aggregate", 3)
