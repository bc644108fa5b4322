"""Questions about groups that cannot be answered, each refused with a sentence."""

from __future__ import annotations

import pytest

from tests.voice_graphql.conftest import Json, Voice
from tests.voice_graphql.four_books import fill


@pytest.fixture
async def books(voice: Voice) -> Voice:
    return await fill(voice)


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


async def test_different_values_are_asked_for_by_groups(books: Voice) -> None:
    query = "query($q: JSON) { books(q: $q) { title } }"
    assert (await books.error(query, q={"$distinct": "genre"}))["extensions"] == {
        "code": "BAD_QUERY",
        "status": 400,
        "hint": "It belongs at the top of 'q' of a REST list; in GraphQL, group by the field.",
    }
    grouped = await books.data("{ booksAggregate(groupBy: genre) { group } }")
    assert [each["group"] for each in grouped] == [
        {"genre": None},
        {"genre": "poetry"},
        {"genre": "prose"},
    ]


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
