"""Writes of limited callers over HTTP, on both interfaces and in all forms of a body."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from bson import ObjectId

from duetdb.app.http.credentials import Callers, Presented
from duetdb.app.service.access.role_permissions import RolePermissions
from duetdb.app.service.engine import Engine
from duetdb.app.service.principal import Principal

POSTS = {
    "fields": [
        {"name": "title", "type": "text", "required": True},
        {"name": "secret", "type": "number", "hidden": True},
        {
            "name": "address",
            "type": "object",
            "fields": [
                {"name": "city", "type": "text"},
                {"name": "zip", "type": "text", "hidden": True},
            ],
        },
    ]
}
STORED = {"title": "t", "secret": 7, "address": {"city": "Graz", "zip": "8010"}, "team": "red"}
MISSING = "0123456789abcdef01234567"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def key(app_client: httpx.AsyncClient) -> dict[str, str]:
    """The header of a key for posts of the red team."""
    assert (await app_client.put("/rest/posts/_meta", json=POSTS)).is_success
    rights = {"paths": ["/posts/**"], "filter": {"team": "red"}}
    made = await app_client.post("/rest/_keys", json=rights)
    return {"x-apikey": made.json()["key"]}


@pytest.fixture
async def id_(app_client: httpx.AsyncClient, key: dict[str, str]) -> str:
    return str((await app_client.post("/rest/posts", json=STORED)).json()["_id"])


async def stored(app_client: httpx.AsyncClient, id_: str) -> dict[str, Any]:
    found = (await app_client.get(f"/rest/posts/{id_}")).json()
    return {name: each for name, each in found.items() if name in STORED}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('{"secret": 1}', {}),
        ("secret=1", FORM),
        ("title=u&secret=1", FORM),
        ('address={"zip":"1"}', FORM),
        ('{"$set": {"secret": 1}}', {}),
        ('{"$rename": {"secret": "title"}}', {}),
        ('{"address.zip": "1"}', {}),
        ('{"address": {"zip": "1"}}', {}),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST"])
async def test_a_body_with_what_may_not_be_written(
    app_client: httpx.AsyncClient,
    key: dict[str, str],
    id_: str,
    method: str,
    body: str,
    kind: dict[str, str],
) -> None:
    """A POST is one that stands for PATCH."""
    headers = {**key, **kind, "x-http-method-override": "PATCH"}
    answer = await app_client.request(method, f"/rest/posts/{id_}", content=body, headers=headers)
    assert answer.status_code == 403
    assert "may not be written by this caller" in answer.json()["message"]
    assert await stored(app_client, id_) == STORED


async def test_a_form_that_is_sent_back_as_it_was_read(
    app_client: httpx.AsyncClient, key: dict[str, str], id_: str
) -> None:
    read = (await app_client.get(f"/rest/posts/{id_}?metafields=true", headers=key)).json()
    assert "secret" not in read and read["address"] == {"city": "Graz"}
    read["address"]["city"] = "Linz"
    answer = await app_client.put(f"/rest/posts/{id_}", json=read, headers=key)
    assert answer.status_code == 200
    assert answer.json()["address"] == {"city": "Linz"}
    after = {**STORED, "address": {"city": "Linz", "zip": "8010"}}
    assert await stored(app_client, id_) == after


@pytest.mark.parametrize("tags", ['"1"', '"7"', '"1", "2"', "*"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_versions_tell_nothing_of_documents_out_of_reach(
    app_client: httpx.AsyncClient, key: dict[str, str], method: str, tags: str
) -> None:
    hidden = (await app_client.post("/rest/posts", json={**STORED, "team": "blue"})).json()
    headers = {**key, "if-match": tags}
    answers = []
    for each in (hidden["_id"], MISSING):
        body = None if method == "DELETE" else {"title": None}
        answer = await app_client.request(method, f"/rest/posts/{each}", json=body, headers=headers)
        assert answer.status_code == 404
        answers.append(answer.text.replace(each, "ID"))
    assert answers[0] == answers[1]


async def asked(
    app_client: httpx.AsyncClient, key: dict[str, str], text: str, **variables: Any
) -> dict[str, Any]:
    sent = {"query": text, "variables": variables}
    body: dict[str, Any] = (await app_client.post("/graphql", json=sent, headers=key)).json()
    return body


async def test_graphql_keeps_what_may_not_be_written(
    app_client: httpx.AsyncClient, key: dict[str, str], id_: str
) -> None:
    update = (
        "mutation($id: ID!, $data: PostsInput!) { updatePosts(id: $id, data: $data) { title } }"
    )
    city = {"address": {"city": "Linz"}}
    done = await asked(app_client, key, update, id=id_, data=city)
    assert done == {"data": {"updatePosts": {"title": "t"}}}
    after = {**STORED, "address": {"city": "Linz", "zip": "8010"}}
    assert await stored(app_client, id_) == after

    replace = update.replace("update", "replace")
    whole = {"title": "u", "_extra": {"team": "red"}}
    done = await asked(app_client, key, replace, id=id_, data=whole)
    assert done == {"data": {"replacePosts": {"title": "u"}}}
    after = {**STORED, "title": "u", "address": {"zip": "8010"}}
    assert await stored(app_client, id_) == after

    unknown = await asked(app_client, key, update, id=id_, data={"secret": 1})
    assert "unknown field 'secret'" in unknown["errors"][0]["message"]
    for value in (1, None):
        refused = await asked(app_client, key, update, id=id_, data={"_extra": {"secret": value}})
        assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    out = await asked(app_client, key, update, id=id_, data={"_extra": {"team": "blue"}})
    assert out["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await stored(app_client, id_) == after


async def test_nothing_is_told_of_the_lists_of_a_closed_collection(
    app_client: httpx.AsyncClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = {"name": "notes", "type": "notes", "relation": "child"}
    closed = {"fields": [child], "access": {"read": ["owner"]}}
    schema = {"collections": [{"name": "vaults", **closed}, {"name": "notes", "fields": []}]}
    assert (await app_client.put("/rest/_meta", json=schema)).is_success
    somebody = Principal(name="u@e.org", permissions=RolePermissions([]), id="user:u")

    async def verified(self: Callers, shown: Presented) -> Principal:
        return somebody

    monkeypatch.setattr(Callers, "_verified", verified)
    answers = []
    for path in (f"/rest/vaults/{ObjectId()}/note", f"/rest/vaultz/{ObjectId()}/note"):
        for method in ("GET", "POST"):
            answer = await app_client.request(method, path, json={} if method == "POST" else None)
            answers.append((answer.status_code, answer.json()))
    assert answers == [answers[0]] * 4
    assert answers[0][0] == 403
