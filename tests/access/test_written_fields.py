"""What a caller sends is what it may write, however it is spelt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import BadRequest, Forbidden, ValidationFailed
from tests.access.limited import key, user
from tests.writing import Desk, open_desk

ZIP = {"name": "zip", "type": "text", "hidden": True, "renamedFrom": "code"}
FIELDS = [
    {"name": "title", "type": "text", "searchable": False},
    {"name": "secret", "type": "number", "hidden": True, "renamedFrom": "mystery"},
    {"name": "secrets", "type": "text", "multiple": True, "hidden": True, "searchable": False},
    {"name": "address", "type": "object", "fields": [{"name": "city", "type": "text"}, ZIP]},
    {
        "name": "items",
        "type": "object",
        "multiple": True,
        "fields": [
            {"name": "price", "type": "number"},
            {"name": "cost", "type": "number", "hidden": True},
        ],
    },
    {
        "name": "odd",
        "type": "object",
        "fields": [
            {"name": "²", "type": "JSON", "hidden": True},
            {"name": "7", "type": "JSON", "hidden": True},
        ],
    },
    {"name": "any", "type": "JSON"},
]
STORED = {
    "title": "t",
    "secret": 7,
    "secrets": ["a", "b"],
    "address": {"city": "Graz", "zip": "8010"},
    "items": [{"price": 1, "cost": 2}, {"price": 3, "cost": 4}],
    "odd": {"²": {"x": 1}, "7": {"x": 1}},
    "any": {"deep": 1},
}


async def opened(engine: Engine) -> tuple[Desk, Any]:
    desk = await open_desk(engine, posts=FIELDS)
    stored = await desk.one("posts", STORED)
    return desk, stored["_id"]


REFUSED = [
    {"secret": 1},
    {"secret": None},
    {"mystery": 1},
    {"$set": {"mystery": 1}},
    {"$unset": {"secret": 1}},
    {"$inc": {"secret": 1}},
    {"$min": {"secret": 1}},
    {"$max": {"mystery": 1}},
    {"$rename": {"secret": "title"}},
    {"$rename": {"title": "secret"}},
    {"$rename": {"title": "mystery"}},
    {"$rename": {"address": "found"}},
    {"$rename": {"address.zip": "title"}},
    {"$push": {"secrets": "c"}},
    {"$pull": {"secrets": "a"}},
    {"$pop": {"secrets": 1}},
    {"$addToSet": {"secrets": "a"}},
    {"secrets.0": "z"},
    {"address.zip": "1"},
    {"address.code": "1"},
    {"address": {"city": "Linz", "zip": "1"}},
    {"address": {"code": "1"}},
    {"address": None},
    {"address": "x"},
    {"address": '{"zip": "1"}'},
    {"$unset": {"address": True}},
    {"$unset": {"address": {"city": 1}}},
    {"$set": {"address": {"zip": "1"}}},
    {"items": []},
    {"items": None},
    {"items": [{"price": 5}]},
    {"items": [{"cost": 5}]},
    {"items.0.cost": 1},
    {"items.0": {"cost": 1}},
    {"$push": {"items": {"price": 1, "cost": 1}}},
    {"$push": {"items": {"$each": [{"price": 1}, {"cost": 1}]}}},
    {"$push": {"items": '{"cost": 1}'}},
    {"$addToSet": {"items": {"price": 1}}},
    {"$pull": {"items": {"price": 1}}},
    {"$pull": {"items": {"cost": 2}}},
    {"$pull": {"items": {"$in": [{"cost": 2}]}}},
    {"$pop": {"items": -1}},
    {"odd.²": {"x": 2}},
    {"odd.²": {"y": 2}},
    {"odd.7": {"x": 2}},
    {"odd.7.x": 2},
    {"odd": {"²": 1}},
]


@pytest.mark.parametrize("body", REFUSED, ids=str)
async def test_a_change_of_what_may_not_be_written(engine: Engine, body: Mapping[str, Any]) -> None:
    desk, id_ = await opened(engine)
    before = await desk.stored("posts").find_one()
    with pytest.raises(Forbidden, match="may not be written by this caller"):
        await user(desk).update("posts", id_, body)
    assert await desk.stored("posts").find_one() == before


NEW = [
    {"secret": 1},
    {"mystery": 1},
    {"address": {"zip": "1"}},
    {"address": {"code": "1"}},
    {"address": '{"zip": "1"}'},
    {"items": [{"price": 1}, {"cost": 1}]},
    {"items": ['{"cost": 1}']},
    {"odd": {"²": 1}},
    {"odd": {"7": 1}},
]


@pytest.mark.parametrize("body", NEW, ids=str)
async def test_a_new_document_with_what_may_not_be_written(
    engine: Engine, body: Mapping[str, Any]
) -> None:
    desk = await open_desk(engine, posts=FIELDS)
    with pytest.raises(Forbidden, match="may not be written by this caller"):
        await user(desk).create("posts", {"title": "t"}, body)
    assert await desk.stored("posts").count_documents({}) == 0


ALLOWED: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = [
    ({"title": "u"}, {"title": "u"}),
    ({"_id": None, "_version": 9, "_children": []}, {}),
    ({"address": {"city": "Linz"}}, {"address": {"city": "Linz", "zip": "8010"}}),
    ({"address": {}}, {"address": {"zip": "8010"}}),
    ({"address.city": "Linz"}, {"address": {"city": "Linz", "zip": "8010"}}),
    ({"$unset": {"address.city": 1}}, {"address": {"zip": "8010"}}),
    (
        {"items.1.price": 9},
        {"items": [{"price": 1, "cost": 2}, {"price": 9, "cost": 4}]},
    ),
    (
        {"items.0": {"price": 9, "n": 1}},
        {"items": [{"price": 9, "n": 1, "cost": 2}, {"price": 3, "cost": 4}]},
    ),
    ({"$push": {"items": {"price": 5}}}, {"items": [*STORED["items"], {"price": 5}]}),
    ({"any.deep": {"zip": 1}}, {"any": {"deep": {"zip": 1}}}),
    ({"free": {"secret": 1}}, {"free": {"secret": 1}}),
    ({"$rename": {"title": "any"}}, {"any": "t", "title": None}),
]


@pytest.mark.parametrize(("body", "expected"), ALLOWED, ids=str)
async def test_what_is_around_it_may_be_written(
    engine: Engine, body: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    desk, id_ = await opened(engine)
    body = {**body, **({"_id": str(id_)} if "_id" in body else {})}
    answer = await user(desk).update("posts", id_, body)
    found = await desk.stored("posts").find_one()
    wanted = {**STORED, **expected}
    assert {name: found.get(name) for name in wanted} == wanted
    assert "secret" not in answer and "zip" not in answer["address"]


async def test_a_replacement_keeps_what_may_not_be_written(engine: Engine) -> None:
    desk, id_ = await opened(engine)
    await user(desk).update("posts", id_, {"title": "u"}, replace=True)
    found = await desk.stored("posts").find_one()
    assert {name: each for name, each in found.items() if name[0] != "_"} == {
        "title": "u",
        "secret": 7,
        "secrets": ["a", "b"],
        "address": {"zip": "8010"},
        "items": STORED["items"],
        "odd": STORED["odd"],
    }


LISTS: list[tuple[Mapping[str, Any], bool]] = [
    ({"title": "u"}, True),
    ({"address.city": "u"}, True),
    ({"address": {"city": "u"}}, True),
    ({"address": {"city": "u", "street": "v"}}, False),
    ({"address": {"CITY": "u"}}, False),
    ({"address.0": {"city": "u"}}, False),
    ({"address.city.0": "u"}, False),
    ({"free": 1}, False),
    ({"Title": "u"}, False),
    ({"title ": "u"}, False),
    ({"any": 1}, False),
    ({"$rename": {"title": "free"}}, False),
    ({"$rename": {"free": "title"}}, False),
]


@pytest.mark.parametrize(("body", "allowed"), LISTS, ids=str)
async def test_a_list_of_writable_fields(
    engine: Engine, body: Mapping[str, Any], allowed: bool
) -> None:
    desk, id_ = await opened(engine)
    caller = key(desk, "/posts/**", writable=("title", "address.city"))
    if allowed:
        assert (await caller.update("posts", id_, body))["_version"] == 2
    else:
        with pytest.raises((Forbidden, ValidationFailed)):
            await caller.update("posts", id_, body)
        assert (await desk.stored("posts").find_one())["_version"] == 1


UNREADABLE = [
    {"$inc": {"pin": 1}},
    {"$min": {"pin": 1}},
    {"$max": {"pin": 1}},
    {"$rename": {"pin": "title"}},
    {"$rename": {"title": "pin"}},
    {"$unset": {"pin": 1}},
    {"$push": {"pins": 1}},
    {"$pull": {"pins": 1}},
    {"$pop": {"pins": 1}},
    {"$addToSet": {"pins": 1}},
    {"pin.x": 1},
    {"$set": {"pin.x.y": 1}},
    {"pins.0": 1},
    {"pins.7": 1},
    {"lines.0": {"n": 1}},
    {"lines.0.n": 1},
    {"maker": {"n": 1}},
    {"maker.n": 1},
]


@pytest.mark.parametrize("body", UNREADABLE, ids=str)
@pytest.mark.parametrize(
    "stored", [{}, {"pins": [1], "lines": [{}], "maker": {}}, {"pin": "x", "maker": 1}]
)
async def test_operators_do_not_answer_by_what_cannot_be_read(
    engine: Engine, body: Mapping[str, Any], stored: Mapping[str, Any]
) -> None:
    inner = [{"name": "n", "type": "number"}]
    lines = {"name": "lines", "type": "object", "multiple": True, "fields": inner}
    desk = await open_desk(engine, posts=[FIELDS[0], lines])
    id_ = (await desk.one("posts", stored))["_id"]
    both = ("title", "pin", "pins", "lines", "maker.n")
    caller = key(desk, "/posts/**", readable=("title",), writable=both)
    with pytest.raises(Forbidden, match="may not be written by this caller"):
        await caller.update("posts", id_, body)
    assert set(await caller.update("posts", id_, {"pin": 6, "title": "u"})) >= {"title"}
    assert (await desk.stored("posts").find_one())["pin"] == 6


@pytest.mark.parametrize("name", ["secret", "secre", "nothing", "address.zi", "address.zip"])
async def test_a_strict_collection_does_not_tell_hidden_names(engine: Engine, name: str) -> None:
    desk = await open_desk(engine, posts={"fields": FIELDS, "strict": True})
    id_ = (await desk.one("posts", {"title": "t"}))["_id"]
    with pytest.raises(Forbidden) as refused:
        await user(desk).update("posts", id_, {name: 1})
    assert refused.value.message == f"'{name}' may not be written by this caller."


async def test_words_that_are_no_operands_are_refused_before_rights_are(engine: Engine) -> None:
    desk, id_ = await opened(engine)
    with pytest.raises(BadRequest):
        await user(desk).update("posts", id_, {"$push": {"items": {"$slice": [{"cost": 1}]}}})
