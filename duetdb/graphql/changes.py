"""What an update mutation changes: its data, and the operators beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLField

from duetdb.app.service.errors import BadRequest
from duetdb.app.service.query import Operation
from duetdb.app.service.writing.operations import OPERATORS
from duetdb.graphql.coercion import data_shape
from duetdb.graphql.errors import in_other_words
from duetdb.graphql.inputs import Shape

_BY_FIELD = ("set", "inc", "push", "addToSet", "pull", "pop", "min", "max")
"""Operators whose argument has a value for each field."""

_LISTED: Mapping[str, str] = {"push": "$each", "addToSet": "$each", "pull": "$in"}
"""Operators that take several values for a field, and the word that says so."""

_WORDS = {f"${name}": name for name in OPERATORS}
NOTHING: Shape = {}


@dataclass(frozen=True, slots=True)
class Changes:
    """Values to be set, and operations on what is stored."""

    values: Mapping[str, Any]
    operations: tuple[Operation, ...]


def changes_of(arguments: Mapping[str, Any], field: GraphQLField) -> Changes:
    """The changes that the arguments of a mutation ask for; ``field`` declares them.

    Raises ``BadRequest`` when there are none.
    """
    data = arguments.get("data")
    operations = tuple(_operations(arguments, field))
    if data is None and not operations:
        raise BadRequest(
            "The mutation changes nothing.", hint="Give 'data' or an operator, such as 'inc'."
        )
    return Changes(data or {}, operations)


def in_words_of_arguments(error: BadRequest) -> BadRequest:
    """The same error about operators without a dollar sign, as arguments are called."""
    return in_other_words(error, _WORDS)


def _operations(arguments: Mapping[str, Any], field: GraphQLField) -> Iterator[Operation]:
    for operator in _BY_FIELD:
        given = arguments.get(operator)
        if given is not None:
            shape = data_shape(field.args[operator].type) or NOTHING
            several = _LISTED.get(operator)
            for path, value in _leaves(given, shape):
                if several is not None:
                    value = {several: value if isinstance(value, list) else [value]}
                yield Operation(operator, path, value)
    shape = data_shape(field.args["data"].type) or NOTHING
    for path in arguments.get("unset") or ():
        yield Operation("unset", _stored(path, shape), True)
    for each in arguments.get("rename") or ():
        yield Operation("rename", _stored(each["from"], shape), _stored(each["to"], shape))


def _leaves(given: Mapping[str, Any], shape: Shape, base: str = "") -> Iterator[tuple[str, Any]]:
    """The values inside of single objects, under their dotted paths."""
    inside = {each.name: each.parts for each in shape.values() if each.single}
    for name, value in given.items():
        parts = inside.get(name)
        if parts is not None and isinstance(value, Mapping):
            yield from _leaves(value, parts, f"{base}{name}.")
        else:
            yield f"{base}{name}", value


def _stored(path: str, shape: Shape) -> str:
    """A dotted path of GraphQL's names, or of stored ones, in stored names."""
    names = []
    for name in path.split("."):
        field = shape.get(name)
        names.append(field.name if field else name)
        if field or not name.isdecimal():
            shape = (field and field.parts) or NOTHING
    return ".".join(names)
