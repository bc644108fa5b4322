"""The query language of the wire becomes filters in stored form."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from bson import Decimal128, ObjectId

from duetdb.app.service.errors import BadQuery, BadRequest, LimitExceeded
from duetdb.app.service.filters import tree as filters_parser
from duetdb.app.service.filters.parse import parse_filter, parse_order
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import EVERYTHING, And, Filter, Match, Not, Or, Order, Related
from duetdb.schema_gen.build import build_schema

DEFINITIONS: dict[str, dict[str, Any]] = {
    "companies": {
        "name": "companies",
        "fields": [
            {"name": "name", "type": "text"},
            {"name": "founded", "type": "date"},
            {"name": "owner", "type": "people", "relation": "one"},
        ],
    },
    "notes": {
        "name": "notes",
        "fields": [{"name": "text", "type": "text"}, {"name": "stars", "type": "number"}],
    },
    "people": {
        "name": "people",
        "fields": [
            {"name": "name", "type": "text"},
            {"name": "age", "type": "number"},
            {"name": "height", "type": "float_number"},
            {"name": "salary", "type": "money"},
            {"name": "born", "type": "date"},
            {"name": "seen", "type": "datetime"},
            {"name": "wakes", "type": "time"},
            {"name": "active", "type": "bool"},
            {"name": "tags", "type": "text", "multiple": True},
            {"name": "net chg", "type": "number"},
            {"name": "photo", "type": "image"},
            {"name": "company", "type": "companies", "relation": "one"},
            {"name": "notes", "type": "notes", "relation": "child"},
            {
                "name": "address",
                "type": "object",
                "fields": [{"name": "city", "type": "text"}, {"name": "since", "type": "date"}],
            },
            {
                "name": "jobs",
                "type": "object",
                "multiple": True,
                "fields": [
                    {"name": "title", "type": "text"},
                    {"name": "from", "type": "date"},
                    {"name": "at", "type": "companies", "relation": "one"},
                ],
            },
        ],
    },
}
SCHEMA = build_schema(DEFINITIONS, version=1)
PEOPLE = SCHEMA.collections["people"]
COMPANIES = SCHEMA.collections["companies"]
NOTES = SCHEMA.collections["notes"]
HEX = "59a4066b4dd3d0e900006f3a"
ID = ObjectId(HEX)


def read(q: Any, collection: Any = PEOPLE, **limits: int) -> Filter:
    return parse_filter(collection, q, Limits(**limits), SCHEMA)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is Wednesday, 31 January 2024, 12:30 UTC."""
    monkeypatch.setattr(
        "duetdb.app.service.filters.parse.now", lambda: datetime(2024, 1, 31, 12, 30)
    )


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        (None, EVERYTHING),
        ({}, EVERYTHING),
        ({"name": "Ann"}, Match("name", "eq", "Ann")),
        ({"name": None}, Match("name", "eq", None)),
        ({"name": "A", "age": 1}, And((Match("name", "eq", "A"), Match("age", "eq", 1)))),
        ({"net chg": 1}, Match("net chg", "eq", 1)),
        ({"constructor": 1}, Match("constructor", "eq", 1)),
        ({"a.prototype": 1}, Match("a.prototype", "eq", 1)),
        ({"address.city": "Rome"}, Match("address.city", "eq", "Rome")),
        ({"tags[0]": "a"}, Match("tags.0", "eq", "a")),
        ({"jobs.0.title": "a"}, Match("jobs.0.title", "eq", "a")),
        ({"free": {"$gt": 1}}, Match("free", "gt", 1)),
        ({"age": {"$gte": 1, "$lt": 5}}, And((Match("age", "gte", 1), Match("age", "lt", 5)))),
        ({"age": {"$ne": 1}}, Match("age", "ne", 1)),
        ({"age": {"$not": 1}}, Match("age", "ne", 1)),
        ({"age": {"$not": {"$gt": 1}}}, Not(Match("age", "gt", 1))),
        ({"born": {"$not": {"$date": "2020-01-01"}}}, Match("born", "ne", datetime(2020, 1, 1))),
        ({"age": {"$in": [1, "2"]}}, Match("age", "in", [1, 2])),
        ({"age": {"$nin": []}}, Match("age", "nin", [])),
        ({"age": {"$bt": [1, 5]}}, Match("age", "bt", [1, 5])),
        ({"name": {"$regex": "^a"}}, Match("name", "regex", ("^a", ""))),
        ({"name": {"$regex": "/^a/i"}}, Match("name", "regex", ("^a", "i"))),
        ({"name": {"$options": "i", "$regex": "a"}}, Match("name", "regex", ("a", "i"))),
        ({"name": {"$regex": "/a/z"}}, Match("name", "regex", ("/a/z", ""))),
        ({"name": {"$exists": True}}, Match("name", "exists", True)),
        ({"tags.0": {"$exists": "false"}}, Match("tags.0", "exists", False)),
        ({"tags": {"$all": ["a", "b"]}}, Match("tags", "all", ["a", "b"])),
        ({"tags": {"$size": 2}}, Match("tags", "size", 2)),
        ({"tags": {"$size": {"$gte": 2}}}, Match("tags", "size", Match("", "gte", 2))),
        ({"tags": ["a", "b"]}, Match("tags", "eq", ["a", "b"])),
        ({"$or": [{"age": 1}, {}]}, Or((Match("age", "eq", 1), And()))),
        ({"$and": [{"age": 1}]}, And((Match("age", "eq", 1),))),
        ({"$nor": [{"age": 1}]}, Not(Or((Match("age", "eq", 1),)))),
        ({"$not": {"age": 1}}, Not(Match("age", "eq", 1))),
    ],
)
def test_shapes(q: Any, expected: Filter) -> None:
    assert read(q) == expected


