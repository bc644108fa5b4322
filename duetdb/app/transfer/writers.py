"""Writes documents to a stream in every format that can be read, one document in memory."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any, BinaryIO, Protocol

from duetdb.app.service.encoding import dumps
from duetdb.app.transfer.cells import escape, write_cell
from duetdb.app.transfer.extjson import canonical, relaxed
from duetdb.app.transfer.files import Format
from duetdb.schema_gen.model import SYSTEM_FIELDS, Collection

_DERIVED = ("_keywords", "_tags")

Document = Mapping[str, Any]


class Writer(Protocol):
    """Turns documents into the bytes of a file: ``head``, each ``row``, ``tail``."""

    def head(self) -> bytes: ...

    def row(self, document: Document) -> bytes: ...

    def tail(self) -> bytes: ...


async def write_all(writer: Writer, documents: AsyncIterator[Document], out: BinaryIO) -> int:
    """Writes every document as it arrives; the answer is how many there were."""
    count = 0
    out.write(writer.head())
    async for document in documents:
        out.write(writer.row(document))
        count += 1
    out.write(writer.tail())
    return count


class LineWriter:
    """One text per line."""

    def __init__(self, encode: Callable[[Document], bytes]) -> None:
        self._encode = encode

    def head(self) -> bytes:
        return b""

    def row(self, document: Document) -> bytes:
        return self._encode(document) + b"\n"

    def tail(self) -> bytes:
        return b""


class ArrayWriter:
    """One JSON array, an element per line."""

    def __init__(self, encode: Callable[[Document], bytes]) -> None:
        self._encode = encode
        self._lead = b"[\n"

    def head(self) -> bytes:
        return b""

    def row(self, document: Document) -> bytes:
        lead, self._lead = self._lead, b",\n"
        return lead + self._encode(document)

    def tail(self) -> bytes:
        return b"[]\n" if self._lead == b"[\n" else b"\n]\n"


class CsvWriter:
    """A column for each declared field and undeclared key; parts of objects have dotted names.

    Cells that a spreadsheet would run as formulas are escaped, and reading
    takes the escape away again. Null, "" and an absent value are all empty.
    """

    def __init__(self, columns: Sequence[str], collection: Collection) -> None:
        self._columns = tuple(
            (tuple(path.split(".")), _is_json(path, collection)) for path in columns
        )
        self._names = columns

    def head(self) -> bytes:
        return _csv_line(escape(name) for name in self._names)

    def row(self, document: Document) -> bytes:
        return _csv_line(
            write_cell(_value(document, path), json=json) for path, json in self._columns
        )

    def tail(self) -> bytes:
        return b""


def csv_columns(collection: Collection, keys: Iterable[str], system: bool = False) -> list[str]:
    """The header of an export: ids, declared fields, then what else documents hold.

    ``keys`` are all top-level keys of the documents; keys with dots, which no
    header can spell, are left out.
    """
    held = set(keys)
    own = [name for name in SYSTEM_FIELDS if name in held and _is_shown(name, system)]
    declared = [
        field.path
        for field in collection.all_fields
        if field.is_stored and (field.type.name != "object" or field.is_list or not field.fields)
        if not _inside_list(field.path, collection)
    ]
    others = held - {field.name for field in collection.fields} - set(SYSTEM_FIELDS)
    return [*own, *declared, *sorted(name for name in others if "." not in name)]


def writer_for(form: Format, collection: Collection, columns: Sequence[str]) -> Writer:
    """The writer of a format; ``columns`` are for CSV."""
    match form:
        case Format.CSV:
            return CsvWriter(columns, collection)
        case Format.JSON:
            return ArrayWriter(dumps)
        case Format.NDJSON:
            return LineWriter(dumps)
        case Format.EXTJSON:
            return LineWriter(lambda document: relaxed(document).encode())
        case Format.EXTJSON_CANONICAL:
            return LineWriter(lambda document: canonical(document).encode())


def hidden_keys(form: Format, system: bool) -> frozenset[str]:
    """The system fields that an export leaves out: none from Extended JSON, which is a copy."""
    if system or form in (Format.EXTJSON, Format.EXTJSON_CANONICAL):
        return frozenset()
    return frozenset(name for name in SYSTEM_FIELDS if not _is_shown(name, system))


def _is_shown(name: str, system: bool) -> bool:
    if name in _DERIVED:
        return False
    return system or name == "_id" or name.startswith("_parent_")


def _inside_list(path: str, collection: Collection) -> bool:
    """Whether the field is part of an object in a list, which is one JSON cell."""
    parts = path.split(".")
    parents = (".".join(parts[:length]) for length in range(1, len(parts)))
    return any(collection.by_path[parent].is_list for parent in parents)


def _is_json(path: str, collection: Collection) -> bool:
    field = collection.by_path.get(path)
    return field is not None and not field.is_list and field.type.name == "JSON"


def _value(document: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _csv_line(cells: Iterable[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(list(cells))
    return line.getvalue().encode("utf-8", "replace")
