"""Groups of ``xAggregate``: by fields and dates, those that are kept, and their order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.voice_graphql.conftest import Json, Voice
from tests.voice_graphql.four_books import FIRST, SECOND, fill


@pytest.fixture
async def books(voice: Voice) -> Voice:
    return await fill(voice)


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
    "having a figure at all": (
        "groupBy: genre, having: {max: {pages: {exists: true}}}",
        rows("genre", ("poetry", 1), ("prose", 2)),
    ),
    "having no figure": (
        "groupBy: genre, having: {avg: {pages: {exists: false}}, min: {sold: {eq: null}}}",
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


async def test_all_groups_are_answered_or_none(voice: Voice) -> None:
    await voice.insert("books", *({"title": f"t{n}", "pages": n % 10} for n in range(1001)))
    query = "query($most: Int) { booksAggregate(groupBy: title, max: $most) { group } }"
    assert len(await voice.data(query)) == 1001
    assert len(await voice.data(query, most=1000)) == 1000
    await voice.database["books"].insert_many([{"title": f"u{n}"} for n in range(9000)])
    assert await voice.error(query) == {
        "message": "There are more than 10,000 groups.",
        "extensions": {
            "code": "LIMIT_EXCEEDED",
            "status": 400,
            "hint": "Narrow the filter, ask for fewer by max, or raise DUETDB_PAGE_CEILING.",
        },
        "locations": [{"line": 1, "column": 21}],
        "path": ["booksAggregate"],
    }
    assert len(await voice.data(query, most=10_000)) == 10_000
    too_many = (await voice.error(query, most=10_001))["extensions"]
    assert too_many["hint"] == "Narrow the filter, or raise DUETDB_PAGE_CEILING."
    tens = await voice.data("{ booksAggregate(groupBy: pages) { count } }")
    assert [each["count"] for each in tens] == [9000, 101, *[100] * 9]


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
