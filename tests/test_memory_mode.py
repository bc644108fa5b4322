"""``--memory``: both interfaces answer as over a real MongoDB, or say that they cannot."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from duetdb.app.main import create_app
from duetdb.app.settings import Settings
from tests.conftest import KEY
from tests.processes import HEADERS, run_cli, serving
from tests.rest.conftest import COMPANIES, NOTES, PEOPLE

THINGS = {
    "fields": [
        {"name": "label", "type": "text", "unique": True},
        {"name": "n", "type": "number", "autoIncrement": True},
        {"name": "price", "type": "money"},
    ]
}
RENAMED = {
    "fields": [{"name": "title", "type": "text", "renamedFrom": "label"}, *THINGS["fields"][1:]]
}


class Talk:
    """Requests whose answers are kept, with ids and times replaced by stable names."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.answers: list[tuple[str, int, Any]] = []
        self._ids: dict[str, str] = {}

    async def __call__(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        given = {} if body is None else {"json": body}
        answer = await self.client.request(method, path, params=params or None, **given)
        kept = f"{method} {self._stable(path)} {self._stable(json.dumps([body, params]))}"
        self.answers.append((kept, answer.status_code, json.loads(self._stable(answer.text))))
        return answer.json()

    async def graphql(self, query: str, **variables: Any) -> Any:
        return await self("POST", "/graphql", {"query": query, "variables": variables})

    def _stable(self, text: str) -> str:
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "INSTANT", text)
        text = re.sub(r'"(after|cursor|endCursor)": ?"[^"]+"', r'"\1":"CURSOR"', text)
        text = re.sub(r"test_[0-9a-f]{12}|duetdb", "DATABASE", text)
        return re.sub(r"[0-9a-f]{24}", self._name, text)

    def _name(self, found: re.Match[str]) -> str:
        return self._ids.setdefault(found[0], f"ID{len(self._ids)}")


@asynccontextmanager
async def in_memory() -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings.load({"memory": True, "api_key": KEY}, {}, None))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://duetdb", headers=HEADERS
        ) as client:
            yield client


async def populate(talk: Talk) -> tuple[str, str]:
    await talk("PUT", "/rest/_meta", {"collections": [COMPANIES, NOTES, PEOPLE]})
    acme = (await talk("POST", "/rest/companies", {"name": "Acme"}))["_id"]
    ann = {
        "name": "Ann",
        "email": "ann@example.com",
        "age": 41,
        "salary": 12.5,
        "company": acme,
        "born": "1990-01-02",
        "tags": ["x", "b"],
        "address": {"city": "Oslo", "landlord": acme},
        "place": {"type": "Point", "coordinates": [1, 2]},
        "extra": {"a": [1, {"b": True}]},
    }
    ann_id = (await talk("POST", "/rest/people", ann))["_id"]
    others = [
        {"name": "Bob", "age": 30, "friends": [ann_id], "tags": ["c"], "active": True},
        {"name": "Cyd", "level": "junior", "salary": "7.50", "tags": [], "extra": 1},
        {"name": "Dan", "age": 30, "born": "2001-05-06", "address": {"city": "Bergen"}},
    ]
    await talk("POST", "/rest/people", others)
    for text in ("one", "two", "three"):
        await talk("POST", f"/rest/people/{ann_id}/notes", {"text": text})
    return acme, ann_id


