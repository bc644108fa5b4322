"""Measures of groups, as accumulators of the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from duetdb.app.service.grouping import Function, Measure, Place
from duetdb.app.service.reading.concealing import Stage
from duetdb.app.service.reading.expressions import Expression, let
from duetdb.app.service.reading.places import TEMPORARY, Places

DOCUMENTS: Final = frozenset({Function.LEAST, Function.GREATEST})
"""Functions whose value is a document: the database gives its id, in a list that may be empty."""

_ROW: Final = f"{TEMPORARY}.row"
_NONE: Final = {Function.COUNT: 0, Function.COUNT_DISTINCT: 0, Function.SUM: 0}


def of_nothing(measures: Sequence[Measure]) -> dict[str, Any]:
    """The figures of no documents at all, by their names (SPEC 7.6)."""
    return {
        f"m{n}": [] if each.function in DOCUMENTS else _NONE.get(each.function)
        for n, each in enumerate(measures)
    }


class Figures:
    """What computes ``measures``, under the names ``m0``, ``m1`` and so on.

    ``accumulators`` are members of ``$group``, which ``before`` must come ahead
    of, and ``results`` members of the ``$project`` behind it.
    """

    def __init__(self, measures: Sequence[Measure], places: Places) -> None:
        self.accumulators: dict[str, Expression] = {}
        self.results: dict[str, Expression] = {}
        self._places = places
        self._noted: dict[str, Expression] = {}
        self._lists = [
            f"{TEMPORARY}.m{n}"
            for n, each in enumerate(measures)
            if each.function is Function.COUNT_DISTINCT
        ]
        for n, each in enumerate(measures):
            self.results[f"m{n}"] = 1
            self._add(f"m{n}", each)

    @property
    def before(self) -> list[Stage]:
        """Notes what accumulators need, and has a row for each value that is to be counted."""
        stages: list[Stage] = [{"$set": self._noted}] if self._noted else []
        if self._lists:
            most = {"$max": [1, *({"$size": f"${each}"} for each in self._lists)]}
            stages += [{"$set": {_ROW: {"$range": [0, most]}}}, {"$unwind": f"${_ROW}"}]
        return stages

    def _add(self, name: str, measure: Measure) -> None:
        if measure.place is None:
            self.accumulators[name] = {"$sum": self._once(1)}
        elif measure.function in DOCUMENTS:
            self._add_document(name, measure.function, measure.place)
        elif measure.function is Function.COUNT_DISTINCT:
            self._add_distinct(name, measure.place)
        elif measure.function is Function.AVG:
            self._add_average(name, measure.place)
        else:
            operator = f"${measure.function.value}"
            self.accumulators[name] = {operator: self._once(self._reduced(operator, measure.place))}

    def _add_average(self, name: str, place: Place) -> None:
        """Of all numbers in all lists, so that a long list weighs more than a short one."""
        numbers = self._places.computed(
            place,
            lambda each: {"$size": {"$filter": {"input": each, "cond": {"$isNumber": "$$this"}}}},
            {"$cond": [{"$isNumber": "$$v"}, 1, 0]},
        )
        total, count = f"{name}_sum", f"{name}_count"
        self.accumulators[total] = {"$sum": self._once(self._reduced("$sum", place))}
        self.accumulators[count] = {"$sum": self._once(numbers)}
        average = {"$divide": [f"${total}", f"${count}"]}
        self.results[name] = {"$cond": [{"$eq": [f"${count}", 0]}, None, average]}

    def _add_distinct(self, name: str, place: Place) -> None:
        noted = f"{TEMPORARY}.{name}"
        self._noted[noted] = self._places.elements(place)
        self.accumulators[name] = {"$addToSet": {"$arrayElemAt": [f"${noted}", f"${_ROW}"]}}
        self.results[name] = {"$size": {"$setDifference": [f"${name}", [None]]}}

    def _add_document(self, name: str, function: Function, place: Place) -> None:
        least = function is Function.LEAST
        value = self._reduced("$min" if least else "$max", place)
        noted = f"{TEMPORARY}.{name}"
        is_none = {"$lte": ["$$v", None]}
        # Inside of an object, or a list that is the value would be sorted by its elements.
        self._noted[noted] = let(value, {"value": {"v": "$$v"}, "none": is_none})
        order = {f"{noted}.none": 1, f"{noted}.value": 1 if least else -1, "_id": 1}
        id_ = {"$cond": [f"${noted}.none", [], ["$_id"]]}
        self.accumulators[name] = {"$top": {"sortBy": order, "output": id_}}

    def _reduced(self, operator: str, place: Place) -> Expression:
        return self._places.computed(place, lambda each: {operator: each}, "$$v")

    def _once(self, value: Expression) -> Expression:
        """The value in the first row of a document; accumulators skip null."""
        return {"$cond": [{"$eq": [f"${_ROW}", 0]}, value, None]} if self._lists else value
