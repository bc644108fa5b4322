"""``geo``: a GeoJSON geometry (RFC 7946)."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

from duetdb.schema_gen.field import Comparison, Field, FieldType, Mismatch
from duetdb.schema_gen.suggest import did_you_mean
from duetdb.schema_gen.well_formed import parse_json_text, well_formed

_DEPTH = 8
"""Geometry collections inside geometry collections; the RFC advises against any."""


def _position(value: Any) -> None:
    if not isinstance(value, list) or len(value) not in (2, 3) or not all(map(_finite, value)):
        raise Mismatch("A position must be [longitude, latitude] in numbers.")
    if not (-180 <= value[0] <= 180 and -90 <= value[1] <= 90):
        raise Mismatch("Longitude must be from -180 to 180 and latitude from -90 to 90.")


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _list_of(check: Callable[[Any], None], least: int, sentence: str) -> Callable[[Any], None]:
    def check_all(value: Any) -> None:
        if not isinstance(value, list) or len(value) < least:
            raise Mismatch(sentence)
        for each in value:
            check(each)

    return check_all


def _ring(value: Any) -> None:
    _ring_positions(value)
    if value[0] != value[-1]:
        raise Mismatch("The first and the last position of a ring must be equal.")


_ring_positions = _list_of(_position, 4, "A ring must be a list of four or more positions.")
_line = _list_of(_position, 2, "A line must be a list of two or more positions.")
_polygon = _list_of(_ring, 1, "A polygon must be a list of one or more rings.")

_COORDINATES: dict[str, Callable[[Any], None]] = {
    "Point": _position,
    "MultiPoint": _list_of(_position, 1, "A MultiPoint must be a list of positions."),
    "LineString": _line,
    "MultiLineString": _list_of(_line, 1, "A MultiLineString must be a list of lines."),
    "Polygon": _polygon,
    "MultiPolygon": _list_of(_polygon, 1, "A MultiPolygon must be a list of polygons."),
}
GEOMETRIES = (*_COORDINATES, "GeometryCollection")
"""The seven geometry types of RFC 7946, section 3.1."""
_EXAMPLE = '{"type": "Point", "coordinates": [5, 60]}'


def check_geometry(value: Any, depth: int = _DEPTH) -> None:
    """Raises ``Mismatch``, saying what is wrong, unless ``value`` is a GeoJSON geometry."""
    if not isinstance(value, dict):
        raise Mismatch(f"Must be a GeoJSON geometry such as {_EXAMPLE}.")
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in GEOMETRIES:
        hint = did_you_mean(kind, GEOMETRIES) if isinstance(kind, str) else ""
        raise Mismatch(f"The geometry's type must be one of: {', '.join(GEOMETRIES)}.{hint}")
    if kind != "GeometryCollection":
        _COORDINATES[kind](value.get("coordinates"))
        return
    parts = value.get("geometries")
    if not isinstance(parts, list):
        raise Mismatch("A GeometryCollection must have a list of geometries.")
    if depth == 0:
        raise Mismatch("Geometry collections are nested too deeply.")
    for each in parts:
        check_geometry(each, depth - 1)


class Geo(FieldType):
    """A geometry of any of the seven types; members that the RFC does not know are kept."""

    name = "geo"
    bson = ("object",)
    comparison = Comparison.NONE

    def coerce(self, value: Any, field: Field) -> Any:
        if isinstance(value, str):
            value = parse_json_text(value)
        check_geometry(value)
        well_formed(value)
        return value

    def fits(self, stored: Any) -> bool:
        return isinstance(stored, dict)

    def openapi(self, field: Field) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["type"],
            "properties": {
                "type": {"type": "string", "enum": list(GEOMETRIES)},
                "coordinates": {"type": "array"},
                "geometries": {"type": "array", "items": {"type": "object"}},
            },
        }
