"""What neither interface may store: refused by both with the same list, and nothing changes."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from bson import Decimal128

from duetdb.app.service.engine import Engine

PLACES: dict[str, Any] = {
    "name": "places",
    "fields": [
        {"name": "title", "type": "text", "regex": "^(a|aa)+$"},
        {"name": "price", "type": "money"},
        {"name": "open", "type": "bool"},
        {"name": "shape", "type": "geo", "indexed": True},
        {"name": "next", "type": "places", "relation": "one"},
    ],
}
SHAPES = [
    {"type": "LineString", "coordinates": [[0, 0], [0, 0]]},
    {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [0, 2], [2, 0], [0, 0]]]},
    {"type": "GeometryCollection", "geometries": []},
]


@pytest.fixture
async def client(app_client: httpx.AsyncClient) -> httpx.AsyncClient:
    put = await app_client.put("/rest/places/_meta", json=PLACES)
    assert put.status_code in (200, 201), put.text
    return app_client


async def both(client: httpx.AsyncClient, body: dict[str, Any]) -> tuple[Any, Any]:
    """The list of mistakes that REST gives and the one that GraphQL gives."""
    rest = await client.post("/rest/places", json=body)
    assert rest.status_code == 400, rest.text
    query = "mutation($data: PlacesInput!) { createPlaces(data: $data) { _id } }"
    answer = await client.post("/graphql", json={"query": query, "variables": {"data": body}})
    (error,) = answer.json()["errors"]
    assert (await client.get("/rest/places")).json() == []
    return rest.json()["list"], error["extensions"]["list"]


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_geometry_that_cannot_be_indexed(client: httpx.AsyncClient, shape: Any) -> None:
    rest, graphql = await both(client, {"shape": shape})
    assert rest == graphql
    assert rest[0]["message"][1] == "TYPE"
    listed = await client.post("/rest/places", json=[{"price": 1}, {"shape": shape}])
    assert listed.json()["list"][0]["index"] == 1


async def test_a_pattern_that_never_ends(client: httpx.AsyncClient) -> None:
    rest, graphql = await both(client, {"title": "a" * 60 + "!"})
    assert rest == graphql
    assert rest == [
        {
            "field": "title",
            "message": ["It takes too long to match the pattern '^(a|aa)+$'.", "REGEX"],
        }
    ]


async def test_a_relation_to_one_takes_one(client: httpx.AsyncClient) -> None:
    made = [(await client.post("/rest/places", json={})).json()["_id"] for _ in range(2)]
    refused = await client.post("/rest/places", json={"next": made})
    assert refused.json()["list"] == [
        {"field": "next", "message": ["Must be one of 'places'.", "TYPE"]}
    ]
    taken = await client.post("/rest/places", json={"next": made[:1]})
    assert taken.status_code == 201


async def test_literals_in_data_are_read_as_variables_are(client: httpx.AsyncClient) -> None:
    query = 'mutation { createPlaces(data: {price: "12.50", open: "true"}) { price open } }'
    answer = await client.post("/graphql", json={"query": query})
    assert answer.json() == {"data": {"createPlaces": {"price": 12.5, "open": True}}}
    query = 'mutation { createPlaces(data: {title: 5, price: "x", open: [1]}) { _id } }'
    (error,) = (await client.post("/graphql", json={"query": query})).json()["errors"]
    rest = await client.post("/rest/places", json={"title": 5, "price": "x", "open": [1]})
    assert error["extensions"]["list"] == rest.json()["list"]
    query = "mutation { createPlaces(data: {pric: 1, title: 5}) { _id } }"
    (error,) = (await client.post("/graphql", json={"query": query})).json()["errors"]
    assert error["message"].endswith("unknown field 'pric'. Did you mean 'price'?")


async def test_a_key_in_a_form_is_not_stored(client: httpx.AsyncClient) -> None:
    made = await client.post("/rest/places", data={"apikey": "a key of somebody", "u": "x"})
    assert made.status_code == 201
    assert made.json()["u"] == "x"
    assert "apikey" not in made.json()


async def test_a_decimal_beyond_every_double_reads_as_null(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    await engine.database.places.insert_one(
        {"price": Decimal128("1E+6000")}, bypass_document_validation=True
    )
    (shown,) = (await client.get("/rest/places")).json()
    assert shown["price"] is None


async def test_a_view_can_be_read_and_says_that_it_cannot_be_written(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    await client.post("/rest/places", json={"price": 3})
    await engine.database.command("create", "cheap", viewOn="places", pipeline=[])
    put = await client.put(
        "/rest/cheap/_meta", json={"name": "cheap", "fields": [{"name": "price", "type": "money"}]}
    )
    assert put.status_code in (200, 201), put.text
    (shown,) = (await client.get("/rest/cheap")).json()
    assert shown["price"] == 3
    for method, path in (("PATCH", f"/{shown['_id']}"), ("DELETE", f"/{shown['_id']}")):
        answer = await client.request(method, f"/rest/cheap{path}", json={"price": 4})
        assert answer.status_code == 400, answer.text
        assert answer.json()["message"]


async def test_inference_passes_over_names_that_metadata_cannot_have(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    await engine.database["weird?name"].insert_one({"a": 1})
    await engine.database["orders"].insert_one({"a": 1})
    applied = await client.post("/rest/_meta/infer?apply=true")
    assert applied.status_code == 200, applied.text
    assert [each["name"] for each in applied.json()["collections"]] == ["orders"]
    assert (await client.get("/rest/orders")).status_code == 200
