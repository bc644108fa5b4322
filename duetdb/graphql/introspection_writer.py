"""Answers to ``__schema`` and ``__type`` as JSON, written straight from the types.

What the fields mean is graphql-core's. Its executor would make some million
objects of hundreds of collections: building, collecting and freeing them would
keep every request waiting, where text of a few bytes at a time keeps none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, TypeAlias

import orjson
from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    SchemaMetaFieldDef,
    TypeMetaFieldDef,
    get_named_type,
)
from graphql.execution.values import VariableValues, get_argument_values

from duetdb.graphql.selection import Compiler

Write: TypeAlias = Callable[[Any], bytes]
"""Writes one value as JSON."""

FIELDS: Mapping[str, GraphQLField] = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}
"""The root fields that ask for the schema."""


def written(
    schema: GraphQLSchema,
    nodes: Sequence[FieldNode],
    compiler: Compiler,
    variables: Mapping[str, Any],
) -> bytes:
    """The value of the root field that ``nodes`` make together.

    Raises ``GraphQLError`` for arguments that cannot be.
    """
    writer = _Writer(schema, compiler, VariableValues({}, dict(variables)))
    return writer.field(FIELDS[nodes[0].name.value], nodes)(None)


class _Writer:
    def __init__(
        self, schema: GraphQLSchema, compiler: Compiler, variables: VariableValues
    ) -> None:
        self._info = SimpleNamespace(schema=schema)
        self._compiler = compiler
        self._variables = variables

    def field(self, definition: GraphQLField, nodes: Sequence[FieldNode]) -> Write:
        """Writes the field's value of an object."""
        assert definition.resolve is not None
        arguments = get_argument_values(definition, nodes[0], self._variables)
        resolve = partial(definition.resolve, **arguments)
        write, info = self._value(definition.type, nodes), self._info
        return lambda source: write(resolve(source, info))

    def _value(self, type_: Any, nodes: Sequence[FieldNode]) -> Write:
        if isinstance(type_, GraphQLNonNull):
            return self._value(type_.of_type, nodes)
        if isinstance(type_, GraphQLList):
            inner = get_named_type(type_)
            if isinstance(inner, GraphQLObjectType):
                return _list(self._object(inner, nodes))
            return _list(self._value(inner, nodes))
        if isinstance(type_, GraphQLObjectType):
            return _once(self._object(type_, nodes))
        if isinstance(type_, GraphQLEnumType):
            return lambda value: orjson.dumps(type_.coerce_output_value(value))
        return orjson.dumps

    def _object(self, type_: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Write:
        members = []
        sets = (each.selection_set for each in nodes)
        for key, fields in self._compiler.fields(type_.name, sets).items():
            definition = type_.fields.get(fields[0].name.value)
            write = _constant(type_.name) if definition is None else self.field(definition, fields)
            members.append((orjson.dumps(key) + b":", write))

        def one(value: Any) -> bytes:
            if value is None:
                return b"null"
            return b"{" + b",".join([key + write(value) for key, write in members]) + b"}"

        return one


def _list(write: Write) -> Write:
    def several(values: Any) -> bytes:
        return b"null" if values is None else b"[" + b",".join(map(write, values)) + b"]"

    return several


def _once(write: Write) -> Write:
    """Fields and arguments lead to the same few types, which live as long as the schema."""
    known: dict[int, bytes] = {}

    def one(value: Any) -> bytes:
        told = known.get(id(value))
        if told is None:
            told = known[id(value)] = write(value)
        return told

    return one


def _constant(text: str) -> Write:
    told = orjson.dumps(text)
    return lambda value: told
