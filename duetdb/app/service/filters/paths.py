"""Paths of the query language: where they lead, through objects, positions and relations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from duetdb.app.service.errors import BadQuery
from duetdb.schema_gen.field import Field
from duetdb.schema_gen.model import Collection, Schema

_BRACKETS = re.compile(r"\[(\d+)\]")
FORBIDDEN = frozenset(("__proto__", "_bsontype"))
"""To programs in JavaScript these are no names; nothing is stored under them."""
_PROTOTYPE = ("constructor", "prototype")
_LONGEST = 500
_MOST_PARTS = 100


@dataclass(frozen=True, slots=True)
class Target:
    """Where a path of the wire leads.

    ``path`` is the stored path, ``names`` the same from the root of the
    document and without positions, ``field`` its declaration if it has one.
    ``rest`` is what is left behind a relation: ``name`` of ``company.0.name``,
    and the empty string when the path ends in the collection itself.
    """

    path: str
    names: tuple[str, ...]
    field: Field | None = None
    rest: str = ""

    @property
    def is_id(self) -> bool:
        return self.names == ("_id",)


def resolve(collection: Collection, path: str, base: Sequence[str] = ()) -> Target:
    """Follows ``path`` through the declared fields of ``collection``.

    ``base`` are the names that lead to the object in which the path begins
    (inside ``$elemMatch``). ``company._id`` is the stored ``company``, because
    relations store ids. Raises ``BadQuery`` for what cannot be a path.
    """
    parts = split(path)
    if (*base[-1:], parts[0]) == _PROTOTYPE:
        raise _refusal(path, "leads to a prototype")
    names = list(base)
    for position, part in enumerate(parts):
        if part.isdigit() and ".".join((*names, part)) not in collection.by_path:
            continue
        names.append(part)
        field = collection.by_path.get(".".join(names))
        if field is not None and field.relation is not None:
            return _at_relation(field, parts, position, names)
    return Target(".".join(parts), tuple(names), collection.by_path.get(".".join(names)))


def _at_relation(field: Field, parts: list[str], position: int, names: list[str]) -> Target:
    rest = parts[position + 1 :]
    stored = parts[: position + 1]
    if rest and rest[0].isdigit():
        stored.append(rest.pop(0))
    if rest == ["_id"] and field.is_stored:
        rest = []
    return Target(".".join(stored), tuple(names), field, ".".join(rest))


def split(path: str) -> list[str]:
    """The parts of a dotted path, ``[0]`` read as ``.0``; raises ``BadQuery``."""
    parts = (_BRACKETS.sub(r".\1", path) if "[" in path else path).split(".")
    fault = _fault(path, parts)
    if fault is not None:
        raise _refusal(path, fault)
    return parts


def _refusal(path: str, fault: str) -> BadQuery:
    return BadQuery(
        f"A path of the query {fault}: {path[:50]!r}.",
        hint="Use a field's name, or names joined by dots, such as address.city.",
    )


def _fault(path: str, parts: list[str]) -> str | None:
    if len(path) > _LONGEST:
        return f"is longer than {_LONGEST} characters"
    if len(parts) > _MOST_PARTS:
        return f"has more than {_MOST_PARTS} parts"
    if "\0" in path:
        return "contains a null byte"
    if not all(parts):
        return "has an empty part"
    if any(part.startswith("$") for part in parts):
        return "has a part that begins with '$'"
    if not FORBIDDEN.isdisjoint(parts):
        return "has a part that is no name"
    if _PROTOTYPE in pairwise(parts):
        return "leads to a prototype"
    return None


def target_of(field: Field, schema: Schema) -> Collection:
    """The collection that a relation leads to; ``BadQuery`` while it cannot be used."""
    target = schema.collections.get(field.collection or "")
    if target is None:
        raise BadQuery(
            f"'{field.name}' refers to documents that are not available.",
            hint="Its ids can be compared, and nothing behind them.",
        )
    return target