@pytest.mark.parametrize(
    ("path", "wire", "stored"),
    [
        ("age", "42", 42),
        ("age", "3.5", 3.5),
        ("age", "many", "many"),
        ("_version", "7", 7),
        ("height", "1.8", 1.8),
        ("height", 2, 2),
        ("salary", 12.5, Decimal128("12.5")),
        ("salary", "10", Decimal128("10")),
        ("salary", 0.125, Decimal128("0.125")),
        ("salary", "lots", "lots"),
        ("active", "true", True),
        ("active", 1, 1),
        ("name", 5, 5),
        ("name", "5", "5"),
        ("free", "2020-01-01", "2020-01-01"),
        ("born", "2020-01-01", datetime(2020, 1, 1)),
        ("born", "2020-01-01T18:00:00+02:00", datetime(2020, 1, 1, 16)),
        ("born", "not a date", "not a date"),
        ("wakes", "07:30", datetime(1970, 1, 1, 7, 30)),
        ("wakes", "$now", datetime(1970, 1, 1, 12, 30)),
        ("_created", "2020-01-01", datetime(2020, 1, 1)),
        ("_id", HEX, ID),
        ("_id", "x", "x"),
        ("photo", HEX, ID),
        ("company", HEX, ID),
        ("company", {"_id": HEX}, ID),
        ("company._id", HEX, ID),
        ("jobs.at._id", HEX, ID),
        ("jobs.from", "2020-01-01", datetime(2020, 1, 1)),
        ("jobs.0.from", "2020-01-01", datetime(2020, 1, 1)),
        ("free", 2**63 - 1, 2**63 - 1),
    ],
)
def test_operands_are_stored_values(path: str, wire: Any, stored: Any) -> None:
    found = read({path: {"$eq": wire}})
    assert isinstance(found, Match)
    assert (found.value, type(found.value)) == (stored, type(stored))


def test_parent_ids_are_in_the_form_of_the_parent() -> None:
    assert read({"_parent_id": HEX}, NOTES) == Match("_parent_id", "eq", ID)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("$now", datetime(2024, 1, 31, 12, 30)),
        ("$today", datetime(2024, 1, 31)),
        ("$currentDate", datetime(2024, 1, 31)),
        ("$yesterday", datetime(2024, 1, 30)),
        ("$tomorrow", datetime(2024, 2, 1)),
        ("$currentWeek", datetime(2024, 1, 29)),
        ("$lastWeek", datetime(2024, 1, 22)),
        ("$nextWeek", datetime(2024, 2, 5)),
        ("$currentMonth", datetime(2024, 1, 1)),
        ("$lastMonth", datetime(2023, 12, 1)),
        ("$nextMonth", datetime(2024, 2, 1)),
        ("$currentYear", datetime(2024, 1, 1)),
        ("$lastYear", datetime(2023, 1, 1)),
        ("$nextYear", datetime(2025, 1, 1)),
        ("2017-01-01", datetime(2017, 1, 1)),
        ("2017-01-01T10:20:30.123Z", datetime(2017, 1, 1, 10, 20, 30, 123000)),
    ],
)
def test_dates_and_variables(text: str, instant: datetime) -> None:
    assert read({"free": {"$gt": {"$date": text}}}) == Match("free", "gt", instant)
    assert read({"free": {"$date": text}}) == Match("free", "eq", instant)
    assert read({"seen": {"$bt": [text, text]}}) == Match("seen", "bt", [instant, instant])


