"""A broken definition takes its own collection out of service, says why everywhere, and heals."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from duetdb.app.main import create_app
from duetdb.app.service.engine import Engine
from duetdb.app.settings import Settings
from tests.conftest import KEY
from tests.rest.conftest import insert

TITLE = {"name": "title", "type": "text"}
BROKEN: dict[str, Any] = {
    "an unknown type": [{"name": "title", "type": "txt"}],
    "no list of fields": 7,
    "two fields of one name": [TITLE, TITLE],
    "a relation to nothing": [{"name": "author", "type": "nobody", "relation": "one"}],
    "a name that no field can have": [{"name": "a.b", "type": "text"}],
}


async def until(client: httpx.AsyncClient, path: str, status: int) -> httpx.Response:
    """The first answer of that status, within a second."""
    for _ in range(100):
        answer = await client.get(path)
        if answer.status_code == status:
            return answer
        await asyncio.sleep(0.01)
    pytest.fail(f"{path} still answers {answer.status_code}: {answer.text}")


async def asked(client: httpx.AsyncClient, query: str) -> Any:
    return (await client.post("/graphql", json={"query": query})).json()


@pytest.mark.parametrize("name", BROKEN)
async def test_one_collection_is_out_and_everything_says_why(
    app_client: httpx.AsyncClient, engine: Engine, name: str
) -> None:
    for each in ("posts", "pages"):
        put = await app_client.put(f"/rest/{each}/_meta", json={"fields": [TITLE]})
        assert put.status_code == 200
    post = (await insert(app_client, "posts", {"title": "here"}))["_id"]
    metadata = engine.database["_collections"]
    with capture_logs() as logged:
        await metadata.update_one({"_id": "posts"}, {"$set": {"fields": BROKEN[name]}})
        out = await until(app_client, "/rest/posts", 503)
    body = out.json()
    assert (body["name"], body["status"]) == ("Quarantined", 503)
    assert "'posts'" in body["message"] and body["hint"]
    reason = body["message"].partition("metadata: ")[2]
    assert reason
    for method, path in (
        ("GET", f"/rest/posts/{post}"),
        ("POST", "/rest/posts"),
        ("PATCH", f"/rest/posts/{post}"),
        ("DELETE", f"/rest/posts/{post}"),
    ):
        answer = await app_client.request(method, path, json={"title": "x"})
        assert (answer.status_code, answer.json()["message"]) == (503, body["message"])
        assert answer.headers["retry-after"]
    for query in ("{posts{title}}", "{postsConnection{totalCount}}"):
        (error,) = (await asked(app_client, query))["errors"]
        # A schema cannot hold a field that cannot be built; the hint says why it is not there.
        assert error["message"].startswith("Cannot query field 'posts")
        assert error["extensions"]["hint"].startswith("Not served because of their metadata: ")
        assert f"'posts' ({reason})" in error["extensions"]["hint"]
    (told,) = [each for each in logged if each["event"] == "collection_quarantined"]
    assert (told["collection"], told["log_level"]) == ("posts", "error")
    assert reason in told["reasons"]
    meta = (await app_client.get("/rest/posts/_meta")).json()
    assert reason in meta["problems"]
    assert (await app_client.get("/readyz")).json() == {
        "status": "ok",
        "problems": {"posts": meta["problems"]},
    }
    await everything_else_works(app_client)
    await metadata.update_one({"_id": "posts"}, {"$set": {"fields": [TITLE]}})
    assert (await until(app_client, "/rest/posts", 200)).json() == [{"_id": post, "title": "here"}]
    assert await asked(app_client, "{posts{title}}") == {"data": {"posts": [{"title": "here"}]}}
    assert "problems" not in (await app_client.get("/rest/posts/_meta")).json()
    assert (await app_client.get("/readyz")).json() == {"status": "ok"}


async def everything_else_works(client: httpx.AsyncClient) -> None:
    page = await insert(client, "pages", {"title": "fine"})
    assert (await client.get(f"/rest/pages/{page['_id']}")).status_code == 200
    read = await asked(client, "{pages{title}}")
    assert read == {"data": {"pages": [{"title": "fine"}]}}
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert "/rest/pages" in paths and "/rest/posts" not in paths
    put = await client.put("/rest/pages/_meta", json={"fields": [TITLE, {**TITLE, "name": "b"}]})
    assert put.status_code == 200
    request = client.build_request("GET", "/readyz")
    del request.headers["x-apikey"]
    assert (await client.send(request)).json() == {"status": "ok"}


async def test_it_is_healed_by_put_as_well(app_client: httpx.AsyncClient, engine: Engine) -> None:
    await engine.database["_collections"].insert_one({"_id": "posts", "fields": "none"})
    await until(app_client, "/rest/posts", 503)
    answer = await app_client.put("/rest/posts/_meta", json={"fields": [TITLE]})
    assert answer.status_code == 200
    assert (await app_client.get("/rest/posts")).json() == []


async def test_it_is_out_from_the_start(engine: Engine, settings: Settings) -> None:
    await engine.database["_collections"].insert_many(
        [{"_id": "posts", "fields": "none"}, {"_id": "pages", "fields": [TITLE]}, {"_id": 7}]
    )
    app = create_app(settings, engine)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://duetdb", headers={"x-apikey": KEY}
        ) as client:
            assert (await client.get("/rest/posts")).status_code == 503
            assert (await client.get("/rest/pages")).status_code == 200
            problems = (await client.get("/readyz")).json()["problems"]
            assert problems.keys() == {"posts", ""}
