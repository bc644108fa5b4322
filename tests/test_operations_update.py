"""Update operators in the service: which way they go, and what follows from them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from bson import Decimal128, ObjectId
from pymongo.monitoring import CommandListener, CommandStartedEvent

from duetdb.app.mongo.connect import connect
from duetdb.app.mongo.memory import memory_engine
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import (
    BadRequest,
    Conflict,
    TooLarge,
    ValidationFailed,
    VersionMismatch,
)
from duetdb.app.service.events import ChangeKind, Events
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.query import Document, Match, Operation, Outcome, UpdateMany
from duetdb.app.service.writing.operations import parse_operations
from duetdb.app.service.writing.writer import Writer
from duetdb.app.settings import Settings
from tests.writing import Desk, codes, open_desk

VIEWS = {"name": "views", "type": "number"}
TITLE = {"name": "title", "type": "text", "required": True}
TAGS = {"name": "tags", "type": "text", "multiple": True, "searchable": False}
NOTE = {"name": "note", "type": "text", "searchable": False}
TOTAL = {"name": "total", "type": "number", "formula": "{{views}}*2"}
EMAIL = {"name": "email", "type": "email", "unique": True, "searchable": False}
INNER = {
    "name": "inner",
    "type": "object",
    "fields": [{"name": "code", "type": "text", "unique": True, "searchable": False}],
}
NUMBER = {"name": "number", "type": "number", "autoIncrement": True}
MONEY = {"name": "money", "type": "money"}
ITEMS = {
    "name": "items",
    "type": "object",
    "multiple": True,
    "fields": [{"name": "name", "type": "text", "required": True, "searchable": False}],
}


class Commands(CommandListener):
    """The names of the commands on documents, in order."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.names.append(event.command_name)

    def succeeded(self, event: object) -> None: ...

    def failed(self, event: object) -> None: ...


@pytest.fixture
def commands() -> Commands:
    return Commands()


@pytest.fixture
async def engine(settings: Settings, commands: Commands) -> AsyncIterator[Engine]:
    """A connection whose commands are noted."""
    connected = await connect(settings, [commands])
    yield connected
    await connected.client.drop_database(connected.database.name)
    await connected.client.close()


async def put(desk: Desk, id_: Any, body: dict[str, Any], **options: Any) -> Document:
    """What a PUT of the body makes of a document of ``posts``."""
    changes, operations = parse_operations(body)
    return await desk.update("posts", id_, changes, operations=operations, **options)


ATONCE = ["findAndModify"]
READ = ["find", "findAndModify"]
REFUSED = ["findAndModify", "find", "findAndModify"]
"""MongoDB could not do it, which is seen only when it has tried."""


@pytest.mark.parametrize(
    ("fields", "body", "wanted"),
    [
        ([VIEWS, TITLE], {"$inc": {"views": 1}, "note": "x"}, ATONCE),
        ([VIEWS], {"$inc": {"views": 1, "a.b": 0.5}, "$max": {"best": 3}}, ATONCE),
        ([TAGS], {"$push": {"tags": "x"}}, ATONCE),
        ([TAGS], {"$pull": {"tags": "x"}, "$unset": {"a.b": 1}, "c.d": 5}, ATONCE),
        ([TAGS], {"$addToSet": {"tags": {"$each": ["x", "y"]}}}, ATONCE),
        ([TAGS], {"$pop": {"tags": 1}, "$min": {"note": "a"}}, ATONCE),
        ([VIEWS, TOTAL], {"$push": {"other": 1}}, ATONCE),
        ([EMAIL], {"$inc": {"n": 1}}, ATONCE),
        ([VIEWS, TOTAL], {"$inc": {"views": 1}}, READ),
        ([TITLE], {"$rename": {"note": "title"}}, READ),
        ([{**TAGS, "searchable": True}], {"$push": {"tags": "x"}}, READ),
        ([MONEY], {"$inc": {"money": 1}}, READ),
        ([TAGS], {"$set": {"tags.0": "x"}}, READ),
        ([], {"$pull": {"list": {"a": 1}}}, READ),
        ([NUMBER], {"$inc": {"number": 1}}, ["find", "update", "findAndModify"]),
        ([{**VIEWS, "renamedFrom": "hits"}], {"$inc": {"views": 1}}, READ),
        ([ITEMS], {"$inc": {"views": 1}}, READ),
        ([VIEWS], {"$inc": {"dirty": 1}}, REFUSED),
        ([VIEWS], {"$push": {"nothing": 1}}, REFUSED),
    ],
)
async def test_the_document_is_read_only_if_it_must(
    engine: Engine, commands: Commands, fields: Any, body: dict[str, Any], wanted: list[str]
) -> None:
    desk = await open_desk(engine, posts=fields)
    given = {"title": "a", "views": 1, "money": 1, "tags": ["a"], "a": {"b": 1}, "nothing": None}
    post = await desk.one("posts", given)
    await desk.stored("posts").update_one({}, {"$set": {"dirty": Decimal128("1.5")}})
    commands.names.clear()
    after = await put(desk, post["_id"], body)
    assert commands.names == wanted
    assert after["_version"] == 2
    assert after == await desk.stored("posts").find_one()
    assert [each.kind for each in desk.changes] == [ChangeKind.CREATED, ChangeKind.UPDATED]
    assert desk.changes[1].documents == (after,)


