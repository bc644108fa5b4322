"""The bytes of files: whole or a part, original or smaller, if the client has not got them yet."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from duetdb.app.http.accepting import best_named
from duetdb.app.http.conditions import Validators, is_known, range_holds
from duetdb.app.http.ranges import asked_range
from duetdb.app.http.streaming import Streaming
from duetdb.app.service.media.archive import Archive
from duetdb.app.service.media.kinds import INLINE, harmless
from duetdb.app.service.media.sizes import FORMS, WIDTHS, Size, Sizes
from duetdb.app.service.media.store import File, content_of, notes_of

_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "cross-origin-resource-policy": "cross-origin",  # pictures are there to be shown by any site
    # Not immutable: what stands at an address can be replaced, and is then seen a day later.
    "cache-control": "public, max-age=86400",
    "accept-ranges": "bytes",
}
_PIECE: Final = 255 * 1024
_SHOWN: Final = frozenset(INLINE.values())
_ENDINGS: Final = {"image/jpeg": "jpg", "image/png": "png"}
_ENDINGS_OF_FORMS: Final = {mediatype: form.lower() for mediatype, form in FORMS.items()}


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What is sent of a file: a size of it, or the original."""

    file: File
    size: Size | None

    @property
    def mediatype(self) -> str:
        return self.original if self.size is None else self.size.mediatype

    @property
    def original(self) -> str:
        """The media type of the original, of which files that others put there may say anything."""
        return harmless(str(notes_of(self.file).get("mediatype")))

    @property
    def length(self) -> int:
        return int(self.file["length"] if self.size is None else len(self.size.data))

    @property
    def validators(self) -> Validators:
        if self.size is None:
            return validators_of(self.file)
        return Validators(f'"{self.size.key}"', self.file["uploadDate"])

    @property
    def name(self) -> str:
        """The file's name, with the ending of the size's own kind."""
        name = str(notes_of(self.file).get("origname") or self.file.get("filename") or "file")
        if self.mediatype == self.original:
            return name
        ending = (_ENDINGS | _ENDINGS_OF_FORMS)[self.mediatype]
        return f"{name.rpartition('.')[0] or name}.{ending}"


def validators_of(file: File) -> Validators:
    """Of the original."""
    return Validators(f'"{content_of(file)}"', file["uploadDate"])


class MediaBytes:
    """Answers GET and HEAD of files."""

    def __init__(self, archive: Archive, sizes: Sizes) -> None:
        self._archive = archive
        self._sizes = sizes
        self._patience = archive.limits.media_send_seconds

    async def answer(self, request: Request, file: File) -> ASGIApp:
        """Raises ``VersionMismatch``, ``RangeNotSatisfiable``, and ``Unavailable``."""
        asked = request.query_params.get("s", "o")
        chosen = _Chosen(file, await self._size(request, file, asked))
        validators = chosen.validators
        headers = {**_HEADERS, "etag": validators.etag, "last-modified": validators.last_modified}
        if asked in WIDTHS:
            headers["vary"] = "Accept"
        if is_known(request.headers, validators):
            return Response(status_code=304, headers=headers)
        shown = chosen.mediatype in _SHOWN and not flag(request, "download")
        headers["content-type"] = chosen.mediatype
        headers["content-disposition"] = _disposition(chosen.name, shown)
        start, end, status = 0, chosen.length, 200
        part = _part(request, chosen)
        if part is not None:
            start, end = part
            headers["content-range"] = f"bytes {start}-{end - 1}/{chosen.length}"
            status = 206
        headers["content-length"] = str(end - start)
        if request.method == "HEAD" or start == end:
            return Response(None, status, headers)
        pieces = _closing(self._pieces(chosen, start, end))
        return await Streaming.begun(pieces, headers, self._patience, request.receive, status)

    def _pieces(self, chosen: _Chosen, start: int, end: int) -> AsyncIterator[bytes]:
        """In pieces a size has the clock of a client that does not read, as any file has it."""
        if chosen.size is None:
            return self._archive.content(chosen.file, start, end)
        return _cut(chosen.size.data[start:end])

    async def _size(self, request: Request, file: File, asked: str) -> Size | None:
        """The size that is asked for; what is no size means the original."""
        if asked not in WIDTHS:
            return None
        accept = ",".join(request.headers.getlist("accept"))
        return await self._sizes.of(file, asked, best_named(accept, tuple(FORMS)))


def flag(request: Request, name: str) -> bool:
    """Whether a parameter is set, however it is spelled."""
    return request.query_params.get(name, "").strip().lower() in ("true", "1")


def _part(request: Request, chosen: _Chosen) -> tuple[int, int] | None:
    """Ranges are defined for GET alone (RFC 9110 section 14.2)."""
    given = request.headers.getlist("range")
    if request.method != "GET" or not given or not range_holds(request.headers, chosen.validators):
        return None
    return asked_range(given, chosen.length)


async def _cut(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), _PIECE):
        yield data[at : at + _PIECE]


async def _closing(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The pieces; where they come from is left as soon as nobody wants more of them."""
    try:
        async for piece in pieces:
            yield piece
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


def _disposition(name: str, shown: bool) -> str:
    """The name twice: for programs of old without what they may read wrong, and as it is."""
    plain = "".join(each if _is_plain(each) else "_" for each in name)
    how = "inline" if shown else "attachment"
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _is_plain(character: str) -> bool:
    return character.isascii() and character.isprintable() and character not in '"\\%'
