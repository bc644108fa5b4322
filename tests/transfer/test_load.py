"""Imports: everything or nothing, checked before the first row is stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from bson import Decimal128, ObjectId

from duetdb.app.service.errors import BadMetadata, Quarantined
from duetdb.app.service.writing.intake import Intake
from duetdb.app.transfer import load as module
from duetdb.app.transfer.files import Format
from duetdb.app.transfer.options import Outcome
from duetdb.app.transfer.rows import TransferError
from tests.transfer.loading import Importer, Recorder

N = {"name": "n", "type": "number", "required": True}


@pytest.fixture(params=["one transaction", "a transaction per batch"])
def sizes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of storing, with sizes that show them on a few rows."""
    monkeypatch.setattr(module, "BATCH_ROWS", 10)
    monkeypatch.setattr(module, "WHOLE_ROWS", 1000 if request.param == "one transaction" else 10)


async def test_a_new_collection_is_described_by_its_file(importer: Importer, sizes: None) -> None:
    watcher = Recorder()
    path = importer.file({"n": n, "text": f"note {n}"} for n in range(35))
    assert await importer.run(path, watcher) == Outcome(35, 0)
    assert await importer.numbers() == list(range(35))
    fields = importer.catalog.collection("notes").fields
    assert [(each.name, each.type.name, each.required) for each in fields] == [
        ("n", "number", True),
        ("text", "text", True),
    ]
    (first, *_) = await importer.engine.database["notes"].find({"n": 0}).to_list(1)
    assert isinstance(first["_id"], ObjectId)
    assert first["_version"] == 1 and first["_createdby"] == "api"
    assert first["_tags"] == "note 0" and isinstance(first["_created"], datetime)
    assert await importer.notes_left() == 0


async def test_a_bad_row_leaves_nothing_behind(importer: Importer, sizes: None) -> None:
    await importer.describe("notes", N)
    rows: list[Any] = [{"n": n} for n in range(30)]
    rows[17] = {"n": "x"}
    rows[21] = '{"n": '
    rows[25] = {"m": 1}
    watcher = Recorder()
    outcome = await importer.run(importer.file(rows), watcher)
    assert outcome == Outcome(0, 3)
    assert watcher.told == [(18, "n", "TYPE"), (22, "", "SYNTAX"), (26, "n", "REQUIRED")]
    assert [row.row for row in watcher.rows] == [18, 22, 26]
    assert [name for name, _ in watcher.phases] == ["checking"]
    assert await importer.stored() == []
    assert await importer.notes_left() == 0


async def test_a_bad_row_of_a_new_collection_makes_no_collection(
    importer: Importer, sizes: None
) -> None:
    rows: list[Any] = [{"n": n} for n in range(30)]
    outcome = await importer.run(importer.file([*rows, "oops"]))
    assert outcome == Outcome(0, 1)
    assert not await importer.exists()


async def test_all_that_is_wrong_with_a_row_is_told(importer: Importer) -> None:
    level = {"name": "level", "type": "option", "options": ["low", "high"]}
    code = {"name": "code", "type": "text", "regex": "^[A-Z]+$"}
    await importer.describe("notes", N, level, code, strict=True)
    watcher = Recorder()
    row = {"level": "middle", "code": "x", "other": 1}
    await importer.run(importer.file([row]), watcher)
    assert sorted(watcher.told) == [
        (1, "code", "REGEX"),
        (1, "level", "TYPE"),
        (1, "n", "REQUIRED"),
        (1, "other", "TYPE"),
    ]


async def test_with_partial_good_rows_are_stored_and_bad_ones_told(importer: Importer) -> None:
    await importer.describe("notes", N, {"name": "code", "type": "text", "unique": True})
    rows: list[Any] = [{"n": n, "code": f"c{n}"} for n in range(30)]
    rows[3] = {"n": "x"}
    rows[5] = "oops"
    rows[29] = {"n": 29, "code": "c1"}
    watcher = Recorder()
    outcome = await importer.run(importer.file(rows), watcher, partial=True)
    assert outcome == Outcome(27, 3)
    assert watcher.told == [(4, "n", "TYPE"), (6, "", "SYNTAX"), (30, "code", "UNIQUE")]
    assert await importer.numbers() == [n for n in range(29) if n not in (3, 5)]
    assert await importer.notes_left() == 0


