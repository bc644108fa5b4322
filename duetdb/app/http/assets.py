"""The files of our pages for browsers: served from memory, under the strictest headers."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    # The browser keeps the file and asks each time whether it is still the same.
    "cache-control": "no-cache",
}
_KINDS = {"html": "text/html", "js": "text/javascript", "css": "text/css"}


class Asset:
    """An ASGI application that sends one file, or 304 to a browser that has it already.

    ``name`` is the file's name, whose ending says what kind of text it is;
    ``headers`` come on top of those that every asset has.
    """

    __slots__ = ("_etag", "_known", "_response")

    def __init__(self, name: str, content: bytes, headers: Mapping[str, str]) -> None:
        self._etag = f'"{sha256(content).hexdigest()[:32]}"'
        sent = {**_HEADERS, **headers, "etag": self._etag}
        self._response = Response(content, headers=sent, media_type=_KINDS[name.rpartition(".")[2]])
        self._known = Response(status_code=304, headers=sent)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has = self._etag in Headers(scope=scope).get("if-none-match", "")
        await (self._known if has else self._response)(scope, receive, send)
