"""``DUETDB_REQUIRE_INDEX``: what would look at every document of a large collection is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandListener, CommandStartedEvent

from duetdb.app.main import create_app
from duetdb.app.mongo.connect import connect
from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.engine import Engine
from duetdb.app.service.limits import Limits
from duetdb.app.service.reading.index_guard import IndexGuard, is_scan, shape_of
from duetdb.app.service.reading.plan import Plan
from duetdb.app.service.reading.source import Source
from duetdb.app.settings import Settings, SettingsError
from tests.conftest import KEY, make_settings

TOWNS: dict[str, Any] = {
    "name": "towns",
    "fields": [
        {"name": "name", "type": "text", "indexed": True, "searchable": True},
        {"name": "city", "type": "text"},
        {"name": "people", "type": "number"},
        {"name": "rank", "type": "number", "indexed": True},
        {"name": "place", "type": "geo", "indexed": True},
        {"name": "area", "type": "geo"},
        {"name": "region", "type": "regions", "relation": "one"},
        {"name": "streets", "type": "streets", "relation": "child"},
        {
            "name": "parts",
            "type": "object",
            "multiple": True,
            "fields": [{"name": "code", "type": "text"}],
        },
    ],
}
REGIONS: dict[str, Any] = {
    "name": "regions",
    "fields": [{"name": "name", "type": "text"}, {"name": "towns", "type": "number"}],
}
STREETS: dict[str, Any] = {"name": "streets", "fields": [{"name": "name", "type": "text"}]}


@pytest.fixture
async def client(mongod: EmbeddedMongod) -> AsyncIterator[httpx.AsyncClient]:
    """A server that wants an index above 50 documents, with 200 towns and 60 regions."""
    settings = make_settings(mongod.uri, require_index="50")
    engine = await connect(settings)
    app = create_app(settings, engine)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://duetdb", headers={"x-apikey": KEY}
        ) as asked:
            metadata = {"collections": [TOWNS, REGIONS, STREETS]}
            assert (await asked.put("/rest/_meta", json=metadata)).status_code == 200
            regions = [{"name": f"r{n}", "towns": n} for n in range(60)]
            made = (await asked.post("/rest/regions", json=regions)).json()
            towns = [
                {
                    "name": f"town {n}",
                    "city": f"c{n % 7}",
                    "people": n,
                    "rank": n,
                    "place": {"type": "Point", "coordinates": [n / 10, 1]},
                    "region": [made[n % 60]["_id"]],
                }
                for n in range(200)
            ]
            assert (await asked.post("/rest/towns", json=towns)).status_code == 201
            few = [{"name": f"street {n}"} for n in range(10)]
            assert (await asked.post("/rest/streets", json=few)).status_code == 201
            yield asked
    await engine.client.drop_database(engine.database.name)
    await engine.client.close()


SCANS: dict[str, tuple[dict[str, str], str]] = {
    "a value": ({"q": '{"city":"c1"}'}, "Declare \"indexed\": true on 'city'."),
    "a value of several": (
        {"q": '{"city":"c1","people":{"$gt":5}}'},
        "Declare \"indexed\": true on 'city'.",
    ),
    "either value": (
        {"q": '{"$or":[{"city":"c1"},{"people":5},{"city":"c2"}]}'},
        "Declare \"indexed\": true on 'city' and 'people'.",
    ),
    "either, one with an index": (
        {"q": '{"$or":[{"name":"town 1"},{"city":"c1","name":{"$ne":"x"}}]}'},
        "Declare \"indexed\": true on 'city'.",
    ),
    "a system field": (
        {"sort": "_changed"},
        "Create an index on '_changed' in MongoDB.",
    ),
    "a range": ({"q": '{"people":{"$bt":[1,3]}}'}, "Declare \"indexed\": true on 'people'."),
    "a part of an element": (
        {"q": '{"parts":{"code":"x"}}'},
        "Declare \"indexed\": true on 'parts.code'.",
    ),
    "the beginning of a text": (
        {"q": '{"city":{"$regex":"^c1"}}'},
        "Declare \"indexed\": true on 'city'.",
    ),
    "an order": ({"sort": "people"}, "Declare \"indexed\": true on 'people'."),
    "an order of what an index finds": (
        {"q": '{"name":{"$ne":"x"}}', "sort": "people"},
        "Declare \"indexed\": true on 'people'.",
    ),
    "a place": (
        {"q": '{"area":{"$geoWithin":{"$box":[[0,0],[1,1]]}}}'},
        "Declare \"indexed\": true on 'area'.",
    ),
    "a text inside": ({"q": '{"name":{"$regex":"own 7$"}}'}, "Add a condition"),
    "any case": ({"q": '{"name":{"$regex":"^town","$options":"i"}}'}, "Add a condition"),
    "another value": ({"q": '{"name":{"$ne":"town 1"}}'}, "Add a condition"),
    "none of the values": ({"q": '{"name":{"$nin":["town 1","town 2"]}}'}, "Add a condition"),
    "any value": ({"q": '{"name":{"$exists":true}}'}, "Add a condition"),
    "no value": ({"q": '{"city":{"$exists":false}}'}, "Add a condition"),
    "either, one without an index": ({"q": '{"$or":[{"rank":1},{"name":{"$ne":"x"}}]}'}, "Add a"),
    "a count": (
        {"q": '{"city":"c1"}', "count": "true"},
        "Declare \"indexed\": true on 'city'.",
    ),
    "groups": ({"groupby": "city", "aggregate": "COUNT:"}, "Add a condition"),
    "groups of what is filtered": (
        {"q": '{"people":{"$gt":5}}', "groupby": "city", "aggregate": "COUNT:"},
        "Declare \"indexed\": true on 'people'.",
    ),
    "different values": (
        {"q": '{"$distinct":"name","city":"c1"}'},
        "Declare \"indexed\": true on 'city'.",
    ),
    "through a relation": (
        {"q": '{"region.towns":7}'},
        "Declare \"indexed\": true on 'towns'.",
    ),
}


@pytest.mark.parametrize("name", SCANS)
async def test_what_would_look_at_everything(client: httpx.AsyncClient, name: str) -> None:
    params, hint = SCANS[name]
    answer = await client.get("/rest/towns", params=params)
    assert answer.status_code == 400, answer.text
    message = answer.json()["message"]
    looked_at = (
        "60 documents of 'regions'" if "region" in str(params) else "200 documents of 'towns'"
    )
    assert message.startswith(f"The query would look at all {looked_at}, and this server wants")
    assert "an index above 50 (DUETDB_REQUIRE_INDEX)." in message
    assert answer.json()["hint"].startswith(hint)


ANSWERED: dict[str, tuple[dict[str, str], int]] = {
    "a page": ({"max": "3"}, 3),
    "everything, in the order of ids": ({}, 200),
    "an indexed order": ({"sort": "rank", "dir": "-1", "max": "3"}, 3),
    "an indexed value": ({"q": '{"name":"town 7"}'}, 1),
    "an indexed value beside others": ({"q": '{"name":"town 7","city":"c0"}'}, 1),
    "an indexed range in another order": ({"q": '{"rank":{"$lt":7}}', "sort": "people"}, 7),
    "indexed values in another order": ({"q": '{"rank":{"$in":[1,2]}}', "sort": "name"}, 2),
    "either of two indexed": ({"q": '{"$or":[{"name":"town 7"},{"rank":9}]}'}, 2),
    "the beginning of an indexed text": ({"q": '{"name":{"$regex":"^town 19"}}'}, 11),
    "groups": ({"q": '{"rank":{"$lt":7}}', "groupby": "rank", "aggregate": "COUNT:"}, 7),
    "different values": ({"q": '{"$distinct":"rank","name":"town 3"}'}, 1),
    "words": ({"filter": "town 42"}, 1),
    "near": ({"q": '{"place":{"$near":[1,1]}}', "max": "2"}, 2),
    "within": ({"q": '{"place":{"$geoWithin":{"$centerSphere":[[1,1],0.001]}}}'}, 1),
    "by id": ({"q": '{"_id":{"$in":["5f0000000000000000000000"]}}'}, 0),
    "nothing": ({"q": '{"$or":[]}'}, 0),
}


@pytest.mark.parametrize("name", ANSWERED)
async def test_what_an_index_answers(client: httpx.AsyncClient, name: str) -> None:
    params, number = ANSWERED[name]
    answer = await client.get("/rest/towns", params=params)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()) == number


async def test_small_collections_are_searched(client: httpx.AsyncClient) -> None:
    answer = await client.get("/rest/streets", params={"q": '{"name":"street 3"}', "sort": "name"})
    assert len(answer.json()) == 1


async def test_counting_everything_costs_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.get("/rest/towns", params={"count": "true"})
    assert answer.json()["totals"]["total"] == 200


async def test_graphql_refuses_alike(client: httpx.AsyncClient) -> None:
    query = '{ towns(where: {city: {eq: "c1"}}) { name } }'
    [error] = (await client.post("/graphql", json={"query": query})).json()["errors"]
    assert error["extensions"]["status"] == 400
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert error["extensions"]["hint"] == "Declare \"indexed\": true on 'city'."


async def test_writes_by_query_are_refused_and_do_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/rest/towns/*", params={"q": '{"city":"c1"}'})
    assert answer.status_code == 400
    assert "'city'" in answer.json()["hint"]
    answer = await client.patch("/rest/towns/*", params={"q": '{"city":"c1"}'}, json={"people": 0})
    assert answer.status_code == 400
    assert (await client.get("/rest/towns", params={"count": "true"})).json()["totals"][
        "total"
    ] == 200
    answer = await client.delete("/rest/towns/*", params={"q": '{"name":"town 1"}'})
    assert len(answer.json()["result"]) == 1


async def test_the_index_of_the_hint_helps(client: httpx.AsyncClient) -> None:
    params = {"q": '{"city":"c1"}', "count": "true"}
    assert (await client.get("/rest/towns", params=params)).status_code == 400
    fields = [
        {**each, "indexed": True} if each["name"] == "city" else each for each in TOWNS["fields"]
    ]
    body = {**TOWNS, "fields": fields}
    assert (await client.put("/rest/towns/_meta", json=body)).status_code == 200
    for _ in range(60):
        answer = await client.get("/rest/towns", params=params)
        if answer.status_code == 200:
            break
        await asyncio.sleep(0.05)
    assert answer.json()["totals"]["total"] == 29


class Commands(CommandListener):
    """The names of the commands that were sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.sent.append(event.command_name)

    def succeeded(self, event: object) -> None: ...

    def failed(self, event: object) -> None: ...


