"""Operators about places, for fields of type ``geo``; everything is built anew from what was read.

Positions are ``[longitude, latitude]`` in degrees, distances are in metres.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import pi
from typing import Any, Final

from duetdb.app.service.errors import BadQuery, LimitExceeded
from duetdb.app.service.filters.paths import Target
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import And, Filter, Match
from duetdb.schema_gen.field import Mismatch
from duetdb.schema_gen.fields.geo import GEOMETRIES, check_geometry
from duetdb.schema_gen.model import Collection
from duetdb.schema_gen.suggest import did_you_mean

_AREAS: Final = ("Polygon", "MultiPolygon")
_SHAPES: Final = tuple(each for each in GEOMETRIES if each != "GeometryCollection")
"""No collection: some versions of MongoDB fall over those."""
_NEAR_KEYS: Final = ("$geometry", "coordinates", "type", "$maxDistance", "$minDistance")
_GEOMETRY_KEYS: Final = ("type", "coordinates", "bbox")
_EXAMPLE: Final = 'Such as {"$near": {"coordinates": [5.32, 60.39], "$maxDistance": 1000}}.'
_METRES_OF_A_RADIAN: Final = 6_378_100
_FARTHEST: Final = 1e12
"""More than any distance on the globe; infinity and NaN are beyond it."""


def geo_match(
    target: Target, operator: str, value: Any, collection: Collection, limits: Limits
) -> Match:
    """One condition on a place; raises ``BadQuery`` or ``LimitExceeded``."""
    field = target.field
    if field is None or field.type.name != "geo":
        places = [each.path for each in collection.all_fields if each.type.name == "geo"]
        raise BadQuery(
            f"'{operator}' asks about a place, and '{'.'.join(target.names)}' is none.",
            hint=f"Fields of places here: {', '.join(places)}."
            if places
            else 'Declare the field with "type": "geo".',
        )
    if operator == "$near" and not field.indexed:
        raise BadQuery(
            f"'$near' needs an index on '{field.path}'.",
            hint=f"Declare \"indexed\": true on '{field.path}', or use '$geoWithin'.",
        )
    return Match(target.path, operator[1:], _READERS[operator](operator, value, limits))


def check_near(filter: Filter) -> None:
    """Raises ``BadQuery`` unless the filter holds one ``near``, which must hold in any case."""
    if _nearest(filter) != 1:
        raise BadQuery(
            "'$near' stands once, at the top of a filter or in an '$and' there: it is an order.",
            hint="'$geoWithin' with '$centerSphere' can stand anywhere.",
        )


def _nearest(filter: Filter) -> int:
    if isinstance(filter, And):
        return sum(_nearest(part) for part in filter.parts)
    return isinstance(filter, Match) and filter.operator == "near"


def _near(operator: str, value: Any, limits: Limits) -> dict[str, Any]:
    if isinstance(value, list):
        value = {"coordinates": value}
    given = _object(operator, value, _NEAR_KEYS, _EXAMPLE)
    if ("$geometry" in given) == ("coordinates" in given):
        raise BadQuery(f"'{operator}' takes either '$geometry' or 'coordinates'.", hint=_EXAMPLE)
    in_short = {key: given[key] for key in ("type", "coordinates") if key in given}
    point = given.get("$geometry", {"type": "Point", **in_short})
    near: dict[str, Any] = {"$geometry": _geometry(operator, point, ("Point",), limits)}
    for bound in ("$maxDistance", "$minDistance"):
        if bound in given:
            near[bound] = _number(bound, given[bound], "takes metres, 0 or more")
    return near


def _within(operator: str, value: Any, limits: Limits) -> dict[str, Any]:
    given = _object(operator, value, tuple(_AREA_READERS), "Give one of them.")
    if len(given) != 1:
        raise BadQuery(f"'{operator}' takes exactly one area.", hint=_one_of(_AREA_READERS))
    ((shape, area),) = given.items()
    return {shape: _AREA_READERS[shape](shape, area, limits)}


def _intersects(operator: str, value: Any, limits: Limits) -> dict[str, Any]:
    given = _object(operator, value, ("$geometry",), "It is GeoJSON.")
    return {"$geometry": _geometry(operator, given.get("$geometry"), _SHAPES, limits)}


def _area(shape: str, value: Any, limits: Limits) -> dict[str, Any]:
    return _geometry(shape, value, _AREAS, limits)


def _circle(shape: str, value: Any, limits: Limits) -> list[Any]:
    if not isinstance(value, list) or len(value) != 2:
        raise BadQuery(f"'{shape}' takes [[longitude, latitude], radius in radians].")
    radius = _number(shape, value[1], "takes a radius in radians")
    if radius > pi:
        raise BadQuery(
            f"'{shape}' takes a radius in radians, of at most 3.14159.",
            hint=f"Divide metres by {_METRES_OF_A_RADIAN}.",
        )
    return [_position(shape, value[0]), radius]


def _box(shape: str, value: Any, limits: Limits) -> list[Any]:
    if not isinstance(value, list) or len(value) != 2:
        raise BadQuery(f"'{shape}' takes two corners, [[longitude, latitude], ...].")
    return [_position(shape, each) for each in value]


def _outline(shape: str, value: Any, limits: Limits) -> list[Any]:
    if not isinstance(value, list) or len(value) < 3:
        raise BadQuery(f"'{shape}' takes a list of three or more positions.")
    _bounded(len(value), limits)
    return [_position(shape, each) for each in value]


_READERS: Final[Mapping[str, Callable[[str, Any, Limits], dict[str, Any]]]] = {
    "$near": _near,
    "$geoWithin": _within,
    "$geoIntersects": _intersects,
}
GEO: Final = tuple(_READERS)
"""The operators, with their dollar signs."""

_AREA_READERS: Final[Mapping[str, Callable[[str, Any, Limits], Any]]] = {
    "$geometry": _area,
    "$centerSphere": _circle,
    "$box": _box,
    "$polygon": _outline,
}


def _object(operator: str, value: Any, allowed: tuple[str, ...], hint: str) -> Mapping[str, Any]:
    """The value, which must be an object with no other keys than ``allowed``."""
    if not isinstance(value, dict) or not value:
        raise BadQuery(f"'{operator}' takes an object. {_one_of(allowed)}", hint=hint)
    for key in value:
        if key not in allowed:
            raise BadQuery(
                f"'{operator}' has no '{key[:50]}'.{did_you_mean(key, allowed)}",
                hint=_one_of(allowed),
            )
    return value


def _one_of(allowed: Iterable[str]) -> str:
    return f"Allowed inside: {', '.join(allowed)}."


def _geometry(operator: str, value: Any, kinds: tuple[str, ...], limits: Limits) -> dict[str, Any]:
    given = _object(f"{operator}.$geometry", value, _GEOMETRY_KEYS, "It is GeoJSON.")
    kind = given.get("type")
    if kind not in kinds:
        raise BadQuery(
            f"The geometry of '{operator}' must be one of: {', '.join(kinds)}.",
            hint="Join several geometries by '$or'." if kind == "GeometryCollection" else None,
        )
    coordinates = _checked(
        f"The geometry of '{operator}' is wrong.", kind, given.get("coordinates")
    )
    _bounded(_positions(coordinates), limits)
    return {"type": kind, "coordinates": _plain(coordinates)}


def _positions(coordinates: list[Any]) -> int:
    if not isinstance(coordinates[0], list):
        return 1
    return sum(_positions(each) for each in coordinates)


def _plain(coordinates: list[Any]) -> list[Any]:
    """The same positions without heights, which no query looks at."""
    if isinstance(coordinates[0], list):
        return [_plain(each) for each in coordinates]
    return [float(each) for each in coordinates[:2]]


def _position(shape: str, value: Any) -> list[Any]:
    return _plain(_checked(f"'{shape}' has a wrong position.", "Point", value))


def _checked(sentence: str, kind: Any, coordinates: Any) -> list[Any]:
    try:
        check_geometry({"type": kind, "coordinates": coordinates})
    except Mismatch as error:
        raise BadQuery(f"{sentence} {error}") from None
    except OverflowError:  # an integer larger than any float
        raise BadQuery(f"{sentence} A number is beyond 64 bits.") from None
    found: list[Any] = coordinates
    return found


def _number(name: str, value: Any, takes: str) -> float:
    """A distance as a finite number, not below zero."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= _FARTHEST:
        raise BadQuery(f"'{name}' {takes}.")
    return float(value)


def _bounded(positions: int, limits: Limits) -> None:
    if positions > limits.geo_points:
        raise LimitExceeded(
            f"A geometry of the query has more than {limits.geo_points} positions.",
            hint="Simplify it, or raise DUETDB_GEO_POINTS.",
        )
