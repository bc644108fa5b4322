"""The settings of the GraphQL interface, and the errors that they make."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
from graphql import get_introspection_query

from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.graphql.execute import in_turns
from tests.conftest import make_settings
from tests.voice_graphql import running

NODES = {
    "name": "nodes",
    "fields": [
        {"name": "title", "type": "text"},
        {"name": "next", "type": "nodes", "relation": "one"},
        {"name": "size", "type": "object", "fields": [{"name": "mm", "type": "number"}]},
    ],
}


@asynccontextmanager
async def serving(mongod: EmbeddedMongod, **flags: object) -> AsyncIterator[httpx.AsyncClient]:
    """A server with these settings and the collection ``nodes``."""
    async with running.serving(make_settings(mongod.uri, **flags)) as server:
        client = server.voice.client
        assert (await client.put("/rest/nodes/_meta", json=NODES)).status_code in (200, 201)
        yield client


async def ask(client: httpx.AsyncClient, query: str) -> Any:
    answer = await client.post("/graphql", json={"query": query})
    assert answer.status_code == 200
    return answer.json()


async def test_a_selection_may_not_be_deeper_than_the_limit(mongod: EmbeddedMongod) -> None:
    async with serving(mongod, graphql_depth=3) as client:
        assert await ask(client, "{ nodes { next { next { title } } } }") == {"data": {"nodes": []}}
        for deep in (
            "{ nodes { next { next { next { title } } } } }",
            "{ nodes { next { next { size { mm } } } } }",
            "{ nodesConnection { edges { node { next { next { next { title } } } } } } }",
            "fragment n on Nodes { next { next { title } } } { nodes { next { ...n } } }",
        ):
            (error,) = (await ask(client, deep))["errors"]
            assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
            assert error["extensions"]["status"] == 400
            assert "3 levels" in error["message"]


async def test_the_default_depth_stops_a_thousand_levels(mongod: EmbeddedMongod) -> None:
    async with serving(mongod) as client:
        body = await ask(client, "{ nodes " + "{ next " * 1000 + "{ title }" + "}" * 1001)
        assert [each["extensions"]["status"] for each in body["errors"]] == [400]


async def test_others_have_their_turn_between_root_fields() -> None:
    """Also where each of these is done before it waits for the database."""
    done: list[Any] = []

    async def read(root: Any) -> None:
        done.append(root)

    reading = asyncio.create_task(in_turns(read, cast(Any, range(200))))
    most = 0
    while not reading.done():
        before = len(done)
        await asyncio.sleep(0)
        most = max(most, len(done) - before)
    assert len(done) == 200
    assert most <= 8


async def test_a_text_may_not_have_more_tokens_than_the_limit(mongod: EmbeddedMongod) -> None:
    async with serving(mongod, graphql_tokens=20) as client:
        assert "data" in await ask(client, "{ nodes { title } }")
        (error,) = (await ask(client, "{ nodes {" + " title" * 20 + "} }"))["errors"]
        assert error["message"] == "The text has more than 20 tokens."
        hint = "Ask in several operations, or raise DUETDB_GRAPHQL_TOKENS."
        assert error["extensions"] == {"code": "LIMIT_EXCEEDED", "status": 400, "hint": hint}
        for long in ("#" * 800 + "\n{ nodes { title } }", "# x\n" * 21 + "{ nodes { title } }"):
            (error,) = (await ask(client, long))["errors"]
            assert error["message"] in (
                "The text has more than 800 characters.",
                "The text has more than 20 tokens.",
            )
            assert error["extensions"]["code"] == "LIMIT_EXCEEDED"


async def test_without_introspection_the_schema_is_neither_told_nor_hinted_at(
    mongod: EmbeddedMongod,
) -> None:
    async with serving(mongod, introspection=False) as client:
        for query in (
            get_introspection_query(),
            '{ __type(name: "Nodes") { name } }',
            '{ ... on Query { ... { __type(name: "Nodes") { name } } } }',
            "{ ...q } fragment q on Query { __schema { types { name } } }",
        ):
            body = await ask(client, query)
            assert "data" not in body
            assert "introspection" in body["errors"][0]["message"]
        for query in ("{ node { title } }", "{ nodes { titl } }", "{ nodes(wher: {}) { title } }"):
            body = await ask(client, query)
            assert "Did you mean" not in str(body)
        assert await ask(client, "{ __typename nodes { __typename } }") == {
            "data": {"__typename": "Query", "nodes": []}
        }
