"""The audit: who was refused what, and who administered what; never secrets, never values."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from duetdb.app.main import create_app
from duetdb.app.service.audit.audit import CAPACITY, Audit
from duetdb.app.service.audit.notes import Asked
from duetdb.app.service.engine import Engine
from duetdb.app.settings import Settings
from tests.keys.conftest import ask, make_key
from tests.processes import KEY

POSTS = {"name": "posts", "fields": [{"name": "title", "type": "text"}]}


async def entries(client: httpx.AsyncClient, query: str = "dir=1") -> list[dict[str, Any]]:
    answer = await client.get(f"/rest/_audit?{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def test_what_is_administered_is_noted(app_client: httpx.AsyncClient) -> None:
    named = {"x-request-id": "a-request"}
    await app_client.put("/rest/posts/_meta", json=POSTS, headers=named)
    await app_client.put("/rest/_meta", json={"collections": [POSTS, {"name": "more"}]})
    made = await make_key(app_client, paths=["/posts"], description="private words")
    id_ = made["_id"]
    await app_client.patch(f"/rest/_keys/{id_}", json={"rate": 5})
    await app_client.post(f"/rest/_keys/{id_}/reset")
    await app_client.delete(f"/rest/_keys/{id_}")
    await app_client.patch("/rest/posts/*?q={}", json={"title": "private words"})
    await app_client.delete('/rest/posts/*?q={"title":"private words"}')
    await app_client.delete("/rest/more/_meta?drop=true")
    found = await entries(app_client)
    assert [(each["action"], each["reason"]) for each in found] == [
        ("schema.put", "posts"),
        ("schema.put", "posts, more"),
        ("keys.create", id_),
        ("keys.update", id_),
        ("keys.reset", id_),
        ("keys.revoke", id_),
        ("documents.update_many", "posts"),
        ("documents.delete_matching", "posts"),
        ("schema.delete", "more, with its documents"),
    ]
    assert found[0].keys() == {
        *("time", "kind", "action", "reason", "principal", "address", "request", "count")
    }
    first = {name: found[0][name] for name in ("kind", "principal", "address", "request", "count")}
    assert first == {
        "kind": "done",
        "principal": "key:full",
        "address": "127.0.0.1",
        "request": "a-request",
        "count": 1,
    }
    assert "private" not in str(found) and made["key"] not in str(found)


async def test_what_does_not_change_anything_is_not_noted(app_client: httpx.AsyncClient) -> None:
    await app_client.put("/rest/posts/_meta", json={"name": "posts", "fields": 5})
    await app_client.post("/rest/_keys", json={"paths": 5})
    await app_client.delete("/rest/_keys/nobody")
    await app_client.get("/rest/posts")
    await app_client.get("/rest/nowhere")
    assert await entries(app_client) == []


async def test_refusals_are_noted_and_those_alike_are_counted(
    app_client: httpx.AsyncClient,
) -> None:
    await app_client.put("/rest/posts/_meta", json=POSTS)
    web = await make_key(app_client, paths=["/posts"], methods=["GET"], rate=0.5)
    key, id_ = web["key"], f"key:{web['_id']}"
    for _ in range(3):
        assert (await ask(app_client, None, path="/rest/posts/an-id?q={}")).status_code == 401
    wrong = await ask(app_client, "0" * 24, "POST", "/graphql", json={"query": "{ a }"})
    assert wrong.status_code == 403
    assert (await ask(app_client, key, "POST", json={"title": "private"})).status_code == 403
    page = {"origin": "https://evil.example"}
    assert (await ask(app_client, key, headers=page)).status_code == 403
    statuses = [(await ask(app_client, key)).status_code for _ in range(6)]
    assert statuses[-1] == 429
    found = [each for each in await entries(app_client) if each["kind"] == "refused"]
    short = [
        (each["action"], each["reason"].partition(":")[0], each["principal"], each["count"])
        for each in found
    ]
    assert short == [
        ("GET /rest/posts", "Unauthenticated", "", 3),
        ("POST /graphql", "Forbidden", "", 1),
        ("POST /rest/posts", "Forbidden", id_, 1),
        ("GET /rest/posts", "Forbidden", id_, 1),
        ("GET /rest/posts", "TooManyRequests", id_, statuses.count(429)),
    ]
    for secret in (key, "0" * 24, "private", "an-id", "evil"):
        assert secret not in str(found)


async def test_a_part_of_a_graphql_operation_may_be_refused(app_client: httpx.AsyncClient) -> None:
    await app_client.put("/rest/posts/_meta", json=POSTS)
    web = await make_key(app_client, paths=["/posts/5f0000000000000000000001"])
    query = {"query": '{ postsById(id: "5f0000000000000000000002") { title } }'}
    answer = await ask(app_client, web["key"], "POST", "/graphql", json=query)
    assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    (last,) = await entries(app_client, "max=1")
    assert (last["kind"], last["action"]) == ("refused", "POST /graphql")
    assert last["principal"] == f"key:{web['_id']}"


async def test_it_is_paged_in_either_order(app_client: httpx.AsyncClient) -> None:
    made = [(await make_key(app_client))["_id"] for _ in range(5)]
    newest = [each["reason"] for each in await entries(app_client, "skip=1&max=2")]
    oldest = [each["reason"] for each in await entries(app_client, "skip=1&max=2&dir=1")]
    assert (newest, oldest) == ([made[3], made[2]], [made[1], made[2]])


async def test_it_is_for_the_full_key_alone(app_client: httpx.AsyncClient) -> None:
    web = await make_key(app_client, paths=["/**", "/_audit", "/_audit/**", "/_audit_refused"])
    for path in ("/rest/_audit", "/rest/_audit_refused", "/rest/_keys", "/rest/_secrets"):
        assert (await ask(app_client, web["key"], path=path)).status_code == 403
        assert (await ask(app_client, None, path=path)).status_code == 401
    assert (await app_client.get("/rest/_audit_refused")).status_code == 404
    assert (await app_client.post("/rest/_audit", json={})).status_code == 405


async def test_a_flood_is_counted_and_not_kept(engine: Engine) -> None:
    audit = Audit()
    await audit.prepare(engine)
    for number in range(50_000):
        audit.refused(Asked(audit, method="GET", path=f"/{number}"), "Forbidden: no.")
    audit.acted(Asked(audit), "keys.revoke", "1")
    await audit.flush()
    stored = await engine.database["_audit_refused"].find({}).to_list()
    assert len(stored) == 201
    assert sum(each["count"] for each in stored) == 50_000
    assert await engine.database["_audit"].count_documents({}) == 1


async def test_its_collections_are_capped(engine: Engine) -> None:
    await asyncio.gather(*(Audit().prepare(engine) for _ in range(4)))
    async for each in await engine.database.list_collections():
        assert each["options"] == {"capped": True, "size": CAPACITY}


async def test_it_is_written_without_being_asked_for(settings: Settings, engine: Engine) -> None:
    app = create_app(settings, engine)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://duetdb") as client:
            assert (await client.get("/rest/posts")).status_code == 401
            stored = engine.database["_audit_refused"]
            await asyncio.sleep(2)
            assert await stored.count_documents({}) == 1
            assert (await client.get("/rest/people")).status_code == 401
    assert await stored.count_documents({}) == 2  # the last at the end of the server


@pytest.fixture
async def in_memory() -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings.load({"memory": True, "api_key": KEY}, {}, env_file=None)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        headers = {"x-apikey": KEY}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://duetdb", headers=headers
        ) as client:
            yield client


async def test_in_memory_there_is_none(in_memory: httpx.AsyncClient) -> None:
    assert (await ask(in_memory, None)).status_code == 401
    made = await make_key(in_memory, paths=["/users"])
    assert (await ask(in_memory, made["key"], path="/rest/users")).status_code == 200
    answer = await in_memory.get("/rest/_audit")
    assert (answer.status_code, answer.json()["name"]) == (501, "NotAvailable")
