"""A multipart body as it arrives: its files go to an upload, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Any, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from duetdb.app.service.errors import BadRequest, TooLarge
from duetdb.app.service.limits import Limits
from duetdb.app.service.media.upload import Upload

_HINT: Final = "Send the files as multipart/form-data, each part with a filename."
_HEADERS_OF_A_FILE: Final = 8 * 1024


def check_length(text: str, limits: Limits) -> None:
    """Raises ``TooLarge`` for a body that says before it comes that it is over the limits."""
    if text.isdigit() and int(text[:20]) > longest(limits):
        raise _too_large(limits)


def longest(limits: Limits) -> int:
    """The most bytes of a body, what stands around its files included."""
    return limits.media_upload_bytes + limits.media_files * _HEADERS_OF_A_FILE


def _too_large(limits: Limits) -> TooLarge:
    return TooLarge(f"The upload has more than {limits.media_upload_bytes:,} bytes.")


class Parts:
    """Feeds the files of one body to ``upload``; other parts are passed over."""

    def __init__(self, content_type: str, upload: Upload) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not 0 < len(boundary) <= 200:
            raise BadRequest("The body is no multipart/form-data.", hint=_HINT)
        self._upload = upload
        self._events: list[tuple[str, bytes]] = []
        self._name = b""
        self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._in_file = False
        self._files = 0
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
        self._parser = MultipartParser(boundary, noted)

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
            case "data" if self._in_file:
                await self._upload.write(data)
            case "end" if self._in_file:
                await self._upload.end()
                self._in_file = False
            case "last":
                self._ended = True

    async def _begin(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"filename")
        declared = self._headers.get(b"content-type", b"").decode("latin-1")
        self._headers = {}
        if name is not None:
            self._in_file = True
            self._files += 1
            await self._upload.begin(name.decode("utf-8", "replace"), declared)
