"""Changing all documents that match: each once, in batches, and told apart when some fail."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bson import ObjectId
from pymongo import MongoClient
from pymongo.monitoring import CommandListener, CommandStartedEvent

from duetdb.app.mongo.connect import connect
from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.mongo.memory import memory_engine
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import BadRequest, Conflict, Forbidden, ValidationFailed
from duetdb.app.service.events import Change, ChangeKind
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import FULL_ACCESS, Principal
from duetdb.app.service.query import EVERYTHING, Filter, Match, Outcome, UpdateMany
from duetdb.app.service.writing.operations import parse_operations
from duetdb.app.settings import Settings
from tests.writing import Desk, open_desk

N = {"name": "n", "type": "number", "indexed": True}
TOTAL = {"name": "total", "type": "number", "formula": "{{n}}*2"}
EMAIL = {"name": "email", "type": "email", "unique": True, "searchable": False}
TITLE = {"name": "title", "type": "text", "required": True, "searchable": False}
ADD: dict[str, Any] = {"$inc": {"n": 1}}


async def change(
    desk: Desk,
    body: dict[str, Any],
    filter: Filter = EVERYTHING,
    principal: Principal = FULL_ACCESS,
) -> Outcome:
    changes, operations = parse_operations(body)
    many = UpdateMany(
        collection=desk.collection("posts"), filter=filter, changes=changes, operations=operations
    )
    return await desk.writer.update_many(many, principal)


async def values(desk: Desk, name: str = "n") -> list[Any]:
    return [each.get(name) async for each in desk.stored("posts").find().sort("_id")]


@pytest.mark.parametrize("fields", [[N], [N, TOTAL]])
async def test_each_is_changed_once_though_it_matches_still(engine: Engine, fields: Any) -> None:
    desk = await open_desk(engine, posts=fields)
    count = 2_500 if fields == [N] else 150
    await desk.stored("posts").insert_many([{"n": n} for n in range(count)])
    # Walked in the order of `n`, as its index offers, each would be met over and over.
    outcome = await change(desk, ADD, Match("n", "gte", 0))
    assert outcome == Outcome(matched=count, modified=count)
    assert await values(desk) == list(range(1, count + 1))
    assert set(await values(desk, "_version")) == {1}
    if len(fields) == 2:
        assert await values(desk, "total") == [2 * n for n in range(1, count + 1)]


async def test_batches_are_one_command_each_and_published(mongod: Any, settings: Settings) -> None:
    class Commands(CommandListener):
        names: list[str] = []

        def started(self, event: CommandStartedEvent) -> None:
            self.names.append(event.command_name)

        def succeeded(self, event: object) -> None: ...

        def failed(self, event: object) -> None: ...

    engine = await connect(settings, [Commands()])
    try:
        desk = await open_desk(engine, posts=[N, TITLE])
        await desk.stored("posts").insert_many([{"n": n, "title": "a"} for n in range(2_500)])
        Commands.names.clear()
        await change(desk, {"note": "x", **ADD})
        assert Commands.names.count("update") == Commands.names.count("commitTransaction") == 3
        assert "findAndModify" not in Commands.names
        assert [(each.kind, len(each.ids)) for each in desk.changes] == [
            (ChangeKind.UPDATED, 1000),
            (ChangeKind.UPDATED, 1000),
            (ChangeKind.UPDATED, 500),
        ]
        assert {each.documents for each in desk.changes} == {()}
        ids = [id_ for each in desk.changes for id_ in each.ids]
        assert ids == [each["_id"] async for each in desk.stored("posts").find().sort("_id")]
    finally:
        await engine.client.drop_database(engine.database.name)
        await engine.client.close()


async def test_only_what_matches(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[N])
    await desk.create("posts", {"n": 1}, {"n": 2}, {"n": 3})
    assert await change(desk, ADD, Match("n", "gt", 2)) == Outcome(matched=1, modified=1)
    assert await values(desk) == [1, 2, 4]
    desk.changes.clear()
    assert await change(desk, ADD, Match("n", "gt", 9)) == Outcome(matched=0, modified=0)
    assert desk.changes == []


async def test_one_that_fails_leaves_the_others(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[N, TITLE, EMAIL])
    stored: list[dict[str, Any]] = [{"n": n, "title": "a"} for n in range(20)]
    stored[3] |= {"likes": "many"}
    stored[5] |= {"title": None}
    stored[7] |= {"n": 2**63 - 1}
    await desk.stored("posts").insert_many(stored)
    ids = await values(desk, "_id")
    outcome = await change(desk, {"$inc": {"n": 1, "likes": 1}})
    assert (outcome.matched, outcome.modified) == (20, 17)
    assert outcome.failed == (
        (ids[3], "likes: What is stored there is not a number."),
        (ids[5], "title: This field is required."),
        (ids[7], "n: Must be an integer of at most 64 bits."),
    )
    after = await desk.stored("posts").find().sort("_id").to_list()
    good = [each for each in after if "_version" in each]
    assert [each["_id"] for each in good] == [each for each in ids if each not in ids[3:8:2]]
    assert {each["likes"] for each in good} == {1}
    assert [len(each.ids) for each in desk.changes] == [17]


async def test_unique_values_can_be_given_to_one_alone(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[EMAIL, N])
    await desk.create("posts", *({"n": n} for n in range(5)))
    outcome = await change(desk, {"email": "a@example.org", **ADD})
    assert (outcome.matched, outcome.modified) == (5, 1)
    assert {reason for _, reason in outcome.failed} == {"email: Already exists"}
    assert sum(await values(desk)) == sum(range(5)) + 1
    assert (await values(desk, "email")).count("a@example.org") == 1


async def test_failures_are_counted_and_some_named(engine: Engine) -> None:
    desk = await open_desk(engine, Limits(reported_failures=3), posts=[N])
    await desk.stored("posts").insert_many([{"x": "text"} for _ in range(20)])
    outcome = await change(desk, {"$inc": {"x": 1}})
    assert (outcome.matched, outcome.modified, len(outcome.failed)) == (20, 0, 3)


async def test_what_no_document_admits_is_refused_before(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[N])
    post = await desk.one("posts", {"n": 1})
    for body, error in (
        ({"n": "x"}, ValidationFailed),
        ({"$inc": {"n": "x"}}, ValidationFailed),
        ({"$push": {"a": {"$slice": 1}}}, BadRequest),
        ({"_id": str(post["_id"]), "n": 2}, BadRequest),
        ({"$set": {"_id": "x"}}, BadRequest),
    ):
        with pytest.raises(error):
            await change(desk, body)
    assert await desk.stored("posts").find_one() == post


async def test_it_needs_the_full_key(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[N])
    await desk.one("posts", {"n": 1})
    with pytest.raises(Forbidden, match="Updating by query needs the full-access key"):
        await change(desk, ADD, principal=Principal(name="ann@example.org"))
    assert await values(desk) == [1]


async def test_documents_with_ids_of_another_type(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[N])
    await desk.stored("posts").insert_many(
        [{"_id": each, "n": 1} for each in (7, "x", {"a": 1}, ObjectId())]
    )
    assert (await change(desk, ADD)).modified == 4
    assert (await change(desk, {"$set": {"list.0": 1}})).matched == 4
    assert await values(desk) == [2, 2, 2, 2]


async def test_others_may_write_meanwhile(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[N])
    await desk.create("posts", *({"n": 0} for _ in range(300)))
    ids = await values(desk, "_id")
    _, operations = parse_operations(ADD)
    singly = [desk.update("posts", each, {}, operations=operations) for each in ids[::3]]
    outcomes = await asyncio.gather(change(desk, ADD), change(desk, ADD), *singly)
    assert [each.modified for each in outcomes[:2]] == [300, 300]
    expected = [3 if place % 3 == 0 else 2 for place in range(300)]
    assert await values(desk) == expected
    assert await values(desk, "_version") == [n + 1 for n in expected]


async def test_the_collection_may_be_dropped_meanwhile(
    engine: Engine, mongod: EmbeddedMongod
) -> None:
    desk = await open_desk(engine, posts=[N])
    await desk.stored("posts").insert_many([{"n": n} for n in range(2_500)])

    def drop(batch: Change) -> None:
        with MongoClient[Any](mongod.uri) as beside:
            beside[engine.database.name].drop_collection("posts")

    desk.events.subscribe(drop)
    with pytest.raises(Conflict, match="was taken away"):
        await change(desk, ADD)
    assert [len(each.ids) for each in desk.changes] == [1000]


async def test_in_memory_mode() -> None:
    desk = await open_desk(memory_engine("test"), posts=[N, EMAIL])
    await desk.create("posts", {"n": 1}, {"n": 2}, {"n": 3})
    assert await change(desk, ADD, Match("n", "gt", 1)) == Outcome(matched=2, modified=2)
    assert sorted(await values(desk)) == [1, 3, 4]
    outcome = await change(desk, {"email": "a@example.org"})
    assert (outcome.matched, outcome.modified) == (3, 1)
