"""Operations that are asked for by the hashes of their texts, and the registry of such texts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import httpx

from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.registered import RegisteredOperations
from tests.conftest import make_settings
from tests.voice_graphql.conftest import AUTHORS, NO_KEY, Voice
from tests.voice_graphql.running import serving

LIST = "query Names { authors { name } }"
OTHER = "{ authors { _version } }"
WRITE = 'mutation Add { createAuthors(data: {name: "Ann"}) { name } }'
NOT_FOUND = {
    "message": "PersistedQueryNotFound",
    "extensions": {
        "code": "PERSISTED_QUERY_NOT_FOUND",
        "status": 400,
        "hint": "Send the text once, together with its hash.",
    },
}

Ask = Callable[..., Awaitable[httpx.Response]]


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def persisted(text: str, **more: Any) -> dict[str, Any]:
    """A request by the hash of a text alone."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_of(text)}}, **more}


@asynccontextmanager
async def server(mongod: EmbeddedMongod, **flags: object) -> AsyncIterator[tuple[Voice, Ask]]:
    """A server with authors, as the full-access key sees it, and how a web key asks it."""
    async with serving(make_settings(mongod.uri, **flags)) as running:
        voice = running.voice
        await voice.define(AUTHORS)
        body = {"methods": ["GET", "POST"], "paths": ["/authors", "/authors/*"]}
        made = await voice.client.post("/rest/_keys", json=body)
        assert made.status_code == 201, made.text
        headers = {"x-apikey": made.json()["key"]}

        async def ask(body: Any, **more: str) -> httpx.Response:
            return await voice.client.post("/graphql", json=body, headers={**headers, **more})

        yield voice, ask


async def test_a_hash_is_known_once_its_text_was_sent(mongod: EmbeddedMongod) -> None:
    async with server(mongod) as (voice, ask):
        answer = await ask(persisted(LIST))
        assert (answer.status_code, answer.json()) == (200, {"errors": [NOT_FOUND]})
        accept = "application/graphql-response+json"
        answer = await ask(persisted(LIST), accept=accept)
        assert (answer.status_code, answer.json()) == (400, {"errors": [NOT_FOUND]})
        names = {"data": {"authors": []}}
        assert (await ask(persisted(LIST, query=LIST))).json() == names
        assert (await ask(persisted(LIST))).json() == names
        assert (await ask(persisted(LIST, query=None))).json() == names
        assert (await voice.client.post("/graphql", json=persisted(LIST))).json() == names
        assert (await ask(persisted(OTHER))).json() == {"errors": [NOT_FOUND]}
        assert await voice.database["_operations"].count_documents({}) == 0


async def test_a_hash_by_get_runs_queries_only(mongod: EmbeddedMongod) -> None:
    async with server(mongod) as (voice, _):
        for text, status in ((LIST, 200), (WRITE, 405)):
            parameters = {"extensions": json.dumps(persisted(text)["extensions"])}
            answer = await voice.client.get("/graphql", params=parameters)
            assert answer.json() == {"errors": [NOT_FOUND]}
            answer = await voice.client.get("/graphql", params={**parameters, "query": text})
            assert answer.status_code == status
            await voice.client.post("/graphql", json=persisted(text, query=text))
            answer = await voice.client.get("/graphql", params=parameters)
            assert answer.status_code == status
        assert await voice.data("{ authors { name } }") == [{"name": "Ann"}]


async def test_a_hash_is_the_hash_of_its_text(mongod: EmbeddedMongod) -> None:
    async with server(mongod) as (_, ask):
        answer = await ask(persisted(LIST, query=OTHER))
        assert answer.status_code == 400
        (error,) = answer.json()["errors"]
        assert error["message"] == "'sha256Hash' is not the hash of the text."
        for wrong in (
            {"version": 2, "sha256Hash": hash_of(LIST)},
            {"version": 1},
            {"version": 1, "sha256Hash": hash_of(LIST).upper()},
            {"version": 1, "sha256Hash": hash_of(LIST)[1:]},
            {"version": 1, "sha256Hash": {"$gt": ""}},
            "x",
            [],
        ):
            answer = await ask({"query": LIST, "extensions": {"persistedQuery": wrong}})
            assert answer.status_code == 400
            (error,) = answer.json()["errors"]
            assert "must hold the version 1 and a SHA-256" in error["message"]
        assert (await ask(persisted(OTHER))).json() == {"errors": [NOT_FOUND]}


