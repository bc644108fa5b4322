"""Keys are administered in GraphQL as they are by REST, and nobody else sees that they can be."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from duetdb.app.main import create_app
from duetdb.app.service.engine import Engine
from duetdb.app.settings import Settings
from tests.conftest import make_settings
from tests.keys.conftest import ask, make_key

EVERYTHING = (
    "_id key prefix description origins methods paths realtime filter readable writable expires "
    "rate created changed"
)
CREATE = f"mutation ($data: WebKeyInput!) {{ createKey(data: $data) {{ {EVERYTHING} }} }}"
RIGHTS: dict[str, Any] = {
    "description": "The shop.",
    "origins": ["https://shop.example"],
    "methods": ["GET"],
    "paths": ["/posts/**"],
    "realtime": ["POST:posts"],
    "filter": {"author": {"$in": ["ann", "bob"]}},
    "readable": ["title"],
    "writable": ["title"],
    "expires": "2090-01-01T00:00:00.000Z",
    "rate": 2.5,
}


async def run(client: httpx.AsyncClient, query: str, **variables: Any) -> dict[str, Any]:
    answer = await client.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_key_from_beginning_to_end(full: httpx.AsyncClient) -> None:
    made = (await run(full, CREATE, data=RIGHTS))["data"]["createKey"]
    key, id_ = made.pop("key"), made["_id"]
    assert re.fullmatch("[0-9a-f]{24}", key)
    assert {name: made[name] for name in RIGHTS} == RIGHTS
    assert (await full.get(f"/rest/_keys/{id_}")).json() == made
    listed = await run(full, f"{{ keys {{ {EVERYTHING} }} }}")
    assert listed == {"data": {"keys": [{**made, "key": None}]}}
    assert (await ask(full, key)).status_code == 200

    change = 'mutation ($id: ID!) { updateKey(id: $id, data: {paths: ["/people"], rate: null})'
    changed = await run(full, change + "{ paths rate methods kind: __typename } }", id=id_)
    assert changed["data"]["updateKey"] == {
        "paths": ["/people"],
        "rate": None,
        "methods": ["GET"],
        "kind": "WebKey",
    }
    assert (await ask(full, key)).status_code == 403

    reset = await run(full, "mutation ($id: ID!) { resetKey(id: $id) { _id key } }", id=id_)
    new = reset["data"]["resetKey"]["key"]
    assert (await ask(full, key, path="/rest/people")).status_code == 403
    assert (await ask(full, new, path="/rest/people")).status_code == 200

    revoked = await run(full, "mutation ($id: ID!) { revokeKey(id: $id) }", id=id_)
    assert revoked == {"data": {"revokeKey": id_}}
    assert (await ask(full, new, path="/rest/people")).status_code == 403
    assert (await run(full, "{ keys { _id } }")) == {"data": {"keys": []}}


async def test_mistakes_are_named_at_once(full: httpx.AsyncClient) -> None:
    body = await run(full, CREATE, data={"paths": ["/rest/x"], "methods": ["GETT"], "rate": -1})
    (error,) = body["errors"]
    assert (error["extensions"]["code"], error["path"]) == ("VALIDATION_FAILED", ["createKey"])
    assert [each["field"] for each in error["extensions"]["list"]] == [
        "methods[0]",
        "paths[0]",
        "rate",
    ]
    assert body["data"] == {"createKey": None}


@pytest.mark.parametrize(
    "mutation",
    [
        'updateKey(id: "nobody", data: {rate: 1}) { _id }',
        'resetKey(id: "nobody") { _id }',
        'revokeKey(id: "nobody")',
    ],
)
async def test_keys_that_are_not_there(full: httpx.AsyncClient, mutation: str) -> None:
    body = await run(full, f"mutation {{ {mutation} }}")
    assert body["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_they_are_paged(full: httpx.AsyncClient) -> None:
    made = [(await make_key(full))["_id"] for _ in range(4)]
    body = await run(full, "{ keys(skip: 1, max: 2) { _id } none: keys(max: 0) { _id } }")
    assert body == {"data": {"keys": [{"_id": made[1]}, {"_id": made[2]}], "none": []}}
    bad = await run(full, "{ keys(max: -1) { _id } }")
    assert bad["errors"][0]["extensions"]["code"] == "BAD_QUERY"


async def test_the_full_key_is_reset(settings: Settings, engine: Engine) -> None:
    app = create_app(make_settings(str(settings.mongodb_uri), api_key=None), engine)
    async with app.router.lifespan_context(app):
        old = app.state.keys.generated
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://duetdb") as client:
            query = {"query": 'mutation { resetKey(id: "full") { _id key prefix } }'}
            answer = await ask(client, old, "POST", "/graphql", json=query)
            made = answer.json()["data"]["resetKey"]
            assert re.fullmatch("[0-9a-f]{37}", made["key"])
            assert (made["_id"], made["prefix"]) == ("full", None)
            assert (await ask(client, old, path="/rest/users")).status_code == 403
            assert (await ask(client, made["key"], path="/rest/users")).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "{ keys { _id } }",
        'mutation { createKey(data: {paths: ["/**"]}) { key } }',
        'mutation { updateKey(id: "full", data: {}) { key } }',
        'mutation { revokeKey(id: "full") }',
        'mutation { resetKey(id: "full") { key } }',
    ],
)
async def test_for_others_there_are_no_such_fields(full: httpx.AsyncClient, query: str) -> None:
    web = (await make_key(full, paths=["/**", "/_keys", "/_keys/**"]))["key"]
    answer = await ask(full, web, "POST", "/graphql", json={"query": query})
    told = [each["message"] for each in answer.json()["errors"]]
    assert any("Cannot query field" in each for each in told) and "data" not in answer.json()
    asked = "{ __schema { types { name fields { name } } } }"
    schema = await ask(full, web, "POST", "/graphql", json={"query": asked})
    assert schema.status_code == 200
    assert "WebKey" not in schema.text and "createKey" not in schema.text
    whole = await full.post("/graphql", json={"query": asked})
    assert "WebKey" in whole.text and "createKey" in whole.text


async def test_collections_of_these_names_make_way(full: httpx.AsyncClient) -> None:
    for name, type_ in (("keys", "Keys2"), ("key", "Key2"), ("web-key", "WebKey2")):
        answer = await full.put(f"/rest/{name}/_meta", json={"name": name})
        assert (answer.status_code, answer.json()["graphqlName"]) == (200, type_)
    asked = await full.put("/rest/more/_meta", json={"name": "more", "graphqlName": "Keys"})
    assert asked.status_code == 400
    query = "{ keys { _id } keys2 { _id } key2 { _id } webKey2 { _id } }"
    assert (await run(full, query))["data"] == {"keys": [], "keys2": [], "key2": [], "webKey2": []}
