"""Variables and arguments: GraphQL's own coercion, made ready once per operation.

The meaning is graphql-core's, which does all the work for literals and for
whatever is not plain. The data of writes is the exception: its scalars pass as
they were sent, so that the service says what does not fit, as it does for REST.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLError,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    coerce_input_literal,
    coerce_input_value,
    get_named_type,
    type_from_ast,
    value_from_ast_untyped,
)
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values

from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.sizes import size_of
from duetdb.graphql.cost import Given
from duetdb.graphql.inputs import Shape
from duetdb.graphql.members import EXTRA

Variables: TypeAlias = Mapping[str, Any]


class VariablesRefused(Exception):
    """The variables do not fit what the operation declares; ``errors`` say which."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__("The variables do not fit.")
        self.errors = tuple(errors)


def data_shape(type_: Any) -> Shape | None:
    """The shape of a data input, None for every other type."""
    named = get_named_type(type_)
    return named.extensions.get("shape") if isinstance(named, GraphQLInputObjectType) else None


class VariableReader:
    """Coerces the variables of one operation; errors have near names only with ``suggestions``."""

    def __init__(
        self,
        schema: GraphQLSchema,
        definitions: Sequence[VariableDefinitionNode],
        suggestions: bool,
    ) -> None:
        self._schema = schema
        self._suggestions = suggestions
        self._definitions = tuple(definitions)
        self._declared = tuple(
            (each.variable.name.value, type_from_ast(schema, each.type), each)
            for each in self._definitions
        )

    def check_sizes(self, given: Mapping[str, Any], most: int) -> None:
        """Raises ``LimitExceeded`` for filters and other inputs that hold more than they could.

        Coercion takes its time for each part, and the data of writes has a limit of its own.
        """
        for name, type_, _ in self._declared:
            is_object = isinstance(get_named_type(type_), GraphQLInputObjectType)
            if is_object and data_shape(type_) is None and size_of(given.get(name), most) > most:
                raise LimitExceeded(
                    f"The variable '{name}' holds more than {most:,} values.",
                    hint="Ask in several requests, or raise DUETDB_IN_VALUES.",
                )

    def read(self, given: Mapping[str, Any]) -> Variables:
        """The coerced variables; raises ``VariablesRefused`` and ``GraphQLError``."""
        coerced: dict[str, Any] = {}
        try:
            for name, type_, definition in self._declared:
                value = given.get(name, Undefined)
                if value is not Undefined:
                    value = _coerce(value, type_)
                elif definition.default_value is not None:
                    value = _literal(definition.default_value, type_, {})
                elif not isinstance(type_, GraphQLNonNull):
                    continue
                if value is Undefined:
                    raise VariablesRefused(self._errors(given))
                coerced[name] = value
        except RecursionError:
            raise VariablesRefused([GraphQLError("Variables are nested too deeply.")]) from None
        return coerced

    def _errors(self, given: Mapping[str, Any]) -> Sequence[GraphQLError]:
        found = get_variable_values(
            self._schema,
            self._definitions,
            dict(given),
            max_errors=20,
            hide_suggestions=not self._suggestions,
        )
        if isinstance(found, VariableValues):
            return [GraphQLError("The variables do not fit what the operation declares.")]
        return found


def _coerce(value: Any, type_: Any) -> Any:
    shape = data_shape(type_)
    if shape is None:
        return coerce_input_value(value, type_)
    return _data(value, type_, shape)


def _data(value: Any, type_: Any, shape: Shape) -> Any:
    """A data input inside its lists; ``Undefined`` when it is not shaped like one."""
    if isinstance(type_, GraphQLNonNull):
        return Undefined if value is None else _data(value, type_.of_type, shape)
    if value is None:
        return None
    if isinstance(type_, GraphQLList):
        items = value if isinstance(value, list) else [value]
        coerced = [_data(each, type_.of_type, shape) for each in items]
        return Undefined if any(each is Undefined for each in coerced) else coerced
    return document_of(value, shape) if isinstance(value, dict) else Undefined


def document_of(value: Mapping[str, Any], shape: Shape) -> Any:
    """The document that a data input means, under stored names.

    ``Undefined`` when it has a field that the type does not have; raises
    ``GraphQLError`` for extra properties that are no object.
    """
    document: dict[str, Any] = {}
    for name, each in value.items():
        field = shape.get(name)
        if field is None:
            return Undefined
        if field.parts is not None:
            each = _part(each, field.parts)
            if each is Undefined:
                return Undefined
        document[field.name] = each
    return _with_extra(document)


def _with_extra(document: dict[str, Any]) -> dict[str, Any]:
    """The document with its undeclared properties in their places; raises ``GraphQLError``."""
    extra = document.pop(EXTRA, None)
    if extra is None:
        return document
    if not isinstance(extra, dict):
        raise GraphQLError(f"'{EXTRA}' holds undeclared properties and must be an object or null.")
    return {**extra, **document}


def _part(value: Any, shape: Shape) -> Any:
    if isinstance(value, list):
        parts = [_part(each, shape) for each in value]
        return Undefined if any(each is Undefined for each in parts) else parts
    return document_of(value, shape) if isinstance(value, dict) else value


