"""How far an import has come, so that one that was cut off can be finished or taken back.

``_imports`` holds one document per collection into which an import is under
way, and one for each batch that it has stored, with the ids of the batch. Both
are written in the transaction that stores the batch: after a crash at any
moment the journal says exactly what is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from duetdb.app.service.dates import now
from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Conflict

IMPORTS = "_imports"


@dataclass(frozen=True, slots=True)
class Entry:
    """An import that was begun: ``rows`` of its file are dealt with, ``stored`` of them stored.

    ``undoing``: it failed, and what it had stored is being taken back.
    """

    source: str
    fingerprint: str
    partial: bool = False
    created: bool = False
    rows: int = 0
    stored: int = 0
    undoing: bool = False


class ImportJournal:
    """The journal of imports into one collection."""

    def __init__(self, engine: Engine, collection: str) -> None:
        self._engine = engine
        self._imports: Any = engine.database[IMPORTS]
        self._id = f"import:{collection}"
        self._collection = collection
        self._token = uuid4().hex

    async def entry(self) -> Entry | None:
        """The import that was begun and has not ended, if there is one."""
        if self._engine.in_memory:
            return None
        with translate_driver_errors():
            found = await self._imports.find_one({"_id": self._id})
        if found is None:
            return None
        return Entry(**{name: found[name] for name in Entry.__slots__ if name in found})

    async def begin(self, entry: Entry) -> None:
        """Writes a new entry, or takes over the one of a process that was cut off."""
        values = {name: getattr(entry, name) for name in Entry.__slots__}
        with translate_driver_errors():
            await self._imports.update_one(
                {"_id": self._id},
                {"$set": {**values, "token": self._token, "changed": now()}},
                upsert=True,
            )

    async def advance(self, rows: int, ids: Sequence[Any], session: Any) -> None:
        """Notes a batch: call it in the batch's transaction.

        Raises ``Conflict`` when another process has taken the import over.
        """
        advanced = await self._imports.update_one(
            {"_id": self._id, "token": self._token},
            {"$set": {"rows": rows, "changed": now()}, "$inc": {"stored": len(ids)}},
            session=session,
        )
        if not advanced.matched_count:
            raise Conflict(
                f"Another process has taken over the import into {self._collection!r}.",
                hint="Leave it to that one.",
            )
        if ids:
            batch = {"_id": f"{self._id}:{rows}", "import": self._id, "ids": list(ids)}
            await self._imports.insert_one(batch, session=session)

    async def take_back(self) -> None:
        """Deletes the documents that the import has stored, and ends it.

        What was cut off here goes on in the next call: a batch's note is removed
        only after its documents.
        """
        documents = self._engine.database[self._collection]
        with translate_driver_errors():
            await self._imports.update_one({"_id": self._id}, {"$set": {"undoing": True}})
            async for batch in self._imports.find({"import": self._id}):
                await documents.delete_many({"_id": {"$in": batch["ids"]}})
                await self._imports.delete_one({"_id": batch["_id"]})
        await self.end()

    async def end(self) -> None:
        """Removes all notes: the import is finished, or taken back."""
        if self._engine.in_memory:
            return
        with translate_driver_errors():
            await self._imports.delete_one({"_id": self._id})
            await self._imports.delete_many({"import": self._id})
