"""Input types of the update operators: the fields that each can be about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from graphql import GraphQLInputField, GraphQLInputObjectType, get_named_type

from duetdb.graphql.inputs import DataField, written_fields
from duetdb.graphql.members import EXTRA, nested_types
from duetdb.graphql.named_types import InputType
from duetdb.graphql.types import INT, JSON, STRING, required
from duetdb.schema_gen.field import Comparison, Field
from duetdb.schema_gen.model import Collection

_ORDERED = frozenset((Comparison.ORDER, Comparison.TEXT))
_NUMERIC = frozenset(("Long", "Float"))
_EXTRA = GraphQLInputField(JSON, description="Undeclared properties by their dotted paths.")
RENAME = InputType(
    "Rename",
    lambda: {
        "from": GraphQLInputField(required(STRING), description="A dotted path."),
        "to": GraphQLInputField(required(STRING), description="Another one."),
    },
    "What is stored under one name goes to another.",
)
_END = GraphQLInputField(INT, description="1 for the last element, -1 for the first.")


@dataclass(frozen=True, slots=True)
class _Operand:
    """What some operators take: the fields that they can be about, and a value for each.

    ``field`` is the input field where it is not that of the data.
    """

    ending: str
    takes: Callable[[Field], bool]
    field: GraphQLInputField | None = None


_INC = _Operand("Inc", lambda field: not field.is_list and field.type.graphql in _NUMERIC)
_ELEMENTS = _Operand("Elements", lambda field: field.is_list)
_POP = _Operand("Pop", lambda field: field.is_list, _END)
_BOUNDS = _Operand("Bounds", lambda field: not field.is_list and field.type.comparison in _ORDERED)


@dataclass(frozen=True, eq=False)
class OperatorTypes:
    """The types of one collection; ``data`` is the input of its documents."""

    collection: Collection
    data: GraphQLInputObjectType

    @cached_property
    def inc(self) -> GraphQLInputObjectType:
        """Numbers to be added."""
        return self._type(_INC)

    @cached_property
    def elements(self) -> GraphQLInputObjectType:
        """Elements of lists, to be put in or taken out."""
        return self._type(_ELEMENTS)

    @cached_property
    def pop(self) -> GraphQLInputObjectType:
        """The end of a list at which an element is taken out."""
        return self._type(_POP)

    @cached_property
    def bounds(self) -> GraphQLInputObjectType:
        """Values that fields are lowered or raised to."""
        return self._type(_BOUNDS)

    def _type(self, operand: _Operand) -> GraphQLInputObjectType:
        kind = self.collection.names.type
        names = nested_types(self.collection)
        fields, shape = _fields(operand, written_fields(self.collection), self.data, names)
        fields[EXTRA] = _EXTRA
        shape[EXTRA] = DataField(EXTRA)
        return _input(f"{kind}{operand.ending}", fields, shape)


def _fields(
    operand: _Operand,
    fields: tuple[Field, ...],
    data: GraphQLInputObjectType,
    names: Mapping[str, str],
) -> tuple[dict[str, GraphQLInputField], dict[str, DataField]]:
    """The input fields of one object, and where they go."""
    inputs: dict[str, GraphQLInputField] = {}
    shape: dict[str, DataField] = {}
    for field in fields:
        name = field.graphql_name
        if name not in data.fields:
            continue  # only the server writes it
        whole = data.extensions["shape"][name]
        if operand.takes(field):
            inputs[name], shape[name] = operand.field or data.fields[name], whole
        elif whole.single:
            around: Any = get_named_type(data.fields[name].type)
            inner, parts = _fields(operand, field.fields, around, names)
            if inner:
                type_ = _input(f"{names[field.path]}{operand.ending}", inner, parts)
                inputs[name] = GraphQLInputField(type_)
                shape[name] = DataField(field.name, parts, True)
    return inputs, shape


def _input(
    name: str, fields: dict[str, GraphQLInputField], shape: dict[str, DataField]
) -> InputType:
    return InputType(name, lambda: fields, extensions={"shape": shape})
