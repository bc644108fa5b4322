"""A collection whose metadata is broken takes none of those that refer to it along."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from duetdb.app.service.engine import Engine

DEFINITIONS: list[dict[str, Any]] = [
    {"name": "authors", "fields": [{"name": "name", "type": "text"}]},
    {"name": "notes", "fields": [{"name": "text", "type": "text"}]},
    {
        "name": "posts",
        "fields": [
            {"name": "title", "type": "text"},
            {"name": "author", "type": "authors", "relation": "one"},
            {"name": "notes", "type": "notes", "relation": "child"},
        ],
    },
]


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while not await holds():  # noqa: ASYNC110  # another process could make it true
            await asyncio.sleep(0.02)


async def test_posts_stay_while_authors_and_notes_are_broken(
    app_client: httpx.AsyncClient, engine: Engine
) -> None:
    put = await app_client.put("/rest/_meta", json={"collections": DEFINITIONS})
    assert put.status_code in (200, 201), put.text
    author = (await app_client.post("/rest/authors", json={"name": "Ann"})).json()["_id"]
    post = (await app_client.post("/rest/posts", json={"title": "A", "author": author})).json()
    url = f"/rest/posts/{post['_id']}"
    await engine.database["_collections"].update_many(
        {"_id": {"$in": ["authors", "notes"]}}, {"$set": {"fields.0.type": "no such type"}}
    )

    async def broken() -> bool:
        return (await app_client.get("/rest/authors")).status_code == 503

    await until(broken)
    assert (await app_client.get(f"{url}/notes")).status_code == 503
    assert (await app_client.get(url)).json() == {
        "_id": post["_id"],
        "title": "A",
        "author": [author],
    }
    assert (await app_client.get("/rest/posts?fetchchildren=true")).status_code == 200
    patched = await app_client.patch(url, json={"title": "B", "author": [author]})
    assert patched.status_code == 200, patched.text
    asked = await app_client.get("/rest/posts", params={"q": '{"author": {"name": "Ann"}}'})
    assert (asked.status_code, "not available" in asked.json()["message"]) == (400, True)
    read = await app_client.post("/graphql", json={"query": "{ posts { title } }"})
    assert read.json() == {"data": {"posts": [{"title": "B"}]}}
    ids = await app_client.post("/graphql", json={"query": "{ posts { author } }"})
    assert ids.json() == {"data": {"posts": [{"author": [author]}]}}
    gone = await app_client.post("/graphql", json={"query": "{ posts { author { name } } }"})
    assert "must not have a selection" in gone.json()["errors"][0]["message"]

    await engine.database["_collections"].update_many(
        {"_id": {"$in": ["authors", "notes"]}}, {"$set": {"fields.0.type": "text"}}
    )

    async def repaired() -> bool:
        return (await app_client.get("/rest/authors")).status_code == 200

    await until(repaired)
    read = await app_client.post("/graphql", json={"query": "{ posts { author { name } } }"})
    assert read.json() == {"data": {"posts": [{"author": {"name": "Ann"}}]}}
    assert (await app_client.get(url)).json()["author"][0]["name"] == "Ann"
