"""Reads of a caller with a list of readable fields: undeclared properties are hidden as well."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from bson import ObjectId

from duetdb.app.mongo.connect import connect
from duetdb.app.mongo.memory import memory_engine
from duetdb.app.service.access.authoriser import Authoriser
from duetdb.app.service.access.key_permissions import KeyPermissions
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.filters.parse import parse_filter
from duetdb.app.service.grouping import Aggregate, Key, Place
from duetdb.app.service.keys.web_key import WebKey
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import Principal
from duetdb.app.service.query import Expansion, Order, Projection, Query, Words
from duetdb.app.service.reading.aggregate import Aggregator
from duetdb.app.service.reading.reader import Reader
from duetdb.app.settings import Settings
from duetdb.schema_gen.build import build_schema
from duetdb.schema_gen.model import Schema
from duetdb.schema_gen.narrowing import narrow

WHOLE = build_schema(
    {
        "groups": {"name": "groups", "fields": [{"name": "name", "type": "text"}]},
        "people": {
            "name": "people",
            "fields": [
                {"name": "name", "type": "text"},
                {"name": "gate", "type": "text"},
                {"name": "group", "type": "groups", "relation": "one"},
                {"name": "place", "type": "geo", "indexed": True},
                {
                    "name": "home",
                    "type": "object",
                    "fields": [
                        {"name": "city", "type": "text"},
                        {"name": "code", "type": "number", "hidden": True},
                    ],
                },
            ],
        },
    },
    version=1,
)
KEY = KeyPermissions(
    WebKey(
        id="k",
        paths=("/**",),
        filter={"gate": {"$ne": "out"}},
        readable=("name", "group", "home", "place"),
    )
)
SOMEBODY = Principal(name="api", permissions=KEY)
SEEN = narrow(WHOLE, KEY.rights, KEY.audience)
PEOPLE, GROUPS = SEEN.collections["people"], SEEN.collections["groups"]
RED, BLUE = ObjectId("a" * 24), ObjectId("b" * 24)


class Schemas:
    schema: Schema = WHOLE


AUTHORISER = Authoriser(Schemas())


def person(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {"_id": number, "name": name, "_keywords": [name.lower(), "in"], **more}


@pytest.fixture(params=["mongod", "memory"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    """Either engine, with the same people in it."""
    if request.param == "memory":
        found = memory_engine("test")
    else:
        settings: Settings = request.getfixturevalue("settings")
        found = await connect(settings)
    await found.database["groups"].insert_many(
        [{"_id": RED, "name": "red"}, {"_id": BLUE, "name": "blue", "gate": "out"}]
    )
    await found.database["people"].insert_many(
        [
            person(1, "Ann", home={"city": "Oslo", "code": 3, "x": 1}, group=[RED], free=1),
            person(2, "Bob", home={"city": "Oslo", "code": 1, "x": 1}, group=[RED, BLUE]),
            person(3, "Cid", gate="out", home={"city": "Rome"}, group=[RED]),
        ]
    )
    yield found
    if request.param == "mongod":
        await found.client.drop_database(found.database.name)
        await found.client.close()


async def read(engine: Engine, query: Query, **limits: Any) -> list[Any]:
    reader = Reader(engine, Limits(**limits))
    return await reader.find(AUTHORISER.read(query, SOMEBODY))


def asked(q: dict[str, Any], **more: Any) -> Query:
    return Query(collection=PEOPLE, filter=parse_filter(PEOPLE, q, Limits(), SEEN), **more)


ANN = {
    "_id": 1,
    "name": "Ann",
    "_keywords": ["ann", "in"],
    "home": {"city": "Oslo", "x": 1},
    "group": [RED],
}


async def test_documents_have_what_is_listed_less_what_is_hidden(engine: Engine) -> None:
    found = await read(engine, asked({"_id": 1}))
    assert [{**each, "_keywords": ["ann", "in"]} for each in found] == [ANN]
    assert await read(engine, asked({}, projection=Projection(("home", "free"), True))) == [
        {"_id": 1, "home": {"city": "Oslo", "x": 1}},
        {"_id": 2, "home": {"city": "Oslo", "x": 1}},
    ]


async def test_a_whole_object_is_compared_without_its_hidden_part(engine: Engine) -> None:
    q = {"home": {"$in": [{"city": "Oslo", "x": 1}]}}
    assert [each["_id"] for each in await read(engine, asked(q))] == [1, 2]
    by_home = asked({}, order=(Order("home"), Order("name", descending=True)))
    assert [each["_id"] for each in await read(engine, by_home)] == [2, 1]
    assert await read(engine, asked({"free": {"$exists": True}})) == []
    counted = AUTHORISER.read(asked({"home.code": {"$exists": False}}), SOMEBODY)
    assert await Reader(engine, Limits()).count(counted) == 2


async def test_members_of_several_groups_are_told_apart(engine: Engine) -> None:
    groups = Query(
        collection=GROUPS,
        projection=Projection(("name",), include=True),
        expand=(
            Expansion(
                PEOPLE.by_name["group"],
                Query(collection=PEOPLE, projection=Projection(("name",), include=True)),
                "members",
                reverse=True,
            ),
        ),
    )
    bob = {"_id": 2, "name": "Bob"}
    await engine.database["groups"].update_one({"_id": BLUE}, {"$set": {"gate": "in"}})
    found = await read(engine, groups)
    assert [(each["name"], _without(each["members"], "group")) for each in found] == [
        ("red", [{"_id": 1, "name": "Ann"}, bob]),
        ("blue", [bob]),
    ]


def _without(documents: list[Any], name: str) -> list[Any]:
    """In memory the documents of groups hold what they are told apart by."""
    return [{key: each[key] for key in each if key != name} for each in documents]


async def test_words_are_counted_where_they_are_seen(engine: Engine) -> None:
    found = await read(engine, asked({}, order=()), in_values=1)
    assert len(found) == 2
    words = Query(collection=PEOPLE, filter=Words(("in",)))
    assert await read(engine, words, in_values=1) == []
    assert [each["_id"] for each in await read(engine, _named("a"), in_values=1)] == [1]
    await engine.database["people"].insert_one(person(4, "Ada"))
    with pytest.raises(LimitExceeded):
        await read(engine, _named("a"), in_values=1)


def _named(word: str) -> Query:
    return Query(collection=PEOPLE, filter=Words((word,)))


async def test_documents_are_put_behind_their_keys(settings: Settings) -> None:
    engine = await connect(settings)
    await engine.database["people"].insert_many(
        [person(1, "Ann", home={"code": 1}), person(2, "Bob", home={"code": 2})]
    )
    by_home = Aggregate(
        query=asked({}, projection=Projection(("_keywords",))), keys=(Key(Place("home")),)
    )
    found = await Aggregator(engine, Limits()).keyed(AUTHORISER.aggregate(by_home, SOMEBODY))
    assert found == [
        (({},), {"_id": 1, "name": "Ann", "home": {}}),
        (({},), {"_id": 2, "name": "Bob", "home": {}}),
    ]
    await engine.client.drop_database(engine.database.name)
    await engine.client.close()


async def test_documents_that_are_not_seen_leave_ties_of_distances(settings: Settings) -> None:
    engine = await connect(settings)
    here = {"type": "Point", "coordinates": [2.0, 1.0]}
    await engine.database["people"].create_index([("place", "2dsphere")])
    everybody = [person(n, "Ann", place=here) for n in range(10)]
    await engine.database["people"].insert_many(everybody)
    near = asked({"place": {"$near": {"$geometry": {"type": "Point", "coordinates": [0.0, 1.0]}}}})
    for number in range(10, 14):
        assert [each["_id"] for each in await read(engine, near)] == list(range(10))
        hidden = person(number, "Out", gate="out", place=here)
        await engine.database["people"].insert_one(hidden)
    await engine.client.drop_database(engine.database.name)
    await engine.client.close()


async def test_a_refusal_for_want_of_an_index_names_and_counts_nothing(settings: Settings) -> None:
    engine = await connect(settings)
    await engine.database["people"].insert_many([person(n, "Ann") for n in range(3)])
    with pytest.raises(LimitExceeded) as refusal:
        await read(engine, asked({"name": "Ann"}), require_index=2)
    assert str(refusal.value) == (
        "The query would look at all the documents of 'people', and this server wants an index "
        "above 2 (DUETDB_REQUIRE_INDEX)."
    )
    assert refusal.value.hint is not None
    assert "gate" not in refusal.value.hint
    await engine.client.drop_database(engine.database.name)
    await engine.client.close()
