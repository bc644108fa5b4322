"""Places: what is near, what lies within and what is crossed, on both interfaces."""

from __future__ import annotations

import json
import random
import re
from collections.abc import AsyncIterator
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from typing import Any

import httpx
import pytest

from duetdb.app.mongo.memory import memory_engine
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import NotAvailable, Unavailable
from duetdb.app.service.filters.parse import parse_filter
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import And, Expansion, Filter, Match, Order, Query
from duetdb.app.service.reading.reader import Reader
from duetdb.schema_gen.build import build_schema

SHOPS: dict[str, Any] = {
    "name": "shops",
    "fields": [
        {"name": "name", "type": "text"},
        {"name": "kind", "type": "text"},
        {"name": "place", "type": "geo", "indexed": True},
        {"name": "area", "type": "geo"},
        {"name": "visits", "type": "visits", "relation": "child"},
        {"name": "nearby", "type": "shops", "relation": "many"},
        {
            "name": "stores",
            "type": "object",
            "multiple": True,
            "fields": [{"name": "place", "type": "geo"}],
        },
    ],
}
VISITS: dict[str, Any] = {
    "name": "visits",
    "fields": [
        {"name": "n", "type": "number"},
        {"name": "place", "type": "geo", "indexed": True},
    ],
}
SCHEMA = build_schema({"shops": SHOPS, "visits": VISITS}, version=1)


def read(q: Any, name: str = "shops", **limits: int) -> Filter:
    return parse_filter(SCHEMA.collections[name], q, Limits(**limits), SCHEMA)


HERE = (5.32, 60.39)
RADIUS = 6_378_100


def point(lng: float, lat: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [lng, lat]}


def square(west: float, south: float, size: float) -> dict[str, Any]:
    east, north = west + size, south + size
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    (lng1, lat1), (lng2, lat2) = (tuple(map(radians, each)) for each in (one, other))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lng2 - lng1) / 2) ** 2
    return 2 * RADIUS * asin(sqrt(half))


RANDOM = random.Random(7)
PLACES = {
    f"shop {n}": (round(RANDOM.uniform(4, 7), 4), round(RANDOM.uniform(59, 62), 4))
    for n in range(60)
}
BY_DISTANCE = sorted(PLACES, key=lambda name: metres(HERE, PLACES[name]))


