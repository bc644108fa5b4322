"""Which values are already taken: every UNIQUE error of a write, with its field (SPEC 4.4)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from bson import Decimal128

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Invalid
from duetdb.app.service.query import Document
from duetdb.schema_gen.field import MISSING, Field
from duetdb.schema_gen.model import Collection

ALREADY_EXISTS = "Already exists"
"""Exactly this text: restdb.io clients compare it (SPEC 4.4)."""


def taken(field: str, index: int | None = None) -> Invalid:
    return Invalid(field, ALREADY_EXISTS, "UNIQUE", index)


def duplicate_of(details: Mapping[str, Any] | None, index: int | None = None) -> Invalid:
    """The error for a duplicate key as the driver describes it.

    The field comes from the index's key pattern; for an index of several fields
    it is the first of them.
    """
    pattern = (details or {}).get("keyPattern") or {}
    return taken(next(iter(pattern), "_id"), index)


async def find_taken(
    engine: Engine,
    collection: Collection,
    documents: Sequence[Document],
    *,
    indexed: bool = False,
    own_id: Any = MISSING,
) -> list[Invalid]:
    """All values that are taken, by stored documents or by an earlier one of the same array.

    The unique index is what decides; this is how an array insert reports every
    clash at once after the index has refused it, and how memory mode, which has
    no such index, refuses. With ``indexed`` the errors carry positions. ``own_id`` is
    the document that is being changed: it may keep its values.
    """
    invalid: list[Invalid] = []
    for field in collection.all_fields:
        if field.unique:
            invalid.extend(await _taken_in(engine, collection.name, field, documents, own_id))
    invalid.sort(key=lambda each: each.index or 0)
    return invalid if indexed else [taken(each.field) for each in invalid]


async def _taken_in(
    engine: Engine, name: str, field: Field, documents: Sequence[Document], own_id: Any
) -> list[Invalid]:
    path = tuple(field.path.split("."))
    wanted = [(index, value) for index, doc in enumerate(documents) for value in _values(doc, path)]
    others = {} if own_id is MISSING else {"_id": {"$ne": own_id}}
    stored: set[Hashable] = set()
    for start in range(0, len(wanted), 1000):
        chunk = [value for _, value in wanted[start : start + 1000]]
        cursor = engine.database[name].find({field.path: {"$in": chunk}, **others}, {field.path: 1})
        async for found in cursor:
            stored.update(_key(value) for value in _values(found, path))
    invalid: dict[int, Invalid] = {}
    seen: dict[Hashable, int] = {}
    for index, value in wanted:
        first = seen.setdefault(_key(value), index)
        if _key(value) in stored or first != index:
            invalid.setdefault(index, taken(field.path, index))
    return list(invalid.values())


def _values(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """The values that a unique index on ``path`` would hold; null and "" do not count."""
    if isinstance(value, list):
        for each in value:
            yield from _values(each, path)
    elif path:
        if isinstance(value, dict) and path[0] in value:
            yield from _values(value[path[0]], path[1:])
    elif value is not None and value != "" and not isinstance(value, dict):
        yield value


def _key(value: Any) -> Hashable:
    """Equal keys for values that MongoDB holds equal."""
    if isinstance(value, Decimal128):
        return value.to_decimal()
    key: Hashable = (isinstance(value, bool), value)
    return key
