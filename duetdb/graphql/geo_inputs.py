"""Questions about places: their input types, and how the REST query language spells them."""

from __future__ import annotations

from collections.abc import Mapping
from math import pi
from typing import Any, Final

from graphql import GraphQLFloat, GraphQLInputField

from duetdb.app.service.errors import BadQuery
from duetdb.graphql.named_types import InputType
from duetdb.graphql.types import JSON, list_of, required

RADIUS: Final = 6_378_100
"""Metres of the earth, as MongoDB has it."""

_FURTHEST: Final = int(RADIUS * pi)
_POSITION: Final = list_of(GraphQLFloat)

_NEAR = InputType(
    "GeoNear",
    lambda: {
        "coordinates": GraphQLInputField(
            required(_POSITION), description="Longitude and latitude, in degrees."
        ),
        "maxDistance": GraphQLInputField(GraphQLFloat, description="In metres."),
        "minDistance": GraphQLInputField(GraphQLFloat, description="In metres."),
    },
    "A place that others are near to, the nearest first.",
)
_CIRCLE = InputType(
    "GeoCircle",
    lambda: {
        "center": GraphQLInputField(
            required(_POSITION), description="Longitude and latitude, in degrees."
        ),
        "radius": GraphQLInputField(required(GraphQLFloat), description="In metres."),
    },
    "All that is within a distance.",
)
_AREA = InputType(
    "GeoArea",
    lambda: {
        "geometry": GraphQLInputField(JSON, description="A GeoJSON Polygon or MultiPolygon."),
        "circle": GraphQLInputField(_CIRCLE),
        "box": GraphQLInputField(
            list_of(_POSITION), description="The south-western and the north-eastern corner."
        ),
        "polygon": GraphQLInputField(list_of(_POSITION), description="Corners on a flat map."),
    },
    "An area: exactly one of these.",
)
GEO_TYPES: Mapping[str, Any] = {"near": _NEAR, "within": _AREA, "intersects": JSON}
"""What each comparison of a place takes."""

GEO_WORDS: Mapping[str, str] = {
    "near": "$near",
    "within": "$geoWithin",
    "intersects": "$geoIntersects",
    "circle": "$centerSphere",
    "geometry": "$geometry",
    "box": "$box",
    "polygon": "$polygon",
    "maxDistance": "$maxDistance",
    "minDistance": "$minDistance",
}
"""The names of the input types, and the same in the REST query language."""


def geo_operand(operator: str, value: Any) -> Any:
    """What a comparison of a place takes in the REST query language; raises ``BadQuery``."""
    if operator == "intersects":
        return {"$geometry": value}
    if not isinstance(value, Mapping):
        return value
    given = {name: each for name, each in value.items() if each is not None}
    if operator == "within" and "circle" in given:
        given["circle"] = _circle(given["circle"])
    return {GEO_WORDS.get(name, name): each for name, each in given.items()}


def _circle(circle: Mapping[str, Any]) -> list[Any]:
    radius = circle["radius"]
    if not 0 <= radius <= _FURTHEST:
        raise BadQuery(f"'radius' takes metres, from 0 to {_FURTHEST:,}.")
    return [circle["center"], radius / RADIUS]
