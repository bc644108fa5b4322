"""Reads the objects of the query language, level by level, into filters."""

from __future__ import annotations

from typing import Any

from duetdb.app.service.errors import BadQuery, LimitExceeded
from duetdb.app.service.filters.geo import GEO, geo_match
from duetdb.app.service.filters.operands import Operands, literal
from duetdb.app.service.filters.operators import LOGICAL, operand, pattern, unknown
from duetdb.app.service.filters.paths import Target, resolve, target_of
from duetdb.app.service.filters.shapes import all_of, subset, through
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import EVERYTHING, And, Filter, Match, Not, Or, Related
from duetdb.app.service.sizes import size_of
from duetdb.schema_gen.field import Field

_PATTERNS = 10
"""How many of the longest regular expressions a filter may hold."""


class Budget:
    """What is left of the comparisons that one query may hold."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = limits.filter_clauses
        self._values = limits.in_values
        self._letters = limits.regex_length * _PATTERNS
        self.has_near = False

    def spend_letters(self, pattern: str) -> None:
        self._letters -= len(pattern)
        if self._letters < 0:
            raise LimitExceeded(
                "The regular expressions of the filter are too long together.",
                hint="Use fewer or shorter ones, or raise DUETDB_REGEX_LENGTH.",
            )

    def spend(self) -> None:
        self.expect(1)
        self._left -= 1

    def expect(self, number: int) -> None:
        """Raises ``LimitExceeded`` where so many comparisons are to come, before any is read."""
        if number > self._left:
            raise LimitExceeded(
                f"The filter holds more than {self._limits.filter_clauses} comparisons.",
                hint="Use '$in' for lists of values, or raise DUETDB_FILTER_CLAUSES.",
            )

    def spend_values(self, value: Any) -> None:
        """Counts what lists and objects hold before any of it is looked at."""
        self._values -= size_of(value, self._values)
        if self._values < 0:
            raise LimitExceeded(
                f"The lists of the filter hold more than {self._limits.in_values} values.",
                hint="Ask in several requests, or raise DUETDB_IN_VALUES.",
            )


class Parser:
    """Reads one level of a filter; each level below has a parser of its own.

    ``base`` are the names that lead to where paths begin, inside of objects and
    lists; behind a relation the parser is one for the other collection.
    """

    def __init__(
        self,
        operands: Operands,
        limits: Limits,
        budget: Budget,
        base: tuple[str, ...] = (),
        depth: int = 1,
    ) -> None:
        if depth > limits.filter_depth:
            raise LimitExceeded(
                f"The filter has more than {limits.filter_depth} levels.",
                hint="Ask in fewer levels, or raise DUETDB_FILTER_DEPTH.",
            )
        self._operands = operands
        self._limits = limits
        self._budget = budget
        self._base = base
        self._depth = depth

    def filter(self, q: Any) -> Filter:
        """A whole filter: conditions on fields and logical operators, all of which must hold."""
        if not isinstance(q, dict):
            raise BadQuery(
                "A filter is an object of fields and conditions.", hint='Such as {"name": "Ann"}.'
            )
        self._budget.expect(len(q))
        if not q:
            self._budget.spend()
        return all_of(
            [
                self._logical(key, value) if key.startswith("$") else self.field(key, value)
                for key, value in q.items()
            ]
        )

    def field(self, path: str, condition: Any) -> Filter:
        """One condition on one path."""
        target = resolve(self._operands.collection, path, self._base)
        field = target.field
        if field is None or field.relation is None:
            return self._condition(target, condition)
        if target.rest:
            relation, there = self._relation(target, field)
            return through(relation, there.field(target.rest, condition))
        if not field.is_stored:
            return self._children(target, field, condition)
        if _is_part(condition) and set(condition) != {"_id"}:
            return self._any_related(target, field, condition)
        if _is_part(condition) and _is_operators(condition["_id"]):
            condition = condition["_id"]
        return self._condition(target, condition)

    def _below(self, base: tuple[str, ...] | None = None) -> Parser:
        base = self._base if base is None else base
        return Parser(self._operands, self._limits, self._budget, base, self._depth + 1)

    def _logical(self, operator: str, value: Any) -> Filter:
        if operator not in LOGICAL:
            raise unknown(operator, LOGICAL)
        below = self._below()
        if operator == "$not":
            return Not(below.filter(value))
        if not isinstance(value, list):
            raise BadQuery(f"'{operator}' takes a list of filters.")
        self._budget.expect(len(value))
        if not value:
            self._budget.spend()
        parts = tuple(below.filter(each) for each in value)
        if operator == "$and":
            return And(parts)
        return Or(parts) if operator == "$or" else Not(Or(parts))

    def _condition(self, target: Target, value: Any) -> Filter:
        if _is_operators(value):
            operators = [key for key in value if key != "$options"]
            return all_of([self._operator(target, each, value) for each in operators])
        return self._compared(target, "$eq", value)

    def _operator(self, target: Target, operator: str, condition: dict[str, Any]) -> Filter:
        value = condition[operator]
        if operator == "$not":
            if isinstance(value, dict) and "$date" not in value:
                return Not(self._below()._condition(target, value))
            return self._compared(target, "$ne", value)
        if operator == "$elemMatch":
            return self._any_element(target, value)
        if operator == "$size" and isinstance(value, dict):
            return Match(target.path, "size", self._size(value))
        if operator != "$regex" and operator not in GEO:
            return self._compared(target, operator, value)
        self._budget.spend()
        if operator == "$regex":
            read = pattern(value, condition.get("$options", ""), self._limits)
            self._budget.spend_letters(read[0])
            return Match(target.path, "regex", read)
        self._budget.has_near |= operator == "$near"
        return geo_match(target, operator, value, self._operands.collection, self._limits)

    def _compared(self, target: Target, operator: str, value: Any) -> Filter:
        if operator in ("$eq", "$ne") and _is_part(value) and not _is_reference(target):
            if not target.path:
                raise BadQuery(
                    "An element of '$elemMatch' is compared with an object.",
                    hint='Give the conditions on its fields: {"$elemMatch": {"kind": "small"}}.',
                )
            inner = self._below(target.names).filter(value)
            found = subset(target.path, inner, target.field)
            return Not(found) if operator == "$ne" else found
        self._budget.spend()
        self._budget.spend_values(value)
        convert = self._operands.of(target)
        return Match(target.path, operator[1:], operand(operator, value, convert))

    def _size(self, comparison: dict[str, Any]) -> Filter:
        if not _is_operators(comparison):
            raise BadQuery("'$size' takes a number of elements, or a comparison with one.")
        parts: list[Filter] = []
        for operator, value in comparison.items():
            if operator not in _SIZES:
                raise unknown(operator, _SIZES)
            self._budget.spend()
            self._budget.spend_values(value)
            parts.append(Match("", operator[1:], operand(operator, value, self._whole)))
        return all_of(parts)

    def _whole(self, value: Any) -> Any:
        return operand("$size", value, literal)

    def _any_element(self, target: Target, value: Any) -> Filter:
        if not isinstance(value, dict):
            raise BadQuery("'$elemMatch' takes an object of conditions.")
        element = Target("", target.names, target.field)
        if any(key.startswith("$") and key not in LOGICAL for key in value) or "$not" in value:
            return Match(target.path, "elemMatch", self._below()._condition(element, value))
        if target.field is not None and target.field.relation is not None:
            return self._any_related(target, target.field, value)
        return Match(target.path, "elemMatch", self._below(target.names).filter(value))

    def _relation(self, target: Target, field: Field) -> tuple[Related, Parser]:
        other = target_of(field, self._operands.schema)
        operands = Operands(other, self._operands.schema, self._operands.now)
        relation = Related(target.path, field, self._operands.collection, other, EVERYTHING)
        return relation, Parser(operands, self._limits, self._budget, (), self._depth + 1)

    def _any_related(self, target: Target, field: Field, q: dict[str, Any]) -> Filter:
        relation, there = self._relation(target, field)
        return Related(relation.path, field, relation.source, relation.target, there.filter(q))

    def _children(self, target: Target, field: Field, condition: Any) -> Filter:
        """A child list has no value of its own: only its documents can be asked about."""
        if _is_part(condition):
            return self._any_related(target, field, condition)
        if isinstance(condition, dict) and isinstance(condition.get("$elemMatch"), dict):
            return self._any_related(target, field, condition["$elemMatch"])
        if isinstance(condition, dict) and set(condition) == {"$exists"}:
            exists = operand("$exists", condition["$exists"], literal)
            found = self._any_related(target, field, {})
            return found if exists else Not(found)
        raise BadQuery(
            f"'{field.name}' is a child list, which has no value to compare.",
            hint=f'Compare a field of its documents: {{"{field.name}.<field>": ...}}.',
        )


_SIZES = ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$bt")


def _is_operators(value: Any) -> bool:
    """Whether a condition is made of operators; ``BadQuery`` when they are mixed with fields."""
    if not isinstance(value, dict) or "$date" in value:
        return False
    operators = [key for key in value if key.startswith("$")]
    if operators and len(operators) < len(value):
        raise BadQuery(f"'{operators[0]}' stands beside names of fields: give one or the other.")
    if "$options" in value and "$regex" not in value:
        raise BadQuery("'$options' stands beside '$regex' only.")
    return bool(operators)


def _is_part(value: Any) -> bool:
    """Whether a condition is an object to be found as a part of what is stored."""
    if not isinstance(value, dict) or "$date" in value:
        return False
    return bool(value) and not _is_operators(value)


def _is_reference(target: Target) -> bool:
    return target.field is not None and target.field.relation is not None
