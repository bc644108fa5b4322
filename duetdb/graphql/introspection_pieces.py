"""The answer to ``__schema`` as JSON, made type by type.

With hundreds of types the whole answer is some million Python objects: building, collecting and
freeing them at once would keep every request waiting. A type at a time is gone before the next.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import orjson
from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
)

Execute: TypeAlias = Callable[[DocumentNode], dict[str, Any]]
"""Executes a document against the schema; the answer is its data."""

_TYPES = "types"
_BREATH = 50
"""Types whose executions may leave their cycles of objects before these are collected."""


def schema_in_pieces(
    schema: GraphQLSchema,
    nodes: Sequence[FieldNode],
    fragments: Sequence[FragmentDefinitionNode],
    execute: Execute,
) -> bytes | None:
    """The value of the field ``__schema`` that ``nodes`` make, or None if it is not that simple.

    It is simple when the text has it once and lists plain fields in it, as introspection
    queries do.
    """
    members = _plain_members(nodes)
    if members is None:
        return None
    order = list(members)
    types = members.pop(_TYPES)
    others = execute(_document(nodes[0], tuple(members.values()), fragments)) if members else {}
    told: dict[str, Any] = next(iter(others.values()), {})
    pieces = {key: orjson.dumps(value) for key, value in told.items()}
    listed = []
    for number, name in enumerate(schema.type_map, 1):
        listed.append(orjson.dumps(execute(_type_document(name, types, fragments))[_TYPES]))
        if number % _BREATH == 0:
            gc.collect(0)
    pieces[_TYPES] = b"[" + b",".join(listed) + b"]"
    return b"{" + b",".join(orjson.dumps(key) + b":" + pieces[key] for key in order) + b"}"


def _plain_members(nodes: Sequence[FieldNode]) -> dict[str, FieldNode] | None:
    """The fields asked for by response key; None unless ``types`` is among them, all once."""
    if len(nodes) != 1 or nodes[0].name.value != "__schema" or nodes[0].selection_set is None:
        return None
    members: dict[str, FieldNode] = {}
    for each in nodes[0].selection_set.selections:
        if not isinstance(each, FieldNode) or each.alias is not None or each.directives:
            return None
        if each.name.value in members:
            return None
        members[each.name.value] = each
    return members if _TYPES in members else None


def _type_document(
    name: str, types: FieldNode, fragments: Sequence[FragmentDefinitionNode]
) -> DocumentNode:
    wanted = ArgumentNode(name=NameNode(value="name"), value=StringValueNode(value=name))
    one = FieldNode(
        alias=NameNode(value=_TYPES),
        name=NameNode(value="__type"),
        arguments=(wanted,),
        directives=(),
        selection_set=types.selection_set,
    )
    return _operation((one,), fragments)


def _document(
    node: FieldNode, members: tuple[FieldNode, ...], fragments: Sequence[FragmentDefinitionNode]
) -> DocumentNode:
    asked = FieldNode(
        alias=node.alias,
        name=node.name,
        arguments=(),
        directives=(),
        selection_set=SelectionSetNode(selections=members),
    )
    return _operation((asked,), fragments)


def _operation(
    selections: tuple[FieldNode, ...], fragments: Sequence[FragmentDefinitionNode]
) -> DocumentNode:
    operation = OperationDefinitionNode(
        operation=OperationType.QUERY,
        variable_definitions=(),
        directives=(),
        selection_set=SelectionSetNode(selections=selections),
    )
    return DocumentNode(definitions=(operation, *fragments))
