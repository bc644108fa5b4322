"""What a collection's documents can be grouped by, and which figures there are of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from duetdb.app.service.grouping import DateBucket, Function
from duetdb.graphql.members import SYSTEM, Link, Member, Members, Nested, Pictures, Value
from duetdb.schema_gen.names import RESERVED_FIELDS, identifier, unused

Leaf: TypeAlias = "Value | Pictures | Link"
"""A member that has a value of its own, or a list of them."""


@dataclass(frozen=True)
class Branch:
    """The leaves of one family in a document, or in an object inside one, by GraphQL names."""

    type: str
    """The type of the object: ``Posts``, ``Posts_print``."""
    members: Mapping[str, Leaf | Branch]


def scalar_of(leaf: Leaf) -> str:
    """The scalar of a leaf's values; references are ids."""
    return leaf.scalar if isinstance(leaf, Value) else "ID"


def path_of(leaf: Leaf) -> str:
    """Where it is stored."""
    return leaf.field.path if isinstance(leaf, Link) else leaf.path


@dataclass(frozen=True, slots=True)
class Family:
    """Functions that have the same types, because they are about the same fields.

    Of the system fields only those have figures that somebody might ask for:
    they would be half of the schema otherwise.
    """

    ending: str
    functions: tuple[Function, ...]
    takes: Callable[[Leaf], bool]
    """Whether they make something of a leaf."""
    shows: Callable[[Leaf], str]
    """The scalar of what they make of it."""
    system: frozenset[str] = frozenset()
    """The system fields that have such figures."""


COUNTS = Family(
    "Counts",
    (Function.COUNT_DISTINCT,),
    lambda leaf: True,
    lambda leaf: "Long",
    frozenset(("_createdby", "_changedby", "_parent_id")),
)
NUMBERS = Family(
    "Numbers",
    (Function.SUM, Function.AVG),
    lambda leaf: scalar_of(leaf) in ("Long", "Float"),
    lambda leaf: "Float",
)
EXTREMES = Family(
    "Extremes",
    (Function.MIN, Function.MAX),
    lambda leaf: isinstance(leaf, Value) and leaf.scalar != "Boolean",
    scalar_of,
    frozenset(("_id", "_created", "_changed", "_version")),
)
_SEARCHED = frozenset(("_keywords", "_tags"))
"""What the text filter looks at: nothing to group by."""
FAMILIES = (COUNTS, NUMBERS, EXTREMES)
FUNCTIONS: Mapping[str, tuple[Function, Family]] = {
    function.value: (function, family) for family in FAMILIES for function in family.functions
}
"""Every function of a field by the name of its field in the type of a row."""


def branch_of(family: Family, type_: str, members: Members) -> Branch:
    """What a family takes of an object with these members; may be nothing at all.

    Lists count by their elements, objects in lists by what those have.
    """
    found: dict[str, Leaf | Branch] = {}
    for name, member in members.items():
        if isinstance(member, Nested):
            inner = branch_of(family, member.type, member.members)
            if inner.members:
                found[name] = inner
        elif (leaf := _leaf(member)) is not None and _has_figures(family, name, leaf):
            found[name] = leaf
    return Branch(type_, found)


def _has_figures(family: Family, name: str, leaf: Leaf) -> bool:
    return name in family.system if name in SYSTEM else family.takes(leaf)


def _leaf(member: Member) -> Leaf | None:
    """The member if it has values that can be told apart."""
    if isinstance(member, Value):
        return member if member.scalar != "JSON" else None
    if isinstance(member, Link):
        return member if member.field.is_stored and not member.reverse else None
    return member if isinstance(member, Pictures) else None


@dataclass(frozen=True, slots=True)
class GroupKey:
    """What documents may be grouped by, under its name: a value, or the bucket of a date."""

    name: str
    path: str
    bucket: DateBucket | None = None


def group_keys(members: Members) -> dict[str, GroupKey]:
    """All of them by their names, which depend on nothing but the fields.

    A field has its own name, one inside of objects those names joined by ``_``,
    a bucket the name of its field and the span: ``sold_MONTH``. Where two would
    be the same, the order is: fields of the document, then those in objects,
    then buckets; the later one becomes ``print_year_2``.
    """
    leaves = [each for each in _leaves(members, ()) if each[0][0] not in _SEARCHED]
    leaves.sort(key=lambda each: len(each[0]))
    found: dict[str, GroupKey] = {}
    taken = set(RESERVED_FIELDS) - members.keys()

    def add(name: str, path: str, bucket: DateBucket | None = None) -> str:
        name = unused(identifier(name), taken | found.keys())
        found[name] = GroupKey(name, path, bucket)
        return name

    named = [(add("_".join(names), path_of(leaf)), leaf) for names, leaf in leaves]
    for name, leaf in named:
        for bucket in _BUCKETS.get(scalar_of(leaf), ()):
            add(f"{name}_{bucket.value}", path_of(leaf), bucket)
    return found


def _leaves(members: Members, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Leaf]]:
    for name, member in members.items():
        if isinstance(member, Nested):
            yield from _leaves(member.members, (*names, name))
        elif (leaf := _leaf(member)) is not None:
            yield (*names, name), leaf


_BUCKETS: Mapping[str, tuple[DateBucket, ...]] = {
    "DateTime": tuple(DateBucket),
    "Date": (DateBucket.YEAR, DateBucket.MONTH, DateBucket.WEEK, DateBucket.DAY),
}
