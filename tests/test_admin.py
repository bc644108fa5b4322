"""Schema administration: checked whole, applied whole, current everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from bson import ObjectId

from duetdb.app.mongo.memory import memory_engine
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import (
    BadMetadata,
    Conflict,
    Forbidden,
    NotAvailable,
    NotFound,
    Unauthenticated,
)
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import ANONYMOUS, FULL_ACCESS, Principal
from duetdb.app.service.schema import admin as administration
from duetdb.app.service.schema.admin import SchemaAdmin
from duetdb.app.service.schema.catalog import Catalog
from duetdb.app.service.schema.index_sync import IndexSync

TITLE = {"name": "title", "type": "text"}


@asynccontextmanager
async def administered(engine: Engine) -> AsyncIterator[tuple[SchemaAdmin, Catalog]]:
    catalog = Catalog(engine)
    await catalog.start()
    try:
        yield SchemaAdmin(engine, catalog, Limits()), catalog
    finally:
        await catalog.stop()


@pytest.fixture
async def living(engine: Engine) -> AsyncIterator[tuple[SchemaAdmin, Catalog]]:
    async with administered(engine) as pair:
        yield pair


@pytest.fixture
def admin(living: tuple[SchemaAdmin, Catalog]) -> SchemaAdmin:
    return living[0]


@pytest.fixture
def catalog(living: tuple[SchemaAdmin, Catalog]) -> Catalog:
    return living[1]


async def put(admin: SchemaAdmin, name: str, *fields: dict[str, Any]) -> administration.Applied:
    return await admin.put(name, {"fields": list(fields)}, FULL_ACCESS)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(100):
        if await condition():
            return
        await asyncio.sleep(0.05)
    pytest.fail("not within five seconds")


def paths(error: pytest.ExceptionInfo[BadMetadata]) -> list[str]:
    return [problem.path for problem in error.value.problems]


async def test_put_creates_then_changes_then_does_nothing(
    admin: SchemaAdmin, catalog: Catalog
) -> None:
    first = await put(admin, "blog-posts", TITLE)
    assert first.created and first.pending is None
    assert first.definition["graphqlName"] == "BlogPosts"
    changed = await put(admin, "blog-posts", TITLE, {"name": "n", "type": "number"})
    assert not changed.created and catalog.schema.version == 2
    again = await admin.put("blog-posts", changed.definition, FULL_ACCESS)
    assert again.definition == changed.definition and catalog.schema.version == 2


async def test_the_collection_is_there_with_its_definition(
    admin: SchemaAdmin, engine: Engine
) -> None:
    await put(admin, "posts", TITLE)
    assert "posts" in await engine.database.list_collection_names()
    stored = await engine.database["_collections"].find_one({"_id": "posts"})
    assert stored is not None and stored["fields"] == [TITLE] and stored["graphqlName"] == "Posts"


async def test_every_mistake_is_reported_and_nothing_is_stored(
    admin: SchemaAdmin, engine: Engine
) -> None:
    fields = [{"name": "a", "type": "txt"}, {"name": "b", "type": "nowhere", "relation": "one"}]
    with pytest.raises(BadMetadata) as error:
        await put(admin, "posts", *fields)
    assert len(error.value.problems) == 2
    assert "'text'" in error.value.problems[0].message
    assert await engine.database["_collections"].count_documents({}) == 0
    assert "posts" not in await engine.database.list_collection_names()


@pytest.mark.parametrize("name", ["", "_keys", "system.users", "a$b", "a\x00b", "x" * 300])
async def test_names_that_cannot_be(admin: SchemaAdmin, name: str) -> None:
    with pytest.raises(BadMetadata) as error:
        await put(admin, name, TITLE)
    assert "name" in paths(error)


@pytest.mark.parametrize("body", [None, 7, [], "x", {"fields": 3}, {"name": 1}, {"nam": 1}])
async def test_bodies_that_are_no_metadata(admin: SchemaAdmin, body: Any) -> None:
    with pytest.raises(BadMetadata):
        await admin.put("posts", body, FULL_ACCESS)
    with pytest.raises(BadMetadata):
        await admin.put_all({"collections": [body]}, FULL_ACCESS)


@pytest.mark.parametrize(
    ("principal", "error"), [(ANONYMOUS, Unauthenticated), (Principal(name="x"), Forbidden)]
)
async def test_only_the_full_key_administers(
    admin: SchemaAdmin, principal: Principal, error: type[Exception]
) -> None:
    for call in (
        admin.describe_all(principal),
        admin.describe("users", principal),
        admin.put("posts", {}, principal),
        admin.put_all({"collections": []}, principal),
        admin.delete("posts", principal),
        admin.infer("posts", principal),
        admin.infer_all(principal),
        admin.progress("x", principal),
    ):
        with pytest.raises(error):
            await call


async def test_graphql_names_stay_whatever_comes_later(admin: SchemaAdmin) -> None:
    await put(admin, "a-b", {"name": "x y", "type": "text"})
    await put(admin, "aB", TITLE)
    fields = [{"name": name, "type": "text"} for name in ("x y", "x_y")]
    later = await put(admin, "a-b", *fields)
    assert later.definition["graphqlName"] == "AB"
    assert later.definition["fields"][0]["graphqlName"] == "x_y"
    assert later.definition["fields"][1]["graphqlName"] != "x_y"


async def test_what_get_returns_may_be_put_back(admin: SchemaAdmin, catalog: Catalog) -> None:
    await put(admin, "posts", TITLE, {"name": "writer", "type": "users", "relation": "one"})
    everything = await admin.describe_all(FULL_ACCESS)
    applied = await admin.put_all(everything, FULL_ACCESS)
    assert applied.definition == everything and not applied.created
    assert catalog.schema.version == 1


async def test_put_all_resolves_relations_among_the_new(admin: SchemaAdmin) -> None:
    author = {"name": "author", "type": "authors", "relation": "one"}
    posts = {"name": "posts", "relation": "child", "type": "posts"}
    body = {
        "collections": [
            {"name": "posts", "fields": [author]},
            {"name": "authors", "fields": [posts]},
        ]
    }
    applied = await admin.put_all(body, FULL_ACCESS)
    assert applied.created
    names = {each["name"] for each in applied.definition["collections"]}
    assert {"posts", "authors", "users"} <= names


async def test_put_all_is_all_or_nothing(admin: SchemaAdmin, engine: Engine) -> None:
    collections = [
        {"name": "good", "fields": [TITLE]},
        {"name": "bad", "fields": [TITLE, {"name": "x", "type": "nothing"}]},
        {"name": "good"},
        7,
    ]
    with pytest.raises(BadMetadata) as error:
        await admin.put_all({"collections": collections}, FULL_ACCESS)
    expected = {"collections[1].fields[1].type", "collections[2].name", "collections[3].name"}
    assert set(paths(error)) == expected
    assert await engine.database["_collections"].count_documents({}) == 0


async def test_put_all_leaves_what_it_does_not_mention(admin: SchemaAdmin) -> None:
    await put(admin, "posts", TITLE)
    await admin.put_all({"collections": [{"name": "other"}]}, FULL_ACCESS)
    assert (await admin.describe("posts", FULL_ACCESS))["fields"] == [TITLE]


async def test_delete_keeps_documents_unless_told(admin: SchemaAdmin, engine: Engine) -> None:
    for drop, left in ((False, 1), (True, 0)):
        await put(admin, "posts", TITLE)
        await engine.database["posts"].delete_many({})
        await engine.database["posts"].insert_one({"title": "x"})
        await admin.delete("posts", FULL_ACCESS, drop=drop)
        with pytest.raises(NotFound):
            await admin.describe("posts", FULL_ACCESS)
        assert await engine.database["posts"].count_documents({}) == left


async def test_delete_of_the_unknown_and_the_built_in(admin: SchemaAdmin) -> None:
    for name in ("nothing", "users"):
        with pytest.raises(NotFound):
            await admin.delete(name, FULL_ACCESS)


async def test_delete_of_a_relation_target_is_refused(admin: SchemaAdmin) -> None:
    await put(admin, "authors", TITLE)
    await put(admin, "posts", {"name": "author", "type": "authors", "relation": "one"})
    with pytest.raises(Conflict, match="posts"):
        await admin.delete("authors", FULL_ACCESS)
    assert await admin.describe("authors", FULL_ACCESS)


async def test_system_metadata_can_be_extended_and_reset(admin: SchemaAdmin) -> None:
    before = await admin.describe("users", FULL_ACCESS)
    body = {**before, "fields": [*before["fields"], {"name": "shoe", "type": "number"}]}
    applied = await admin.put("users", body, FULL_ACCESS)
    assert applied.definition["system"] and len(applied.definition["fields"]) == len(body["fields"])
    await admin.delete("users", FULL_ACCESS)
    assert await admin.describe("users", FULL_ACCESS) == before


async def test_a_quarantined_collection_says_why_and_can_be_repaired(
    admin: SchemaAdmin, catalog: Catalog, engine: Engine
) -> None:
    await engine.database["_collections"].insert_one(
        {"_id": "posts", "fields": [{"name": "x", "type": "txt"}]}
    )
    await catalog.refresh()
    shown = await admin.describe("posts", FULL_ACCESS)
    assert "'text'" in shown["problems"][0]
    shown["fields"][0]["type"] = "text"
    applied = await admin.put("posts", shown, FULL_ACCESS)
    assert "problems" not in applied.definition


async def test_concurrent_changes_from_two_processes_all_arrive(engine: Engine) -> None:
    async with administered(engine) as (one, catalog), administered(engine) as (two, _):
        await asyncio.gather(
            *(put(one, f"a{i}", TITLE) for i in range(8)),
            *(put(two, f"b{i}", TITLE) for i in range(8)),
        )
        await catalog.refresh()
        assert sum(not each.system for each in catalog.schema.collections.values()) == 16


async def test_a_long_change_goes_on_and_can_be_asked_for(
    admin: SchemaAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = IndexSync.build_unique

    async def slowly(self: IndexSync, collection: Any) -> Any:
        await asyncio.sleep(0.2)
        return await build(self, collection)

    monkeypatch.setattr(IndexSync, "build_unique", slowly)
    monkeypatch.setattr(administration, "_PATIENCE_SECONDS", 0.05)
    applied = await put(admin, "posts", TITLE)
    assert applied.pending is not None
    told = await admin.progress(applied.pending, FULL_ACCESS)
    assert told["state"] == "building" and told["collections"] == ["posts"]
    change = applied.pending

    async def is_applied() -> bool:
        return bool((await admin.progress(change, FULL_ACCESS))["state"] == "applied")

    await until(is_applied)
    assert (await admin.describe("posts", FULL_ACCESS))["fields"] == [TITLE]
    with pytest.raises(NotFound):
        await admin.progress("unknown", FULL_ACCESS)


async def test_renamed_fields_move_with_their_data(
    admin: SchemaAdmin, catalog: Catalog, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duetdb.app.service.schema.renames._GRACE_SECONDS", 0.2)
    inner = [{"name": "zip", "type": "text"}]
    await put(
        admin,
        "posts",
        TITLE,
        {"name": "at", "type": "object", "fields": inner},
        {"name": "many", "type": "object", "multiple": True, "fields": inner},
    )
    posts = engine.database["posts"]
    await posts.insert_many([{"title": f"t{i}"} for i in range(2500)])
    await posts.insert_many(
        [
            {"_id": 1, "title": "old", "headline": "new"},
            {"_id": 2, "at": {"zip": 1, "x": 2}, "many": [{"zip": 3}, 4, {"code": 5, "zip": 6}]},
            {"_id": 3, "at": "no object", "many": {"zip": 7}},
        ],
        bypass_document_validation=True,
    )
    moved = [{"name": "code", "type": "text", "renamedFrom": "zip"}]
    applied = await put(
        admin,
        "posts",
        {"name": "headline", "type": "text", "renamedFrom": "title"},
        {"name": "at", "type": "object", "fields": moved},
        {"name": "many", "type": "object", "multiple": True, "fields": moved},
    )
    assert applied.definition["fields"][0]["renamedFrom"] == "title"

    async def has_moved() -> bool:
        return "renamedFrom" not in str(await admin.describe("posts", FULL_ACCESS))

    await until(has_moved)
    assert await posts.count_documents({"title": {"$exists": True}}) == 0
    assert await posts.count_documents({"headline": {"$exists": True}}) == 2501
    assert await posts.find_one({"_id": 1}) == {"_id": 1, "headline": "new"}
    assert await posts.find_one({"_id": 2}) == {
        "_id": 2,
        "at": {"code": 1, "x": 2},
        "many": [{"code": 3}, 4, {"code": 5}],
    }
    assert await posts.find_one({"_id": 3}) == {
        "_id": 3,
        "at": "no object",
        "many": {"code": 7},
    }


async def test_a_field_renamed_twice_in_a_row_keeps_its_data(
    admin: SchemaAdmin, engine: Engine
) -> None:
    names = ["title", "a", "b", "c"]
    await put(admin, "posts", TITLE)
    await engine.database["posts"].insert_one({"title": "kept"})
    for old, new in pairwise(names):
        await put(admin, "posts", {"name": new, "type": "text", "renamedFrom": old})

    async def has_arrived() -> bool:
        return bool(await engine.database["posts"].count_documents({"c": "kept"}))

    await until(has_arrived)


async def test_infer_proposes_and_applies(admin: SchemaAdmin, engine: Engine) -> None:
    author = ObjectId()
    await engine.database["authors"].insert_one({"_id": author, "name": "Ada"})
    await engine.database["posts"].insert_many(
        [{"title": f"t{i}", "views": i, "author": author} for i in range(30)]
    )
    proposal = await admin.infer("posts", FULL_ACCESS)
    types = {each["name"]: each["type"] for each in proposal["fields"]}
    assert types["views"] == "number" and isinstance(proposal["unsure"], list)
    with pytest.raises(NotFound):
        await admin.describe("posts", FULL_ACCESS)
    everything = await admin.infer_all(FULL_ACCESS, apply=True)
    assert {each["name"] for each in everything["collections"]} >= {"authors", "posts"}
    fields = (await admin.describe("posts", FULL_ACCESS))["fields"]
    relation = next(each for each in fields if each["name"] == "author")
    assert relation["type"] == "authors" and relation["relation"] == "one"
    with pytest.raises(NotFound, match="Did you mean 'posts'"):
        await admin.infer("postss", FULL_ACCESS)


async def test_infer_adds_to_what_is_declared(admin: SchemaAdmin, engine: Engine) -> None:
    title = {"name": "title", "type": "text", "description": "Its name."}
    await put(admin, "posts", title)
    await engine.database["posts"].insert_one({"title": "x", "views": 3})
    proposal = await admin.infer("posts", FULL_ACCESS, apply=True)
    assert proposal["fields"] == [title, {"name": "views", "type": "number", "required": True}]


async def test_memory_mode_follows_its_own_changes() -> None:
    engine = memory_engine("test")
    async with administered(engine) as (admin, catalog):
        await put(admin, "posts", {"name": "code", "type": "text"})
        await engine.database["posts"].insert_many([{"code": "x"}, {"code": "x"}, {"code": ""}])
        with pytest.raises(BadMetadata, match='"x" \\(2 documents\\)'):
            await put(admin, "posts", {"name": "code", "type": "text", "unique": True})
        await put(admin, "posts", {"name": "key", "type": "text", "renamedFrom": "code"})
        assert catalog.collection("posts").fields[0].name == "key"
        nested = {"name": "at", "type": "object", "fields": [{**TITLE, "renamedFrom": "x"}]}
        with pytest.raises(NotAvailable):
            await put(admin, "posts", nested)
        await admin.delete("posts", FULL_ACCESS, drop=True)
        with pytest.raises(NotFound):
            catalog.collection("posts")
