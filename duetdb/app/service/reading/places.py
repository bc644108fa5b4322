"""The values at places in a pipeline, those behind relations looked up first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.grouping import Place
from duetdb.app.service.query import Hop
from duetdb.app.service.reading.concealing import Stage
from duetdb.app.service.reading.expressions import (
    ALL_ELEMENTS,
    DOCUMENT,
    RELATED,
    Elements,
    Expression,
    computed,
    elements_of,
    is_plain,
    joined,
    let,
    value_of,
)
from duetdb.app.service.reading.selecting import seen_through
from duetdb.schema_gen.model import Collection

_MOST_RELATIONS: Final = 32

TEMPORARY: Final = "_duet"
"""The member under which a pipeline notes what it needs; never in an answer."""


class Places:
    """Expressions of the values at places in documents of ``collection``.

    ``look_ups`` are the stages that must come before, in the order in which they
    were needed first. What they find is under ``TEMPORARY``.

    All methods raise ``LimitExceeded`` for paths that are too long to compute
    with, and for too many relations.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._found: dict[tuple[Hop, ...], str] = {}
        self._values: dict[tuple[Place, Elements], Expression] = {}
        self.look_ups: list[Stage] = []

    def value(self, place: Place) -> Expression:
        """The value as it is stored; behind a relation one value, a list of several, or none."""
        if not place.hops:
            return value_of(place.path, self._collection)
        several = {"$gt": [{"$size": "$$v"}, 1]}
        found = {"$cond": [several, "$$v", {"$first": "$$v"}]}
        return let(self._behind(place), found)

    def elements(self, place: Place, elements: Elements = ALL_ELEMENTS) -> Expression:
        """A list of all the values, those of lists one by one."""
        if not place.hops:
            return elements_of(place.path, self._collection, elements)
        return self._behind(place, elements)

    def computed(
        self, place: Place, of_list: Callable[[Expression], Expression], of_one: Expression
    ) -> Expression:
        """What is made of all the values: of a list of them, or of the one in ``$$v``."""
        if not place.hops:
            return computed(place.path, self._collection, of_list, of_one)
        return of_list(self._behind(place))

    def _behind(self, place: Place, elements: Elements = ALL_ELEMENTS) -> Expression:
        """The values behind relations, in the order of the references.

        A document that is referred to twice counts once, one that is gone not at all.
        """
        known = self._values.get((place, elements))
        if known is not None:
            return known
        self._documents(place.hops)  # all look-ups first, which the database is quicker with
        found = self._values[place, elements] = self._from(place, elements, 0)
        return found

    def _from(self, place: Place, elements: Elements, level: int) -> Expression:
        """The values behind the relation of ``level``, of one document that has it."""
        hop, is_last = place.hops[level], level + 1 == len(place.hops)
        if is_last:
            values = elements_of(place.path, hop.target, elements, RELATED)
        else:
            further = self._from(place, elements, level + 1)
            values = let(further, {"$cond": [{"$eq": ["$$v", []]}, elements.none, "$$v"]})
        valued: Expression = _with_values(f"${self._documents(place.hops[: level + 1])}", values)
        if level:
            # In a stage of its own: the database does not nest expressions deep enough.
            name = f"{TEMPORARY}.values{len(self._values)}_{level}"
            self.look_ups.append({"$set": {name: valued}})
            valued = f"${name}"
        at = RELATED if level else DOCUMENT
        return _of_ids(elements_of(hop.path, self._source(place.hops, level), at=at), valued)

    def _documents(self, hops: tuple[Hop, ...]) -> str:
        """Where all documents are that these relations lead to."""
        name = self._found.get(hops)
        if name is not None:
            return name
        from_ = self._documents(hops[:-1]) if hops[1:] else ""
        if len(self._found) == _MOST_RELATIONS:
            raise LimitExceeded(f"More than {_MOST_RELATIONS} relations are followed at once.")
        name = self._found[hops] = f"{TEMPORARY}.related{len(self._found)}"
        hop, source = hops[-1], self._source(hops, len(hops) - 1)
        local = f"{from_}.{hop.path}" if from_ else hop.path
        if not is_plain(hop.path, source):
            local = f"{TEMPORARY}.ids{len(self._found)}"
            ids = elements_of(hop.path, source, at=RELATED if from_ else DOCUMENT)
            each = {"$let": {"vars": {"related": "$$this"}, "in": ids}}
            self.look_ups.append({"$set": {local: joined(f"${from_}", each) if from_ else ids}})
        look_up: Stage = {
            "from": hop.target.name,
            "localField": local,
            "foreignField": "_id",
            "as": name,
        }
        seen = seen_through(hop)
        if seen:  # a pipeline of its own costs the database five times as much
            look_up["pipeline"] = seen
        self.look_ups.append({"$lookup": look_up})
        return name

    def _source(self, hops: Sequence[Hop], level: int) -> Collection:
        return hops[level - 1].target if level else self._collection


def _with_values(documents: Expression, values: Expression) -> Expression:
    each = {"_id": "$$related._id", "values": values}
    return {"$map": {"input": documents, "as": "related", "in": each}}


def _of_ids(ids: Expression, documents: Expression) -> Expression:
    """One list of the values of all documents that have one of the ids, in their order."""
    place = {"$indexOfArray": ["$$ids", "$$each._id"]}
    each = {"place": place, "values": "$$each.values"}
    placed = {"$map": {"input": documents, "as": "each", "in": each}}
    ordered = {"$sortArray": {"input": placed, "sortBy": {"place": 1}}}
    found = {"$cond": [{"$gte": ["$$this.place", 0]}, "$$this.values", []]}
    return {"$let": {"vars": {"ids": ids}, "in": joined(ordered, found)}}
