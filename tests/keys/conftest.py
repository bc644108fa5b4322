"""A database with posts and people, and web keys for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from duetdb.app.main import create_app
from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.engine import Engine
from duetdb.app.settings import Settings
from tests.conftest import make_settings
from tests.processes import KEY

POSTS: dict[str, Any] = {
    "name": "posts",
    "fields": [
        {"name": "title", "type": "text"},
        {"name": "author", "type": "text"},
        {"name": "secret", "type": "text"},
    ],
}
PEOPLE: dict[str, Any] = {"name": "people", "fields": [{"name": "name", "type": "text"}]}


@pytest.fixture
async def full(app_client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client with the full-access key, of a database with two collections."""
    answer = await app_client.put("/rest/_meta", json={"collections": [POSTS, PEOPLE]})
    assert answer.status_code == 200, answer.text
    return app_client


async def make_key(client: httpx.AsyncClient, **rights: Any) -> dict[str, Any]:
    """What is told of a new web key, the key itself included."""
    answer = await client.post("/rest/_keys", json=rights)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def ask(
    client: httpx.AsyncClient,
    key: str | None,
    method: str = "GET",
    path: str = "/rest/posts",
    **more: Any,
) -> httpx.Response:
    """A request with this key in place of the client's own; None presents nothing."""
    headers = {"x-apikey": key or "", **more.pop("headers", {})}
    request = client.build_request(method, path, headers=headers, **more)
    if key is None:
        del request.headers["x-apikey"]
    return await client.send(request)


@pytest.fixture
def database(mongod: EmbeddedMongod) -> Iterator[tuple[str, str, str, str]]:
    """The flags for a database of the test's own, which several processes may share."""
    name = make_settings(mongod.uri).database
    yield ("--mongodb-uri", mongod.uri, "--database", name)
    with MongoClient[Any](mongod.uri) as client:
        client.drop_database(name)


@pytest.fixture
async def limited(settings: Settings, engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the full-access key, whose server takes bodies of 1,000 bytes."""
    app = create_app(replace(settings, body_bytes=1_000), engine)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://duetdb", headers={"x-apikey": KEY}
        ) as client:
            yield client
