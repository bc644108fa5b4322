"""Reindexing: what documents written beside the server lack, beside writers that go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import pytest
from bson import Decimal128, Int64, ObjectId, Regex
from pymongo.monitoring import CommandListener, CommandStartedEvent

from duetdb.app.mongo.connect import connect
from duetdb.app.service.engine import Engine
from duetdb.app.service.events import Events
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.query import Create, Update
from duetdb.app.service.schema.admin import SchemaAdmin
from duetdb.app.service.schema.catalog import Catalog
from duetdb.app.service.service import Service
from duetdb.app.service.writing import reindex as module
from duetdb.app.service.writing.counters import Counters
from duetdb.app.service.writing.reindex import Outcome, Reindex
from duetdb.app.settings import Settings

TITLE = {"name": "title", "type": "text"}
TAGS = {"name": "tags", "type": "text", "multiple": True}
PLACE = {"name": "place", "type": "object", "fields": [{"name": "city", "type": "text"}]}


@pytest.fixture
async def catalog(engine: Engine) -> AsyncIterator[Catalog]:
    living = Catalog(engine)
    await living.start()
    yield living
    await living.stop()


async def declare(engine: Engine, catalog: Catalog, *fields: dict[str, Any], **more: Any) -> None:
    body = {"name": "notes", "fields": list(fields), **more}
    await SchemaAdmin(engine, catalog, Limits()).put("notes", body, FULL_ACCESS)


async def reindexed(engine: Engine, catalog: Catalog) -> Outcome:
    return await Reindex(engine, catalog.collection("notes")).run(lambda _: None)


async def everything(engine: Engine) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await engine.database["notes"].find({}).sort("_id", 1).to_list()
    return found


async def test_tokens_and_versions_are_filled_in(engine: Engine, catalog: Catalog) -> None:
    await declare(engine, catalog, TITLE, TAGS, PLACE)
    await engine.database["notes"].insert_many(
        [
            {"_id": 1, "title": "A Day", "tags": ["out", "a"], "place": {"city": "Århus"}},
            {"_id": 2, "title": None, "extra": "kept"},
            {"_id": 3, "title": "dirty", "place": [{"city": "Oslo"}, 7], "tags": {"x": 1}},
        ],
        bypass_document_validation=True,
    )
    outcome = await reindexed(engine, catalog)
    assert (outcome.looked_at, outcome.changed, outcome.refused) == (3, 3, 0)
    assert await everything(engine) == [
        {
            "_id": 1,
            "title": "A Day",
            "tags": ["out", "a"],
            "place": {"city": "Århus"},
            "_keywords": ["a", "day", "out", "århus"],
            "_tags": "a day out århus",
            "_version": 0,
        },
        {"_id": 2, "title": None, "extra": "kept", "_keywords": [], "_tags": "", "_version": 0},
        {
            "_id": 3,
            "title": "dirty",
            "place": [{"city": "Oslo"}, 7],
            "tags": {"x": 1},
            "_keywords": ["dirty", "oslo"],
            "_tags": "dirty oslo",
            "_version": 0,
        },
    ]


async def test_a_second_run_writes_nothing_to_documents(
    settings: Settings, engine: Engine, catalog: Catalog
) -> None:
    await declare(engine, catalog, TITLE)
    service = Service(engine, catalog, Limits(), Events())
    notes = catalog.collection("notes")
    await service.create(Create(collection=notes, documents=({"title": "ours"},)), FULL_ACCESS)
    await engine.database["notes"].insert_one({"title": "theirs"})
    assert (await reindexed(engine, catalog)).changed == 1

    class Updates(CommandListener):
        def __init__(self) -> None:
            self.seen: list[str] = []

        def started(self, event: CommandStartedEvent) -> None:
            if event.command.get("update") == "notes":
                self.seen.append(event.command_name)

        def succeeded(self, event: object) -> None: ...

        def failed(self, event: object) -> None: ...

    updates = Updates()
    listened = await connect(settings, [updates])
    outcome = await reindexed(listened, catalog)
    await listened.client.close()
    assert (outcome.looked_at, outcome.changed, updates.seen) == (2, 0, [])


@pytest.mark.parametrize(
    ("stored", "version"),
    [
        ({}, 0),
        ({"_version": None}, 0),
        ({"_version": "7"}, 0),
        ({"_version": True}, 0),
        ({"_version": 7.0}, 7),
        ({"_version": 7}, 7),
        ({"_version": Int64(2**40)}, 2**40),
    ],
)
async def test_a_version_is_what_the_document_counted_as(
    engine: Engine, catalog: Catalog, stored: dict[str, Any], version: int
) -> None:
    await declare(engine, catalog, TITLE)
    await engine.database["notes"].insert_one({"_id": 1, "title": "x", **stored})
    assert (await reindexed(engine, catalog)).changed == 1
    (found,) = await everything(engine)
    assert found["_version"] == version and type(found["_version"]) in (int, Int64)


async def test_tokens_that_are_wrong_are_corrected(engine: Engine, catalog: Catalog) -> None:
    await declare(engine, catalog, TITLE)
    stale = {"title": "new words", "_keywords": ["old"], "_tags": "old", "_version": 3}
    await engine.database["notes"].insert_one(stale)
    await reindexed(engine, catalog)
    (found,) = await everything(engine)
    assert (found["_keywords"], found["_tags"], found["_version"]) == (
        ["new", "words"],
        "new words",
        3,
    )


async def test_without_searchable_fields_there_are_no_tokens(
    engine: Engine, catalog: Catalog
) -> None:
    await declare(engine, catalog, {**TITLE, "searchable": False})
    await engine.database["notes"].insert_one(
        {"_id": 1, "title": "x", "_keywords": ["x"], "_tags": "x", "_version": 1}
    )
    await reindexed(engine, catalog)
    assert await everything(engine) == [{"_id": 1, "title": "x", "_version": 1}]


async def test_words_under_a_former_name_count(engine: Engine, catalog: Catalog) -> None:
    """The data of a renamed field may not have moved yet; it is found by its words all the same."""
    await declare(engine, catalog, {**PLACE, "fields": [{"name": "town", "type": "text"}]})
    await engine.database["notes"].insert_one({"_id": 1, "place": {"town": "Oslo"}})
    renamed = {"name": "city", "type": "text", "renamedFrom": "town"}
    rehearsed = await catalog.rehearse(
        {"notes": {"name": "notes", "fields": [{**PLACE, "fields": [renamed]}]}}
    )
    collection = rehearsed.schema.collections["notes"]
    outcome = await Reindex(engine, collection).run(lambda _: None)
    assert outcome.changed == 1
    (found,) = await everything(engine)
    assert found["_keywords"] == ["oslo"]
    assert found["place"] == {"town": "Oslo"}


@pytest.mark.parametrize(
    "value",
    [
        datetime(2024, 1, 2),
        Decimal128("1.50"),
        Regex("a", "i"),
        float("nan"),
        ObjectId(),
        b"\x00\xff",
        {"$bad": 1, "a.b": [1, {"$x": "words here"}]},
        [[["deep"]]],
    ],
)
async def test_odd_values_stand_in_no_one_s_way(
    engine: Engine, catalog: Catalog, value: Any
) -> None:
    await declare(engine, catalog, TITLE)
    await engine.database["notes"].insert_one({"title": value}, bypass_document_validation=True)
    outcome = await reindexed(engine, catalog)
    assert (outcome.changed, outcome.refusals) == (1, [])


async def test_a_document_that_others_change_meanwhile_is_read_again(
    engine: Engine, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading and writing one is changed beside the server, one by it, one is deleted."""
    await declare(engine, catalog, TITLE, TAGS)
    notes = engine.database["notes"]
    await notes.insert_many([{"_id": n, "title": f"before {n}"} for n in range(4)])
    service = Service(engine, catalog, Limits(), Events())
    store = Reindex._store

    async def late(self: Reindex, updates: Any) -> Any:
        monkeypatch.undo()
        await notes.update_one({"_id": 0}, {"$set": {"title": "beside"}})
        body = {"tags": ["server"]}
        change = Update(collection=catalog.collection("notes"), id=1, changes=body)
        await service.update(change, FULL_ACCESS)
        await notes.delete_one({"_id": 2})
        return await store(self, updates)

    await declare(engine, catalog, TITLE, TAGS, idType="number")
    monkeypatch.setattr(Reindex, "_store", late)
    outcome = await reindexed(engine, catalog)
    assert (outcome.looked_at, outcome.changed, outcome.refusals) == (4, 2, [])
    beside, server, kept = await everything(engine)
    assert (beside["title"], beside["_tags"]) == ("beside", "beside")
    assert (server["_tags"], server["tags"]) == ("before 1 server", ["server"])
    assert server["_version"] == 1
    assert kept["_tags"] == "before 3"


