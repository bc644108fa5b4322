"""How the database answers a request, shown to the holder of the full-access key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Forbidden, NotAvailable, Unauthenticated
from duetdb.app.service.events import Events
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import ANONYMOUS, FULL_ACCESS, Principal
from duetdb.app.service.query import Match, Query
from duetdb.app.service.reading.plan import Plan
from duetdb.app.service.schema.catalog import Catalog
from duetdb.app.service.service import Service
from duetdb.schema_gen.build import build_schema

TOWNS: dict[str, Any] = {
    "name": "towns",
    "fields": [
        {"name": "name", "type": "text", "indexed": True},
        {"name": "people", "type": "number"},
        {"name": "streets", "type": "streets", "relation": "child"},
    ],
}
STREETS: dict[str, Any] = {"name": "streets", "fields": [{"name": "name", "type": "text"}]}


@pytest.fixture
async def towns(app_client: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """Ten towns, five of them called Bergen, and two streets in the first."""
    answer = await app_client.put("/rest/_meta", json={"collections": [TOWNS, STREETS]})
    assert answer.status_code == 200, answer.text
    documents = [{"name": ("Bergen", "Oslo")[n % 2], "people": n} for n in range(10)]
    created = (await app_client.post("/rest/towns", json=documents)).json()
    for name in ("Strandgaten", "Torget"):
        where = f"/rest/towns/{created[0]['_id']}/streets"
        assert (await app_client.post(where, json={"name": name})).status_code == 201
    yield app_client


async def explain(client: httpx.AsyncClient, path: str, **params: str) -> list[dict[str, Any]]:
    answer = await client.get(f"/rest/{path}", params={**params, "explain": "true"})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert list(body) == ["explain"]
    found: list[dict[str, Any]] = body["explain"]
    for each in found:
        assert each.pop("milliseconds") >= 0
    return found


async def test_a_list_by_an_index(towns: httpx.AsyncClient) -> None:
    [found] = await explain(towns, "towns", q='{"name":"Bergen"}', max="3")
    index = found.pop("index")
    assert index.startswith("duet_field_name_")
    assert found == {
        "collection": "towns",
        "operation": "find",
        "plan": "LIMIT <- PROJECTION_DEFAULT <- FETCH <- IXSCAN",
        "documentsExamined": 3,
        "keysExamined": 3,
        "returned": 3,
    }


async def test_a_list_without_an_index(towns: httpx.AsyncClient) -> None:
    [found] = await explain(towns, "towns", q='{"people":4}', sort="people")
    assert found == {
        "collection": "towns",
        "operation": "find",
        "plan": "PROJECTION_DEFAULT <- SORT <- COLLSCAN",
        "index": None,
        "documentsExamined": 10,
        "keysExamined": 0,
        "returned": 1,
    }


async def test_totals_are_a_read_of_their_own(towns: httpx.AsyncClient) -> None:
    page, total = await explain(towns, "towns", q='{"name":"Oslo"}', totals="true", max="1")
    assert (page["operation"], page["returned"]) == ("find", 1)
    assert (total["operation"], total["plan"], total["returned"]) == (
        "count",
        "$group <- COUNT_SCAN",
        1,
    )
    assert total["keysExamined"] in (5, 6)


async def test_a_document_and_its_children(towns: httpx.AsyncClient) -> None:
    first = (await towns.get("/rest/towns", params={"max": 1})).json()[0]["_id"]
    [found] = await explain(towns, f"towns/{first}")
    assert (found["index"], found["documentsExamined"]) == ("_id_", 1)
    reads = await explain(towns, f"towns/{first}", fetchchildren="true")
    assert [each["collection"] for each in reads] == ["towns", "streets"]
    assert reads[1]["documentsExamined"] == reads[1]["returned"] == 2
    reads = await explain(towns, f"towns/{first}/streets", q='{"name":"Torget"}')
    assert [each["returned"] for each in reads][-1] == 1


async def test_children_of_many_parents_are_one_pipeline(towns: httpx.AsyncClient) -> None:
    page, children = await explain(towns, "towns", fetchchildren="true")
    assert (page["returned"], children["operation"]) == (10, "aggregate")
    assert children["plan"].endswith("$group <- $project <- FETCH <- SORT_MERGE <- IXSCAN")
    assert children["index"].startswith("duet_parent_")
    assert children["documentsExamined"] == 2


async def test_groups_and_streams(towns: httpx.AsyncClient) -> None:
    [groups] = await explain(
        towns, "towns", q='{"name":"Oslo"}', groupby="people", aggregate="COUNT:"
    )
    assert (groups["operation"], groups["returned"]) == ("aggregate", 5)
    assert "$group <- " in groups["plan"]
    assert groups["index"].startswith("duet_field_name_")
    [stream] = await explain(towns, "towns.ndjson", q='{"name":"Oslo"}')
    assert (stream["operation"], stream["returned"]) == ("find", 5)


async def test_graphql_shows_it_beside_the_answer(towns: httpx.AsyncClient) -> None:
    body = {"query": '{ towns(where: {name: {eq: "Oslo"}}, max: 1) { people } }'}
    answer = (await towns.post("/graphql?explain=true", json=body)).json()
    assert answer["data"] == {"towns": [{"people": 1}]}
    [found] = answer["extensions"]["explain"]
    assert (found["collection"], found["documentsExamined"]) == ("towns", 1)


async def test_writes_and_metadata_are_not_explained(towns: httpx.AsyncClient) -> None:
    answer = await towns.post("/rest/towns?explain=true", json={"name": "Moss"})
    assert (answer.status_code, answer.json()["name"]) == (201, "Moss")
    answer = await towns.get("/rest/towns?explain=false&max=1")
    assert len(answer.json()) == 1


async def test_a_mistake_is_answered_as_without_explain(towns: httpx.AsyncClient) -> None:
    answer = await towns.get("/rest/towns", params={"q": '{"a":{"$x":1}}', "explain": "true"})
    assert answer.status_code == 400
    answer = await towns.get("/rest/towns/5f0000000000000000000000?explain=true")
    assert answer.status_code == 404


THINGS = build_schema({"things": {"name": "things", "fields": []}}, version=1).collections["things"]


def service_of(engine: Engine) -> Service:
    return Service(engine, Catalog(engine), Limits(), Events())


async def test_only_the_full_key_may_ask(engine: Engine) -> None:
    service = service_of(engine)
    with pytest.raises(Forbidden), service.explaining(Principal(name="ann@example.com")):
        raise AssertionError
    with pytest.raises(Unauthenticated), service.explaining(ANONYMOUS):
        raise AssertionError


async def test_memory_mode_cannot(engine: Engine) -> None:
    in_memory = Engine(client=engine.client, database=engine.database, in_memory=True)
    with pytest.raises(NotAvailable), service_of(in_memory).explaining(FULL_ACCESS):
        raise AssertionError


async def test_only_what_is_read_inside_is_noted(engine: Engine) -> None:
    service = service_of(engine)
    query = Query(collection=THINGS, filter=Match("a", "eq", 1))

    async def beside() -> None:
        await service.find(query, FULL_ACCESS)

    other = asyncio.create_task(beside())
    with service.explaining(FULL_ACCESS) as notes:
        async with asyncio.TaskGroup() as group:
            group.create_task(beside())
            group.create_task(beside())
        await other
    await service.find(query, FULL_ACCESS)
    assert [each["operation"] for each in notes] == ["find", "find"]


def test_a_plan_of_shards_is_read() -> None:
    leaf = {"stage": "IXSCAN", "indexName": "a_1"}
    shard = {"winningPlan": {"stage": "FETCH", "inputStage": leaf}, "rejectedPlans": [leaf]}
    whole = Plan(
        {
            "queryPlanner": {"winningPlan": {"stage": "SHARD_MERGE", "shards": [shard, shard]}},
            "executionStats": {"nReturned": 3, "totalDocsExamined": 4},
        }
    )
    assert (whole.text, whole.indexes) == ("FETCH <- IXSCAN", ["a_1"])
    assert (whole.returned, whole.total("totalDocsExamined"), len(whole.rejected)) == (3, 4, 2)
    stats = {"totalDocsExamined": 4, "nReturned": 9}
    cursor = {"$cursor": {"queryPlanner": shard, "executionStats": stats}}
    stages = [cursor, {"$group": {}, "nReturned": 2}]
    parts = Plan({"shards": {"s1": {"stages": stages}, "s2": {"stages": stages}}})
    assert (parts.text, parts.returned) == ("$group <- FETCH <- IXSCAN", 4)
    assert parts.total("totalDocsExamined") == 8