async def test_values_that_are_taken_are_told_with_their_lines(importer: Importer) -> None:
    await importer.describe("notes", N, {"name": "code", "type": "text", "unique": True})
    await importer.run(importer.file([{"n": 0, "code": "stored"}]))
    watcher = Recorder()
    rows = [{"n": 1, "code": "a"}, {"n": 2, "code": "stored"}, {"n": 3, "code": "a"}]
    assert await importer.run(importer.file(rows), watcher) == Outcome(0, 2)
    assert watcher.told == [(2, "code", "UNIQUE"), (3, "code", "UNIQUE")]
    assert {row.message for row in watcher.rows} == {"Already exists"}
    assert await importer.numbers() == [0]


async def test_ids_that_are_taken_are_told(importer: Importer) -> None:
    ids = [str(ObjectId()) for _ in range(3)]
    path = importer.file({"_id": id_, "n": n} for n, id_ in enumerate(ids))
    assert await importer.run(path) == Outcome(3, 0)
    watcher = Recorder()
    twice = importer.file([{"_id": str(ObjectId()), "n": 8}, {"_id": ids[1], "n": 9}])
    assert await importer.run(twice, watcher) == Outcome(0, 1)
    assert watcher.told == [(2, "_id", "UNIQUE")]
    assert await importer.numbers() == [0, 1, 2]


@pytest.mark.parametrize("ids", [[1, 2, 3], ["a", "b", "c"], ["5" * 24, "6" * 24, "7" * 24]])
async def test_ids_of_a_new_collection_keep_their_type(importer: Importer, ids: list[Any]) -> None:
    """Texts that look like ObjectIds are ObjectIds, as an export writes them."""
    await importer.run(importer.file({"_id": id_} for id_ in ids))
    stored = [each["_id"] for each in await importer.stored()]
    assert [str(each) for each in stored] == [str(each) for each in ids]
    kind = ObjectId if ids[0] == "5" * 24 else type(ids[0])
    assert {type(each) for each in stored} == {kind}


async def test_the_ids_and_dates_of_an_export_are_kept(importer: Importer) -> None:
    row = {
        "_id": {"$oid": "59a47286cfa9a3a73e51e72c"},
        "_created": "2020-01-02T03:04:05.006Z",
        "_changed": {"$date": "2021-01-01T00:00:00Z"},
        "_createdby": "ann@example.org",
        "_version": 7,
        "_keywords": ["stale"],
        "n": 1,
    }
    await importer.describe("notes", N, {"name": "title", "type": "text"})
    assert await importer.run(importer.file([{**row, "title": "New words"}])) == Outcome(1, 0)
    (found,) = await importer.engine.database["notes"].find({}).to_list(None)
    assert found["_id"] == ObjectId("59a47286cfa9a3a73e51e72c")
    assert found["_created"] == datetime(2020, 1, 2, 3, 4, 5, 6000)
    assert found["_changed"] == datetime(2021, 1, 1)
    assert (found["_createdby"], found["_changedby"]) == ("ann@example.org", "api")
    assert (found["_version"], found["_keywords"]) == (7, ["new", "words"])