FILTERS = [
    '{"age":30}',
    '{"age":{"$gt":35}}',
    '{"age":{"$exists":false}}',
    '{"age":null}',
    '{"age":{"$bt":[30,40]}}',
    '{"age":{"$in":[30,41]}}',
    '{"age":{"$ne":30}}',
    '{"active":true}',
    '{"active":1}',
    '{"salary":12.50}',
    '{"salary":7.5}',
    '{"salary":{"$gt":7.4}}',
    '{"born":{"$lt":"2000-01-01"}}',
    '{"name":{"$regex":"^a","$options":"i"}}',
    '{"name":{"$not":{"$regex":"n"}}}',
    '{"tags":"x"}',
    '{"tags":{"$size":0}}',
    '{"tags":{"$size":{"$gt":1}}}',
    '{"tags":{"$all":["x","b"]}}',
    '{"tags":{"$elemMatch":{"$gt":"b"}}}',
    '{"address.city":"Oslo"}',
    '{"address":{"city":"Oslo"}}',
    '{"company.name":"Acme"}',
    '{"friends.name":"Ann"}',
    '{"friends":{"age":41}}',
    '{"notes.text":"two"}',
    '{"address.landlord.name":"Acme"}',
    '{"extra.a":1}',
    '{"extra.a.b":true}',
    '{"extra":1}',
    '{"extra":true}',
    '{"$or":[{"age":30},{"level":"junior"}]}',
    '{"$and":[{"age":30},{"$not":{"active":true}}]}',
]
PAGES: list[dict[str, Any]] = [
    {},
    {"sort": "name", "dir": -1},
    {"sort": "age"},
    {"sort": "tags"},
    {"sort": "tags", "dir": -1},
    {"sort": "salary", "dir": -1},
    {"sort": "extra"},
    {"sort": "address.city"},
    {"max": 2, "skip": 1, "totals": "true", "sort": "name"},
    {"count": "true", "totals": "true"},
    {"metafields": "true", "max": 1},
    {"fetchchildren": "true"},
    {"h": '{"$fields":{"name":1,"company.name":1}}'},
    {"h": '{"$fields":{"tags":0,"address.city":0}}'},
    {"h": '{"$orderby":{"age":1,"name":-1},"$max":3}'},
]


async def read(talk: Talk) -> None:
    _, ann = await populate(talk)
    for q in FILTERS:
        await talk("GET", "/rest/people", q=q)
        await talk("DELETE", "/rest/companies/*", q='{"name":"nobody"}')
    for page in PAGES:
        await talk("GET", "/rest/people", **page)
    for path in ("", "/notes", "?fetchchildren=true", "?referencedby=true"):
        await talk("GET", f"/rest/people/{ann}{path}")
    await talk.graphql(
        "{people(orderBy:[{name:ASC}]){_id name age company{name} friends{name notes(max:2){text}}"
        " notes(orderBy:[{text:ASC}]){text} address{city landlord{name}} tags _extra}}"
    )
    await talk.graphql("{people(where:{or:[{age:{gt:35}},{tags:{size:1}}]}){name salary}}")
    await talk.graphql("query($id:ID!){peopleById(id:$id){name notes(max:1,skip:1){text}}}", id=ann)
    page = "totalCount edges{cursor node{name}} pageInfo{hasNextPage endCursor}"
    first = await talk.graphql(
        f"{{peopleConnection(first:3,orderBy:[{{age:DESC}},{{name:ASC}}]){{{page}}}}}"
    )
    after = first["data"]["peopleConnection"]["pageInfo"]["endCursor"]
    await talk.graphql(
        f"query($after:String){{peopleConnection(first:3,after:$after,"
        f"orderBy:[{{age:DESC}},{{name:ASC}}]){{{page}}}}}",
        after=after,
    )


async def write(talk: Talk) -> None:
    acme, ann = await populate(talk)
    await talk("POST", "/rest/people", {"name": "Eve", "email": "ann@example.com"})
    await talk("POST", "/rest/people", [{"name": "Fay"}, {"name": "Gus", "age": "x"}])
    await talk("POST", "/rest/people", {"name": "Hal", "company": "0" * 24})
    await talk("PATCH", f"/rest/people/{ann}", {"age": 42, "address.city": "Bergen"})
    await talk("PUT", f"/rest/people/{ann}", {"salary": 20, "tags": None})
    await talk("PATCH", f"/rest/people/{ann}", {"email": "no"})
    await talk("DELETE", "/rest/people/*", q='{"age":30}')
    await talk("DELETE", "/rest/people/*", ["0" * 24, ann])
    await talk("GET", "/rest/people", metafields="true")
    await talk("DELETE", f"/rest/companies/{acme}")
    await talk("DELETE", f"/rest/companies/{acme}")
    made = await talk.graphql('mutation{createPeople(data:{name:"Eve",age:3}){_id name _version}}')
    eve = made["data"]["createPeople"]["_id"]
    await talk.graphql('mutation{createManyPeople(data:[{name:"F"},{name:"G"}]){name}}')
    await talk.graphql('mutation{createPeople(data:{age:"x"}){name}}')
    update = (
        "mutation($id:ID!,$v:Int){updatePeople(id:$id,data:{age:7},ifVersion:$v){age _version}}"
    )
    await talk.graphql(update, id=eve, v=1)
    await talk.graphql(update, id=eve, v=1)
    await talk.graphql("mutation($id:ID!){deletePeople(id:$id){name}}", id=eve)
    await talk.graphql("{people(orderBy:[{name:ASC}]){name}}")


