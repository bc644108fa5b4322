"""Which format a file has, and the readers for each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from duetdb.app.transfer.csv_reader import read_csv
from duetdb.app.transfer.json_reader import read_documents, read_lines
from duetdb.app.transfer.json_splitter import BOM
from duetdb.app.transfer.rows import Row, TransferError
from duetdb.schema_gen.model import Collection


class Format(StrEnum):
    """Extended JSON is recognised wherever JSON is read; writing must choose."""

    NDJSON = "ndjson"
    JSON = "json"
    CSV = "csv"
    EXTJSON = "extjson"
    EXTJSON_CANONICAL = "extjson-canonical"


_SUFFIXES = {
    ".ndjson": Format.NDJSON,
    ".jsonl": Format.NDJSON,
    ".csv": Format.CSV,
}
_PEEK = 64 * 1024


def detect(path: Path) -> Format:
    """The format of a file by its name and, for JSON, by how it begins.

    Raises ``TransferError`` when it cannot be opened.
    """
    if known := _SUFFIXES.get(path.suffix.lower()):
        return known
    with open_file(path) as file:
        start = file.read(_PEEK).removeprefix(BOM).lstrip()
    if start[:1] == b"[":
        return Format.JSON
    if start[:1] != b"{":
        raise TransferError(
            f"The format of {path.name} is not clear from its name or its beginning: "
            "say it with --format."
        )
    line, ended, _ = start.partition(b"\n")
    return Format.NDJSON if _is_json(line) or not ended else Format.JSON


def read_rows(
    file: BinaryIO,
    form: Format,
    collection: Collection | None,
    mapping: Mapping[str, str] | None = None,
) -> Iterator[Row]:
    """The rows of an open file; ``collection`` and ``mapping`` are for CSV (``read_csv``)."""
    if form is Format.CSV:
        return read_csv(file, collection, mapping)
    return read_documents(file) if form is Format.JSON else read_lines(file)


def open_file(path: Path) -> BinaryIO:
    """The file, open for reading; raises ``TransferError`` with the reason why not."""
    try:
        return path.open("rb")
    except OSError as error:
        raise TransferError(f"{path} cannot be read: {error.strerror}.") from None


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
