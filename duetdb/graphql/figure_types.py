"""The GraphQL types of a collection's aggregates: rows, their order, and what groups must have.

There are thirteen of them for each collection, so they share their fields, and
are filled when they are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, TypeVar, cast

from graphql import (
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLObjectType,
)

from duetdb.graphql.comparisons import comparison
from duetdb.graphql.figures import (
    FAMILIES,
    Branch,
    Family,
    GroupKey,
    Leaf,
    branch_of,
    group_keys,
)
from duetdb.graphql.members import Members
from duetdb.graphql.named_types import InputType, ObjectType
from duetdb.graphql.scalars import DECLARED
from duetdb.graphql.types import JSON, LONG, list_of, required
from duetdb.schema_gen.model import Collection

T = TypeVar("T")

_WORDS = {
    "countDistinct": "How many different values there are, null aside.",
    "sum": "Sums of the numbers, those in lists included.",
    "avg": "Averages of the same numbers; null without any.",
    "min": "The least values, null aside.",
    "max": "The greatest values.",
}
_GROUP = GraphQLField(cast(Any, JSON), description="What the group has in common, by `groupBy`.")
_COUNT = GraphQLField(required(LONG), description="How many documents are in the group.")
_COUNTED = GraphQLInputField(comparison("Long", False))
_DIRECTED = GraphQLInputField(cast(Any, DECLARED["Direction"]))


@dataclass(frozen=True, eq=False)
class FigureTypes:
    """What ``xAggregate`` takes and answers for one collection."""

    collection: Collection
    members: Members

    @property
    def kind(self) -> str:
        return self.collection.names.type

    @cached_property
    def _branches(self) -> dict[Family, Branch]:
        return {each: branch_of(each, self.kind, self.members) for each in FAMILIES}

    @cached_property
    def group_keys(self) -> dict[str, GroupKey]:
        return group_keys(self.members)

    @cached_property
    def key(self) -> GraphQLEnumType:
        """What to group by."""
        return GraphQLEnumType(
            f"{self.kind}Field",
            lambda: {
                name: GraphQLEnumValue(each, description=_said(each))
                for name, each in self.group_keys.items()
            },
            description=(
                f"A field of '{self.collection.name}' to group by, or the spans of time in which "
                "its dates are, each written as the instant at which it begins."
            ),
        )

    @cached_property
    def row(self) -> GraphQLObjectType:
        """One group."""

        def fields() -> Iterator[tuple[str, GraphQLField]]:
            yield "group", _GROUP
            yield "count", _COUNT
            for name, type_ in self._by_function(_output):
                yield name, GraphQLField(required(type_), description=_WORDS[name])

        return ObjectType(
            f"{self.kind}Aggregate",
            lambda: dict(fields()),
            description=f"Figures of a group of documents of '{self.collection.name}'.",
        )

    @cached_property
    def having(self) -> GraphQLInputObjectType:
        """What figures a group must have."""

        def fields() -> Iterator[tuple[str, GraphQLInputField]]:
            yield "count", _COUNTED
            for name, type_ in self._by_function(_having):
                yield name, GraphQLInputField(type_)
            yield "and", GraphQLInputField(list_of(this), description="All of these hold.")
            yield "or", GraphQLInputField(list_of(this), description="At least one holds.")
            yield "not", GraphQLInputField(this, description="This does not hold.")

        this = InputType(f"{self.kind}Having", lambda: dict(fields()))
        return this

    @cached_property
    def order_by(self) -> GraphQLInputObjectType:
        """One key of an order of groups."""

        def fields() -> Iterator[tuple[str, GraphQLInputField]]:
            yield "count", _DIRECTED
            group = InputType(
                f"{self.kind}GroupOrderBy",
                lambda: dict.fromkeys(self.group_keys, _DIRECTED),
                description="One of the fields of `groupBy`.",
            )
            yield "group", GraphQLInputField(group)
            for name, type_ in self._by_function(_order):
                yield name, GraphQLInputField(type_)

        return InputType(
            f"{self.kind}AggregateOrderBy",
            lambda: dict(fields()),
            description="One key of an order of groups: exactly one figure.",
        )

    def _by_function(self, build: Callable[[Family, Branch], T]) -> Iterator[tuple[str, T]]:
        """A type for each function, the same for those of a family."""
        for family, branch in self._branches.items():
            if branch.members:
                type_ = build(family, branch)
                yield from ((each.value, type_) for each in family.functions)


def _said(key: GroupKey) -> str | None:
    return None if key.bucket or key.name == key.path else f"The values of `{key.path}`."


def _output(family: Family, branch: Branch) -> GraphQLObjectType:
    def fields() -> dict[str, GraphQLField]:
        return {name: field(member) for name, member in branch.members.items()}

    def field(member: Leaf | Branch) -> GraphQLField:
        if isinstance(member, Branch):
            return GraphQLField(required(_output(family, member)))
        return _shown(family.shows(member))

    return ObjectType(f"{branch.type}{family.ending}", fields)


def _having(family: Family, branch: Branch) -> GraphQLInputObjectType:
    return _input("Having", family, branch, lambda leaf: _compared(family.shows(leaf)))


def _order(family: Family, branch: Branch) -> GraphQLInputObjectType:
    return _input("OrderBy", family, branch, lambda leaf: _DIRECTED)


def _input(
    ending: str, family: Family, branch: Branch, leaf: Callable[[Leaf], GraphQLInputField]
) -> GraphQLInputObjectType:
    """The input of a family's figures, in which each of them is what ``leaf`` says."""

    def fields() -> dict[str, GraphQLInputField]:
        return {name: field(member) for name, member in branch.members.items()}

    def field(member: Leaf | Branch) -> GraphQLInputField:
        if isinstance(member, Branch):
            return GraphQLInputField(_input(ending, family, member, leaf))
        return leaf(member)

    return InputType(f"{branch.type}{family.ending}{ending}", fields)


@cache
def _shown(scalar: str) -> GraphQLField:
    return GraphQLField(cast(Any, DECLARED[scalar]))


@cache
def _compared(scalar: str) -> GraphQLInputField:
    return GraphQLInputField(comparison(scalar, False))
