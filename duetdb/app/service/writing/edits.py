"""Operations read against the schema: each becomes an ``Edit`` whose operand is in stored form.

Everything that can be said against an operation without the document is said here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from duetdb.app.service.errors import BadRequest, Invalid
from duetdb.app.service.query import Operation
from duetdb.app.service.writing.operations import unknown_operator
from duetdb.app.service.writing.places import Path, Place, place_of
from duetdb.schema_gen.field import MISSING, Comparison, Field, Mismatch, PatternMismatch
from duetdb.schema_gen.fields.numbers import exact
from duetdb.schema_gen.model import Collection
from duetdb.schema_gen.shape import Problem, Rules, Shape
from duetdb.schema_gen.suggest import did_you_mean
from duetdb.schema_gen.well_formed import check_text, well_formed

_NUMERIC = frozenset({"number", "float_number", "money"})
_ORDERED = frozenset({Comparison.ORDER, Comparison.TEXT})
_DIGITS = 20


class Edit(NamedTuple):
    """One operation on one place.

    ``operand`` is a list for ``push``, ``addToSet`` and ``pull``, the new
    ``Place`` for ``rename`` and otherwise one value.
    """

    operator: str
    place: Place
    operand: Any


def paths_of(edit: Edit) -> tuple[Path, ...]:
    """The places that an edit writes to."""
    new = (edit.operand.path,) if edit.operator == "rename" else ()
    return (edit.place.path, *new)


class _Unfit(Exception):
    """What is wrong with a value, where a ``Mismatch`` could tell one thing alone."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__()
        self.problems = problems


class EditReader:
    """Reads the operations of one update; ``invalid`` collects what is wrong with them."""

    def __init__(self, collection: Collection, rules: Rules) -> None:
        self._collection = collection
        self._rules = rules
        self._depth = rules.depth
        self.invalid: list[Invalid] = []

    def read(self, operation: Operation) -> Edit | None:
        """The edit; None for one that is not valid, or is about what only the server writes.

        Raises ``BadRequest`` for an operator, a modifier or an operand that no
        field could admit.
        """
        operator, path, value = operation.operator, operation.path, operation.value
        read = _READERS.get(operator)
        if read is None:
            raise unknown_operator(f"${operator}")
        try:
            place = self._place(path)
            operand = MISSING if place is None else read(self, place, operator, value)
        except Mismatch as error:
            code = "REGEX" if isinstance(error, PatternMismatch) else "TYPE"
            self.invalid.append(Invalid(path, str(error), code))
            return None
        except _Unfit as error:
            for rest, code, sentence in error.problems:
                self.invalid.append(Invalid(path + rest, sentence, code))
            return None
        return None if place is None or operand is MISSING else Edit(operator, place, operand)

    def _place(self, path: str) -> Place | None:
        return place_of(path, self._collection, self._depth)

    def _set(self, place: Place, operator: str, value: Any) -> Any:
        if place.field is None:
            return self._free(place, value)
        if place.field.is_list and not place.listed:
            return self._elements(place, [value])[0]
        return self._fitted(place, value)

    def _inc(self, place: Place, operator: str, value: Any) -> Any:
        if place.free:
            return _number(value)
        _require(place, not place.listed and _field(place).type.name in _NUMERIC, "a number")
        return _field(place).type.coerce(value, _field(place))

    def _least_or_most(self, place: Place, operator: str, value: Any) -> Any:
        if place.free:
            return _text(value) if isinstance(value, str) else _number(value)
        ordered = not place.listed and _field(place).type.comparison in _ORDERED
        _require(place, ordered, "a number, a text or a date")
        return _field(place).type.coerce(value, _field(place))

    def _push(self, place: Place, operator: str, value: Any) -> list[Any]:
        values = _each(operator, place, value)
        if not place.free:
            _require(place, place.listed, "a list")
            return self._elements(place, values)
        for each in values:
            self._free(place, each, 1)
        return values

    def _pull(self, place: Place, operator: str, value: Any) -> list[Any]:
        values = _each(operator, place, value, "$in")
        if place.free:
            return [_condition(None, each, self._depth) for each in values]
        _require(place, place.listed, "a list")
        if any(isinstance(each, list) for each in values) and _field(place).type.name != "JSON":
            raise Mismatch("'$pull' takes one element, and no element of this list is a list.")
        return [_condition(place.field, each, self._depth) for each in values]

    def _pop(self, place: Place, operator: str, value: Any) -> int:
        _require(place, place.listed or place.free, "a list")
        if isinstance(value, bool) or str(value) not in ("1", "-1"):
            raise BadRequest(
                f"'$pop' on {'.'.join(place.path)!r} takes 1 or -1.",
                hint="1 takes the last element out, -1 the first.",
            )
        return int(value)

    def _unset(self, place: Place, operator: str, value: Any) -> bool:
        return True

    def _rename(self, place: Place, operator: str, value: Any) -> Any:
        if not isinstance(value, str):
            raise BadRequest(
                f"'$rename' on {'.'.join(place.path)!r} takes the new name.",
                hint='Such as {"$rename": {"old": "new"}}.',
            )
        new = self._place(value)
        return MISSING if new is None else new

    def _free(self, place: Place, value: Any, inside: int = 0) -> Any:
        well_formed(value, self._depth - len(place.path) - inside)
        return value

    def _elements(self, place: Place, values: list[Any]) -> list[Any]:
        """The stored form of some elements of the place's list."""
        try:
            elements: list[Any] = self._fitted(place, values)
        except _Unfit as error:
            # A position among the operands is none in the document.
            raise _Unfit(
                [(_below(path), code, said) for path, code, said in error.problems]
            ) from None
        return elements

    def _fitted(self, place: Place, value: Any) -> Any:
        """The stored form of a value of the place's field; raises ``_Unfit``."""
        field = _field(place)
        rules = self._rules._replace(depth=self._depth - len(place.path) + 1)
        stored, problems = Shape((field,)).coerce({field.name: value}, rules)
        if problems:
            length = len(field.name)
            raise _Unfit([(path[length:], code, said) for path, code, said in problems])
        return stored[field.name]


