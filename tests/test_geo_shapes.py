"""The shapes of places in queries: checked to the last number, and built anew."""

from __future__ import annotations

from typing import Any

import pytest

from duetdb.app.service.errors import BadQuery, LimitExceeded
from duetdb.app.service.query import Match
from duetdb.app.service.reading.nearest import nearest_first
from tests.test_geo import near, point, read


def test_what_reaches_the_database_is_built_anew() -> None:
    q = {"place": {"$near": {"$geometry": {**point(5, 60), "bbox": [1]}, "$maxDistance": 7}}}
    q["place"]["$near"]["$geometry"]["coordinates"].append(100)
    assert read(q) == Match(
        "place",
        "near",
        {"$geometry": {"type": "Point", "coordinates": [5.0, 60.0]}, "$maxDistance": 7.0},
    )


def test_a_pipeline_spells_near_as_a_stage() -> None:
    asked = {"$geometry": point(1, 2), "$maxDistance": 9.0, "$minDistance": 1.0}
    where = {"$and": [{"kind": {"$eq": "x"}}, {"place": {"$near": asked}}]}
    assert nearest_first([{"$match": where}, {"$sort": {}}, {"$limit": 3}]) == [
        {
            "$geoNear": {
                "near": point(1, 2),
                "key": "place",
                "distanceField": "_duet_distance",
                "query": {"$and": [{"kind": {"$eq": "x"}}, {}]},
                "maxDistance": 9.0,
                "minDistance": 1.0,
            }
        },
        {"$unset": "_duet_distance"},
        {"$limit": 3},
    ]
    plain = [{"$match": {"kind": {"$eq": "x"}}}, {"$sort": {"_id": 1}}]
    assert nearest_first(plain) is plain
    assert nearest_first([]) == []


