"""Introspection made type by type is what graphql-core answers in one go."""

from __future__ import annotations

import json

import httpx
import pytest
from graphql import execute_sync, get_introspection_query, parse

from duetdb.app.main import create_app
from duetdb.app.service.engine import Engine
from duetdb.app.settings import Settings
from tests.conftest import KEY
from tests.rest.conftest import COMPANIES, NOTES, PEOPLE

QUERIES = {
    "the usual one": get_introspection_query(),
    "all that can be asked": get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, input_value_deprecation=True
    ),
    "types alone": "{__schema{types{name kind}}}",
    "beside other fields": "{__schema{types{name} __typename queryType{name}} companies{name}}",
    "under another name": "{mine:__schema{types{name fields{name}}}}",
    "types under another name": "{__schema{mine:types{name}}}",
    "in a fragment": "{__schema{...S}} fragment S on __Schema{types{...T}} "
    "fragment T on __Type{name possibleTypes{name}}",
    "in two parts": "{__schema{types{name}} __schema{types{kind} queryType{name}}}",
    "left out": "{__schema{types @skip(if:true){name} queryType{name}}}",
    "parts of a type left out": "{__schema{types{name @include(if:false) kind}}}",
    "no types": "{__schema{queryType{name}}}",
    "twice": "{__schema{types{name}} again:__schema{types{kind}}}",
}


@pytest.mark.parametrize("name", QUERIES)
async def test_the_answer_is_graphql_cores(settings: Settings, engine: Engine, name: str) -> None:
    app = create_app(settings, engine)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://duetdb", headers={"x-apikey": KEY}
        ) as client:
            metadata = {"collections": [COMPANIES, NOTES, PEOPLE]}
            assert (await client.put("/rest/_meta", json=metadata)).status_code == 200
            schema = app.state.service.catalog.current.parts["graphql"].graphql
            answer = await client.post("/graphql", json={"query": QUERIES[name]})
    expected = execute_sync(schema, parse(QUERIES[name]), {"companies": []})
    # Members may come in another order; types may not.
    assert json.dumps(answer.json()["data"], sort_keys=True) == json.dumps(
        expected.data, sort_keys=True
    )
