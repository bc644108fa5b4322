"""Creating documents."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest
from bson import Decimal128, ObjectId

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import (
    BadRequest,
    LimitExceeded,
    NotFound,
    TooLarge,
    ValidationFailed,
)
from duetdb.app.service.events import ChangeKind
from duetdb.app.service.limits import Limits
from tests.writing import codes, open_desk, places

TITLE = {"name": "title", "type": "text", "required": True}
EMAIL = {"name": "email", "type": "email", "unique": True}
VIEWS = {"name": "views", "type": "number"}


async def test_the_answer_is_what_is_stored(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[TITLE, VIEWS])
    created = await desk.one("posts", {"title": "Hello, World", "views": "3", "free": [1, None]})
    assert await desk.stored("posts").find_one({"_id": created["_id"]}) == created
    assert isinstance(created["_id"], ObjectId)
    assert (created["views"], created["free"]) == (3, [1, None])
    assert created["_version"] == 1
    assert created["_createdby"] == created["_changedby"] == "api"
    assert created["_created"] == created["_changed"]
    assert created["_created"].microsecond % 1000 == 0
    assert created["_keywords"] == ["hello", "world"]
    assert created["_tags"] == "hello world"


async def test_system_keys_in_the_body_are_dropped(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[VIEWS])
    body = {"_id": "5f0000000000000000000000", "_version": 9, "_mock": True, "_x": 1, "views": 1}
    created = await desk.one("posts", body)
    assert str(created["_id"]) != body["_id"]
    assert created["_version"] == 1
    assert not {"_mock", "_x", "_keywords"} & created.keys()


async def test_every_mistake_is_reported_at_once(engine: Engine) -> None:
    code = {"name": "code", "type": "text", "regex": "^[A-Z]+$"}
    desk = await open_desk(engine, posts=[TITLE, VIEWS, code, EMAIL])
    await desk.one("posts", {"title": "x", "email": "a@example.org"})
    with pytest.raises(ValidationFailed) as caught:
        await desk.one(
            "posts", {"title": "", "views": "many", "code": "abc", "email": "a@example.org"}
        )
    assert codes(caught.value) == {
        "title": "REQUIRED",
        "views": "TYPE",
        "code": "REGEX",
        "email": "UNIQUE",
    }
    assert all(each.index is None for each in caught.value.invalid)
    assert len(desk.changes) == 1


async def test_one_bad_element_inserts_nothing(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[TITLE, VIEWS])
    with pytest.raises(ValidationFailed) as caught:
        await desk.create("posts", {"title": "a"}, {"views": "x"}, {"title": "c"})
    assert sorted(places(caught.value.invalid)) == [(1, "title", "REQUIRED"), (1, "views", "TYPE")]
    assert await desk.stored("posts").count_documents({}) == 0
    assert desk.changes == []


async def test_an_array_of_one_has_positions_too(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[TITLE])
    with pytest.raises(ValidationFailed) as caught:
        await desk.create("posts", {}, array=True)
    assert places(caught.value.invalid) == [(0, "title", "REQUIRED")]


async def test_unique_within_an_array_and_beside_it(engine: Engine) -> None:
    desk = await open_desk(engine, people=[EMAIL])
    await desk.one("people", {"email": "a@example.org"})
    bodies = [{"email": f"{name}@example.org"} for name in "xayx"]
    with pytest.raises(ValidationFailed) as caught:
        await desk.create("people", *bodies)
    assert places(caught.value.invalid) == [(1, "email", "UNIQUE"), (3, "email", "UNIQUE")]
    assert {each.message for each in caught.value.invalid} == {"Already exists"}
    assert await desk.stored("people").count_documents({}) == 1


async def test_unique_holds_under_a_race_and_without_validation(engine: Engine) -> None:
    desk = await open_desk(engine, people=[EMAIL])
    attempts = [desk.one("people", {"email": "a@example.org"}, validate=False) for _ in range(8)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    failed = [each for each in outcomes if isinstance(each, ValidationFailed)]
    assert len(failed) == 7
    assert all(codes(each) == {"email": "UNIQUE"} for each in failed)


async def test_null_and_empty_do_not_count_as_equal(engine: Engine) -> None:
    desk = await open_desk(engine, people=[EMAIL])
    created = await desk.create("people", {"email": None}, {"email": None}, {}, {"email": ""})
    assert len(created) == 4


async def test_nested_unique_names_its_path(engine: Engine) -> None:
    inner = {"name": "tax", "type": "text", "unique": True}
    desk = await open_desk(engine, firms=[{"name": "law", "type": "object", "fields": [inner]}])
    await desk.one("firms", {"law": {"tax": "1"}})
    with pytest.raises(ValidationFailed) as caught:
        await desk.one("firms", {"law": {"tax": "1"}})
    assert codes(caught.value) == {"law.tax": "UNIQUE"}


async def test_without_validation_what_can_be_stored_is_stored(engine: Engine) -> None:
    day = {"name": "day", "type": "date"}
    desk = await open_desk(engine, posts=[TITLE, VIEWS, day])
    bodies = ({"views": "many", "day": "2020-01-02"}, {"title": "", "day": "soon"})
    created = await desk.create("posts", *bodies, validate=False)
    assert (created[0]["views"], created[0]["day"]) == ("many", datetime(2020, 1, 2))
    assert created[1]["day"] == "soon"
    with pytest.raises(ValidationFailed):
        await desk.create("posts", {"x": {"$a": 1}}, validate=False)


@pytest.mark.parametrize(
    "body",
    [
        {"a.b": 1},
        {"": 1},
        {"a": {"b.c": 1}},
        {"a": {"$set": 1}},
        {"a": [{"x\0": 1}]},
        {"a": "\ud800"},
        {"a": "nul\0"},
        {"a": 2**63},
        {"a": float("nan")},
        {"title": "\ud800"},
    ],
)
async def test_what_cannot_be_stored_is_refused(engine: Engine, body: dict[str, object]) -> None:
    desk = await open_desk(engine, posts=[{"name": "title", "type": "text"}])
    with pytest.raises(ValidationFailed) as caught:
        await desk.one("posts", body)
    assert [each.code for each in caught.value.invalid] == ["TYPE"]


async def test_deep_nesting_is_refused(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[VIEWS])
    deep: object = 1
    for _ in range(60):
        deep = {"a": deep}
    with pytest.raises(ValidationFailed):
        await desk.one("posts", {"deep": deep})


async def test_operators_are_not_properties(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[VIEWS])
    with pytest.raises(BadRequest, match=r"\$set"):
        await desk.one("posts", {"$set": {"views": 1}})
    with pytest.raises(BadRequest):
        await desk.create("posts", "text")


async def test_strict_collections_refuse_other_fields(engine: Engine) -> None:
    desk = await open_desk(engine, posts={"strict": True, "fields": [TITLE]})
    with pytest.raises(ValidationFailed) as caught:
        await desk.one("posts", {"title": "x", "titel": "y"})
    assert codes(caught.value) == {"titel": "TYPE"}
    assert "title" in caught.value.invalid[0].message


async def test_defaults_fill_what_is_absent_and_never_null(engine: Engine) -> None:
    tags = {"name": "tags", "type": "text", "multiple": True, "default": ["new"]}
    state = {"name": "state", "type": "text", "required": True, "default": "draft"}
    desk = await open_desk(engine, posts=[tags, state])
    first, second = await desk.create("posts", {}, {"tags": None})
    assert (first["tags"], first["state"], second["tags"]) == (["new"], "draft", None)
    first["tags"].append("x")
    assert (await desk.one("posts", {}))["tags"] == ["new"]


async def test_formulas_see_the_whole_record(engine: Engine) -> None:
    salary = {"name": "salary", "type": "money"}
    total = {"name": "total", "type": "money", "formula": "{{salary}}*1.255"}
    label = {"name": "label", "type": "text", "formula": "{{total}} + ' EUR'"}
    desk = await open_desk(engine, jobs=[label, total, salary])
    created, without = await desk.create("jobs", {"salary": "100", "total": 7}, {"total": 7})
    assert created["total"] == Decimal128("125.5")
    assert created["label"].endswith(" EUR")
    assert "total" not in without
    assert "label" not in without


async def test_numbers_count_from_one_and_are_never_reused(engine: Engine) -> None:
    number = {"name": "number", "type": "number", "autoIncrement": True}
    desk = await open_desk(engine, bills=[number])
    assert (await desk.one("bills", {}))["number"] == 1
    array = await desk.create("bills", {}, {"number": 10}, {})
    assert [each["number"] for each in array] == [11, 10, 12]
    await desk.delete("bills", array[2]["_id"])
    assert (await desk.one("bills", {"number": None}))["number"] == 13
    assert (await desk.one("bills", {"number": 5}))["number"] == 5
    many = await asyncio.gather(*(desk.one("bills", {}) for _ in range(10)))
    assert {each["number"] for each in many} == set(range(14, 24))


NUMBER = {"name": "number", "type": "number", "autoIncrement": True}


async def test_a_counter_starts_behind_existing_data_and_ends_at_64_bits(engine: Engine) -> None:
    desk = await open_desk(engine, bills=[NUMBER])
    await desk.stored("bills").insert_many(
        [{"number": 7}, {"number": "x"}], bypass_document_validation=True
    )
    assert (await desk.one("bills", {}))["number"] == 8
    await desk.engine.database["_counters"].update_one({}, {"$set": {"n": 2**63 - 2}})
    assert (await desk.one("bills", {}))["number"] == 2**63 - 1
    with pytest.raises(ValidationFailed) as caught:
        await desk.one("bills", {})
    assert codes(caught.value) == {"number": "TYPE"}


async def test_no_value_that_a_client_chooses_uses_up_a_counter(engine: Engine) -> None:
    desk = await open_desk(engine, bills=[NUMBER])
    await desk.stored("bills").insert_one({"number": 2**63 - 1})
    assert (await desk.one("bills", {}))["number"] == 1
    for value in (2**62 + 1, 2**63 - 1, str(2**63 - 1)):
        with pytest.raises(ValidationFailed) as caught:
            await desk.one("bills", {"number": value})
        assert codes(caught.value) == {"number": "TYPE"}
        assert "4,611,686,018,427,387,904" in caught.value.invalid[0].message
    await desk.one("bills", {"number": 2**63 - 1}, validate=False)
    assert (await desk.one("bills", {}))["number"] == 2
    assert (await desk.one("bills", {"number": 2**62}))["number"] == 2**62
    assert (await desk.one("bills", {}))["number"] == 2**62 + 1


AUTHOR = {"name": "author", "type": "authors", "relation": "one"}
NAMES = [{"name": "name", "type": "text"}]


async def test_references_take_every_form_and_must_exist(engine: Engine) -> None:
    desk = await open_desk(engine, authors=NAMES, posts=[AUTHOR])
    author = (await desk.one("authors", {"name": "Ann"}))["_id"]
    forms = (str(author), [str(author)], {"_id": str(author)}, [{"_id": str(author), "name": "?"}])
    for form in forms:
        assert (await desk.one("posts", {"author": form}))["author"] == [author]
    assert (await desk.one("posts", {"author": []}))["author"] == []
    with pytest.raises(ValidationFailed) as caught:
        await desk.create("posts", {"author": str(author)}, {"author": "0" * 24}, {"author": "x"})
    assert sorted(places(caught.value.invalid)) == [(1, "author", "TYPE"), (2, "author", "TYPE")]


COMMENTS = {"name": "comments", "type": "comments", "relation": "child"}
TEXT = [{"name": "text", "type": "text"}]


async def test_children_are_linked_under_their_parent(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[COMMENTS, VIEWS], comments=TEXT)
    post = await desk.one("posts", {"views": 1, "comments": [{"text": "ignored"}]})
    assert "comments" not in post
    parent = desk.parent("posts", str(post["_id"]), "comments")
    child = await desk.one("comments", {"text": "a"}, parent=parent)
    link = {"_parent_id": post["_id"], "_parent_def": "posts", "_parent_field": "comments"}
    assert link.items() <= child.items()
    by_body = {**link, "_parent_id": str(post["_id"]), "text": "b"}
    assert link.items() <= (await desk.one("comments", by_body)).items()
    with pytest.raises(NotFound):
        await desk.one("comments", {}, parent=desk.parent("posts", "0" * 24, "comments"))
    with pytest.raises(NotFound):
        await desk.one("comments", {}, parent=desk.parent("posts", str(post["_id"]), "views"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"_parent_id": "0" * 24}, "_parent_id"),
        ({"_parent_id": {"a": 1}}, "_parent_id"),
        ({"_parent_def": "post"}, "_parent_def"),
        ({"_parent_def": ["x"]}, "_parent_def"),
        ({"_parent_field": "views"}, "_parent_field"),
        ({"_parent_field": None}, "_parent_field"),
    ],
)
async def test_links_in_the_body_are_checked(
    engine: Engine, change: dict[str, object], field: str
) -> None:
    desk = await open_desk(engine, posts=[COMMENTS, VIEWS], comments=TEXT)
    post = await desk.one("posts", {})
    link = {"_parent_id": str(post["_id"]), "_parent_def": "posts", "_parent_field": "comments"}
    with pytest.raises(ValidationFailed) as caught:
        await desk.one("comments", {**link, **change})
    assert codes(caught.value) == {field: "TYPE"}


async def test_ten_thousand_documents_are_one_change(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[TITLE, EMAIL])
    bodies = [{"title": f"Post {n}", "email": f"{n}@example.org"} for n in range(10_000)]
    created = await desk.create("posts", *bodies)
    assert [each["title"] for each in created] == [each["title"] for each in bodies]
    assert await desk.stored("posts").count_documents({}) == 10_000
    assert [(c.kind, c.collection, len(c.ids)) for c in desk.changes] == [
        (ChangeKind.CREATED, "posts", 10_000)
    ]
    with pytest.raises(ValidationFailed) as caught:
        fresh = [{"title": "x", "email": f"{n}@example.com"} for n in range(3000)]
        await desk.create("posts", *fresh, bodies[5])
    assert places(caught.value.invalid) == [(3000, "email", "UNIQUE")]
    assert await desk.stored("posts").count_documents({}) == 10_000


async def test_limits(engine: Engine) -> None:
    desk = await open_desk(engine, Limits(bulk_documents=2), posts=[VIEWS])
    with pytest.raises(LimitExceeded):
        await desk.create("posts", {}, {}, {})
    assert await desk.create("posts") == []
    big = {"text": "x" * 17_000_000}
    with pytest.raises(TooLarge):
        await desk.one("posts", big)
    with pytest.raises(TooLarge):
        await desk.create("posts", {}, big)
    assert await desk.stored("posts").count_documents({}) == 0


async def test_the_database_validator_speaks_as_TYPE(engine: Engine) -> None:
    desk = await open_desk(engine, posts=[VIEWS])
    rule = {"properties": {"free": {"bsonType": "string"}}}
    await engine.database.command("collMod", "posts", validator={"$jsonSchema": rule})
    for bodies in ([{"free": 1}], [{"free": "x"}, {"free": 1}]):
        with pytest.raises(ValidationFailed) as caught:
            await desk.create("posts", *bodies, array=True)
        assert places(caught.value.invalid) == [(len(bodies) - 1, "free", "TYPE")]


async def test_tokens(engine: Engine) -> None:
    inner = [{"name": "street", "type": "text"}, {"name": "note", "type": "html"}]
    fields = [
        {"name": "title", "type": "text"},
        {"name": "secret", "type": "text", "hidden": True},
        {"name": "quiet", "type": "text", "searchable": False},
        {"name": "places", "type": "object", "multiple": True, "fields": inner},
    ]
    desk = await open_desk(engine, posts=fields)
    created = await desk.one(
        "posts",
        {
            "title": "P.O. Box 460, p. É_x " + " ".join(f"w{n}" for n in range(5)),
            "secret": "a",
            "quiet": "b",
            "free": "c",
            "places": [{"street": "Straße 1", "note": "<b>d</b>"}, {"street": "Rua São"}],
        },
    )
    expected = "p o box 460 é x w0 w1 w2 w3 w4 straße 1 rua são"
    assert created["_tags"] == expected
    assert created["_keywords"] == expected.split()
    many = await desk.one("posts", {"title": " ".join(map(str, range(500)))})
    assert len(many["_keywords"]) == 64
    assert (await desk.one("posts", {}))["_keywords"] == []


async def test_ids_of_other_types(engine: Engine) -> None:
    desk = await open_desk(
        engine,
        words={"idType": "string", "fields": NAMES},
        items={"idType": "number", "fields": NAMES},
    )
    assert isinstance((await desk.one("words", {}))["_id"], str)
    await desk.stored("items").insert_one({"_id": 41})
    assert [each["_id"] for each in await desk.create("items", {}, {})] == [42, 43]
    await desk.stored("items").insert_one({"_id": 44})
    assert (await desk.one("items", {}))["_id"] == 45
