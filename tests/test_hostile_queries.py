"""Hostile questions on both interfaces: at once a 4xx that says what is wrong, and nothing runs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
from pymongo.monitoring import CommandListener, CommandStartedEvent

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.conftest import KEY, make_settings
from tests.hostile_queries import PEOPLE, hostile
from tests.voice_graphql.running import Server, serving

SECONDS = 1.0
HOSTILE = tuple(hostile())


class Commands(CommandListener):
    """The commands that reached the collection of people."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        if "people" in (event.command.get(event.command_name), event.command_name):
            self.sent.append(event.command_name)

    def succeeded(self, event: object) -> None: ...

    def failed(self, event: object) -> None: ...


@pytest.fixture
async def commands() -> Commands:
    return Commands()


@pytest.fixture
async def people(mongod: EmbeddedMongod, commands: Commands) -> AsyncIterator[Server]:
    """A server whose commands are heard, with texts in it that endless patterns never end on."""
    async with serving(make_settings(mongod.uri), commands) as server:
        client = server.voice.client
        assert (await client.put("/rest/people/_meta", json=PEOPLE)).status_code in (200, 201)
        documents = [{"name": "a" * 30_000 + "!", "tags": ["a" * 10_000]} for _ in range(20)]
        assert (await client.post("/rest/people", json=documents)).status_code == 201
        commands.sent.clear()
        yield server


async def ask_rest(server: Server, method: str, path: str, q: str) -> tuple[int, dict[str, Any]]:
    """Past the client library, which has a limit of its own for the length of an address."""
    body = b""
    status = 0

    async def send(message: Any) -> None:
        nonlocal body, status
        status = message.get("status", status)
        body += message.get("body", b"")

    async def receive() -> Any:
        if received:
            await asyncio.Event().wait()
        received.append(True)
        return {"type": "http.request", "body": b"", "more_body": False}

    received: list[bool] = []
    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": f"q={quote(q, safe='')}".encode(),
        "headers": [(b"x-apikey", KEY.encode()), (b"host", b"duetdb")],
        "client": ("127.0.0.1", 1),
        "server": ("duetdb", 80),
        "state": {},
    }
    await server.app(scope, receive, send)
    answer: dict[str, Any] = json.loads(body)
    return status, answer


async def ask_graphql(server: Server, q: str) -> tuple[int, dict[str, Any]]:
    query = "query($q: JSON) { people(q: $q) { name } }"
    body = f'{{"query":{json.dumps(query)},"variables":{{"q":{q}}}}}'
    headers = {"content-type": "application/json"}
    answer = await server.voice.client.post("/graphql", content=body.encode(), headers=headers)
    [error] = answer.json().get("errors", [{"message": "There was no error."}])
    return error.get("extensions", {}).get("status", answer.status_code), error


def test_there_are_more_than_two_hundred() -> None:
    cases = HOSTILE
    assert len(cases) >= 200
    assert len({name for name, _, _ in cases}) == len(cases)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "people"), ("GET", "people.ndjson"), ("DELETE", "people/*")],
)
async def test_every_one_is_refused_over_rest(
    people: Server, commands: Commands, method: str, path: str
) -> None:
    wrong: list[Any] = []
    for name, text, said in HOSTILE:
        begun = time.perf_counter()
        status, answer = await ask_rest(people, method, f"/rest/{path}", text)
        seconds = time.perf_counter() - begun
        if status != 400 or said not in answer["message"] or seconds > SECONDS:
            wrong.append((name, said, status, str(answer)[:300], seconds))
    assert wrong == []
    assert commands.sent == []


async def test_every_one_is_refused_in_graphql(people: Server, commands: Commands) -> None:
    wrong: list[Any] = []
    for name, text, said in HOSTILE:
        begun = time.perf_counter()
        status, error = await ask_graphql(people, text)
        seconds = time.perf_counter() - begun
        if status != 400 or said not in error["message"] or seconds > SECONDS:
            wrong.append((name, said, status, str(error)[:300], seconds))
    assert wrong == []
    assert commands.sent == []


def where_of(kind: str) -> Any:
    """Hostile values of the typed ``where``, as GraphQL lets them be written."""
    if kind.endswith("alternatives"):
        number = int(kind.partition(" ")[0].replace(",", ""))
        return {"or": [{"age": {"eq": n}} for n in range(number)]}
    if kind == "10,000 values":
        return {"age": {"in": list(range(10_001))}}
    if kind == "10,000 patterns":
        return {"and": [{"name": {"regex": f"^a{n}"}} for n in range(10_000)]}
    nested: Any = {"age": {"eq": 1}}
    for _ in range(100):
        nested = {kind: nested} if kind == "not" else {kind: [nested]}
    return nested


TOO_MUCH = {
    "and": "The filter has more than 20 levels.",
    "or": "The filter has more than 20 levels.",
    "not": "The filter has more than 20 levels.",
    "600 alternatives": "The filter holds more than 500 comparisons.",
    "10,000 alternatives": "The variable 'w' holds more than 20,000 values.",
    "10,000 values": "The lists of the filter hold more than 10000 values.",
    "10,000 patterns": "The variable 'w' holds more than 20,000 values.",
}


async def test_a_typed_filter_has_the_same_limits(people: Server, commands: Commands) -> None:
    query = "query($w: PeopleWhere) { people(where: $w) { name } }"
    for kind, said in TOO_MUCH.items():
        body = {"query": query, "variables": {"w": where_of(kind)}}
        begun = time.perf_counter()
        [error] = (await people.voice.client.post("/graphql", json=body)).json()["errors"]
        assert time.perf_counter() - begun < SECONDS
        assert (error["message"], error["extensions"]["status"]) == (said, 400)
    assert commands.sent == []


WHERE = (
    '{name: {regex: "(a+)+$"}}',
    '{name: {regex: "/(a|A)+$/i"}}',
    '{tags: {elemMatch: {regex: "(a|aa)+$"}}}',
    '{friends: {name: {regex: "(a+)+$"}}}',
    '{not: {name: {regex: "(\\\\w+\\\\s?)+$"}}}',
    '{name: {where: "sleep(1000)"}}',
    '{_where: "1"}',
    "{name: {gteq: 1}}",
    "{age: {between: [1, 2]}}",
    "{__proto__: {eq: 1}}",
    "{age: {eq: 99999999999999999999}}",
    "{age: {bt: [1]}}",
    '{tags: {size: {expr: "x"}}}',
    "{age: {in: 1, nope: 2}}",
    "[1]",
    '"x"',
)


async def test_a_typed_filter_that_is_hostile(people: Server, commands: Commands) -> None:
    for where in WHERE:
        body = {"query": f"{{ people(where: {where}) {{ name }} }}"}
        answer = await people.voice.client.post("/graphql", json=body)
        errors = answer.json()["errors"]
        assert [each["extensions"]["status"] for each in errors] == [400] * len(errors), where
    assert commands.sent == []