@pytest.mark.parametrize("condition", [{"$in": [HEX]}, {"$ne": HEX}, {"$not": {"$eq": HEX}}])
def test_the_id_of_a_reference_is_compared_inside_of_it_too(condition: Any) -> None:
    assert read({"company": {"_id": condition}}) == read({"company._id": condition})


def test_an_object_is_found_as_a_part() -> None:
    both = And((Match("city", "eq", "Rome"), Match("since", "eq", datetime(2020, 1, 1))))
    on_path = And(
        (Match("address.city", "eq", "Rome"), Match("address.since", "eq", datetime(2020, 1, 1)))
    )
    part = {"city": "Rome", "since": "2020-01-01"}
    assert read({"address": part}) == on_path
    assert read({"address": {"$ne": part}}) == Not(on_path)
    jobs = read({"jobs": {"title": "cook"}})
    assert jobs == Match("jobs", "elemMatch", Match("title", "eq", "cook"))
    free = read({"free": {"city": "Rome", "since": 1}})
    assert isinstance(free, Or)
    assert free.parts[0] == Match(
        "free", "elemMatch", And((both.parts[0], Match("since", "eq", 1)))
    )
    assert read({"free": {"x": {"y": 1}}}) == Match("free.x.y", "eq", 1)


def test_elements() -> None:
    assert read({"jobs": {"$elemMatch": {"from": {"$gt": "2020-01-01"}}}}) == Match(
        "jobs", "elemMatch", Match("from", "gt", datetime(2020, 1, 1))
    )
    assert read({"scores": {"$elemMatch": {"$gt": 1, "$lt": 5}}}) == Match(
        "scores", "elemMatch", And((Match("", "gt", 1), Match("", "lt", 5)))
    )


def test_relations_lead_to_filters_on_their_target() -> None:
    company = PEOPLE.by_name["company"]

    def acme(path: str, inner: Filter) -> Related:
        return Related(path, company, PEOPLE, COMPANIES, inner)

    name = Match("name", "eq", "Acme")
    nothing = Match("company", "in", [None, []])
    assert read({"company.name": "Acme"}) == acme("company", name)
    assert read({"company.0.name": "Acme"}) == acme("company.0", name)
    assert read({"company": {"name": "Acme"}}) == acme("company", name)
    assert read({"company": {"$elemMatch": {"name": "Acme"}}}) == acme("company", name)
    assert read({"company.0._id": HEX}) == Match("company.0", "eq", ID)
    assert read({"company.name": {"$ne": "Acme"}}) == Not(acme("company", name))
    assert read({"company.name": {"$not": {"$eq": "Acme"}}}) == Not(acme("company", name))
    assert read({"company.name": {"$exists": False}}) == Not(
        acme("company", Match("name", "exists", True))
    )
    for condition in ({"$in": [None, "Acme"]}, {"$lte": None}, {"$bt": [None, None]}):
        ((operator, value),) = condition.items()
        assert read({"company.name": condition}) == Or(
            (acme("company", Match("name", operator[1:], value)), nothing)
        )
    assert read({"company.founded": {"$lt": "2000-01-01"}}) == acme(
        "company", Match("founded", "lt", datetime(2000, 1, 1))
    )
    nested = read({"company.owner.name": "Ann"})
    assert isinstance(nested, Related)
    assert isinstance(nested.filter, Related)
    assert nested.filter.target is PEOPLE


def test_child_lists_are_asked_through_their_documents() -> None:
    for q in (
        {"notes.text": "x"},
        {"notes": {"text": "x"}},
        {"notes": {"$elemMatch": {"text": "x"}}},
    ):
        found = read(q)
        assert isinstance(found, Related)
        assert found.filter == Match("text", "eq", "x")
    assert isinstance(read({"notes": {"$exists": True}}), Related)
    with pytest.raises(BadQuery, match="child list"):
        read({"notes": "x"})


