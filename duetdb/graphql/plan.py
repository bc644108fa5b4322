"""Operations, compiled: a text is parsed and validated once, and each operation becomes roots."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
)

from duetdb.app.service.keys.key_admin import KeyAdmin
from duetdb.app.service.mail.outbox import Outbox
from duetdb.graphql.aggregate import AggregateRoot, Figures
from duetdb.graphql.call import Model
from duetdb.graphql.coercion import Arguments
from duetdb.graphql.connection import ConnectionRoot, Parts
from duetdb.graphql.cost import Cost
from duetdb.graphql.introspection import IntrospectionRoot, KeptAnswers
from duetdb.graphql.introspection_writer import FIELDS as INTROSPECTION
from duetdb.graphql.keys import key_root
from duetdb.graphql.mail import MUTATIONS as MAIL
from duetdb.graphql.mail import mail_root
from duetdb.graphql.many import DeleteManyRoot, UpdateManyRoot, plain_rows
from duetdb.graphql.members import Members
from duetdb.graphql.mutations import (
    CreateManyRoot,
    CreateRoot,
    DeleteRoot,
    ReplaceRoot,
    UpdateRoot,
)
from duetdb.graphql.roots import ByIdRoot, ConstantRoot, ListRoot, ReadRoot, Root
from duetdb.graphql.selection import Compiler, Flags, Level

NOTHING: Final = "_nothing"
"""The root field of a query type that would have no other: a type must have one."""
_NUMBERS: Final = itertools.count()


@dataclass(frozen=True, slots=True)
class RootField:
    """What a root field of the schema means: an action on a collection."""

    action: str
    collection: str


@dataclass(frozen=True, slots=True)
class Plan:
    """One operation, ready to run."""

    roots: tuple[Root, ...]
    serial: bool
    cost: Cost


class Planner:
    """Compiles operations against one generation of the schema."""

    def __init__(
        self,
        model: Model,
        graphql: GraphQLSchema,
        fields: Mapping[str, RootField],
        introspected: KeptAnswers,
        keys: KeyAdmin | None = None,
        outbox: Outbox | None = None,
    ) -> None:
        self._model = model
        self._graphql = graphql
        self._fields = fields
        self._introspected = introspected
        self._keys = keys
        self._outbox = outbox
        self._number = next(_NUMBERS)

    def plan(
        self,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        flags: Flags,
    ) -> Plan:
        """The plan of an operation for one answer of its directives.

        Raises ``GraphQLError`` for constant arguments that cannot be, and
        ``LimitExceeded`` for too many relations.
        """
        compiler = Compiler(self._model, fragments, flags)
        type_ = cast(GraphQLObjectType, self._graphql.get_root_type(operation.operation))
        roots: list[Root] = []
        selected = compiler.fields(type_.name, [operation.selection_set])
        for key, nodes in selected.items():
            if nodes[0].name.value in INTROSPECTION:
                roots.append(self._introspection(key, nodes, fragments, flags))
            else:
                roots.append(self._root(compiler, type_, key, nodes))
        pages = (each.pages(self._model.limits) for each in roots)
        cost = Cost([each for each in pages if each is not None], self._model.limits)
        return Plan(tuple(roots), operation.operation is OperationType.MUTATION, cost)

    def _introspection(
        self,
        key: str,
        nodes: Sequence[FieldNode],
        fragments: Mapping[str, FragmentDefinitionNode],
        flags: Flags,
    ) -> Root:
        return IntrospectionRoot(
            key,
            nodes[0],
            nodes[0].name.value == "__type",
            nodes=nodes,
            fragments=fragments,
            flags=flags,
            schema=self._graphql,
            number=self._number,
            kept=self._introspected,
        )

    def _root(
        self,
        compiler: Compiler,
        type_: GraphQLObjectType,
        key: str,
        nodes: Sequence[FieldNode],
    ) -> Root:
        node = nodes[0]
        name = node.name.value
        if name == "__typename":
            return ConstantRoot(key, node, False, type_.name)
        if name == NOTHING:
            return ConstantRoot(key, node, True, None)
        compiler.count_read()
        definition = type_.fields[name]
        meaning = self._fields.get(name)
        if meaning is None and name in MAIL:
            assert self._outbox is not None, f"nobody sends for {name}"
            return mail_root(self._outbox, compiler, definition, key, nodes)
        if meaning is None:
            assert self._keys is not None, f"nobody knows what {name} means"
            return key_root(self._keys, compiler, definition, key, nodes)
        base: dict[str, Any] = {
            "key": key,
            "node": node,
            "nullable": not isinstance(definition.type, GraphQLNonNull),
            "collection": self._model.schema.collections[meaning.collection],
            "arguments": Arguments(definition, node),
        }
        made = Made(
            compiler,
            definition,
            cast(GraphQLObjectType, get_named_type(definition.type)),
            self._model.members(meaning.collection),
            nodes,
        )
        return _ROOTS[meaning.action](made, base)


@dataclass(frozen=True, slots=True)
class Made:
    """What a root field is made of: its declaration, and the nodes that select of its type."""

    compiler: Compiler
    field: GraphQLField
    type: GraphQLObjectType
    members: Members
    nodes: Sequence[FieldNode]


Build: TypeAlias = Callable[[Made, dict[str, Any]], Root]


def _documents(kind: Callable[..., ReadRoot], **more: Any) -> Build:
    """Root fields that answer documents."""

    def build(made: Made, base: dict[str, Any]) -> Root:
        selection = made.compiler.selection(made.type, made.members, made.nodes)
        return kind(**base, **more, selection=selection)

    return build


def _connection(made: Made, base: dict[str, Any]) -> Root:
    parts = Parts(made.compiler, made.members, Level(made.compiler))
    shown, names = parts.connection(made.type, made.nodes)
    return ConnectionRoot(
        **base,
        selection=parts.level.selection(_no_rows),
        parts=shown,
        counted="totalCount" in names,
        paged=not names.isdisjoint(_PAGED),
    )


def _aggregate(made: Made, base: dict[str, Any]) -> Root:
    figures = Figures(made.compiler, made.members)
    rows = figures.rows(made.type, made.nodes)
    return AggregateRoot(**base, measures=figures.measures, rows=rows, times=figures.times)


def _no_rows(documents: Any) -> list[Any]:
    return []


def _update(made: Made, base: dict[str, Any]) -> Root:
    return _documents(UpdateRoot, field=made.field)(made, base)


def _update_many(made: Made, base: dict[str, Any]) -> Root:
    rows = plain_rows(made.compiler, made.type, made.nodes)
    return UpdateManyRoot(**base, rows=rows, field=made.field)


def _delete_many(made: Made, base: dict[str, Any]) -> Root:
    return DeleteManyRoot(**base, rows=plain_rows(made.compiler, made.type, made.nodes))


_PAGED = frozenset(("edges", "pageInfo"))

_ROOTS: Mapping[str, Build] = {
    "list": _documents(ListRoot),
    "by_id": _documents(ByIdRoot),
    "connection": _connection,
    "aggregate": _aggregate,
    "create": _documents(CreateRoot),
    "create_many": _documents(CreateManyRoot),
    "update": _update,
    "update_many": _update_many,
    "replace": _documents(ReplaceRoot),
    "delete": _documents(DeleteRoot),
    "delete_many": _delete_many,
}
