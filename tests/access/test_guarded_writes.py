"""Documents that a caller may not reach are not there, and none becomes one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from bson import ObjectId

from duetdb.app.mongo.memory import memory_engine
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import DuetError, Forbidden, NotAvailable, NotFound, VersionMismatch
from tests.access.limited import Caller, key, told, user
from tests.writing import Desk, open_desk

FIELDS = [
    {"name": "title", "type": "text", "required": True},
    {"name": "team", "type": "text", "searchable": False},
    {"name": "size", "type": "number"},
    {"name": "tags", "type": "text", "multiple": True, "searchable": False},
    {"name": "double", "type": "number", "formula": "{{size}}*2"},
    {"name": "boss", "type": "people", "relation": "one"},
    {"name": "email", "type": "email", "unique": True},
]
RED = {"rules": [{"role": "*", "filter": {"team": "red"}}]}
PEOPLE = [{"name": "name", "type": "text"}]


async def opened(engine: Engine, **access: Any) -> Desk:
    return await open_desk(
        engine, posts={"fields": FIELDS, "access": access or RED}, people={"fields": PEOPLE}
    )


async def refusal_of(write: Any) -> tuple[Any, ...]:
    with pytest.raises(DuetError) as refused:
        await write
    return told(refused.value)


async def test_a_new_document_must_be_one_that_the_caller_reaches(engine: Engine) -> None:
    desk = await opened(engine)
    caller = user(desk)
    assert (await caller.one("posts", {"title": "a", "team": "red"}))["_createdby"] == "a@b.c"
    for bodies in (
        [{"title": "b", "team": "blue"}],
        [{"title": "b"}],
        [{"title": "b", "team": "red"}, {"title": "c", "team": "blue"}],
    ):
        with pytest.raises(Forbidden, match="may not store such a document"):
            await caller.create("posts", *bodies)
    assert await desk.stored("posts").count_documents({}) == 1
    assert len(desk.changes) == 1


async def test_a_guard_is_about_what_is_stored_in_the_end(engine: Engine) -> None:
    """Formulas, defaults of the server and who wrote it included; texts are no expressions."""
    rule = {"role": "*", "filter": {"double": {"$gt": 10}, "_createdby": "$user.email"}}
    desk = await opened(engine, rules=[rule])
    caller = user(desk)
    assert (await caller.one("posts", {"title": "$title", "size": 6}))["title"] == "$title"
    with pytest.raises(Forbidden):
        await caller.one("posts", {"title": "b", "size": 5})


async def test_many_documents_are_held_against_the_guard_in_parts(engine: Engine) -> None:
    desk = await opened(engine)
    bodies = [{"title": "x" * 9_000, "team": "red"} for _ in range(2_000)]
    assert len(await user(desk).create("posts", *bodies)) == 2_000
    bodies[-1] = {"title": "x", "team": "blue"}
    with pytest.raises(Forbidden):
        await user(desk).create("posts", *bodies)
    assert await desk.stored("posts").count_documents({}) == 2_000


async def test_the_database_compares_as_the_collection_does(engine: Engine) -> None:
    desk = await opened(engine)
    await desk.stored("posts").drop()
    await engine.database.create_collection("posts", collation={"locale": "en", "strength": 2})
    caller = user(desk)
    assert await caller.one("posts", {"title": "t", "team": "RED"})
    with pytest.raises(Forbidden):
        await caller.one("posts", {"title": "t", "team": "blue"})


BODIES: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = [
    ({"title": "b"}, {}),
    ({"title": "b"}, {"replace": True}),
    ({"title": None}, {}),
    ({"title": ""}, {"replace": True}),
    ({"size": "x"}, {}),
    ({"size": 1}, {}),
    ({"$inc": {"size": 1}}, {}),
    ({"$inc": {"title": 1}}, {}),
    ({"$push": {"size": 1}}, {}),
    ({"$unset": {"title": 1}}, {}),
    ({"tags.7": "x"}, {}),
    ({"team": "red"}, {}),
    ({"team": "blue"}, {}),
    ({"boss": "0123456789abcdef01234567"}, {}),
    ({"email": "taken@b.c"}, {}),
    ({"email": "taken@b.c", "size": 1}, {}),
    ({"title": "b"}, {"if_version": 1}),
    ({"title": "b"}, {"if_version": 7}),
    ({"title": None}, {"if_version": 7}),
    ({"$bad": {"title": 1}}, {}),
    ({"_id": "0123456789abcdef01234567"}, {}),
    ({"_parent_id": "1", "_parent_def": "people", "_parent_field": "x"}, {}),
]


@pytest.mark.parametrize(("body", "options"), BODIES, ids=str)
async def test_a_document_out_of_reach_is_a_missing_one(
    engine: Engine, body: Mapping[str, Any], options: Mapping[str, Any]
) -> None:
    desk = await opened(engine)
    await desk.one("posts", {"title": "t", "team": "red", "email": "taken@b.c"})
    hidden = await desk.one("posts", {"title": "t", "team": "blue", "size": 1, "tags": ["a"]})
    before = await desk.stored("posts").find().to_list()
    answers = []
    for id_ in (hidden["_id"], ObjectId()):
        code, message, *rest = await refusal_of(user(desk).update("posts", id_, body, **options))
        answers.append((code, message.replace(str(id_), "ID"), *rest))
    assert answers[0] == answers[1]
    assert await desk.stored("posts").find().to_list() == before


@pytest.mark.parametrize("version", [None, 1, 7])
async def test_what_is_out_of_reach_is_not_deleted(engine: Engine, version: int | None) -> None:
    desk = await opened(engine)
    mine = await desk.one("posts", {"title": "t", "team": "red"})
    hidden = await desk.one("posts", {"title": "t", "team": "blue"})
    caller = user(desk)
    assert await caller.delete("posts", hidden["_id"], if_version=version) == []
    assert await caller.delete("posts", ObjectId(), if_version=version) == []
    gone = await caller.delete("posts", hidden["_id"], ObjectId(), mine["_id"])
    assert [each["_id"] for each in gone] == [mine["_id"]]
    assert [each["_id"] async for each in desk.stored("posts").find()] == [hidden["_id"]]


async def test_a_version_holds_for_what_is_in_reach(engine: Engine) -> None:
    desk = await opened(engine)
    mine = await desk.one("posts", {"title": "t", "team": "red"})
    caller = user(desk)
    with pytest.raises(VersionMismatch):
        await caller.delete("posts", mine["_id"], if_version=2)
    with pytest.raises(VersionMismatch, match="at version 1, not 2"):
        await caller.update("posts", mine["_id"], {"title": "u"}, if_version=2)
    assert len(await caller.delete("posts", mine["_id"], if_version=1)) == 1


async def test_who_may_not_read_is_not_told_the_version(engine: Engine) -> None:
    desk = await opened(engine)
    mine = await desk.one("posts", {"title": "t"})
    writer = key(desk, "/posts/**", methods=frozenset(("PATCH",)))
    for text in ("t", "u"):
        with pytest.raises(VersionMismatch, match="The document is not at version 9"):
            await writer.update("posts", mine["_id"], {"title": text}, if_version=9)
    assert await writer.update("posts", mine["_id"], {"title": "u"}) == {"_id": mine["_id"]}


OUT: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = [
    ({"team": "blue"}, {}),
    ({"team": None, "title": "b"}, {}),
    ({"$set": {"team": "blue"}}, {}),
    ({"$unset": {"team": 1}}, {}),
    ({"$rename": {"team": "group"}}, {}),
    ({"$min": {"team": "blue"}}, {}),
    ({"title": "b"}, {"replace": True}),
]


@pytest.mark.parametrize(("body", "options"), OUT, ids=str)
async def test_no_change_takes_a_document_out_of_reach(
    engine: Engine, body: Mapping[str, Any], options: Mapping[str, Any]
) -> None:
    desk = await opened(engine)
    mine = await desk.one("posts", {"title": "t", "team": "red", "size": 1})
    before = await desk.stored("posts").find_one()
    with pytest.raises(Forbidden, match="may not store such a document"):
        await user(desk).update("posts", mine["_id"], body, **options)
    assert await desk.stored("posts").find_one() == before
    assert len(desk.changes) == 1


async def test_a_guard_by_a_formula_holds_after_a_change_of_what_it_reads(engine: Engine) -> None:
    desk = await opened(engine, rules=[{"role": "*", "filter": {"double": {"$lt": 10}}}])
    mine = await desk.one("posts", {"title": "t", "size": 1})
    caller = user(desk)
    assert (await caller.update("posts", mine["_id"], {"$inc": {"size": 3}}))["double"] == 8
    with pytest.raises(Forbidden):
        await caller.update("posts", mine["_id"], {"$inc": {"size": 3}})


@pytest.mark.parametrize("field", ["_changedby", "_version", "_keywords"])
async def test_a_guard_by_what_every_write_sets(engine: Engine, field: str) -> None:
    wanted = {"_changedby": "api", "_version": 1, "_keywords": "t"}[field]
    desk = await opened(engine, rules=[{"role": "*", "filter": {field: wanted}}])
    mine = await desk.one("posts", {"title": "t"})
    with pytest.raises(Forbidden):
        await user(desk).update("posts", mine["_id"], {"title": "u"})


async def test_a_guard_through_a_relation(engine: Engine) -> None:
    desk = await opened(engine, rules=[{"role": "*", "filter": {"boss": {"name": "Ann"}}}])
    ann, bob = await desk.create("people", {"name": "Ann"}, {"name": "Bob"})
    caller = user(desk)
    post = await caller.one("posts", {"title": "t", "boss": str(ann["_id"])})
    with pytest.raises(Forbidden):
        await caller.one("posts", {"title": "t", "boss": str(bob["_id"])})
    with pytest.raises(Forbidden):
        await caller.update("posts", post["_id"], {"boss": str(bob["_id"])})
    assert (await caller.update("posts", post["_id"], {"title": "u"}))["title"] == "u"
    await desk.update("people", ann["_id"], {"name": "Anna"})
    with pytest.raises(NotFound):
        await caller.update("posts", post["_id"], {"title": "v"})
    assert await caller.delete("posts", post["_id"]) == []


async def test_private_data(engine: Engine) -> None:
    desk = await opened(engine, private=True)
    mine, theirs = user(desk, email="a@b.c"), user(desk, email="d@e.f")
    post = await mine.one("posts", {"title": "t"})
    for write in (
        theirs.update("posts", post["_id"], {"title": "u"}),
        theirs.update("posts", post["_id"], {"title": "u", "_createdby": "d@e.f"}),
    ):
        assert (await refusal_of(write))[0] == "NOT_FOUND"
    assert await theirs.delete("posts", post["_id"]) == []
    changed = await mine.update("posts", post["_id"], {"title": "u", "_createdby": "d@e.f"})
    assert (changed["_createdby"], changed["_changedby"]) == ("a@b.c", "a@b.c")
    assert (await user(desk, "admin").update("posts", post["_id"], {"size": 1}))["size"] == 1


async def test_nobody_slips_in_between_the_check_and_the_write(engine: Engine) -> None:
    """The team moves to and fro all the time; no change by the caller ever counts for another."""
    desk = await opened(engine)
    post = await desk.one("posts", {"title": "t", "team": "red", "size": 0})
    caller = user(desk)
    seen: list[Any] = []

    async def others() -> None:
        for team in ("blue", "red") * 40:
            await desk.update("posts", post["_id"], {"team": team})
            seen.append(await desk.stored("posts").find_one())

    async def mine() -> None:
        for _ in range(60):
            try:
                await caller.update("posts", post["_id"], {"tags": "x", "team": "red"})
            except NotFound:
                continue

    await asyncio.gather(others(), mine())
    blue = [each for each in seen if each["team"] == "blue"]
    assert len(blue) > 10
    assert all(each["_changedby"] == "api" for each in blue)


async def test_writes_that_a_guard_decides_on_need_a_database() -> None:
    desk = await opened(memory_engine("test"))
    mine = await desk.one("posts", {"title": "t", "team": "red"})
    hidden = await desk.one("posts", {"title": "t", "team": "blue"})
    caller: Caller = user(desk)
    with pytest.raises(NotAvailable):
        await caller.one("posts", {"title": "t", "team": "red"})
    with pytest.raises(NotAvailable):
        await caller.update("posts", mine["_id"], {"team": "blue"})
    assert (await caller.update("posts", mine["_id"], {"title": "u"}))["title"] == "u"
    with pytest.raises(NotFound):
        await caller.update("posts", hidden["_id"], {"title": "u"})
    assert await caller.delete("posts", hidden["_id"]) == []
    assert len(await caller.delete("posts", mine["_id"])) == 1
