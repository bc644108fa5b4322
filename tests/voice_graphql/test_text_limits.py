"""Every limit on what one GraphQL operation asks for, at a value of its own, and what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from graphql import get_introspection_query

from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.limits import Limits
from tests.conftest import make_settings
from tests.voice_graphql.conftest import Voice
from tests.voice_graphql.running import serving

NODES = {
    "name": "nodes",
    "fields": [
        {"name": "title", "type": "text"},
        {"name": "next", "type": "nodes", "relation": "one"},
        {"name": "others", "type": "nodes", "relation": "many"},
    ],
}
LESS = "Ask for less at a time; a fragment counts wherever it is used"
SEVERAL = "Ask in several operations"
INNER = "Ask for the inner ones by an operation of their own"
COST = "Give its lists a smaller 'max'"

REFUSED: dict[str, tuple[str, str, str, str]] = {
    "graphql_fields = 4": (
        "{ nodes { ...f } } fragment f on Nodes { title _id }",
        "{ nodes { ...f ...f } } fragment f on Nodes { title _id }",
        "The operation selects more than 4 fields.",
        LESS,
    ),
    "graphql_depth = 2": (
        "{ nodes { next { title } } }",
        "{ nodes { ...f } } fragment f on Nodes { next { next { title } } }",
        "The operation selects objects inside objects more than 2 levels deep.",
        INNER,
    ),
    "graphql_repeats = 2": (
        "{ nodes { title title ... { title } } }",
        "{ nodes { title title ... { title } ...f } } fragment f on Nodes { title }",
        "The operation selects fields again more than 2 times.",
        "Select each field once",
    ),
    "graphql_aliases = 3": (
        "{ a: nodes { b: title c: _id _version } }",
        "{ a: nodes { b: title ...f } } fragment f on Nodes { c: _id d: _version }",
        "The operation gives more than 3 fields another name.",
        SEVERAL,
    ),
    "graphql_directives = 2": (
        "{ nodes @skip(if: false) { title @include(if: true) } }",
        "{ nodes @skip(if: false) { title @include(if: true) ... @include(if: true) { _id } } }",
        "The operation has more than 2 directives.",
        SEVERAL,
    ),
    "graphql_roots = 2": (
        "query a { nodes { title } } query b { a: nodes { title } b: nodes { title } }",
        "{ nodes { title } a: nodes { title } ... { b: nodes { title } } }",
        "The operation has more than 2 root fields.",
        SEVERAL,
    ),
    "graphql_reads = 3": (
        "{ nodes { next { others { title } } } }",
        "{ nodes { next { others { title } next { title } } } }",
        "The operation has more than 3 root fields and relations.",
        SEVERAL,
    ),
    "graphql_cost = 42": (
        "{ nodes(max: 2) { others { next { title } } } }",
        "{ nodes(max: 2) { others { next { title } } next { title } } }",
        "The operation could read 44 documents, more than 42.",
        COST,
    ),
    "graphql_schema_fields = 3": (
        "{ __schema { queryType { name } } nodes { title next { title } } }",
        "{ __schema { queryType { name kind } } }",
        "The operation selects more than 3 fields of the schema.",
        LESS,
    ),
    "graphql_schema_depth = 2": (
        "{ __schema { queryType { name } } nodes { next { next { title } } } }",
        "{ __schema { queryType { ofType { name } } } }",
        "The operation asks more than 2 levels deep for the schema.",
        INNER,
    ),
    "graphql_schema_lists = 1": (
        "{ __schema { types { name } } }",
        "{ __schema { types { name } } a: __type(name: \"Nodes\") { fields { name } } }",
        "The operation asks for more than 1 lists of the schema.",
        "Ask for the whole schema once, or for less of it at a time",
    ),
}  # fmt: skip


@pytest.mark.parametrize("limit", REFUSED)
async def test_a_limit(mongod: EmbeddedMongod, limit: str) -> None:
    name, value = limit.split(" = ")
    allowed, refused, message, remedy = REFUSED[limit]
    async with serving(make_settings(mongod.uri, **{name: value})) as server:
        voice = server.voice
        await voice.define(NODES)
        body = (await voice.client.post("/graphql", json=asked(allowed))).json()
        assert "errors" not in body, body
        error = await voice.error(refused)
        assert error["message"] == message
        assert error["extensions"] == {
            "code": "LIMIT_EXCEEDED",
            "status": 400,
            "hint": f"{remedy}, or raise DUETDB_{name.upper()}.",
        }


def asked(text: str) -> dict[str, Any]:
    """A request for the operation ``b`` of a text with several."""
    return {"query": text, **({"operationName": "b"} if "query b" in text else {})}


async def test_what_is_refused_has_a_status_where_it_may(mongod: EmbeddedMongod) -> None:
    accept = {"accept": "application/graphql-response+json"}
    async with serving(make_settings(mongod.uri, graphql_roots=1)) as server:
        body = {"query": "{ a: __typename b: __typename }"}
        answer = await server.voice.client.post("/graphql", json=body)
        assert answer.status_code == 200
        answer = await server.voice.client.post("/graphql", json=body, headers=accept)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"


async def test_introspection_passes_where_nearly_nothing_else_does(mongod: EmbeddedMongod) -> None:
    """As graphql-core's own query has it, with every option, and as the playground sends it."""
    names = "fields depth repeats aliases directives roots reads cost"
    narrow = {f"graphql_{name}": 1 for name in names.split()}
    everything = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
        one_of=True,
    )
    async with serving(make_settings(mongod.uri, **narrow)) as server:
        await server.voice.define(NODES)
        for text in (
            everything,
            get_introspection_query(input_value_deprecation=True, schema_description=True),
            get_introspection_query(descriptions=False),
        ):
            told = (await server.voice.data(text))["types"]
            assert "Nodes" in [each["name"] for each in told]