async def test_others_ask_for_registered_operations_only(mongod: EmbeddedMongod) -> None:
    forbidden = {
        "message": "Only registered operations are carried out here.",
        "extensions": {
            "code": "FORBIDDEN",
            "status": 403,
            "hint": "Have the text registered: duetdb operations add.",
        },
    }
    not_found = json.loads(json.dumps(NOT_FOUND))
    not_found["extensions"]["hint"] = "Ask for registered operations only."
    async with server(mongod, persisted_only=True) as (voice, ask):
        await voice.insert("authors", {"name": "Ann"})
        made = await voice.client.post("/graphql/operations", json={"query": LIST})
        assert made.status_code == 201
        names = {"data": {"authors": [{"name": "Ann"}]}}
        for body in (persisted(LIST), {"query": LIST}, persisted(LIST, query=LIST)):
            assert (await ask(body)).json() == names
        for body in (
            {"query": OTHER},
            {"query": LIST + " "},
            {"query": "{ __schema { types { name } } }"},
            {"query": "not even GraphQL"},
            persisted(OTHER, query=OTHER),
        ):
            answer = await ask(body)
            assert (answer.status_code, answer.json()) == (403, {"errors": [forbidden]})
        assert (await ask(persisted(OTHER))).json() == {"errors": [not_found]}
        full = await voice.client.post("/graphql", json=persisted(OTHER, query=OTHER))
        assert full.json() == {"data": {"authors": [{"_version": 1}]}}
        # What the full-access key has sent is not registered by that.
        assert (await ask(persisted(OTHER))).json() == {"errors": [not_found]}


async def test_registered_operations_are_judged_as_all_others(mongod: EmbeddedMongod) -> None:
    """A text that is registered gives nobody rights."""
    secret = {"name": "secrets", "fields": [{"name": "what", "type": "text"}]}
    async with server(mongod, persisted_only=True) as (voice, ask):
        await voice.define(secret)
        secrets = "{ secrets { what } }"
        await voice.client.post("/graphql/operations", json={"query": secrets})
        body = (await ask(persisted(secrets))).json()
        assert "data" not in body
        assert "secrets" in body["errors"][0]["message"]
        answer = await voice.client.post("/graphql", json=persisted(secrets), headers=NO_KEY)
        assert answer.status_code == 401


async def test_the_registry_over_http(mongod: EmbeddedMongod) -> None:
    async with server(mongod) as (voice, _):
        client = voice.client
        assert (await client.get("/graphql/operations")).json() == []
        made = await client.post("/graphql/operations", json={"query": LIST})
        entry = {"hash": hash_of(LIST), "name": "Names", "query": LIST}
        assert (made.status_code, made.json()) == (201, [entry])
        manifest = {"operations": [{"id": hash_of(OTHER), "body": OTHER, "name": "Versions"}]}
        assert (await client.post("/graphql/operations", json=manifest)).status_code == 201
        assert (await client.post("/graphql/operations", json={hash_of(WRITE): WRITE})).json() == [
            {"hash": hash_of(WRITE), "name": "Add", "query": WRITE}
        ]
        listed = (await client.get("/graphql/operations")).json()
        assert [each["name"] for each in listed] == ["Add", "Names", "Versions"]
        assert (await client.post("/graphql", json=persisted(LIST))).json() == {
            "data": {"authors": []}
        }
        gone = await client.delete(f"/graphql/operations/{hash_of(LIST)}")
        assert (gone.status_code, gone.json()) == (200, {"result": [hash_of(LIST)]})
        assert (await client.post("/graphql", json=persisted(LIST))).json() == {
            "errors": [NOT_FOUND]
        }
        answer = await client.delete(f"/graphql/operations/{hash_of(LIST)}")
        assert answer.status_code == 404
        assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_what_was_registered_and_removed_is_in_the_audit(mongod: EmbeddedMongod) -> None:
    async with server(mongod) as (voice, _):
        await voice.client.post("/graphql/operations", json={"query": LIST})
        await voice.client.delete(f"/graphql/operations/{hash_of(LIST)}")
        for _ in range(100):
            noted = await operations_noted(voice)
            if len(noted) == 2:
                break
            await asyncio.sleep(0.1)  # entries are written in batches
        assert noted == [
            ("operations.add", hash_of(LIST), "key:full"),
            ("operations.remove", hash_of(LIST), "key:full"),
        ]


