"""What filters mean in MongoDB: each query against real documents."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from duetdb.app.mongo.memory import memory_engine
from duetdb.app.service.engine import Engine
from duetdb.app.service.filters.parse import parse_filter
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import (
    EVERYTHING,
    Expansion,
    Match,
    Not,
    Or,
    Order,
    Projection,
    Query,
)
from duetdb.app.service.reading.projections import projection_of
from duetdb.app.service.reading.translate import sort_of, to_mongo
from duetdb.schema_gen.build import build_schema

SCHEMA = build_schema(
    {
        "things": {
            "name": "things",
            "fields": [
                {"name": "n", "type": "number"},
                {"name": "s", "type": "text"},
                {"name": "list", "type": "number", "multiple": True},
                {
                    "name": "rows",
                    "type": "object",
                    "multiple": True,
                    "fields": [{"name": "a", "type": "number"}, {"name": "b", "type": "number"}],
                },
                {"name": "ref", "type": "things", "relation": "many"},
                {"name": "kids", "type": "things", "relation": "child"},
                {"name": "fresh", "type": "text", "renamedFrom": "stale"},
            ],
        },
        "plain": {"name": "plain", "fields": [{"name": "n", "type": "number"}]},
    },
    version=1,
)
THINGS = SCHEMA.collections["things"]
PLAIN = SCHEMA.collections["plain"]

DOCUMENTS: list[dict[str, Any]] = [
    {"_id": "empty"},
    {"_id": "null", "n": None, "s": None, "list": None},
    {"_id": "one", "n": 1, "s": "Abc", "list": [], "free": {"x": 1, "y": 2}},
    {"_id": "two", "n": 2, "s": "abd", "list": [0, 5], "free": [{"x": 1, "y": 2}]},
    {"_id": "three", "n": 3, "s": "5", "list": [2, 9, 9], "free": [{"x": 1}, {"y": 2}]},
    {"_id": "rows", "rows": [{"a": 1, "b": 2}, {"a": 3, "b": 9}], "fresh": "f", "stale": "g"},
    {"_id": "old", "stale": "f", "rows": [{"a": 1, "b": 9}]},
]
EVERY = {document["_id"] for document in DOCUMENTS}


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ({}, EVERY),
        ({"$and": []}, EVERY),
        ({"$or": []}, set()),
        ({"$nor": []}, EVERY),
        ({"n": 1}, {"one"}),
        ({"n": None}, EVERY - {"one", "two", "three"}),
        ({"n": {"$ne": None}}, {"one", "two", "three"}),
        ({"n": {"$ne": 1}}, EVERY - {"one"}),
        ({"n": {"$not": 1}}, EVERY - {"one"}),
        ({"n": {"$not": {"$gt": 1}}}, EVERY - {"two", "three"}),
        ({"n": {"$in": [1, 2]}}, {"one", "two"}),
        ({"n": {"$nin": [1, 2]}}, EVERY - {"one", "two"}),
        ({"n": {"$gt": 1}}, {"two", "three"}),
        ({"n": {"$bt": [1, 2]}}, {"one", "two"}),
        ({"s": {"$gt": "A"}}, {"one", "two"}),
        ({"s": {"$gt": 1}}, set()),
        ({"s": 5}, set()),
        ({"s": "5"}, {"three"}),
        ({"n": "3"}, {"three"}),
        ({"s": {"$regex": "^ab"}}, {"two"}),
        ({"s": {"$regex": "/^ab/i"}}, {"one", "two"}),
        ({"s": {"$regex": "b", "$options": "i"}}, {"one", "two"}),
        ({"n": {"$exists": True}}, {"null", "one", "two", "three"}),
        ({"list.0": {"$exists": True}}, {"two", "three"}),
        ({"list": 5}, {"two"}),
        ({"list": {"$bt": [1, 4]}}, {"three"}),
        ({"list": {"$gte": 1, "$lte": 4}}, {"two", "three"}),
        ({"list": {"$elemMatch": {"$gte": 1, "$lte": 4}}}, {"three"}),
        ({"list": {"$elemMatch": {"$gt": 1, "$not": {"$gt": 8}}}}, {"two", "three"}),
        ({"list": {"$all": [2, 9]}}, {"three"}),
        ({"list": [0, 5]}, {"two"}),
        ({"list": {"$size": 2}}, {"two"}),
        ({"list": {"$size": {"$gte": 2}}}, {"two", "three"}),
        ({"list": {"$size": {"$gt": 2}}}, {"three"}),
        ({"list": {"$size": {"$gte": 0}}}, {"one", "two", "three"}),
        ({"list": {"$size": {"$lt": 1}}}, {"one"}),
        ({"list": {"$size": {"$lt": 0}}}, set()),
        ({"list": {"$size": {"$lte": 2}}}, {"one", "two"}),
        ({"list": {"$size": {"$bt": [1, 2]}}}, {"two"}),
        ({"list": {"$size": {"$ne": 2}}}, {"one", "three"}),
        ({"list": {"$size": {"$in": [0, 3]}}}, {"one", "three"}),
        ({"list": {"$size": {"$in": []}}}, set()),
        ({"list": {"$size": {"$nin": [0]}}}, {"two", "three"}),
        ({"rows": {"a": 1, "b": 9}}, {"old"}),
        ({"rows": {"$elemMatch": {"a": 1, "b": 9}}}, {"old"}),
        ({"rows.a": 1, "rows.b": 9}, {"rows", "old"}),
        ({"rows.0.b": 9}, {"old"}),
        ({"rows.b": {"$bt": [3, 8]}}, set()),
        ({"rows.b": {"$bt": [2, 8]}}, {"rows"}),
        ({"rows.0.b": {"$bt": [9, 10]}}, {"old"}),
        ({"list.0": {"$bt": [1, 4]}}, {"three"}),
        ({"free": {"x": 1, "y": 2}}, {"one", "two"}),
        ({"free": {"x": 1}}, {"one", "two", "three"}),
        ({"free": {"$ne": {"x": 1, "y": 2}}}, EVERY - {"one", "two"}),
        ({"free": {"x": {"$gt": 0}}}, {"one", "two", "three"}),
        ({"free": {"x": {"$ne": 1}}}, EVERY - {"one", "two"}),
        ({"free": {"x": None}}, EVERY - {"one", "two"}),
        ({"$or": [{"n": 1}, {"s": "5"}]}, {"one", "three"}),
        ({"$nor": [{"n": 1}, {"s": "5"}]}, EVERY - {"one", "three"}),
        ({"fresh": "f"}, {"rows", "old"}),
        ({"fresh": "g"}, set()),
        ({"fresh": {"$ne": "f"}}, EVERY - {"rows", "old"}),
        ({"fresh": {"$exists": False}}, EVERY - {"rows", "old"}),
        ({"fresh": None}, EVERY - {"rows", "old"}),
        ({"_id": "one"}, {"one"}),
        ({"_id": {"$ne": "one"}}, EVERY - {"one"}),
    ],
)
@pytest.mark.parametrize("in_memory", [False, True])
async def test_meaning(engine: Engine, in_memory: bool, q: Any, found: set[str]) -> None:
    things = (memory_engine("memory") if in_memory else engine).database["things"]
    await things.insert_many([deepcopy(each) for each in DOCUMENTS])
    where = to_mongo(parse_filter(THINGS, q, Limits(), SCHEMA), THINGS)
    assert {each["_id"] for each in await things.find(where).to_list(None)} == found


def test_translation_of_the_common_cases_is_plain() -> None:
    assert to_mongo(EVERYTHING, PLAIN) == {}
    assert to_mongo(Match("n", "eq", 1), PLAIN) == {"n": {"$eq": 1}}
    assert to_mongo(Not(Match("n", "eq", 1)), PLAIN) == {"$nor": [{"n": {"$eq": 1}}]}
    assert to_mongo(Or((Match("n", "eq", 1),)), PLAIN) == {"n": {"$eq": 1}}


def test_order_ends_with_the_id() -> None:
    assert sort_of(Query(collection=PLAIN)) == [("_id", 1)]
    by_n = Query(collection=PLAIN, order=(Order("n", descending=True),))
    assert sort_of(by_n) == [("n", -1), ("_id", -1)]
    by_id = Query(collection=PLAIN, order=(Order("_id", descending=True), Order("n")))
    assert sort_of(by_id) == [("_id", -1), ("n", 1)]


def test_projection_is_exact() -> None:
    def of(projection: Projection, *fields: str, reverse: bool = False) -> object:
        expansions = tuple(
            Expansion(THINGS.by_name[each], Query(collection=THINGS), "key", reverse)
            for each in fields
        )
        found = projection_of(Query(collection=THINGS, projection=projection, expand=expansions))
        return dict(found) if found else found

    assert of(Projection()) is None
    assert of(Projection(("_id",))) is None
    assert of(Projection((), include=True)) == {"_id": 1}
    assert of(Projection(("a", "a.b", "c.d"), include=True)) == {"_id": 1, "a": 1, "c.d": 1}
    assert of(Projection(("a.b", "a", "_version"))) == {"a": 0, "_version": 0}
    assert of(Projection(("n",), include=True), "ref") == {"_id": 1, "n": 1, "ref": 1}
    assert of(Projection(("n",), include=True), "kids") == {"_id": 1, "n": 1}
    assert of(Projection(("n",), include=True), "ref", reverse=True) == {"_id": 1, "n": 1}
    assert of(Projection(("ref", "n")), "ref") == {"n": 0}
    assert of(Projection(("fresh",), include=True)) == {"_id": 1, "fresh": 1, "stale": 1}
    assert of(Projection(("n",), include=True), "kids", reverse=True) == {
        "_id": 1,
        "n": 1,
        "_parent_id": 1,
        "_parent_def": 1,
        "_parent_field": 1,
    }
