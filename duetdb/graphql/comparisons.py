"""Comparison inputs: what ``where`` offers on a field, by the kind that its values are.

A kind is the name of a scalar, or ``GEO`` for places, which are JSON too.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from graphql import (
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
)

from duetdb.graphql.geo_inputs import GEO_TYPES
from duetdb.graphql.members import GEO
from duetdb.graphql.scalars import DECLARED

_SAME = ("eq", "ne", "in", "nin", "exists")
_ORDER = ("eq", "ne", "in", "nin", "gt", "gte", "lt", "lte", "bt", "exists")

_OPERATORS: Mapping[str, tuple[str, ...]] = {
    "String": (*_ORDER[:-1], "regex", "exists"),
    "Boolean": _SAME,
    "JSON": ("exists",),
    GEO: (*GEO_TYPES, "exists"),
}
"""By kind; all others are compared by order."""

DESCRIPTIONS: Mapping[str, str] = {
    "eq": "Equal; null finds documents without a value.",
    "ne": "Not equal, or without a value.",
    "in": "One of these.",
    "nin": "None of these.",
    "gt": "Greater.",
    "gte": "Greater or equal.",
    "lt": "Less.",
    "lte": "Less or equal.",
    "bt": "Between two values, both included.",
    "regex": "Found by this regular expression; `/pattern/i` ignores case.",
    "exists": "Whether the document has the field.",
    "all": "All of these are elements.",
    "size": "The number of elements: a number, or a comparison such as `{gte: 2}`.",
    "elemMatch": "One element meets all of this.",
    "near": "Where the place is; orders the documents by distance.",
    "within": "The area that it lies in.",
    "intersects": "A GeoJSON geometry that it has something in common with.",
}
"""Every operator, and what it says."""


@cache
def comparison(kind: str, many: bool) -> GraphQLInputObjectType:
    """The comparison of values of a kind, or of lists of them, where any element counts."""
    operators = _OPERATORS.get(kind, _ORDER)
    scalar = "JSON" if kind == GEO else kind
    if not many:
        return _build(f"{kind}Comparison", scalar, operators)
    if scalar == "JSON":
        return _build(f"{kind}ListComparison", scalar, (*operators, "size"))
    element = comparison(kind, False)
    operators = (*operators, "all", "size", "elemMatch")
    return _build(f"{kind}ListComparison", scalar, operators, element)


def list_comparison(name: str, element: GraphQLInputObjectType) -> GraphQLInputObjectType:
    """The comparison of a list of objects, whose elements ``element`` is about."""
    return _build(name, "JSON", ("exists", "size", "elemMatch"), element)


def _build(
    name: str,
    scalar: str,
    operators: tuple[str, ...],
    element: GraphQLInputObjectType | None = None,
) -> GraphQLInputObjectType:
    value = cast(GraphQLInputType, DECLARED[scalar])
    types: dict[str, Any] = {
        "in": GraphQLList(value),
        "nin": GraphQLList(value),
        "all": GraphQLList(value),
        "bt": GraphQLList(GraphQLNonNull(value)),
        "regex": DECLARED["String"],
        "exists": DECLARED["Boolean"],
        "size": DECLARED["JSON"],
        "elemMatch": element,
        **GEO_TYPES,
    }
    return GraphQLInputObjectType(
        name,
        {
            each: GraphQLInputField(types.get(each, value), description=DESCRIPTIONS[each])
            for each in operators
        },
    )
