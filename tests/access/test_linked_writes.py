"""References and parents: a write tells nothing of documents that its caller may not see."""

from __future__ import annotations

from typing import Any

import pytest
from bson import ObjectId

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Forbidden, NotFound, ValidationFailed
from duetdb.app.service.query import Document
from tests.access.limited import Caller, key, user
from tests.writing import Desk, open_desk

POSTS = [
    {"name": "title", "type": "text"},
    {"name": "company", "type": "companies", "relation": "one"},
    {"name": "safe", "type": "vaults", "relation": "many"},
]
COMPANIES = {
    "fields": [
        {"name": "name", "type": "text"},
        {"name": "notes", "type": "notes", "relation": "child"},
        {"name": "files", "type": "notes", "relation": "child", "hidden": True},
    ],
    "access": {
        "write": ["*"],
        "rules": [{"role": "*", "filter": {"name": {"$ne": "Hidden"}}}],
    },
}
VAULTS = {
    "fields": [{"name": "notes", "type": "notes", "relation": "child"}],
    "access": {"read": ["owner"]},
}
NOTES = {"fields": [{"name": "text", "type": "text"}]}
MISSING = ObjectId("0123456789abcdef01234567")


async def opened(engine: Engine) -> tuple[Desk, Document, Document, Document]:
    """With a company that users see, one that they do not, and a vault that they do not either."""
    desk = await open_desk(engine, posts=POSTS, companies=COMPANIES, vaults=VAULTS, notes=NOTES)
    seen, hidden = await desk.create("companies", {"name": "Seen"}, {"name": "Hidden"})
    return desk, seen, hidden, await desk.one("vaults", {})


async def list_of(write: Any) -> list[tuple[str, str]]:
    with pytest.raises(ValidationFailed) as failed:
        await write
    return [(each.field, each.message) for each in failed.value.invalid]


def parents(collection: str, id_: Any, field: str = "notes") -> dict[str, Any]:
    return {"_parent_id": str(id_), "_parent_def": collection, "_parent_field": field}


async def test_a_reference_to_a_hidden_document_is_one_to_a_missing_one(engine: Engine) -> None:
    desk, seen, hidden, _ = await opened(engine)
    caller = user(desk)
    post = await caller.one("posts", {"company": str(seen["_id"])})
    for id_ in (hidden["_id"], MISSING):
        expected = [("company", f"There is no document {id_} in 'companies'.")]
        assert await list_of(caller.one("posts", {"company": str(id_)})) == expected
        assert await list_of(caller.update("posts", post["_id"], {"company": str(id_)})) == expected
    assert await desk.one("posts", {"company": str(hidden["_id"])})


async def test_references_to_what_nobody_may_read_are_taken_as_they_are(engine: Engine) -> None:
    desk, _, _, vault = await opened(engine)
    caller = user(desk)
    for id_ in (vault["_id"], MISSING):
        post = await caller.one("posts", {"safe": str(id_)})
        assert post["safe"] == [id_]
        assert (await caller.update("posts", post["_id"], {"safe": [str(id_)]}))["safe"] == [id_]
    owner = user(desk, "owner")
    assert (await owner.one("posts", {"safe": str(vault["_id"])}))["safe"] == [vault["_id"]]
    assert await list_of(owner.one("posts", {"safe": str(MISSING)})) == [
        ("safe", f"There is no document {MISSING} in 'vaults'.")
    ]


async def test_a_key_for_one_document_learns_nothing_of_the_others(engine: Engine) -> None:
    desk, seen, hidden, _ = await opened(engine)
    caller = key(desk, "/posts/**", f"/companies/{seen['_id']}")
    for id_ in (seen["_id"], hidden["_id"], MISSING):
        assert (await caller.one("posts", {"company": str(id_)}))["company"] == [id_]


@pytest.mark.parametrize("who", ["user", "key"])
async def test_a_parent_in_the_path_must_be_one_that_the_caller_sees(
    engine: Engine, who: str
) -> None:
    desk, seen, hidden, _ = await opened(engine)
    caller = user(desk)
    if who == "key":
        caller = key(desk, "/**", filter={"name": {"$ne": "Hidden"}})
    child = await caller.one("notes", {}, parent=caller.parent("companies", seen["_id"], "notes"))
    assert child["_parent_id"] == seen["_id"]
    for id_ in (hidden["_id"], MISSING):
        parent = caller.parent("companies", id_, "notes")
        with pytest.raises(NotFound, match=f"There is no document {id_} in 'companies'"):
            await caller.one("notes", {"text": "t"}, parent=parent)
    assert await desk.stored("notes").count_documents({}) == 1