@pytest.mark.parametrize(
    ("q", "message"),
    [
        ([], "object"),
        ("x", "object"),
        (5, "object"),
        ({"age": {"$gtt": 1}}, r"'\$gtt'.*'\$gt'"),
        ({"$orr": []}, r"'\$orr'.*'\$or'"),
        ({"$where": "1"}, r"\$where"),
        ({"age": {"$where": "1"}}, r"\$where"),
        ({"$expr": {}}, r"\$expr"),
        ({"age": {"$or": [1]}}, r"\$or"),
        ({"$distinct": "age"}, r"\$distinct"),
        ({"$orderby": {"a": 1}}, r"\$orderby"),
        ({"age": {"$gt": 1, "x": 1}}, "beside"),
        ({"$or": {}}, "list"),
        ({"$or": [1]}, "object"),
        ({"age": {"$in": 1}}, "list"),
        ({"age": {"$bt": [1]}}, "two"),
        ({"age": {"$bt": 1}}, "two"),
        ({"age": {"$exists": "maybe"}}, "true or false"),
        ({"age": {"$exists": []}}, "true or false"),
        ({"tags": {"$size": -1}}, "size"),
        ({"tags": {"$size": "x"}}, "size"),
        ({"tags": {"$size": {"$regex": "x"}}}, r"\$regex"),
        ({"tags": {"$size": {"x": 1}}}, "size"),
        ({"tags": {"$elemMatch": 1}}, "elemMatch"),
        ({"free": {"$elemMatch": {"$eq": {"a": 1}}}}, "elemMatch"),
        ({"free": {"$elemMatch": {"$not": {"a": 1}}}}, "elemMatch"),
        ({"name": {"$regex": 1}}, "regex"),
        ({"name": {"$regex": "a\0"}}, "null byte"),
        ({"name": {"$regex": "a", "$options": "q"}}, "options"),
        ({"name": {"$options": "i"}}, "options"),
        ({"a\0b": 1}, "null byte"),
        ({"a..b": 1}, "empty part"),
        ({"": 1}, "empty part"),
        ({"a.$where": 1}, r"\$"),
        ({"a" * 600: 1}, "longer"),
        ({"born": {"$gt": {"$date": "x"}}}, r"\$date"),
        ({"born": {"$gt": {"$date": 10**30}}}, r"\$date"),
        ({"born": {"$gt": {"$date": "2020-01-01", "x": 1}}}, r"\$date"),
        ({"$date": "2020-01-01"}, r"\$date"),
        ({"age": 2**63}, "64 bits"),
        ({"age": float("nan")}, "finite"),
        ({"name": "\ud800"}, "surrogate"),
        ({"free": {"$in": [{"$x": 1}]}}, r"\$x"),
        ({"free": {"$gt": {"$x": 1}}}, r"\$x"),
    ],
)
def test_refused_with_a_sentence(q: Any, message: str) -> None:
    with pytest.raises(BadRequest, match=message) as error:
        read(q)
    assert error.value.message.endswith((".", "?"))


def test_limits() -> None:
    deep: Any = {"age": 1}
    for _ in range(21):
        deep = {"$not": deep}
    wide = {"$or": [{"age": n} for n in range(501)]}
    for q in (deep, wide, {"age": {"$in": list(range(10_001))}}, {"name": {"$regex": "a" * 501}}):
        with pytest.raises(LimitExceeded):
            read(q)
    assert read({"$or": [{"age": n} for n in range(500)]})
    with pytest.raises(LimitExceeded):
        read({"age": {"$in": [1, 2, 3]}}, in_values=2)


def test_every_operator_of_a_filter_value_is_known() -> None:
    from duetdb.app.service.filters.operators import CONDITIONS
    from duetdb.app.service.query import OPERATORS

    assert {each.removeprefix("$") for each in CONDITIONS} - {"not"} == OPERATORS
    assert filters_parser.LOGICAL == ("$and", "$or", "$nor", "$not")


def test_order() -> None:
    assert parse_order(PEOPLE, [], [], SCHEMA) == ()
    assert parse_order(PEOPLE, ["age", "", "name"], ["-1", "-1", "x"], SCHEMA) == (
        Order("age", descending=True),
        Order("name"),
    )
    assert parse_order(PEOPLE, ["age", "age"], ["{sortDir}", "-1"], SCHEMA) == (Order("age"),)
    assert parse_order(PEOPLE, ["tags[0]", "company._id"], [], SCHEMA) == (
        Order("tags.0"),
        Order("company"),
    )
    with pytest.raises(BadQuery):
        parse_order(PEOPLE, ["$natural"], [], SCHEMA)
    with pytest.raises(LimitExceeded):
        parse_order(PEOPLE, [f"a{n}" for n in range(33)], [], SCHEMA)
