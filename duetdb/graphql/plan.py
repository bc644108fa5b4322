"""Operations, compiled: a text is parsed and validated once, and each operation becomes roots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
)

from duetdb.graphql.call import Model
from duetdb.graphql.coercion import Arguments
from duetdb.graphql.connection import ConnectionRoot, Parts
from duetdb.graphql.introspection import FIELDS as INTROSPECTION
from duetdb.graphql.introspection import check_size, introspection_root
from duetdb.graphql.mutations import (
    CreateManyRoot,
    CreateRoot,
    DeleteManyRoot,
    DeleteRoot,
    UpdateRoot,
)
from duetdb.graphql.roots import ByIdRoot, ListRoot, ReadRoot, Root, TypenameRoot
from duetdb.graphql.selection import Compiler, Flags, Level


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


class Planner:
    """Compiles operations against one generation of the schema."""

    def __init__(
        self,
        model: Model,
        graphql: GraphQLSchema,
        fields: Mapping[str, RootField],
    ) -> None:
        self._model = model
        self._graphql = graphql
        self._fields = fields

    def plan(
        self,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        flags: Flags,
    ) -> Plan:
        """The plan of an operation for one answer of its directives.

        Raises ``GraphQLError`` for constant arguments that cannot be, and
        ``LimitExceeded`` for a selection that is too deep or too large.
        """
        compiler = Compiler(self._model, fragments, flags)
        type_ = cast(GraphQLObjectType, self._graphql.get_root_type(operation.operation))
        roots: list[Root] = []
        selected = compiler.fields(type_.name, [operation.selection_set])
        check_size(selected.values(), fragments)
        for key, nodes in selected.items():
            if nodes[0].name.value in INTROSPECTION:
                roots.append(introspection_root(key, nodes, operation, fragments, self._graphql))
            else:
                roots.append(self._root(compiler, type_, key, nodes))
        return Plan(tuple(roots), operation.operation is OperationType.MUTATION)

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
            return TypenameRoot(key, node, False, type_.name)
        meaning = self._fields[name]
        definition = type_.fields[name]
        base: dict[str, Any] = {
            "key": key,
            "node": node,
            "nullable": not isinstance(definition.type, GraphQLNonNull),
            "collection": self._model.schema.collections[meaning.collection],
            "arguments": Arguments(definition, node),
        }
        inner = cast(GraphQLObjectType, get_named_type(definition.type))
        members = self._model.members(meaning.collection)
        if meaning.action == "connection":
            parts = Parts(compiler, members, Level(compiler))
            made, names = parts.connection(inner, nodes)
            selection = parts.level.selection(_no_rows)
            return ConnectionRoot(
                **base,
                selection=selection,
                parts=made,
                counted="totalCount" in names,
                paged=not names.isdisjoint(_PAGED),
            )
        selection = compiler.selection(inner, members, nodes)
        return _ROOTS[meaning.action](**base, selection=selection)


def _no_rows(documents: Any) -> list[Any]:
    return []


_PAGED = frozenset(("edges", "pageInfo"))

_ROOTS: Mapping[str, Callable[..., ReadRoot]] = {
    "list": ListRoot,
    "by_id": ByIdRoot,
    "create": CreateRoot,
    "create_many": CreateManyRoot,
    "update": UpdateRoot,
    "replace": lambda **base: UpdateRoot(**base, replace=True),
    "delete": DeleteRoot,
    "delete_many": DeleteManyRoot,
}
