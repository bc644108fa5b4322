"""``duetdb reindex``: what it prints, its status, and that its memory stays flat."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bson import encode

from tests.cli.conftest import Database, Target
from tests.processes import peak_memory, run_cli, run_on_terminal

MB = 1024 * 1024


def describe(database: Database, name: str, *fields: dict[str, Any]) -> None:
    """Metadata stored as by hand, so that no server has looked at the documents yet."""
    database["_collections"].insert_one({"_id": name, "name": name, "fields": list(fields)})


@pytest.fixture
def notes(database: Database) -> Any:
    """Three documents written beside any server, and their metadata."""
    database["notes"].insert_many([{"title": f"Note {number}"} for number in range(3)])
    describe(database, "notes", {"name": "title", "type": "text"})
    return database["notes"]


def test_one_collection(notes: Any, target: Target) -> None:
    done = run_cli("reindex", "notes", *target)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "notes: 3 documents, 3 changed.\n",
        "",
    )
    assert [each["_tags"] for each in notes.find()] == ["note 0", "note 1", "note 2"]
    again = run_cli("reindex", "notes", *target)
    assert again.stdout == "notes: 3 documents, 0 changed.\n"


def test_all_collections_that_have_metadata(notes: Any, database: Database, target: Target) -> None:
    database["authors"].insert_one({"name": "Ann"})
    database["plain"].insert_one({"name": "no metadata"})
    describe(database, "authors", {"name": "name", "type": "text"})
    describe(database, "broken", {"name": "x", "type": "no such type"})
    done = run_cli("reindex", *target)
    assert done.stdout == ("authors: 1 document, 1 changed.\nnotes: 3 documents, 3 changed.\n")
    assert done.stderr.startswith("broken was left out because of its metadata: ")
    assert done.returncode == 1
    assert database["plain"].find_one({}, {"_id": 0}) == {"name": "no metadata"}


def test_indexes_and_validators_are_put_in_step(database: Database, target: Target) -> None:
    database["codes"].insert_many([{"code": "a"}, {"code": "a"}])
    describe(
        database,
        "codes",
        {"name": "code", "type": "text", "unique": True},
        {"name": "place", "type": "text", "indexed": True},
    )
    done = run_cli("reindex", "codes", *target)
    assert done.returncode == 1
    assert done.stdout == "codes: 2 documents, 2 changed.\n"
    assert done.stderr.startswith("codes: The index on 'code' cannot be built: ")
    keys = [dict(each["key"]) for each in database["codes"].list_indexes()]
    assert keys == [{"_id": 1}, {"place": 1, "_id": 1}, {"_keywords": 1, "_id": 1}]
    (options,) = (each["options"] for each in database.list_collections(filter={"name": "codes"}))
    assert options["validator"]["$jsonSchema"]["title"] == "DuetDB"


def test_a_view_has_nothing_to_fill_in(notes: Any, database: Database, target: Target) -> None:
    database.command("create", "seen", viewOn="notes", pipeline=[])
    describe(database, "seen", {"name": "title", "type": "text"})
    done = run_cli("reindex", "seen", *target)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "seen is a view in MongoDB: there is nothing to fill in.\n"


def test_an_unknown_collection(notes: Any, target: Target) -> None:
    done = run_cli("reindex", "note", *target)
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "duetdb: There is no collection 'note'. Did you mean 'notes'?\n",
    )


def test_a_terminal_sees_how_far_it_is(notes: Any, target: Target) -> None:
    status, written = run_on_terminal("reindex", "notes", *target)
    assert status == 0
    assert "3/3" in written and "━" in written
    assert written.endswith("notes: 3 documents, 3 changed.\r\n")


def test_memory_stays_flat(database: Database, target: Target) -> None:
    """80 MB of documents, searchable in full, of which a batch is held at a time."""
    describe(database, "notes", {"name": "title", "type": "text"})
    database["notes"].insert_one({"title": "one"})
    little = peak_memory("reindex", *target)
    document = {"title": json.dumps([f"word{number}" for number in range(400)])}
    count = 80 * MB // len(encode(document))
    for _ in range(20):
        database["notes"].insert_many([dict(document) for _ in range(count // 20)])
    much = peak_memory("reindex", *target)
    print(f"peak {little / MB:.0f} MB for one document, {much / MB:.0f} MB for {count:,}")
    assert database["notes"].count_documents({"_version": None}) == 0
    assert much - little < 60 * MB
