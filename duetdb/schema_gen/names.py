"""Names for GraphQL: every name that a collection brings along, in one collision set.

A collection called ``blog-posts`` becomes the type ``BlogPosts`` and the root
field ``blogPosts``; what derives from these two (``blogPostsById``,
``BlogPostsWhere``) is claimed together with them, so ``blog-posts-by-id`` beside
it becomes ``BlogPostsById2``. Field names change only where GraphQL forces it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import Final

from duetdb.schema_gen.field import Field
from duetdb.schema_gen.model import SYSTEM_FIELDS, GraphQLNames

TYPE_PARTS: Final = (
    *("", "Where", "ListWhere", "OrderBy", "Field", "Input"),
    *("Connection", "Edge", "Changed", "Inc", "Elements", "Pop", "Bounds"),
    *("Aggregate", "AggregateOrderBy", "GroupOrderBy", "Having"),
    *("Counts", "CountsHaving", "CountsOrderBy"),
    *("Numbers", "NumbersHaving", "NumbersOrderBy"),
    *("Extremes", "ExtremesHaving", "ExtremesOrderBy"),
)
"""What may follow a collection's or an object's type name in the name of another type.

Only these are claimed, so a new derived type needs its ending here first.
"""

_OPERATIONS = ("", "ById", "Connection", "Aggregate", "Changed")
_MUTATIONS = ("create", "createMany", "update", "updateMany", "replace", "delete", "deleteMany")

_SCALARS = "string id long int float boolean datetime date time json".split()
RESERVED_TYPES: Final = frozenset(
    [
        *_SCALARS,
        *(scalar + end for scalar in _SCALARS for end in ("comparison", "listcomparison")),
        *"query mutation subscription declared direction media pageinfo".split(),
        *"manyresult failedwrite rename geocomparison geonear geoarea geocircle".split(),
        *"webkey webkeyinput mailinput mailcopy mailresult".split(),
    ]
)
"""Type names, in lower case, that no collection gets in whatever case: the hand-declared ones."""

RESERVED_ROOTS: Final = frozenset("keys createKey updateKey revokeKey resetKey sendMail".split())
"""Root fields that belong to no collection."""

RESERVED_FIELDS: Final = frozenset(
    (
        *SYSTEM_FIELDS,
        *("_haschildren", "_children", "_extra", "_and", "_or", "_not"),
        *("and", "or", "not", "true", "false", "null"),
    )
)
"""Names that no declared field gets: system fields, connectives, and what no enum may hold."""

_OUTSIDE = re.compile(r"[^_0-9A-Za-z]")
_WORDS = re.compile(r"[0-9A-Za-z]+")
_TYPE_NAME = re.compile(r"_?[A-Za-z][0-9A-Za-z]*|_[0-9][0-9A-Za-z]*")
_FIELD_NAME = re.compile(r"(?!__)[_A-Za-z][_0-9A-Za-z]*")


def identifier(name: str) -> str:
    """A field's name with only that changed which GraphQL does not allow: ``net chg``: net_chg."""
    mangled = _OUTSIDE.sub("_", name)
    if mangled[:1].isdigit():
        return "_" + mangled
    return "_" + mangled.lstrip("_") if mangled.startswith("__") or not mangled else mangled


def pascal(name: str) -> str:
    """``blog-posts``: BlogPosts; ``2020``: _2020; a name without Latin letters: Collection."""
    joined = "".join(word[0].upper() + word[1:] for word in _WORDS.findall(name)) or "Collection"
    return "_" + joined if joined[0].isdigit() else joined


def names_of(graphql_name: str) -> GraphQLNames:
    """The two names that a chosen ``graphqlName`` stands for."""
    head, tail = graphql_name[:1], graphql_name[1:]
    return GraphQLNames(root=head.lower() + tail, type=head.upper() + tail)


def is_collection_name(graphql_name: str) -> bool:
    """Whether metadata may ask for this ``graphqlName`` of a collection.

    There is no underscore inside: those separate a type from its nested objects.
    """
    return _TYPE_NAME.fullmatch(graphql_name) is not None


def is_field_name(graphql_name: str) -> bool:
    """Whether metadata may ask for this ``graphqlName`` of a field."""
    return _FIELD_NAME.fullmatch(graphql_name) is not None


