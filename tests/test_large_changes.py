"""Changes of thousands of places or elements: the time they take grows with them, and no faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from bson import Decimal128, Int64, ObjectId, Regex

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.query import EVERYTHING, Document, UpdateMany
from duetdb.app.service.writing.applying import identity
from duetdb.app.service.writing.operations import parse_operations
from tests.writing import Desk, open_desk

N = {"name": "n", "type": "number"}
DOUBLE = {"name": "double", "type": "number", "formula": "{{n}}*2"}
MANY = 5_000
LIST = list(range(MANY))
OBJECTS = [{"a": n} for n in LIST]
SECONDS = 5
"""Each takes a tenth of one; compared or copied one by one it would be a minute."""


async def put(desk: Desk, id_: Any, body: dict[str, Any]) -> Document:
    changes, operations = parse_operations(body)
    return await desk.update("posts", id_, changes, operations=operations)


def named(text: str, value: Callable[[int], Any]) -> dict[str, Any]:
    return {text.format(n): value(n) for n in LIST}


@pytest.mark.parametrize("fields", [[N], [N, DOUBLE]], ids=["alone", "read first"])
@pytest.mark.parametrize(
    ("stored", "body", "after"),
    [
        (
            {"list": LIST},
            {"$addToSet": {"list": {"$each": [n + 1 for n in LIST]}}},
            {"list": [*LIST, MANY]},
        ),
        ({"list": []}, {"$addToSet": {"list": {"$each": OBJECTS * 2}}}, {"list": OBJECTS}),
        ({"list": LIST}, {"$pull": {"list": {"$in": LIST[1:]}}}, {"list": [0]}),
        ({}, {"$inc": named("in.k{}", int)}, {"in": named("k{}", int)}),
        ({"list": LIST}, {"$set": named("list.{}", lambda n: -n)}, {"list": [-n for n in LIST]}),
        (named("k{}", int), {"$unset": named("k{}", int)}, {}),
        (named("k{}", int), {"$rename": named("k{}", "r{}".format)}, named("r{}", int)),
        (named("k{}", int), named("k{}", lambda n: -n), named("k{}", lambda n: -n)),
    ],
    ids=["add", "add objects", "pull", "inc", "set positions", "unset", "rename", "plain"],
)
async def test_it_takes_its_time_once(
    engine: Engine,
    fields: Any,
    stored: dict[str, Any],
    body: dict[str, Any],
    after: dict[str, Any],
) -> None:
    desk = await open_desk(engine, posts=fields)
    post = await desk.one("posts", {"other": "x", **stored})
    started = time.monotonic()
    changed = await put(desk, post["_id"], {**body, "n": 2})
    assert time.monotonic() - started < SECONDS
    assert changed == await desk.stored("posts").find_one()
    plain = {name: value for name, value in changed.items() if name[0] != "_"}
    assert plain == {"other": "x", "n": 2, **({"double": 4} if DOUBLE in fields else {}), **after}
    assert (changed["_version"], changed["_created"]) == (2, post["_created"])


async def test_objects_are_pulled_up_to_a_limit(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[N])
    post = await desk.one("posts", {"list": OBJECTS})
    some = await put(desk, post["_id"], {"$pull": {"list": {"$in": OBJECTS[:50]}}})
    assert some["list"] == OBJECTS[50:]
    body = {"$pull": {"list": {"$in": OBJECTS}}}
    with pytest.raises(LimitExceeded, match="'\\$pull' of 5,000 objects from 4,950 takes too long"):
        await put(desk, post["_id"], body)
    _, operations = parse_operations(body)
    many = UpdateMany(
        collection=desk.collection("posts"), filter=EVERYTHING, changes={}, operations=operations
    )
    outcome = await desk.writer.update_many(many, FULL_ACCESS)
    assert (outcome.matched, outcome.modified, outcome.failed[0][0]) == (1, 0, post["_id"])


ID = ObjectId()


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1.0, True),
        (Int64(1), Decimal128("1.00"), True),
        (2**53 + 1, float(2**53), False),
        (0.1, Decimal128("0.1"), False),
        (0.0, -0.0, True),
        (float("nan"), Decimal128("NaN"), True),
        (1, True, False),
        (1, "1", False),
        (None, 0, False),
        ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ([1, 2], [2, 1], False),
        ([], {}, False),
        (ID, ObjectId(str(ID)), True),
        (ID, str(ID), False),
        (Regex("a"), Regex("a"), True),
        (Regex("a"), Regex("a", "i"), False),
    ],
    ids=repr,
)
def test_what_is_equal(one: Any, other: Any, equal: bool) -> None:
    assert (identity(one) == identity(other)) is equal
    if equal:
        assert hash(identity(one)) == hash(identity(other))
