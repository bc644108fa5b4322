"""Indexes and validators that follow the metadata."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError, WriteError

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import BadMetadata
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.schema.admin import SchemaAdmin
from duetdb.app.service.schema.catalog import Catalog
from duetdb.schema_gen.build import build_schema
from duetdb.schema_gen.fields.registry import FIELD_TYPES
from duetdb.schema_gen.indexes import PREFIX, Index, indexes
from duetdb.schema_gen.validator import json_schema

CODE = {"name": "code", "type": "text", "searchable": False}
UNIQUE = {**CODE, "unique": True}


@pytest.fixture
async def catalog(engine: Engine) -> AsyncIterator[Catalog]:
    living = Catalog(engine)
    await living.start()
    yield living
    await living.stop()


@pytest.fixture
def admin(engine: Engine, catalog: Catalog) -> SchemaAdmin:
    return SchemaAdmin(engine, catalog, Limits())


async def put(admin: SchemaAdmin, *fields: dict[str, Any]) -> None:
    await admin.put("posts", {"fields": list(fields)}, FULL_ACCESS)


async def managed(engine: Engine) -> dict[str, Any]:
    """The managed indexes of ``posts``: their keys by the path that they are about."""
    found = await engine.database["posts"].index_information()
    return {each["key"][0][0]: each for name, each in found.items() if name.startswith(PREFIX)}


def of(*fields: dict[str, Any], **others: list[dict[str, Any]]) -> tuple[Index, ...]:
    definitions = {name: {"name": name, "fields": each} for name, each in others.items()}
    definitions["posts"] = {"name": "posts", "fields": list(fields)}
    return indexes(build_schema(definitions, version=1).collections["posts"])


def test_what_metadata_asks_for() -> None:
    found = of(
        UNIQUE,
        {"name": "n", "type": "number", "unique": True},
        {"name": "at", "type": "geo", "indexed": True},
        {"name": "o", "type": "object", "fields": [{**CODE, "indexed": True}]},
        {"name": "writer", "type": "users", "relation": "many"},
        {"name": "title", "type": "text"},
    )
    assert [(each.kind, each.keys, each.unique, each.partial) for each in found] == [
        ("unique", (("code", 1),), True, {"code": {"$gt": ""}}),
        ("unique", (("n", 1),), True, {"n": {"$gte": float("-inf")}}),
        ("geo", (("at", "2dsphere"),), False, None),
        ("field", (("o.code", 1), ("_id", 1)), False, None),
        ("field", (("writer", 1), ("_id", 1)), False, None),
        ("words", (("_keywords", 1), ("_id", 1)), False, None),
    ]
    assert len({each.name for each in found}) == len(found)


def test_children_are_found_by_their_parent() -> None:
    child = {"name": "posts", "type": "posts", "relation": "child"}
    assert [each.keys for each in of(CODE, blogs=[child])] == [(("_parent_id", 1), ("_id", 1))]


def test_a_renamed_field_keeps_its_former_index_too() -> None:
    old = of({**CODE, "indexed": True})
    new = of({**CODE, "name": "key", "indexed": True, "renamedFrom": "code"})
    assert set(old) < set(new)


async def test_indexes_come_and_go_with_the_metadata(admin: SchemaAdmin, engine: Engine) -> None:
    await engine.database["posts"].create_index("mine", name="mine")
    await put(admin, {**CODE, "indexed": True}, {"name": "title", "type": "text"})
    assert (await managed(engine)).keys() == {"code", "_keywords"}
    await put(admin, CODE)
    assert (await managed(engine)).keys() == set()
    assert "mine" in await engine.database["posts"].index_information()


async def test_an_index_of_somebody_else_that_serves_is_enough(
    admin: SchemaAdmin, engine: Engine
) -> None:
    await engine.database["posts"].create_index([("code", 1), ("_id", 1)], name="theirs")
    await put(admin, {**CODE, "indexed": True})
    assert (await managed(engine)).keys() == set()


async def test_unique_holds_for_values_and_not_for_null_and_empty(
    admin: SchemaAdmin, engine: Engine
) -> None:
    await put(admin, UNIQUE)
    posts = engine.database["posts"]
    await posts.insert_many([{"code": None}, {"code": None}, {"code": ""}, {"code": ""}, {}, {}])
    await posts.insert_one({"code": "a"})
    with pytest.raises(DuplicateKeyError):
        await posts.insert_one({"code": "a"})


@pytest.mark.parametrize(
    ("kind", "value"), [("text", "a"), ("number", 5), ("email", "a@b.de"), ("float_number", 0.5)]
)
async def test_a_unique_index_serves_reads(
    admin: SchemaAdmin, engine: Engine, kind: str, value: Any
) -> None:
    await put(admin, {"name": "code", "type": kind, "unique": True})
    plan = await engine.database["posts"].find({"code": value}).explain()
    assert "IXSCAN" in repr(plan["queryPlanner"]["winningPlan"])


async def test_unique_on_values_that_are_shared_changes_nothing(
    admin: SchemaAdmin, catalog: Catalog, engine: Engine
) -> None:
    await put(admin, CODE)
    shared = [{"code": f"c{i}"} for i in range(7) for _ in range(2)]
    await engine.database["posts"].insert_many([*shared, {"code": ""}, {"code": ""}])
    before = await engine.database["_collections"].find_one({"_id": "posts"})
    number = {"name": "n", "type": "number", "unique": True}
    with pytest.raises(BadMetadata) as error:
        await put(admin, number, UNIQUE)
    (problem,) = error.value.problems
    assert problem.path == "fields[1].unique"
    assert '"c' in problem.message and "(2 documents)" in problem.message
    assert problem.message.count("documents)") == 5 and "and more" in problem.message
    assert (await managed(engine)).keys() == set()
    assert await engine.database["_collections"].find_one({"_id": "posts"}) == before
    assert not catalog.collection("posts").fields[0].unique


async def test_unique_in_objects(admin: SchemaAdmin, engine: Engine) -> None:
    await engine.database["posts"].insert_many([{"o": {"code": "x"}}, {"o": {"code": "x"}}])
    nested = {"name": "o", "type": "object", "fields": [UNIQUE]}
    with pytest.raises(BadMetadata) as error:
        await put(admin, CODE, nested)
    assert [each.path for each in error.value.problems] == ["fields[1].fields[0].unique"]


async def test_put_all_names_the_collection_of_shared_values(
    admin: SchemaAdmin, engine: Engine
) -> None:
    await engine.database["posts"].insert_many([{"code": "x"}, {"code": "x"}])
    collections = [{"name": "a", "fields": [UNIQUE]}, {"name": "posts", "fields": [UNIQUE]}]
    with pytest.raises(BadMetadata) as error:
        await admin.put_all({"collections": collections}, FULL_ACCESS)
    assert [each.path for each in error.value.problems] == ["collections[1].fields[0].unique"]
    left = await engine.database["a"].index_information()
    assert not [name for name in left if name.startswith(PREFIX)], "the other's index is undone"


async def test_a_view_cannot_be_unique(admin: SchemaAdmin, engine: Engine) -> None:
    await engine.database.create_collection("posts", viewOn="others", pipeline=[])
    await put(admin, CODE)
    with pytest.raises(BadMetadata, match="view"):
        await put(admin, UNIQUE)


async def test_an_index_that_mongodb_refuses_is_told(admin: SchemaAdmin, engine: Engine) -> None:
    await engine.database["posts"].insert_one({"at": "nowhere"})
    await put(admin, {"name": "at", "type": "geo", "indexed": True})
    assert "at" in (await admin.describe("posts", FULL_ACCESS))["problems"][0]


async def test_the_validator_checks_types_and_admits_null(
    admin: SchemaAdmin, engine: Engine
) -> None:
    inner = [{"name": "zip", "type": "text"}]
    await put(
        admin,
        CODE,
        {"name": "n", "type": "number", "required": True},
        {"name": "tags", "type": "text", "multiple": True},
        {"name": "o", "type": "object", "fields": inner},
    )
    posts = engine.database["posts"]
    await posts.insert_many(
        [
            {},
            {"code": None, "n": None, "tags": None, "o": None, "other": 7},
            {"code": "x", "n": 2**40, "tags": ["a", None], "o": {"zip": "1", "more": 2}},
        ]
    )
    for wrong in ({"code": 1}, {"n": "x"}, {"tags": [1]}, {"tags": "a"}, {"o": {"zip": 1}}):
        with pytest.raises(WriteError):
            await posts.insert_one(wrong)
    with pytest.raises(WriteError):
        await posts.update_one({"code": "x"}, {"$set": {"n": "x"}})


async def test_the_validator_follows_every_change(admin: SchemaAdmin, engine: Engine) -> None:
    posts = engine.database["posts"]
    await put(admin, {"name": "n", "type": "number"})
    await put(admin, {"name": "n", "type": "text"})
    await posts.insert_one({"n": "text now"})
    await put(admin)
    await posts.insert_one({"n": True})
    await admin.delete("posts", FULL_ACCESS)
    (options,) = await (await engine.database.list_collections(filter={"name": "posts"})).to_list()
    assert not options["options"].get("validator")


async def test_documents_that_never_fitted_stay_changeable(
    admin: SchemaAdmin, engine: Engine
) -> None:
    posts = engine.database["posts"]
    await posts.insert_one({"_id": 1, "n": "dirty"})
    await put(admin, {"name": "n", "type": "number"})
    await posts.update_one({"_id": 1}, {"$set": {"other": 1}})
    assert await posts.find_one({"_id": 1}) == {"_id": 1, "n": "dirty", "other": 1}


async def test_a_validator_of_somebody_else_is_left_alone(
    admin: SchemaAdmin, engine: Engine
) -> None:
    theirs = {"$jsonSchema": {"required": ["n"]}}
    await engine.database.create_collection("posts", validator=theirs)
    await put(admin, CODE)
    await admin.delete("posts", FULL_ACCESS)
    (options,) = await (await engine.database.list_collections(filter={"name": "posts"})).to_list()
    assert options["options"]["validator"] == theirs


def test_the_validator_is_no_stricter_than_the_service() -> None:
    definition = {"name": "posts", "fields": [UNIQUE]}
    schema = json_schema(build_schema({"posts": definition}, version=1).collections["posts"])
    assert schema == {
        "title": "DuetDB",
        "bsonType": "object",
        "properties": {"code": {"bsonType": ["string", "null"]}},
    }


async def test_every_field_type_makes_a_validator_that_mongodb_takes(
    admin: SchemaAdmin, engine: Engine
) -> None:
    extra: dict[str, dict[str, Any]] = {"option": {"options": ["a"]}, "object": {"fields": [CODE]}}
    fields = [{"name": f"f_{name}", "type": name, **extra.get(name, {})} for name in FIELD_TYPES]
    await put(admin, *fields, {"name": "writer", "type": "users", "relation": "many"})
    (found,) = await (await engine.database.list_collections(filter={"name": "posts"})).to_list()
    assert len(found["options"]["validator"]["$jsonSchema"]["properties"]) >= len(fields) - 2