@lru_cache(maxsize=4096)
def derived(names: GraphQLNames) -> frozenset[str]:
    """Every root field and type name that a collection claims."""
    root, kind = names.root, names.type
    return frozenset(
        [root + part for part in _OPERATIONS]
        + [prefix + kind for prefix in _MUTATIONS]
        + [kind + part for part in TYPE_PARTS]
    )


def claimed(all_names: Iterable[GraphQLNames]) -> set[str]:
    """The collision set of collections that have their names already."""
    return set().union(*map(derived, all_names))


def free(names: GraphQLNames, taken: Collection[str]) -> bool:
    """Whether a collection may have these names where ``taken`` are claimed by others."""
    own = derived(names)
    return (
        names.type.lower() not in RESERVED_TYPES
        and own.isdisjoint(RESERVED_ROOTS)
        and own.isdisjoint(taken)
    )


def choose(name: str, taken: Collection[str]) -> GraphQLNames:
    """The names of a collection, the first free of ``X``, ``X2``, ``X3``...

    ``name`` is the collection's name or the ``graphqlName`` it asks for.
    """
    base = pascal(name)
    candidate, number = names_of(base), 1
    while not free(candidate, taken):
        number += 1
        candidate = names_of(f"{base}{number}")
    return candidate


def collection_names(wanted: Mapping[str, str | None]) -> dict[str, GraphQLNames]:
    """The names of all collections at once, from their ``graphqlName`` where one was chosen.

    Chosen names are given out before all others and each group in the order of
    the mapping, so a collection without one never takes another's.
    """
    taken: set[str] = set()
    result: dict[str, GraphQLNames] = {}
    for name, graphql_name in sorted(wanted.items(), key=lambda item: item[1] is None):
        chosen = names_of(graphql_name) if graphql_name is not None else None
        if chosen is None or not free(chosen, taken):
            chosen = choose(graphql_name or name, taken)
        taken |= derived(chosen)
        result[name] = chosen
    return result


def field_names(wanted: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    """GraphQL names of the fields of one type, given as ``(name, graphqlName or None)``.

    Chosen names come first, then names that need no change, then the others.
    """
    entries = list(wanted)
    taken = set(RESERVED_FIELDS)
    result: dict[str, str] = {}
    rounds: tuple[Callable[[str, str | None], bool], ...] = (
        lambda name, chosen: chosen is not None,
        lambda name, chosen: identifier(name) == name,
        lambda name, chosen: True,
    )
    for belongs in rounds:
        for name, chosen in entries:
            if name not in result and belongs(name, chosen):
                result[name] = unused(chosen or identifier(name), taken)
                taken.add(result[name])
    return {name: result[name] for name, _ in entries}


def unused(name: str, taken: Collection[str]) -> str:
    """``name`` or, where that is taken, the first free of ``name_2``, ``name_3``..."""
    candidate, number = name, 1
    separator = "" if name.endswith("_") else "_"
    while candidate in taken:
        number += 1
        candidate = f"{name}{separator}{number}"
    return candidate


def referrer_name(root: str, field: Field, taken: Collection[str]) -> str:
    """The name, on the target's type, of the documents that refer to it: ``postsByAuthor``."""
    return unused(f"{root}By{pascal(field.path).lstrip('_')}", taken)


def object_types(kind: str, fields: tuple[Field, ...]) -> dict[str, str]:
    """A type name for each ``object`` field of the type ``kind``, by the field's path.

    They begin with ``kind`` and an underscore, which no collection's type has
    inside, so they can meet each other alone.
    """
    taken: set[str] = set()
    result: dict[str, str] = {}
    for field in _objects(fields):
        base = f"{kind}_" + "_".join(map(identifier, field.path.split(".")))
        name, number = base, 1
        while any(name + part in taken for part in TYPE_PARTS):
            number += 1
            name = f"{base}_{number}"
        taken.update(name + part for part in TYPE_PARTS)
        result[field.path] = name
    return result


def _objects(fields: tuple[Field, ...]) -> Iterable[Field]:
    for field in fields:
        if field.type.name == "object":
            yield field
            yield from _objects(field.fields)
