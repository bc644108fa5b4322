"""Which fields of documents are read, and which of these the caller may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from duetdb.app.service.query import Document, Expansion, Projection, Query
from duetdb.app.service.reading.concealing import concealment_of, outermost, part_of, projection
from duetdb.app.service.stored_names import former_of
from duetdb.schema_gen.field import Relation
from duetdb.schema_gen.model import Collection
from duetdb.schema_gen.rights import EVERY_FIELD, FieldSet

_PARENT = ("_parent_id", "_parent_def", "_parent_field")
_FEW_PATHS = 50


@dataclass(frozen=True, slots=True)
class _Reading:
    """``fields`` are what the database is asked for.

    ``kept`` is what stays of that, None for all of it.
    """

    fields: Mapping[str, int] | None
    kept: FieldSet | None = None


def projection_of(query: Query, *needed: str) -> Mapping[str, int] | None:
    """What to read: the query's own fields, ``needed``, and where its expansions start from.

    Of all that, what may be seen; some parts of it ``trim`` takes away afterwards.
    """
    return _reading(query, needed).fields


def with_own(fields: Mapping[str, int], name: str) -> Mapping[str, int]:
    """With a member of our own: an including projection names all that it keeps."""
    return {**fields, name: 1} if any(fields.values()) else fields


def trim(documents: Iterable[Document], query: Query) -> None:
    """Takes away, in place, what may not be seen and no projection could leave out."""
    if query.collection.narrowing is None:
        return
    kept = _reading(query, ()).kept
    if kept is None:
        return
    for document in documents:
        part = part_of(document, kept)
        document.clear()
        document.update(part)


def _reading(query: Query, needed: tuple[str, ...]) -> _Reading:
    wanted, collection = query.projection, query.collection
    concealment = concealment_of(collection)
    visible = EVERY_FIELD if concealment is None else concealment.visible
    if wanted.include or wanted.paths:
        for each in query.expand:
            needed += _starts_from(each)
    elif concealment is None:
        return _EVERYTHING
    if collection.former:
        wanted = replace(wanted, paths=tuple(_with_former(wanted.paths, collection)))
        needed = tuple(_with_former(needed, collection))
    # Small ones are kept, as few are asked for over and over; large ones would take memory.
    make = _kept_reading if len(wanted.paths) <= _FEW_PATHS else _new_reading
    return make(wanted, needed, visible)


_EVERYTHING = _Reading(None)


def _new_reading(wanted: Projection, needed: tuple[str, ...], visible: FieldSet) -> _Reading:
    if wanted.include:
        asked = FieldSet(frozenset(["_id", *outermost([*wanted.paths, *needed])]))
    else:
        paths = [each for each in wanted.paths if each != "_id" and not _is_around(each, needed)]
        asked = FieldSet(but=frozenset(paths))
    read = asked.both(visible)
    fields, exact = projection(read)
    return _Reading(fields, None if exact else read)


_kept_reading = lru_cache(maxsize=1024)(_new_reading)


def _starts_from(expansion: Expansion) -> tuple[str, ...]:
    is_child = expansion.field.relation is Relation.CHILD
    if expansion.reverse:
        return _PARENT if is_child else ()
    return () if is_child else (expansion.field.path,)


def _with_former(paths: tuple[str, ...], collection: Collection) -> list[str]:
    return [*paths, *(old for path in paths if (old := former_of(path, collection)))]


def _is_around(path: str, needed: tuple[str, ...]) -> bool:
    return any(each == path or each.startswith(f"{path}.") for each in needed)
