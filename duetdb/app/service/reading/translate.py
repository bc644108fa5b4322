"""Filters and orders in MongoDB's words.

The meaning is MongoDB's own, and on purpose: ``ne``, ``nin`` and ``Not`` also
hold for documents without the field, ``eq`` null for a missing field,
comparisons only between values of one kind (a text is never greater than a
number), and on lists any comparison holds when one element meets it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeAlias

from duetdb.app.service.errors import BadQuery, Unavailable
from duetdb.app.service.query import (
    And,
    Filter,
    Match,
    Not,
    Or,
    Query,
    Words,
)
from duetdb.app.service.reading.concealing import concealment_of
from duetdb.app.service.stored_names import former_of
from duetdb.schema_gen.model import Collection

Mongo: TypeAlias = dict[str, Any]

_BY_ID = [("_id", 1)]


def to_mongo(filter: Filter, collection: Collection, base: str = "") -> Mongo:
    """The filter document for ``collection``.

    Each ``Related`` must have been resolved before, and ``Words`` where ``hides_words``.
    ``base`` is the path of the list whose elements the filter is about.
    """
    if isinstance(filter, Match):
        former = former_of(f"{base}{filter.path}", collection) if collection.former else None
        if former is None:
            return _match(filter, collection, base)
        if filter.operator == "near":
            raise Unavailable(
                f"'{filter.path}' is moving to its new name, and cannot order by distance so long.",
                hint="Use '$geoWithin' with '$centerSphere', or try again later.",
                retry_after=5,
            )
        return _under_both_names(filter, former[len(base) :], collection, base)
    if isinstance(filter, And):
        return _joined("$and", filter.parts, collection, base)
    if isinstance(filter, Or):
        return _joined("$or", filter.parts, collection, base) if filter.parts else nothing()
    if isinstance(filter, Not):
        return {"$nor": [to_mongo(filter.part, collection, base)]}
    if isinstance(filter, Words) and not hides_words(collection):
        return _words(filter)
    raise TypeError("What other documents or words decide on is resolved before it is translated.")


def hides_words(collection: Collection) -> bool:
    """Whether the stored words are also those of fields that the caller may not see."""
    concealment = concealment_of(collection)
    return concealment is not None and concealment.touches("_keywords")


def _words(words: Words) -> Mongo:
    """Anchored patterns, which the index on ``_keywords`` answers as ranges."""
    found = [{"_keywords": {"$regex": f"^{token}"}} for token in words.tokens]
    return found[0] if len(found) == 1 else {"$and": found} if found else {}


def nothing() -> Mongo:
    """A filter that no document matches, as MongoDB knows without looking at any."""
    return {"_id": {"$in": []}}


def sort_of(query: Query) -> list[tuple[str, int]]:
    """The sort keys, completed by ``_id`` so that pages never overlap (SPEC 7.4).

    The tie-break turns with the last key, so that the index on a field and
    ``_id``, read forwards or backwards, gives the whole order. A filter by
    ``near`` is an order of its own, the nearest first, unless another is asked for.
    """
    if not query.order:
        return [] if is_by_distance(query.filter) else _BY_ID
    keys = {each.path: -1 if each.descending else 1 for each in query.order}
    if "_id" not in keys:
        keys["_id"] = next(reversed(keys.values()))
    return list(keys.items())


def is_by_distance(filter: Filter) -> bool:
    if isinstance(filter, And):
        return any(is_by_distance(part) for part in filter.parts)
    return isinstance(filter, Match) and filter.operator == "near"


def _joined(operator: str, parts: tuple[Filter, ...], collection: Collection, base: str) -> Mongo:
    if not parts:
        return {}
    translated = [to_mongo(part, collection, base) for part in parts]
    return translated[0] if len(translated) == 1 else {operator: translated}


def _under_both_names(match: Match, former: str, collection: Collection, base: str) -> Mongo:
    """While a rename is moving data: the new name where it is there, else the former one."""
    new = {**_match(match, collection, base)}
    old = _match(replace(match, path=former), collection, base)
    return {
        "$or": [
            {"$and": [{match.path: {"$exists": True}}, new]},
            {"$and": [{match.path: {"$exists": False}}, old]},
        ]
    }


def _match(match: Match, collection: Collection, base: str) -> Mongo:
    if match.operator == "elemMatch":
        return {match.path: {"$elemMatch": _elements(match, collection, base)}}
    if match.operator == "size" and not isinstance(match.value, int):
        return _size(match.path, match.value)
    if match.operator == "bt":
        return _between(match, collection, base)
    return {match.path: _comparison(match)}


def _elements(match: Match, collection: Collection, base: str) -> Mongo:
    if _is_about_element(match.value):
        return _operators(match.value)
    return to_mongo(match.value, collection, f"{base}{match.path}.")


def _is_about_element(filter: Filter) -> bool:
    if isinstance(filter, And):
        return bool(filter.parts) and all(_is_about_element(part) for part in filter.parts)
    if isinstance(filter, Not):
        return _is_about_element(filter.part)
    return isinstance(filter, Match) and filter.path == ""


def _operators(filter: Filter) -> Mongo:
    """Comparisons with an element that is a plain value, as operators side by side."""
    if isinstance(filter, Match):
        return _comparison(filter)
    if isinstance(filter, Not):
        return {"$not": _operators(filter.part)}
    found: Mongo = {}
    for part in filter.parts if isinstance(filter, And) else ():
        for operator, value in _operators(part).items():
            if operator in found:
                raise BadQuery(f"'{operator}' is given twice for one element.")
            found[operator] = value
    return found


def _comparison(match: Match) -> Mongo:
    """One comparison as an operator document, always with an operator: values stay values."""
    if match.operator == "bt":
        low, high = match.value
        return {"$gte": low, "$lte": high}
    if match.operator == "regex":
        pattern, options = match.value if isinstance(match.value, tuple) else (match.value, "")
        return {"$regex": pattern, "$options": options}
    if match.operator == "elemMatch":
        return {"$elemMatch": _operators(match.value)}
    return {f"${match.operator}": match.value}


def _between(match: Match, collection: Collection, base: str) -> Mongo:
    """Both bounds must hold for the same element where the schema says that it is a list."""
    bounds = _comparison(match)
    path, rest = _innermost_list(match.path, collection, base)
    if not path:
        return {match.path: bounds}
    return {path: {"$elemMatch": {rest: bounds} if rest else bounds}}


def _innermost_list(path: str, collection: Collection, base: str) -> tuple[str, str]:
    """The way to the last list on ``path`` of which every element is meant, and what follows.

    A position means one element alone: ``parts.0.length`` leads into no list.
    """
    parts, names = path.split("."), base.split(".")[:-1]
    ends: list[int] = []
    for end, part in enumerate(parts, 1):
        if collection.is_position(names, part):
            if ends and ends[-1] == end - 1:
                ends.pop()
            continue
        names.append(part)
        field = collection.by_path.get(".".join(names))
        if field is not None and field.is_list:
            ends.append(end)
    end = ends[-1] if ends else 0
    return ".".join(parts[:end]), ".".join(parts[end:])


def _size(path: str, filter: Filter) -> Mongo:
    """The length of a list compared: a list of at least n has an element at n - 1."""
    if isinstance(filter, And | Or):
        operator = "$and" if isinstance(filter, And) else "$or"
        return {operator: [_size(path, part) for part in filter.parts]}
    if not isinstance(filter, Match):
        raise BadQuery("The number of elements is compared by eq, ne, in, nin, gt to lte or bt.")
    operator, value = filter.operator, filter.value
    if operator == "bt":
        return {"$and": [_at_least(path, value[0]), _below(path, value[1] + 1)]}
    if operator in ("eq", "in"):
        values = value if operator == "in" else [value]
        return {"$or": [{path: {"$size": each}} for each in values]} if values else nothing()
    if operator in ("ne", "nin"):
        values = value if operator == "nin" else [value]
        others = [{path: {"$not": {"$size": each}}} for each in values]
        return {"$and": [{path: {"$type": "array"}}, *others]}
    if operator in ("gt", "gte"):
        return _at_least(path, value + (operator == "gt"))
    if operator in ("lt", "lte"):
        return _below(path, value + (operator == "lte"))
    raise BadQuery(f"The number of elements cannot be compared by '{operator}'.")


def _at_least(path: str, number: int) -> Mongo:
    is_list: Mongo = {path: {"$type": "array"}}
    if number <= 0:
        return is_list
    return {"$and": [is_list, {f"{path}.{number - 1}": {"$exists": True}}]}


def _below(path: str, number: int) -> Mongo:
    """A list of fewer than ``number`` elements, the empty one included."""
    if number <= 0:
        return nothing()
    return {"$and": [{path: {"$type": "array"}}, {f"{path}.{number - 1}": {"$exists": False}}]}
