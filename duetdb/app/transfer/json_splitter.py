"""Cuts a file of JSON into the texts of its documents without parsing them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

ROW_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of one document's text: MongoDB stores 16 MB, and Extended JSON is longer than BSON."""
CHUNK: Final = 256 * 1024
BOM: Final = b"\xef\xbb\xbf"
TOO_LONG: Final = f"The document's text is longer than {ROW_LIMIT // 2**20} MB."

# JSON texts hold no line breaks, so one ends a text whose closing quote is missing.
_TEXT = re.compile(rb'(?:[^"\\\n]|\\.)*', re.DOTALL)
_MARK = re.compile(rb'["{}\[\],\n]')
_BEFORE, _AFTER = -1, -2


@dataclass(frozen=True, slots=True)
class Piece:
    """The text of one document, or what is wrong with the file from here on."""

    line: int
    end: int
    text: bytes = b""
    error: str | None = None


class Splitter:
    """Finds the elements of one array, or objects one after the other.

    Only quotes, brackets and commas are looked at, so a document that is not
    JSON does not hide those after it, unless its brackets do not match.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._depth = _BEFORE
        self._base = 0
        self._in_text = False
        self._line = self._start_line = 1
        self._kept: list[bytes] = []
        self._kept_length = 0

    def pieces(self) -> Iterator[Piece]:
        """Every document in order; a piece with an error is the last one."""
        read, carried = 0, b""
        while chunk := self._file.read(CHUNK):
            chunk = carried + (chunk if read else chunk.removeprefix(BOM))
            # A backslash at the very end belongs with what it escapes.
            odd = (len(chunk) - len(chunk.rstrip(b"\\"))) % 2
            carried, chunk = (chunk[-1:], chunk[:-1]) if odd else (b"", chunk)
            for piece in self._split(chunk, read):
                yield piece
                if piece.error:
                    return
            read += len(chunk)
            if self._kept_length > ROW_LIMIT:
                yield Piece(self._begin_line(b""), read, error=TOO_LONG)
                return
        if error := self._unfinished():
            yield Piece(self._begin_line(b""), read, error=error)

    def _unfinished(self) -> str | None:
        if self._depth == _BEFORE:
            return "The file is empty." if not b"".join(self._kept).strip() else _NO_JSON
        if self._depth > self._base or (self._base and self._depth != _AFTER):
            return "The file ends inside a document or an array: it seems to be cut off."
        return _MORE if b"".join(self._kept).strip() else None

    def _split(self, chunk: bytes, read: int) -> Iterator[Piece]:
        start = position = 0
        while position < len(chunk):
            if self._in_text:
                position = _end_of_text(chunk, position)
                self._in_text = position == len(chunk)
                position += 1 if chunk[position : position + 1] == b'"' else 0
                continue
            mark = _MARK.search(chunk, position)
            if mark is None:
                break
            position = mark.end()
            match mark.group():
                case b'"':
                    self._in_text = True
                case b"\n":
                    self._line += 1
                case b"[" | b"{" if self._depth == _BEFORE:
                    if (b"".join(self._kept) + chunk[: position - 1]).strip():
                        yield Piece(self._line, read + position, error=_NO_JSON)
                        return
                    self._base = 1 if mark.group() == b"[" else 0
                    self._depth = 1
                    start = position if self._base else position - 1
                    self._forget()
                case b"[" | b"{":
                    if self._depth == _AFTER:
                        yield Piece(self._line, read + position, error=_MORE)
                        return
                    self._depth += 1
                case b"," if self._depth == 1 and self._base:
                    yield self._piece(chunk[start : position - 1], read + position)
                    start = position
                case b"]" | b"}" if self._depth > 0:
                    self._depth -= 1
                    if self._depth == 0:
                        end = position - 1 if self._base else position
                        piece = self._piece(chunk[start:end], read + position)
                        start = position
                        self._depth = _AFTER if self._base else 0
                        if piece.text:
                            yield piece
        self._kept.append(chunk[start:])
        self._kept_length += len(chunk) - start

    def _piece(self, tail: bytes, end: int) -> Piece:
        line = self._begin_line(tail)
        text = b"".join((*self._kept, tail)).strip()
        self._forget()
        return Piece(line, end, text)

    def _begin_line(self, tail: bytes) -> int:
        """The line on which what is kept, and ``tail``, begins to be more than blanks."""
        text = b"".join((*self._kept, tail))
        return self._start_line + text.count(b"\n", 0, len(text) - len(text.lstrip()))

    def _forget(self) -> None:
        self._kept, self._kept_length, self._start_line = [], 0, self._line


_NO_JSON = "The file does not begin with a JSON array or object."
_MORE = "There is more text after the end of the JSON."


def _end_of_text(chunk: bytes, position: int) -> int:
    found = _TEXT.match(chunk, position)
    return found.end() if found else position