class Arguments:
    """The arguments of one field, read from the variables of each request.

    What no variable touches is coerced once, here. Raises ``GraphQLError`` as
    graphql-core would.
    """

    def __init__(self, field: GraphQLField, node: FieldNode) -> None:
        self._field = field
        self._node = node
        self._constant: dict[str, Any] = {}
        self._variables: list[tuple[str, str, Any, bool]] = []
        self._mixed: list[tuple[str, ValueNode, Any]] = []
        given = {each.name.value: each.value for each in node.arguments or ()}
        for name, argument in field.args.items():
            self._add(name, given.get(name), argument)
        self.constant = not self._variables and not self._mixed

    def _add(self, name: str, value: ValueNode | None, argument: GraphQLArgument) -> None:
        default = argument.default.value if argument.default is not None else Undefined
        if value is None:
            if default is not Undefined:
                self._constant[name] = default
        elif isinstance(value, VariableNode):
            needed = isinstance(argument.type, GraphQLNonNull)
            self._variables.append((name, value.name.value, default, needed))
        elif any(_variables_in(value)):
            self._mixed.append((name, value, argument.type))
        else:
            self._constant[name] = _literal(value, argument.type, {})
            if self._constant[name] is Undefined:
                raise self._refusal({})

    def read(self, variables: Variables) -> Mapping[str, Any]:
        """The coerced arguments, those that were not given left out."""
        if self.constant:
            return self._constant
        found = dict(self._constant)
        for name, variable, default, needed in self._variables:
            value = variables.get(variable, default)
            if value is None and needed:
                raise self._refusal(variables)
            if value is not Undefined:
                found[name] = value
            elif needed:
                raise self._refusal(variables)
        for name, node, type_ in self._mixed:
            found[name] = _literal(node, type_, variables)
            if found[name] is Undefined:
                raise self._refusal(variables)
            if _incomplete(found[name]):
                # Left out, it could make a filter that selects everything.
                raise GraphQLError(f"A variable inside of '{name}' was not given.", self._node)
        return found

    def sizes(self, *names: str) -> tuple[Given, ...]:
        """How many documents these arguments ask for, as the text says it."""
        given = {each.name.value: each.value for each in self._node.arguments or ()}
        sizes = (_size_of(given[name]) for name in names if name in given)
        return tuple(each for each in sizes if each is not None)

    def absent(self, variables: Variables, arguments: Sequence[str]) -> str | None:
        """A variable that stands inside of one of the arguments and was not given."""
        mixed = (node for argument, node, _ in self._mixed if argument in arguments)
        used = (each for node in mixed for each in _variables_in(node))
        return next((name for name in used if name not in variables), None)

    def _refusal(self, variables: Variables) -> GraphQLError:
        values = VariableValues({}, dict(variables))
        try:
            get_argument_values(self._field, self._node, values, hide_suggestions=True)
        except GraphQLError as error:
            return error
        return GraphQLError("An argument does not have the shape of its type.", self._node)


def _size_of(node: ValueNode) -> Given | None:
    if isinstance(node, VariableNode):
        return node.name.value
    if isinstance(node, ListValueNode):
        return len(node.values)
    return int(node.value) if isinstance(node, IntValueNode) else None


def _incomplete(value: Any) -> bool:
    """Whether a JSON value has a place for a variable that was not given."""
    if isinstance(value, dict):
        return any(map(_incomplete, value.values()))
    if isinstance(value, list):
        return any(map(_incomplete, value))
    return value is Undefined


def _variables_in(node: ValueNode) -> Iterator[str]:
    if isinstance(node, VariableNode):
        yield node.name.value
    elif isinstance(node, ListValueNode):
        for item in node.values:
            yield from _variables_in(item)
    elif isinstance(node, ObjectValueNode):
        for field in node.fields:
            yield from _variables_in(field.value)


def _literal(node: ValueNode, type_: Any, variables: Variables) -> Any:
    shape = data_shape(type_)
    try:
        if shape is not None:
            return _data_literal(node, type_, shape, variables)
        return coerce_input_literal(node, type_, VariableValues({}, dict(variables)))
    except ValueError:  # an integer of more digits than Python reads
        return Undefined


def _data_literal(node: ValueNode, type_: Any, shape: Shape, variables: Variables) -> Any:
    if isinstance(node, VariableNode):
        return variables.get(node.name.value, Undefined)
    if isinstance(type_, GraphQLNonNull):
        null = isinstance(node, NullValueNode)
        return Undefined if null else _data_literal(node, type_.of_type, shape, variables)
    if isinstance(type_, GraphQLList) and not isinstance(node, NullValueNode):
        nodes = node.values if isinstance(node, ListValueNode) else (node,)
        items = [_data_literal(each, type_.of_type, shape, variables) for each in nodes]
        return Undefined if any(each is Undefined for each in items) else items
    if isinstance(node, ObjectValueNode):
        return _document_literal(node, shape, variables)
    return None if isinstance(node, NullValueNode) else Undefined


def _document_literal(node: ObjectValueNode, shape: Shape, variables: Variables) -> Any:
    document: dict[str, Any] = {}
    for each in node.fields:
        field = shape.get(each.name.value)
        if field is None:
            return Undefined
        value = _part_literal(each.value, field.parts, variables)
        if value is not Undefined:  # a variable that was not given: the field neither
            document[field.name] = value
    return _with_extra(document)


def _part_literal(node: ValueNode, parts: Shape | None, variables: Variables) -> Any:
    if parts is not None and isinstance(node, ObjectValueNode):
        return _document_literal(node, parts, variables)
    if isinstance(node, ListValueNode):
        items = [_part_literal(each, parts, variables) for each in node.values]
        return [None if each is Undefined else each for each in items]
    return _completed(value_from_ast_untyped(node, dict(variables)))


def _completed(value: Any) -> Any:
    """JSON of a write: a property whose variable was not given is not there, an element null."""
    if isinstance(value, dict):
        return {name: _completed(each) for name, each in value.items() if each is not Undefined}
    if isinstance(value, list):
        return [None if each is Undefined else _completed(each) for each in value]
    return value
