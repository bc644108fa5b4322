"""What validation says of a write is what its caller may know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Forbidden, Invalid, ValidationFailed
from tests.access.limited import key, user
from tests.writing import Desk, open_desk

TITLE = {"name": "title", "type": "text", "required": True, "searchable": False}
SIZE = {"name": "size", "type": "number"}
NOT_STORED = "This caller may not store such a document."


async def listed(write: Any) -> dict[str, str]:
    """Code by field of a validation error."""
    with pytest.raises(ValidationFailed) as failed:
        await write
    return {each.field: each.code for each in failed.value.invalid}


async def is_refused(write: Any) -> None:
    with pytest.raises(Forbidden) as refused:
        await write
    assert refused.value.message == NOT_STORED
    assert "secret" not in str(refused.value.hint)


async def test_a_required_field_that_others_write(engine: Engine) -> None:
    """The caller's own mistakes come first; then it may not, whatever it sends."""
    secret = {"name": "secret", "type": "text", "required": True, "hidden": True}
    desk = await open_desk(engine, posts=[TITLE, SIZE, secret])
    assert await listed(user(desk).one("posts", {"size": "x"})) == {
        "title": "REQUIRED",
        "size": "TYPE",
    }
    await is_refused(user(desk).one("posts", {"title": "t"}))
    assert await desk.stored("posts").count_documents({}) == 0
    key_with_list = key(desk, "/posts/**", readable=("title", "secret"), writable=("title",))
    await is_refused(key_with_list.one("posts", {"title": "t"}))


async def test_a_required_field_with_a_default_is_given_by_the_server(engine: Engine) -> None:
    secret = {"name": "secret", "type": "text", "required": True, "hidden": True, "default": "d"}
    number = {"name": "number", "type": "number", "autoIncrement": True, "hidden": True}
    desk = await open_desk(engine, posts=[TITLE, secret, number])
    answer = await user(desk).one("posts", {"title": "t"})
    assert answer.keys().isdisjoint({"secret", "number"})
    found = await desk.stored("posts").find_one()
    assert (found["secret"], found["number"]) == ("d", 1)


@pytest.mark.parametrize("options", [{}, {"replace": True}])
@pytest.mark.parametrize("stored", [{}, {"secret": ""}, {"secret": "x"}])
async def test_what_was_missing_before_is_not_the_callers_fault(
    engine: Engine, options: Mapping[str, Any], stored: Mapping[str, Any]
) -> None:
    secret = {"name": "secret", "type": "text", "required": True, "hidden": True, "default": "d"}
    desk = await open_desk(engine, posts=[TITLE, secret])
    id_ = (await desk.stored("posts").insert_one({"title": "t", **stored})).inserted_id
    answer = await user(desk).update("posts", id_, {"title": "u"}, **options)
    assert answer["title"] == "u"
    found = await desk.stored("posts").find_one()
    assert {name: found[name] for name in found if name == "secret"} == stored
    assert await listed(user(desk).update("posts", id_, {"title": ""}, **options)) == {
        "title": "REQUIRED"
    }


@pytest.mark.parametrize("stored", [{}, {"pin": None}, {"pin": 5}])
async def test_whether_an_unreadable_field_is_empty(
    engine: Engine, stored: Mapping[str, Any]
) -> None:
    pin = {"name": "pin", "type": "number", "required": True}
    desk = await open_desk(engine, posts=[TITLE, pin])
    id_ = (await desk.stored("posts").insert_one({"title": "t", **stored})).inserted_id
    caller = key(desk, "/posts/**", readable=("title",), writable=("title", "pin"))
    assert "pin" not in await caller.update("posts", id_, {"title": "u"})
    assert await listed(caller.update("posts", id_, {"pin": None})) == {"pin": "REQUIRED"}
    assert (await caller.update("posts", id_, {"pin": 6}))["_version"] == 2


ADDRESS = {
    "name": "address",
    "type": "object",
    "fields": [
        {"name": "city", "type": "text", "required": True},
        {"name": "secret", "type": "text", "required": True, "hidden": True},
    ],
}


async def test_a_required_part_of_an_object(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[TITLE, ADDRESS])
    caller = user(desk)
    await is_refused(caller.one("posts", {"title": "t", "address": {"city": "Graz"}}))
    without = await caller.one("posts", {"title": "t"})
    await is_refused(caller.update("posts", without["_id"], {"address": {"city": "Graz"}}))
    full = await desk.one("posts", {"title": "t", "address": {"city": "Graz", "secret": "s"}})
    assert (await caller.update("posts", full["_id"], {"address": {"city": "Linz"}}))[
        "address"
    ] == {"city": "Linz"}
    assert await listed(caller.update("posts", full["_id"], {"address": {}})) == {
        "address.city": "REQUIRED"
    }
    found = await desk.stored("posts").find_one({"_id": full["_id"]})
    assert found["address"] == {"city": "Linz", "secret": "s"}


