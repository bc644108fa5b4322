"""Connections: every document exactly once, whatever the order, the values and the direction."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from bson import Binary, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128

from tests.voice_graphql.conftest import Json, Voice

PAGE = """query($first: Int, $after: String, $last: Int, $before: String, $where: BooksWhere,
    $order: [BooksOrderBy!]) {
  booksConnection(first: $first, after: $after, last: $last, before: $before, where: $where,
      orderBy: $order) {
    edges { cursor node { _id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
LIST = "query($order: [BooksOrderBy!]) { books(orderBy: $order, max: 10000) { _id } }"
ABSENT = object()
MIXED: list[Any] = [
    ABSENT,
    None,
    float("nan"),
    Decimal128("NaN"),
    float("-inf"),
    -1,
    -0.0,
    0,
    Decimal128("0.1"),
    0.1,
    1,
    1.0,
    Int64(1),
    Decimal128("1.00"),
    2**62,
    Decimal128("1E+6144"),
    float("inf"),
    "",
    "a",
    "a\u00e9",
    "B",
    "🦆",
    {},
    {"a": 1},
    {"a": [2]},
    Binary(b""),
    Binary(b"ab"),
    Binary.from_uuid(UUID(int=7)),
    ObjectId("0" * 24),
    ObjectId("f" * 24),
    False,
    True,
    DatetimeMS(-(2**60)),
    datetime(1, 1, 1),
    datetime(2020, 1, 1),
    DatetimeMS(2**60),
    Timestamp(0, 1),
    Timestamp(5, 6),
]
"""All that writers beside us may have left in one field, in no order of ours."""


async def page(voice: Voice, **variables: Any) -> Any:
    return await voice.data(PAGE, **variables)


async def forwards(voice: Voice, size: int, **variables: Any) -> AsyncIterator[list[str]]:
    """The ids of each page, from the first to the last."""
    after = None
    while True:
        found = await page(voice, first=size, after=after, **variables)
        info = found["pageInfo"]
        assert info["hasPreviousPage"] is (after is not None)
        yield ids_of(found)
        if not info["hasNextPage"]:
            return
        assert len(found["edges"]) == size
        assert info["endCursor"] == found["edges"][-1]["cursor"]
        after = info["endCursor"]


async def backwards(voice: Voice, size: int, **variables: Any) -> AsyncIterator[list[str]]:
    """The same from the last to the first."""
    before = None
    while True:
        found = await page(voice, last=size, before=before, **variables)
        info = found["pageInfo"]
        assert info["hasNextPage"] is (before is not None)
        yield ids_of(found)
        if not info["hasPreviousPage"]:
            return
        assert info["startCursor"] == found["edges"][0]["cursor"]
        before = info["startCursor"]


def ids_of(found: Any) -> list[str]:
    return [each["node"]["_id"] for each in found["edges"]]


async def fill(voice: Voice, field: str, values: list[Any]) -> None:
    """One book for each value, past what the database would refuse of us."""
    documents = [{} if each is ABSENT else {field: each} for each in values]
    await voice.database["books"].insert_many(documents, bypass_document_validation=True)


async def check_order(voice: Voice, order: list[Json], size: int) -> None:
    """Both directions give what the list gives, each document once."""
    whole = [each["_id"] for each in await voice.data(LIST, order=order)]
    there = [id_ async for ids in forwards(voice, size, order=order) for id_ in ids]
    assert there == whole
    back: list[str] = []
    async for ids in backwards(voice, size, order=order):
        back = [*ids, *back]
    assert back == whole


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_each_document_comes_once_whatever_its_values(voice: Voice, direction: str) -> None:
    """Nulls, ties, and values of every kind that can be sorted, in one field."""
    await fill(voice, "pages", [each for each in MIXED for _ in range(2)])
    for size in (1, 7):
        await check_order(voice, [{"pages": direction}], size)


async def test_several_keys(voice: Voice) -> None:
    """Ties are broken by the next key, and by ``_id`` in the end."""
    titles = ["a", "b", None]
    documents = [
        {"title": title, "pages": pages, "print": {"year": year}}
        for title in titles
        for pages in (1, None)
        for year in (3, 2, None)
        for _ in range(2)
    ]
    await voice.database["books"].insert_many(documents)
    for order in (
        [],
        [{"_id": "DESC"}],
        [{"title": "ASC"}, {"pages": "DESC"}],
        [{"print": {"year": "DESC"}}, {"title": "ASC"}],
        [{"title": "DESC"}, {"pages": "DESC"}, {"print": {"year": "ASC"}}, {"_id": "DESC"}],
        [{"title": "ASC"}, {"title": "DESC"}],
    ):
        await check_order(voice, order, 5)


async def test_ids_of_several_kinds(voice: Voice) -> None:
    """A database that was there before us may hold any ids."""
    ids = [1, 2.5, "a", "b", UUID(int=1), UUID(int=2), ObjectId(), False, datetime(2020, 1, 1)]
    stored = [Binary.from_uuid(each) if isinstance(each, UUID) else each for each in ids]
    await voice.database["books"].insert_many([{"_id": each} for each in stored])
    await check_order(voice, [], 1)
    await check_order(voice, [{"_id": "DESC"}], 2)
    await check_order(voice, [{"title": "DESC"}], 2)


async def test_a_list_where_one_value_belongs_is_named(voice: Voice) -> None:
    """It has no one place in an order: silence would show it twice, or never."""
    await fill(voice, "pages", [1, 2, 3])
    await voice.database["books"].insert_one(
        {"_id": ObjectId("a" * 24), "pages": [1, 9]}, bypass_document_validation=True
    )
    message = await voice.message(PAGE, order=[{"pages": "ASC"}])
    assert message == (
        f"The document {'a' * 24} has a list in 'pages' by which pages cannot be ordered."
    )
    await check_order(voice, [{"title": "ASC"}], 2)
    await fill(voice, "print", [[{"year": 1}]])
    assert "'print.year'" in await voice.message(PAGE, order=[{"print": {"year": "ASC"}}])


async def test_values_that_compare_with_nothing_are_named(voice: Voice) -> None:
    for odd in (MinKey(), MaxKey(), Regex("x")):
        await voice.database["books"].delete_many({})
        await fill(voice, "pages", [odd, 1])
        message = await voice.message(PAGE, order=[{"pages": "ASC"}])
        assert "has a value in 'pages' by which pages cannot be ordered." in message


async def test_pages_stay_true_while_documents_come_and_go(voice: Voice) -> None:
    """What is there all the time is found once; what a cursor named may be gone."""
    await voice.insert("books", *({"title": f"{n:02}", "pages": n % 3} for n in range(20)))
    order = [{"pages": "DESC"}, {"title": "ASC"}]
    whole = [each["_id"] for each in await voice.data(LIST, order=order)]
    for walk in (forwards, backwards):
        seen: list[str] = []
        gone: set[str] = set()
        async for ids in walk(voice, 3, order=order):
            seen += ids
            edge = ids[-1] if walk is forwards else ids[0]
            if ids and edge in whole:
                await voice.client.delete(f"/rest/books/{edge}")
                gone.add(edge)
            await voice.insert("books", {"title": "new", "pages": 2}, {"title": "!", "pages": 0})
            assert len(seen) < 200
        assert len(seen) == len(set(seen))
        assert set(whole) <= set(seen)
        whole = [each for each in whole if each not in gone]


async def test_one_page(voice: Voice) -> None:
    ids = await voice.insert("books", *({"title": each} for each in "abcde"))
    whole = await page(voice)
    assert ids_of(whole) == ids
    assert whole["pageInfo"]["hasNextPage"] is whole["pageInfo"]["hasPreviousPage"] is False
    cursors = [each["cursor"] for each in whole["edges"]]
    assert ids_of(await page(voice, first=2)) == ids[:2]
    assert ids_of(await page(voice, last=2)) == ids[3:]
    assert ids_of(await page(voice, after=cursors[1])) == ids[2:]
    assert ids_of(await page(voice, before=cursors[1])) == ids[:1]
    assert ids_of(await page(voice, after=cursors[0], before=cursors[4])) == ids[1:4]
    assert ids_of(await page(voice, first=1, after=cursors[0], before=cursors[4])) == ids[1:2]
    assert ids_of(await page(voice, last=1, after=cursors[0], before=cursors[4])) == ids[3:4]
    assert ids_of(await page(voice, after=cursors[4])) == []
    assert ids_of(await page(voice, after=cursors[3], before=cursors[2])) == []
    assert ids_of(await page(voice, where={"title": {"gt": "c"}}, first=1)) == ids[3:4]
    empty = await page(voice, first=0)
    assert (empty["edges"], empty["pageInfo"]["endCursor"]) == ([], None)
    assert empty["pageInfo"]["hasNextPage"] is True
    nothing = await page(voice, where={"title": {"eq": "z"}})
    assert nothing["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": None,
        "endCursor": None,
    }


async def test_a_page_has_a_hundred_documents_unless_it_is_told(voice: Voice) -> None:
    await voice.insert("books", *({"title": str(n)} for n in range(101)))
    found = await page(voice)
    assert (len(found["edges"]), found["pageInfo"]["hasNextPage"]) == (100, True)
    assert len((await page(voice, first=9999))["edges"]) == 101


async def test_the_parts_of_a_connection(voice: Voice) -> None:
    """Aliases, fragments, ``__typename`` and merged fields at each of its levels."""
    await voice.insert("books", {"title": "a", "pages": 1}, {"title": "b"})
    found = await voice.data("""
      { booksConnection(first: 1, where: {title: {gte: "a"}}) {
        __typename all: totalCount ...C
        edges { __typename e: cursor node { title } node { pages kind: __typename } }
        pageInfo { __typename more: hasNextPage }
        pageInfo { hasPreviousPage }
      } }
      fragment C on BooksConnection { e2: edges { ... on BooksEdge { n: node { t: title } } } }
    """)
    cursor = found["edges"][0].pop("e")
    assert isinstance(cursor, str)
    assert found == {
        "__typename": "BooksConnection",
        "all": 2,
        "e2": [{"n": {"t": "a"}}],
        "edges": [{"__typename": "BooksEdge", "node": {"title": "a", "pages": 1, "kind": "Books"}}],
        "pageInfo": {"__typename": "PageInfo", "more": True, "hasPreviousPage": False},
    }


async def test_the_total_is_that_of_the_filter(voice: Voice) -> None:
    await voice.insert("books", *({"title": each} for each in "abc"))
    total = "{ booksConnection%s { totalCount } }"
    for arguments, count in {
        "": 3,
        "(first: 1)": 3,
        "(first: 0)": 3,
        '(where: {title: {gt: "a"}}, last: 1)': 2,
    }.items():
        assert await voice.data(total % arguments) == {"totalCount": count}


def forged(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


async def test_bad_cursors_and_sizes(voice: Voice) -> None:
    await voice.insert("books", {"title": "a", "pages": 1})
    other = (await page(voice, order=[{"title": "ASC"}]))["pageInfo"]["endCursor"]
    real = json.loads(base64.urlsafe_b64decode(other + "=="))
    for cursor in (
        "",
        "x",
        "é",
        "====",
        other,
        other[:-3],
        "A" * 100_000,
        forged(),
        forged(1, 2),
        forged("x", {"$oid": "0" * 24}),
        forged(real[0], {"$where": "1"}),
        base64.urlsafe_b64encode(b"[" * 5000).decode(),
        base64.urlsafe_b64encode(b'["\xff"]').decode(),
    ):
        for side in ("after", "before"):
            message = await voice.message(PAGE, **{side: cursor})
            assert message == "The cursor is not one of this connection and order.", cursor
    for values in (
        [[1]],
        [{"$oid": "x"}],
        [{"$numberLong": "9" * 30}],
        [{"$date": {"$numberLong": "9" * 30}}],
        [{"$regularExpression": {"pattern": "(", "options": ""}}],
        [{"$minKey": 1}],
        [{"$code": "x"}],
        ["\ud800"],
        ["a\u0000"],
        [{"$gt": ""}],
        [{"a.b": {"$where": 1}}],
    ):
        for direction in ("ASC", "DESC"):
            mark = base64.urlsafe_b64decode(
                (await page(voice, order=[{"title": direction}]))["pageInfo"]["endCursor"] + "=="
            )
            cursor = forged(json.loads(mark)[0], *values, {"$oid": "0" * 24})
            answer = await voice.answer(PAGE, after=cursor, order=[{"title": direction}])
            for error in answer.get("errors", ()):
                assert error["extensions"]["status"] == 400, values
    for sizes, said in (
        ({"first": 1, "last": 1}, "Give 'first' or 'last', not both."),
        ({"first": -1}, "'first' must not be negative."),
        ({"last": -1}, "'last' must not be negative."),
        ({"first": 10_000}, "'first' is at most 9,999."),
        ({"order": [{}]}, "Each key of 'orderBy' names exactly one field."),
        ({"order": [{"tags": "ASC"}]}, "'tags'"),
    ):
        assert said in await voice.message(PAGE, **sizes)
