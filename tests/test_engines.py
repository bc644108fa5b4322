"""Connecting: what is refused with a sentence, and what memory mode can and cannot do."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from bson.datetime_ms import DatetimeMS
from pymongo.monitoring import CommandListener

from duetdb.app.mongo import connect as connecting
from duetdb.app.mongo.binary import find_mongod
from duetdb.app.mongo.connect import connect
from duetdb.app.mongo.folder import uri_of
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import NotAvailable, Unavailable
from duetdb.app.setting_values import SettingsError
from duetdb.app.settings import Settings


def settings(**flags: object) -> Settings:
    return Settings.load(flags, {}, None)


@pytest.fixture
async def memory() -> Engine:
    return await connect(settings(memory=True))


@pytest.fixture
def standalone(tmp_path: Path) -> Iterator[str]:
    flags = ["--dbpath=.", "--bind_ip=./mongod.sock", "--unixSocketPrefix=."]
    process = subprocess.Popen(
        [str(find_mongod(None)), *flags], cwd=tmp_path, stdout=subprocess.DEVNULL
    )
    yield uri_of(tmp_path / "mongod.sock")
    process.terminate()
    process.wait(30)


async def test_writes_are_acknowledged_by_the_journal(engine: Engine) -> None:
    concern = engine.database["things"].write_concern
    assert (concern.document["w"], concern.document["j"]) == ("majority", True)


async def test_a_date_beyond_python_is_read(engine: Engine) -> None:
    things = engine.database["things"]
    await things.insert_one({"_id": 1, "at": DatetimeMS(-(2**55)), "now": datetime(2026, 1, 2)})
    found = await things.find_one({})
    assert found["at"] == DatetimeMS(-(2**55))
    assert found["now"] == datetime(2026, 1, 2)


async def test_listeners_hear_every_command(engine: Engine, mongod: Any) -> None:
    class Names(CommandListener):
        def __init__(self) -> None:
            self.names: list[str] = []

        def started(self, event: Any) -> None:
            self.names.append(event.command_name)

        def succeeded(self, event: Any) -> None: ...

        def failed(self, event: Any) -> None: ...

    heard = Names()
    listened = await connect(settings(mongodb_uri=mongod.uri), [heard])
    await listened.database["things"].find_one({})
    await listened.client.close()
    assert heard.names == ["hello", "find", "endSessions"]


async def test_a_standalone_mongod_is_refused_with_the_remedy(standalone: str) -> None:
    with pytest.raises(Unavailable, match="standalone") as caught:
        await connect(settings(mongodb_uri=standalone))
    assert "rs.initiate()" in str(caught.value.hint)


async def test_a_database_that_is_not_there_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "SELECTION_MS", 50)
    with pytest.raises(Unavailable, match=r"does not answer: .*\.$") as caught:
        await connect(settings(mongodb_uri=uri_of(tmp_path / "no.sock")))
    assert "Topology" not in caught.value.message


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://",
        "mongodb://h:99999",
        "mongodb://u:p@ss@h",
        "mongodb://h/?w=-3",
        "mongodb://h/?replicatSet=duet",
    ],
)
async def test_a_uri_that_cannot_be_used_is_a_sentence(uri: str) -> None:
    with pytest.raises(SettingsError, match=r"^--mongodb-uri cannot be used: .*\.$"):
        await connect(settings(mongodb_uri=uri))


async def test_nothing_to_connect_to_is_a_sentence() -> None:
    with pytest.raises(SettingsError, match="duetdb serve"):
        await connect(settings())


async def test_memory_reads_what_it_wrote(memory: Engine) -> None:
    things = memory.database["things"]
    await things.insert_many([{"_id": n, "n": n % 3} for n in range(10)])

    assert await things.find({"n": 1}, {"_id": 1}).sort({"_id": -1}).limit(2).to_list(None) == [
        {"_id": 7},
        {"_id": 4},
    ]
    assert [each["_id"] async for each in things.find({"_id": {"$lt": 2}})] == [0, 1]
    groups = await things.aggregate([{"$group": {"_id": "$n", "count": {"$sum": 1}}}])
    assert {each["_id"]: each["count"] for each in await groups.to_list()} == {0: 4, 1: 3, 2: 3}
    assert await things.count_documents({"n": {"$gte": 1}}) == 6
    changed = await things.find_one_and_update({"_id": 1}, {"$inc": {"n": 5}}, return_document=True)
    assert changed == {"_id": 1, "n": 6}
    assert (await things.delete_one({"_id": 1})).deleted_count == 1
    assert await memory.database.list_collection_names() == ["things"]
    await memory.client.close()


REFUSED: dict[str, Any] = {
    "text": lambda engine: engine.database["things"].find({"$text": {"$search": "x"}}),
    "nested": lambda engine: engine.database["things"].find({"$or": [{"a": {"$near": []}}]}),
    "expression": lambda engine: engine.database["things"].count_documents({"$expr": {}}),
    "bulk": lambda engine: engine.database["things"].bulk_write([]),
    "watch": lambda engine: engine.database.watch(),
    "session": lambda engine: engine.client.start_session(),
    "in session": lambda engine: engine.database["things"].find({}, session=object()),
    "collation": lambda engine: engine.database["things"].find({}, collation={"locale": "de"}),
    "partial": lambda engine: engine.database["things"].create_index(
        "a", unique=True, partialFilterExpression={}
    ),
    "lookup": lambda engine: engine.database["things"].aggregate([{"$lookup": {}}]),
    "firstN": lambda engine: engine.database["things"].aggregate(
        [{"$group": {"_id": 1, "x": {"$firstN": {"input": "$a", "n": 2}}}}]
    ),
    "update": lambda engine: engine.database["things"].update_one({}, {"$bit": {"a": {"or": 1}}}),
    "pipeline": lambda engine: engine.database["things"].update_one({}, [{"$set": {"a": 1}}]),
    "command": lambda engine: engine.database.command({"collMod": "things"}),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_memory_refuses_what_it_cannot_do(memory: Engine, name: str) -> None:
    with pytest.raises(NotAvailable, match="not available in memory mode"):
        answer = REFUSED[name](memory)
        await answer
