"""Moves the data of renamed fields, in the background and in bounded batches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection as Collection_
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from pymongo.errors import OperationFailure

from duetdb.app.service.engine import Engine
from duetdb.app.service.schema.metadata_store import Definition
from duetdb.schema_gen.indexes import former_path
from duetdb.schema_gen.model import Collection

_log = structlog.get_logger(__name__)

_BATCH: Final = 1000
_GRACE_SECONDS: Final = 3.0
"""Requests that began on the old schema may still write the former name for so long."""
_UNAUTHORIZED: Final = 13


@dataclass(frozen=True, slots=True)
class Rename:
    """``old`` and ``new`` are stored paths with the same parent."""

    old: str
    new: str


def pending(collection: Collection) -> tuple[Rename, ...]:
    """The renames whose data may not have moved completely."""
    return tuple(
        Rename(old, field.path)
        for field in collection.all_fields
        if field.is_stored and (old := former_path(field)) is not None
    )


def without(definition: Definition, done: Collection_[Rename]) -> Definition:
    """The definition with ``renamedFrom`` taken from the fields whose data has moved."""
    return {**definition, "fields": _without(definition.get("fields"), "", done)}


def _without(fields: Any, prefix: str, done: Collection_[Rename]) -> Any:
    if not isinstance(fields, list):
        return fields
    kept = []
    for field in fields:
        new, old = f"{prefix}{field['name']}", f"{prefix}{field.get('renamedFrom')}"
        changed = dict(field)
        if Rename(old, new) in done:
            del changed["renamedFrom"]
        if "fields" in field:
            changed["fields"] = _without(field["fields"], f"{new}.", done)
        kept.append(changed)
    return kept


class Mover:
    """Renames fields in stored documents; a value under the new name always wins.

    Interrupted anywhere, it can begin again: each document changes atomically
    and one that has moved is not found any more.
    """

    def __init__(self, engine: Engine) -> None:
        self._database = engine.database
        self._bypass = not engine.in_memory

    async def move(self, name: str, rename: Rename) -> int:
        """Moves what is there now; the answer is the number of documents changed."""
        moved = 0
        batch: list[Any] = []
        cursor = self._database[name].find({rename.old: {"$exists": True}}, {"_id": 1})
        async for document in cursor:
            batch.append(document["_id"])
            if len(batch) == _BATCH:
                moved += await self._move_batch(name, rename, batch)
                batch = []
        return moved + (await self._move_batch(name, rename, batch) if batch else 0)

    async def move_completely(self, name: str, renames: Sequence[Rename]) -> None:
        """Moves until nothing is left and nobody writes the former names any more."""
        begun = time.monotonic()
        while True:
            moved = sum([await self.move(name, rename) for rename in renames])
            if moved:
                _log.info("renamed_fields_moved", collection=name, documents=moved)
            elif time.monotonic() - begun > _GRACE_SECONDS:
                return
            else:
                await asyncio.sleep(_GRACE_SECONDS / 4)

    async def _move_batch(self, name: str, rename: Rename, ids: Sequence[Any]) -> int:
        here = {"_id": {"$in": ids}, rename.old: {"$exists": True}}
        if "." in rename.new:
            return await self._update(name, here, _nested(rename))
        absent = {rename.new: {"$exists": False}}
        moved = await self._update(name, {**here, **absent}, {"$rename": {rename.old: rename.new}})
        return moved + await self._update(name, here, {"$unset": {rename.old: ""}})

    async def _update(self, name: str, where: Mapping[str, Any], change: Any) -> int:
        options = {"bypass_document_validation": True} if self._bypass else {}
        try:
            result = await self._database[name].update_many(where, change, **options)
        except OperationFailure as error:
            if not self._bypass or error.code != _UNAUTHORIZED:
                raise
            self._bypass = False
            return await self._update(name, where, change)
        return int(result.modified_count)


def _nested(rename: Rename) -> list[dict[str, Any]]:
    """A pipeline that renames inside objects and inside each object of lists.

    ``$rename`` cannot do the latter, and data written beside us may hold a list
    where the metadata says object.
    """
    root = rename.new.split(".")[0]
    return [{"$set": {root: _rewritten(f"${root}", root, rename, 0)}}]


def _rewritten(value: str, path: str, rename: Rename, depth: int) -> dict[str, Any]:
    """The value at ``path`` with the rename done inside it; what is no object stays as it is."""
    parent, _, new = rename.new.rpartition(".")
    old = rename.old.rpartition(".")[2]
    this = f"each{depth}"
    if path == parent:
        inner: Any = _renamed(f"$${this}", old, new)
    else:
        step = rename.new[len(path) + 1 :].split(".")[0]
        below = _rewritten(f"$${this}.{step}", f"{path}.{step}", rename, depth + 1)
        changed = {"$mergeObjects": [f"$${this}", {step: below}]}
        present = {"$ne": [{"$type": f"$${this}.{step}"}, "missing"]}
        inner = {"$cond": [present, changed, f"$${this}"]}
    element = {"$cond": [{"$eq": [{"$type": f"$${this}"}, "object"]}, inner, f"$${this}"]}
    mapped = {"$map": {"input": value, "as": this, "in": element}}
    single = {"$let": {"vars": {this: value}, "in": element}}
    return {"$cond": [{"$isArray": value}, mapped, single]}


def _renamed(value: str, old: str, new: str) -> dict[str, Any]:
    """An object expression: the pair ``old`` becomes ``new``, or goes if ``new`` is there."""
    pairs = {"$objectToArray": value}
    has_new = {"$in": [new, {"$map": {"input": pairs, "as": "p", "in": "$$p.k"}}]}
    dropped = {"$filter": {"input": pairs, "as": "p", "cond": {"$ne": ["$$p.k", old]}}}
    key = {"$cond": [{"$eq": ["$$p.k", old]}, new, "$$p.k"]}
    kept = {"$map": {"input": pairs, "as": "p", "in": {"k": key, "v": "$$p.v"}}}
    return {"$arrayToObject": {"$cond": [has_new, dropped, kept]}}