WRONG: dict[str, tuple[Any, str]] = {
    "a field that is no place": ({"name": {"$near": [1, 2]}}, "asks about a place, and 'name' is"),
    "no field": ({"nothing": {"$geoWithin": {"$box": [[1, 2], [3, 4]]}}}, "'nothing' is none"),
    "no index": ({"area": {"$near": [1, 2]}}, "needs an index on 'area'"),
    "inside of or": ({"$or": [{"place": {"$near": [1, 2]}}]}, "stands once"),
    "inside of not": ({"place": {"$not": {"$near": [1, 2]}}}, "stands once"),
    "inside of nor": ({"$nor": [{"place": {"$near": [1, 2]}}]}, "stands once"),
    "in an element": ({"stores": {"$elemMatch": {"place": {"$near": [1, 2]}}}}, "needs an index"),
    "through a relation": ({"nearby.place": {"$near": [1, 2]}}, "stands once"),
    "twice": ({"$and": [{"place": {"$near": [1, 2]}}] * 2}, "stands once"),
    "a name like it": ({"place": {"$nearSphere": [1, 2]}}, "Did you mean '$near'"),
    "another name": ({"place": {"$geoIntersect": {}}}, "Did you mean '$geoIntersects'"),
    "a bound outside": ({"place": {"$maxDistance": 1}}, "'$maxDistance' cannot stand here"),
    "a text": ({"place": {"$near": "1,2"}}, "'$near' takes an object"),
    "nothing in it": ({"place": {"$near": {}}}, "'$near' takes an object"),
    "null": ({"place": {"$near": None}}, "'$near' takes an object"),
    "one number": ({"place": {"$near": [1]}}, "A position must be"),
    "texts for numbers": ({"place": {"$near": ["1", "2"]}}, "A position must be"),
    "truth values": ({"place": {"$near": [True, False]}}, "A position must be"),
    "no longitude": ({"place": {"$near": [181, 2]}}, "Longitude must be from -180 to 180"),
    "no latitude": ({"place": {"$near": [2, 91]}}, "latitude from -90 to 90"),
    "a huge integer": ({"place": {"$near": [10**400, 1]}}, "A number is beyond 64 bits"),
    "an operator": ({"place": {"$near": {"$where": "1"}}}, "'$near' has no '$where'"),
    "two points": (
        {"place": {"$near": {"$geometry": point(1, 2), "coordinates": [1, 2]}}},
        "either '$geometry' or 'coordinates'",
    ),
    "a line": (
        {"place": {"$near": {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}}},
        "must be one of: Point",
    ),
    "below zero": (near(maxDistance=-1), "'$maxDistance' takes metres"),
    "endless": (near(maxDistance=float("inf")), "'$maxDistance' takes metres"),
    "no number": (near(minDistance=float("nan")), "'$minDistance' takes metres"),
    "a text for metres": (near(minDistance="5"), "'$minDistance' takes metres"),  # type: ignore[arg-type]
    "an object for metres": (
        near(minDistance={"$gt": 5}),  # type: ignore[arg-type]
        "'$minDistance' takes metres",
    ),
    "no area": ({"place": {"$geoWithin": {}}}, "'$geoWithin' takes an object"),
    "two areas": (
        {"place": {"$geoWithin": {"$box": [[1, 2], [3, 4]], "$polygon": []}}},
        "exactly one area",
    ),
    "an area like one": (
        {"place": {"$geoWithin": {"$centreSphere": []}}},
        "Did you mean '$centerSphere'",
    ),
    "a point for an area": (
        {"place": {"$geoWithin": {"$geometry": point(1, 2)}}},
        "must be one of: Polygon, MultiPolygon",
    ),
    "a radius in metres": (
        {"place": {"$geoWithin": {"$centerSphere": [[1, 2], 5000]}}},
        "a radius in radians, of at most 3.14159",
    ),
    "a circle without a radius": (
        {"place": {"$geoWithin": {"$centerSphere": [[1, 2]]}}},
        "takes [[longitude, latitude], radius in radians]",
    ),
    "a box with one corner": ({"place": {"$geoWithin": {"$box": [[1, 2]]}}}, "takes two corners"),
    "a box around the world": (
        {"place": {"$geoWithin": {"$box": [[-200, 2], [3, 4]]}}},
        "'$box' has a wrong position",
    ),
    "an outline of two": (
        {"place": {"$geoWithin": {"$polygon": [[1, 2], [3, 4]]}}},
        "three or more positions",
    ),
    "a ring that does not close": (
        {
            "place": {
                "$geoWithin": {
                    "$geometry": {
                        "type": "Polygon",
                        "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]],
                    }
                }
            }
        },
        "first and the last position of a ring must be equal",
    ),
    "deep lists": (
        {"place": {"$geoIntersects": {"$geometry": {"type": "Point", "coordinates": [[[[1]]]]}}}},
        "A position must be",
    ),
    "a collection of geometries": (
        {
            "place": {
                "$geoIntersects": {"$geometry": {"type": "GeometryCollection", "geometries": []}}
            }
        },
        "has no 'geometries'",
    ),
    "another system of coordinates": (
        {"place": {"$geoIntersects": {"$geometry": {**point(1, 2), "crs": {}}}}},
        "has no 'crs'",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_question_that_is_wrong(name: str) -> None:
    q, sentence = WRONG[name]
    with pytest.raises(BadQuery) as caught:
        read(q)
    assert sentence in caught.value.message
    assert caught.value.message.endswith((".", "?"))


@pytest.mark.parametrize(
    "place",
    [
        {"$geoWithin": {"$polygon": [[n / 10, 0] for n in range(6)]}},
        {
            "$geoIntersects": {
                "$geometry": {"type": "LineString", "coordinates": [[n, 0] for n in range(6)]}
            }
        },
    ],
)
def test_positions_are_counted(place: Any) -> None:
    read({"place": place}, geo_points=6)
    with pytest.raises(LimitExceeded, match="more than 5 positions") as caught:
        read({"place": place}, geo_points=5)
    assert caught.value.hint == "Simplify it, or raise DUETDB_GEO_POINTS."
