"""What an edit makes of a stored value, with MongoDB's own meaning of each operator.

Null counts as nothing, as it does for REQUIRED. Where MongoDB would compare or
add what does not belong together, ``Mismatch`` says so instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Context, Decimal, DecimalException
from typing import Any

from bson import Decimal128
from bson.datetime_ms import DatetimeMS

from duetdb.app.service.query import Document
from duetdb.app.service.writing.edits import Edit
from duetdb.app.service.writing.places import Place, changed_at, value_at
from duetdb.schema_gen.field import MISSING, Mismatch, Relation
from duetdb.schema_gen.shape import Rules
from duetdb.schema_gen.values import coerce
from duetdb.schema_gen.well_formed import well_formed

_MAKING = frozenset("set inc min max push addToSet".split())
"""The operators that make what they change if it is not there."""

_DIGITS = Context(prec=34)


def apply(edit: Edit, document: Document, rules: Rules) -> Document:
    """A changed copy of the document; raises ``Mismatch`` when it admits no such change."""
    operator, place, operand = edit
    if operator == "rename":
        return _renamed(document, place, operand, rules)

    def change(current: Any) -> Any:
        return _CHANGES[operator](current, operand, place)

    changed: Document = changed_at(document, place.path, change, making=operator in _MAKING)
    return changed


def _renamed(document: Document, old: Place, new: Place, rules: Rules) -> Document:
    value = value_at(document, old.path)
    if value is MISSING:
        return document
    depth = rules.depth - len(new.path)
    if new.field is None:
        well_formed(value, depth)
    elif new.field.is_list and not new.listed:
        raise Mismatch("A field cannot be renamed into a list.")
    else:
        value = coerce(new.field, value, rules._replace(depth=depth + 1))
    document = changed_at(document, old.path, lambda _: MISSING, making=False)
    changed: Document = changed_at(document, new.path, lambda _: value, making=True)
    return changed


def _set(current: Any, operand: Any, place: Place) -> Any:
    return operand


def _unset(current: Any, operand: Any, place: Place) -> Any:
    return MISSING


def _inc(current: Any, operand: Any, place: Place) -> Any:
    if _nothing(current):
        return operand
    if _kind(current) != "number":
        raise Mismatch("What is stored there is not a number.")
    total = _sum(current, operand)
    if place.field is not None and not place.free:
        return place.field.type.coerce(total, place.field)
    well_formed(total)
    return total


def _sum(left: Any, right: Any) -> Any:
    if not isinstance(left, Decimal128) and not isinstance(right, Decimal128):
        return left + right
    try:
        return Decimal128(_DIGITS.add(_decimal(left), _decimal(right)))
    except DecimalException:
        raise Mismatch("The sum is not a number that can be stored.") from None


def _min(current: Any, operand: Any, place: Place) -> Any:
    return operand if _nothing(current) or _order(operand, current) < 0 else current


def _max(current: Any, operand: Any, place: Place) -> Any:
    return operand if _nothing(current) or _order(operand, current) > 0 else current


def _push(current: Any, operand: list[Any], place: Place) -> Any:
    return _bounded([*_list(current), *operand], place)


def _add_to_set(current: Any, operand: list[Any], place: Place) -> Any:
    elements = list(_list(current))
    for each in operand:
        if not any(same(each, other) for other in elements):
            elements.append(each)
    return _bounded(elements, place)


def _bounded(elements: list[Any], place: Place) -> list[Any]:
    field = place.field
    if field is not None and field.relation is Relation.ONE and len(elements) > 1:
        raise Mismatch(f"Must be one of '{field.collection}', and one is stored already.")
    return elements


def _pull(current: Any, operand: list[Any], place: Place) -> Any:
    if _nothing(current):
        return current
    return [each for each in _list(current) if not any(_pulled(wanted, each) for wanted in operand)]


def _pop(current: Any, operand: int, place: Place) -> Any:
    if _nothing(current):
        return current
    elements = _list(current)
    return elements[:-1] if operand == 1 else elements[1:]


def _list(current: Any) -> list[Any]:
    if _nothing(current):
        return []
    if not isinstance(current, list):
        raise Mismatch("What is stored there is not a list.")
    return current


def _nothing(current: Any) -> bool:
    return current is None or current is MISSING


def _pulled(wanted: Any, element: Any) -> bool:
    if isinstance(wanted, dict) and wanted:
        return isinstance(element, dict) and _holds(wanted, element)
    return same(wanted, element)


def _holds(part: Any, value: Any) -> bool:
    """Whether a value is equal to ``part``, or has it in it, as a condition of ``q`` does."""
    if isinstance(value, list) and not isinstance(part, list):
        return any(_holds(part, each) for each in value)
    if isinstance(part, dict) and part:
        return isinstance(value, dict) and all(
            _holds(inner, value.get(name)) for name, inner in part.items()
        )
    return same(part, value)


def same(left: Any, right: Any) -> bool:
    """Whether two stored values are equal; numbers by value, objects in any order of names."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    kind = _kind(left)
    if kind != _kind(right):
        return False
    return left == right if kind is None else _order(left, right) == 0


def _order(left: Any, right: Any) -> int:
    """Negative, zero or positive as ``left`` is less, equal or greater; NaN is the least."""
    kind = _kind(left)
    if kind is None or kind != _kind(right):
        raise Mismatch("What is stored there cannot be compared with the value.")
    one, two = _KEYS[kind](left), _KEYS[kind](right)
    return int(one > two) - int(one < two)


def _kind(value: Any) -> str | None:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float | Decimal128):
        return "number"
    if type(value) is str:
        return "text"
    return "date" if isinstance(value, datetime | DatetimeMS) else None


def _decimal(value: Any) -> Decimal:
    return value.to_decimal() if isinstance(value, Decimal128) else Decimal(repr(value))


def _number_key(value: Any) -> tuple[bool, Any]:
    if isinstance(value, Decimal128):
        value = value.to_decimal()
    not_a_number = value.is_nan() if isinstance(value, Decimal) else value != value
    return (False, 0) if not_a_number else (True, value)


_KEYS: Mapping[str, Callable[[Any], Any]] = {
    "bool": bool,
    "number": _number_key,
    "text": str,
    "date": lambda value: int(DatetimeMS(value)) if isinstance(value, datetime) else int(value),
}

_CHANGES: Mapping[str, Callable[[Any, Any, Place], Any]] = {
    "set": _set,
    "unset": _unset,
    "inc": _inc,
    "min": _min,
    "max": _max,
    "push": _push,
    "addToSet": _add_to_set,
    "pull": _pull,
    "pop": _pop,
}