async def test_defaults_inside_of_objects(engine: Engine) -> None:
    """They are for new objects; those that are there keep what they lack."""
    secret = {"name": "secret", "type": "text", "hidden": True, "default": "d"}
    city = {"name": "city", "type": "text"}
    address = {"name": "address", "type": "object", "fields": [city, secret]}
    desk = await open_desk(engine, posts=[address])
    new = (await user(desk).one("posts", {"address": {"city": "Graz"}}))["_id"]
    old = (await desk.stored("posts").insert_one({"address": {"city": "Graz"}})).inserted_id
    none = (await desk.stored("posts").insert_one({})).inserted_id
    for id_, expected in ((new, {"secret": "d"}), (old, {}), (none, {"secret": "d"})):
        await user(desk).update("posts", id_, {"address": {"city": "Linz"}})
        found = await desk.stored("posts").find_one({"_id": id_})
        assert found["address"] == {"city": "Linz", **expected}


UNIQUE = {"type": "text", "unique": True, "searchable": False}


async def test_unique_values_that_others_write(engine: Engine) -> None:
    """A clash on a field that the caller may write is told; on any other it may just not."""
    secret = {"name": "secret", "hidden": True, "default": "d", **UNIQUE}
    desk = await open_desk(engine, posts=[TITLE, {"name": "name", **UNIQUE}, secret])
    caller = user(desk)
    await caller.one("posts", {"title": "t", "name": "n"})
    await is_refused(caller.one("posts", {"title": "t", "name": "other"}))
    await is_refused(caller.create("posts", {"title": "t"}, {"title": "u"}))
    assert await listed(caller.one("posts", {"title": "t", "name": "n"})) == {"name": "UNIQUE"}
    assert await listed(caller.one("posts", {"name": "n"})) == {
        "title": "REQUIRED",
        "name": "UNIQUE",
    }
    assert await desk.stored("posts").count_documents({}) == 1


async def test_unique_formulas_over_hidden_fields(engine: Engine) -> None:
    secret = {"name": "secret", "type": "number", "hidden": True}
    slug = {"name": "slug", "formula": "{{title}}+{{secret}}", **UNIQUE}
    desk = await open_desk(engine, posts=[TITLE, secret, slug])
    await desk.create("posts", {"title": "a", "secret": 1})
    other = await desk.one("posts", {"title": "b", "secret": 1})
    await is_refused(user(desk).update("posts", other["_id"], {"title": "a"}))
    answer = await user(desk).update("posts", other["_id"], {"title": "c"})
    assert (answer["title"], "slug" in answer) == ("c", False)
    assert (await desk.stored("posts").find_one({"title": "c"}))["slug"] == "c1"


async def test_what_the_databases_own_validator_says(engine: Engine) -> None:
    desk = await open_desk(
        engine, posts=[TITLE, {"name": "secret", "type": "text", "hidden": True}]
    )
    rules = {"$jsonSchema": {"required": ["secret"], "properties": {"n": {"maximum": 3}}}}
    await engine.database.command({"collMod": "posts", "validator": rules})
    await is_refused(user(desk).one("posts", {"title": "t"}))
    assert await listed(user(desk).one("posts", {"title": "t", "n": 4})) == {"n": "TYPE"}


async def test_relations_do_not_name_collections_that_are_not_there(engine: Engine) -> None:
    boss = {"name": "boss", "type": "vaults", "relation": "one"}
    closed = {"fields": [], "access": {"read": ["owner"]}}
    desk: Desk = await open_desk(engine, posts=[boss], vaults=closed)
    id_ = (await desk.one("posts", {}))["_id"]
    ids = ["0123456789abcdef01234567", "0123456789abcdef01234568"]
    caller = user(desk)
    for write in (
        caller.one("posts", {"boss": "no id"}),
        caller.one("posts", {"boss": ids}),
        caller.update("posts", id_, {"boss": ids}),
        caller.update("posts", id_, {"$push": {"boss": "no id"}}),
        caller.update("posts", id_, {"$push": {"boss": {"$each": ids}}}),
    ):
        with pytest.raises(ValidationFailed) as failed:
            await write
        assert failed.value.invalid == (Invalid("boss", "Does not fit the relation.", "TYPE"),)
    with pytest.raises(ValidationFailed, match="Validation error") as failed:
        await user(desk, "owner").one("posts", {"boss": "no id"})
    assert "'vaults'" in failed.value.invalid[0].message
