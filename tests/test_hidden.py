"""Reads within rights: what is hidden is nowhere, and what may not be seen is not there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from copy import deepcopy
from typing import Any

import httpx
import pytest
from bson import ObjectId

from duetdb.app.http.credentials import Callers, Presented
from duetdb.app.service.access.role_permissions import RolePermissions
from duetdb.app.service.engine import Engine
from duetdb.app.service.principal import Principal
from duetdb.app.service.tokens import Tokenizer
from duetdb.schema_gen.build import build_schema

STAFF = {
    "name": "staff",
    "fields": [
        {"name": "name", "type": "text"},
        {"name": "team", "type": "text"},
        {"name": "salary", "type": "number", "hidden": True},
        {"name": "notes", "type": "text", "hidden": True, "searchable": True},
        {
            "name": "address",
            "type": "object",
            "fields": [
                {"name": "city", "type": "text"},
                {"name": "alarm", "type": "text", "hidden": True},
            ],
        },
        {
            "name": "jobs",
            "type": "object",
            "multiple": True,
            "fields": [
                {"name": "title", "type": "text"},
                {"name": "cost", "type": "number", "hidden": True},
            ],
        },
        {"name": "boss", "type": "staff", "relation": "one"},
        {"name": "nick", "type": "text", "renamedFrom": "alias", "hidden": True},
    ],
    "access": {"rules": [{"role": "*", "filter": {"team": "red"}}]},
}
ANN, BOB, CID, DAN = (ObjectId(f"{n:024x}") for n in range(1, 5))
PEOPLE: list[dict[str, Any]] = [
    {
        "_id": ANN,
        "name": "Ann",
        "team": "red",
        "salary": 30,
        "notes": "late bee",
        "address": {"city": "Oslo", "alarm": "x"},
        "jobs": [{"title": "cook", "cost": 9}, {"title": "baker", "cost": 1}],
    },
    {
        "_id": BOB,
        "name": "Bob",
        "team": "red",
        "salary": 10,
        "notes": "early",
        "address": {"city": "Oslo", "alarm": "a"},
        "boss": [ANN],
        "alias": "bee",
    },
    {"_id": CID, "name": "Cid", "team": "blue", "salary": 20, "boss": [ANN]},
    {"_id": DAN, "name": "Dan", "team": "red", "salary": 5, "boss": [CID], "address": {}},
]


@pytest.fixture
async def user(
    app_client: httpx.AsyncClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of somebody who sees the red team, and nothing that is hidden."""
    answer = await app_client.put("/rest/staff/_meta", json=STAFF)
    assert answer.status_code in (200, 201), answer.text
    words = Tokenizer(build_schema({"staff": STAFF}, version=1).collections["staff"])
    people = deepcopy(PEOPLE)
    for each in people:
        words.apply(each)
    await engine.database.staff.insert_many(people)
    somebody = Principal(name="u@e.org", permissions=RolePermissions([]), id="user:u")

    async def verified(self: Callers, shown: Presented) -> Principal:
        return somebody

    monkeypatch.setattr(Callers, "_verified", verified)
    yield app_client


async def get(user: httpx.AsyncClient, path: str = "", **params: Any) -> Any:
    """The body of a list of the staff, or of what is below it."""
    sent = {
        name: each if isinstance(each, str) else json.dumps(each) for name, each in params.items()
    }
    answer = await user.get(f"/rest/staff{path}", params=sent)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def names(user: httpx.AsyncClient, **params: Any) -> str:
    return "".join(each["name"][0] for each in await get(user, **params))


async def test_a_document_has_nothing_that_is_hidden(user: httpx.AsyncClient) -> None:
    ann = {
        "_id": str(ANN),
        "name": "Ann",
        "team": "red",
        "address": {"city": "Oslo"},
        "jobs": [{"title": "cook"}, {"title": "baker"}],
    }
    assert await get(user, f"/{ANN}") == ann
    assert (await get(user))[0] == ann
    assert (await get(user, h={"$fields": {"jobs": 1, "salary": 1}}))[0] == {
        "_id": str(ANN),
        "jobs": ann["jobs"],
    }
    assert (await get(user, h={"$fields": {"team": 0, "address.city": 0}}))[0] == {
        "_id": str(ANN),
        "name": "Ann",
        "address": {},
        "jobs": ann["jobs"],
    }


async def test_other_documents_are_not_there(user: httpx.AsyncClient) -> None:
    assert await names(user) == "ABD"
    assert (await user.get(f"/rest/staff/{CID}")).status_code == 404
    assert (await get(user, totals="true", count="true"))["totals"]["count"] == 3
    assert await names(user, q={"boss": {"name": "Cid"}}) == ""
    assert (await get(user, f"/{DAN}"))["boss"] == []
    assert (await get(user, q={"$distinct": "team"})) == ["red"]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ({"salary": 30}, ""),
        ({"salary": {"$exists": True}}, ""),
        ({"$not": {"salary": {"$gt": 20}}}, "ABD"),
        ({"$or": [{"salary": 30}, {"name": "Bob"}]}, "B"),
        ({"name": "Ann", "salary": {"$exists": False}}, "A"),
        ({"address": {"$in": [{"city": "Oslo"}]}}, "AB"),
        ({"address.alarm": {"$regex": "^x"}}, ""),
        ({"jobs.cost": 9}, ""),
        ({"jobs.0.cost": 9}, ""),
        ({"jobs.0": {"$exists": True}}, "A"),
        ({"jobs": {"$elemMatch": {"cost": 9}}}, ""),
        ({"jobs": {"$elemMatch": {"title": "cook"}}}, "A"),
        ({"jobs": {"$size": 2}}, "A"),
        ({"nick": "bee"}, ""),
        ({"alias": "bee"}, ""),
        ({"boss": {"salary": 30}}, ""),
        ({"boss.name": "Ann"}, "B"),
        ({"_keywords": "late"}, ""),
    ],
)
async def test_filters(user: httpx.AsyncClient, q: dict[str, Any], found: str) -> None:
    assert await names(user, q=q) == found
    assert (await get(user, q=q, count="true"))["totals"]["count"] == len(found)


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("salary", "ABD"),
        ("-salary", "DBA"),
        ("address", "DAB"),
        ("-address", "BAD"),
        ("jobs.0.cost", "ABD"),
        ("-jobs.0.title", "ADB"),
        ("boss.salary", "ABD"),
        ("boss.name", "ADB"),
    ],
)
async def test_orders(user: httpx.AsyncClient, sort: str, found: str) -> None:
    direction = "-1" if sort.startswith("-") else "1"
    asked = {"sort": sort.removeprefix("-"), "dir": direction}
    assert await names(user, **asked) == found
    lines = await user.get("/rest/staff.ndjson", params=asked)
    assert "".join(json.loads(each)["name"][0] for each in lines.text.splitlines()) == found


