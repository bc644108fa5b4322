"""The values at places in a pipeline, those behind relations looked up first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.grouping import Place
from duetdb.app.service.reading.expressions import (
    ALL_ELEMENTS,
    SORT_KEYS,
    Elements,
    Expression,
    computed,
    elements_of,
    let,
    value_of,
)
from duetdb.schema_gen.model import Collection

Stage: TypeAlias = dict[str, Any]

_MOST_LOOKED_UP: Final = 32

TEMPORARY: Final = "_duet"
"""The member under which a pipeline notes what it needs; never in an answer."""


class Places:
    """Expressions of the values at places in documents of ``collection``.

    ``look_ups`` are the stages that must come before, in the order in which the
    places were first asked for. What they find is under ``TEMPORARY``.

    All methods raise ``LimitExceeded`` for paths that are too long to compute
    with, and for too many places behind relations.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._behind: dict[tuple[Place, Elements], str] = {}
        self.look_ups: list[Stage] = []

    def value(self, place: Place) -> Expression:
        """The value as it is stored; behind a relation one value, a list of several, or none."""
        if not place.hops:
            return value_of(place.path, self._collection)
        several = {"$gt": [{"$size": "$$v"}, 1]}
        found = {"$cond": [several, "$$v", {"$first": "$$v"}]}
        return let(self._looked_up(place), found)

    def elements(self, place: Place) -> Expression:
        """A list of all the values, those of lists one by one."""
        if not place.hops:
            return elements_of(place.path, self._collection)
        return self._looked_up(place)

    def computed(
        self, place: Place, of_list: Callable[[Expression], Expression], of_one: Expression
    ) -> Expression:
        """What is made of all the values: of a list of them, or of the one in ``$$v``."""
        if not place.hops:
            return computed(place.path, self._collection, of_list, of_one)
        return of_list(self._looked_up(place))

    def sort_keys(self, place: Place) -> Expression:
        """A list of what the database would sort by, were the related documents inside."""
        if not place.hops:
            return elements_of(place.path, self._collection, SORT_KEYS)
        return self._looked_up(place, SORT_KEYS)

    def _looked_up(self, place: Place, elements: Elements = ALL_ELEMENTS) -> str:
        name = self._behind.get((place, elements))
        if name is None:
            if len(self._behind) == _MOST_LOOKED_UP:
                raise LimitExceeded(
                    f"More than {_MOST_LOOKED_UP} values behind relations are asked for at once."
                )
            name = self._behind[place, elements] = f"{TEMPORARY}.p{len(self._behind)}"
            self.look_ups += _look_up(place, elements, self._collection, name)
        return f"${name}"


def _look_up(place: Place, elements: Elements, collection: Collection, name: str) -> list[Stage]:
    """The stages that put the values behind relations under ``name``, in the order of references.

    A document that is referred to twice comes once, one that is gone not at all.
    """
    hop, *further = place.hops
    inner: list[Stage] = []
    if further:
        behind = f"{TEMPORARY}.p"
        inner = _look_up(Place(place.path, tuple(further)), elements, hop.target, behind)
        none = {"$eq": [f"${behind}", []]}
        value: Expression = {"$cond": [none, elements.none, f"${behind}"]}
    else:
        value = elements_of(place.path, hop.target, elements)
    return [
        {"$set": {name: {"ids": elements_of(hop.path, collection)}}},
        {
            "$lookup": {
                "from": hop.target.name,
                "localField": f"{name}.ids",
                "foreignField": "_id",
                "pipeline": [*inner, {"$project": {"v": value}}],
                "as": f"{name}.found",
            }
        },
        {"$set": {name: _in_order(name)}},
    ]


def _in_order(name: str) -> Expression:
    place = {"$indexOfArray": [f"${name}.ids", "$$each._id"]}
    found = {"input": f"${name}.found", "as": "each", "in": {"n": place, "v": "$$each.v"}}
    ordered = {"$sortArray": {"input": {"$map": found}, "sortBy": {"n": 1}}}
    joined = {"$concatArrays": ["$$value", "$$this.v"]}
    return {"$reduce": {"input": ordered, "initialValue": [], "in": joined}}