async def test_beside_busy_writers_no_write_is_lost(engine: Engine, catalog: Catalog) -> None:
    await declare(engine, catalog, TITLE, {"name": "n", "type": "number"}, idType="number")
    notes = engine.database["notes"]
    await notes.insert_many([{"_id": n, "title": f"t{n}", "n": 0} for n in range(300)])
    service = Service(engine, catalog, Limits(), Events())
    collection = catalog.collection("notes")
    done = asyncio.Event()
    written = dict.fromkeys(range(300), 0)

    async def write(offset: int) -> None:
        turn = 0
        while not done.is_set():
            id_ = (offset + 7 * turn) % 100 + 100 * offset
            turn += 1
            written[id_] += 1
            if offset == 2:  # beside the server
                await notes.update_one({"_id": id_}, {"$inc": {"n": 1}})
            else:
                body = {"n": written[id_], "title": f"turn {turn}"}
                await service.update(
                    Update(collection=collection, id=id_, changes=body), FULL_ACCESS
                )

    writers = [asyncio.create_task(write(offset)) for offset in range(3)]
    outcomes = [await reindexed(engine, catalog) for _ in range(5)]
    done.set()
    await asyncio.gather(*writers)
    assert [each.refused for each in outcomes] == [0] * 5
    assert outcomes[0].changed > 200
    found = await everything(engine)
    assert {each["_id"]: each["n"] for each in found} == written
    assert all(each["_tags"] == each["title"] for each in found)