@pytest.fixture
async def commands() -> Commands:
    return Commands()


@pytest.fixture
async def watched(
    engine: Engine, mongod: EmbeddedMongod, commands: Commands
) -> AsyncIterator[Engine]:
    await engine.database.things.insert_many([{"n": n} for n in range(20)])
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        mongod.uri, directConnection=True, event_listeners=[commands]
    )
    yield Engine(client=client, database=client[engine.database.name])
    await client.close()


async def test_off_it_costs_nothing(watched: Engine, commands: Commands) -> None:
    await Source(watched, Limits()).find("things", {"n": {"$eq": 1}})
    assert commands.sent == ["find"]


async def test_each_shape_is_asked_about_once(watched: Engine, commands: Commands) -> None:
    await watched.database.things.create_index("n")
    commands.sent.clear()
    source = Source(watched, Limits(require_index=5))
    for number in range(5):
        await source.find("things", {"n": {"$eq": number + 2}})
    assert commands.sent == ["count", "explain", *["find"] * 5]


async def test_the_shapes_that_are_kept_are_bounded(
    watched: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duetdb.app.service.reading.index_guard._MOST_SHAPES", 3)
    guard = IndexGuard(watched.database, Limits(require_index=5))
    for number in range(8):
        command = {"find": "things", "filter": {"_id": {"$eq": 5}, f"f{number}": {"$eq": 1}}}
        await guard.check("things", command)
    assert len(guard._scans) <= 3
    assert all(type(shape) is int for shape in guard._scans)  # and each is small


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ({"a": {"$eq": 5}}, {"a": {"$eq": 6}}, True),
        ({"a": {"$eq": 5}}, {"a": {"$eq": "x"}}, False),
        ({"a": {"$eq": 5}}, {"b": {"$eq": 5}}, False),
        ({"a": {"$gt": 5}}, {"a": {"$lt": 5}}, False),
        ({"a": {"$in": [5, 6]}}, {"a": {"$in": [7, 8, 9]}}, True),
        ({"a": {"$in": [5]}}, {"a": {"$in": [5, "x"]}}, False),
        ({"a": {"$exists": True}}, {"a": {"$exists": False}}, False),
        ({"a": {"$regex": "^abc"}}, {"a": {"$regex": "^xyz"}}, True),
        ({"a": {"$regex": "^abc"}}, {"a": {"$regex": "abc"}}, False),
        ({"a": {"$regex": "^abc"}}, {"a": {"$regex": "^abc", "$options": "i"}}, False),
        ({"$or": [{"a": {"$eq": 5}}]}, {"$or": [{"b": {"$eq": 5}}]}, False),
        ({"sort": {"a": 1, "b": 1}}, {"sort": {"b": 1, "a": 1}}, False),
        ({"sort": {"a": 1}}, {"sort": {"a": -1}}, False),
        ([{"$sort": {"a": 1}}, {"$limit": 5}], [{"$limit": 5}, {"$sort": {"a": 1}}], False),
        ({"limit": 5}, {"limit": 0}, False),
    ],
)
def test_shapes(one: Any, other: Any, are_same: bool) -> None:
    assert (shape_of(one) == shape_of(other)) is are_same
    hash(shape_of(one))


