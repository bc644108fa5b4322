"""Selections under the same key, which are merged: how many there are, and whether they can be.

GraphQL's rule (section 5.3.2) compares each field with each other one. Our types are objects and
no unions or interfaces, so what has the same key at the same place has the same type around it, and
it is enough to compare each field with the first one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    SelectionSetNode,
    ValueNode,
    print_ast,
)

_MOST_CONFLICTS: Final = 20


class Merging:
    """Follows selection sets and the fragments that they use, each wherever it is used.

    That takes time for each place: do so only when those are few. ``repeated`` is how often a
    field was selected under a key that was there already, ``errors`` are about those that differ.
    """

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self.repeated = 0
        self.errors: list[GraphQLError] = []
        self._fragments = fragments
        self._meanings: dict[int, Any] = {}

    def follow(self, sets: Iterable[SelectionSetNode]) -> None:
        """Selection sets that are merged into one, and all below them."""
        found: dict[str, tuple[FieldNode, list[SelectionSetNode]]] = {}
        visited: set[str] = set()
        for each in sets:
            for node in self._fields(each, visited):
                key = node.alias.value if node.alias else node.name.value
                first, inside = found.setdefault(key, (node, []))
                if node is not first:
                    self.repeated += 1
                    self._compare(key, first, node)
                if node.selection_set is not None:
                    inside.append(node.selection_set)
        for _, inside in found.values():
            if inside:
                self.follow(inside)

    def _fields(self, selected: SelectionSetNode, visited: set[str]) -> Iterator[FieldNode]:
        """The fields at the top of a selection set, those in fragments included."""
        for each in selected.selections:
            if isinstance(each, FieldNode):
                yield each
            elif isinstance(each, InlineFragmentNode):
                yield from self._fields(each.selection_set, visited)
            elif isinstance(each, FragmentSpreadNode) and each.name.value not in visited:
                visited.add(each.name.value)
                fragment = self._fragments.get(each.name.value)
                if fragment is not None:
                    yield from self._fields(fragment.selection_set, visited)

    def _compare(self, key: str, first: FieldNode, other: FieldNode) -> None:
        if self._meaning(first) == self._meaning(other) or len(self.errors) >= _MOST_CONFLICTS:
            return
        sentence = f"'{key}' cannot stand for two different fields: give one of them another alias."
        self.errors.append(GraphQLError(sentence, [first, other]))

    def _meaning(self, node: FieldNode) -> Any:
        meaning = self._meanings.get(id(node))
        if meaning is None:
            arguments = {each.name.value: _plain(each.value) for each in node.arguments or ()}
            meaning = self._meanings[id(node)] = node.name.value, arguments
        return meaning


def _plain(node: ValueNode) -> Any:
    """A value that is equal to those of the same meaning."""
    if isinstance(node, ObjectValueNode):
        return {each.name.value: _plain(each.value) for each in node.fields}
    if isinstance(node, ListValueNode):
        return [_plain(each) for each in node.values]
    return print_ast(node)