async def test_an_order_by_position_stays_where_less_is_shown(user: httpx.AsyncClient) -> None:
    asked = {"sort": "jobs.0.title", "dir": "-1", "h": {"$fields": {"name": 1}}}
    assert await names(user, **asked) == "ADB"


async def test_groups_figures_and_different_values(user: httpx.AsyncClient) -> None:
    asked = {"$aggregate": ["SUM:salary", "MAX:salary", "MIN:name", "COUNT:"]}
    assert await get(user, h=asked) == {
        "SUM salary": 0,
        "MAX salary": None,
        "MIN name": await get(user, f"/{ANN}"),
        "COUNT ": 3,
    }
    groups = await get(user, h={"$groupby": ["address"], "$aggregate": ["COUNT:"]})
    assert groups == {'{"city":"Oslo"}': {"COUNT ": 2}, "{}": {"COUNT ": 1}}
    assert await get(user, h={"$groupby": ["salary"], "$aggregate": ["COUNT:"]}) == {
        "null": {"COUNT ": 3}
    }
    assert list(await get(user, h={"$groupby": ["boss.salary"]})) == ["null"]
    assert await get(user, q={"$distinct": "address"}) == [{}, {"city": "Oslo"}]
    assert await get(user, q={"$distinct": "jobs.cost"}) == []


async def test_words_of_hidden_fields_find_nothing(user: httpx.AsyncClient) -> None:
    assert await names(user, filter="late") == ""
    assert await names(user, filter="ann") == "A"
    assert await names(user, filter="cid") == ""
    assert "_keywords" not in (await get(user, f"/{ANN}", metafields="true"))


async def test_words_that_hidden_ones_have_crowded_out_are_found(
    user: httpx.AsyncClient, engine: Engine
) -> None:
    crowd = [f"w{n}" for n in range(64)]
    await engine.database.staff.update_one({"name": "Bob"}, {"$set": {"_keywords": crowd}})
    assert await names(user, filter="bob") == "B"
    assert await names(user, filter="w1") == ""


async def test_words_of_what_was_searchable_once_find_nothing(
    app_client: httpx.AsyncClient,
) -> None:
    fields = [{"name": "title", "type": "text"}, {"name": "pin", "type": "text"}]
    await app_client.put("/rest/boxes/_meta", json={"fields": fields})
    await app_client.post("/rest/boxes", json={"title": "box", "pin": "swordfish"})
    hidden = [fields[0], {**fields[1], "searchable": False, "hidden": True}]
    await app_client.put("/rest/boxes/_meta", json={"fields": hidden})
    made = await app_client.post("/rest/_keys", json={"paths": ["/boxes/**"]})
    key = {"x-apikey": made.json()["key"]}
    for asked, found in (
        ({"filter": "box"}, 1),
        ({"filter": "swordfish"}, 0),
        ({"q": '{"_keywords": "swordfish"}'}, 0),
        ({"q": '{"_tags": {"$regex": "sword"}}'}, 0),
    ):
        answer = await app_client.get("/rest/boxes", params=asked, headers=key)
        assert (answer.status_code, len(answer.json())) == (200, found)
    [box] = (await app_client.get("/rest/boxes?metafields=true", headers=key)).json()
    assert not {"_keywords", "_tags", "pin"} & box.keys()


SORTED: list[tuple[str, dict[str, Any]]] = [
    ("", {"sort": "name"}),
    ("", {"sort": "boss.name", "dir": "-1"}),
    (".ndjson", {"sort": "name", "max": "2"}),
    ("", {"sort": "name", "max": "2", "h": '{"$groupby": ["team"]}'}),
    ("", {"sort": "name", "max": "2", "h": '{"$aggregate": ["COUNT:"]}'}),
]
BY_BOSS = "{ staff(orderBy: [{name: DESC}]) { name staffByBoss(orderBy: [{name: ASC}]) { name } } }"


async def test_how_much_is_hidden_decides_on_nothing(
    user: httpx.AsyncClient, engine: Engine, little_memory: None
) -> None:
    async def answers() -> list[tuple[int, str]]:
        found = [await user.get(f"/rest/staff{form}", params=asked) for form, asked in SORTED]
        found.append(await user.post("/graphql", json={"query": BY_BOSS}))
        return [(each.status_code, each.text) for each in found]

    before = await answers()
    assert {status for status, _ in before} == {200}
    assert "errors" not in before[-1][1]
    await engine.database.staff.update_many({}, {"$set": {"notes": "x" * 300_000}})
    assert await answers() == before