async def test_a_key_for_a_child_list_alone(engine: Engine) -> None:
    desk, seen, hidden, _ = await opened(engine)
    path = f"/companies/{seen['_id']}/notes"
    caller = key(desk, path, methods=frozenset(("POST",)))
    made = await caller.one("notes", {}, parent=caller.parent("companies", seen["_id"], "notes"))
    assert made["_parent_id"] == seen["_id"]
    with pytest.raises(Forbidden):
        parent = caller.parent("companies", hidden["_id"], "notes")
        await caller.one("notes", {}, parent=parent)
    with pytest.raises(Forbidden):
        await caller.one("notes", {})
    every = key(desk, "/companies/*/notes", methods=frozenset(("POST",)))
    with pytest.raises(NotFound):
        await every.one("notes", {}, parent=every.parent("companies", MISSING, "notes"))
    some = key(desk, "/companies/*/notes", filter={"name": "Seen"}, methods=frozenset(("POST",)))
    with pytest.raises(NotFound):
        await some.one("notes", {}, parent=some.parent("companies", hidden["_id"], "notes"))


async def test_parents_in_bodies_are_those_that_the_caller_sees(engine: Engine) -> None:
    desk, seen, hidden, vault = await opened(engine)
    caller = user(desk)
    note = await caller.one("notes", parents("companies", seen["_id"]))
    assert note["_parent_id"] == seen["_id"]
    no_document = "There is no document {} in 'companies'."
    no_list = "'companies' has no child list 'files' of 'notes'."
    cases = [
        (parents("companies", hidden["_id"]), no_document.format(hidden["_id"])),
        (parents("companies", MISSING), no_document.format(MISSING)),
        (parents("companies", seen["_id"], "files"), no_list),
        (parents("companies", seen["_id"], "filez"), no_list.replace("files", "filez")),
        (parents("vaults", vault["_id"]), "There is no collection 'vaults'."),
        (parents("vaults", MISSING), "There is no collection 'vaults'."),
        (parents("vaultz", MISSING), "There is no collection 'vaultz'."),
        (parents("posts", MISSING), "There is no collection 'posts'."),
    ]
    for body, sentence in cases:
        for write in (caller.one("notes", body), caller.update("notes", note["_id"], body)):
            ((_, message),) = await list_of(write)
            assert message == sentence
    assert (await caller.update("notes", note["_id"], parents("companies", seen["_id"])))[
        "_version"
    ] == 2


async def test_a_child_that_is_changed_by_its_parents_path_stays_there(engine: Engine) -> None:
    desk, seen, _, _ = await opened(engine)
    other = await desk.one("companies", {"name": "Other"})
    inside = desk.parent("companies", seen["_id"], "notes")
    note = await desk.one("notes", {}, parent=inside)
    caller: Caller = key(desk, f"/companies/{seen['_id']}/notes/**", "/companies/**", "/notes")
    away = {"text": "t", **parents("companies", other["_id"])}
    with pytest.raises(Forbidden, match="may not store such a document"):
        await caller.update("notes", note["_id"], away, parent=inside)
    back = {"text": "t", **parents("companies", seen["_id"])}
    assert (await caller.update("notes", note["_id"], back, parent=inside))["text"] == "t"
    wider = user(desk)
    moved = await wider.update("notes", note["_id"], away)
    assert moved["_parent_id"] == other["_id"]


async def test_who_writes_some_fields_gives_no_other_parent(engine: Engine) -> None:
    desk, seen, _, _ = await opened(engine)
    other = await desk.one("companies", {"name": "Other"})
    note = await desk.one("notes", parents("companies", seen["_id"]))
    some = key(desk, "/**", writable=("text",))
    with pytest.raises(Forbidden, match="may not store such a document"):
        await some.update("notes", note["_id"], parents("companies", other["_id"]))
    with pytest.raises(Forbidden, match="may not store such a document"):
        await some.one("notes", parents("companies", other["_id"]))
    back = {"text": "t", **parents("companies", seen["_id"])}
    assert (await some.update("notes", note["_id"], back))["text"] == "t"
    more = key(desk, "/**", writable=("text", "_parent_id"))
    assert await more.update("notes", note["_id"], parents("companies", other["_id"]))
