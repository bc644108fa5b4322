"""Comparisons of places: near, within and crossing, in typed inputs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.voice_graphql.conftest import Json, Voice

SHOPS: Json = {
    "name": "shops",
    "fields": [
        {"name": "name", "type": "text"},
        {"name": "place", "type": "geo", "indexed": True},
        {"name": "area", "type": "geo"},
        {"name": "doors", "type": "geo", "multiple": True},
        {"name": "at", "type": "object", "fields": [{"name": "home", "type": "geo"}]},
        {"name": "next", "type": "shops", "relation": "one"},
    ],
}
RADIUS = 6_378_100


def point(lng: float, lat: float) -> Json:
    return {"type": "Point", "coordinates": [lng, lat]}


SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]}


@pytest.fixture
async def shops(bare: Voice) -> Voice:
    """Shops on the equator, a degree (111 km) from one to the next, and one that is nowhere."""
    await bare.define(SHOPS)
    made: list[Json] = [{"name": f"s{n}", "place": point(n, 0)} for n in (3, 0, 2, 1)]
    made[0] |= {"area": SQUARE, "doors": [point(9, 9), point(10, 10)], "at": {"home": point(7, 7)}}
    (id_, *_) = await bare.insert("shops", *made)
    await bare.insert("shops", {"name": "nowhere", "next": id_})
    return bare


ASKED: dict[str, tuple[str, Json, list[str]]] = {
    "near": (
        "{place: {near: {coordinates: [1.9, 0]}}}",
        {"place": {"$near": {"coordinates": [1.9, 0]}}},
        ["s2", "s1", "s3", "s0"],
    ),
    "near within bounds": (
        "{place: {near: {coordinates: [0, 0], maxDistance: 300000, minDistance: 1}}}",
        {"place": {"$near": {"coordinates": [0, 0], "$maxDistance": 300000, "$minDistance": 1}}},
        ["s1", "s2"],
    ),
    "near beside another condition": (
        '{name: {gt: "s0"}, and: [{place: {near: {coordinates: [0, 0], maxDistance: null}}}]}',
        {"name": {"$gt": "s0"}, "place": {"$near": {"coordinates": [0, 0]}}},
        ["s1", "s2", "s3"],
    ),
    "within a circle": (
        "{place: {within: {circle: {center: [0, 0], radius: 120000}}}}",
        {"place": {"$geoWithin": {"$centerSphere": [[0, 0], 120000 / RADIUS]}}},
        ["s0", "s1"],
    ),
    "within a box": (
        "{place: {within: {box: [[0.5, -1], [2.5, 1]]}}}",
        {"place": {"$geoWithin": {"$box": [[0.5, -1], [2.5, 1]]}}},
        ["s1", "s2"],
    ),
    "within a polygon": (
        "{place: {within: {polygon: [[0.5, -1], [1.5, -1], [1.5, 1], [0.5, 1]]}}}",
        {"place": {"$geoWithin": {"$polygon": [[0.5, -1], [1.5, -1], [1.5, 1], [0.5, 1]]}}},
        ["s1"],
    ),
    "within a geometry": (
        '{at: {home: {within: {geometry: {type: "Polygon", '
        "coordinates: [[[6, 6], [8, 6], [8, 8], [6, 6]]]}}}}}",
        {
            "at.home": {
                "$geoWithin": {
                    "$geometry": {
                        "type": "Polygon",
                        "coordinates": [[[6, 6], [8, 6], [8, 8], [6, 6]]],
                    }
                }
            }
        },
        ["s3"],
    ),
    "crossing": (
        '{area: {intersects: {type: "LineString", coordinates: [[-1, 1], [1, 1]]}}}',
        {
            "area": {
                "$geoIntersects": {
                    "$geometry": {"type": "LineString", "coordinates": [[-1, 1], [1, 1]]}
                }
            }
        },
        ["s3"],
    ),
    "one of a list": (
        "{doors: {within: {box: [[9.5, 9.5], [11, 11]]}, size: 2}}",
        {"doors": {"$geoWithin": {"$box": [[9.5, 9.5], [11, 11]]}, "$size": 2}},
        ["s3"],
    ),
    "not within": (
        "{not: {place: {within: {circle: {center: [0, 0], radius: 250000}}}}}",
        {"$nor": [{"place": {"$geoWithin": {"$centerSphere": [[0, 0], 250000 / RADIUS]}}}]},
        ["s3", "nowhere"],
    ),
    "of another document": (
        "{next: {place: {within: {box: [[2.5, -1], [4, 1]]}}}}",
        {"next": {"$elemMatch": {"place": {"$geoWithin": {"$box": [[2.5, -1], [4, 1]]}}}}},
        ["nowhere"],
    ),
    "anywhere": ("{place: {exists: false}}", {"place": {"$exists": False}}, ["nowhere"]),
}


@pytest.mark.parametrize("what", ASKED)
async def test_the_same_as_rest(shops: Voice, what: str) -> None:
    where, q, names = ASKED[what]
    found = await shops.data(f"{{ shops(where: {where}) {{ name }} }}")
    answer = await shops.client.get("/rest/shops", params={"q": json.dumps(q)})
    assert answer.status_code == 200, answer.text
    by_graphql, by_rest = ([each["name"] for each in rows] for rows in (found, answer.json()))
    if "near" not in what:
        names, by_graphql, by_rest = sorted(names), sorted(by_graphql), sorted(by_rest)
    assert by_graphql == by_rest == names


async def test_in_variables_and_everywhere(shops: Voice) -> None:
    where = {"place": {"near": {"coordinates": [3, 0], "maxDistance": 150_000}}}
    query = """query($where: ShopsWhere) {
      shops(where: $where, orderBy: {name: ASC}) { name }
      shopsConnection(where: $where) { totalCount edges { node { name } } }
      shopsAggregate(where: $where) { count min { name } }
    }"""
    assert await shops.data(query, where=where) == {
        "shops": [{"name": "s2"}, {"name": "s3"}],
        "shopsConnection": {
            "totalCount": 2,
            "edges": [{"node": {"name": "s3"}}, {"node": {"name": "s2"}}],
        },
        "shopsAggregate": [{"count": 2, "min": {"name": "s2"}}],
    }


MISTAKES: dict[str, tuple[Any, str]] = {
    "no index": ({"area": {"near": {"coordinates": [1, 2]}}}, "'near' needs an index on 'area'."),
    "no place on earth": (
        {"place": {"near": {"coordinates": [181, 0]}}},
        "The geometry of 'near' is wrong. Longitude must be from -180 to 180",
    ),
    "a distance below zero": (
        {"place": {"near": {"coordinates": [1, 0], "maxDistance": -1}}},
        "'maxDistance' takes metres, 0 or more.",
    ),
    "two areas": (
        {"place": {"within": {"box": [[0, 0], [1, 1]], "polygon": [[0, 0], [1, 1], [2, 2]]}}},
        "'within' takes exactly one area.",
    ),
    "no area": ({"place": {"within": {"box": None}}}, "'within' takes an object."),
    "nothing": ({"place": {"within": None}}, "'within' takes an object."),
    "a radius around the earth": (
        {"place": {"within": {"circle": {"center": [0, 0], "radius": 20_037_393}}}},
        "'radius' takes metres, from 0 to 20,037,392.",
    ),
    "a point for an area": (
        {"place": {"within": {"geometry": point(1, 1)}}},
        "The geometry of 'geometry' must be one of: Polygon, MultiPolygon.",
    ),
    "no geometry": ({"place": {"intersects": None}}, "'intersects.geometry' takes an object."),
    "or": (
        {"or": [{"place": {"near": {"coordinates": [1, 2]}}}]},
        "'near' stands once, at the top of a filter or in an 'and' there: it is an order.",
    ),
}


@pytest.mark.parametrize("what", MISTAKES)
async def test_mistakes(shops: Voice, what: str) -> None:
    where, message = MISTAKES[what]
    query = "query($where: ShopsWhere) { shops(where: $where) { name } }"
    assert (await shops.message(query, where=where)).startswith(message)


async def test_near_in_where_and_in_q(shops: Voice) -> None:
    query = """query($q: JSON) {
      shops(where: {place: {near: {coordinates: [1, 2]}}}, q: $q) { name }
    }"""
    assert await shops.data(query, q={"name": "s1"}) == [{"name": "s1"}]
    message = await shops.message(query, q={"place": {"$near": [1, 2]}})
    assert message.startswith("'$near' stands once")
