"""``__schema`` and ``__type``: what no plan can express is graphql-core's to answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    Visitor,
    execute_sync,
    visit,
)

from duetdb.app.service.errors import LimitExceeded
from duetdb.graphql.call import Call
from duetdb.graphql.introspection_pieces import schema_in_pieces
from duetdb.graphql.roots import Root

FIELDS = frozenset(("__schema", "__type"))
_LISTS = frozenset(
    ("types", "fields", "args", "inputFields", "interfaces", "enumValues", "possibleTypes")
)
_MOST_LISTS = 100
"""Lists that an operation may ask for, one inside another counted for each place; tools ask for
about ten, and each may have every type or field of the schema in it."""
Fragments = Mapping[str, FragmentDefinitionNode]


@dataclass
class IntrospectionRoot(Root):
    """One introspection field, executed in a thread.

    Its answer depends on the schema alone, so one without variables is
    computed once for a generation and kept as encoded JSON.
    """

    schema: GraphQLSchema
    document: DocumentNode
    nodes: Sequence[FieldNode]
    fragments: Sequence[FragmentDefinitionNode]
    variables: frozenset[str]

    def __post_init__(self) -> None:
        self._kept: orjson.Fragment | None = None
        self._once = asyncio.Lock()

    async def run(self, call: Call) -> Any:
        if self.variables:
            used = {name: call.variables[name] for name in self.variables & call.variables.keys()}
            return await asyncio.to_thread(self._execute, used)
        async with self._once:
            if self._kept is None:
                self._kept = await asyncio.to_thread(self._encoded)
        return self._kept

    def _encoded(self) -> orjson.Fragment:
        told = schema_in_pieces(self.schema, self.nodes, self.fragments, self._data)
        return orjson.Fragment(told or orjson.dumps(self._execute({})))

    def _execute(self, variables: dict[str, Any]) -> Any:
        return self._data(self.document, variables)[self.key]

    def _data(
        self, document: DocumentNode, variables: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        result = execute_sync(self.schema, document, variable_values=variables)
        assert isinstance(result, ExecutionResult)
        if result.errors:
            raise result.errors[0]
        assert result.data is not None
        return result.data


def introspection_root(
    key: str,
    nodes: Sequence[FieldNode],
    operation: OperationDefinitionNode,
    fragments: Fragments,
    schema: GraphQLSchema,
) -> IntrospectionRoot:
    """The root field that ``nodes`` make together, as an operation of its own."""
    selected = SelectionSetNode(selections=tuple(nodes))
    finder = _VariableFinder(fragments)
    visit(selected, finder)
    alone = OperationDefinitionNode(
        operation=OperationType.QUERY,
        selection_set=selected,
        variable_definitions=tuple(
            each
            for each in operation.variable_definitions or ()
            if each.variable.name.value in finder.names
        ),
    )
    document = DocumentNode(definitions=(alone, *fragments.values()))
    nullable = nodes[0].name.value == "__type"
    return IntrospectionRoot(
        key,
        nodes[0],
        nullable,
        schema,
        document,
        nodes,
        tuple(fragments.values()),
        frozenset(finder.names),
    )


def check_size(selected: Iterable[Sequence[FieldNode]], fragments: Fragments) -> None:
    """Raises ``LimitExceeded`` when root fields together ask for far too much of the schema."""
    known: dict[str, int] = {}

    def lists_of(selections: SelectionSetNode | None) -> int:
        if selections is None:
            return 0
        return sum(map(lists_in, selections.selections))

    def lists_in(node: SelectionNode) -> int:
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name not in known:
                known[name] = lists_of(fragments[name].selection_set)
            return known[name]
        assert isinstance(node, FieldNode | InlineFragmentNode)
        own = isinstance(node, FieldNode) and node.name.value in _LISTS
        return own + lists_of(node.selection_set)

    asked = (each for nodes in selected for each in nodes if each.name.value in FIELDS)
    if sum(map(lists_in, asked)) > _MOST_LISTS:
        raise LimitExceeded(
            f"The operation asks for more than {_MOST_LISTS} lists of the schema.",
            hint="Ask for the whole schema once, or for less of it at a time.",
        )


class _VariableFinder(Visitor):
    """Collects the variables that a selection uses, in its fragments too."""

    names: set[str]

    def __init__(self, fragments: Fragments) -> None:
        super().__init__()
        self.names = set()
        self._waiting = dict(fragments)

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.names.add(node.name.value)

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        fragment = self._waiting.pop(node.name.value, None)
        if fragment is not None:
            visit(fragment, self)
