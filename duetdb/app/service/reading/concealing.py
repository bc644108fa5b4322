"""What of stored documents a caller with limited rights may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from duetdb.app.service.access.permissions import PerCollection
from duetdb.app.service.query import Document
from duetdb.app.service.stored_names import former_of
from duetdb.schema_gen.model import Collection
from duetdb.schema_gen.positions import is_position
from duetdb.schema_gen.rights import FieldSet

Stage: TypeAlias = dict[str, Any]


class Concealment:
    """How documents of a narrowed collection come to be as if they held nothing that is hidden.

    ``visible`` is what is not hidden, under all names under which it may be
    stored, and ``stages`` are those of a pipeline that leave nothing else.
    """

    def __init__(self, collection: Collection, visible: FieldSet) -> None:
        self._collection = collection
        self.visible = _as_stored(visible, collection.whole)
        self.stages = _stages(self.visible)

    def touches(self, path: str) -> bool:
        """Whether anything hidden is at a path of a query, inside of what is there, or around it.

        A number may be a position or a name, so that the whole list or object counts.
        """
        former = former_of(path, self._collection) if self._collection.former else None
        paths = (path,) if former is None else (path, former)
        return not all(self.visible.has_whole(_before_position(each)) for each in paths)


def concealment_of(collection: Collection) -> Concealment | None:
    """How what is hidden is kept from the caller that ``collection`` is for; None if nothing is."""
    return None if collection.narrowing is None else _KNOWN.of(collection)


def shown(documents: Sequence[Document], collection: Collection) -> list[Document]:
    """The documents as the caller sees them that ``collection`` is narrowed for.

    They are copied where something is left out, and are themselves otherwise.
    """
    concealment = concealment_of(collection)
    if concealment is None:
        return list(documents)
    return [part_of(each, concealment.visible) for each in documents]


def part_of(document: Document, fields: FieldSet) -> Document:
    """The document with these fields alone, as the database would project it."""
    return _object(document, "", fields)


def projection(fields: FieldSet) -> tuple[Mapping[str, int] | None, bool]:
    """What to ask the database for, and whether that is ``fields`` and no more.

    A projection includes or leaves out: parts of what it includes come with it.
    """
    if fields.only is None:
        return dict.fromkeys(outermost(fields.but), 0) or None, True
    only = outermost(each for each in fields.only if fields.has(each))
    return dict.fromkeys(["_id", *only], 1), all(map(fields.has_whole, only))


def outermost(paths: Iterable[str]) -> list[str]:
    """The paths without those inside others: MongoDB refuses ``a`` beside ``a.b``."""
    kept: dict[str, None] = {}
    for path in sorted(set(paths), key=lambda each: (len(each), each)):
        parts = path.split(".")
        if not any(".".join(parts[:n]) in kept for n in range(1, len(parts))):
            kept[path] = None
    return list(kept)


def _concealment(collection: Collection) -> Concealment | None:
    assert collection.narrowing is not None
    visible = collection.narrowing.visible
    return None if visible.is_everything else Concealment(collection, visible)


_KNOWN: PerCollection[Concealment | None] = PerCollection(_concealment)


def _as_stored(visible: FieldSet, whole: Collection) -> FieldSet:
    """With the former names of fields whose data is still moving: what is there is theirs."""
    if not whole.former:
        return visible
    only = None if visible.only is None else _with_former(visible.only, whole)
    return FieldSet(only, _with_former(visible.but, whole))


def _with_former(paths: Iterable[str], whole: Collection) -> frozenset[str]:
    return frozenset(stored for path in paths for stored in _stored(path, whole))


def _stored(path: str, whole: Collection) -> list[str]:
    """Each path at which the data may be: any name on the way may be the new or the former one."""
    found, names = [""], ""
    for name in path.split("."):
        names = f"{names}.{name}" if names else name
        former = whole.former.get(names)
        is_free = former is not None and former not in whole.by_path
        several = (name, former.rpartition(".")[2]) if former and is_free else (name,)
        found = [f"{above}.{each}" if above else each for above in found for each in several]
    return found


def _stages(visible: FieldSet) -> tuple[Stage, ...]:
    fields, exact = projection(visible)
    if visible.only is None:
        return ({"$unset": list(fields or ())},)
    including: Stage = {"$project": fields}
    return (including,) if exact else (including, {"$unset": outermost(visible.but)})


def _before_position(path: str) -> str:
    parts = path.split(".")
    for place, part in enumerate(parts):
        if place and is_position(part):
            return ".".join(parts[:place])
    return path


def _object(value: Mapping[str, Any], path: str, fields: FieldSet) -> dict[str, Any]:
    base = f"{path}." if path else ""
    found: dict[str, Any] = {}
    for name, inner in value.items():
        below = f"{base}{name}"
        if fields.has_whole(below):
            found[name] = inner
        elif isinstance(inner, dict):
            if fields.has(below):
                found[name] = _object(inner, below, fields)
        elif isinstance(inner, list):
            if fields.has(below):
                found[name] = _elements(inner, below, fields)
        elif _has_others(below, fields):
            found[name] = inner
    return found


def _elements(values: list[Any], path: str, fields: FieldSet) -> list[Any]:
    found: list[Any] = []
    for each in values:
        if isinstance(each, dict):
            found.append(_object(each, path, fields))
        elif isinstance(each, list):
            found.append(_elements(each, path, fields))
        elif _has_others(path, fields):
            found.append(each)
    return found


def _has_others(path: str, fields: FieldSet) -> bool:
    """Whether a value there that has no parts is seen where some parts would not be."""
    return FieldSet(fields.only).has_whole(path) and fields.has(path)