def _below(path: str) -> str:
    """``.city`` for ``.0.city``."""
    position, dot, rest = path[1:].partition(".")
    return dot + rest if position.isdecimal() else path


def _each(operator: str, place: Place, value: Any, modifier: str = "$each") -> list[Any]:
    """The elements that an operand means: itself, or those of ``{"$each": [...]}``."""
    if not isinstance(value, Mapping) or not any(key[:1] == "$" for key in value):
        return [value]
    if set(value) == {"$date"}:
        return [value]  # a date, if the field is one
    where = f"'${operator}' on {'.'.join(place.path)!r}"
    for key in value:
        if key != modifier:
            raise BadRequest(
                f"{where} does not take {key[:100]!r}.{did_you_mean(key, (modifier,))}",
                hint=f"The one modifier is {modifier}, with nothing beside it.",
            )
    if not isinstance(value[modifier], list):
        raise BadRequest(
            f"The {modifier} of {where} must be a list.",
            hint=f'Such as {{"{modifier}": ["a", "b"]}}.',
        )
    return list(value[modifier])


def _condition(field: Field | None, value: Any, depth: int) -> Any:
    """What an element must be equal to, or hold, to be pulled; never refused for its type."""
    if field is not None and field.type.name == "object" and isinstance(value, dict):
        well_formed(value, depth)
        inner = {each.name: each for each in field.fields}
        return {name: _condition(inner.get(name), each, depth) for name, each in value.items()}
    if field is not None and value is not None:
        try:
            if isinstance(value, list) and field.type.name != "JSON":
                return [field.type.coerce(each, field) for each in value]
            return field.type.coerce(value, field)
        except Mismatch:
            pass  # An option of old, an id that is none: the list may hold it all the same.
    well_formed(value, depth)
    return value


def _number(value: Any) -> int | float:
    """The number that a value is or, as a text, spells: an integer if it is whole."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        well_formed(value)
        return value
    number = exact(value, "Must be a number.")
    whole = number.adjusted() < _DIGITS and number == int(number)
    found = int(number) if whole else float(number)
    well_formed(found)
    return found


def _text(value: str) -> str:
    check_text(value)
    return value


def _field(place: Place) -> Field:
    assert place.field is not None, "whoever asks has seen that something is declared"
    return place.field


def _require(place: Place, holds: bool, wanted: str) -> None:
    if not holds:
        name = _field(place).type.name
        kind = f"a list of {name}" if place.listed else name
        raise Mismatch(f"The operator needs {wanted}, and the field is {kind}.")


_READERS: Mapping[str, Callable[[EditReader, Place, str, Any], Any]] = {
    "set": EditReader._set,
    "inc": EditReader._inc,
    "min": EditReader._least_or_most,
    "max": EditReader._least_or_most,
    "push": EditReader._push,
    "addToSet": EditReader._push,
    "pull": EditReader._pull,
    "pop": EditReader._pop,
    "unset": EditReader._unset,
    "rename": EditReader._rename,
}
