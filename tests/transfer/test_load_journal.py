"""Imports that are cut off: finished by the same command, or taken back, and never both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from duetdb.app.service.errors import Conflict
from duetdb.app.service.writing.import_journal import ImportJournal
from duetdb.app.service.writing.intake import Intake
from duetdb.app.transfer import load as module
from duetdb.app.transfer.options import Outcome
from duetdb.app.transfer.rows import TransferError
from tests.transfer.loading import Importer, Recorder

CODE = {"name": "code", "type": "text", "unique": True}
N = {"name": "n", "type": "number"}


@pytest.fixture(autouse=True)
def batches_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_ROWS", 10)
    monkeypatch.setattr(module, "WHOLE_ROWS", 10)


def rows(count: int = 45) -> list[dict[str, Any]]:
    return [{"n": n, "code": f"c{n}"} for n in range(count)]


async def cut_off(importer: Importer, path: Path, after: int, **options: Any) -> None:
    """An import that ends, as by kill -9, when it has stored so many rows of the file."""
    watcher = Recorder(cut_after=after // 10)
    with pytest.raises(KeyboardInterrupt):
        await importer.run(path, watcher, **options)


async def test_the_same_command_finishes_it(importer: Importer) -> None:
    path = importer.file(rows())
    await cut_off(importer, path, 20)
    assert await importer.numbers() == list(range(20))
    watcher = Recorder()
    assert await importer.run(path, watcher) == Outcome(25, 0, 20)
    assert watcher.said == ["Going on after row 20, where the import was cut off."]
    assert await importer.numbers() == list(range(45))
    assert await importer.notes_left() == 0


async def test_it_may_be_cut_off_again_and_again(importer: Importer) -> None:
    path = importer.file(rows())
    for _ in range(3):
        await cut_off(importer, path, 10)
    assert await importer.run(path) == Outcome(15, 0, 30)
    assert await importer.numbers() == list(range(45))


@pytest.mark.parametrize("place", ["before", "inside", "after"])
async def test_wherever_it_is_cut_off_no_row_is_stored_twice(
    importer: Importer, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Before, inside and just after the transaction of the third batch."""
    insert = Intake.insert
    calls = 0

    async def cut(self: Intake, batches: Any, commit: Any = None) -> None:
        nonlocal calls
        calls += 1

        async def failing(session: Any) -> None:
            await commit(session)
            if calls == 3 and place == "inside":
                raise KeyboardInterrupt

        if calls == 3 and place == "before":
            raise KeyboardInterrupt
        await insert(self, batches, failing)
        if calls == 3 and place == "after":
            raise KeyboardInterrupt

    path = importer.file(rows())
    with monkeypatch.context() as patch:
        patch.setattr(Intake, "insert", cut)
        with pytest.raises(KeyboardInterrupt):
            await importer.run(path)
    stored = 30 if place == "after" else 20
    assert await importer.numbers() == list(range(stored))
    assert await importer.run(path) == Outcome(45 - stored, 0, stored)
    assert await importer.numbers() == list(range(45))


async def test_undo_takes_it_back_with_the_collection_that_it_made(importer: Importer) -> None:
    path = importer.file(rows())
    await cut_off(importer, path, 20)
    undone = await importer.load().undo("notes")
    assert undone is not None and undone.stored == 20
    assert not await importer.exists()
    assert await importer.notes_left() == 0
    assert await importer.load().undo("notes") is None


async def test_undo_leaves_what_was_there_before(importer: Importer) -> None:
    await importer.describe("notes", N)
    await importer.run(importer.file([{"n": -1}], "first.ndjson"))
    path = importer.file(rows())
    await cut_off(importer, path, 20)
    await importer.load().undo("notes")
    assert await importer.numbers() == [-1]
    assert await importer.exists()


async def test_undo_leaves_a_new_collection_that_others_use_by_now(importer: Importer) -> None:
    await cut_off(importer, importer.file(rows()), 20)
    await importer.engine.database["notes"].insert_one({"n": 99})
    await importer.load().undo("notes")
    assert await importer.numbers() == [99]
    assert await importer.exists()


async def test_another_import_is_refused_until_then(importer: Importer) -> None:
    await cut_off(importer, importer.file(rows()), 20)
    other = importer.file([{"n": 100}], "other.ndjson")
    with pytest.raises(TransferError) as refused:
        await importer.run(other)
    assert str(refused.value) == (
        "An import of rows.ndjson into 'notes' was cut off after 20 rows. Run that command again "
        "to finish it, or `duetdb import notes --undo` to take it back."
    )
    assert await importer.run(other, name="others") == Outcome(1, 0)