@pytest.fixture
async def shops(app_client: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """Sixty shops around Bergen, one of them with an area, and one without a place."""
    answer = await app_client.put("/rest/_meta", json={"collections": [SHOPS, VISITS]})
    assert answer.status_code == 200, answer.text
    documents = [
        {"name": name, "kind": ("bakery", "florist")[n % 2], "place": point(*place)}
        for n, (name, place) in enumerate(PLACES.items())
    ]
    documents[0]["area"] = square(5, 60, 1)
    documents[1]["stores"] = [{"place": point(1, 1)}, {"place": point(2, 2)}]
    documents.append({"name": "nowhere", "kind": "bakery"})
    assert (await app_client.post("/rest/shops", json=documents)).status_code == 201
    yield app_client


async def rest(client: httpx.AsyncClient, q: Any, **params: Any) -> list[str]:
    given = {"q": json.dumps(q), **params}
    answer = await client.get("/rest/shops", params=given)
    assert answer.status_code == 200, answer.text
    return [each["name"] for each in answer.json()]


async def graphql(client: httpx.AsyncClient, q: Any, arguments: str = "") -> list[str]:
    query = f"query($q: JSON) {{ shops(q: $q {arguments}) {{ name }} }}"
    answer = await client.post("/graphql", json={"query": query, "variables": {"q": q}})
    assert "errors" not in answer.json(), answer.text
    return [each["name"] for each in answer.json()["data"]["shops"]]


def near(**bounds: float) -> Any:
    return {
        "place": {"$near": {"$geometry": point(*HERE), **{f"${k}": v for k, v in bounds.items()}}}
    }


async def test_near_orders_by_distance(shops: httpx.AsyncClient) -> None:
    assert await rest(shops, near()) == BY_DISTANCE
    assert await rest(shops, near(), skip=3, max=4) == BY_DISTANCE[3:7]
    assert await graphql(shops, near(), "max: 5") == BY_DISTANCE[:5]


async def test_near_may_be_written_in_short(shops: httpx.AsyncClient) -> None:
    for short in (list(HERE), {"coordinates": list(HERE)}, point(*HERE)):
        assert await rest(shops, {"place": {"$near": short}}, max=3) == BY_DISTANCE[:3]


async def test_near_within_bounds(shops: httpx.AsyncClient) -> None:
    inner, outer = 30_000, 90_000
    expected = [n for n in BY_DISTANCE if inner <= metres(HERE, PLACES[n]) <= outer]
    assert 3 < len(expected) < 50
    assert await rest(shops, near(minDistance=inner, maxDistance=outer)) == expected


async def test_near_beside_other_conditions(shops: httpx.AsyncClient) -> None:
    bakeries = [name for name in BY_DISTANCE if int(name[5:]) % 2 == 0]
    assert await rest(shops, {"kind": "bakery", **near()}, max=6) == bakeries[:6]
    q = {"$and": [{"kind": "bakery"}, {"$and": [near()]}]}
    assert await graphql(shops, q, "max: 6") == bakeries[:6]


async def test_another_order_wins(shops: httpx.AsyncClient) -> None:
    close = [name for name in BY_DISTANCE if metres(HERE, PLACES[name]) <= 90_000]
    q = near(maxDistance=90_000)
    assert await rest(shops, q, sort="name") == sorted(close)
    assert await graphql(shops, q, "orderBy: [{name: DESC}]") == sorted(close, reverse=True)


async def test_near_is_counted(shops: httpx.AsyncClient) -> None:
    close = [name for name in BY_DISTANCE if metres(HERE, PLACES[name]) <= 90_000]
    params = {"q": json.dumps(near(maxDistance=90_000)), "totals": "true", "max": 2}
    answer = (await shops.get("/rest/shops", params=params)).json()
    assert [each["name"] for each in answer["data"]] == close[:2]
    assert answer["totals"]["total"] == len(close)
    params["q"] = json.dumps({"kind": "none", **near()})
    assert (await shops.get("/rest/shops", params=params)).json()["totals"]["total"] == 0


async def test_near_is_grouped(shops: httpx.AsyncClient) -> None:
    close = [int(n[5:]) for n in BY_DISTANCE if metres(HERE, PLACES[n]) <= 90_000]
    florists = sum(n % 2 for n in close)
    q = near(maxDistance=90_000)
    params = {"q": json.dumps(q), "groupby": "kind", "aggregate": "COUNT:"}
    assert (await shops.get("/rest/shops", params=params)).json() == {
        "bakery": {"COUNT ": len(close) - florists},
        "florist": {"COUNT ": florists},
    }
    params = {"q": json.dumps({"$distinct": "kind", **q})}
    assert (await shops.get("/rest/shops", params=params)).json() == ["bakery", "florist"]
    nearest = {"q": json.dumps(near()), "groupby": "kind", "max": 4}
    grouped = (await shops.get("/rest/shops", params=nearest)).json()
    names = [each["name"] for group in grouped.values() for each in group]
    assert sorted(names) == sorted(BY_DISTANCE[:4])
    query = "query($q: JSON) { shopsAggregate(q: $q) { count } }"
    body = {"query": query, "variables": {"q": q}}
    answer = await shops.post("/graphql", json=body)
    assert answer.json() == {"data": {"shopsAggregate": [{"count": len(close)}]}}


async def test_near_updates(shops: httpx.AsyncClient) -> None:
    close = [n for n in BY_DISTANCE if metres(HERE, PLACES[n]) <= 50_000]
    params = {"q": json.dumps(near(maxDistance=50_000))}
    answer = await shops.patch("/rest/shops/*", params=params, json={"kind": "close"})
    assert answer.json() == {"matched": len(close), "modified": len(close), "failed": []}
    assert set(await rest(shops, {"kind": "close"})) == set(close)


async def test_pages_by_cursors(shops: httpx.AsyncClient, engine: Engine) -> None:
    """They need an order by values, and go on behind one."""
    close = sorted(name for name in BY_DISTANCE if metres(HERE, PLACES[name]) <= 90_000)
    reader = Reader(engine, Limits())
    found: list[str] = []
    while page := await reader.find(
        Query(
            collection=SCHEMA.collections["shops"],
            filter=And((read(near(maxDistance=90_000)), Match("name", "gt", (found or [""])[-1]))),
            order=(Order("name"),),
            max=7,
        )
    ):
        found += [each["name"] for each in page]
    assert found == close


async def test_near_among_children(shops: httpx.AsyncClient, engine: Engine) -> None:
    listed = (await shops.get("/rest/shops", params={"sort": "name", "max": 2})).json()
    for shop in listed:
        visits = [{"n": n, "place": point(*PLACES[BY_DISTANCE[n]])} for n in (3, 1, 2, 0)]
        where = f"/rest/shops/{shop['_id']}/visits"
        assert (await shops.post(where, json=visits)).status_code == 201
        answer = await shops.get(where, params={"q": json.dumps({"place": {"$near": HERE}})})
        assert [each["n"] for each in answer.json()] == [0, 1, 2, 3]
    nearest = read({"place": {"$near": list(HERE)}}, "visits")
    children = Query(collection=SCHEMA.collections["visits"], filter=nearest, skip=1, max=2)
    field = SCHEMA.collections["shops"].by_path["visits"]
    expand = (Expansion(field=field, query=children, key="seen"),)
    both = read({"name": {"$in": [each["name"] for each in listed]}})
    query = Query(collection=SCHEMA.collections["shops"], filter=both, expand=expand)
    for shop in await Reader(engine, Limits()).find(query):
        assert [each["n"] for each in shop["seen"]] == [1, 2]
        assert "_duet_distance" not in shop["seen"][0]


async def test_near_deletes(shops: httpx.AsyncClient) -> None:
    q = json.dumps(near(maxDistance=50_000))
    close = [name for name in BY_DISTANCE if metres(HERE, PLACES[name]) <= 50_000]
    answer = await shops.delete("/rest/shops/*", params={"q": q})
    assert len(answer.json()["result"]) == len(close) > 0
    assert await rest(shops, near(maxDistance=50_000)) == []


async def test_within_a_circle(shops: httpx.AsyncClient) -> None:
    close = {name for name in BY_DISTANCE if metres(HERE, PLACES[name]) <= 90_000}
    q = {"place": {"$geoWithin": {"$centerSphere": [list(HERE), 90_000 / RADIUS]}}}
    assert set(await rest(shops, q)) == set(await graphql(shops, q)) == close
    outside = {*PLACES, "nowhere"} - close
    assert set(await rest(shops, {"place": {"$not": q["place"]}})) == outside
    assert set(await rest(shops, {"$nor": [q]})) == outside
    assert set(await rest(shops, {"$or": [q, {"name": "nowhere"}]})) == {*close, "nowhere"}


async def test_within_areas(shops: httpx.AsyncClient) -> None:
    boxed = {name for name, (lng, lat) in PLACES.items() if 5 <= lng <= 6 and 60 <= lat <= 61}
    assert 3 < len(boxed) < 30
    ring = square(5, 60, 1)["coordinates"][0]
    for area in ({"$box": [[5, 60], [6, 61]]}, {"$polygon": ring[:-1]}):
        assert set(await rest(shops, {"place": {"$geoWithin": area}})) == boxed
    found = await graphql(shops, {"place": {"$geoWithin": {"$geometry": square(5, 60, 1)}}})
    # The edges of a geometry are those of great circles, a little north of the parallels.
    assert set(found) ^ boxed <= {name for name, (_, lat) in PLACES.items() if 60 < lat < 61.02}
    two = {"type": "MultiPolygon", "coordinates": [square(*HERE, 0.01)["coordinates"]] * 2}
    q = {"place": {"$geoWithin": {"$geometry": two}}}
    assert set(await rest(shops, q)) <= set(PLACES)


async def test_what_is_crossed(shops: httpx.AsyncClient) -> None:
    line = {"type": "LineString", "coordinates": [[4.5, 60.5], [7.5, 60.5]]}
    for geometry in (line, point(5.5, 60.5), square(5.5, 60.5, 0.1)):
        q = {"area": {"$geoIntersects": {"$geometry": geometry}}}
        assert await rest(shops, q) == await graphql(shops, q) == ["shop 0"]
    q = {"area": {"$geoIntersects": {"$geometry": point(1, 1)}}}
    assert await rest(shops, q) == []
    inside = {"$geoWithin": {"$geometry": square(0, 0, 3)}}
    assert await rest(shops, {"stores": {"$elemMatch": {"place": inside}}}) == ["shop 1"]
    assert await rest(shops, {"stores.place": inside}) == ["shop 1"]


async def test_the_index_is_used(shops: httpx.AsyncClient) -> None:
    for q in (near(), {"place": {"$geoWithin": {"$centerSphere": [list(HERE), 0.001]}}}):
        params = {"q": json.dumps(q), "explain": "true", "totals": "true"}
        reads = (await shops.get("/rest/shops", params=params)).json()["explain"]
        assert len(reads) == 2
        assert all(each["index"].startswith("duet_geo_place_") for each in reads)


async def test_both_interfaces_refuse_alike(shops: httpx.AsyncClient) -> None:
    q = {"area": {"$near": [1, 2]}}
    over_rest = await shops.get("/rest/shops", params={"q": json.dumps(q)})
    assert over_rest.status_code == 400
    assert over_rest.json()["message"].startswith("'$near' needs an index on 'area'.")
    body = {"query": "query($q: JSON) { shops(q: $q) { name } }", "variables": {"q": q}}
    [error] = (await shops.post("/graphql", json=body)).json()["errors"]
    assert (error["extensions"]["status"], error["extensions"]["code"]) == (400, "BAD_QUERY")
    assert error["extensions"]["hint"].startswith("Declare \"indexed\": true on 'area'")


async def test_an_outline_that_crosses_itself(shops: httpx.AsyncClient) -> None:
    ring = [[0, 0], [3, 3], [3, 0], [0, 3], [0, 0]]
    q = {"place": {"$geoWithin": {"$geometry": {"type": "Polygon", "coordinates": [ring]}}}}
    answer = await shops.get("/rest/shops", params={"q": json.dumps(q)})
    assert answer.status_code == 400
    assert "Loop is not valid" in answer.json()["message"]


async def test_without_the_index_near_says_so(shops: httpx.AsyncClient, engine: Engine) -> None:
    await engine.database.shops.drop_indexes()
    for params in ({}, {"count": "true"}):
        given = {"q": json.dumps(near()), **params}
        answer = await shops.get("/rest/shops", params=given)
        assert answer.status_code == 400
        assert answer.json()["message"].startswith("'$near' needs an index on its field")


async def test_a_place_that_moves_to_another_name(engine: Engine) -> None:
    """While both names are read there is no one index to order by."""
    fields = [{"name": "spot", "type": "geo", "indexed": True, "renamedFrom": "place"}]
    schema = build_schema({"shops": {"name": "shops", "fields": fields}}, version=1)
    collection = schema.collections["shops"]
    filter = parse_filter(collection, {"spot": {"$near": [1, 2]}}, Limits(), schema)
    with pytest.raises(Unavailable, match="moving to its new name"):
        await Reader(engine, Limits()).find(Query(collection=collection, filter=filter))
    area = parse_filter(
        collection, {"spot": {"$geoWithin": {"$box": [[0, 0], [3, 3]]}}}, Limits(), schema
    )
    await engine.database.shops.insert_many([{"place": point(1, 1)}, {"spot": point(2, 2)}, {}])
    found = await Reader(engine, Limits()).find(Query(collection=collection, filter=area))
    assert len(found) == 2


@pytest.mark.parametrize("operator", ["$near", "$geoWithin", "$geoIntersects"])
async def test_memory_mode_has_no_places(operator: str) -> None:
    value = {"$near": [1, 2], "$geoWithin": {"$box": [[0, 0], [3, 3]]}}.get(
        operator, {"$geometry": point(1, 2)}
    )
    reader = Reader(memory_engine("places"), Limits())
    query = Query(collection=SCHEMA.collections["shops"], filter=read({"place": {operator: value}}))
    with pytest.raises(NotAvailable, match=rf"\{operator} is not available in memory mode"):
        await reader.find(query)
    with pytest.raises(NotAvailable):
        await reader.count(query)


async def test_the_examples_of_the_page(shops: httpx.AsyncClient) -> None:
    page = (Path(__file__).parent.parent / "docs" / "rest.md").read_text(encoding="utf-8")
    examples = re.findall(r"^\| `(\{\"place\": .*?\})` \|", page, re.MULTILINE)
    assert len(examples) == 7
    for example in examples:
        answer = await shops.get("/rest/shops", params={"q": example})
        assert answer.status_code == 200, answer.text