def planned(winning: Mapping[str, Any], *rejected: Mapping[str, Any]) -> Plan:
    return Plan({"queryPlanner": {"winningPlan": winning, "rejectedPlans": list(rejected)}})


SCAN = {"stage": "COLLSCAN", "filter": {"a": 1}}
BY_INDEX = {"stage": "IXSCAN", "indexName": "a", "indexBounds": {"a": ["[1, 1]"]}}
BY_TEXT = {"stage": "IXSCAN", "filter": {}, "indexBounds": {"a": ['["b", "c")']}}


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (planned(SCAN), True),
        (planned(BY_INDEX), False),
        (planned(SCAN, {"stage": "FETCH", "inputStage": BY_INDEX}), False),
        (planned(SCAN, SCAN), True),
        (planned({"stage": "OR", "inputStages": [BY_INDEX, SCAN]}), True),
        (planned({"stage": "AND_SORTED", "inputStages": [BY_INDEX, SCAN]}), False),
        (planned({"stage": "FETCH", "filter": {"b": 1}, "inputStage": BY_TEXT}), False),
        (planned({"stage": "EOF"}), False),
    ],
)
def test_which_plans_are_scans(plan: Plan, expected: bool) -> None:
    assert is_scan(plan, is_find=True) is expected


async def test_pipelines_that_read_everything(watched: Engine) -> None:
    guard = IndexGuard(watched.database, Limits(require_index=5))

    async def refused(*pipeline: dict[str, Any]) -> bool:
        command = {"aggregate": "things", "pipeline": list(pipeline), "cursor": {}}
        return await guard._is_scan(command)

    count = {"$group": {"_id": None, "n": {"$sum": 1}}}
    assert await refused({"$match": {}}, count)
    assert await refused({"$match": {"n": {"$eq": 1}}}, count)
    assert await refused({"$sort": {"n": 1}}, {"$limit": 3}, count)
    assert not await refused({"$match": {"_id": {"$in": []}}}, count)
    assert not await refused({"$sort": {"_id": 1}}, {"$limit": 3}, count)


def test_memory_mode_has_no_indexes_to_require() -> None:
    with pytest.raises(SettingsError, match="memory has no indexes to require"):
        Settings.load({"memory": "true", "require_index": "5"}, {}, env_file=None)
    in_memory = Engine(client=None, database=None, in_memory=True)
    assert Source(in_memory, Limits(require_index=5))._guard is None
