"""Reads documents from CSV: the header names the fields, the metadata says what they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any, BinaryIO, Final

from duetdb.app.transfer.cells import GUESSES, guess, nest, read_json, unescape
from duetdb.app.transfer.rows import Row, TransferError
from duetdb.schema_gen.field import Field
from duetdb.schema_gen.model import Collection

GUESS_ROWS: Final = 1000
_JSON_TYPES: Final = frozenset({"JSON", "object", "geo"})
_CELL_LIMIT: Final = 16 * 1024 * 1024

Types = Mapping[str, str]


def read_csv(
    file: BinaryIO,
    collection: Collection | None,
    mapping: Mapping[str, str] | None = None,
) -> Iterator[Row]:
    """A row for each record.

    A dotted header addresses a field inside an object. Empty cells are left
    out. Without metadata (``collection`` None) a column is what its first 1,000
    cells all look like (``cells.GUESSES``). ``mapping`` renames
    headers; an empty name leaves the column out.

    Raises ``TransferError`` when the header cannot be used.
    """
    csv.field_size_limit(_CELL_LIMIT)
    records: Iterator[_Record] = _records(file)
    first = next(records, None)
    if first is None or isinstance(first.cells, str):
        raise TransferError(f"The CSV file has no header row{_why(first)}.")
    header = _header(first.cells, mapping or {})
    if collection is None:
        sample = list(islice(records, GUESS_ROWS))
        types = _guess_types(header, sample)
        records = chain(sample, records)
    else:
        types = {path: _type_of(collection.by_path.get(path)) for path in header if path}
    for number, record in enumerate(records, 1):
        yield _row(number, record, header, types, guessed=collection is None)


class _Record:
    """The cells of one record, or what is wrong with it."""

    __slots__ = ("cells", "end", "line")

    def __init__(self, line: int, end: int, cells: list[str] | str) -> None:
        self.line = line
        self.end = end
        self.cells = cells


def _records(file: BinaryIO) -> Iterator[_Record]:
    # Bytes that are not UTF-8 are carried along, so that only their own record is bad.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    reader = csv.reader(text, strict=True)
    try:
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield _Record(line, file.tell(), f"The record is not CSV: {error}.")
                continue
            if cells:
                sound = all(cell.isascii() or _is_utf8(cell) for cell in cells)
                yield _Record(line, file.tell(), cells if sound else "The record is not UTF-8.")
    finally:
        if not file.closed:
            text.detach()  # whoever opened the file closes it


def _is_utf8(cell: str) -> bool:
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def _header(cells: list[str], mapping: Mapping[str, str]) -> list[str]:
    names = [mapping.get(cell.strip(), cell.strip()) for cell in cells]
    used = [name for name in names if name]
    if unknown := set(mapping) - {cell.strip() for cell in cells}:
        raise TransferError(f"The mapping names columns that are not there: {_listed(unknown)}.")
    if repeated := {name for name in used if used.count(name) > 1}:
        raise TransferError(f"The header names a column twice: {_listed(repeated)}.")
    inside = {name for name in used if any(other.startswith(f"{name}.") for other in used)}
    if inside:
        raise TransferError(f"The header names an object and its parts: {_listed(inside)}.")
    if bad := {name for name in used if not all(name.split("."))}:
        raise TransferError(f"The header has names that are not paths: {_listed(bad)}.")
    if not used:
        raise TransferError("The header names no column.")
    return names


def _guess_types(header: list[str], sample: list[_Record]) -> dict[str, str]:
    rows = [record.cells for record in sample if isinstance(record.cells, list)]
    return {
        path: guess([cells[index] for cells in rows if index < len(cells)])
        for index, path in enumerate(header)
        if path
    }


def _type_of(field: Field | None) -> str:
    """How a cell of the field is read: ``ids``, ``list``, ``JSON``, or as text.

    Texts are coerced by the service.
    """
    if field is None:
        return "text"
    if field.relation is not None or field.type.media:
        return "ids"
    if field.is_list:
        return "list"
    return "JSON" if field.type.name in _JSON_TYPES else "text"


def _row(number: int, record: _Record, header: list[str], types: Types, guessed: bool) -> Row:
    if isinstance(record.cells, str):
        return Row(number, record.line, record.end, error=record.cells)
    cells = record.cells
    if len(cells) > len(header):
        error = f"The record has {len(cells)} cells, the header {len(header)}."
        return Row(number, record.line, record.end, error=error)
    try:
        flat = {
            path: _read(cell, path, types[path], guessed)
            for path, cell in zip(header, cells, strict=False)
            if path and cell != ""
        }
    except ValueError as error:
        return Row(number, record.line, record.end, error=str(error))
    return Row(number, record.line, record.end, document=nest(flat))


def _read(cell: str, path: str, kind: str, guessed: bool) -> Any:
    if guessed and kind in GUESSES:
        try:
            return GUESSES[kind](cell)
        except (ValueError, KeyError):
            sentence = f"'{path}' holds {cell[:50]!r}, and a {kind} in the rows before."
            raise ValueError(sentence) from None
    if kind == "text":
        return unescape(cell)
    if kind in ("list", "ids") and not cell.startswith("["):
        text = unescape(cell)
        return text.split(",") if kind == "ids" else [text]
    try:
        return read_json(cell)
    except ValueError:
        raise ValueError(f"The cell of '{path}' is not a JSON text.") from None


def _why(first: _Record | None) -> str:
    return f": {first.cells}".rstrip(".") if first is not None else ", because it is empty"


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(map(repr, names)))
