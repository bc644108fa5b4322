"""Introspection is what graphql-core answers, to the letter, however it is asked for."""

from __future__ import annotations

import asyncio
import json
from functools import partial

import httpx
import pytest
from graphql import execute_sync, get_introspection_query, parse
from pytest import MonkeyPatch

from duetdb.app.main import create_app
from duetdb.app.service.engine import Engine
from duetdb.app.settings import Settings
from duetdb.graphql import introspection
from duetdb.graphql.introspection import KeptAnswers
from tests.conftest import KEY
from tests.rest.conftest import COMPANIES, NOTES, PEOPLE
from tests.voice_graphql.conftest import Voice

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
    "one type": """{__type(name:"People"){...on __Type{name} fields{name type{...R}} __typename}}
        fragment R on __Type{kind name ofType{kind name ofType{kind name ofType{name}}}}""",
    "no such type": '{__type(name:"Nobody"){name} a:__type(name:"Long"){specifiedByURL}}',
    "values and inputs": """{
        a:__type(name:"PeopleField"){enumValues(includeDeprecated:true){name description}}
        b:__type(name:"PeopleWhere"){inputFields{name defaultValue type{name}} isOneOf}
        c:__type(name:"Query"){fields{args{name type{kind} defaultValue isDeprecated}}}
    }""",
    "directives": "{__schema{directives{name locations isRepeatable args{name type{name}}}}}",
    "by variables": """query($n:String!,$yes:Boolean!,$old:Boolean=true,$m:String="Direction"){
        __type(name:$n){name kind @include(if:$yes) description @skip(if:$yes)}
        other:__type(name:$m){enumValues(includeDeprecated:$old){name deprecationReason}}
    }""",
}
VARIABLES = {"n": "People", "yes": True}


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
            asked = {"query": QUERIES[name], "variables": VARIABLES}
            answers = [(await client.post("/graphql", json=asked)).json() for _ in range(2)]
    expected = execute_sync(
        schema, parse(QUERIES[name]), {"companies": []}, variable_values=VARIABLES
    )
    for answer in answers:
        assert json.dumps(answer) == json.dumps({"data": expected.data})


async def test_what_is_wrong_is_an_error_in_its_place(voice: Voice) -> None:
    query = (
        'query($old: Boolean) { __type(name: "Long") { fields(includeDeprecated: $old) { name } } }'
    )
    (error,) = (await voice.answer(query, old=None))["errors"]
    assert (error["path"], error["extensions"]["status"]) == (["__type"], 400)
    twice = " ".join(
        f"fragment F{n} on __Type {{ a: ofType {{ ...F{n + 1} }} b: ofType {{ ...F{n + 1} }} }}"
        for n in range(12)
    )
    text = f'{{ __type(name: "Long") {{ ...F0 }} }} {twice} fragment F12 on __Type {{ name }}'
    message = await voice.message(text)
    assert message == "The operation selects more than 1,000 fields of the schema."


async def test_few_answers_are_kept_and_each_is_made_once(monkeypatch: MonkeyPatch) -> None:
    kept, made = KeptAnswers(), []

    def make(asked: str) -> bytes:
        made.append(asked)
        return asked.encode()

    monkeypatch.setattr(introspection, "_MOST_BYTES", 4)
    for asked in "abcabcde":
        assert await kept.find(1, asked, partial(make, asked)) == asked.encode()
    assert made == ["a", "b", "c", "d", "e"]
    await asyncio.gather(*(kept.find(1, asked, partial(make, asked)) for asked in "bcdea"))
    assert made == ["a", "b", "c", "d", "e", "a"]
    assert await kept.find(2, "a", partial(make, "other")) == b"other"
    assert await kept.find(2, "a", partial(make, "a")) == b"a"  # five bytes are not kept
