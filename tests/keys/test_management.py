"""Web keys are made, listed, changed, reset and revoked with the full-access key, by REST."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from duetdb.app.service.engine import Engine
from tests.keys.conftest import ask, make_key
from tests.processes import KEY

RIGHTS: dict[str, Any] = {
    "description": "The shop's front end.",
    "origins": ["https://shop.example", "https://shop.example:8443", "loopback"],
    "methods": ["GET", "POST"],
    "paths": ["/posts/**", "/people"],
    "realtime": ["POST:posts"],
    "filter": {"author": "ann", "title": {"$exists": True}},
    "readable": ["title", "author"],
    "writable": ["title"],
    "expires": "2090-01-01T00:00:00.000Z",
    "rate": 2.5,
}


async def test_a_key_is_told_once_and_its_rights_each_time(
    full: httpx.AsyncClient, engine: Engine
) -> None:
    made = await make_key(full, **RIGHTS)
    key = made.pop("key")
    assert re.fullmatch("[0-9a-f]{24}", key)
    assert re.fullmatch("[0-9a-f]{16}", made["_id"])
    assert made["prefix"] == key[:6]
    assert {name: made[name] for name in RIGHTS} == RIGHTS
    assert (await full.get("/rest/_keys")).json() == [made]
    assert (await full.get(f"/rest/_keys/{made['_id']}")).json() == made
    stored = await engine.database["_keys"].find({}).to_list()
    assert key not in repr(stored) and len(stored[0]["hash"]) == 64


async def test_what_is_not_given_is_none_of_it_but_for_methods(full: httpx.AsyncClient) -> None:
    made = await make_key(full)
    shown = {name: made[name] for name in RIGHTS}
    assert shown == {
        "description": "",
        "origins": [],
        "methods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
        "paths": [],
        "realtime": [],
        "filter": None,
        "readable": [],
        "writable": [],
        "expires": None,
        "rate": None,
    }
    assert (await ask(full, made["key"])).status_code == 403


async def test_a_key_does_what_its_rights_say(full: httpx.AsyncClient) -> None:
    key = (await make_key(full, methods=["GET", "POST"], paths=["/posts/**"]))["key"]
    created = await ask(full, key, "POST", json={"title": "One"})
    assert (created.status_code, created.json()["_createdby"]) == (201, "api")
    listed = await ask(full, key)
    assert [each["title"] for each in listed.json()] == ["One"]
    path = f"/rest/posts/{created.json()['_id']}"
    for method, where in (("DELETE", path), ("PATCH", path), ("GET", "/rest/people")):
        assert (await ask(full, key, method, where, json={})).status_code == 403
    assert (await full.get(path)).json()["title"] == "One"


async def test_a_change_holds_at_once(full: httpx.AsyncClient) -> None:
    made = await make_key(full, paths=["/people"])
    address = f"/rest/_keys/{made['_id']}"
    assert (await ask(full, made["key"])).status_code == 403
    changed = await full.patch(address, json={"paths": ["posts/**"], "description": "Wider."})
    assert (changed.status_code, changed.json()["paths"]) == (200, ["/posts/**"])
    assert changed.json()["changed"] >= made["changed"]
    assert (await ask(full, made["key"])).status_code == 200
    narrowed = await full.patch(address, json={"paths": None})
    assert narrowed.json()["paths"] == [] and narrowed.json()["description"] == "Wider."
    assert (await ask(full, made["key"])).status_code == 403


async def test_a_revoked_key_is_unknown(full: httpx.AsyncClient) -> None:
    made = await make_key(full, paths=["/**"])
    assert (await ask(full, made["key"])).status_code == 200
    answer = await full.delete(f"/rest/_keys/{made['_id']}")
    assert (answer.status_code, answer.json()) == (200, {"result": [made["_id"]]})
    refused = await ask(full, made["key"])
    assert (refused.status_code, refused.json()["name"]) == (403, "Forbidden")
    assert refused.content == (await ask(full, "0" * 24)).content
    assert (await full.get("/rest/_keys")).json() == []


async def test_a_reset_key_has_the_same_rights_under_a_new_one(full: httpx.AsyncClient) -> None:
    made = await make_key(full, paths=["/posts"])
    answer = await full.post(f"/rest/_keys/{made['_id']}/reset")
    assert answer.status_code == 201
    new = answer.json()["key"]
    assert new != made["key"] and re.fullmatch("[0-9a-f]{24}", new)
    assert answer.json()["paths"] == ["/posts"]
    assert (await ask(full, made["key"])).status_code == 403
    assert (await ask(full, new)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/rest/_keys/nobody"),
        ("PATCH", "/rest/_keys/nobody"),
        ("DELETE", "/rest/_keys/nobody"),
        ("POST", "/rest/_keys/nobody/reset"),
        ("GET", "/rest/_keys/full"),
        ("PATCH", "/rest/_keys/full"),
    ],
)
async def test_keys_that_are_not_there(full: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await full.request(method, path, json={"rate": 1} if method == "PATCH" else None)
    assert (answer.status_code, answer.json()["name"]) == (404, "NotFound")


async def test_the_full_key_of_the_settings_is_changed_there(full: httpx.AsyncClient) -> None:
    answer = await full.post("/rest/_keys/full/reset")
    assert (answer.status_code, answer.json()["name"]) == (400, "BadRequest")
    assert "api_key" in answer.json()["message"]
    assert (await full.delete("/rest/_keys/full")).status_code == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/rest/_keys"),
        ("POST", "/rest/_keys"),
        ("GET", "/rest/_keys/full"),
        ("PATCH", "/rest/_keys/full"),
        ("DELETE", "/rest/_keys/full"),
        ("POST", "/rest/_keys/full/reset"),
    ],
)
async def test_nobody_else_administers_keys(
    full: httpx.AsyncClient, method: str, path: str
) -> None:
    web = await make_key(full, paths=["/**", "/_keys", "/_keys/**"])
    refused = await ask(full, web["key"], method, path, json={})
    assert (refused.status_code, refused.json()["name"]) == (403, "Forbidden")
    nobody = await ask(full, None, method, path, json={})
    assert (nobody.status_code, nobody.json()["name"]) == (401, "Unauthenticated")


async def test_keys_come_page_by_page_the_oldest_first(full: httpx.AsyncClient) -> None:
    made = [(await make_key(full, description=str(each)))["_id"] for each in range(5)]
    page = await full.get("/rest/_keys?skip=1&max=3")
    assert [each["_id"] for each in page.json()] == made[1:4]


async def test_the_operators_key_is_no_web_key(full: httpx.AsyncClient) -> None:
    assert KEY not in (await full.get("/rest/_keys")).text
