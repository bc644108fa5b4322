"""A field that decides on rights is not renamed away from the filters that ask by it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

NAME = {"name": "name", "type": "text"}
DRAFT = {"name": "draft", "type": "bool"}
RENAMED = {"name": "unready", "type": "bool", "renamedFrom": "draft"}
AUTHOR = {"name": "author", "type": "authors", "relation": "one"}
HINT = "Let it ask by the new name too: a rule in the same request, a key before it."


def collection(name: str, *fields: Any, q: Any = None) -> dict[str, Any]:
    rules = [{"role": "reader", "filter": q}] if q else []
    return {"name": name, "fields": list(fields), "access": {"rules": rules}}


async def put(client: httpx.AsyncClient, *collections: Any) -> httpx.Response:
    return await client.put("/rest/_meta", json={"collections": collections})


def refused(answer: httpx.Response, field: str, sentence: str) -> None:
    assert answer.status_code == 400
    body = answer.json()
    assert body["list"] == [{"field": field, "message": [sentence, "METADATA"]}]
    assert body["hint"] == HINT


@pytest.mark.parametrize(
    "q",
    [
        {"draft": {"$ne": True}},
        {"$or": [{"name": "$user.email"}, {"$not": {"draft": True}}]},
    ],
    ids=str,
)
async def test_a_rule_of_the_collection_itself(app_client: httpx.AsyncClient, q: Any) -> None:
    await put(app_client, collection("posts", DRAFT, q=q))
    answer = await put(app_client, collection("posts", RENAMED, q=q))
    refused(
        answer,
        "collections[0].fields[0].renamedFrom",
        "The rule of 'reader' in 'posts' asks by 'draft', which would find nothing.",
    )
    changed = {"unready": {"$ne": True}}
    assert (await put(app_client, collection("posts", RENAMED, q=changed))).status_code == 200


async def test_a_rule_of_another_collection(app_client: httpx.AsyncClient) -> None:
    q = {"author.draft": {"$ne": True}}
    authors, posts = collection("authors", NAME, DRAFT), collection("posts", AUTHOR, q=q)
    await put(app_client, authors, posts)
    renamed = collection("authors", NAME, RENAMED)
    sentence = "The rule of 'reader' in 'posts' asks by 'draft', which would find nothing."
    refused(await put(app_client, renamed), "collections[0].fields[1].renamedFrom", sentence)
    changed = collection("posts", AUTHOR, q={"author.unready": {"$ne": True}})
    assert (await put(app_client, renamed, changed)).status_code == 200


async def test_the_filter_of_a_key_that_reaches_it(app_client: httpx.AsyncClient) -> None:
    inner = {"name": "parts", "type": "object", "multiple": True, "fields": [DRAFT]}
    await put(app_client, collection("posts", inner), collection("notes", inner))
    q: Any = {"parts": {"$elemMatch": {"draft": True}}}
    made = await app_client.post("/rest/_keys", json={"paths": ["/posts/**"], "filter": q})
    key = made.json()["_id"]
    renamed = {**inner, "fields": [RENAMED]}
    refused(
        await put(app_client, collection("posts", renamed)),
        "collections[0].fields[0].fields[0].renamedFrom",
        f"The filter of the key {key} asks by 'parts.draft', which would find nothing.",
    )
    assert (await put(app_client, collection("notes", renamed))).status_code == 200
    both = {"$or": [q, {"parts.0.unready": True}]}
    await app_client.patch(f"/rest/_keys/{key}", json={"filter": both})
    assert (await put(app_client, collection("posts", renamed))).status_code == 200
