"""References, parents and media: whether what the ids name exists (SPEC 9, 11)."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from bson import ObjectId

from duetdb.app.service.errors import Invalid, NotFound
from duetdb.app.service.media.metadata import FILES
from duetdb.app.service.query import Document, Parent, Reaches
from duetdb.app.service.reading.guarding import both
from duetdb.app.service.reading.source import Source
from duetdb.app.service.system_fields import PARENT_FIELDS
from duetdb.app.service.writing.guard import condition_of
from duetdb.schema_gen.field import Relation
from duetdb.schema_gen.model import Collection, Schema
from duetdb.schema_gen.suggest import did_you_mean
from duetdb.schema_gen.values import parse_id

Wanted: TypeAlias = dict[Any, dict[tuple[str, int | None], None]]
"""Ids that must exist, each with the places that hold it: paths, and positions of documents."""


class Links:
    """The ids of one write, collected while its documents are prepared, then checked at once.

    One database query for each referenced collection, and one for files, however
    many documents. Files are looked for whoever asks: their bytes need no key.
    ``reaches`` are those of a limited caller, to whom no other collections exist.
    """

    def __init__(self, source: Source, schema: Schema, reaches: Reaches | None = None) -> None:
        self._source = source
        self._collections = schema.collections
        self._reaches = reaches
        self._wanted: dict[str, Wanted] = {}
        self._files: Wanted = {}
        self.invalid: list[Invalid] = []

    def references(
        self,
        collection: Collection,
        document: Document,
        index: int | None = None,
        roots: frozenset[str] | None = None,
    ) -> None:
        """Notes the ids in all relations, to be checked together.

        ``roots`` limits it to those top-level fields: an update checks what it changes.
        """
        for field in collection.relations:
            path = tuple(field.path.split("."))
            if roots is None or path[0] in roots:
                for id_ in _ids(document, path):
                    self._want(field.collection or "", id_, field.path, index)

    def media(
        self,
        collection: Collection,
        document: Document,
        index: int | None = None,
        kept: Container[tuple[str, ObjectId]] = (),
    ) -> None:
        """Notes the ids in all image and file fields but those ``kept``, to be checked together."""
        for path, id_ in media_of(collection, document):
            if (path, id_) not in kept:
                self._files.setdefault(id_, {})[path, index] = None

    def parent(self, collection: Collection, document: Document, index: int | None = None) -> None:
        """Checks the ``_parent_*`` keys that a body brought, and turns the id into stored form."""
        given = {key: document[key] for key in PARENT_FIELDS if key in document}
        if not given or all(value is None for value in given.values()):
            for key in given:
                del document[key]
            return
        absent = [key for key in PARENT_FIELDS if given.get(key) is None]
        if absent:
            self._refuse(absent[0], index, "_parent_id, _parent_def and _parent_field go together.")
            return
        id_, definition, name = (given[key] for key in PARENT_FIELDS)
        known = self._collections if self._reaches is None else self._reaches
        if not isinstance(definition, str) or definition not in known:
            hint = did_you_mean(str(definition), known)
            self._refuse("_parent_def", index, f"There is no collection {definition!r}.{hint}")
            return
        parent = self._collections[definition]
        if not self._is_list(parent, name, collection):
            sentence = f"{parent.name!r} has no child list {name!r} of {collection.name!r}."
            self._refuse("_parent_field", index, sentence)
            return
        parsed = parse_id(parent, id_)
        if parsed is None:
            self._refuse("_parent_id", index, f"{id_!r} is not an id of {parent.name!r}.")
            return
        document["_parent_id"] = parsed
        self._want(parent.name, parsed, "_parent_id", index)

    def _is_list(self, parent: Collection, name: Any, collection: Collection) -> bool:
        if not _is_child_list(parent, name, collection):
            return False
        return self._reaches is None or name in self._reaches[parent.name].lists

    async def check(self) -> list[Invalid]:
        """All links that lead nowhere, in the order of the documents."""
        for name, wanted in self._wanted.items():
            if self._reaches is None or name in self._reaches:
                found = await self._existing(name, list(wanted), await self._guard(name))
                self._refuse_others(wanted, found, "document", repr(name))
        if self._files:
            found = await self._existing(FILES, list(self._files), {})
            self._refuse_others(self._files, found, "file", "the media archive")
        return self.invalid

    def _refuse_others(self, wanted: Wanted, found: set[Any], what: str, place: str) -> None:
        for id_, places in wanted.items():
            if id_ not in found:
                for path, index in places:
                    self._refuse(path, index, f"There is no {what} {id_} in {place}.")

    async def _guard(self, name: str) -> Mapping[str, Any]:
        """What documents of a collection must match for the caller to name them."""
        if self._reaches is None:
            return {}
        return await condition_of(self._reaches[name].guard, self._collections[name], self._source)

    async def _existing(self, name: str, ids: list[Any], guard: Mapping[str, Any]) -> set[Any]:
        found: set[Any] = set()
        size = self._source.limits.in_values
        for start in range(0, len(ids), size):
            cursor = self._source.collection(name).find(
                both({"_id": {"$in": ids[start : start + size]}}, guard),
                {"_id": 1},
                batch_size=size,
                max_time_ms=self._source.limits.query_ms,
            )
            found.update([document["_id"] async for document in cursor])
        return found

    def _want(self, name: str, id_: Any, path: str, index: int | None) -> None:
        self._wanted.setdefault(name, {}).setdefault(id_, {})[path, index] = None

    def _refuse(self, path: str, index: int | None, sentence: str) -> None:
        self.invalid.append(Invalid(path, sentence, "TYPE", index))


def media_of(collection: Collection, document: Document) -> dict[tuple[str, ObjectId], None]:
    """The ids in the image and file fields that ``collection`` has, each with its field's path."""
    return {
        (field.path, id_): None
        for field in collection.media
        for id_ in _ids(document, field.path.split("."))
        if isinstance(id_, ObjectId)
    }


async def require_parent(source: Source, parent: Parent, collection: Collection) -> Any:
    """The stored id of a parent that was named in the path.

    Raises ``NotFound`` when it does not exist for the caller or the field is no
    child list of ``collection`` (SPEC 9.2).
    """
    if not _is_child_list(parent.collection.whole, parent.field.name, collection):
        raise NotFound(
            f"{parent.collection.name!r} has no child list {parent.field.name!r}"
            f" of {collection.name!r}."
        )
    id_ = parse_id(parent.collection, parent.id)
    guard = await condition_of(parent.guard, parent.collection, source)
    known = id_ is not None and await source.collection(parent.collection.name).find_one(
        both({"_id": id_}, guard), {"_id": 1}
    )
    if not known:
        raise NotFound(f"There is no document {parent.id} in {parent.collection.name!r}.")
    return id_


def child_condition(parent: Parent | None) -> Mapping[str, Any]:
    """The condition that a document is the child of ``parent``; empty without one."""
    if parent is None:
        return {}
    return {
        "_parent_id": parse_id(parent.collection, parent.id),
        "_parent_def": parent.collection.name,
        "_parent_field": parent.field.name,
    }


def _is_child_list(parent: Collection, name: Any, collection: Collection) -> bool:
    field = parent.by_name.get(name) if isinstance(name, str) else None
    return (
        field is not None
        and field.relation is Relation.CHILD
        and field.collection == collection.name
    )


def _ids(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """The ids under a path, through objects and lists of objects."""
    if isinstance(value, list):
        for each in value:
            yield from _ids(each, path)
    elif not path:
        if value is not None:
            yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _ids(value[path[0]], path[1:])
