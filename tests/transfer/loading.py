"""Imports in this process, and a watcher that remembers what it was told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from duetdb.app.service.engine import Engine
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.schema.admin import SchemaAdmin
from duetdb.app.service.schema.catalog import Catalog
from duetdb.app.transfer.load import Load
from duetdb.app.transfer.options import BadRow, Options, Outcome


@dataclass
class Recorder:
    """A watcher; it raises ``KeyboardInterrupt`` when so many batches are stored."""

    cut_after: int | None = None
    batches: int = 0
    phases: list[tuple[str, int]] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    rows: list[BadRow] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def phase(self, name: str, size: int) -> None:
        self.phases.append((name, size))

    def progress(self, position: int) -> None:
        self.positions.append(position)
        self.batches += self.phases[-1][0] == "importing"
        if self.batches == self.cut_after:
            raise KeyboardInterrupt

    def bad(self, row: BadRow) -> None:
        self.rows.append(row)

    def say(self, sentence: str) -> None:
        self.said.append(sentence)

    @property
    def told(self) -> list[tuple[int, str, str]]:
        """Line, field and code of every bad value."""
        return [(row.line, row.field, row.code) for row in self.rows]


@dataclass
class Importer:
    """Imports into one database."""

    engine: Engine
    catalog: Catalog
    admin: SchemaAdmin
    folder: Path

    def file(self, rows: Iterable[Mapping[str, Any] | str], name: str = "rows.ndjson") -> Path:
        """A file with a row for each: a document, or a text as it is."""
        path = self.folder / name
        texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        path.write_text("".join(f"{text}\n" for text in texts))
        return path

    async def describe(self, name: str, *fields: dict[str, Any], **more: Any) -> None:
        await self.admin.put(name, {"name": name, "fields": list(fields), **more}, FULL_ACCESS)

    async def run(
        self, path: Path, watcher: Recorder | None = None, name: str = "notes", **options: Any
    ) -> Outcome:
        return await self.load(watcher).run(name, path, Options(**options))

    def load(self, watcher: Recorder | None = None) -> Load:
        return Load(self.engine, self.catalog, self.admin, Limits(), watcher or Recorder())

    async def stored(self, name: str = "notes") -> list[dict[str, Any]]:
        """The documents in the order of their ids, without the fields that the server adds."""
        found = await self.engine.database[name].find({}).sort("_id", 1).to_list(None)
        return [
            {key: value for key, value in each.items() if key == "_id" or key[0] != "_"}
            for each in found
        ]

    async def numbers(self, name: str = "notes") -> list[Any]:
        """The values of the field ``n``, in order."""
        return sorted(each["n"] for each in await self.stored(name))

    async def exists(self, name: str = "notes") -> bool:
        """Whether the collection is there, in MongoDB or in the metadata."""
        await self.catalog.refresh()
        names = await self.engine.database.list_collection_names()
        return name in names or name in self.catalog.schema.collections

    async def notes_left(self) -> int:
        """What the journal still holds."""
        return len(await self.engine.database["_imports"].find({}).to_list(None))