@pytest.mark.parametrize("change", ["content", "partial", "validate", "longer"])
async def test_only_the_very_same_command_goes_on(importer: Importer, change: str) -> None:
    path = importer.file(rows())
    await cut_off(importer, path, 20)
    options: dict[str, Any] = {}
    match change:
        case "content":
            importer.file([*rows(44), {"n": 45, "code": "c45"}])
        case "longer":
            importer.file(rows(46))
        case "partial":
            options = {"partial": True}
        case "validate":
            options = {"validate": False}
    with pytest.raises(TransferError, match=r"was cut off after 20 rows"):
        await importer.run(path, **options)
    assert await importer.numbers() == list(range(20))


async def test_a_value_that_others_take_meanwhile_takes_everything_back(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row was good when it was checked, and three batches were stored."""
    await importer.describe("notes", N, CODE)
    insert = Intake.insert
    calls = 0

    async def overtaken(self: Intake, batches: Any, commit: Any = None) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            await importer.engine.database["notes"].insert_one({"n": -1, "code": "c33"})
        await insert(self, batches, commit)

    monkeypatch.setattr(Intake, "insert", overtaken)
    watcher = Recorder()
    assert await importer.run(importer.file(rows()), watcher) == Outcome(0, 1)
    assert watcher.told == [(34, "code", "UNIQUE")]
    assert await importer.numbers() == [-1]
    assert await importer.notes_left() == 0


async def test_what_was_cut_off_while_it_was_taken_back_is_taken_back_first(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = importer.file(rows())
    await cut_off(importer, path, 30)

    async def cut(self: ImportJournal) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ImportJournal, "end", cut)
        with pytest.raises(KeyboardInterrupt):
            await importer.load().undo("notes")
    assert await importer.run(importer.file([{"n": 7}], "other.ndjson")) == Outcome(1, 0)
    assert await importer.numbers() == [7]
    fields = [each.name for each in importer.catalog.collection("notes").fields]
    assert fields == ["n"], "the collection is that of the second file"


async def test_two_at_once_do_not_both_store(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same command started twice: the second takes over, the first gives up."""
    path = importer.file(rows())
    await importer.describe("notes", N)
    insert = Intake.insert
    nested = False

    async def overtaken(self: Intake, batches: Any, commit: Any = None) -> None:
        nonlocal nested
        if not nested:
            nested = True
            await insert(self, batches, commit)
            assert await importer.run(path) == Outcome(35, 0, 10)
            return
        await insert(self, batches, commit)

    monkeypatch.setattr(Intake, "insert", overtaken)
    with pytest.raises(Conflict, match="Another process has taken over the import into 'notes'"):
        await importer.run(path)
    assert await importer.numbers() == list(range(45))


async def test_a_partial_import_goes_on_too(importer: Importer) -> None:
    await importer.describe("notes", {**N, "required": True}, CODE)
    texts: list[Any] = rows()
    texts[4] = "oops"
    texts[33] = {"n": 33, "code": "c1"}
    path = importer.file(texts)
    await cut_off(importer, path, 30, partial=True)
    assert len(await importer.stored()) == 29
    watcher = Recorder()
    assert await importer.run(path, watcher, partial=True) == Outcome(14, 1, 30)
    assert watcher.told == [(34, "code", "UNIQUE")]
    assert await importer.numbers() == [n for n in range(45) if n not in (4, 33)]


async def test_undo_of_a_partial_import_only_ends_it(importer: Importer) -> None:
    path = importer.file(rows())
    await cut_off(importer, path, 20, partial=True)
    undone = await importer.load().undo("notes")
    assert undone is not None and undone.partial
    assert await importer.numbers() == list(range(20))
    assert await importer.notes_left() == 0


async def test_a_refused_row_does_not_hold_up_its_batch(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With partial: what only the database can tell costs the rows at fault alone."""
    await importer.describe("notes", N, CODE)
    check = module.Load._check

    async def late(self: Any, batch: Any) -> None:
        await check(self, batch)
        if batch.last.number == 20:
            taken = [{"_id": ObjectId(), "code": f"c{n}", "n": -n} for n in (12, 17)]
            await importer.engine.database["notes"].insert_many(taken)

    monkeypatch.setattr(module.Load, "_check", late)
    watcher = Recorder()
    assert await importer.run(importer.file(rows()), watcher, partial=True) == Outcome(43, 2)
    assert watcher.told == [(13, "code", "UNIQUE"), (18, "code", "UNIQUE")]
    expected = [-17, -12, *(n for n in range(45) if n not in (12, 17))]
    assert await importer.numbers() == expected
