"""``xAggregate``, compiled: the figures that are selected, and the rows that show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from graphql import FieldNode, GraphQLObjectType, get_named_type

from duetdb.app.service.grouping import Function, Group, Measure
from duetdb.app.service.limits import Limits
from duetdb.graphql.aggregate_question import aggregate_of, keys_of
from duetdb.graphql.call import Call
from duetdb.graphql.coercion import Arguments
from duetdb.graphql.cost import Pages
from duetdb.graphql.figures import EXTREMES, FUNCTIONS
from duetdb.graphql.measures import COUNT, Measures, measure_of
from duetdb.graphql.members import Members, Nested, Value
from duetdb.graphql.roots import Root
from duetdb.graphql.rows import Rows, RowSource, add_constant, add_value
from duetdb.graphql.selection import Compiler
from duetdb.schema_gen.model import Collection

_GROUP = "group"
"""Where a row has what the group has in common; figures are under the names of measures."""


@dataclass
class AggregateRoot(Root):
    """``xAggregate``: one row for each group."""

    collection: Collection
    arguments: Arguments
    measures: tuple[Measure, ...]
    rows: Rows
    times: int

    def pages(self, limits: Limits) -> Pages | None:
        return Pages(self.arguments.sizes("max"), limits.page_ceiling)

    async def run(self, call: Call) -> Any:
        arguments = self.arguments.read(call.variables)
        limits = call.service.limits
        question = aggregate_of(
            self.collection, arguments, call.model, limits, self.measures, self.times
        )
        if question.max == 0:
            call.service.admit("GET", (self.collection.name,), call.principal)
            return []
        groups = await call.service.aggregate(question, call.principal)
        names = [each.name for each in keys_of(arguments)]
        return self.rows(_documents(groups, names))


def _documents(groups: Sequence[Group], names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Groups in the shape of documents, so that rows are made of them as of any."""
    for each in groups:
        document = {f"m{place}": value for place, value in enumerate(each.values)}
        document[_GROUP] = dict(zip(names, each.keys, strict=True))
        yield document


class Figures:
    """Compiles what is selected of a row.

    ``measures`` are the figures that it needs, and ``times`` is how often the
    one is shown that has the most names.
    """

    def __init__(self, compiler: Compiler, members: Members) -> None:
        self._compiler = compiler
        self._members = members
        self._measures = Measures()
        self._shown: Counter[str] = Counter()

    @property
    def measures(self) -> tuple[Measure, ...]:
        return self._measures.all

    @property
    def times(self) -> int:
        return max(self._shown.values(), default=1)

    def rows(self, type_: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Rows:
        """The function that makes the rows."""
        source = RowSource()
        for key, name, fields in self._fields(source, type_, nodes):
            if name in FUNCTIONS:
                inner = self._inside(type_, name, fields, FUNCTIONS[name][0], self._members)
                _show_inside(source, key, inner)
            else:
                shown = _GROUP if name == _GROUP else self._measures.name_of(COUNT)
                self._shown[shown] += 1
                source.show(key, f"get({source.bind(shown)})")
        return source.build()

    def _inside(
        self,
        around: GraphQLObjectType,
        field: str,
        nodes: Sequence[FieldNode],
        function: Function,
        members: Members,
    ) -> Rows:
        """The figures of one function in an object of the row."""
        type_ = cast(GraphQLObjectType, get_named_type(around.fields[field].type))
        source = RowSource()
        for key, name, fields in self._fields(source, type_, nodes):
            member: Any = members[name]
            if isinstance(member, Nested):
                inner = self._inside(type_, name, fields, function, member.members)
                _show_inside(source, key, inner)
                continue
            shown = self._measures.name_of(measure_of(function, member))
            self._shown[shown] += 1
            if function in EXTREMES.functions:
                add_value(source, key, _alone(member, shown))
            else:
                source.show(key, f"get({source.bind(shown)})")
        return source.build()

    def _fields(
        self, source: RowSource, type_: GraphQLObjectType, nodes: Sequence[FieldNode]
    ) -> Iterator[tuple[str, str, list[FieldNode]]]:
        """The selected fields, by response key and name, that are not the same in every row."""
        sets = (each.selection_set for each in nodes)
        for key, fields in self._compiler.fields(type_.name, sets).items():
            name = fields[0].name.value
            if name == "__typename":
                self._shown[type_.name] += 1
                add_constant(source, key, type_.name)
            else:
                yield key, name, fields


def _alone(member: Value, name: str) -> Value:
    """One value of a field, or of the elements of its list, under another name."""
    if not member.many:
        return replace(member, name=name)
    return replace(member, name=name, many=False, fits=lambda each: member.fits([each]))


def _show_inside(source: RowSource, key: str, inner: Rows) -> None:
    """An object made of the same group."""
    source.show(key, f"{source.bind(inner)}((document,))[0]")
