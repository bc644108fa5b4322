"""Changes that MongoDB can carry out by itself, in one command and without being read first.

That is so when the result, and whether it is valid, does not depend on what is
stored; or when it does, but a condition on the stored document settles it. Where
the condition does not hold, or MongoDB refuses, the document is read after all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bson import Decimal128

from duetdb.app.service.dates import now
from duetdb.app.service.principal import Principal
from duetdb.app.service.system_fields import COUNTED, stamp_changed
from duetdb.app.service.writing.changes import Changes
from duetdb.app.service.writing.edits import Edit
from duetdb.app.service.writing.places import Place
from duetdb.app.service.writing.write_errors import (
    BAD_VALUE,
    NO_SUCH_PATH,
    TYPE_MISMATCH,
    VALIDATOR,
)
from duetdb.app.service.writing.write_plan import WritePlan
from duetdb.schema_gen.values import empty

UNSUITED: Final = frozenset({BAD_VALUE, NO_SUCH_PATH, TYPE_MISMATCH, VALIDATOR})
"""What MongoDB says when the stored document does not admit the command."""

_FAR: Final = 1e300
"""Sums of doubles nearer to zero than this are finite."""

MOST_NAMES: Final = 1000
"""Names that one command is told, for each of which MongoDB goes through the document."""

_FEW: Final = 100
"""Elements that MongoDB compares with each of a list, one by one and whatever time it takes."""

_NUMBERS: Final[Mapping[str, list[str]]] = {
    "number": ["int", "long"],
    "float_number": ["double"],
    "": ["int", "long", "double"],
}
"""The BSON types that ``$inc`` adds to as we do, by the type of the field."""

_KEEPING: Final = frozenset({"inc", "push", "addToSet", "min", "max"})
"""The operators that leave something where something was."""


@dataclass(frozen=True, slots=True)
class Native:
    """One command: ``conditions`` are on the stored document, ``operators`` what it does."""

    conditions: tuple[Mapping[str, Any], ...]
    operators: Mapping[str, Mapping[str, Any]]

    def stamped(self, principal: Principal) -> dict[str, Mapping[str, Any]]:
        """The command with the audit fields and the version of a change by this caller."""
        values = dict(self.operators["$set"])
        stamp_changed(values, principal, now())
        amounts = {**self.operators["$inc"], "_version": 1}
        return {**self.operators, "$set": values, "$inc": amounts}


def native(changes: Changes, plan: WritePlan, *, in_memory: bool) -> Native | None:
    """The command for valid changes; None when they need the stored document."""
    if in_memory and (changes.edits or plan.unique):
        return None
    if len(changes.values) + len(changes.edits) > MOST_NAMES:
        return None
    if _has_consequences(changes, plan) or not all(_is_settled(e, plan) for e in changes.edits):
        return None
    values = dict(changes.values)
    if plan.tokenizer and plan.tokenizer.roots <= values.keys():
        plan.tokenizer.apply(values)
    operators: dict[str, dict[str, Any]] = {"$set": values, "$inc": {}}
    for each in changes.edits:
        key = "$pullAll" if each.operator == "pull" else f"${each.operator}"
        operators.setdefault(key, {})[_name(each)] = _operand(each)
    for name in plan.old_names.keys() & changes.values.keys():
        operators.setdefault("$unset", {})[plan.old_names[name]] = ""
    return Native(tuple(_conditions(changes, plan)), operators)


def _has_consequences(changes: Changes, plan: WritePlan) -> bool:
    """Whether something follows from the changes that MongoDB cannot work out or look up."""
    roots, whole = changes.roots, changes.values.keys()
    searchable = plan.tokenizer.roots
    return (
        changes.relinks
        or not plan.formula_roots.isdisjoint(roots)
        or not plan.counted_roots.isdisjoint(roots)
        or not plan.linking_roots.isdisjoint(roots)
        or not (searchable <= whole or searchable.isdisjoint(roots))
        or not plan.required_inside <= whole
        or any(empty(changes.values[name]) for name in plan.required & whole)
    )


def _is_settled(edit: Edit, plan: WritePlan) -> bool:
    """Whether MongoDB makes of every document that it takes what ``apply`` makes of it."""
    operator, place, operand = edit
    root = place.path[0]
    if operator == "rename" or place.positioned or root in plan.moving_roots:
        return False
    whole = len(place.path) == 1
    if whole and root in plan.required and (operator not in _KEEPING or empty(operand)):
        return False
    if operator == "inc":
        return _adds_exactly(place, operand)
    return operator not in ("pull", "addToSet") or (
        len(operand) <= _FEW and not _holds_object(operand)
    )


def _adds_exactly(place: Place, operand: Any) -> bool:
    if isinstance(operand, Decimal128):
        return False  # it would keep the zeros at the end of a sum, and we write none
    if place.field is not None and place.field.type.name == "float_number":
        return isinstance(operand, float) and abs(operand) <= _FAR
    return bool(abs(operand) <= _FAR)


def _conditions(changes: Changes, plan: WritePlan) -> Iterator[Mapping[str, Any]]:
    yield {"$or": [{"_version": {"$exists": False}}, {"_version": COUNTED}]}
    for name in sorted(plan.required - changes.values.keys()):
        yield {name: {"$nin": [None, "", []]}}
    for field in plan.computed:
        yield {field.path: {"$exists": True}}  # it is right: nothing that it reads is changed
    for each in changes.edits:
        stored = _stored(each)
        if stored is not None:
            name = _name(each)
            yield {"$or": [{name: {"$exists": False}}, {name: stored}]}


def _stored(edit: Edit) -> Mapping[str, Any] | None:
    """What a value must be for the operator to mean the same to MongoDB; None: anything."""
    operator, place, operand = edit
    if operator == "inc":
        kinds = _NUMBERS.get("" if place.free or place.field is None else place.field.type.name)
        return {"$type": kinds or _NUMBERS[""], "$gte": -_FAR, "$lte": _FAR}
    if operator in ("min", "max"):
        return {"$type": _kinds_like(operand), "$not": {"$type": "array"}}
    return None


def _kinds_like(operand: Any) -> list[str]:
    """The BSON types that can be compared with a value."""
    if isinstance(operand, str):
        return ["string"]
    if isinstance(operand, Decimal128):
        return ["decimal"]
    return ["date"] if isinstance(operand, datetime) else _NUMBERS[""]


def _name(edit: Edit) -> str:
    return ".".join(edit.place.path)


def _operand(edit: Edit) -> Any:
    if edit.operator in ("push", "addToSet"):
        return {"$each": edit.operand}
    return "" if edit.operator == "unset" else edit.operand


def _holds_object(value: Any) -> bool:
    """Whether there is an object in it: MongoDB compares them by the order of their names too."""
    if isinstance(value, list):
        return any(map(_holds_object, value))
    return isinstance(value, dict)
