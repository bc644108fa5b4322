"""Writes documents to a stream in every format that can be read, one document in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any, BinaryIO, Protocol

from duetdb.app.service.csv_encoding import CsvWriter, declared_columns
from duetdb.app.service.encoding import dumps
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


def csv_columns(collection: Collection, keys: Iterable[str], system: bool = False) -> list[str]:
    """The header of an export: ids, declared fields, then what else documents hold.

    ``keys`` are all top-level keys of the documents; keys with dots, which no
    header can spell, are left out.
    """
    held = set(keys)
    own = [name for name in SYSTEM_FIELDS if name in held and _is_shown(name, system)]
    others = held - {field.name for field in collection.fields} - set(SYSTEM_FIELDS)
    undeclared = sorted(name for name in others if "." not in name)
    return [*own, *declared_columns(collection), *undeclared]


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
