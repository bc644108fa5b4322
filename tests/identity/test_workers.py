"""What one worker learns, all of them act on within a second; and users on both interfaces."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from duetdb.app.service.engine import Engine
from tests.identity.conftest import Serve
from tests.identity.issuer import EMAIL, SECRET, bearer, signed
from tests.processes import HEADERS

NOTES = {
    "name": "notes",
    "fields": [{"name": "title", "type": "text"}],
    "access": {"read": ["author"], "write": ["author"]},
}


@pytest.fixture
async def ada(engine: Engine) -> Any:
    record = {"email": EMAIL, "roles": ["author"], "active": True}
    return (await engine.database["users"].insert_one(record)).inserted_id


@pytest.fixture
async def workers(serve: Serve, ada: Any) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    """Two applications on one database, each with what it remembers by itself."""
    first, second = await serve(jwt_secret=SECRET), await serve(jwt_secret=SECRET)
    answer = await first.put("/rest/notes/_meta", json=NOTES, headers=HEADERS)
    assert answer.status_code in (200, 201), answer.text
    return first, second


async def read(client: httpx.AsyncClient, token: str) -> int:
    return (await client.get("/rest/notes", headers=bearer(token))).status_code


async def test_users_act_by_their_roles_on_both_interfaces(
    workers: tuple[httpx.AsyncClient, httpx.AsyncClient],
) -> None:
    client, headers = workers[0], bearer(signed())
    answer = await client.post("/rest/notes", json={"title": "one"}, headers=headers)
    assert (answer.status_code, answer.json()["_createdby"]) == (201, EMAIL)
    query = {"query": "{ notes { title _createdby } }"}
    answer = await client.post("/graphql", json=query, headers=headers)
    assert answer.json() == {"data": {"notes": [{"title": "one", "_createdby": EMAIL}]}}
    answer = await client.get("/rest/notes", params={"jwt": signed()})
    assert [each["title"] for each in answer.json()] == ["one"]
    for path in ("/rest/users", "/rest/_keys", "/rest/_sessions", "/rest/_credentials"):
        assert (await client.get(path, headers=headers)).status_code in (403, 404)


async def test_a_role_that_is_taken_away_is_gone_on_every_worker(
    workers: tuple[httpx.AsyncClient, httpx.AsyncClient], ada: Any
) -> None:
    first, second = workers
    token = signed()
    assert (await read(first, token), await read(second, token)) == (200, 200)
    change = {"roles": ["reader"]}
    answer = await first.patch(f"/rest/users/{ada}", json=change, headers=HEADERS)
    assert answer.status_code == 200
    await asyncio.sleep(0.9)
    assert (await read(first, token), await read(second, token)) == (403, 403)


@pytest.mark.parametrize("way", ["inactive", "deleted", "another address"])
async def test_a_user_who_is_shut_out_is_so_on_every_worker(
    workers: tuple[httpx.AsyncClient, httpx.AsyncClient], ada: Any, way: str
) -> None:
    first, second = workers
    token = signed()
    assert (await read(first, token), await read(second, token)) == (200, 200)
    path = f"/rest/users/{ada}"
    if way == "deleted":
        await first.delete(path, headers=HEADERS)
    else:
        change = {"active": False} if way == "inactive" else {"email": "other@example.com"}
        await first.patch(path, json=change, headers=HEADERS)
    await asyncio.sleep(0.9)
    assert (await read(first, token), await read(second, token)) == (403, 403)


async def test_a_user_who_is_new_may_come_in_within_a_second(
    workers: tuple[httpx.AsyncClient, httpx.AsyncClient],
) -> None:
    first, second = workers
    token = signed(email="bob@example.com")
    assert (await read(first, token), await read(second, token)) == (403, 403)
    record = {"email": "bob@example.com", "roles": ["author"]}
    assert (await first.post("/rest/users", json=record, headers=HEADERS)).status_code == 201
    await asyncio.sleep(0.9)
    assert (await read(first, token), await read(second, token)) == (200, 200)


async def test_a_logout_holds_on_every_worker(
    workers: tuple[httpx.AsyncClient, httpx.AsyncClient],
) -> None:
    first, second = workers
    token, other = signed(jti="one"), signed(jti="two")
    assert (await read(first, token), await read(second, token)) == (200, 200)
    await first.post("/auth/logout", headers=bearer(token))
    assert await read(first, token) == 401
    await asyncio.sleep(0.9)
    assert await read(second, token) == 401
    assert await read(second, other) == 200


async def test_the_record_decides_and_the_claim_only_without_one(
    serve: Serve, ada: Any, engine: Engine
) -> None:
    client = await serve(jwt_secret=SECRET, jwt_without_record=True)
    await client.put("/rest/notes/_meta", json=NOTES, headers=HEADERS)
    await engine.database["users"].update_one({"_id": ada}, {"$unset": {"roles": 1}})
    assert await read(client, signed(roles=["author"])) == 403
    assert await read(client, signed(email="bob@example.com", roles=["author"])) == 200
    for roles in (None, [], "reader", [["author"]], {"author": 1}, [7]):
        token = signed(email="bob@example.com", roles=roles)
        assert (roles, await read(client, token)) == (roles, 403)


async def test_users_are_found_by_the_index(engine: Engine, serve: Serve, ada: Any) -> None:
    await serve(jwt_secret=SECRET)
    for _ in range(50):
        plan = await engine.database["users"].find({"email": {"$eq": EMAIL}}).limit(2).explain()
        if "IXSCAN" in str(plan["queryPlanner"]["winningPlan"]):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(plan["queryPlanner"]["winningPlan"])


async def test_rules_may_ask_by_the_users_record(serve: Serve, engine: Engine) -> None:
    users = engine.database["users"]
    await users.insert_one({"email": EMAIL, "roles": ["author"], "team": "red", "password": "x"})
    client = await serve(jwt_secret=SECRET)
    rules = [{"role": "author", "filter": {"team": "$user.team"}}]
    meta = {**NOTES, "access": {"rules": rules}}
    answer = await client.put("/rest/notes/_meta", json=meta, headers=HEADERS)
    assert answer.status_code in (200, 201), answer.text
    made = [{"title": "mine", "team": "red"}, {"title": "theirs", "team": "blue"}]
    await client.post("/rest/notes", json=made, headers=HEADERS)
    answer = await client.get("/rest/notes", headers=bearer(signed()))
    assert [each["title"] for each in answer.json()] == ["mine"]


async def test_users_may_be_kept_elsewhere_and_are_as_safe_there(
    serve: Serve, engine: Engine
) -> None:
    ada = await engine.database["people"].insert_one({"email": EMAIL, "roles": ["author"]})
    await engine.database["users"].insert_one({"email": "bob@example.com"})
    client = await serve(jwt_secret=SECRET, users_collection="people")
    fields = [{"name": "email", "type": "email", "unique": True}]
    meta = {"name": "people", "fields": fields}
    answer = await client.put("/rest/people/_meta", json=meta, headers=HEADERS)
    assert answer.status_code in (200, 201), answer.text
    user, path = bearer(signed()), f"/rest/people/{ada.inserted_id}"
    assert (await client.get("/auth/userinfo", headers=user)).status_code == 200
    bob = bearer(signed(email="bob@example.com"))
    assert (await client.get("/auth/userinfo", headers=bob)).status_code == 403
    assert (await client.get(path, headers=user)).status_code == 403
    star, named = await web_key(client, "/**"), await web_key(client, "/people/**")
    assert (await client.get(path, headers=star)).status_code == 403
    assert (await client.get(path, headers=named)).status_code == 200
    for name in ("roles", "active", "email_verified", "realtime"):
        for headers in (user, star, named):
            answer = await client.patch(path, json={name: ["admin"]}, headers=headers)
            assert (name, answer.status_code) == (name, 403)


async def web_key(client: httpx.AsyncClient, path: str) -> dict[str, str]:
    answer = await client.post("/rest/_keys", json={"paths": [path]}, headers=HEADERS)
    assert answer.status_code == 201, answer.text
    return {"x-apikey": answer.json()["key"]}
