"""Update operators as arguments: each changes what the same operator of REST changes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from duetdb.app.service.writing.operations import OPERATORS
from tests.voice_graphql.conftest import Json, Voice

ARGUMENTS = {
    "data": "BooksInput",
    "set": "BooksInput",
    "inc": "BooksInc",
    "push": "BooksElements",
    "addToSet": "BooksElements",
    "pull": "BooksElements",
    "pop": "BooksPop",
    "min": "BooksBounds",
    "max": "BooksBounds",
    "unset": "[String!]",
    "rename": "[Rename!]",
}
UPDATE = (
    f"mutation($id: ID!, $v: Long, {', '.join(f'${n}: {t}' for n, t in ARGUMENTS.items())}) {{ "
    f"updateBooks(id: $id, ifVersion: $v, {', '.join(f'{n}: ${n}' for n in ARGUMENTS)}) "
    "{ _version title pages rating price tags scores print { city year size { height } _extra } "
    "parts { kind length marks } _extra } }"
)
BOOK: Json = {
    "title": "t",
    "pages": 10,
    "price": 2.5,
    "published": "2020-02-03",
    "tags": ["a", "b", "a"],
    "scores": [1, 2, 3],
    "print": {"city": "Oslo", "year": 1990, "size": {"height": 1.5}},
    "parts": [{"kind": "x", "length": 1}, {"kind": "y", "length": 2}],
    "free": {"n": 1, "list": [1]},
}


async def stored(voice: Voice, id_: str) -> Json:
    """A book as REST shows it, but for its id."""
    book: Json = (await voice.client.get(f"/rest/books/{id_}")).json()
    return {name: each for name, each in book.items() if name != "_id"}


SAME: dict[str, tuple[Json, Json]] = {
    "add": ({"inc": {"pages": 5}}, {"$inc": {"pages": 5}}),
    "add what is a text": ({"inc": {"pages": "-3"}}, {"$inc": {"pages": "-3"}}),
    "add to money": ({"inc": {"price": 0.05}}, {"$inc": {"price": 0.05}}),
    "add inside": ({"inc": {"print": {"year": 1}}}, {"$inc": {"print.year": 1}}),
    "add deep inside": (
        {"inc": {"print": {"year": 1, "size": {"height": 2}}}},
        {"$inc": {"print.year": 1, "print.size.height": 2}},
    ),
    "add to nothing": ({"inc": {"rating": 4.5}}, {"$inc": {"rating": 4.5}}),
    "add to undeclared": ({"inc": {"_extra": {"free.n": 2}}}, {"$inc": {"free.n": 2}}),
    "append one": ({"push": {"tags": ["c"]}}, {"$push": {"tags": "c"}}),
    "append several": (
        {"push": {"tags": ["c", "d"], "scores": [4]}},
        {"$push": {"tags": {"$each": ["c", "d"]}, "scores": 4}},
    ),
    "append without a list": ({"push": {"tags": "c"}}, {"$push": {"tags": "c"}}),
    "append an object": (
        {"push": {"parts": [{"kind": "z", "marks": [1]}]}},
        {"$push": {"parts": {"kind": "z", "marks": [1]}}},
    ),
    "append to undeclared": (
        {"push": {"_extra": {"free.list": [2, 3]}}},
        {"$push": {"free.list": {"$each": [2, 3]}}},
    ),
    "append what is new": (
        {"addToSet": {"tags": ["a", "c", "c"]}},
        {"$addToSet": {"tags": {"$each": ["a", "c", "c"]}}},
    ),
    "take out": ({"pull": {"tags": ["a"]}}, {"$pull": {"tags": "a"}}),
    "take out several": (
        {"pull": {"tags": ["b", "c"], "scores": [1, 3]}},
        {"$pull": {"tags": {"$in": ["b", "c"]}, "scores": {"$in": [1, 3]}}},
    ),
    "take out objects by a part": (
        {"pull": {"parts": [{"kind": "x"}, {"length": 9}]}},
        {"$pull": {"parts": {"$in": [{"kind": "x"}, {"length": 9}]}}},
    ),
    "take out the first": ({"pop": {"tags": -1}}, {"$pop": {"tags": -1}}),
    "take out the last": ({"pop": {"parts": 1}}, {"$pop": {"parts": 1}}),
    "lower": ({"min": {"pages": 3, "title": "z"}}, {"$min": {"pages": 3, "title": "z"}}),
    "raise": (
        {"max": {"published": "2021-01-01", "print": {"year": 1}}},
        {"$max": {"published": "2021-01-01", "print.year": 1}},
    ),
    "unset": (
        {"unset": ["rating", "print.city", "free.n", "parts"]},
        {"$unset": {"rating": "", "print.city": "", "free.n": "", "parts": ""}},
    ),
    "rename": (
        {"rename": [{"from": "free", "to": "open"}, {"from": "tags", "to": "words"}]},
        {"$rename": {"free": "open", "tags": "words"}},
    ),
    "set inside": (
        {"set": {"print": {"city": "Rome", "size": {"height": 2}}, "tags": ["z"]}},
        {"$set": {"print.city": "Rome", "print.size.height": 2, "tags": ["z"]}},
    ),
    "set null and undeclared inside": (
        {"set": {"print": {"year": None, "_extra": {"shelf": 4}}}},
        {"$set": {"print.year": None, "print.shelf": 4}},
    ),
    "set an object as a whole": (
        {"data": {"print": {"city": "Rome"}}},
        {"print": {"city": "Rome"}},
    ),
    "several at once": (
        {
            "data": {"title": "new"},
            "inc": {"pages": 1},
            "push": {"tags": ["c"]},
            "unset": ["price"],
        },
        {"title": "new", "$inc": {"pages": 1}, "$push": {"tags": "c"}, "$unset": {"price": 1}},
    ),
    "names that are not the stored ones": (
        {"max": {"read_at": "10:00"}},
        {"$max": {"read-at": "10:00"}},
    ),
}


@pytest.mark.parametrize("what", SAME)
async def test_the_same_as_rest(voice: Voice, what: str) -> None:
    arguments, body = SAME[what]
    one, other = await voice.insert("books", BOOK, BOOK)
    answer = await voice.client.patch(f"/rest/books/{other}", json=body)
    assert answer.status_code == 200, answer.text
    found = await voice.data(UPDATE, id=one, **arguments)
    assert found["_version"] == 2
    assert await stored(voice, one) == await stored(voice, other) != BOOK


async def test_as_literals(voice: Voice) -> None:
    (id_,) = await voice.insert("books", BOOK)
    found = await voice.data(
        """mutation($id: ID!, $n: Long, $none: Float) {
          updateBooks(
            id: $id
            inc: {pages: $n, rating: $none, print: {year: "1"}, _extra: {x: 2}}
            push: {tags: ["c", "d"], scores: 4}
            pull: {parts: {kind: "x"}}
            set: {_extra: {open: "y"}}
            unset: "price"
          ) { pages rating price tags scores print { year } parts { kind } _extra }
        }""",
        id=id_,
        n=2,
    )
    assert found == {
        "pages": 12,
        "rating": None,
        "price": None,
        "tags": ["a", "b", "a", "c", "d"],
        "scores": [1, 2, 3, 4],
        "print": {"year": 1991},
        "parts": [{"kind": "y"}],
        "_extra": {"free": BOOK["free"], "open": "y", "x": 2},
    }


async def test_a_field_of_another_name_is_unset(voice: Voice) -> None:
    (id_,) = await voice.insert("books", {"title": "t", "read-at": "10:00"})
    query = """mutation($id: ID!) {
      a: updateBooks(id: $id, unset: ["read_at"]) { read_at }
      b: updateBooks(id: $id, data: {read_at: "11:00"}, unset: []) { read_at }
      c: updateBooks(id: $id, unset: ["read-at"]) { read_at }
    }"""
    found = await voice.data(query, id=id_)
    assert [found[each]["read_at"] for each in "abc"] == [None, "1970-01-01T11:00:00.000Z", None]


BROKEN: dict[str, tuple[Json, str, Json]] = {
    "a number that is none": (
        {"inc": {"pages": "many"}},
        "Validation error",
        {"$inc": {"pages": "many"}},
    ),
    "an element of another type": (
        {"push": {"scores": [1, "x"]}},
        "Validation error",
        {"$push": {"scores": {"$each": [1, "x"]}}},
    ),
    "an end that is none": ({"pop": {"tags": 2}}, "'pop' on 'tags' takes 1 or -1.", {}),
    "a required field": ({"unset": ["title"]}, "Validation error", {"$unset": {"title": 1}}),
    "the same place twice": (
        {"inc": {"pages": 1}, "unset": ["pages"]},
        "The body changes the same place twice: by 'inc' on 'pages' and by 'unset' on 'pages'.",
        {},
    ),
    "data and an operator": (
        {"data": {"print": {"city": "x"}}, "set": {"print": {"year": 1}}},
        "The body changes the same place twice: by 'print' and by 'set' on 'print.year'.",
        {},
    ),
    "nothing": ({}, "The mutation changes nothing.", {}),
    "nothing in operators": (
        {"data": None, "inc": {}, "push": None, "unset": [], "set": {"print": {}}},
        "The mutation changes nothing.",
        {},
    ),
    "an old version": ({"v": 7, "inc": {"pages": 1}}, "The document is at version 1, not 7.", {}),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_a_mistake_changes_nothing(voice: Voice, what: str) -> None:
    """With the same list of mistakes as REST, where there is one."""
    arguments, message, body = BROKEN[what]
    (id_,) = await voice.insert("books", BOOK)
    before = await stored(voice, id_)
    error = await voice.error(UPDATE, id=id_, **arguments)
    assert error["message"] == message
    if body:
        answer = await voice.client.patch(f"/rest/books/{id_}", json=body)
        assert answer.status_code == error["extensions"]["status"] == 400
        assert answer.json()["list"] == error["extensions"]["list"]
    assert await stored(voice, id_) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("inc: {title: 1}", "unknown field 'title'"),
        ("inc: {print: {city: 1}}", "unknown field 'city'"),
        ("push: {pages: [1]}", "unknown field 'pages'. Did you mean"),
        ("min: {inPrint: true}", "unknown field 'inPrint'"),
        ("unset: [1]", "String cannot represent"),
        ('rename: [{from: "a"}]', "'to'"),
        ('inc: {_extra: "x"}', "'_extra' holds undeclared properties and must be an object"),
    ],
)
async def test_what_the_types_refuse(voice: Voice, arguments: str, message: str) -> None:
    query = f'mutation {{ updateBooks(id: "x", {arguments}) {{ _id }} }}'
    assert message in await voice.message(query)


def test_each_operator_has_an_argument() -> None:
    assert set(OPERATORS) == ARGUMENTS.keys() - {"data"}


async def test_collections_that_are_strict(voice: Voice) -> None:
    (id_,) = await voice.insert("coins", {"worth": 1})
    query = "mutation($id: ID!, $inc: CoinsInc) { updateCoins(id: $id, inc: $inc) { worth } }"
    assert await voice.data(query, id=id_, inc={"worth": 1}) == {"worth": 2}
    error = await voice.error(query, id=id_, inc={"_extra": {"wort": 1}})
    assert error["extensions"]["list"][0]["field"] == "wort"


async def test_increments_of_many_are_all_kept(voice: Voice) -> None:
    (id_,) = await voice.insert("books", BOOK)
    query = "mutation($id: ID!) { updateBooks(id: $id, inc: {pages: 1, price: 1}) { pages } }"
    found: list[Any] = await asyncio.gather(*(voice.data(query, id=id_) for _ in range(20)))
    assert sorted(each["pages"] for each in found) == list(range(11, 31))
    assert (await stored(voice, id_))["price"] == 22.5
