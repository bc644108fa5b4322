"""A refusal is the same whether or not there is something to be refused, in time as well."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

ROUNDS = 1_000
"""Requests of each kind, in turn: 2,000 in a comparison."""
NEAR = 0.05
TRIES = 3
"""Something else may use the machine; a difference that is ours is there each time."""

POSTS = {
    "fields": [
        {"name": "title", "type": "text"},
        {"name": "owner", "type": "text", "indexed": True},
    ]
}


async def key_for(admin: httpx.AsyncClient, **rights: Any) -> dict[str, str]:
    made = await admin.post("/rest/_keys", json=rights)
    assert made.status_code == 201, made.text
    return {"x-apikey": made.json()["key"]}


async def difference(
    client: httpx.AsyncClient, one: str, other: str, headers: Mapping[str, str]
) -> float:
    """How far the medians are apart, as a share of the lesser one."""
    times: dict[str, list[float]] = {one: [], other: []}
    for number in range(ROUNDS):
        for path in (one, other) if number % 2 else (other, one):
            begun = time.perf_counter()
            await client.get(path, headers=headers)
            times[path].append(time.perf_counter() - begun)
    medians = sorted(statistics.median(each) for each in times.values())
    return medians[1] / medians[0] - 1


async def is_alike(
    client: httpx.AsyncClient, one: str, other: str, headers: Mapping[str, str]
) -> bool:
    found = []
    for _ in range(TRIES):
        found.append(await difference(client, one, other, headers))
        if found[-1] < NEAR:
            return True
    print(f"{one} and {other} differ by {found}")
    return False


async def answer(
    client: httpx.AsyncClient, path: str, headers: Mapping[str, str]
) -> tuple[int, Any, dict[str, str]]:
    got = await client.get(path, headers=headers)
    told = {name: value for name, value in got.headers.items() if name != "x-request-id"}
    return got.status_code, got.json(), told


@pytest.fixture
async def places(app_client: httpx.AsyncClient) -> dict[str, str]:
    """A document that the filter of a key keeps back, one that does not exist, and so on."""
    assert (await app_client.put("/rest/posts/_meta", json=POSTS)).is_success
    assert (await app_client.put("/rest/closed/_meta", json=POSTS)).is_success
    many = [{"title": f"t{number}", "owner": "others"} for number in range(200)]
    stored = (await app_client.post("/rest/posts", json=many)).json()
    closed = (await app_client.post("/rest/closed", json={"title": "secret"})).json()
    missing = "0123456789abcdef01234567"
    return {
        "hidden": f"/rest/posts/{stored[100]['_id']}",
        "missing": f"/rest/posts/{missing}",
        "closed": f"/rest/closed/{closed['_id']}",
        "closed, missing": f"/rest/closed/{missing}",
        "no collection": f"/rest/absent/{missing}",
    }


async def test_a_hidden_document_and_a_missing_one(
    app_client: httpx.AsyncClient, places: dict[str, str]
) -> None:
    web = await key_for(app_client, paths=["/posts/**"], filter={"owner": "me"})
    hidden, missing = places["hidden"], places["missing"]
    status, body, headers = await answer(app_client, hidden, web)
    assert status == 404
    shown = (hidden.rpartition("/")[2], missing.rpartition("/")[2])
    assert str(body).replace(*shown) == str((await answer(app_client, missing, web))[1])
    assert headers == (await answer(app_client, missing, web))[2]
    assert await is_alike(app_client, hidden, missing, web)


async def test_a_closed_collection_a_document_of_it_and_nothing(
    app_client: httpx.AsyncClient, places: dict[str, str]
) -> None:
    web = await key_for(app_client, paths=["/posts/**"])
    closed, missing = places["closed"], places["closed, missing"]
    refused = await answer(app_client, closed, web)
    assert refused[0] == 403
    assert refused == await answer(app_client, missing, web)
    assert refused == await answer(app_client, places["no collection"], web)
    assert await is_alike(app_client, closed, missing, web)
    assert await is_alike(app_client, closed, places["no collection"], web)


async def test_without_a_key_nothing_is_told(
    app_client: httpx.AsyncClient, places: dict[str, str]
) -> None:
    nobody = {"x-apikey": "0" * 24}
    for headers, status in (({"x-apikey": ""}, 401), (nobody, 403)):
        answers = [await answer(app_client, path, headers) for path in places.values()]
        assert {each[0] for each in answers} == {status}
        assert all(each == answers[0] for each in answers)
    assert await is_alike(app_client, places["closed"], places["no collection"], nobody)


async def test_graphql_says_the_same_of_what_is_closed_and_what_is_not_there(
    app_client: httpx.AsyncClient, places: dict[str, str]
) -> None:
    web = await key_for(app_client, paths=["/posts/**"])
    told = []
    for name in ("closed", "absent"):
        got = await app_client.post(
            "/graphql", headers=web, json={"query": f"{{ {name} {{ _id }} }}"}
        )
        told.append((got.status_code, got.text.replace(name, "?")))
    assert told[0] == told[1]
    assert "Did you mean" not in told[0][1]