async def test_what_lies_beyond_the_sample_widens_the_definition(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duetdb.app.transfer.target.SAMPLE_ROWS", 20)
    rows: list[Any] = [{"n": n, "code": f"c{n}", "level": "ab"[n % 2]} for n in range(40)]
    rows[30] = {"n": "many", "level": "c"}
    watcher = Recorder()
    assert await importer.run(importer.file(rows), watcher) == Outcome(40, 0)
    fields = importer.catalog.collection("notes").fields
    assert [(each.name, each.type.name, each.required) for each in fields] == [
        ("n", "JSON", True),
        ("code", "text", False),
        ("level", "text", True),
    ]
    assert "'code' is missing or empty in some rows: not required." in watcher.said


async def test_without_infer_a_new_collection_has_no_fields(importer: Importer) -> None:
    rows = [{"_id": "a", "n": 1}, {"_id": "b", "n": "two"}]
    assert await importer.run(importer.file(rows), infer=False) == Outcome(2, 0)
    collection = importer.catalog.collection("notes")
    assert (collection.fields, collection.id_type) == ((), "string")


async def test_documents_without_metadata_say_what_the_collection_is(importer: Importer) -> None:
    await importer.engine.database["notes"].insert_many([{"n": n} for n in range(30)])
    watcher = Recorder()
    assert await importer.run(importer.file([{"n": "x"}]), watcher) == Outcome(0, 1)
    assert watcher.told == [(1, "n", "TYPE")]


async def test_without_validation_only_unique_values_are_refused(importer: Importer) -> None:
    await importer.describe("notes", N, {"name": "code", "type": "text", "unique": True})
    rows = [{"n": "x", "code": "a"}, {"code": "b"}]
    assert await importer.run(importer.file(rows), validate=False) == Outcome(2, 0)
    assert [each.get("n") for each in await importer.stored()] == ["x", None]
    watcher = Recorder()
    again = importer.file([{"n": "y", "code": "a"}])
    assert await importer.run(again, watcher, validate=False) == Outcome(0, 1)
    assert watcher.told == [(1, "code", "UNIQUE")]


async def test_values_take_their_stored_form(importer: Importer) -> None:
    fields = [
        {"name": "price", "type": "money"},
        {"name": "day", "type": "date"},
        {"name": "tags", "type": "text", "multiple": True},
        {"name": "total", "type": "float_number", "formula": "{{price}} * 2"},
        {"name": "number", "type": "number", "autoIncrement": True},
    ]
    await importer.describe("notes", *fields)
    rows = [{"price": "1.50", "day": "2024-05-01", "tags": "one"}, {"number": 41}, {}]
    assert await importer.run(importer.file(rows)) == Outcome(3, 0)
    first, second, third = await importer.stored()
    del first["_id"]
    assert first == {
        "price": Decimal128("1.5"),
        "day": datetime(2024, 5, 1),
        "tags": ["one"],
        "total": 3.0,
        "number": 42,
    }
    assert (second["number"], third["number"]) == (41, 43)


async def test_relations_are_checked_but_rows_may_refer_to_later_ones(importer: Importer) -> None:
    await importer.describe("authors", {"name": "name", "type": "text"})
    author = {"name": "author", "type": "authors", "relation": "one"}
    reply = {"name": "reply", "type": "notes", "relation": "one"}
    await importer.describe("notes", author, reply)
    ann, one, two = (str(ObjectId()) for _ in range(3))
    await importer.run(importer.file([{"_id": ann, "name": "Ann"}]), name="authors")
    rows = [{"_id": one, "author": ann, "reply": two}, {"_id": two, "author": [ann]}]
    assert await importer.run(importer.file(rows)) == Outcome(2, 0)
    watcher = Recorder()
    lost = importer.file([{"author": str(ObjectId())}])
    assert await importer.run(lost, watcher) == Outcome(0, 1)
    assert watcher.told == [(1, "author", "TYPE")]


async def test_children_keep_their_parents(importer: Importer) -> None:
    await importer.describe("comments", {"name": "text", "type": "text"})
    await importer.describe("notes", {"name": "comments", "type": "comments", "relation": "child"})
    parent = str(ObjectId())
    await importer.run(importer.file([{"_id": parent}]))
    child = {
        "text": "x",
        "_parent_id": parent,
        "_parent_def": "notes",
        "_parent_field": "comments",
    }
    path = importer.file([child])
    assert await importer.run(path, name="comments") == Outcome(1, 0)
    (stored,) = await importer.engine.database["comments"].find({}).to_list(None)
    assert stored["_parent_id"] == ObjectId(parent)
    watcher = Recorder()
    orphan = importer.file([{**child, "_parent_id": str(ObjectId())}])
    assert (await importer.run(orphan, watcher, name="comments")).bad == 1


async def test_progress_goes_from_nothing_to_the_whole_file(
    importer: Importer, sizes: None
) -> None:
    watcher = Recorder()
    path = importer.file({"n": n} for n in range(35))
    await importer.run(path, watcher)
    size = path.stat().st_size
    assert {total for _, total in watcher.phases} == {size}
    assert watcher.positions.count(size) == len(watcher.phases)
    assert all(0 < position <= size for position in watcher.positions)


async def test_a_batch_is_bounded_by_its_size_too(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_BYTES", 2000)
    monkeypatch.setattr(module, "WHOLE_BYTES", 1)
    batches: list[int] = []
    insert = Intake.insert

    async def counted(self: Intake, given: Any, commit: Any = None) -> None:
        batches.extend(len(each) for each in given)
        await insert(self, given, commit)

    monkeypatch.setattr(Intake, "insert", counted)
    path = importer.file({"n": n, "text": "x" * 480} for n in range(30))
    assert await importer.run(path) == Outcome(30, 0)
    assert sum(batches) == 30 and max(batches) <= 5


@pytest.mark.parametrize("name", ["_private", "system.users", "a$b", ""])
async def test_a_name_that_cannot_be_one_is_refused(importer: Importer, name: str) -> None:
    with pytest.raises(BadMetadata):
        await importer.run(importer.file([{"n": 1}]), name=name)


async def test_a_collection_with_broken_metadata_takes_nothing(importer: Importer) -> None:
    broken = {"_id": "notes", "name": "notes", "fields": [{"name": "n", "type": "none such"}]}
    await importer.engine.database["_collections"].insert_one(broken)
    await importer.catalog.refresh()
    with pytest.raises(Quarantined):
        await importer.run(importer.file([{"n": 1}]))


async def test_an_empty_file_makes_an_empty_collection(importer: Importer) -> None:
    assert await importer.run(importer.file([])) == Outcome(0, 0)
    assert await importer.stored() == []


async def test_a_file_that_is_not_there_is_told(importer: Importer) -> None:
    with pytest.raises(TransferError, match="cannot be read: No such file or directory"):
        await importer.run(importer.folder / "none.ndjson")
    assert not await importer.exists()


async def test_csv_is_read_by_the_metadata(importer: Importer) -> None:
    path = importer.file(["Number,n,place.city", "007,1,Oslo", "x,2,"], "rows.csv")
    await importer.describe("notes", N, {"name": "code", "type": "text"})
    outcome = await importer.run(path, mapping={"Number": "code"})
    assert outcome == Outcome(2, 0)
    first, second = ({**each, "_id": None} for each in await importer.stored())
    assert first == {"_id": None, "code": "007", "n": 1, "place": {"city": "Oslo"}}
    assert second == {"_id": None, "code": "x", "n": 2}


@pytest.mark.parametrize("form", [Format.JSON, Format.NDJSON, Format.EXTJSON])
async def test_memory_mode_imports_small_files(memory: Importer, form: Format) -> None:
    path = memory.folder / "rows"
    path.write_text('[{"n": 1}, {"n": 2}]' if form is Format.JSON else '{"n": 1}\n{"n": 2}\n')
    assert await memory.run(path, form=form) == Outcome(2, 0)
    assert await memory.numbers() == [1, 2]
    again = memory.file([{"n": 3}, "oops"])
    assert await memory.run(again) == Outcome(0, 1)
    assert await memory.run(again, partial=True) == Outcome(1, 1)
    assert await memory.numbers() == [1, 2, 3]


async def test_memory_mode_refuses_large_files(
    memory: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WHOLE_BYTES", 10)
    with pytest.raises(TransferError, match="In memory mode a file may have 10,000 rows"):
        await memory.run(memory.file({"n": n} for n in range(9)))
    assert not await memory.exists()