async def test_what_changes_all_the_time_is_given_up(
    engine: Engine, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    await declare(engine, catalog, TITLE)
    notes = engine.database["notes"]
    await notes.insert_one({"_id": 1, "title": "x"})
    store = Reindex._store

    async def late(self: Reindex, updates: Any) -> Any:
        await notes.update_one({"_id": 1}, {"$set": {"title": str(ObjectId())}})
        return await store(self, updates)

    monkeypatch.setattr(Reindex, "_store", late)
    outcome = await reindexed(engine, catalog)
    assert outcome.refusals == ["1: Others change it all the time."]


def cut_after(documents: int) -> Callable[[int], None]:
    def progress(done: int) -> None:
        if done >= documents:
            raise KeyboardInterrupt

    return progress


async def test_it_goes_on_where_it_was_cut_off(
    engine: Engine, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids of every type, which MongoDB orders by type first."""
    monkeypatch.setattr(module, "BATCH", 10)
    await declare(engine, catalog, TITLE)
    ids = [*range(25), *(f"id {n:02}" for n in range(25)), *(ObjectId() for _ in range(25))]
    await engine.database["notes"].insert_many([{"_id": id_, "title": "x"} for id_ in ids])
    with pytest.raises(KeyboardInterrupt):
        await Reindex(engine, catalog.collection("notes")).run(cut_after(20))
    assert await engine.database["notes"].count_documents({"_tags": "x"}) == 20
    seen: list[int] = []
    outcome = await Reindex(engine, catalog.collection("notes")).run(seen.append)
    # The document at the cut is looked at once more.
    assert (outcome.looked_at, outcome.changed, seen[-1]) == (56, 55, 76)
    assert await engine.database["notes"].count_documents({"_tags": "x", "_version": 0}) == 75
    assert (await reindexed(engine, catalog)).looked_at == 75


async def test_other_metadata_begin_anew(
    engine: Engine, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 10)
    await declare(engine, catalog, TITLE)
    documents = [{"title": "x", "tags": ["y"]} for _ in range(30)]
    await engine.database["notes"].insert_many(documents)
    with pytest.raises(KeyboardInterrupt):
        await Reindex(engine, catalog.collection("notes")).run(cut_after(20))
    await declare(engine, catalog, TITLE, TAGS)
    assert (await reindexed(engine, catalog)).changed == 30
    assert await engine.database["notes"].count_documents({"_tags": "x y"}) == 30


async def test_what_mongodb_refuses_is_reported_and_the_rest_is_done(
    engine: Engine, catalog: Catalog
) -> None:
    await declare(engine, catalog, TITLE)
    full = {"_id": 1, "title": "x", "filling": "a" * (16 * 1024 * 1024 - 60)}
    await engine.database["notes"].insert_many([full, {"_id": 2, "title": "y"}])
    outcome = await reindexed(engine, catalog)
    assert (outcome.looked_at, outcome.changed, outcome.refused) == (2, 1, 1)
    assert outcome.refusals[0].startswith("1: ")
    assert await engine.database["notes"].count_documents({"_tags": "y"}) == 1


async def test_a_validator_of_others_does_not_stand_in_the_way(
    engine: Engine, catalog: Catalog
) -> None:
    await engine.database.create_collection(
        "notes", validator={"$jsonSchema": {"required": ["never"]}}
    )
    await engine.database["notes"].insert_one({"title": "x"}, bypass_document_validation=True)
    await declare(engine, catalog, TITLE)
    outcome = await reindexed(engine, catalog)
    assert (outcome.changed, outcome.refused) == (1, 0)


async def test_numbers_that_documents_hold_are_not_given_out_again(
    engine: Engine, catalog: Catalog
) -> None:
    number = {"name": "number", "type": "number", "autoIncrement": True}
    await declare(engine, catalog, number, idType="number")
    counters = Counters(engine)
    assert await counters.reserve("notes", "number") == 1
    assert await counters.reserve("notes", "_id") == 1
    await engine.database["notes"].insert_one({"_id": 70, "number": 41})
    await reindexed(engine, catalog)
    assert await counters.reserve("notes", "number") == 42
    assert await counters.reserve("notes", "_id") == 71
