"""A multipart body as it arrives: its files go to an upload, piece by piece (RFC 7578)."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable
from typing import Any, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from duetdb.app.http.disposition import file_name_of
from duetdb.app.http.failures import UnsupportedMediaType
from duetdb.app.service.errors import BadRequest, TooLarge
from duetdb.app.service.limits import Limits
from duetdb.app.service.media.upload import Upload

# What a client sends wrong is told to the client; the parser would write it to the log as well.
logging.getLogger("python_multipart").setLevel(logging.ERROR)

_HINT: Final = "Send the files as multipart/form-data, each part with a filename."
_HEADERS_OF_A_FILE: Final = 8 * 1024
_MOST_FIELDS: Final = 1000
"""Parts of a body that are no files."""
_PLAIN: Final = (b"", b"7bit", b"8bit", b"binary")


def check_length(text: str, limits: Limits) -> None:
    """Raises ``TooLarge`` for a body that says before it comes that it is over the limits."""
    if text.isdecimal() and int(text[:20]) > longest(limits):
        raise _too_large(limits)


def longest(limits: Limits) -> int:
    """The most bytes of a body, what stands around its files included."""
    return limits.media_upload_bytes + limits.media_files * _HEADERS_OF_A_FILE


def boundary_of(content_type: str) -> bytes:
    """What separates the parts; raises ``UnsupportedMediaType``, and ``BadRequest`` without it."""
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise UnsupportedMediaType("The body is no multipart/form-data.", hint=_HINT)
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= 200:
        raise BadRequest("The Content-Type names no boundary of 1 to 200 characters.", hint=_HINT)
    return boundary


def _too_large(limits: Limits) -> TooLarge:
    return TooLarge(f"The upload has more than {limits.media_upload_bytes:,} bytes.")


class Parts:
    """Feeds the files of one body to ``upload``; form fields are passed over."""

    def __init__(self, content_type: str, upload: Upload) -> None:
        self._upload = upload
        self._events: list[tuple[str, bytes]] = []
        self._name = b""
        self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._unnamed: str | None = None
        self._in_file = False
        self._files = self._fields = 0
        self._ended = False
        noted: Any = {
            "on_header_field": lambda data, start, end: self._note("name", data[start:end]),
            "on_header_value": lambda data, start, end: self._note("value", data[start:end]),
            "on_header_end": lambda: self._note("header"),
            "on_headers_finished": lambda: self._note("begin"),
            "on_part_data": lambda data, start, end: self._note("data", data[start:end]),
            "on_part_end": lambda: self._note("end"),
            "on_end": lambda: self._note("last"),
        }
        self._parser = MultipartParser(boundary_of(content_type), noted)

    async def read(self, body: AsyncIterable[bytes]) -> None:
        """Reads to the end; raises ``BadRequest`` for what is malformed, cut off or no file."""
        limits, length = self._upload.limits, 0
        try:
            async for piece in body:
                length += len(piece)
                if length > longest(limits):
                    raise _too_large(limits)
                self._parser.write(piece)
                for event, data in self._events:
                    await self._take(event, data)
                self._events.clear()
        except FormParserError:
            raise BadRequest("The multipart body is malformed.", hint=_HINT) from None
        if not self._ended:
            raise BadRequest("The multipart body ends too early.", hint=_HINT)
        if not self._files:
            raise BadRequest("There is no file in the body.", hint=_HINT)

    def _note(self, event: str, data: bytes = b"") -> None:
        self._events.append((event, data))

    async def _take(self, event: str, data: bytes) -> None:
        match event:
            case "name":
                self._name += data
            case "value":
                self._value += data
            case "header":
                self._headers[self._name.lower()] = self._value
                self._name = self._value = b""
            case "begin":
                await self._begin()
            case "data":
                await self._write(data)
            case "end":
                await self._end()
            case "last":
                self._ended = True

    async def _begin(self) -> None:
        headers, self._headers = self._headers, {}
        kind = headers.get(b"content-type", b"").decode("latin-1")
        name = file_name_of(headers.get(b"content-disposition", b""))
        if headers.get(b"content-transfer-encoding", b"").strip().lower() not in _PLAIN:
            raise BadRequest("A part is encoded, and files are stored as they come.", hint=_HINT)
        if name is None:
            self._count_field(kind)
        elif name:
            await self._begin_file(name, kind)
        else:  # what a form sends for a file that nobody chose, unless something is in it
            self._unnamed = kind

    def _count_field(self, kind: str) -> None:
        if kind.strip().lower().startswith("multipart/"):
            raise BadRequest("Files inside a part of their own are not read.", hint=_HINT)
        self._fields += 1
        if self._fields > _MOST_FIELDS:
            raise TooLarge(f"More than {_MOST_FIELDS:,} parts of the body are no files.")

    async def _begin_file(self, name: str, kind: str) -> None:
        self._in_file = True
        self._files += 1
        await self._upload.begin(name, kind)

    async def _write(self, data: bytes) -> None:
        if self._unnamed is not None and data:
            kind, self._unnamed = self._unnamed, None
            await self._begin_file("", kind)
        if self._in_file:
            await self._upload.write(data)

    async def _end(self) -> None:
        if self._in_file:
            await self._upload.end()
        elif self._unnamed is not None:
            self._count_field("")
        self._in_file, self._unnamed = False, None
