"""What an edit makes of a stored value, with MongoDB's own meaning of each operator.

Null counts as nothing, as it does for REQUIRED. Where MongoDB would compare or
add what does not belong together, ``Mismatch`` says so instead.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from decimal import Context, Decimal, DecimalException
from typing import Any

from bson import Decimal128, encode
from bson.datetime_ms import DatetimeMS

from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.sizes import size_of
from duetdb.app.service.writing.edits import Edit
from duetdb.app.service.writing.places import Draft, Place, check_lists, value_at
from duetdb.schema_gen.field import MISSING, Mismatch, Relation
from duetdb.schema_gen.shape import Rules
from duetdb.schema_gen.values import coerce
from duetdb.schema_gen.well_formed import well_formed

_MAKING = frozenset("set inc min max push addToSet".split())
"""The operators that make what they change if it is not there."""

_COMPARISONS = 1_000_000
"""Values that objects to be pulled are held against, all together: about a second."""

_DIGITS = Context(prec=34)


def apply(edit: Edit, draft: Draft, rules: Rules) -> None:
    """Makes the change in the draft; raises ``Mismatch`` when the document admits no such change,
    and ``LimitExceeded`` when it would take too long to find out what to change."""
    operator, place, operand = edit
    if operator == "rename":
        _rename(draft, place, operand, rules)
        return

    def change(current: Any) -> Any:
        return _CHANGES[operator](current, operand, place)

    making = operator in _MAKING
    if making:
        check_lists(place, draft.document)
    draft.change(place.path, change, making=making)


def _rename(draft: Draft, old: Place, new: Place, rules: Rules) -> None:
    value = value_at(draft.document, old.path)
    if value is MISSING:
        return
    depth = rules.depth - len(new.path)
    if new.field is None:
        well_formed(value, depth)
    elif new.field.is_list and not new.listed:
        raise Mismatch("A field cannot be renamed into a list.")
    else:
        value = coerce(new.field, value, rules._replace(depth=depth + 1))
    check_lists(new, draft.document)
    draft.change(new.path, lambda _: value, making=True)
    draft.change(old.path, lambda _: MISSING, making=False)


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
    held = set(map(identity, elements))
    for each in operand:
        key = identity(each)
        if key not in held:
            held.add(key)
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
    elements = _list(current)
    parts = [each for each in operand if isinstance(each, dict) and each]
    if len(parts) > 1 and size_of(elements, _COMPARISONS) * len(parts) > _COMPARISONS:
        raise LimitExceeded(
            f"'$pull' of {len(parts):,} objects from {len(elements):,} takes too long.",
            hint="Pull fewer objects at a time.",
        )
    whole = {identity(each) for each in operand if not isinstance(each, dict) or not each}
    return [each for each in elements if not (identity(each) in whole or _held(parts, each))]


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


def _held(parts: list[Any], element: Any) -> bool:
    """Whether an element is an object that holds one of the parts."""
    return isinstance(element, dict) and any(_holds(part, element) for part in parts)


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
    """Whether two stored values are equal, as ``identity`` tells."""
    return identity(left) == identity(right)


def identity(value: Any) -> Hashable:
    """What two stored values have in common if and only if they are equal.

    Numbers are by their value, and objects in any order of their names.
    """
    if isinstance(value, dict):
        return "object", frozenset((name, identity(each)) for name, each in value.items())
    if isinstance(value, list):
        return "list", tuple(map(identity, value))
    kind = _kind(value)
    return (kind, _KEYS[kind](value)) if kind else ("other", encode({"": value}))


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
