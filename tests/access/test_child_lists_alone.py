"""A key for a collection and all below it reaches children there, and nowhere else."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from bson import ObjectId

NOTES = {"name": "notes", "fields": [{"name": "text", "type": "text"}]}
POSTS = {
    "name": "posts",
    "fields": [
        {"name": "title", "type": "text"},
        {"name": "pinned", "type": "notes", "relation": "one"},
        {"name": "notes", "type": "notes", "relation": "child"},
    ],
}
GONE = str(ObjectId())


class Key:
    """What a key for ``/posts/**`` is answered; the post has a note, and refers to another."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def open(self) -> None:
        await self._full("PUT", "_meta", {"collections": [NOTES, POSTS]})
        self.alone = (await self._full("POST", "notes", {"text": "alone"}))["_id"]
        post = {"title": "a", "pinned": [self.alone]}
        self.post = (await self._full("POST", "posts", post))["_id"]
        self.note = (await self._full("POST", f"posts/{self.post}/notes", {"text": "b"}))["_id"]
        made = await self._full("POST", "_keys", {"paths": ["/posts/**"]})
        self._client.headers["x-apikey"] = made["key"]

    async def _full(self, method: str, path: str, body: Any) -> Any:
        return (await self._client.request(method, f"/rest/{path}", json=body)).json()

    async def get(self, path: str, **params: Any) -> tuple[int, Any]:
        asked = {name: json.dumps(each) for name, each in params.items()}
        answer = await self._client.get(f"/rest/{path}", params=asked)
        return answer.status_code, answer.json()

    async def post_with(self, pinned: str) -> tuple[int, Any]:
        answer = await self._client.post("/rest/posts", json={"pinned": [pinned]})
        return answer.status_code, answer.json().get("pinned")

    async def graphql(self, text: str) -> Any:
        return (await self._client.post("/graphql", json={"query": text})).json()


@pytest.fixture
async def key(app_client: httpx.AsyncClient) -> Key:
    found = Key(app_client)
    await found.open()
    return found


async def test_a_relation_beside_the_list_is_a_value(key: Key) -> None:
    post = {"_id": key.post, "title": "a", "pinned": [key.alone]}
    assert await key.get(f"posts/{key.post}") == (200, post)
    assert await key.get("posts") == (200, [post])
    assert await key.get("posts", q={"pinned": key.alone}) == (200, [post])
    assert (await key.get("posts", q={"pinned.text": "alone"}))[0] == 400
    found = await key.graphql("{ posts { title pinned } }")
    assert found == {"data": {"posts": [{"title": "a", "pinned": [key.alone]}]}}


async def test_what_is_there_decides_on_no_reference(key: Key) -> None:
    assert await key.post_with(key.alone) == (201, [key.alone])
    assert await key.post_with(GONE) == (201, [GONE])


async def test_the_list_leads_to_its_children(key: Key) -> None:
    own = {"_id": key.note, "text": "b", "_parent_id": key.post}
    own |= {"_parent_def": "posts", "_parent_field": "notes"}
    assert await key.get(f"posts/{key.post}/notes") == (200, [own])
    status, post = await key.get(f"posts/{key.post}", fetchchildren=True)
    assert (status, post["notes"]) == (200, [own])
    for text, number in (("b", 1), ("alone", 0)):
        status, found = await key.get("posts", q={"notes.text": text})
        assert (status, len(found)) == (200, number)
    text = (
        '{ posts(where: {notes: {text: {eq: "b"}}}) { notes(where: {text: {eq: "b"}}) { text } } }'
    )
    assert await key.graphql(text) == {"data": {"posts": [{"notes": [{"text": "b"}]}]}}
    assert (await key.get("notes"))[0] == 403
