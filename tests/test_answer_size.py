"""What answers show is limited, related documents counted wherever they stand."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from bson import ObjectId

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.conftest import make_settings
from tests.voice_graphql.running import serving

GROUPS = {"name": "groups", "fields": [{"name": "members", "type": "people", "relation": "many"}]}
PEOPLE = {"name": "people", "fields": [{"name": "groups", "type": "groups", "relation": "many"}]}
SIZE = 10
"""Groups and people, each of whom is in every group."""
REFUSAL = (
    "The answer would show more than {:,} documents, related ones counted wherever they stand."
)
HINT = "Ask for fewer documents or relations, or raise DUETDB_ANSWER_DOCUMENTS."


@asynccontextmanager
async def circles(mongod: EmbeddedMongod, **flags: object) -> AsyncIterator[httpx.AsyncClient]:
    """Everybody in every group."""
    async with serving(make_settings(mongod.uri, **flags)) as server:
        client, database = server.voice.client, server.voice.database
        created = await client.put("/rest/_meta", json={"collections": [GROUPS, PEOPLE]})
        assert created.status_code == 200, created.text
        groups, people = ([ObjectId() for _ in range(SIZE)] for _ in range(2))
        await database["groups"].insert_many([{"_id": each, "members": people} for each in groups])
        await database["people"].insert_many([{"_id": each, "groups": groups} for each in people])
        yield client


def circling(levels: int) -> str:
    """Groups with their members, with their groups, and so on: SIZE ** levels documents below."""
    inner = "_id"
    for level in reversed(range(levels)):
        inner = f"{'groups' if level % 2 else 'members'} {{ {inner} }}"
    return f"groups {{ {inner} }}"


@pytest.mark.parametrize(
    ("limit", "levels", "status"),
    [
        (10, 0, 200),
        (109, 1, 400),
        (110, 1, 200),
        (1109, 2, 400),
        (1110, 2, 200),
        (200_000, 19, 400),
    ],
)
async def test_circles_are_counted_before_they_are_written_out(
    mongod: EmbeddedMongod, limit: int, levels: int, status: int
) -> None:
    async with circles(mongod, answer_documents=limit, graphql_cost=2_000_000) as client:
        answer = (await client.post("/graphql", json={"query": f"{{ {circling(levels)} }}"})).json()
    if status == 200:
        assert answer.keys() == {"data"}
        assert str(answer).count("_id") == SIZE ** (levels + 1)
    else:
        (error,) = answer["errors"]
        assert error["message"] == REFUSAL.format(limit)
        assert error["extensions"] == {"code": "LIMIT_EXCEEDED", "status": 400, "hint": HINT}


@pytest.mark.parametrize(("limit", "status"), [(1109, 400), (1110, 200)])
async def test_rest_counts_the_same(mongod: EmbeddedMongod, limit: int, status: int) -> None:
    async with circles(mongod, answer_documents=limit) as client:
        answer = await client.get("/rest/groups")
        assert answer.status_code == status
        if status == 400:
            assert (answer.json()["message"], answer.json()["hint"]) == (
                REFUSAL.format(limit),
                HINT,
            )
        else:
            assert [len(each["members"][3]["groups"]) for each in answer.json()] == [SIZE] * SIZE


async def test_each_document_of_a_stream_counts_alone(mongod: EmbeddedMongod) -> None:
    async with circles(mongod, answer_documents=111) as client:
        answer = await client.get("/rest/groups.ndjson")
        assert (answer.status_code, answer.text.count("\n")) == (200, SIZE)
    async with circles(mongod, answer_documents=110) as client:
        answer = await client.get("/rest/groups.ndjson")
        assert (answer.status_code, answer.json()["message"]) == (400, REFUSAL.format(110))


async def test_the_documents_of_groups_count_too(mongod: EmbeddedMongod) -> None:
    grouped = {"groupby": "_id"}
    greatest = {"groupby": "_id", "aggregate": "MAX:_id"}
    async with circles(mongod, answer_documents=1109) as client:
        for params in (grouped, greatest):
            answer = await client.get("/rest/groups", params=params)
            assert (answer.status_code, answer.json()["message"]) == (400, REFUSAL.format(1109))


async def test_root_fields_share_one_answer(mongod: EmbeddedMongod) -> None:
    lists = " ".join(
        f"a{n}: groups {{ _id }} b{n}: groupsAggregate(groupBy: _id) {{ count }}" for n in range(3)
    )
    async with circles(mongod, answer_documents=60) as client:
        answer = await client.post("/graphql", json={"query": f"{{ {lists} }}"})
        assert answer.json().keys() == {"data"}
    async with circles(mongod, answer_documents=59) as client:
        answer = await client.post("/graphql", json={"query": f"{{ {lists} }}"})
        assert {each["message"] for each in answer.json()["errors"]} == {REFUSAL.format(59)}
        again = await client.post("/graphql", json={"query": "{ groups { _id } }"})
        assert again.json().keys() == {"data"}


ONE_OF_THREE = {
    "values": "a: groups { _id } b: groups { x: _id y: _id z: _version }",
    "what is undeclared": "groups { a: _extra b: _extra c: _extra }",
    "type names": "groups { a: __typename b: __typename c: __typename _id }",
    "cursors": "groupsConnection { edges { a: cursor b: cursor c: cursor } }",
    "nodes": "groupsConnection { edges { a: node { _id } node { _id } } e: edges { node { _id}}}",
    "groups": "groupsAggregate(groupBy: _id) { a: group b: group c: group count }",
    "figures": "groupsAggregate(groupBy: _id) { a: min { x: _id y: _id } min { _id } max { _id } }",
}


@pytest.mark.parametrize("what", ONE_OF_THREE)
async def test_a_value_of_several_names_counts_as_often(mongod: EmbeddedMongod, what: str) -> None:
    for limit, keys in ((30, {"data"}), (29, {"data", "errors"})):
        async with circles(mongod, answer_documents=limit) as client:
            query = f"{{ {ONE_OF_THREE[what]} }}"
            answer = (await client.post("/graphql", json={"query": query})).json()
            assert answer.keys() == keys, answer


async def test_no_more_is_written_once_the_answer_is_too_large(mongod: EmbeddedMongod) -> None:
    mutation = """mutation($all: [ID]) {
      a: createGroups(data: {members: $all}) { members { groups { _id } } }
      b: createPeople(data: {}) { _id }
    }"""
    async with circles(mongod, answer_documents=100) as client:
        everybody = [
            each["_id"]
            for each in (await client.get('/rest/people?h={"$fields":{"_id":1}}')).json()
        ]
        asked = {"query": mutation, "variables": {"all": everybody}}
        answer = (await client.post("/graphql", json=asked)).json()
        assert answer["data"] == {"a": None, "b": None}
        assert [each["message"] for each in answer["errors"]] == [REFUSAL.format(100)] * 2
        count = {"totals": "true", "count": "true"}
        people = (await client.get("/rest/people", params=count)).json()
        assert people["totals"]["total"] == SIZE


async def test_an_operation_has_a_limited_number_of_reads(mongod: EmbeddedMongod) -> None:
    async with circles(mongod, graphql_reads=3) as client:
        for lists, status in (
            ("a: groups { _id } b: groups { _id } c: groups { _id } __typename", None),
            ("groups { a: members { _id } b: members { _id } c: members { _id } }", 400),
            ("a: groups { ...F } b: groups { ...F } } fragment F on Groups { members { _id }", 400),
        ):
            answer = (await client.post("/graphql", json={"query": f"{{ {lists} }}"})).json()
            if status is None:
                assert answer.keys() == {"data"}
            else:
                assert [each["extensions"] for each in answer["errors"]] == [
                    {
                        "code": "LIMIT_EXCEEDED",
                        "status": status,
                        "hint": "Ask in several operations, or raise DUETDB_GRAPHQL_READS.",
                    }
                ]


async def test_conditions_on_related_documents_are_counted(mongod: EmbeddedMongod) -> None:
    one = {"members.groups._version": {"$exists": False}}
    async with circles(mongod, related_conditions=5) as client:
        for q, status in (({"$or": [one, one]}, 200), ({"$or": [one, {"$nor": [one, one]}]}, 400)):
            answer = await client.get("/rest/groups", params={"q": json.dumps(q), "max": 1})
            assert answer.status_code == status
            if status == 400:
                assert answer.json()["message"] == (
                    "The filters have more than 5 conditions on related documents."
                )
        groups = "groups(where: {members: {groups: {_version: {eq: null}}}}) { _id }"
        for query, errors in (
            (f"{groups} b: {groups}", 0),
            (f"{groups} b: {groups} c: {groups}", 1),
        ):
            found = (await client.post("/graphql", json={"query": f"{{ {query} }}"})).json()
            assert len(found.get("errors", [])) == errors, found
