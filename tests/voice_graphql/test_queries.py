"""Queries: pages, orders, single documents, and everything that selections may say."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from bson import Int64, ObjectId
from bson.code import Code
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128

from tests.files import insert_files
from tests.voice_graphql.conftest import Json, Voice

NONE = "0" * 24


@pytest.fixture
async def three(voice: Voice) -> list[str]:
    """Three authors, Ann, Bob and Cem; the answer is their ids."""
    return await voice.insert(
        "authors",
        {"name": "Ann", "born": "1970-05-06"},
        {"name": "Bob", "born": "1950-01-01"},
        {"name": "Cem"},
    )


async def names(voice: Voice, arguments: str = "", /, **variables: Any) -> str:
    """The first letters of the authors that a list with these arguments has."""
    declared = variables.pop("declared", "")
    found = await voice.data(f"query{declared} {{ authors{arguments} {{ name }} }}", **variables)
    return "".join(each["name"][0] for each in found)


@pytest.mark.usefixtures("three")
async def test_pages_and_orders(voice: Voice) -> None:
    for arguments, found in {
        "": "ABC",
        "(where: null, q: null, orderBy: null, skip: null, max: null)": "ABC",
        "(max: 2)": "AB",
        "(max: 0)": "",
        "(skip: 1)": "BC",
        "(skip: 1, max: 1)": "B",
        "(skip: 99)": "",
        "(orderBy: [])": "ABC",
        "(orderBy: {name: DESC})": "CBA",
        "(orderBy: [{born: ASC}])": "CBA",
        "(orderBy: [{born: DESC}, {name: ASC}])": "ABC",
        "(orderBy: [{_version: ASC}, {_id: DESC}])": "CBA",
        '(where: {name: {ne: "Bob"}}, skip: 1)': "C",
    }.items():
        assert await names(voice, arguments) == found, arguments


@pytest.mark.usefixtures("three")
async def test_q_is_the_query_language_of_rest(voice: Voice) -> None:
    async def found(q: Any, rest: str = "") -> str:
        return await names(voice, f"(q: $q{rest})", declared="($q: JSON)", q=q)

    assert await found({"name": {"$regex": "^[AB]"}}) == "AB"
    assert await found({"$or": [{"name": "Ann"}, {"born": {"$exists": False}}]}) == "AC"
    assert await found({"born": {"$gt": {"$date": "1960-01-01"}}}) == "A"
    assert await found({"name": {"$ne": "Ann"}}, ', where: {name: {ne: "Bob"}}') == "C"
    assert await found({}) == "ABC"
    assert await found(None) == "ABC"


@pytest.mark.usefixtures("three")
async def test_what_is_wrong_with_a_page_is_said(voice: Voice) -> None:
    for arguments, message, code in (
        ("(max: -1)", "'max' must not be negative.", "BAD_QUERY"),
        ("(skip: -1)", "'skip' must not be negative.", "BAD_QUERY"),
        ("(max: 10001)", "'max' is at most 10,000.", "LIMIT_EXCEEDED"),
        ("(max: 1.5)", "Int cannot represent non-integer value: 1.5", "BAD_REQUEST"),
        ("(max: 3000000000)", "Int cannot represent", "BAD_REQUEST"),
        ("(orderBy: [{}])", "Each key of 'orderBy' names exactly one field.", "BAD_QUERY"),
        ("(orderBy: {name: ASC, born: ASC})", "exactly one field.", "BAD_QUERY"),
        ("(orderBy: {name: null})", "'name' is ordered in no direction.", "BAD_QUERY"),
        ("(orderBy: {name: asc})", "'asc' does not exist in 'Direction' enum", "BAD_REQUEST"),
        ("(orderBy: {nope: ASC})", "unknown field 'nope'", "BAD_REQUEST"),
        ('(q: {name: {a: 1}, nope: {_nope: "$x"}}, max: -1)', "negative", "BAD_QUERY"),
        ("(q: [])", "A filter is an object of fields and conditions.", "BAD_QUERY"),
        ('(q: "name")', "A filter is an object of fields and conditions.", "BAD_QUERY"),
    ):
        error = await voice.error(f"{{ authors{arguments} {{ name }} }}")
        assert message in error["message"], arguments
        assert error["extensions"]["code"] == code
        assert error["extensions"]["status"] == 400


async def test_one_document_by_id(voice: Voice, three: list[str]) -> None:
    query = "query($id: ID!) { authorsById(id: $id) { _id name } }"
    for id_ in three:
        assert (await voice.data(query, id=id_))["_id"] == id_
    assert (await voice.data(query, id=three[0].upper()))["name"] == "Ann"
    for strange in (NONE, "", "1", "zzz", "0" * 25, three[0] + " ", "{}", "é" * 24, "$where", 7):
        assert await voice.data(query, id=strange) is None
    assert "non-null" in await voice.message(query, id=None)
    assert "ID cannot represent" in await voice.message(query, id=1.5)
    assert "ID cannot represent" in await voice.message(query, id={"$ne": None})


async def test_ids_of_other_types(bare: Voice) -> None:
    """What writers beside us use as ids: read as inference finds them."""
    await bare.database["codes"].insert_many([{"_id": "x/1", "n": 1}, {"_id": "7", "n": 2}])
    await bare.database["numbers"].insert_many([{"_id": 7, "n": 1}, {"_id": Int64(2**40), "n": 2}])
    for name in ("codes", "numbers"):
        answer = await bare.client.post(f"/rest/{name}/_meta/infer?apply=true")
        assert answer.status_code in (200, 201), answer.text
    assert await bare.data('{ codesById(id: "x/1") { _id n } }') == {"_id": "x/1", "n": 1}
    assert await bare.data("{ codesById(id: 7) { _id n } }") == {"_id": "7", "n": 2}
    assert await bare.data("{ numbersById(id: 7) { _id n } }") == {"_id": "7", "n": 1}
    assert await bare.data('{ numbersById(id: "1099511627776") { n } }') == {"n": 2}
    assert await bare.data('{ numbersById(id: "seven") { n } }') is None
    assert await bare.data('{ numbers(where: {_id: {gt: "7"}}) { n } }') == [{"n": 2}]


async def test_selections(voice: Voice, three: list[str]) -> None:
    """Aliases, fragments of every kind, conditions, and fields that come twice."""
    await voice.insert("books", {"title": "t", "author": three[0], "print": {"city": "Oslo"}})
    ann = {"name": "Ann"}
    for text, found in {
        "{ a: title b: title title }": {"a": "t", "b": "t", "title": "t"},
        "{ title title }": {"title": "t"},
        "{ author { name } author { born } }": {
            "author": {**ann, "born": "1970-05-06T00:00:00.000Z"}
        },
        "{ x: author { name } y: author { n: name } }": {"x": ann, "y": {"n": "Ann"}},
        "{ print { city } print { c: city } }": {"print": {"city": "Oslo", "c": "Oslo"}},
        "{ ... on Books { title } }": {"title": "t"},
        "{ ... { title } }": {"title": "t"},
        "{ ... @include(if: false) { title } __typename }": {"__typename": "Books"},
        "{ ...B ...B author { ...A } }": {"title": "t", "author": {**ann, "__typename": "Authors"}},
        "{ ...Deep }": {"author": ann, "title": "t"},
        "{ title @skip(if: true) __typename }": {"__typename": "Books"},
        "{ title @include(if: true) @skip(if: false) }": {"title": "t"},
        "{ title @include(if: false) title }": {"title": "t"},
        "{ print { __typename t: __typename size { __typename } } }": {
            "print": {"__typename": "Books_print", "t": "Books_print", "size": None}
        },
        "{ a: author { a: name } b: author { a: _id } }": {"a": {"a": "Ann"}, "b": {"a": three[0]}},
    }.items():
        fragments = {
            "B": "fragment B on Books { title }",
            "A": "fragment A on Authors { name __typename }",
            "Deep": "fragment Deep on Books { ...Author ... on Books { title } } "
            "fragment Author on Books { author { name } }",
        }
        used = " ".join(each for name, each in fragments.items() if f"...{name} " in text)
        assert await voice.data(f"{{ books {text} }} {used}") == [found], text
        # Keys stand in the order of the selection, as GraphQL says.
        answer = await voice.post(f"{{ books {text} }} {used}")
        assert list(answer.json()["data"]["books"][0]) == list(found), text


async def test_conditions_by_variables(voice: Voice, three: list[str]) -> None:
    query = """query($all: Boolean = false, $no: Boolean!) {
        authors(max: 1) { name born @include(if: $all) _id @skip(if: $no) }
        more: authors(max: 1) @include(if: $all) { name }
    }"""
    born = "1970-05-06T00:00:00.000Z"
    assert await voice.data(query, no=True) == [{"name": "Ann"}]
    assert await voice.data(query, no=False) == [{"name": "Ann", "_id": three[0]}]
    assert await voice.data(query, no=True, all=True) == {
        "authors": [{"name": "Ann", "born": born}],
        "more": [{"name": "Ann"}],
    }
    assert "'$no'" in await voice.message(query)
    assert "true or false" in await voice.message(query, no=True, all=None)
    assert "Boolean cannot represent" in await voice.message(query, no="yes")


async def test_operations_are_chosen_by_name(voice: Voice) -> None:
    text = "query A { a: __typename } query B { b: __typename } mutation C { c: __typename }"
    for name, data in {"A": {"a": "Query"}, "B": {"b": "Query"}, "C": {"c": "Mutation"}}.items():
        body = {"query": text, "operationName": name}
        answer = await voice.client.post("/graphql", json=body)
        assert answer.json() == {"data": data}
    body = {"query": "query A { __typename }", "operationName": "A"}
    assert (await voice.client.post("/graphql", json=body)).status_code == 200
    body = {"query": "{ __typename }", "operationName": "A"}
    answer = await voice.client.post("/graphql", json=body)
    assert answer.json()["errors"][0]["message"] == "The text has no operation named 'A'."


@pytest.mark.usefixtures("three")
async def test_variables_are_coerced(voice: Voice) -> None:
    query = "query($m: Int = 2, $s: Int! = 1) { authors(max: $m, skip: $s) { name } }"
    for given, found in (
        ({}, "BC"),
        ({"m": 1}, "B"),
        ({"m": 1.0}, "B"),
        ({"m": None}, "BC"),
        ({"s": 0}, "AB"),
        ({"m": 1, "s": 2, "unknown": {"ignored": True}}, "C"),
    ):
        listed = await voice.data(query, **given)
        assert "".join(each["name"][0] for each in listed) == found, given
    for given in ({"m": "1"}, {"m": True}, {"m": [1]}, {"m": 2**40}, {"s": None}, {"m": 1.5}):
        assert "$" in await voice.message(query, **given)
    both = await voice.answer(query, m="x", s="y")
    assert len(both["errors"]) == 2


async def test_every_type_leaves_in_its_form(voice: Voice) -> None:
    await insert_files(voice.database, "a" * 24)
    await voice.insert(
        "books",
        {
            "title": "t",
            "pages": 2**62,
            "rating": 0.1,
            "price": "12345678901234567.25",
            "published": "2016-10-11",
            "sold": "2016-10-11T22:36:00.5+02:00",
            "read-at": "20:36",
            "cover": ["a" * 24],
            "about": {"deep": [1, None, {"x": 2.5}]},
            "place": {"type": "Point", "coordinates": [1, 2]},
            "free": "and easy",
        },
    )
    answer = await voice.post(
        "{ books { pages rating price gross published sold read_at cover { id url thumbnailUrl "
        "__typename } about place _extra _version _createdby _mock _keywords } }"
    )
    assert '"pages":4611686018427387904,' in answer.text
    assert '"price":12345678901234567.25,' in answer.text
    assert answer.json()["data"]["books"] == [
        {
            "pages": 2**62,
            "rating": 0.1,
            "price": 12345678901234567.25,
            "gross": 24691357802469134.5,
            "published": "2016-10-11T00:00:00.000Z",
            "sold": "2016-10-11T20:36:00.500Z",
            "read_at": "1970-01-01T20:36:00.000Z",
            "cover": [
                {
                    "id": "a" * 24,
                    "url": "/media/" + "a" * 24,
                    "thumbnailUrl": "/media/" + "a" * 24 + "?s=t",
                    "__typename": "Media",
                }
            ],
            "about": {"deep": [1, None, {"x": 2.5}]},
            "place": {"type": "Point", "coordinates": [1, 2]},
            "_extra": {"free": "and easy"},
            "_version": 1,
            "_createdby": "api",
            "_mock": None,
            "_keywords": ["t"],
        }
    ]


async def test_dirty_values_are_null_and_raw_beside(voice: Voice) -> None:
    """Whatever writers beside us left, every answer is one: only ``_id`` is never null."""
    id_ = ObjectId()
    dirty: Json = {
        "_id": id_,
        "title": 7,
        "pages": "many",
        "rating": float("nan"),
        "price": Decimal128("NaN"),
        "inPrint": "yes",
        "published": DatetimeMS(2**52),
        "sold": "2001-01-01",
        "tags": ["a", 1],
        "scores": 5,
        "print": {"city": 1, "year": 2.0, "size": "big"},
        "parts": [{"kind": "ok", "marks": [1, "x"]}, 3],
        "cover": "c" * 24,
        "author": "nobody",
        "editors": [{"_id": 1}],
        "_version": "x",
        "_created": "today",
        "genre": Code("x"),
        "odd.key": {"$set": 1},
        "when": datetime(2001, 2, 3),
    }
    await voice.database["books"].insert_one(dirty, bypass_document_validation=True)
    (shown,) = await voice.data(
        "{ books { _id title pages rating price inPrint published sold tags scores _version "
        "print { city year size { height } _extra } parts { kind } cover { id } "
        "author { name } editors { name } genre _created _extra } }"
    )
    extra = shown.pop("_extra")
    assert shown == {
        "_id": str(id_),
        "title": None,
        "pages": None,
        "rating": None,
        "price": None,
        "inPrint": None,
        "published": "+144683-05-23T16:29:30.496Z",
        "sold": None,
        "tags": None,
        "scores": None,
        "print": {"city": None, "year": 2, "size": None, "_extra": {"city": 1, "size": "big"}},
        "parts": None,
        "cover": None,
        "author": None,
        "editors": [],
        "genre": None,
        "_version": None,
        "_created": None,
    }
    assert extra == {
        "title": 7,
        "pages": "many",
        "inPrint": "yes",
        "sold": "2001-01-01",
        "tags": ["a", 1],
        "scores": 5,
        "parts": [{"kind": "ok", "marks": [1, "x"]}, 3],
        "cover": "c" * 24,
        "author": "nobody",
        "editors": [{"_id": 1}],
        "_version": "x",
        "_created": "today",
        "genre": {"$code": "x"},
        "odd.key": {"$set": 1},
        "when": "2001-02-03T00:00:00.000Z",
    }
