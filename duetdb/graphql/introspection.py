"""``__schema`` and ``__type``: what is asked of the schema, how much of it, and the answer kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    SelectionSetNode,
    VariableNode,
    Visitor,
    print_ast,
    visit,
)

from duetdb.graphql.call import Call
from duetdb.graphql.introspection_writer import written
from duetdb.graphql.roots import Root
from duetdb.graphql.selection import Compiler, Flags

_MOST_BYTES = 120_000_000
"""What all answers that are kept have together: of hundreds of collections one has 30 MB."""

Fragments = Mapping[str, FragmentDefinitionNode]


class KeptAnswers:
    """The last answers about all schemas: they may be large, so each is made when no other is."""

    def __init__(self) -> None:
        self._answers: dict[tuple[int, str], bytes] = {}
        self._bytes = 0
        self._turn = asyncio.Lock()

    async def find(self, schema: int, asked: str, make: Callable[[], bytes]) -> bytes:
        """The answer to a text about the schema of this number, made in a thread if not kept."""
        key = schema, asked
        async with self._turn:
            told = self._answers.pop(key, None)
            if told is None:
                told = await asyncio.to_thread(make)
                self._bytes += len(told)
            self._answers[key] = told
            while self._bytes > _MOST_BYTES:
                self._bytes -= len(self._answers.pop(next(iter(self._answers))))
        return told


@dataclass
class IntrospectionRoot(Root):
    """One introspection field; its answer depends on the schema and its variables alone."""

    nodes: Sequence[FieldNode]
    fragments: Fragments
    flags: Flags
    schema: GraphQLSchema
    number: int
    """The schema's own among all that there were."""
    kept: KeptAnswers

    def __post_init__(self) -> None:
        visited = _Used(self.fragments)
        visit(SelectionSetNode(selections=tuple(self.nodes)), visited)
        self._variables = sorted(visited.variables)
        self._text = "\n".join(map(print_ast, (*self.nodes, *visited.fragments)))

    async def run(self, call: Call) -> Any:
        variables = {
            each: call.variables[each] for each in self._variables if each in call.variables
        }
        compiler = Compiler(call.model, self.fragments, self.flags)
        make = partial(written, self.schema, self.nodes, compiler, variables)
        told = await self.kept.find(self.number, f"{self._text} {variables}", make)
        return None if told == b"null" else orjson.Fragment(told)


class _Used(Visitor):
    """Collects the variables and fragments that a selection uses, in its fragments too."""

    variables: set[str]
    fragments: list[FragmentDefinitionNode]

    def __init__(self, fragments: Fragments) -> None:
        super().__init__()
        self.variables = set()
        self.fragments = []
        self._waiting = dict(fragments)

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.variables.add(node.name.value)

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        fragment = self._waiting.pop(node.name.value, None)
        if fragment is not None:
            self.fragments.append(fragment)
            visit(fragment, self)