async def operations_noted(voice: Voice) -> list[tuple[str, str, str]]:
    """What the audit says of registered operations, in order."""
    entries = (await voice.client.get("/rest/_audit?dir=1")).json()
    return [
        (each["action"], each["reason"], each["principal"])
        for each in entries
        if each["action"].startswith("operations.")
    ]


async def test_what_cannot_be_registered(mongod: EmbeddedMongod) -> None:
    async with server(mongod, registered_bytes=50, registered_operations=2) as (voice, _):
        client = voice.client
        for body, message in (
            (None, "Operations to be registered are a JSON object."),
            ([LIST], "Operations to be registered are a JSON object."),
            ({}, "Operations to be registered are a JSON object."),
            ({"query": 1}, "An operation to be registered has a text, and its name is one."),
            ({"query": LIST, "name": 1}, "An operation to be registered has a text,"),
            ({"operations": [1]}, "An operation to be registered has a text,"),
            ({"query": "{"}, "A text that is no operation cannot be registered: Syntax Error"),
            ({"query": "fragment f on T { a }"}, "A text without an operation"),
            ({hash_of(OTHER): LIST}, f"'{hash_of(OTHER)}' is not the SHA-256 of its text"),
            ({"query": f"{{ {'a' * 50} }}"}, "A text of 54 bytes cannot be registered"),
            ({hash_of(f"{{ a{n} }}"): f"{{ a{n} }}" for n in range(3)}, "There would be 3"),
        ):
            answer = await client.post(
                "/graphql/operations",
                content=json.dumps(body),
                headers={"content-type": "application/json"},
            )
            assert answer.status_code == 400, answer.text
            assert answer.json()["errors"][0]["message"].startswith(message)
        assert (await client.get("/graphql/operations")).json() == []
        for text in (LIST, OTHER, LIST):  # again what is there is no more
            answer = await client.post("/graphql/operations", json={"query": text})
            assert answer.status_code == 201
        answer = await client.post("/graphql/operations", json={"query": "{ a }"})
        assert answer.json()["errors"][0]["extensions"] == {
            "code": "LIMIT_EXCEEDED",
            "status": 400,
            "hint": "Remove some, or raise DUETDB_REGISTERED_OPERATIONS.",
        }
        answer = await client.post("/graphql/operations", content=json.dumps({"query": "{ a }"}))
        assert answer.status_code == 415
        answer = await client.put("/graphql/operations", json={})
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


async def test_the_registry_is_for_the_full_access_key(mongod: EmbeddedMongod) -> None:
    async with server(mongod) as (voice, ask):
        body = {"paths": ["/**"], "methods": ["GET", "POST", "DELETE"]}
        key = (await voice.client.post("/rest/_keys", json=body)).json()["key"]
        await voice.client.post("/graphql/operations", json={"query": LIST})
        for headers, status in (({"x-apikey": key}, 403), (NO_KEY, 401)):
            for method, path in (
                ("GET", "/graphql/operations"),
                ("POST", "/graphql/operations"),
                ("DELETE", f"/graphql/operations/{hash_of(LIST)}"),
                ("DELETE", "/graphql/operations/none"),
            ):
                answer = await voice.client.request(method, path, headers=headers)
                assert answer.status_code == status
        assert len((await voice.client.get("/graphql/operations")).json()) == 1
        body = {"query": "{ _operations { text } }"}
        assert "Cannot query field '_operations'" in (await ask(body)).text
        assert (await voice.client.get("/rest/_operations")).status_code == 404


async def test_what_is_removed_elsewhere_is_refused_within_a_second(mongod: EmbeddedMongod) -> None:
    async with serving(make_settings(mongod.uri)) as running:
        service = running.app.state.service
        here, there = (RegisteredOperations(service.engine, service.limits) for _ in range(2))
        await running.voice.client.post("/graphql/operations", json={"query": LIST})
        assert await here.find(hash_of(LIST)) == LIST
        await there.remove(hash_of(LIST), FULL_ACCESS)
        assert await there.find(hash_of(LIST)) is None
        await asyncio.sleep(0.6)
        assert await here.find(hash_of(LIST)) is None
