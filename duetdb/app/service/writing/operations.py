"""The update operators (SPEC 8): what they are called, and how a body is split into them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from duetdb.app.service.errors import BadRequest
from duetdb.app.service.query import Operation
from duetdb.schema_gen.field import Mismatch
from duetdb.schema_gen.shape import read_object
from duetdb.schema_gen.suggest import did_you_mean

MEANINGS: Mapping[str, str] = {
    "inc": "Adds a number, which may be negative; nothing there counts as 0.",
    "push": 'Appends an element to a list, or with {"$each": [...]} several.',
    "pull": "Removes the elements equal to a value, or that have the parts of an object; "
    'several with {"$in": [...]}.',
    "addToSet": "Appends an element, or each of several, that the list does not hold yet.",
    "pop": "Removes the last element of a list with 1, the first with -1.",
    "unset": "Removes a property, whatever the value.",
    "set": "Sets a value, as a property of the body does.",
    "rename": "Moves a value to the property of the new name.",
    "min": "Sets a value if it is less than what is there.",
    "max": "Sets a value if it is greater than what is there.",
}
"""The operators, without the dollar sign that they have in a body, and what each does."""

OPERATORS: tuple[str, ...] = tuple(MEANINGS)

_KEYS = tuple(f"${name}" for name in OPERATORS)


def parse_operations(body: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Operation, ...]]:
    """The plain properties of a body, and the operations that it holds beside them.

    ``{"name": "Ann", "$inc": {"age": 1}}`` is a name to be set and one operation.
    Raises ``BadRequest`` for a key with a dollar sign that is no operator.
    """
    changes: dict[str, Any] = {}
    operations: list[Operation] = []
    for key, value in body.items():
        if key[:1] == "$":
            operations += _operations(key, value)
        else:
            changes[key] = value
    return changes, tuple(operations)


def unknown_operator(key: str) -> BadRequest:
    """The error for an operator that is none, with what it was perhaps meant to be."""
    return BadRequest(
        f"{key[:100]!r} is not an update operator.{did_you_mean(key, _KEYS)}",
        hint=f"Allowed: {', '.join(_KEYS)}.",
    )


def check_apart(changes: Iterable[str], operations: Iterable[Operation]) -> None:
    """Raises ``BadRequest`` when two of them are about the same place, or one lies inside another.

    What is set plainly and what is changed in place would depend on an order
    that no body has.
    """
    places = [(tuple(name.split(".")), f"{name[:100]!r}") for name in changes]
    for each in operations:
        for name in _on(each):
            places.append((tuple(name.split(".")), f"'${each.operator}' on {name[:100]!r}"))
    places.sort()
    for (path, one), (other, two) in pairwise(places):
        if other[: len(path)] == path:
            raise BadRequest(
                f"The body changes the same place twice: by {one} and by {two}.",
                hint="Send one of them, or the other in a request of its own.",
            )


def _operations(key: str, operands: Any) -> Iterator[Operation]:
    if key not in _KEYS:
        raise unknown_operator(key)
    try:
        operands = read_object(operands)
    except Mismatch:
        raise BadRequest(
            f"'{key}' takes an object of fields.", hint=f'Such as {{"{key}": {{"field": ...}}}}.'
        ) from None
    for path, value in operands.items():
        yield Operation(key[1:], path, value)


def _on(operation: Operation) -> Iterator[str]:
    """The places that an operation changes."""
    yield operation.path
    if operation.operator == "rename" and isinstance(operation.value, str):
        yield operation.value
