"""The sample files imported as a user would, then asked the same questions on both interfaces.

What is expected is worked out here from the files with nothing but ``json``.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

import duetdb.sample
from duetdb.app.main import create_app
from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.settings import Settings
from tests.conftest import KEY, make_settings
from tests.processes import run_cli

FOLDER = Path(duetdb.sample.__path__[0])
NAMES = ("theaters", "accounts", "customers", "countries")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    """The documents of a file, Extended JSON wrappers as they are written."""
    return [json.loads(line) for line in (FOLDER / f"{name}.json").read_text().splitlines()]


def whole(row: Row, field: str) -> int:
    return int(row[field]["$numberInt"])


def born(row: Row) -> int:
    """Milliseconds from 1970; negative for those born before."""
    return int(row["birthdate"]["$date"]["$numberLong"])


def in_state(state: str) -> list[int]:
    found = (row for row in rows("theaters") if row["location"]["address"]["state"] == state)
    return sorted(whole(row, "theaterId") for row in found)


def born_before_1970() -> list[str]:
    found = [(born(row), row["_id"]["$oid"]) for row in rows("customers") if born(row) < 0]
    return [id_ for _, id_ in sorted(found)]


def many_borders() -> list[str]:
    return sorted(row["cca3"] for row in rows("countries") if len(row["borders"]) > 5)


@pytest.fixture(scope="module")
def imported(mongod: EmbeddedMongod) -> Iterator[Settings]:
    """A database into which ``duetdb import`` has put the four files, inferring their metadata."""
    settings = make_settings(mongod.uri)
    target = ("--mongodb-uri", mongod.uri, "--database", settings.database)
    for name in NAMES:
        done = run_cli("import", name, str(FOLDER / f"{name}.json"), *target)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"Stored {len(rows(name)):,} documents in {name}.\n"
    yield settings
    drop(mongod, settings)


def drop(mongod: EmbeddedMongod, settings: Settings) -> None:
    from pymongo import MongoClient

    with MongoClient(mongod.uri) as client:
        client.drop_database(settings.database)


@pytest.fixture
async def client(imported: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(imported)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://duetdb", headers={"x-apikey": KEY}
        ) as connected:
            yield connected


@dataclass(frozen=True, slots=True)
class Question:
    """One question in both languages; ``fields`` is what GraphQL selects."""

    collection: str
    q: Row
    where: str
    order: str
    fields: str
    identity: str
    expected: Callable[[], list[Any]]

    def __str__(self) -> str:
        return f"{self.collection} {self.where}"


THEATER = "theaterId location { address { street1 street2 city state zipcode } geo }"
CUSTOMER = "username name address birthdate email active accounts tier_and_details"
COUNTRY = """name { common official native } tld cca2 ccn3 cca3 cioc independent status unMember
    unRegionalGroup currencies idd { root suffixes } capital altSpellings region subregion languages
    translations latlng landlocked borders area flag demonyms"""

QUESTIONS = (
    Question(
        "theaters",
        {"location.address.state": "MN"},
        '{location: {address: {state: {eq: "MN"}}}}',
        "theaterId",
        THEATER,
        "theaterId",
        lambda: in_state("MN"),
    ),
    Question(
        "customers",
        {"birthdate": {"$lt": {"$date": "1970-01-01"}}},
        '{birthdate: {lt: "1970-01-01"}}',
        "birthdate",
        CUSTOMER,
        "_id",
        born_before_1970,
    ),
    Question(
        "countries",
        {"borders": {"$size": {"$gt": 5}}},
        "{borders: {size: {gt: 5}}}",
        "cca3",
        COUNTRY,
        "cca3",
        many_borders,
    ),
    Question(
        "countries",
        {"cca3": "NOR"},
        '{cca3: {eq: "NOR"}}',
        "cca3",
        COUNTRY,
        "cca3",
        lambda: ["NOR"],
    ),
)


async def by_rest(client: httpx.AsyncClient, question: Question) -> list[Row]:
    parameters = {"q": json.dumps(question.q), "sort": question.order, "max": 10_000}
    answer = await client.get(f"/rest/{question.collection}", params=parameters)
    assert answer.status_code == 200, answer.text
    found: list[Row] = answer.json()
    return found


async def ask(client: httpx.AsyncClient, query: str) -> Any:
    answer = await client.post("/graphql", json={"query": query})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body.keys() == {"data"}, body
    return body["data"]


async def by_graphql(client: httpx.AsyncClient, question: Question) -> list[Row]:
    data = await ask(
        client,
        f"{{ found: {question.collection}(where: {question.where}, "
        f"orderBy: [{{{question.order}: ASC}}], max: 10000) {{ _id {question.fields} }} }}",
    )
    found: list[Row] = data["found"]
    return found


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
async def test_both_interfaces_find_what_the_file_holds(
    client: httpx.AsyncClient, question: Question
) -> None:
    by_path = await by_rest(client, question)
    assert [each[question.identity] for each in by_path] == question.expected()
    assert len(by_path) >= 1
    by_type = await by_graphql(client, question)
    assert [filled(each) for each in by_type] == [filled(each) for each in by_path]


def filled(value: Any) -> Any:
    """The value without nulls: GraphQL says null where a document lacks a field."""
    if isinstance(value, dict):
        return {key: filled(each) for key, each in value.items() if each is not None}
    return value


@pytest.mark.parametrize("name", NAMES)
async def test_rest_answers_each_document_as_the_file_has_it(
    client: httpx.AsyncClient, name: str
) -> None:
    answer = await client.get(f"/rest/{name}", params={"max": 10_000})
    found = answer.json()
    if name == "countries":  # the one file without ids
        for each in found:
            assert len(each.pop("_id")) == 24
    assert found == [plain(row) for row in rows(name)]


def plain(value: Any) -> Any:
    """A value of the file as REST writes it."""
    match value:
        case {"$oid": str(text)}:
            return text
        case {"$numberInt": str(digits)} | {"$numberLong": str(digits)}:
            return int(digits)
        case {"$numberDouble": str(digits)}:
            return float(digits)
        case {"$date": {"$numberLong": str(digits)}}:
            moment = datetime.fromtimestamp(int(digits) / 1000, UTC)
            return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(digits) % 1000:03}Z"
        case dict():
            return {key: plain(each) for key, each in value.items()}
        case list():
            return [plain(each) for each in value]
        case _:
            return value


async def types(client: httpx.AsyncClient, name: str) -> dict[str, str]:
    """The type of every declared field, by path; lists with brackets."""
    meta = (await client.get(f"/rest/{name}/_meta")).json()
    found: dict[str, str] = {}

    def walk(fields: list[Row], prefix: str) -> None:
        for field in fields:
            kind = f"[{field['type']}]" if field.get("multiple") else field["type"]
            found[prefix + field["name"]] = kind
            walk(field.get("fields", []), f"{prefix}{field['name']}.")

    walk(meta["fields"], "")
    return found


async def test_nested_data_is_declared_as_objects(client: httpx.AsyncClient) -> None:
    assert await types(client, "theaters") == {
        "theaterId": "number",
        "location": "object",
        "location.address": "object",
        "location.address.street1": "text",
        "location.address.street2": "text",
        "location.address.city": "text",
        "location.address.state": "text",
        "location.address.zipcode": "text",
        "location.geo": "geo",
    }


async def test_maps_whose_keys_are_data_are_json(client: httpx.AsyncClient) -> None:
    countries = await types(client, "countries")
    maps = {path for path, kind in countries.items() if kind == "JSON"}
    assert maps == {"name.native", "currencies", "languages", "translations", "demonyms"}
    assert countries["name"] == countries["idd"] == "object"
    assert countries["name.common"] == countries["name.official"] == "text"
    assert countries["borders"] == "[text]"
    assert countries["latlng"] == "[float_number]"
    customers = await types(client, "customers")
    assert customers["tier_and_details"] == "JSON"
    assert (customers["birthdate"], customers["accounts"]) == ("datetime", "[number]")


async def test_graphql_has_types_for_objects_and_json_for_maps(client: httpx.AsyncClient) -> None:
    assert await kinds(client, "Theaters") == {"theaterId": "Long", "location": "Theaters_location"}
    assert await kinds(client, "Theaters_location") == {
        "address": "Theaters_location_address",
        "geo": "JSON",
    }
    address = dict.fromkeys(("street1", "street2", "city", "state", "zipcode"), "String")
    assert await kinds(client, "Theaters_location_address") == address
    names = dict.fromkeys(("common", "official"), "String")
    assert await kinds(client, "Countries_name") == {**names, "native": "JSON"}
    countries = await kinds(client, "Countries")
    assert {name for name, kind in countries.items() if kind == "JSON"} == {
        "currencies",
        "languages",
        "translations",
        "demonyms",
    }
    assert countries["borders"] == "[String]"
    assert countries["latlng"] == "[Float]"


async def kinds(client: httpx.AsyncClient, name: str) -> dict[str, str]:
    """The declared fields of a GraphQL type and their types, non-null marks left out."""
    data = await ask(
        client,
        f'{{ __type(name: "{name}") {{ fields {{ name type {{ ...t ofType {{ ...t ofType {{ ...t '
        "ofType { ...t } } } } } } } fragment t on __Type { kind name }",
    )
    fields = data["__type"]["fields"]
    return {each["name"]: written(each["type"]) for each in fields if each["name"][0] != "_"}


def written(kind: Row) -> str:
    if kind["name"]:
        return str(kind["name"])
    inner = written(kind["ofType"])
    return f"[{inner}]" if kind["kind"] == "LIST" else inner


async def test_only_what_is_proven_is_a_relation(client: httpx.AsyncClient) -> None:
    """Accounts are named by a number that is no id and not unique, neighbours by their code."""
    for name in NAMES:
        meta = (await client.get(f"/rest/{name}/_meta")).json()
        assert not any("relation" in field for field in meta["fields"])
        assert not any(field.get("unique") for field in meta["fields"])
