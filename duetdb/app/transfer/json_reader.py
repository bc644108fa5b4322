"""Reads documents from JSON files of every layout, with one document in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from duetdb.app.transfer.extjson import parse_document
from duetdb.app.transfer.json_splitter import BOM, ROW_LIMIT, TOO_LONG, Splitter
from duetdb.app.transfer.rows import Row


def read_lines(file: BinaryIO) -> Iterator[Row]:
    """A row for each line that is not empty (NDJSON, what mongoexport writes)."""
    line = number = end = 0
    while raw := file.readline(ROW_LIMIT):
        line += 1
        end += len(raw)
        whole = raw.endswith(b"\n") or len(raw) < ROW_LIMIT
        if not whole:
            end += _skip_line(file)
        text = raw.removeprefix(BOM).strip() if line == 1 else raw.strip()
        if text:
            number += 1
            yield _row(number, line, end, text, None if whole else TOO_LONG)


def read_documents(file: BinaryIO) -> Iterator[Row]:
    """A row for each element of the array that the file holds, or each of its objects."""
    for number, piece in enumerate(Splitter(file).pieces(), 1):
        yield _row(number, piece.line, piece.end, piece.text, piece.error)


def _skip_line(file: BinaryIO) -> int:
    skipped = 0
    while rest := file.readline(ROW_LIMIT):
        skipped += len(rest)
        if rest.endswith(b"\n"):
            break
    return skipped


def _row(number: int, line: int, end: int, text: bytes, error: str | None) -> Row:
    if error is None:
        try:
            return Row(number, line, end, document=parse_document(text))
        except ValueError as mistake:
            error = str(mistake)
    return Row(number, line, end, error=error)
