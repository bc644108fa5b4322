"""``where`` and ``orderBy`` in the words of the REST query language.

Only names are translated here: fields to stored paths, operators to the same
words with a dollar sign. What they mean is known to ``service.filters.parse`` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from duetdb.app.service.errors import BadQuery, BadRequest
from duetdb.app.service.filters.parse import order_by, place_of
from duetdb.app.service.query import Order
from duetdb.graphql.comparisons import DESCRIPTIONS
from duetdb.graphql.errors import in_other_words
from duetdb.graphql.geo_inputs import GEO_TYPES, GEO_WORDS, geo_operand
from duetdb.graphql.members import Link, Member, Members, Nested, Pictures, Value
from duetdb.schema_gen.model import Collection, Schema

Q: TypeAlias = dict[str, Any]
Find: TypeAlias = Callable[[str], Members]
"""Finds the members of a collection by its name."""

_CONNECTIVES = {"and": "$and", "or": "$or", "not": "$nor"}
_WORDS = {
    **{f"${name}": name for name in DESCRIPTIONS},
    **{q: name for name, q in (*GEO_WORDS.items(), *_CONNECTIVES.items())},
}


def where_to_q(where: Mapping[str, Any], members: Members, find: Find, base: str = "") -> Q:
    """The filter ``where`` on documents with these members; all its entries must hold.

    ``base`` is the path, with a dot, of the single object whose members they
    are. Raises ``BadQuery`` for a null or empty comparison: a variable that
    was forgotten must not select everything.
    """
    parts: list[Q] = []
    for name, condition in where.items():
        if condition is None:
            raise BadQuery(f"'{name}' is compared with nothing.", hint=_without(name, members))
        connective = _CONNECTIVES.get(name)
        if connective is None:
            parts.append(_condition(name, members[name], condition, find, base))
        else:
            inner = condition if isinstance(condition, list) else [condition]
            parts.append({connective: [where_to_q(each, members, find, base) for each in inner]})
    keys = [key for part in parts for key in part]
    if len(keys) > len(set(keys)):
        return {"$and": parts}
    return {key: value for part in parts for key, value in part.items()}


def in_words_of_where(error: BadRequest) -> BadRequest:
    """The same error about operators without a dollar sign, as ``where`` has them."""
    return in_other_words(error, _WORDS)


def _without(name: str, members: Members) -> str:
    """How to ask for documents that have nothing there."""
    member = members.get(name)
    if isinstance(member, Link):
        return f"Use {{not: {{{name}: {{}}}}}} for documents without one."
    if isinstance(member, Nested) and not member.many:
        return "Compare a field inside it, such as {field: {eq: null}}."
    return "Leave it out." if member is None else "Use {eq: null} for null."


def _condition(name: str, member: Member, condition: Any, find: Find, base: str) -> Q:
    if isinstance(member, Link):
        path = f"{base}{member.field.name}"
        return {path: {"$elemMatch": where_to_q(condition, find(member.target), find)}}
    if not condition:
        raise BadQuery(f"The comparison of '{name}' is empty.", hint="Such as {eq: 1}.")
    if isinstance(member, Nested) and not member.many:
        return where_to_q(condition, member.members, find, f"{base}{member.name}.")
    inner = member.members if isinstance(member, Nested) else None
    operators = {
        GEO_WORDS.get(operator, f"${operator}"): _operand(operator, value, inner, find)
        for operator, value in condition.items()
    }
    assert isinstance(member, Value | Pictures | Nested)
    return {f"{base}{member.name}": operators}


def _operand(operator: str, value: Any, members: Members | None, find: Find) -> Any:
    if operator == "elemMatch" and isinstance(value, dict):
        if members is not None:
            return where_to_q(value, members, find)
        if not value:
            raise BadQuery("The comparison of 'elemMatch' is empty.", hint="Such as {eq: 1}.")
        return operators_of(value)
    if operator == "size" and isinstance(value, dict):
        return operators_of(value)
    return geo_operand(operator, value) if operator in GEO_TYPES else value


def operators_of(comparison: Mapping[str, Any]) -> Q:
    """The operators of a comparison with a plain value."""
    return {f"${operator}": value for operator, value in comparison.items()}


def order_of(
    keys: Sequence[Mapping[str, Any]] | None, collection: Collection, schema: Schema, find: Find
) -> tuple[Order, ...]:
    """The order that ``orderBy`` asks for; raises ``BadQuery`` unless each key is one field."""
    found: list[Order] = []
    for each in keys or ():
        path, down = _key(each, find(collection.name), find)
        place = place_of(collection, path, schema)
        found.append(Order(place.path, down, place.hops))
    return order_by(found)


def _key(key: Mapping[str, Any], members: Members, find: Find) -> tuple[str, bool]:
    """The path of one order key, through objects and relations, and whether it descends."""
    if len(key) != 1:
        raise BadQuery(
            "Each key of 'orderBy' names exactly one field.",
            hint="Such as orderBy: [{year: DESC}, {title: ASC}].",
        )
    ((name, inner),) = key.items()
    member = members[name]
    if inner is None or isinstance(member, Value):
        down = descending(name, inner)
        assert isinstance(member, Value)
        return member.name, down
    assert isinstance(member, Nested | Link)
    below = member.members if isinstance(member, Nested) else find(member.target)
    own = member.name if isinstance(member, Nested) else member.field.name
    path, down = _key(inner, below, find)
    return f"{own}.{path}", down


def descending(name: str, direction: Any) -> bool:
    """Whether a ``Direction``, as GraphQL coerced it, is DESC; raises ``BadQuery`` for null."""
    if direction is None:
        raise BadQuery(f"'{name}' is ordered in no direction.", hint="Use ASC or DESC.")
    return str(getattr(direction, "value", direction)) == "DESC"
