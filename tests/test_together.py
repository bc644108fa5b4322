"""Batches that are written by one command, or given up at once where others write as well."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from pymongo.errors import OperationFailure
from pymongo.monitoring import CommandListener, CommandStartedEvent

from duetdb.app.mongo.connect import connect
from duetdb.app.service.engine import Engine
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.query import EVERYTHING, Operation, Outcome, UpdateMany
from duetdb.app.service.writing import together as module
from duetdb.app.service.writing.together import Outrun, together
from duetdb.app.settings import Settings
from tests.writing import open_desk

N = {"name": "n", "type": "number"}


async def test_what_matches_is_written_and_known(engine: Engine) -> None:
    posts = engine.database["posts"]
    await posts.insert_many([{"_id": n, "n": n} for n in range(6)])

    async def write(which: Mapping[str, Any], session: Any) -> None:
        await posts.update_many(which, {"$inc": {"n": 10}}, session=session)

    written = await together(engine, "posts", [1, 2, 3, 9], {"n": {"$gt": 1}}, write)
    assert written == [2, 3]
    assert [each["n"] async for each in posts.find().sort("_id")] == [0, 1, 12, 13, 4, 5]
    assert await together(engine, "posts", [1, 2], {"n": 99}, write) == []


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that meets another writer is not tried again."""
    monkeypatch.setattr(module, "PATIENCE", 0)


async def test_a_batch_that_somebody_else_writes_is_given_up(
    engine: Engine, impatient: None
) -> None:
    posts = engine.database["posts"]
    await posts.insert_many([{"_id": n, "n": 0} for n in range(3)])

    async def write(which: Mapping[str, Any], session: Any) -> None:
        await posts.update_one({"_id": 2}, {"$inc": {"n": 5}})  # outside of the transaction
        await posts.update_many(which, {"$inc": {"n": 1}}, session=session)

    with pytest.raises(Outrun):
        await together(engine, "posts", [0, 1, 2], {}, write)
    assert [each["n"] async for each in posts.find().sort("_id")] == [0, 0, 5]


async def test_a_batch_that_is_too_large_is_given_up(engine: Engine) -> None:
    await engine.database["posts"].insert_one({"_id": 1})

    async def too_large(which: Mapping[str, Any], session: Any) -> None:
        raise OperationFailure("transaction is too large", 289)

    async def refused(which: Mapping[str, Any], session: Any) -> None:
        raise OperationFailure("no", 2)

    with pytest.raises(Outrun):
        await together(engine, "posts", [1], {}, too_large)
    with pytest.raises(OperationFailure, match="no"):
        await together(engine, "posts", [1], {}, refused)


class Ends(CommandListener):
    """How transactions ended."""

    def __init__(self) -> None:
        self.aborted = 0

    def started(self, event: CommandStartedEvent) -> None:
        self.aborted += event.command_name == "abortTransaction"

    def succeeded(self, event: object) -> None: ...

    def failed(self, event: object) -> None: ...


async def test_a_batch_that_somebody_else_wrote_is_tried_again(engine: Engine) -> None:
    posts = engine.database["posts"]
    await posts.insert_many([{"_id": n, "n": 0} for n in range(3)])
    tried = 0

    async def write(which: Mapping[str, Any], session: Any) -> None:
        nonlocal tried
        tried += 1
        if tried == 1:
            await posts.update_one({"_id": 2}, {"$inc": {"n": 5}})
        await posts.update_many(which, {"$inc": {"n": 1}}, session=session)

    assert await together(engine, "posts", [0, 1, 2], {}, write) == [0, 1, 2]
    assert tried == 2
    assert [each["n"] async for each in posts.find().sort("_id")] == [1, 1, 6]


async def test_many_are_changed_while_others_write_all_the_time(
    mongod: Any, settings: Settings, impatient: None
) -> None:
    ends = Ends()
    engine = await connect(settings, [ends])
    try:
        desk = await open_desk(engine, posts=[N])
        posts, done = desk.stored("posts"), asyncio.Event()
        await posts.insert_many([{"n": 0} for _ in range(1000)])
        ids = await posts.distinct("_id")
        add = (Operation("inc", "n", 1),)
        singly = 0

        async def write(first: int) -> None:
            nonlocal singly
            place = first
            while not done.is_set():
                await desk.update("posts", ids[place % 1000], {}, operations=add)
                singly += 1
                place += 7

        async def change() -> Outcome:
            many = UpdateMany(
                collection=desk.collection("posts"), filter=EVERYTHING, changes={}, operations=add
            )
            outcome = await desk.writer.update_many(many, FULL_ACCESS)
            done.set()
            return outcome

        outcome, *_ = await asyncio.gather(change(), *(write(100 * n) for n in range(8)))
        assert outcome == Outcome(matched=1000, modified=1000)
        assert ends.aborted <= 1  # the one batch was tried once
        stored = await posts.find().to_list()
        assert sum(each["n"] for each in stored) == 1000 + singly
        assert sum(each["_version"] for each in stored) == 1000 + singly
    finally:
        await engine.client.drop_database(engine.database.name)
        await engine.client.close()