async def test_a_cost_by_variables_is_counted_for_each_request(mongod: EmbeddedMongod) -> None:
    text = (
        "query($max: Int, $few: Int = 3) "
        "{ nodes(max: $max) { others { _id } nodesByNext(max: $few) { _id } } }"
    )
    settings = make_settings(mongod.uri, graphql_cost=100, page_default=7, page_ceiling=1000)
    async with serving(settings) as server:
        voice: Voice = server.voice
        await voice.define(NODES)
        for variables, documents in (
            ({"max": 7}, None),  # 7 + 7 * (10 + 3)
            ({}, None),
            ({"max": None}, None),
            ({"max": 8}, 112),
            ({"max": 7, "few": 4}, 105),
            ({"max": 1, "few": 90}, 101),
            ({"max": 1, "few": 89}, None),
            ({"few": None}, 777),
        ):
            body = await voice.answer(text, **variables)
            if documents is None:
                assert body == {"data": {"nodes": []}}
            else:
                (error,) = body["errors"]
                expected = f"The operation could read {documents} documents, more than 100."
                assert error["message"] == expected
                assert error["extensions"]["code"] == "LIMIT_EXCEEDED"


async def test_what_is_too_costly_writes_nothing(mongod: EmbeddedMongod) -> None:
    async with serving(make_settings(mongod.uri, graphql_cost=25, page_ceiling=1000)) as server:
        voice = server.voice
        await voice.define(NODES)
        write = (
            "mutation($data: [NodesInput!]!) { createManyNodes(data: $data) { others { _id } } }"
        )
        three = [{"title": str(number)} for number in range(3)]
        message = await voice.message(write, data=three)
        assert message == "The operation could read 33 documents, more than 25."
        literal = json.dumps(three).replace('"title"', "title")
        message = await voice.message(
            write.replace("($data: [NodesInput!]!)", "").replace("$data", literal)
        )
        assert message == "The operation could read 33 documents, more than 25."
        assert await voice.data("{ nodes(max: 20) { title } }") == []
        assert len(await voice.data(write, data=three[:2])) == 2


async def test_no_level_costs_more_than_it_may_hold(mongod: EmbeddedMongod) -> None:
    """Ten pages of the largest size, whatever the levels above it multiply to."""
    text = "{ nodes { nodesByNext { nodesByNext { nodesByNext { title } } } } }"
    limits = {"page_default": 10, "page_ceiling": 100, "graphql_cost": 3010}
    async with serving(make_settings(mongod.uri, **limits)) as server:
        await server.voice.define(NODES)
        assert await server.voice.data(text) == []
    async with serving(make_settings(mongod.uri, **{**limits, "graphql_cost": 3009})) as server:
        await server.voice.define(NODES)
        message = await server.voice.message(text)
        assert message == "The operation could read 3,010 documents, more than 3,009."


async def test_connections_and_groups_have_sizes_too(mongod: EmbeddedMongod) -> None:
    limits = {"page_default": 10, "page_ceiling": 300, "graphql_cost": 299}
    async with serving(make_settings(mongod.uri, **limits)) as server:
        voice = server.voice
        await voice.define(NODES)
        connection = (
            "query($n: Int) { nodesConnection(SIZE: $n) "
            "{ edges { node { a: next { _id } b: next { _id } } } } }"
        )
        for size in ("first", "last"):
            text = connection.replace("SIZE", size)
            assert (await voice.answer(text, n=99))["data"] == {"nodesConnection": {"edges": []}}
            message = await voice.message(text, n=100)
            assert message == "The operation could read 300 documents, more than 299."
            assert await voice.message(text) == message
        assert await voice.message("{ nodesAggregate(groupBy: title) { count } }") == message
        assert await voice.data("{ nodesAggregate(groupBy: title, max: 9) { count } }") == []


def test_the_page_on_graphql_knows_the_limits() -> None:
    page = (Path(__file__).parents[2] / "docs" / "graphql.md").read_text(encoding="utf-8")
    rows = re.findall(r"\| ([\d,]+) \| `DUETDB_(\w+)` \|", page)
    named = {name.lower() for _, name in rows}
    limits = {name for name in Limits.__dataclass_fields__ if name.startswith("graphql_")}
    assert limits - named == set()
    for default, name in rows:
        assert f"{getattr(Limits(), name.lower()):,}" == default
