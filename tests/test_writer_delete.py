"""Deleting documents."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bson import ObjectId
from pymongo.monitoring import CommandListener, CommandStartedEvent

from duetdb.app.mongo.connect import connect
from duetdb.app.mongo.memory import memory_engine
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Forbidden, LimitExceeded, VersionMismatch
from duetdb.app.service.events import ChangeKind
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import FULL_ACCESS, Principal
from duetdb.app.service.query import EVERYTHING, Delete, Filter, Match, Parent
from duetdb.app.settings import Settings
from tests.writing import Desk, open_desk

VIEWS = {"name": "views", "type": "number"}
COMMENTS = {"name": "comments", "type": "comments", "relation": "child"}


async def delete_matching(
    desk: Desk, name: str, filter: Filter = EVERYTHING, parent: Parent | None = None
) -> list[object]:
    delete = Delete(collection=desk.collection(name), filter=filter, parent=parent)
    return await desk.writer.delete_matching(delete, FULL_ACCESS)


async def test_one(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[VIEWS])
    post = await desk.one("posts", {"views": 1})
    assert await desk.delete("posts", str(post["_id"])) == [post]
    assert await desk.delete("posts", str(post["_id"])) == []
    assert await desk.delete("posts", "no id") == []
    assert [(c.kind, c.ids) for c in desk.changes[1:]] == [(ChangeKind.DELETED, (post["_id"],))]


async def test_several_in_the_order_asked_for(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[VIEWS])
    one, two, three = await desk.create("posts", {"views": 1}, {"views": 2}, {"views": 3})
    ids = [str(three["_id"]), "x", "0" * 24, str(one["_id"]), str(three["_id"])]
    assert await desk.delete("posts", *ids) == [three, one]
    assert [each async for each in desk.stored("posts").find()] == [two]
    assert len(desk.changes) == 2


async def test_each_document_is_deleted_by_one_caller(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[VIEWS])
    ids = [each["_id"] for each in await desk.create("posts", *({} for _ in range(50)))]
    answers = await asyncio.gather(*(desk.delete("posts", *ids) for _ in range(4)))
    assert sum(map(len, answers)) == 50


async def test_if_version(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[VIEWS])
    post = await desk.one("posts", {})
    with pytest.raises(VersionMismatch):
        await desk.delete("posts", post["_id"], if_version=2)
    assert await desk.delete("posts", post["_id"], if_version=1) == [post]
    assert await desk.delete("posts", post["_id"], if_version=1) == []
    old = ObjectId()
    await desk.stored("posts").insert_one({"_id": old})
    assert len(await desk.delete("posts", old, if_version=0)) == 1


async def test_only_children_of_the_parent(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[COMMENTS], comments=[VIEWS])
    post, other = await desk.create("posts", {}, {})
    parent = desk.parent("posts", post["_id"], "comments")
    wrong = desk.parent("posts", str(other["_id"]), "comments")
    one, two, three = await desk.create("comments", {}, {}, {}, parent=parent)
    assert await desk.delete("comments", one["_id"], parent=wrong) == []
    assert await desk.delete("comments", one["_id"], two["_id"], parent=wrong) == []
    assert await desk.delete("comments", one["_id"], parent=parent) == [one]
    assert await delete_matching(desk, "comments", parent=wrong) == []
    assert await delete_matching(desk, "comments", parent=parent) == [two["_id"], three["_id"]]


async def test_by_filter_in_batches(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[VIEWS])
    await desk.create("posts", *({"views": n} for n in range(2500)))
    deleted = await delete_matching(desk, "posts", Match("views", "lt", 2200))
    assert len(deleted) == 2200
    assert await desk.stored("posts").count_documents({}) == 300
    assert [(c.kind, len(c.ids), c.documents) for c in desk.changes[1:]] == [
        (ChangeKind.DELETED, 2200, ())
    ]
    assert await delete_matching(desk, "posts", Match("views", "lt", 0)) == []
    assert len(desk.changes) == 2


async def test_by_filter_each_is_deleted_by_one_caller(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[VIEWS])
    await desk.stored("posts").insert_many([{"views": n} for n in range(3000)])
    answers = await asyncio.gather(*(delete_matching(desk, "posts") for _ in range(4)))
    assert sum(map(len, answers)) == 3000
    assert len({id_ for each in answers for id_ in each}) == 3000
    assert sum(len(each.ids) for each in desk.changes) == 3000
    assert await desk.stored("posts").count_documents({}) == 0


async def test_by_filter_while_others_write(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[VIEWS])
    await desk.stored("posts").insert_many([{"views": n % 2} for n in range(400)])
    posts, done = desk.stored("posts"), asyncio.Event()

    async def write() -> None:
        while not done.is_set():
            await posts.update_many({"views": 1}, {"$inc": {"other": 1}})

    async def delete() -> list[object]:
        deleted = await delete_matching(desk, "posts", Match("views", "eq", 1))
        done.set()
        return deleted

    deleted, _ = await asyncio.wait_for(asyncio.gather(delete(), write()), 20)
    assert len(set(deleted)) == len(deleted) == 200
    assert await posts.count_documents({"views": 0}) == await posts.count_documents({}) == 200


async def test_by_filter_it_may_take_as_long_as_a_stream(mongod: Any, settings: Settings) -> None:
    """In the middle, half of the documents would be gone and the answer an error."""

    class Finds(CommandListener):
        milliseconds: list[int | None] = []

        def started(self, event: CommandStartedEvent) -> None:
            if event.command_name == "find":
                self.milliseconds.append(event.command.get("maxTimeMS"))

        def succeeded(self, event: object) -> None: ...

        def failed(self, event: object) -> None: ...

    engine = await connect(settings, [Finds()])
    try:
        desk = await open_desk(engine, Limits(query_ms=7, stream_ms=70_000), posts=[VIEWS])
        await desk.stored("posts").insert_many([{"views": n} for n in range(3)])
        assert len(await delete_matching(desk, "posts", Match("views", "gte", 0))) == 3
        assert Finds.milliseconds[0] == 70_000
    finally:
        await engine.client.drop_database(engine.database.name)
        await engine.client.close()


async def test_by_filter_in_memory_mode() -> None:
    desk = await open_desk(memory_engine("test"), posts=[VIEWS])
    posts = await desk.create("posts", *({"views": n} for n in range(5)))
    deleted = await delete_matching(desk, "posts", Match("views", "gte", 3))
    assert deleted == [posts[3]["_id"], posts[4]["_id"]]
    assert await desk.stored("posts").count_documents({}) == 3


async def test_by_filter_needs_the_full_key(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[VIEWS])
    await desk.one("posts", {})
    delete = Delete(collection=desk.collection("posts"))
    with pytest.raises(Forbidden):
        await desk.writer.delete_matching(delete, Principal(name="ann@example.org"))
    assert await desk.stored("posts").count_documents({}) == 1


async def test_limit(engine: Engine) -> None:
    desk = await open_desk(engine, Limits(bulk_documents=1), posts=[VIEWS])
    with pytest.raises(LimitExceeded):
        await desk.delete("posts", "0" * 24, "1" * 24)