async def test_a_formula_that_lacks_its_value_is_evaluated(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[VIEWS, TOTAL])
    id_ = ObjectId()
    await desk.stored("posts").insert_one({"_id": id_, "views": 4})
    assert (await put(desk, id_, {"$push": {"other": 1}}))["total"] == 8
    assert (await put(desk, id_, {"$inc": {"views": 1}}))["total"] == 10


async def test_renamed_fields_are_known_by_both_names(engine: Engine) -> None:
    renamed = {**VIEWS, "name": "hits", "renamedFrom": "views"}
    desk = await open_desk(engine, posts=[renamed, NOTE])
    for name in ("hits", "views"):
        id_ = ObjectId()
        await desk.stored("posts").insert_one({"_id": id_, "views": 4})
        after = await put(desk, id_, {"$inc": {name: 1}})
        assert (after["hits"], "views" in after) == (5, False)
        stored = await desk.stored("posts").find_one({"_id": id_})
        assert (stored["hits"], "views" in stored) == (5, False)
        await desk.stored("posts").update_one(
            {"_id": id_}, {"$rename": {"hits": "views"}, "$unset": {"_version": 1}}
        )
        after = await put(desk, id_, {"$rename": {name: "count"}, "$set": {"note": "x"}})
        assert (after["count"], "hits" in after, "views" in after) == (5, False, False)
        after = await put(desk, id_, {"$rename": {"count": name}})
        assert after["hits"] == 5
        await desk.stored("posts").delete_one({"_id": id_})
    post = await desk.one("posts", {})
    with pytest.raises(BadRequest, match="twice"):
        await put(desk, post["_id"], {"$inc": {"hits": 1, "views": 1}})
    with pytest.raises(BadRequest, match="twice"):
        await put(desk, post["_id"], {"hits": 1, "$inc": {"views": 1}})


async def test_what_only_the_database_refuses(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[VIEWS, TAGS])
    id_ = ObjectId()
    dirty = {"_id": id_, "views": "many", "tags": ["a"]}
    await desk.stored("posts").insert_one(dirty, bypass_document_validation=True)
    with pytest.raises(ValidationFailed) as caught:
        await put(desk, id_, {"$push": {"tags": "b"}})
    assert codes(caught.value) == {"views": "TYPE"}
    assert await desk.stored("posts").find_one() == dirty


async def test_unique_values(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[EMAIL, INNER])
    await desk.one("posts", {"email": "a@example.org", "inner": {"code": "m"}})
    other = await desk.one("posts", {"email": "b@example.org", "x": "a@example.org"})
    for body, field in (
        ({"$set": {"email": "a@example.org"}}, "email"),
        ({"$rename": {"x": "email"}}, "email"),
        ({"$min": {"inner.code": "m"}}, "inner.code"),
        ({"$max": {"email": "a@example.org"}, "$set": {"inner.code": "m"}}, "inner.code"),
    ):
        with pytest.raises(ValidationFailed) as caught:
            await put(desk, other["_id"], body)
        assert codes(caught.value) == {field: "UNIQUE"}
    after = await put(desk, other["_id"], {"$max": {"email": "c@e.org", "inner.code": "n"}})
    assert (after["email"], after["inner"]) == ("c@e.org", {"code": "n"})


async def test_counters_follow_operators(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[NUMBER])
    post = await desk.one("posts", {})
    assert (await put(desk, post["_id"], {"$inc": {"number": 9}}))["number"] == 10
    assert (await desk.one("posts", {}))["number"] == 11
    assert (await put(desk, post["_id"], {"$unset": {"number": 1}}))["number"] == 12


async def test_a_document_that_grows_too_large(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[TAGS])
    post = await desk.one("posts", {"tags": ["x" * 9_000_000]})
    with pytest.raises(TooLarge):
        await put(desk, post["_id"], {"$push": {"tags": "y" * 9_000_000}})


async def test_versions_hold_both_ways(engine: Engine) -> None:
    for fields in ([VIEWS], [VIEWS, TOTAL]):
        desk = await open_desk(engine, posts=fields)
        post = await desk.one("posts", {"views": 1})
        increment = {"$inc": {"views": 1}}
        assert (await put(desk, post["_id"], increment, if_version=1))["views"] == 2
        with pytest.raises(VersionMismatch):
            await put(desk, post["_id"], increment, if_version=1)
        id_ = ObjectId()
        await desk.stored("posts").insert_one({"_id": id_, "views": 1, "_version": "old"})
        assert (await put(desk, id_, increment))["_version"] == 1
        await engine.database.drop_collection("posts")


