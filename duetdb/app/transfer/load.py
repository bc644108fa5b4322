"""Imports one file into one collection: everything or nothing, unless partly is asked for.

Every row is checked before the first is stored, so a file with bad rows leaves
nothing behind. Then

- a small file (10,000 rows, 8 MB) is stored in one transaction;
- a larger one in a transaction per batch, each of which also writes into the
  journal (``service.writing.import_journal``) how far the import has come and which ids
  it has stored. If a batch is refused, because somebody else has taken a unique
  value meanwhile, all batches before it are taken back. After a crash at any
  moment, the same command goes on where the journal ends, and ``--undo`` takes
  the stored part back; another import into the collection is refused until then.

With ``partial`` good rows are stored and bad ones reported, and the journal
serves only to go on after a crash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Conflict, Invalid, NotFound, ValidationFailed
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.query import Document
from duetdb.app.service.schema.admin import SchemaAdmin
from duetdb.app.service.schema.catalog import Catalog
from duetdb.app.service.writing.import_journal import Entry, ImportJournal
from duetdb.app.service.writing.intake import Intake
from duetdb.app.transfer.files import detect, open_file, read_rows
from duetdb.app.transfer.options import BadRow, Options, Outcome, Watcher
from duetdb.app.transfer.rows import Row, TransferError
from duetdb.app.transfer.target import prepare_target

BATCH_ROWS: Final = 1000
BATCH_BYTES: Final = 4 * 1024 * 1024
WHOLE_ROWS: Final = 10_000
WHOLE_BYTES: Final = 8 * 1024 * 1024
"""What one transaction stores at most: the oplog of the embedded engine has 64 MB."""


@dataclass(slots=True)
class _Batch:
    """Rows that are checked and stored together; ``documents`` are the good ones among them."""

    rows: list[Row]
    documents: list[Document] = field(default_factory=list)
    origins: list[Row] = field(default_factory=list)

    @property
    def last(self) -> Row:
        return self.rows[-1]

    def part(self, start: int, stop: int) -> _Batch:
        origins = self.origins[start:stop]
        return _Batch(origins, self.documents[start:stop], origins)


class Load:
    """One import; ``run`` it or ``undo`` it."""

    def __init__(
        self,
        engine: Engine,
        catalog: Catalog,
        admin: SchemaAdmin,
        limits: Limits,
        watcher: Watcher,
    ) -> None:
        self._engine = engine
        self._catalog = catalog
        self._admin = admin
        self._limits = limits
        self._watcher = watcher
        self._bad = 0

    async def run(self, name: str, path: Path, options: Options) -> Outcome:
        """Imports the file.

        Raises ``TransferError`` when the file cannot be read or another import
        is unfinished, and what the service raises.
        """
        options = replace(options, form=options.form or detect(path))
        journal = ImportJournal(self._engine, name)
        entry = await self._resumable(name, journal, _entry(path, options))
        self._path, self._options = path, options
        self._target = await prepare_target(
            self._engine, self._catalog, self._admin, self._limits, name, path, options
        )
        for sentence in self._target.unsure:
            self._watcher.say(sentence)
        self._intake = Intake(
            self._engine,
            self._target.schema,
            self._target.collection,
            self._limits,
            FULL_ACCESS,
            validate=options.validate,
        )
        if options.partial:
            return await self._store_good(journal, entry)
        return await self._store_all(journal, entry)

    async def undo(self, name: str) -> Entry | None:
        """Takes an unfinished import back; the answer is that import, None if there is none.

        What a partial one has stored stays: it is only ended.
        """
        journal = ImportJournal(self._engine, name)
        entry = await journal.entry()
        if entry is not None:
            await self._take_back(name, journal, entry)
        return entry

    async def _resumable(self, name: str, journal: ImportJournal, new: Entry) -> Entry:
        """The entry to go on with; raises ``TransferError`` if another import is unfinished."""
        found = await journal.entry()
        if found is None:
            return new
        if found.undoing:
            await self._take_back(name, journal, found)
            return new
        if (found.fingerprint, found.partial) != (new.fingerprint, new.partial):
            raise TransferError(
                f"An import of {found.source} into {name!r} was cut off after "
                f"{found.rows:,} rows. Run that command again to finish it, or "
                f"`duetdb import {name} --undo` to take it back."
            )
        self._watcher.say(f"Going on after row {found.rows:,}, where the import was cut off.")
        return found

    async def _store_all(self, journal: ImportJournal, entry: Entry) -> Outcome:
        if not entry.rows:
            held = await self._check_all()
            if self._bad:
                return Outcome(0, self._bad)
            await self._target.create()
            if held is not None:
                return Outcome(await self._store_held(held), self._bad)
        self._watcher.phase("importing", self._path.stat().st_size)
        entry = replace(entry, created=entry.created or self._target.created)
        await journal.begin(entry)
        stored = 0
        for batch in self._batches(entry.rows):
            await self._check(batch)
            stored += len(batch.documents)
            if not self._bad:
                await self._store(batch, journal, alone=False)
            if self._bad:
                await self._take_back(self._target.name, journal, entry)
                return Outcome(0, self._bad)
            self._watcher.progress(batch.last.end)
        await journal.end()
        return Outcome(stored, 0, entry.rows)

    async def _check_all(self) -> list[_Batch] | None:
        """Checks every row; the answer is all batches, or None if one transaction is too small."""
        size = self._path.stat().st_size
        self._watcher.phase("checking", size)
        held: list[_Batch] | None = [] if size <= WHOLE_BYTES else None
        for batch in self._batches(0):
            await self._check(batch)
            if batch.last.number > WHOLE_ROWS:
                held = None
            if held is not None:
                held.append(batch)
            self._watcher.progress(batch.last.end)
        if held is None and self._engine.in_memory:
            raise TransferError("In memory mode a file may have 10,000 rows and 8 MB at most.")
        return held

    async def _store_held(self, held: list[_Batch]) -> int:
        """Stores all batches in one transaction; the answer is the number of documents."""
        origins = [origin for batch in held for origin in batch.origins]
        try:
            await self._intake.insert([batch.documents for batch in held if batch.documents])
        except ValidationFailed as error:
            self._report_failed(error, origins)
            if self._target.created:
                await self._discard(self._target.name)
            return 0
        return len(origins)

    async def _take_back(self, name: str, journal: ImportJournal, entry: Entry) -> None:
        """Takes away what the import has stored, and the collection if it made it."""
        await journal.take_back()
        if entry.created:
            await self._discard(name)

    async def _discard(self, name: str) -> None:
        """Takes a new collection away, unless others have made use of it by now."""
        if await self._engine.database[name].find_one({}, {"_id": 1}) is None:
            with suppress(Conflict, NotFound):
                await self._admin.delete(name, FULL_ACCESS, drop=True)

    async def _store_good(self, journal: ImportJournal, entry: Entry) -> Outcome:
        self._watcher.phase("importing", self._path.stat().st_size)
        await self._target.create()
        if not self._engine.in_memory:
            await journal.begin(entry)
        read = 0
        for batch in self._batches(entry.rows):
            await self._check(batch)
            await self._store(batch, journal, alone=True)
            read = batch.last.number - entry.rows
            self._watcher.progress(batch.last.end)
        await journal.end()
        return Outcome(read - self._bad, self._bad, entry.rows)

    async def _store(self, batch: _Batch, journal: ImportJournal, *, alone: bool) -> None:
        """Stores a batch and notes it; with ``alone`` a refused row does not hold up the others."""
        row = batch.last.number

        async def note(session: Any) -> None:
            # What good rows were stored matters only to an import that may be taken back.
            ids = [] if alone else [document["_id"] for document in batch.documents]
            await journal.advance(row, ids, session)

        try:
            await self._intake.insert([batch.documents] if batch.documents else [], note)
        except ValidationFailed as error:
            if not alone or len(batch.documents) == 1:
                self._report_failed(error, batch.origins)
                return
            middle = len(batch.documents) // 2
            await self._store(batch.part(0, middle), journal, alone=True)
            await self._store(batch.part(middle, len(batch.documents)), journal, alone=True)

    async def _check(self, batch: _Batch) -> None:
        """Fills ``documents`` with the good rows and reports the others."""
        for row in batch.rows:
            if row.document is None:
                self._report(row, [Invalid("", row.error or "", "SYNTAX")])
                continue
            document, invalid = self._intake.prepare(row.document)
            if invalid:
                self._report(row, invalid)
            else:
                batch.documents.append(document)
                batch.origins.append(row)
        refused = await self._intake.refused(batch.documents)
        for index, invalid in sorted(refused.items()):
            self._report(batch.origins[index], invalid)
        good = [index for index in range(len(batch.documents)) if index not in refused]
        batch.documents = [batch.documents[index] for index in good]
        batch.origins = [batch.origins[index] for index in good]

    def _report_failed(self, error: ValidationFailed, origins: list[Row]) -> None:
        by_row: dict[int, list[Invalid]] = {}
        for invalid in error.invalid:
            by_row.setdefault(invalid.index or 0, []).append(invalid)
        for index, found in by_row.items():
            self._report(origins[index], found)

    def _report(self, row: Row, invalid: list[Invalid]) -> None:
        self._bad += 1
        for each in invalid:
            bad = BadRow(row.number, row.line, each.field, each.code, each.message)
            self._watcher.bad(bad)

    def _batches(self, skip: int) -> Iterator[_Batch]:
        """The rows after the first ``skip``, in batches bounded by number and by size."""
        assert self._options.form is not None
        with open_file(self._path) as file:
            rows: list[Row] = []
            begin = 0
            for row in read_rows(
                file, self._options.form, self._target.collection, self._options.mapping
            ):
                if row.number <= skip:
                    begin = row.end
                    continue
                rows.append(row)
                if len(rows) == BATCH_ROWS or row.end - begin > BATCH_BYTES:
                    yield _Batch(rows)
                    rows, begin = [], row.end
            if rows:
                yield _Batch(rows)


def _entry(path: Path, options: Options) -> Entry:
    """A new entry; the fingerprint tells whether it is the same file, read in the same way."""
    read_as = json.dumps([options.form, dict(options.mapping), options.validate], sort_keys=True)
    digest = hashlib.sha256(read_as.encode())
    with open_file(path) as file:
        size = path.stat().st_size
        digest.update(f"{size}\n".encode() + file.read(2**20))
        file.seek(max(0, size - 2**20))
        digest.update(file.read(2**20))
    return Entry(path.name, digest.hexdigest(), options.partial)
