"""``duetdb export``: the documents of a collection into a file or a pipe."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from duetdb.app.cli._session import Session, in_session
from duetdb.app.cli._watch import counted
from duetdb.app.service.errors import NotFound
from duetdb.app.service.events import Events
from duetdb.app.service.filters.parse import parse_filter
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.query import EVERYTHING, Filter, Projection, Query
from duetdb.app.service.reading.document_keys import document_keys
from duetdb.app.service.service import Service
from duetdb.app.setting_values import SettingsError
from duetdb.app.settings import Settings
from duetdb.app.transfer.files import Format
from duetdb.app.transfer.writers import csv_columns, hidden_keys, write_all, writer_for
from duetdb.schema_gen.metadata import parse
from duetdb.schema_gen.model import Collection

SUMMARY = "write the documents of a collection"

_SUFFIXES = {".json": Format.JSON, ".csv": Format.CSV}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("collection", help="the collection to read")
    parser.add_argument(
        "file", nargs="?", type=Path, help="where to write; standard output if none"
    )
    parser.add_argument(
        "--format",
        choices=[each.value for each in Format],
        help="what to write; by the file's name, else ndjson. extjson-canonical loses nothing",
    )
    parser.add_argument("--q", metavar="JSON", help="a filter in the REST query language")
    parser.add_argument(
        "--metafields", action="store_true", help="system fields too; extjson always has them"
    )
    parser.add_argument("--columns", metavar="A,B,...", help="the columns of a CSV file")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Export; a file is there only once it is complete."""
    form = _format(arguments)
    filter_ = _filter(arguments.q)
    if arguments.columns and form is not Format.CSV:
        raise SettingsError("--columns is only for --format csv.")
    if arguments.file is None:
        _export(arguments, settings, form, filter_, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return 0
    unfinished = arguments.file.with_name(f".{arguments.file.name}.{os.getpid()}.part")
    try:
        with unfinished.open("wb") as out:
            count = _export(arguments, settings, form, filter_, out)
        unfinished.replace(arguments.file)
    except OSError as error:
        print(f"duetdb: {arguments.file} cannot be written: {error.strerror}.", file=sys.stderr)
        return 1
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    written = counted(count, "document")
    print(f"Wrote {written} of {arguments.collection} to {arguments.file}.")
    return 0


def _export(
    arguments: argparse.Namespace, settings: Settings, form: Format, q: Any, out: BinaryIO
) -> int:
    async def work(session: Session) -> int:
        collection = await _collection(session, arguments.collection)
        where: Filter = EVERYTHING
        if q is not None:
            where = parse_filter(collection, q, session.limits, session.catalog.schema)
        columns: list[str] = []
        if form is Format.CSV:
            chosen = [name.strip() for name in (arguments.columns or "").split(",")]
            columns = [name for name in chosen if name] or csv_columns(
                collection,
                await document_keys(session.engine, collection, where),
                arguments.metafields,
            )
        hidden = hidden_keys(form, arguments.metafields)
        query = Query(
            collection=collection,
            filter=where,
            max=None,
            projection=Projection(tuple(sorted(hidden)), include=False),
        )
        service = Service(session.engine, session.catalog, session.limits, Events())
        documents: AsyncIterator[Any] = service.stream(query, FULL_ACCESS)
        return await write_all(writer_for(form, collection, columns), documents, out)

    return in_session(settings, work)


async def _collection(session: Session, name: str) -> Collection:
    """The collection; one without metadata counts as one without fields."""
    try:
        return session.catalog.collection(name)
    except NotFound:
        if name not in await session.engine.database.list_collection_names():
            raise
        return parse({"name": name})


def _format(arguments: argparse.Namespace) -> Format:
    if arguments.format:
        return Format(arguments.format)
    suffix = arguments.file.suffix.lower() if arguments.file else ""
    return _SUFFIXES.get(suffix, Format.NDJSON)


def _filter(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"--q must be JSON: {error}.") from None
