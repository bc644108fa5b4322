"""``xAggregate``: groups of documents and their figures, asked and answered exactly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bson import ObjectId

from tests.voice_graphql.conftest import Json, Voice

FIRST, SECOND = "a" * 24, "b" * 24
BOOKS: list[Json] = [
    {
        "title": "Ada",
        "pages": 100,
        "rating": 4.5,
        "price": 10.25,
        "inPrint": True,
        "genre": "prose",
        "published": "2020-02-03",
        "sold": "2020-02-03T23:30:15Z",
        "tags": ["a", "b"],
        "scores": [1, 2],
        "print": {"city": "Oslo", "year": 1999, "size": {"height": 20.5}},
        "parts": [{"kind": "x", "length": 1, "marks": [1, 2]}, {"kind": "y", "length": 2}],
    },
    {
        "title": "Bea",
        "pages": 300,
        "rating": 3,
        "price": 5,
        "inPrint": True,
        "genre": "prose",
        "published": "2020-07-01",
        "sold": "2021-01-01T00:00:00Z",
        "tags": ["b"],
        "scores": [3],
        "print": {"city": "Rome", "year": 1999},
        "parts": [{"kind": "x", "length": 5}],
    },
    {"title": "Cid", "pages": 50, "genre": "poetry", "inPrint": False, "tags": ["a", "b"]},
    {"title": "Dan"},
]


@pytest.fixture
async def books(voice: Voice) -> Voice:
    """Four books, three of them by one author and one of these by another too."""
    await voice.database["authors"].insert_many(
        [{"_id": ObjectId(each), "name": each} for each in (FIRST, SECOND)]
    )
    links: list[Json] = [{"author": FIRST, "editors": [FIRST, SECOND]}, {"author": FIRST}]
    links += [{"author": SECOND}, {}]
    both = [{**book, **link} for book, link in zip(BOOKS, links, strict=True)]
    await voice.insert("books", *both)
    return voice


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
        "countDistinct { _id genre inPrint tags author editors cover print { year } "
        "parts { kind } _createdby }",
        {
            "countDistinct": {
                "_id": 4,
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


def rows(key: str, *pairs: tuple[Any, int]) -> list[Json]:
    """Groups by one field, and how many documents each has."""
    return [{"group": {key: value}, "count": count} for value, count in pairs]


GROUPS: dict[str, tuple[str, list[Json]]] = {
    "a text": (
        "groupBy: [genre]",
        rows("genre", (None, 1), ("poetry", 1), ("prose", 2)),
    ),
    "a truth value": (
        "groupBy: inPrint",
        rows("inPrint", (None, 1), (False, 1), (True, 2)),
    ),
    "a list": (
        "groupBy: tags",
        rows("tags", (None, 1), (["a", "b"], 2), (["b"], 1)),
    ),
    "a reference": (
        "groupBy: author",
        rows("author", (None, 1), ([FIRST], 2), ([SECOND], 1)),
    ),
    "inside of an object": (
        "groupBy: print_size_height",
        rows("print_size_height", (None, 3), (20.5, 1)),
    ),
    "inside of the objects of a list": (
        "groupBy: parts_kind",
        rows("parts_kind", (None, 2), (["x"], 1), (["x", "y"], 1)),
    ),
    "a system field": ("groupBy: _version", rows("_version", (1, 4))),
    "two fields": (
        "groupBy: [inPrint, genre]",
        [
            {"group": {"inPrint": None, "genre": None}, "count": 1},
            {"group": {"inPrint": False, "genre": "poetry"}, "count": 1},
            {"group": {"inPrint": True, "genre": "prose"}, "count": 2},
        ],
    ),
    "a field twice": (
        "groupBy: [genre, genre], max: 1",
        rows("genre", (None, 1)),
    ),
    "years": (
        "groupBy: published_YEAR",
        rows("published_YEAR", (None, 2), ("2020-01-01T00:00:00.000Z", 2)),
    ),
    "months": (
        "groupBy: published_MONTH",
        rows(
            "published_MONTH",
            (None, 2),
            ("2020-02-01T00:00:00.000Z", 1),
            ("2020-07-01T00:00:00.000Z", 1),
        ),
    ),
    "weeks": (
        "groupBy: sold_WEEK",
        rows(
            "sold_WEEK",
            (None, 2),
            ("2020-02-03T00:00:00.000Z", 1),
            ("2020-12-28T00:00:00.000Z", 1),
        ),
    ),
    "days": (
        "groupBy: sold_DAY",
        rows(
            "sold_DAY",
            (None, 2),
            ("2020-02-03T00:00:00.000Z", 1),
            ("2021-01-01T00:00:00.000Z", 1),
        ),
    ),
    "days elsewhere": (
        'groupBy: sold_DAY, timeZone: "Europe/Oslo"',
        rows(
            "sold_DAY",
            (None, 2),
            ("2020-02-03T23:00:00.000Z", 1),
            ("2020-12-31T23:00:00.000Z", 1),
        ),
    ),
    "hours": (
        'groupBy: sold_HOUR, where: {title: {eq: "Ada"}}',
        rows("sold_HOUR", ("2020-02-03T23:00:00.000Z", 1)),
    ),
    "minutes": (
        'groupBy: sold_MINUTE, where: {title: {eq: "Ada"}}',
        rows("sold_MINUTE", ("2020-02-03T23:30:00.000Z", 1)),
    ),
    "seconds": (
        'groupBy: sold_SECOND, where: {title: {eq: "Ada"}}',
        rows("sold_SECOND", ("2020-02-03T23:30:15.000Z", 1)),
    ),
    "what is filtered": (
        'groupBy: genre, where: {pages: {gt: 10}}, q: {inPrint: true}, filter: "oslo"',
        rows("genre", ("prose", 1)),
    ),
    "having a count": ("groupBy: genre, having: {count: {gte: 2}}", rows("genre", ("prose", 2))),
    "having unselected figures": (
        "groupBy: genre, having: {sum: {pages: {lt: 100}}, max: {title: {ne: null}}}",
        rows("genre", (None, 1), ("poetry", 1)),
    ),
    "having figures inside": (
        "groupBy: genre, having: {avg: {print: {year: {bt: [1999, 2000]}}}}",
        rows("genre", ("prose", 2)),
    ),
    "having a date": (
        'groupBy: genre, having: {min: {published: {lt: "2020-03-01"}}}',
        rows("genre", ("prose", 2)),
    ),
    "having a pattern": (
        'groupBy: genre, having: {min: {title: {regex: "^C"}}}',
        rows("genre", ("poetry", 1)),
    ),
    "having different values": (
        'groupBy: genre, having: {countDistinct: {author: {eq: "0"}}}',
        rows("genre", (None, 1)),
    ),
    "having one of these": (
        "groupBy: genre, having: {or: [{count: {gt: 1}}, {sum: {pages: {eq: 0}}}]}",
        rows("genre", (None, 1), ("prose", 2)),
    ),
    "having not": (
        "groupBy: genre, having: {not: {or: [{count: {gt: 1}}, {sum: {pages: {eq: 0}}}]}}",
        rows("genre", ("poetry", 1)),
    ),
    "having both": (
        "groupBy: genre, having: {and: [{count: {gt: 1}}, {sum: {pages: {eq: 0}}}]}",
        [],
    ),
    "having nothing": ("groupBy: inPrint, having: {}, max: 1", rows("inPrint", (None, 1))),
    "in the order of a count": (
        "groupBy: genre, orderBy: [{count: DESC}, {group: {genre: DESC}}]",
        rows("genre", ("prose", 2), ("poetry", 1), (None, 1)),
    ),
    "in the order of an unselected sum": (
        "groupBy: genre, orderBy: {sum: {pages: DESC}}, max: 2",
        rows("genre", ("prose", 2), ("poetry", 1)),
    ),
    "in the order of figures inside": (
        "groupBy: genre, orderBy: [{max: {print: {year: DESC}}}, {min: {title: DESC}}]",
        rows("genre", ("prose", 2), (None, 1), ("poetry", 1)),
    ),
    "in the order of a month": (
        "groupBy: [published_MONTH], orderBy: {group: {published_MONTH: DESC}}, max: 2",
        rows(
            "published_MONTH",
            ("2020-07-01T00:00:00.000Z", 1),
            ("2020-02-01T00:00:00.000Z", 1),
        ),
    ),
    "no group": ("groupBy: genre, max: 0", []),
}


@pytest.mark.parametrize("what", GROUPS)
async def test_groups(books: Voice, what: str) -> None:
    arguments, groups = GROUPS[what]
    assert await books.data(f"{{ booksAggregate({arguments}) {{ group count }} }}") == groups


async def test_by_variables(books: Voice) -> None:
    query = """query(
      $by: [BooksField!], $having: BooksHaving, $order: [BooksAggregateOrderBy!], $max: Int,
      $zone: String, $where: BooksWhere
    ) {
      booksAggregate(
        groupBy: $by, having: $having, orderBy: $order, max: $max, timeZone: $zone, where: $where
      ) { group sum { pages } }
    }"""
    assert await books.data(query) == [{"group": {}, "sum": {"pages": 450}}]
    found = await books.data(
        query,
        by=["genre", "sold_YEAR"],
        having={"count": {"gte": "1"}, "sum": {"pages": {"gt": 60}}},
        order=[{"sum": {"pages": "ASC"}}],
        zone="America/New_York",
        where={"genre": {"ne": None}},
    )
    # New York sold it in the last hours of the year before.
    assert found == [
        {
            "group": {"genre": "prose", "sold_YEAR": "2020-01-01T05:00:00.000Z"},
            "sum": {"pages": 400},
        }
    ]


async def test_figures_of_one_group_may_be_asked_of_all(books: Voice) -> None:
    query = "{ booksAggregate(having: {count: {%s: 4}}) { count } }"
    assert await books.data(query % "eq") == [{"count": 4}]
    assert await books.data(query % "gt") == []


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


MISTAKES: dict[str, tuple[str, str]] = {
    "an unknown zone": ('groupBy: sold_DAY, timeZone: "Europe/Olso"', "Europe/Olso"),
    "an unknown zone beside no date": ('timeZone: "nowhere"', "nowhere"),
    "an empty comparison": ("having: {count: {}}", "'count' of 'having' is compared with nothing."),
    "an empty function": ("having: {sum: {}}", "'sum' of 'having' is compared with nothing."),
    "an empty figure": (
        "having: {not: {sum: {pages: {}}}}",
        "'pages' of 'having' is compared with nothing.",
    ),
    "nothing inside": (
        "having: {avg: {print: {}}}",
        "'print' of 'having' is compared with nothing.",
    ),
    "null": ("having: {or: null}", "'or' of 'having' is compared with nothing."),
    "a range of one": (
        "having: {count: {bt: [1]}}",
        "'bt' takes a list of two values, the lowest and the highest.",
    ),
    "too many groups": ("groupBy: genre, max: 10001", "'max' is at most 10,000."),
    "fewer than none": ("max: -1", "'max' must not be negative."),
    "too many keys": (
        f"groupBy: [{' '.join('_version title isbn code pages rating price gross inPrint'.split())}"
        " published sold read_at genre tags scores author editors]",
        "Documents are grouped by at most 16 keys.",
    ),
    "an order by two": (
        "orderBy: {count: ASC, group: {genre: ASC}}",
        "Each key of 'orderBy' names exactly one figure.",
    ),
    "an order by nothing": (
        "orderBy: {sum: {}}",
        "Each key of 'orderBy' names exactly one figure.",
    ),
    "an order by null": (
        "orderBy: {sum: null}",
        "Each key of 'orderBy' names exactly one figure.",
    ),
    "an order without a direction": (
        "orderBy: {min: {print: {city: null}}}",
        "'city' is ordered in no direction.",
    ),
    "an order by another field": (
        "groupBy: genre, orderBy: {group: {inPrint: ASC}}",
        "Groups cannot be ordered by 'inPrint', which they are not made by.",
    ),
    "an unknown field": (
        "groupBy: genr",
        "Value 'genr' does not exist in 'BooksField' enum. Did you mean the enum value 'genre'?",
    ),
    "a sum of texts": (
        "having: {sum: {title: {gt: 1}}}",
        "Expected value of type 'BooksNumbersHaving' not to include unknown field 'title'",
    ),
    "days of a time": (
        "groupBy: read_at_DAY",
        "Value 'read_at_DAY' does not exist in 'BooksField' enum.",
    ),
    "hours of a day": (
        "groupBy: published_HOUR",
        "Value 'published_HOUR' does not exist in 'BooksField' enum.",
    ),
    "a filter that is none": ("q: {pages: {$x: 1}}", "Syntax Error: Expected Name, found '$'."),
}


@pytest.mark.parametrize("what", MISTAKES)
async def test_mistakes(books: Voice, what: str) -> None:
    arguments, message = MISTAKES[what]
    found = await books.message(f"{{ booksAggregate({arguments}) {{ count }} }}")
    assert message in found


async def test_a_having_of_too_much(books: Voice) -> None:
    query = "query($h: BooksHaving) { booksAggregate(having: $h) { count } }"
    deep: Json = {"count": {"gt": 0}}
    for _ in range(20):
        deep = {"not": deep}
    assert await books.message(query, h=deep) == "'having' has more than 20 levels."
    wide = {"or": [{"count": {"eq": n}} for n in range(501)]}
    assert await books.message(query, h=wide) == "The filter holds more than 500 comparisons."
    kept = {"or": [{"count": {"eq": n}} for n in range(500)]}
    assert await books.data(query, h=kept) == [{"count": 4}]


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


SHADOWED: Json = {
    "name": "shadows",
    "fields": [
        {"name": "day", "type": "date"},
        {"name": "day_YEAR", "type": "text"},
        {"name": "a_b", "type": "text"},
        {"name": "a", "type": "object", "fields": [{"name": "b", "type": "text"}]},
        {"name": "count", "type": "number"},
        {"name": "group", "type": "text"},
        {"name": "é", "type": "object", "fields": [{"name": "ü", "type": "text"}]},
    ],
}


async def test_names_that_meet(bare: Voice) -> None:
    """A field keeps its own name; what is made of others comes after it."""
    await bare.define(SHADOWED)
    await bare.insert(
        "shadows",
        {
            "day": "2020-05-05",
            "day_YEAR": "y",
            "a_b": "own",
            "a": {"b": "inside"},
            "count": 3,
            "é": {"ü": "odd"},
        },
    )
    query = """{ shadowsAggregate(groupBy: [day_YEAR, day_YEAR_2, a_b, a_b_2, count, group, _]) {
      group count sum { count } max { group }
    } }"""
    assert await bare.data(query) == [
        {
            "group": {
                "day_YEAR": "y",
                "day_YEAR_2": "2020-01-01T00:00:00.000Z",
                "a_b": "own",
                "a_b_2": "inside",
                "count": 3,
                "group": None,
                "_": "odd",
            },
            "count": 1,
            "sum": {"count": 3},
            "max": {"group": None},
        }
    ]


async def test_only_selected_figures_are_computed(books: Voice) -> None:
    """What the database is asked for is seen in how it says that it answers."""
    query = "{ booksAggregate(groupBy: genre) { group sum { pages } } }"
    answer = await books.client.post("/graphql?explain=true", json={"query": query})
    (read,) = answer.json()["extensions"]["explain"]
    assert (read["collection"], read["operation"], read["returned"]) == ("books", "aggregate", 3)
