"""What the in-memory engine finds, orders and shows is what a real MongoDB does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from bson import Decimal128, Int64, ObjectId, Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.mongo.memory_matching import check, matches
from duetdb.app.mongo.memory_projection import projected
from duetdb.app.mongo.memory_values import in_order, key_of
from duetdb.app.service.errors import NotAvailable

PATHS = ["a", "b", "a.b", "a.0", "a.b.0", "b.1.a", "a.a.a"]
EXAMPLES = settings(
    max_examples=300,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

plain = st.sampled_from(
    [
        *(None, True, False, 0, 1, 2, -1, 1.0, 1.5, 2.5, Int64(2**40), float("nan"), float("inf")),
        *("", "a", "A", "ab", "é", "1", "a\nb", "_"),
        *(Decimal128("1"), Decimal128("1.0"), Decimal128("1.5"), Decimal128("-3"), b"x", b"xy"),
        *(ObjectId("6" * 24), ObjectId("7" * 24), datetime(1900, 1, 1), datetime(2024, 2, 29)),
    ]
)
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "0"]), inner, max_size=2)
    ),
    max_leaves=6,
)
documents = st.lists(
    st.dictionaries(st.sampled_from(["a", "b"]), values, max_size=2), min_size=1, max_size=8
)
comparisons = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]), values),
    st.tuples(st.sampled_from(["$in", "$nin", "$all"]), st.lists(plain, max_size=3)),
    st.tuples(st.just("$exists"), st.booleans()),
    st.tuples(st.just("$size"), st.integers(0, 3)),
    st.tuples(
        st.just("$type"),
        st.sampled_from(["array", "object", "string", "int", "long", "double", "bool", "date"])
        | st.just(["int", "long"]),
    ),
    st.tuples(st.just("$regex"), st.sampled_from(["a", "^a", "^[^a]*$", "a$", r"\w", "é", "."])),
).map(lambda pair: {pair[0]: pair[1]})
on_field = st.one_of(
    comparisons,
    comparisons.map(lambda each: {"$not": each}),
    comparisons.map(lambda each: {"$elemMatch": each}),
    st.tuples(st.sampled_from(["a", "b"]), comparisons).map(
        lambda pair: {"$elemMatch": {pair[0]: pair[1]}}
    ),
)
conditions = st.recursive(
    st.tuples(st.sampled_from(PATHS), on_field).map(lambda pair: {pair[0]: pair[1]}),
    lambda inner: st.tuples(
        st.sampled_from(["$and", "$or", "$nor"]), st.lists(inner, min_size=1, max_size=3)
    ).map(lambda pair: {pair[0]: pair[1]}),
    max_leaves=3,
)


@pytest.fixture(scope="module")
def real(mongod: EmbeddedMongod) -> Iterator[Collection[Any]]:
    """A collection of the real thing."""
    with MongoClient[Any](mongod.uri) as client:
        yield client["memory_matching"]["things"]
        client.drop_database("memory_matching")


def store(real: Collection[Any], found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    numbered = [{"_id": number, **each} for number, each in enumerate(found)]
    real.delete_many({})
    real.insert_many(numbered)
    return numbered


@EXAMPLES
@given(documents, conditions)
def test_the_same_documents_are_found(
    real: Collection[Any], found: list[dict[str, Any]], condition: dict[str, Any]
) -> None:
    stored = store(real, found)
    check(condition)
    expected = [each["_id"] for each in real.find(condition, {"_id": 1}).sort("_id")]
    assert [each["_id"] for each in stored if matches(condition, each)] == expected


@pytest.mark.parametrize(
    "inner", [{}, {"b": 1}, {"b": None}, {"b": {"$ne": 1}}, {"0": False}, {"0.b": 1}]
)
def test_lists_inside_of_lists(real: Collection[Any], inner: dict[str, Any]) -> None:
    lists = [[[False, None]], [[{"b": 1}]], [{"b": 1}], [5], [[]]]
    stored = store(real, [{"a": each} for each in lists])
    condition = {"a": {"$elemMatch": inner}}
    expected = [each["_id"] for each in real.find(condition).sort("_id")]
    assert [each["_id"] for each in stored if matches(condition, each)] == expected


@EXAMPLES
@given(documents, st.lists(st.sampled_from(PATHS), min_size=1, max_size=2, unique=True), st.data())
def test_the_same_order(
    real: Collection[Any], found: list[dict[str, Any]], paths: list[str], data: st.DataObject
) -> None:
    stored = store(real, found)
    keys = [(path, data.draw(st.sampled_from([1, -1]))) for path in paths]
    keys.append(("_id", 1))
    try:
        expected = [each["_id"] for each in real.find({}, {"_id": 1}).sort(keys)]
    except OperationFailure as error:
        assert "parallel" in str(error) or "Ambiguous" in str(error)
        return
    assert [each["_id"] for each in in_order(stored, keys)] == expected


@EXAMPLES
@given(
    documents,
    st.lists(st.sampled_from(["a", "b.a", "a.b", "a.b.a"]), max_size=2, unique=True),
    st.sampled_from([0, 1]),
    st.sampled_from([None, 0, 1]),
)
def test_the_same_parts(
    real: Collection[Any],
    found: list[dict[str, Any]],
    paths: list[str],
    shown: int,
    with_id: int | None,
) -> None:
    stored = store(real, found)
    outer = [path for path in paths if not any(path.startswith(f"{o}.") for o in paths)]
    projection = dict.fromkeys(outer, shown)
    if with_id is not None and not (with_id and not shown and outer):
        projection["_id"] = with_id
    expected = list(real.find({}, projection).sort("_id"))
    assert repr([projected(each, projection) for each in stored]) == repr(expected)


def test_values_of_all_types_are_in_order(real: Collection[Any]) -> None:
    every = [None, float("nan"), -1, 0.5, Decimal128("0.7"), 1, "", "a", {}, {"a": 1}, {"b": 0}]
    every += [b"", b"a", ObjectId(), False, True, datetime(1900, 1, 1), datetime(2024, 1, 1)]
    every += [Timestamp(1, 1), Timestamp(2**31, 0)]
    stored = store(real, [{"a": each} for each in reversed(every)])
    expected = [repr(each["a"]) for each in real.find().sort("a")]
    assert [repr(each["a"]) for each in in_order(stored, [("a", 1)])] == expected
    assert [repr(each) for each in sorted(every, key=key_of)] == expected


@pytest.mark.parametrize(
    "pattern", [r"\p{L}", "[[:alpha:]]", r"a\Z", "(?R)", "(?<name>a)", r"\Qa\E", "a(?i)b", r"É\w"]
)
def test_patterns_of_another_dialect_are_refused(pattern: str) -> None:
    with pytest.raises(NotAvailable, match=re.escape(repr(pattern))):
        check({"a": {"$regex": pattern, "$options": "i"}})


@pytest.mark.parametrize(
    "condition",
    [
        {"$text": {"$search": "x"}},
        {"$expr": {}},
        {"$where": "1"},
        {"a": {"$near": []}},
        {"a": {"$not": {"$geoWithin": {}}}},
        {"a": {"$elemMatch": {"$mod": [2, 1]}}},
        {"a": {"$elemMatch": {"b": {"$mod": [2, 1]}}}},
        {"$or": [{"a": 1}, {"$and": [{"b": {"$bitsAllSet": 1}}]}]},
    ],
)
def test_operators_that_it_does_not_have_are_refused(condition: dict[str, Any]) -> None:
    with pytest.raises(NotAvailable, match="not available in memory mode"):
        check(condition)
