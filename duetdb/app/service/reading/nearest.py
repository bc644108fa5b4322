"""``$near`` in pipelines, where MongoDB spells it as a stage of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

Stage: TypeAlias = Mapping[str, Any]

_DISTANCE: Final = "_duet_distance"
"""Where the stage notes distances, which it must; never in an answer."""
NEAREST: Final[Mapping[str, int]] = {_DISTANCE: 1, "_id": 1}
"""To sort by where the order of equal distances matters.

The database gives these in an order that depends on what else lies around.
"""


def nearest_first(pipeline: Sequence[Stage]) -> Sequence[Stage]:
    """The pipeline with ``$near`` in its first ``$match`` written as ``$geoNear``.

    It selects the same documents and gives them in the same order; sorts by
    nothing, which ask for that order, are left out. One by ``NEAREST`` comes first.
    """
    where = pipeline[0].get("$match") if pipeline else None
    near = _near_of(where) if where else None
    if where is None or near is None:
        return pipeline
    path, asked = near
    stage: dict[str, Any] = {
        "near": asked["$geometry"],
        "key": path,
        "distanceField": _DISTANCE,
        "query": _without_near(where),
    }
    for bound in ("maxDistance", "minDistance"):
        if f"${bound}" in asked:
            stage[bound] = asked[f"${bound}"]
    sort = [each for each in pipeline if each.get("$sort") == NEAREST]
    rest = [each for each in pipeline[1:] if each.get("$sort") not in ({}, NEAREST)]
    return [{"$geoNear": stage}, *sort, {"$unset": _DISTANCE}, *rest]


def has_near(where: Mapping[str, Any]) -> bool:
    """Whether the filter document orders by distance, as only a find can."""
    return _near_of(where) is not None


def _near_of(where: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    for key, value in where.items():
        if key == "$and":
            for part in value:
                found = _near_of(part)
                if found is not None:
                    return found
        elif isinstance(value, dict) and "$near" in value:
            return key, value["$near"]
    return None


def _without_near(where: Mapping[str, Any]) -> Mapping[str, Any]:
    if _near_of(where) is None:
        return where
    rest: dict[str, Any] = {}
    for key, value in where.items():
        if key == "$and":
            rest[key] = [_without_near(part) for part in value]
        elif not (isinstance(value, dict) and "$near" in value):
            rest[key] = value
    return rest
