"""Who is told of the schema, by introspection and by errors that suggest what it has."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import httpx
import jwt
import pytest
from graphql import get_introspection_query

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.conftest import KEY, make_settings
from tests.voice_graphql.conftest import Json
from tests.voice_graphql.running import serving

SECRET = "a-secret-of-the-issuer-with-enough-bytes"
EMAIL = "ada@example.com"
SHELVES: Json = {
    "name": "shelves",
    "fields": [
        {"name": "label", "type": "text"},
        {"name": "width", "type": "number"},
        {"name": "above", "type": "shelves", "relation": "one"},
        {"name": "place", "type": "object", "fields": [{"name": "aisle", "type": "text"}]},
        {"name": "cost", "type": "money", "hidden": True},
    ],
    "access": {"read": ["*"], "write": ["*"]},
}
CELLARS: Json = {
    "name": "cellars",
    "fields": [{"name": "depth", "type": "number"}],
    "access": {"read": ["admin"], "write": ["admin"]},
}
REFUSED = "This caller may not ask for the schema, which is introspection."


@asynccontextmanager
async def server(
    mongod: EmbeddedMongod, **flags: object
) -> AsyncIterator[tuple[httpx.AsyncClient, dict[str, dict[str, str]]]]:
    """A server with shelves for all and cellars for none, and the headers of each caller."""
    settings = make_settings(mongod.uri, jwt_secret=SECRET, **flags)
    async with serving(settings) as running:
        client = running.voice.client
        await running.voice.define(SHELVES, CELLARS)
        await running.voice.insert("users", {"email": EMAIL, "email_verified": True})
        rights = {"methods": ["GET", "POST", "PATCH"], "paths": ["/shelves", "/shelves/*"]}
        made = await client.post("/rest/_keys", json=rights)
        token = jwt.encode({"email": EMAIL, "exp": int(time.time()) + 3600}, SECRET, "HS256")
        del client.headers["x-apikey"]
        yield (
            client,
            {
                "full": {"x-apikey": KEY},
                "key": {"x-apikey": made.json()["key"]},
                "user": {"authorization": f"Bearer {token}"},
            },
        )


async def ask(client: httpx.AsyncClient, who: dict[str, str], query: str, **more: Any) -> Json:
    answer = await client.post("/graphql", json={"query": query, **more}, headers=who)
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


@pytest.mark.parametrize(
    ("setting", "introspects", "suggests"),
    [
        ("keys", {"full", "key"}, {"full"}),
        ("true", {"full", "key"}, {"full"}),
        ("all", {"full", "key", "user"}, {"full"}),
        ("off", set(), set()),
        ("false", set(), set()),
    ],
)
async def test_who_is_told(
    mongod: EmbeddedMongod, setting: str, introspects: set[str], suggests: set[str]
) -> None:
    async with server(mongod, introspection=setting) as (client, callers):
        for name, who in callers.items():
            assert (await ask(client, who, "{ shelves { label } }")) == {"data": {"shelves": []}}
            body = await ask(client, who, get_introspection_query())
            if name in introspects:
                assert "Shelves" in [each["name"] for each in body["data"]["__schema"]["types"]]
            else:
                assert [each["message"] for each in body["errors"]] == [REFUSED]
            (error,) = (await ask(client, who, "{ shelves { labl } }"))["errors"]
            assert ("Did you mean 'label'" in error["message"]) is (name in suggests)


async def test_each_caller_is_told_of_what_it_may_see(mongod: EmbeddedMongod) -> None:
    async with server(mongod, introspection="all") as (client, callers):
        for name, who in callers.items():
            told = json.dumps(await ask(client, who, get_introspection_query()))
            assert '"label"' in told
            assert ("cellars" in told.lower()) is (name == "full")
            assert ('"cost"' in told) is (name == "full")
            (error,) = (await ask(client, who, "{ cellar { depth } }"))["errors"]
            assert ("cellars" in error["message"]) is (name == "full")


HASH = sha256(get_introspection_query().encode()).hexdigest()
ASKED: list[Json] = [
    {"query": "{ __schema { types { name } } }"},
    {"query": '{ a: __type(name: "Shelves") { b: name } }'},
    {"query": '{ ... on Query { ... { __type(name: "Shelves") { name } } } }'},
    {"query": "{ ...q } fragment q on Query { __schema { types { name } } }"},
    {"query": "{ __schema { ...s } } fragment s on __Schema { types { name } }"},
    {"query": "{ ...s } fragment s on __Schema { types { name } }"},
    {"query": "query a { __typename } query b { __schema { types { name } } }"},
    {"query": "{ __typename } fragment q on Query { __schema { types { name } } }"},
    {"query": "{ __schema @skip(if: true) { types { name } } }"},
    {"query": "mutation { __schema { types { name } } }"},
    {"query": "{ shelves { above { __schema { types { name } } } } }"},
    {"query": get_introspection_query()},
    {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": HASH}}},
]


async def test_nobody_finds_a_way_to_ask_for_the_schema(mongod: EmbeddedMongod) -> None:
    """The full-access key has asked the same before, so texts and answers of it are kept."""
    async with server(mongod) as (client, callers):
        for body in ASKED:
            if "query" in body:
                asked = {**body, "extensions": {"persistedQuery": persisted(body["query"])}}
                await client.post("/graphql", json=asked, headers=callers["full"])
        for body in ASKED:
            answer = await client.post("/graphql", json=body, headers=callers["user"])
            assert "data" not in answer.json(), body
            assert "Shelves" not in answer.text
            assert "Boolean" not in answer.text


def persisted(text: str) -> Json:
    return {"version": 1, "sha256Hash": sha256(text.encode()).hexdigest()}


WRONG: list[tuple[str, Json]] = [
    ("{ shelve { label } }", {}),
    ("{ shelves { wid } }", {}),
    ("{ shelves { place { isle } } }", {}),
    ("{ shelves(wher: {}) { label } }", {}),
    ("{ shelves(where: {lable: {eq: 1}}) { label } }", {}),
    ("{ shelves(where: {label: {eqq: 1}}) { label } }", {}),
    ("{ shelves(orderBy: [{label: ASCC}]) { label } }", {}),
    ("{ shelvesAggregate(groupBy: [labl]) { count } }", {}),
    ("{ shelvesAggregate { sum { widt } } }", {}),
    ("{ shelves { ... on Shelve { label } } }", {}),
    ("query($a: ShelvesWher) { shelves(where: $a) { label } }", {}),
    ("query($a: ShelvesWhere) { shelves(where: $a) { label } }", {"a": {"lable": {"eq": 1}}}),
    ("query($a: [ShelvesOrderBy!]) { shelves(orderBy: $a) { label } }", {"a": [{"lable": "ASC"}]}),
    ("query($a: [ShelvesOrderBy!]) { shelves(orderBy: $a) { label } }", {"a": [{"label": "AS"}]}),
    ("query($a: [ShelvesField!]) { shelvesAggregate(groupBy: $a) { count } }", {"a": ["labl"]}),
    ("mutation { createShelves(data: {labl: 1}) { label } }", {}),
    ("mutation { createShelve(data: {}) { label } }", {}),
    ("mutation($a: ShelvesInput!) { createShelves(data: $a) { label } }", {"a": {"labl": 1}}),
]


@pytest.mark.parametrize("name", ["key", "user"])
async def test_mistakes_are_told_without_what_would_be_right(
    mongod: EmbeddedMongod, name: str
) -> None:
    told = 0
    async with server(mongod) as (client, callers):
        for text, variables in WRONG:
            full = json.dumps(await ask(client, callers["full"], text, variables=variables))
            told += "Did you mean" in full
            answer = await ask(client, callers[name], text, variables=variables)
            assert answer["errors"], text
            said = json.dumps(answer)
            assert "Did you mean" not in said
            sent = text + json.dumps(variables)
            for right in "label width aisle shelves where eq ASC DESC".split():
                assert right in sent or f"'{right}'" not in said, said
    assert told == len(WRONG)
