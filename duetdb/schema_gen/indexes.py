"""Which indexes the metadata of a collection asks for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from duetdb.schema_gen.field import Field, Relation
from duetdb.schema_gen.model import Collection

PREFIX: Final = "duet_"
"""Every index that DuetDB manages is named so; no other index is ever touched."""

Keys: TypeAlias = tuple[tuple[str, int | str], ...]

_NUMBERS: Final = frozenset(("int", "long", "double", "decimal"))


@dataclass(frozen=True, slots=True)
class Index:
    """One index: ``keys`` pairs stored paths with 1, -1 or ``2dsphere``.

    Two indexes that differ in anything differ in ``name``, so a changed
    definition is a new index and an obsolete one, never a conflict.
    """

    kind: str
    keys: Keys
    unique: bool = False
    partial: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        told = repr((self.keys, self.unique, self.partial))
        digest = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        return f"{PREFIX}{self.kind}_{self.keys[0][0][:40]}_{digest}"

    @property
    def path(self) -> str:
        """The stored path that the index is about."""
        return self.keys[0][0]


def indexes(collection: Collection) -> tuple[Index, ...]:
    """All indexes that the collection should have, ``_id`` aside, each once.

    A field whose data is still moving from its former name keeps the index
    that it had there, so reads of both names stay fast.
    """
    found: dict[str, Index] = {}
    for index in _wanted(collection):
        found.setdefault(index.name, index)
    return tuple(found.values())


def former_path(field: Field) -> str | None:
    """Where the data of a renamed field may still be: ``address.zip`` for ``address.postcode``."""
    if field.renamed_from is None:
        return None
    return field.path.removesuffix(field.name) + field.renamed_from


def _wanted(collection: Collection) -> Iterator[Index]:
    for field in collection.all_fields:
        if field.is_stored:
            yield from _of_field(field, field.path)
            former = former_path(field)
            if former is not None:
                yield from _of_field(field, former)
    if any(field.searchable and field.type.text for field in collection.all_fields):
        # The id comes second, so that what a word finds is put in order before it is read.
        yield Index("words", (("_keywords", 1), ("_id", 1)))
    if any(referrer.field.relation is Relation.CHILD for referrer in collection.referrers):
        # The id comes second, so the first five comments of a post are read in order.
        yield Index("parent", (("_parent_id", 1), ("_id", 1)))


def _of_field(field: Field, path: str) -> Iterator[Index]:
    if field.unique:
        yield Index("unique", ((path, 1),), unique=True, partial={path: _counts(field)})
    if field.type.name == "geo":
        if field.indexed:
            yield Index("geo", ((path, "2dsphere"),))
    elif field.indexed or field.relation is not None:
        # The far end of a relation is asked for its referrers, as a foreign key is.
        # The id comes second, because it is the tie-break of every order.
        yield Index("field", ((path, 1), ("_id", 1)))


def _counts(field: Field) -> dict[str, Any]:
    """The condition under which a value counts as one: of the field's type, and not empty.

    Written as a comparison where possible and not as ``$type``: comparisons admit
    one type only as well, and the query planner can prove that a look-up by
    equality is within them, so the index also serves reads.
    """
    types = frozenset(field.type.bson)
    if types == {"string"}:
        return {"$gt": ""}
    if types and types <= _NUMBERS:
        return {"$gte": float("-inf")}
    if types == {"date"}:
        return {"$gte": datetime.min}
    return {"$type": list(field.type.bson)} if types else {"$exists": True}