async def change(talk: Talk) -> None:
    query = '{ __type(name: "Things") { fields { name } } }'
    await talk("GET", "/rest/things")
    await talk("PUT", "/rest/things/_meta", THINGS)
    await talk.graphql(query)
    await talk("POST", "/rest/things", [{"label": "a", "price": 1}, {"label": "b", "price": 2}])
    await talk("POST", "/rest/things", {"label": "c"})
    await talk("POST", "/rest/things", {"label": "a"})
    await talk("PUT", "/rest/things/_meta", RENAMED)
    await talk.graphql(query)
    await talk.graphql("{things(orderBy:[{n:DESC}]){title n}}")
    await talk("GET", "/rest/things", sort="title", dir=-1)
    same = {"fields": [{"name": "price", "type": "money", "unique": True}]}
    await talk(
        "PATCH", f"/rest/things/{(await talk('GET', '/rest/things'))[0]['_id']}", {"price": 2.0}
    )
    await talk("PUT", "/rest/things/_meta", same)
    await talk("PUT", "/rest/things/_meta", {"fields": [{"name": "x", "type": "txt"}]})
    await talk("GET", "/rest/things/_meta")
    await talk("POST", "/rest/things/_meta/infer")
    await talk("DELETE", "/rest/things/_meta", drop="true")
    await talk("GET", "/rest/things")
    await talk.graphql("{things{n}}")


@pytest.mark.parametrize("scenario", [read, write, change], ids=lambda each: str(each.__name__))
async def test_both_engines_give_the_same_answers(
    app_client: httpx.AsyncClient, scenario: Any
) -> None:
    real = Talk(app_client)
    await scenario(real)
    async with in_memory() as client:
        memory = Talk(client)
        await scenario(memory)
    for expected, found in zip(real.answers, memory.answers, strict=True):
        assert found == expected
    statuses = {status for _, status, _ in real.answers}
    assert statuses <= {200, 201, 400, 404, 409, 412}
    print(f"{len(real.answers)} requests, {sorted(statuses)}")


@pytest.mark.parametrize(
    "q",
    [
        r'{"name":{"$regex":"\\p{L}"}}',
        '{"name":{"$regex":"[[:alpha:]]"}}',
        r'{"$or":[{"age":1},{"name":{"$not":{"$regex":"a\\Z"}}}]}',
    ],
)
async def test_what_it_cannot_do_is_a_501(q: str) -> None:
    async with in_memory() as client:
        assert (await client.put("/rest/people/_meta", json={"fields": []})).status_code == 200
        answer = await client.get("/rest/people", params={"q": q})
        assert answer.status_code == 501
        body = answer.json()
        assert (body["name"], body["status"]) == ("NotAvailable", 501)
        assert "not available in memory mode" in body["message"]
        assert "--memory" in body["hint"]
        query = "query($q:JSON){people(q:$q){_id}}"
        asked = {"query": query, "variables": {"q": json.loads(q)}}
        (error,) = (await client.post("/graphql", json=asked)).json()["errors"]
        assert error["message"] == body["message"]
        assert error["extensions"]["code"] == "NOT_AVAILABLE"


def test_it_is_served_and_gone_afterwards() -> None:
    with serving("--memory") as server, httpx.Client(headers=HEADERS, trust_env=False) as client:
        meta = {"fields": [{"name": "text", "type": "text"}]}
        assert client.put(f"{server.url}/rest/notes/_meta", json=meta).status_code == 200
        made = client.post(f"{server.url}/rest/notes", json={"text": "here"})
        assert made.status_code == 201
        asked = client.get(f"{server.url}/graphql", params={"query": "{notes{text}}"})
        assert asked.json() == {"data": {"notes": [{"text": "here"}]}}
        assert server.stop() == 0
    with serving("--memory") as again:
        answer = httpx.get(f"{again.url}/rest/notes", headers=HEADERS, trust_env=False)
        assert answer.status_code == 404


@pytest.mark.parametrize("flags", [["--workers", "2"], ["--mongodb-uri", "mongodb://localhost"]])
def test_what_makes_no_sense_with_it_refuses_to_start(flags: list[str]) -> None:
    refused = run_cli("serve", "--memory", *flags)
    assert refused.returncode == 2
    assert "memory" in refused.stderr
