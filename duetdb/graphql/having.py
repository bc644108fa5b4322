"""``having``: comparisons of figures, each read as a comparison of the field it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from duetdb.app.service.dates import now
from duetdb.app.service.errors import BadQuery, BadRequest, LimitExceeded
from duetdb.app.service.filters.operands import Operands
from duetdb.app.service.filters.tree import Budget, Parser
from duetdb.app.service.grouping import Function, Measure
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import And, Filter, Match, Not, Or
from duetdb.graphql.call import Model
from duetdb.graphql.figures import FUNCTIONS, path_of
from duetdb.graphql.measures import COUNT, Measures, measure_of
from duetdb.graphql.members import Members, Nested
from duetdb.graphql.where import in_words_of_where, operators_of
from duetdb.schema_gen.model import Collection

_WHOLE = "_version"
"""A field that is a whole number, as all counts are."""


class Having:
    """Reads the ``having`` of one question; its figures become ``measures`` of it."""

    def __init__(
        self, collection: Collection, model: Model, limits: Limits, measures: Measures
    ) -> None:
        operands = Operands(collection, model.schema, now())
        self._parser = Parser(operands, limits, Budget(limits))
        self._members = model.members(collection.name)
        self._measures = measures
        self._deepest = limits.filter_depth

    def filter(self, having: Mapping[str, Any], depth: int = 1) -> Filter:
        """A filter on names of measures: all entries hold.

        Raises ``BadQuery`` for a null or empty comparison, ``LimitExceeded`` for
        too many and for too many levels.
        """
        if depth > self._deepest:
            raise LimitExceeded(f"'having' has more than {self._deepest} levels.")
        return And(tuple(self._entry(*each, depth) for each in having.items()))

    def _entry(self, name: str, value: Any, depth: int) -> Filter:
        _something(name, value)
        if name == "not":
            return Not(self.filter(value, depth + 1))
        if name in ("and", "or"):
            parts = tuple(self.filter(each, depth + 1) for each in value)
            return And(parts) if name == "and" else Or(parts)
        if name == "count":
            return self._compared(COUNT, _WHOLE, value)
        return self._figures(FUNCTIONS[name][0], self._members, value)

    def _figures(self, function: Function, members: Members, given: Mapping[str, Any]) -> Filter:
        parts = []
        for name, value in given.items():
            _something(name, value)
            member: Any = members[name]
            if isinstance(member, Nested):
                parts.append(self._figures(function, member.members, value))
            else:
                like = _WHOLE if function is Function.COUNT_DISTINCT else path_of(member)
                parts.append(self._compared(measure_of(function, member), like, value))
        return And(tuple(parts))

    def _compared(self, measure: Measure, like: str, comparison: Mapping[str, Any]) -> Filter:
        """The comparison of a figure, read as one of the field ``like``."""
        try:
            read = self._parser.field(like, operators_of(comparison))
        except BadRequest as error:
            raise in_words_of_where(error) from None
        return _about(self._measures.name_of(measure), read)


def _something(name: str, value: Any) -> None:
    """Raises ``BadQuery`` for what would select every group, such as a forgotten variable."""
    if value is None or (value == {} and name != "not"):
        raise BadQuery(
            f"'{name}' of 'having' is compared with nothing.",
            hint="Such as having: {count: {gte: 2}}.",
        )


def _about(name: str, filter: Filter) -> Filter:
    """The same comparisons of what has another name."""
    if isinstance(filter, And | Or):
        return replace(filter, parts=tuple(_about(name, each) for each in filter.parts))
    if isinstance(filter, Not):
        return Not(_about(name, filter.part))
    assert isinstance(filter, Match)
    if filter.operator == "exists":  # a figure of nothing is null, and not missing
        return Match(name, "ne" if filter.value else "eq", None)
    return replace(filter, path=name)