async def test_a_replacement_takes_no_operators(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[VIEWS])
    post = await desk.one("posts", {"views": 1})
    with pytest.raises(BadRequest, match="no update operators"):
        await put(desk, post["_id"], {"$inc": {"views": 1}}, replace=True)


async def test_writers_of_several_processes_lose_nothing(engine: Engine) -> None:
    """Two desks share no queue: only the compare on the version keeps them apart."""
    first = await open_desk(engine, posts=[VIEWS, TOTAL])
    catalog: Any = SimpleNamespace(schema=first.schema)
    second = Desk(engine, first.schema, Writer(engine, catalog, Limits(), Events()))
    post = await first.one("posts", {"views": 0})
    body = {"$inc": {"views": 1}}
    await asyncio.gather(*(put((first, second)[n % 2], post["_id"], body) for n in range(30)))
    after = await first.stored("posts").find_one()
    assert (after["views"], after["total"], after["_version"]) == (30, 60, 31)


async def test_a_writer_who_reads_first_gets_its_turn(engine: Engine) -> None:
    """Others change the document in one command each, and are faster every time."""
    desk = await open_desk(engine, Limits(write_retries=6), posts=[VIEWS, TOTAL])
    post = await desk.one("posts", {"views": 0, "others": 0})
    done = asyncio.Event()
    others = 0

    async def write() -> None:
        nonlocal others
        while not done.is_set():
            await put(desk, post["_id"], {"$inc": {"others": 1}})
            others += 1

    async def write_many() -> Outcome:
        add = UpdateMany(
            collection=desk.collection("posts"),
            filter=Match("_changedby", "eq", FULL_ACCESS.name),
            changes={},
            operations=(Operation("inc", "views", 1),),
        )
        return await desk.writer.update_many(add, FULL_ACCESS)

    async def read_first() -> None:
        try:
            for _ in range(5):
                await put(desk, post["_id"], {"$inc": {"views": 1}})
                assert await write_many() == Outcome(matched=1, modified=1)
        finally:
            done.set()

    await asyncio.gather(read_first(), *(write() for _ in range(8)))
    after = await desk.stored("posts").find_one()
    assert (after["views"], after["total"], after["others"]) == (10, 20, others)
    assert (after["_version"], after["_changedby"]) == (11 + others, FULL_ACCESS.name)
    assert len(desk.changes) == 1 + 10 + others


async def test_attempts_are_bounded(engine: Engine) -> None:
    desk = await open_desk(engine, Limits(write_retries=0), posts=[VIEWS, TOTAL])
    post = await desk.one("posts", {"views": 1})
    with pytest.raises(Conflict):
        await put(desk, post["_id"], {"$inc": {"views": 1}})
    assert (await put(desk, post["_id"], {"$inc": {"n": 1}}))["n"] == 1


@pytest.mark.parametrize("body", [{"$set": {"tags.0": "x"}}, {"$min": {"tags.0": "x"}}])
async def test_no_object_takes_the_place_of_a_list(body: dict[str, Any]) -> None:
    """Also where no validator of the database is behind the service."""
    desk = await open_desk(memory_engine("test"), posts=[TAGS])
    post = await desk.one("posts", {"other": "x"})
    with pytest.raises(ValidationFailed) as caught:
        await put(desk, post["_id"], body)
    assert [each.message for each in caught.value.invalid] == [
        "There is no list; send the whole of it."
    ]
    assert await desk.stored("posts").find_one() == post


async def test_operators_in_memory_mode() -> None:
    desk = await open_desk(memory_engine("test"), posts=[VIEWS, TAGS, EMAIL, TOTAL])
    day = {"name": "day", "type": "date"}
    plain = await open_desk(memory_engine("test"), posts=[VIEWS, TAGS, EMAIL, day])
    for each in (desk, plain):
        post = await each.one(
            "posts", {"views": 1, "tags": ["a", "a"], "list": [1, True, {"a": 1}]}
        )
        body = {
            "$inc": {"views": 1, "x.y": 1},
            "$push": {"tags": "b"},
            "$pull": {"list": {"$in": [1, {"a": 1}]}},
            "$max": {"day": "2020-01-01"},
        }
        await put(each, post["_id"], body)
        after = await put(each, post["_id"], {"$addToSet": {"tags": "b"}, "$rename": {"x": "z"}})
        assert (after["views"], after["tags"]) == (2, ["a", "a", "b"])
        assert (after["list"], after["z"], after["_version"]) == ([True], {"y": 1}, 3)
        increments = (put(each, post["_id"], {"$inc": {"views": 1}}) for _ in range(20))
        await asyncio.gather(*increments)
        assert (await each.stored("posts").find_one())["views"] == 22
    assert after["day"] == datetime(2020, 1, 1)
