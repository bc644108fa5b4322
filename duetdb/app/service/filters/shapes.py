"""Filters made of several: parts of objects, and conditions on related documents."""

from __future__ import annotations

from dataclasses import replace

from duetdb.app.service.query import EVERYTHING, And, Filter, Match, Not, Or, Related
from duetdb.schema_gen.field import Field

_OPPOSITE = {"ne": "eq", "nin": "in"}
_OF_ONE_VALUE = frozenset(("eq", "in", "gt", "gte", "lt", "lte", "regex"))


def all_of(parts: list[Filter]) -> Filter:
    """The conjunction of ``parts``, without a level of its own for one part."""
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def subset(path: str, inner: Filter, field: Field | None) -> Filter:
    """``path`` holds an object for which ``inner`` holds, alone or as an element of a list.

    In a list one element must satisfy all of ``inner``; a plain object is
    compared property by property, whatever else it holds. Where the schema does
    not tell which of them is stored, the filter takes both.
    """
    if field is None or not field.fields:
        if isinstance(inner, Match) and _means_any(inner):
            return prefixed(path, inner)
        in_list = Match(path, "elemMatch", inner)
        # Without the second part, conditions could be met by different elements.
        plain = And((prefixed(path, inner), Not(Match(path, "elemMatch", EVERYTHING))))
        return Or((in_list, plain))
    return Match(path, "elemMatch", inner) if field.is_list else prefixed(path, inner)


def prefixed(path: str, inner: Filter) -> Filter:
    """``inner``, whose paths begin at an element, with paths that begin where ``path`` does."""
    if isinstance(inner, And | Or):
        return replace(inner, parts=tuple(prefixed(path, part) for part in inner.parts))
    if isinstance(inner, Not):
        return Not(prefixed(path, inner.part))
    assert isinstance(inner, Match | Related)
    return replace(inner, path=f"{path}.{inner.path}" if inner.path else path)


def through(relation: Related, inner: Filter) -> Filter:
    """``inner``, a condition on a field of related documents, as one on what refers to them.

    It reads as if the related documents stood in the list themselves: each
    comparison holds when it holds for any of them, a negative one when its
    opposite holds for none, and an empty list has no value (it equals null).
    """
    if isinstance(inner, And | Or):
        return replace(inner, parts=tuple(through(relation, part) for part in inner.parts))
    if isinstance(inner, Not):
        return Not(through(relation, inner.part))
    if isinstance(inner, Match):
        if inner.operator in _OPPOSITE:
            opposite = replace(inner, operator=_OPPOSITE[inner.operator])
            return Not(through(relation, opposite))
        if inner.operator == "exists" and not inner.value:
            return Not(replace(relation, filter=replace(inner, value=True)))
        if relation.field.is_stored and _holds_for_null(inner):
            nothing = Match(relation.path, "in", [None, []])
            return Or((replace(relation, filter=inner), nothing))
    return replace(relation, filter=inner)


def _means_any(match: Match) -> bool:
    """Whether a comparison over all elements of a list holds when it holds for one of them."""
    if match.operator == "exists":
        return bool(match.value)
    return match.operator in _OF_ONE_VALUE and not _holds_for_null(match)


def _holds_for_null(match: Match) -> bool:
    """Whether a comparison is met by null, and so by what is missing."""
    operator, value = match.operator, match.value
    if operator in ("eq", "gte", "lte"):
        return value is None
    if operator == "in":
        return None in value
    return operator in ("bt", "all") and bool(value) and all(each is None for each in value)
