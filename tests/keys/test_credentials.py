"""What is presented is accepted whole or not at all, and never written to a log."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from duetdb.app.service.engine import Engine
from tests.keys.conftest import ask, make_key
from tests.processes import KEY, serving

Headers = list[tuple[str, str | bytes]]


async def send(
    client: httpx.AsyncClient, headers: Headers, path: str = "/rest/posts"
) -> httpx.Response:
    request = client.build_request("GET", path)
    request.headers = httpx.Headers([("host", "duetdb"), *headers])
    return await client.send(request)


@pytest.mark.parametrize("path", ["/rest/posts", "/graphql?query=%7B__typename%7D"])
async def test_a_key_comes_in_a_header_or_a_parameter(full: httpx.AsyncClient, path: str) -> None:
    join = "&" if "?" in path else "?"
    for headers, where in (
        ([("X-Apikey", KEY)], path),
        ([("X-API-KEY", KEY)], path),
        ([("x-apikey", KEY)], path),
        ([], f"{path}{join}apikey={KEY}"),
        ([("authorization", "Basic eDp5"), ("x-apikey", KEY)], path),
    ):
        assert (await send(full, headers, where)).status_code == 200, headers


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ([], "", 401),
        ([("x-apikey", "")], "", 401),
        ([], "apikey=", 401),
        ([("authorization", "Basic eDp5")], "", 401),
        ([("authorization", "Bearer")], "", 401),
        ([("authorization", "Bearer ")], "", 401),
        ([], "jwt=", 401),
        ([("x-apikey", KEY), ("authorization", "Bearer ")], "", 401),
        ([("x-apikey", KEY), ("authorization", "Bearer x.y.z")], "", 401),
        ([("x-apikey", KEY)], "jwt=x.y.z", 401),
        ([("x-apikey", KEY), ("x-apikey", KEY)], "", 200),
        ([("x-apikey", KEY)], f"apikey={KEY}", 200),
        ([("x-apikey", KEY), ("x-api-key", KEY)], "", 200),
        ([], f"apikey={KEY}&apikey={KEY}", 200),
        ([("x-apikey", KEY), ("x-apikey", "x" * 24)], "", 403),
        ([("x-apikey", KEY), ("x-apikey", "")], "", 403),
        ([("x-apikey", KEY)], "apikey=", 403),
        ([("x-apikey", KEY)], f"apikey={KEY}x", 403),
        ([], f"apikey=x&apikey={KEY}", 403),
        ([("x-apikey", f"{KEY},{KEY}")], "", 403),
        ([("x-apikey", f"{KEY}, x")], "", 403),
        ([("x-apikey", f"{KEY} x")], "", 403),
        ([("x-apikey", f"{KEY}é".encode())], "", 403),
        ([], f"apikey={KEY}%C3%A9", 403),
        ([], f"apikey={KEY}%00", 403),
        ([], f"apikey[]={KEY}", 401),
        ([("x-apikey", KEY.upper())], "", 403),
        ([("x-apikey", KEY[:-1])], "", 403),
        ([("x-apikey", "x" * 20_000)], "", 403),
        ([("authorization", "Bearer a"), ("authorization", "Bearer b")], "", 403),
        ([("authorization", "Bearer a")], "jwt=a", 401),
        ([("x-apikey", KEY)], "", 200),
    ],
)
async def test_nothing_is_accepted_by_half(
    full: httpx.AsyncClient, headers: Headers, query: str, status: int
) -> None:
    for path in ("/rest/posts", "/graphql?query=%7B__typename%7D"):
        where = f"{path}{'&' if '?' in path else '?'}{query}" if query else path
        answer = await send(full, headers, where)
        assert answer.status_code == status, (path, answer.text)
        assert KEY not in answer.text


async def test_whether_something_exists_is_not_told(full: httpx.AsyncClient) -> None:
    await full.post("/rest/posts", json={"_id": "5f0000000000000000000001", "title": "x"})
    web = (await make_key(full, paths=["/people"]))["key"]
    for key, status in ((None, 401), ("0" * 24, 403), (web, 403)):
        bodies = set()
        for path in ("posts", "posts/5f0000000000000000000001", "posts/5f0000000000000000000002"):
            answer = await ask(full, key, path=f"/rest/{path}")
            assert answer.status_code == status
            bodies.add(answer.content)
        bodies.add((await ask(full, key, path="/rest/nowhere")).content)
        assert len(bodies) == 1, bodies


async def test_an_expired_key_is_refused(full: httpx.AsyncClient, engine: Engine) -> None:
    made = await make_key(full, paths=["/**"], expires="2090-01-01")
    assert (await ask(full, made["key"])).status_code == 200
    stored = engine.database["_keys"]
    past = {"$dateFromString": {"dateString": "2001-01-01"}}
    await stored.update_one({"_id": made["_id"]}, [{"$set": {"expires": past}}])
    app_keys: Any = full._transport.app.state.keys  # type: ignore[attr-defined]
    app_keys.forget()
    answer = await ask(full, made["key"])
    assert (answer.status_code, answer.json()["name"]) == (403, "Forbidden")
    assert "expired" in answer.json()["message"]


@pytest.mark.parametrize(
    "change",
    [
        {"paths": "/**"},
        {"methods": None},
        {"origins": "*"},
        {"readable": ["title", 1]},
        {"filter": {"a": 1}},
        {"filter": "{"},
        {"filter": "[]"},
        {"expires": "2090-01-01"},
        {"rate": "1"},
    ],
)
async def test_a_record_that_was_broken_beside_us_gives_no_rights(
    full: httpx.AsyncClient, engine: Engine, change: dict[str, Any]
) -> None:
    made = await make_key(full, paths=["/**"])
    await engine.database["_keys"].update_one({"_id": made["_id"]}, {"$set": change})
    assert (await ask(full, made["key"])).status_code == 403
    assert (await full.get("/rest/_keys")).status_code == 200


def test_parameters_that_carry_credentials_are_in_no_log(
    mongod: Any, database: tuple[str, ...]
) -> None:
    with serving(*database, "--access-log", "--log-level", "debug") as server:
        paths = (
            f"/rest/users?apikey={KEY}",
            f"/graphql?query=%7B__typename%7D&apikey={KEY}",
            "/rest/users?jwt=a-token-that-is-secret",
            "/rest/users?apikey=a-wrong-key-that-is-secret",
        )
        for path in paths:
            httpx.get(server.url + path, trust_env=False)
        httpx.get(server.url + "/rest/users", headers={"x-apikey": KEY}, trust_env=False)
        server.stop()
        assert server.logged.count('"path":"/rest/users"') == 4
        for secret in (KEY, "is-secret", "apikey", "jwt="):
            assert secret not in server.logged
