"""Changing documents: merge, replace, dotted names, versions."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from bson import Decimal128, ObjectId

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import (
    BadRequest,
    Conflict,
    NotFound,
    TooLarge,
    ValidationFailed,
    VersionMismatch,
)
from duetdb.app.service.events import ChangeKind
from duetdb.app.service.limits import Limits
from tests.writing import Desk, codes, open_desk

TITLE = {"name": "title", "type": "text", "required": True}
VIEWS = {"name": "views", "type": "number"}
NOTE = {"name": "note", "type": "text", "searchable": False}
EMAIL = {"name": "email", "type": "email", "unique": True}
ADDRESS = {
    "name": "address",
    "type": "object",
    "fields": [
        {"name": "city", "type": "text", "required": True},
        {"name": "zip", "type": "text", "regex": "^[0-9]+$"},
    ],
}
ITEMS = {
    "name": "items",
    "type": "object",
    "multiple": True,
    "fields": [{"name": "price", "type": "money"}],
}
TAGS = {"name": "tags", "type": "text", "multiple": True}
ANY = {"name": "any", "type": "JSON"}
TOTAL = {"name": "total", "type": "float_number", "formula": "{{views}}*2"}


async def stored(desk: Desk, id_: object) -> dict[str, object]:
    found = await desk.stored("posts").find_one({"_id": id_})
    assert found is not None
    return dict(found)


async def test_update_merges_at_the_top_level(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[TITLE, VIEWS])
    before = await desk.one("posts", {"title": "a b", "views": 1, "free": {"x": 1, "y": 2}})
    await desk.stored("posts").update_one(
        {"_id": before["_id"]}, {"$set": {"_changed": before["_changed"] - timedelta(days=1)}}
    )
    after = await desk.update("posts", str(before["_id"]), {"views": "2", "free": {"x": 3}})
    assert after == await stored(desk, before["_id"])
    assert (after["title"], after["views"], after["free"]) == ("a b", 2, {"x": 3})
    assert after["_version"] == 2
    assert after["_changed"] >= before["_changed"]
    assert after["_created"] == before["_created"]
    assert after["_keywords"] == ["a", "b"]
    assert [each.kind for each in desk.changes] == [ChangeKind.CREATED, ChangeKind.UPDATED]


async def test_tokens_follow_the_text(engine: Engine) -> None:
    other = {"name": "other", "type": "text"}
    desk = await open_desk(engine, posts=[TITLE, other], notes=[TITLE])
    post = await desk.one("posts", {"title": "one", "other": "two"})
    assert (await desk.update("posts", post["_id"], {"title": "three"}))["_tags"] == "three two"
    note = await desk.one("notes", {"title": "one"})
    assert (await desk.update("notes", note["_id"], {"title": "three"}))["_tags"] == "three"


async def test_null_is_stored_but_not_where_required(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[TITLE, VIEWS])
    post = await desk.one("posts", {"title": "a", "views": 1})
    assert (await desk.update("posts", post["_id"], {"views": None}))["views"] is None
    with pytest.raises(ValidationFailed) as caught:
        await desk.update("posts", post["_id"], {"title": "", "views": "x"})
    assert codes(caught.value) == {"title": "REQUIRED", "views": "TYPE"}
    with pytest.raises(ValidationFailed) as caught:
        await desk.update("posts", post["_id"], {"views": "x", "free": {"$x": 1}})
    assert list(codes(caught.value)) == ["views", "free"]
    assert (await stored(desk, post["_id"]))["_version"] == 2


async def test_the_merged_record_must_have_what_is_required(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[TITLE, VIEWS])
    id_ = ObjectId()
    await desk.stored("posts").insert_one({"_id": id_, "views": 1})
    with pytest.raises(ValidationFailed) as caught:
        await desk.update("posts", id_, {"views": 2})
    assert codes(caught.value) == {"title": "REQUIRED"}
    after = await desk.update("posts", id_, {"title": "now"})
    assert after["_version"] == 1


async def test_what_a_client_read_it_may_send_back(engine: Engine) -> None:
    author = {"name": "author", "type": "authors", "relation": "one"}
    comments = {"name": "comments", "type": "comments", "relation": "child"}
    desk = await open_desk(
        engine,
        authors=[NOTE],
        posts=[TITLE, author, comments, TOTAL, VIEWS],
        comments=[NOTE],
    )
    writer = await desk.one("authors", {"note": "x"})
    post = await desk.one("posts", {"title": "a", "author": str(writer["_id"]), "views": 2})
    body = {
        **post,
        "_id": str(post["_id"]),
        "_version": 77,
        "author": [{"_id": str(writer["_id"]), "note": "x"}],
        "comments": [{"note": "y"}],
        "total": 99,
    }
    after = await desk.update("posts", str(post["_id"]), body)
    assert after.keys() == post.keys()
    assert (after["author"], after["total"], after["_version"]) == ([writer["_id"]], 4.0, 2)
    with pytest.raises(ValidationFailed) as caught:
        await desk.update("posts", post["_id"], {"author": ["0" * 24]})
    assert codes(caught.value) == {"author": "TYPE"}


async def test_another_id_in_the_body_is_refused(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[VIEWS])
    post = await desk.one("posts", {})
    for other in ("0" * 24, None, 7, {"a": 1}):
        with pytest.raises(BadRequest):
            await desk.update("posts", post["_id"], {"_id": other})
    for replace in (True, False):
        with pytest.raises(BadRequest, match="inc"):
            await desk.update("posts", post["_id"], {"$inc": {"views": 1}}, replace=replace)


@pytest.mark.parametrize("replace", [False, True])
async def test_unknown_documents(engine: Engine, replace: bool) -> None:
    desk = await open_desk(engine, posts=[VIEWS, TOTAL], plain=[VIEWS])
    for name in ("posts", "plain"):
        for id_ in ("0" * 24, "x", None, {"$gt": 0}):
            with pytest.raises(NotFound):
                await desk.update(name, id_, {"views": 1}, replace=replace)
    assert await desk.stored("posts").count_documents({}) == 0


async def test_dotted_names_address_inside(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[ADDRESS, ITEMS, TAGS, ANY])
    post = await desk.one(
        "posts",
        {
            "address": {"city": "Rome", "zip": "1"},
            "items": [{"price": 1}, {"price": 2}],
            "tags": ["a", "b"],
            "any": {"list": [{"x": 1}]},
        },
    )
    after = await desk.update(
        "posts",
        post["_id"],
        {
            "address.zip": "22",
            "items.1.price": "3.5",
            "tags.0": "z",
            "any.list.0.x": [1],
            "free.deep.er": True,
        },
    )
    assert after["address"] == {"city": "Rome", "zip": "22"}
    assert after["items"] == [{"price": Decimal128("1")}, {"price": Decimal128("3.5")}]
    assert after["tags"] == ["z", "b"]
    assert after["any"] == {"list": [{"x": [1]}]}
    assert after["free"] == {"deep": {"er": True}}
    assert after["_keywords"] == ["rome", "22", "z", "b"]


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"address.zip": "x"}, "address.zip", "REGEX"),
        ({"address.zip": 7}, "address.zip", "TYPE"),
        ({"address.city": None}, "address.city", "REQUIRED"),
        ({"tags.2": "c"}, "tags.2", "TYPE"),
        ({"tags.x": "c"}, "tags.x", "TYPE"),
        ({"tags.0": 5}, "tags.0", "TYPE"),
        ({"tags.0": None}, "tags.0", "TYPE"),
        ({"views.x": 1}, "views.x", "TYPE"),
        ({"free.x": 1}, "free.x", "TYPE"),
        ({"a..b": 1}, "a..b", "TYPE"),
        ({"a.": 1}, "a.", "TYPE"),
        ({"a.$b": 1}, "a.$b", "TYPE"),
        ({".a": 1}, ".a", "TYPE"),
        ({"a" + ".b" * 60: 1}, "a" + ".b" * 60, "TYPE"),
        ({"any.x": float("inf")}, "any.x", "TYPE"),
    ],
)
async def test_dotted_names_that_do_not_fit(
    engine: Engine, changes: dict[str, object], field: str, code: str
) -> None:
    desk = await open_desk(engine, posts=[ADDRESS, TAGS, VIEWS, ANY])
    body = {"address": {"city": "Rome"}, "tags": ["a", "b"], "views": 1, "free": "text"}
    post = await desk.one("posts", body)
    with pytest.raises(ValidationFailed) as caught:
        await desk.update("posts", post["_id"], changes)
    assert codes(caught.value) == {field: code}
    assert await stored(desk, post["_id"]) == post


async def test_dotted_corner_cases(engine: Engine) -> None:
    desk = await open_desk(
        engine, posts={"strict": True, "fields": [ADDRESS, VIEWS]}, free=[VIEWS, ADDRESS]
    )
    post = await desk.one("posts", {"views": 1})
    with pytest.raises(BadRequest):
        await desk.update("posts", post["_id"], {"address": {}, "address.zip": "1"})
    with pytest.raises(ValidationFailed) as caught:
        await desk.update("posts", post["_id"], {"address.zipp": "1"})
    assert "zip" in caught.value.invalid[0].message
    with pytest.raises(ValidationFailed) as caught:
        await desk.update("posts", post["_id"], {"address.zip": "1"})
    assert codes(caught.value) == {"address.city": "REQUIRED"}
    made = await desk.update("posts", post["_id"], {"address.city": "Rome", "_parent_id.x": 1})
    assert made["address"] == {"city": "Rome"}


async def test_replace_keeps_system_fields_alone(engine: Engine) -> None:
    number = {"name": "number", "type": "number", "autoIncrement": True}
    desk = await open_desk(engine, posts=[TITLE, VIEWS, number])
    before = await desk.one("posts", {"title": "a", "views": 1, "free": 1})
    after = await desk.update(
        "posts", before["_id"], {"title": "b", "other": 2, "_created": 0}, replace=True
    )
    assert after == await stored(desk, before["_id"])
    assert "views" not in after
    assert "free" not in after
    assert (after["title"], after["other"], after["number"]) == ("b", 2, 1)
    assert (after["_version"], after["_created"]) == (2, before["_created"])
    assert after["_keywords"] == ["b"]
    with pytest.raises(ValidationFailed) as caught:
        await desk.update("posts", before["_id"], {"views": "x"}, replace=True)
    assert codes(caught.value) == {"title": "REQUIRED", "views": "TYPE"}


@pytest.mark.parametrize("replace", [False, True])
async def test_if_version(engine: Engine, replace: bool) -> None:
    desk = await open_desk(engine, posts=[VIEWS])
    post = await desk.one("posts", {"views": 1})
    options = {"replace": replace}
    after = await desk.update("posts", post["_id"], {"views": 2}, if_version=1, **options)
    assert after["_version"] == 2
    with pytest.raises(VersionMismatch):
        await desk.update("posts", post["_id"], {"views": 3}, if_version=1, **options)
    with pytest.raises(NotFound):
        await desk.update("posts", "0" * 24, {"views": 3}, if_version=1, **options)
    assert (await stored(desk, post["_id"]))["views"] == 2


@pytest.mark.parametrize("version", [None, 0, "old", 2.5, [1]])
async def test_documents_from_before_count_as_version_0(engine: Engine, version: object) -> None:
    desk = await open_desk(engine, posts=[VIEWS], computed=[VIEWS, TOTAL])
    for name in ("posts", "computed"):
        id_ = ObjectId()
        existing = {"_id": id_, "views": "dirty"} | ({"_version": version} if version != 0 else {})
        await desk.stored(name).insert_one(existing, bypass_document_validation=True)
        with pytest.raises(VersionMismatch):
            await desk.update(name, id_, {"note": 1}, if_version=1)
        after = await desk.update(name, id_, {"views": 1}, if_version=0)
        assert (after["_version"], after["views"]) == (1, 1)


async def test_no_concurrent_change_is_lost(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[VIEWS, TOTAL, ANY], plain=[VIEWS])
    for name in ("posts", "plain"):
        doc = await desk.one(name, {"views": 0})
        changes = [{f"field{n}": n, "views": n} for n in range(12)]
        await asyncio.gather(*(desk.update(name, doc["_id"], each) for each in changes))
        after = await desk.stored(name).find_one({"_id": doc["_id"]})
        assert after["_version"] == 13
        assert all(after[f"field{n}"] == n for n in range(12))
        assert after.get("total", after["views"] * 2) == after["views"] * 2


async def test_one_of_two_with_the_same_if_version_wins(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[VIEWS, TOTAL])
    post = await desk.one("posts", {"views": 0})
    attempts = (desk.update("posts", post["_id"], {"views": n}, if_version=1) for n in range(6))
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(each, VersionMismatch) for each in outcomes) == 5


async def test_retries_end_in_a_conflict(engine: Engine) -> None:
    desk = await open_desk(engine, Limits(write_retries=0), posts=[VIEWS, TOTAL])
    post = await desk.one("posts", {"views": 0})
    with pytest.raises(Conflict):
        await desk.update("posts", post["_id"], {"views": 1})


async def test_unique_on_update(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[EMAIL, VIEWS])
    await desk.one("posts", {"email": "a@example.org"})
    other = await desk.one("posts", {"email": "b@example.org"})
    with pytest.raises(ValidationFailed) as caught:
        await desk.update("posts", other["_id"], {"email": "a@example.org"})
    assert codes(caught.value) == {"email": "UNIQUE"}
    with pytest.raises(ValidationFailed) as caught:
        await desk.update("posts", other["_id"], {"email": "a@example.org", "views": "x"})
    assert codes(caught.value) == {"email": "UNIQUE", "views": "TYPE"}
    await desk.update("posts", other["_id"], {"email": "b@example.org", "views": 2})


async def test_children_by_their_parent(engine: Engine) -> None:
    comments = {"name": "comments", "type": "comments", "relation": "child"}
    desk = await open_desk(engine, posts=[comments], comments=[NOTE])
    post, other = await desk.create("posts", {}, {})
    parent = desk.parent("posts", str(post["_id"]), "comments")
    wrong = desk.parent("posts", str(other["_id"]), "comments")
    child = await desk.one("comments", {"note": "a"}, parent=parent)
    assert (await desk.update("comments", child["_id"], {"note": "b"}, parent=parent))[
        "note"
    ] == "b"
    with pytest.raises(NotFound):
        await desk.update("comments", child["_id"], {"note": "c"}, parent=wrong)
    await desk.delete("posts", post["_id"])
    body = {**child, "_id": str(child["_id"]), "_parent_id": str(child["_parent_id"]), "note": "d"}
    kept = await desk.update("comments", child["_id"], body)
    assert (kept["note"], kept["_parent_id"]) == ("d", post["_id"])
    moved = await desk.update("comments", child["_id"], {"_parent_id": str(other["_id"])})
    assert moved["_parent_id"] == other["_id"]
    with pytest.raises(ValidationFailed) as caught:
        await desk.update("comments", child["_id"], {"_parent_id": "0" * 24})
    assert codes(caught.value) == {"_parent_id": "TYPE"}


async def test_numbers_on_update(engine: Engine) -> None:
    number = {"name": "number", "type": "number", "autoIncrement": True}
    desk = await open_desk(engine, posts=[number, VIEWS])
    post = await desk.one("posts", {})
    assert (await desk.update("posts", post["_id"], {"number": 20}))["number"] == 20
    assert (await desk.one("posts", {}))["number"] == 21


async def test_renamed_fields_move_on_write(engine: Engine) -> None:
    renamed = {**VIEWS, "name": "hits", "renamedFrom": "views"}
    computed = {**TOTAL, "formula": "{{hits}}*2"}
    desk = await open_desk(engine, posts=[renamed, NOTE], computed=[renamed, computed, NOTE])
    for name in ("posts", "computed"):
        id_ = ObjectId()
        await desk.stored(name).insert_one({"_id": id_, "views": 4})
        after = await desk.update(name, id_, {"note": "x"})
        assert (after["hits"], "views" in after) == (4, False)
        if name == "computed":
            assert after["total"] == 8
        after = await desk.update(name, id_, {"hits": 5})
        assert (after["hits"], "views" in await desk.stored(name).find_one()) == (5, False)
        assert (await desk.one(name, {"views": "6"}))["hits"] == 6


async def test_too_large_and_dates(engine: Engine) -> None:
    day = {"name": "day", "type": "date"}
    desk = await open_desk(engine, posts=[day, VIEWS, TOTAL])
    post = await desk.one("posts", {"day": "2020-02-03"})
    assert post["day"] == datetime(2020, 2, 3)
    await desk.update("posts", post["_id"], {"a": "x" * 9_000_000})
    with pytest.raises(TooLarge):
        await desk.update("posts", post["_id"], {"b": "x" * 9_000_000})
    with pytest.raises(TooLarge):
        await desk.update("posts", post["_id"], {"b": "x" * 17_000_000})
