"""Lists in the order of values behind relations: what comes first, what it costs, what it keeps."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import BadQuery, LimitExceeded, NotAvailable
from duetdb.app.service.events import Events
from duetdb.app.service.filters.parse import parse_filter, parse_order, place_of
from duetdb.app.service.grouping import Place
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.query import Document, Expansion, Hop, Order, Projection, Query
from duetdb.app.service.reading.keyset import keys_of
from duetdb.app.service.schema.catalog import Catalog
from duetdb.app.service.service import Service
from duetdb.schema_gen.build import build_schema

SCHEMA = build_schema(
    {
        "countries": {
            "name": "countries",
            "fields": [{"name": "name", "type": "text"}],
        },
        "companies": {
            "name": "companies",
            "fields": [
                {"name": "name", "type": "text"},
                {"name": "title", "type": "text", "renamedFrom": "heading"},
                {"name": "country", "type": "countries", "relation": "one"},
                {"name": "people", "type": "people", "relation": "child"},
            ],
        },
        "people": {
            "name": "people",
            "fields": [
                {"name": "name", "type": "text"},
                {"name": "company", "type": "companies", "relation": "one"},
                {"name": "firms", "type": "companies", "relation": "many"},
                {"name": "home", "type": "companies", "relation": "one", "renamedFrom": "base"},
                {
                    "name": "jobs",
                    "type": "object",
                    "multiple": True,
                    "fields": [{"name": "at", "type": "companies", "relation": "one"}],
                },
            ],
        },
    },
    version=1,
)
COUNTRIES, COMPANIES, PEOPLE = (SCHEMA.collections[n] for n in ("countries", "companies", "people"))


@pytest.fixture
async def service(engine: Engine) -> Service:
    database = engine.database
    await database.countries.insert_many(
        [{"_id": "no", "name": "Norway"}, {"_id": "at", "name": "Austria"}]
    )
    await database.companies.insert_many(
        [
            {"_id": "c", "name": "Cern", "country": ["no"], "heading": "1"},
            {"_id": "a", "name": "Acme", "country": ["at"], "title": "2", "heading": "0"},
            {"_id": "b", "name": "Beta", "title": "3"},
            {"_id": "n"},
        ]
    )
    await database.people.insert_many(
        [
            {"_id": 1, "company": ["c"], "firms": ["a", "c"], "jobs": [{"at": ["b"]}]},
            {"_id": 2, "company": ["a"], "firms": ["c", "b"], "base": ["b"]},
            {"_id": 3, "company": ["b"], "firms": ["gone"], "home": ["a"], "base": ["c"]},
            {"_id": 4, "company": ["n"]},
            {"_id": 5, "company": ["gone"], "jobs": [{"at": ["c"]}, {"at": ["a"]}, {}]},
            {"_id": 6, "company": "a", "firms": "b"},
            {"_id": 7},
        ]
    )
    return Service(engine, Catalog(engine), Limits(), Events())


async def ids(service: Service, *sort: str, down: bool = False, **query: Any) -> list[Any]:
    order = parse_order(PEOPLE, sort, ["-1" if down else "1"] * len(sort), SCHEMA)
    asked = Query(collection=PEOPLE, order=order, **query)
    return [each["_id"] for each in await service.find(asked, FULL_ACCESS)]


@pytest.mark.parametrize(
    ("sort", "up", "down"),
    [
        (["company.name"], [4, 5, 7, 2, 6, 3, 1], [1, 3, 6, 2, 7, 5, 4]),
        (["company.0.name"], [4, 5, 6, 7, 2, 3, 1], [1, 3, 2, 7, 6, 5, 4]),
        (["company.country.name"], [3, 4, 5, 7, 2, 6, 1], [1, 6, 2, 7, 5, 4, 3]),
        (["company.title"], [4, 5, 7, 1, 2, 6, 3], [3, 6, 2, 1, 7, 5, 4]),
        # The least of several values upwards, the greatest downwards, as for any list.
        (["firms.name"], [3, 4, 5, 7, 1, 2, 6], [2, 1, 6, 7, 5, 4, 3]),
        (["firms.1.name"], [3, 4, 5, 6, 7, 2, 1], [1, 2, 7, 6, 5, 4, 3]),
        # Two are still under the former name.
        (["home"], [1, 4, 5, 6, 7, 3, 2], [2, 3, 7, 6, 5, 4, 1]),
        (["home.name"], [1, 4, 5, 6, 7, 3, 2], [2, 3, 7, 6, 5, 4, 1]),
        (["jobs.at.name"], [2, 3, 4, 6, 7, 5, 1], [5, 1, 7, 6, 4, 3, 2]),
        (["company.country.name", "company.name", "_id"], [4, 5, 7, 3, 2, 6, 1], None),
        (["company._id", "firms.name"], [7, 2, 6, 3, 1, 5, 4], None),
    ],
)
async def test_order(
    service: Service, sort: list[str], up: list[int], down: list[int] | None
) -> None:
    assert await ids(service, *sort) == up
    if down is not None:
        assert await ids(service, *sort, down=True) == down


async def test_missing_and_empty_values_behind_relations(service: Service) -> None:
    database = service.engine.database
    await database.people.delete_many({})
    await database.companies.insert_many(
        [
            {"_id": "empty", "tags": []},
            {"_id": "null", "tags": None},
            {"_id": "many", "tags": [5, 1]},
            {"_id": "one", "tags": 2},
        ]
    )
    for n, firms in enumerate((["many"], ["one"], ["n"], ["empty"], ["one", "n"], ["null"], [])):
        await database.people.insert_one({"_id": n, "firms": firms})
    assert await ids(service, "firms.tags") == [3, 2, 4, 5, 6, 0, 1]
    assert await ids(service, "firms.tags", down=True) == [0, 4, 1, 6, 5, 2, 3]
    assert await ids(service, "firms.tags.0") == [1, 2, 3, 4, 5, 6, 0]


async def test_positions_beside_relations(service: Service) -> None:
    people = service.engine.database.people
    await people.delete_many({})
    for n, free in enumerate(([["x"], 1], [], [2], [[]], ["a"], [{}])):
        await people.insert_one({"_id": n, "free": free})
    only = Projection(("name",), include=True)
    for sort in (["free.0"], ["free.0", "company.name"]):
        assert await ids(service, *sort, projection=only) == [3, 1, 2, 4, 5, 0]
        assert await ids(service, *sort, projection=only, down=True) == [0, 5, 4, 2, 1, 3]


async def test_pages_and_filters(service: Service) -> None:
    assert await ids(service, "company.name", skip=3, max=2) == [2, 6]
    q = {"company.name": {"$in": ["Acme", "Cern"]}}
    filter = parse_filter(PEOPLE, q, Limits(), SCHEMA)
    assert await ids(service, "company.name", filter=filter) == [2, 6, 1]
    assert await ids(service, "company.name", filter=filter, down=True, max=1) == [1]


async def test_documents_are_what_they_are_in_any_order(service: Service) -> None:
    order = parse_order(PEOPLE, ["company.name"], ["-1"], SCHEMA)
    field = PEOPLE.by_name["company"]
    everything = Query(
        collection=PEOPLE,
        order=order,
        max=3,
        expand=(Expansion(field, Query(collection=COMPANIES), "company"),),
    )
    found = await service.find(everything, FULL_ACCESS)
    assert [each["company"][0]["name"] for each in found] == ["Cern", "Beta", "Acme"]
    assert found[0].keys() == {"_id", "company", "firms", "jobs"}
    assert found[1]["home"] == ["a"]
    for projection, keys in (
        (Projection(("firms",), include=True), {"_id", "firms"}),
        (Projection(("firms", "jobs"), include=False), {"_id", "company"}),
    ):
        [first] = await service.find(
            Query(collection=PEOPLE, order=order, max=1, projection=projection), FULL_ACCESS
        )
        assert first.keys() == keys


async def test_streams(service: Service) -> None:
    order = parse_order(PEOPLE, ["company.name"], ["-1"], SCHEMA)
    found = service.stream(Query(collection=PEOPLE, order=order, max=None), FULL_ACCESS)
    assert [each["_id"] async for each in found] == [1, 3, 6, 2, 7, 5, 4]
    async with aclosing(
        service.stream(Query(collection=PEOPLE, order=order, skip=2, max=2), FULL_ACCESS)
    ) as part:
        assert [each["_id"] async for each in part] == [6, 2]


async def test_related_lists_in_such_an_order(service: Service) -> None:
    by_country = (Order("name", False, (Hop("country", COUNTRIES),)),)
    firms = Expansion(
        PEOPLE.by_name["firms"], Query(collection=COMPANIES, order=by_country), "firms"
    )
    by_company = (Order("name", True, (Hop("company", COMPANIES),)),)
    staff = Expansion(
        PEOPLE.by_name["company"],
        Query(collection=PEOPLE, order=by_company, max=2),
        "staff",
        reverse=True,
    )
    [person] = await found(service, Query(collection=PEOPLE, max=1, expand=(firms,)))
    assert [each["_id"] for each in person["firms"]] == ["a", "c"]
    companies = await found(service, Query(collection=COMPANIES, expand=(staff,)))
    assert {each["_id"]: [p["_id"] for p in each["staff"]] for each in companies} == {
        "a": [6, 2],
        "b": [3],
        "c": [1],
        "n": [4],
    }


async def found(service: Service, query: Query) -> list[Document]:
    return await service.find(query, FULL_ACCESS)


def test_places() -> None:
    to_company = Hop("company", COMPANIES)
    for path, place in {
        "name": Place("name"),
        "company": Place("company"),
        "company._id": Place("company"),
        "company[0]._id": Place("company.0"),
        "company.name": Place("name", (to_company,)),
        "company.0.name": Place("name", (Hop("company.0", COMPANIES),)),
        "company.country.name": Place("name", (to_company, Hop("country", COUNTRIES))),
        "company.country": Place("country", (to_company,)),
        "jobs.at.name": Place("name", (Hop("jobs.at", COMPANIES),)),
        "jobs.1.at.0.name": Place("name", (Hop("jobs.1.at.0", COMPANIES),)),
        "extra.a.0": Place("extra.a.0"),
    }.items():
        assert place_of(PEOPLE, path, SCHEMA) == place, path


@pytest.mark.parametrize("path", ["company.people", "company.people.name", "company.a..b", "a.$b"])
def test_no_places(path: str) -> None:
    with pytest.raises(BadQuery) as caught:
        parse_order(PEOPLE, [path], [], SCHEMA)
    assert path.removeprefix("company.") in caught.value.message


async def test_limits(service: Service) -> None:
    circle = build_schema(
        {"p": {"name": "p", "fields": [{"name": "next", "type": "p", "relation": "one"}]}},
        version=1,
    )
    p = circle.collections["p"]
    await service.engine.database.p.insert_many([{"_id": n, "next": [n + 1]} for n in range(9)])
    order = parse_order(p, ["next." * 5 + "x"], ["-1"], circle)
    query = Query(collection=p, order=order, max=2)
    assert [each["_id"] for each in await service.find(query, FULL_ACCESS)] == [8, 7]
    with pytest.raises(LimitExceeded, match="more than 5 relations"):
        parse_order(p, ["next." * 6 + "x"], [], circle)
    order = parse_order(p, ["next." * 5 + ".".join("abcdefghijklmnopqrst")], [], circle)
    assert len(await service.find(replace(query, order=order), FULL_ACCESS)) == 2
    order = parse_order(p, ["next." + ".".join("abcdefghijklmnopqrstu")], [], circle)
    with pytest.raises(LimitExceeded, match="more than 20 parts"):
        await service.find(replace(query, order=order), FULL_ACCESS)


async def test_in_memory(engine: Engine) -> None:
    memory = Service(replace(engine, in_memory=True), Catalog(engine), Limits(), Events())
    with pytest.raises(NotAvailable, match="Ordering through relations is not available"):
        await ids(memory, "company.name")


def test_pages_by_cursor_are_not_ordered_so() -> None:
    with pytest.raises(BadQuery, match="'name' is behind a relation"):
        keys_of(PEOPLE, parse_order(PEOPLE, ["company.name"], [], SCHEMA))
