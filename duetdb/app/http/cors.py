"""Cross-origin rules (SPEC 2.4): browsers on loopback origins may call.

Which other origins may is a property of a key, not of the server, so nothing
else is answered with the headers that would let a page read it.
"""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK = re.compile(r"https?://(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_METHODS = "GET,POST,PUT,PATCH,DELETE,OPTIONS"
_HEADERS = (
    "x-apikey,content-type,cache-control,authorization,accept,if-match,if-none-match,"
    "x-http-method-override,x-requested-with,x-request-id,server-timing"
)
_EXPOSED = "X-Pagination,ETag,Retry-After,X-Request-Id,Server-Timing"


class Cors:
    """Answers preflights and adds the headers to every answer, errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        origin = _origin(scope)
        if origin is None:
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS" and _is_preflight(scope):
            await _preflight(origin, send)
        else:
            await self._app(scope, receive, _with_headers(origin, send))


def allowed(origin: str) -> bool:
    """Whether pages of this origin may read answers."""
    return _LOOPBACK.fullmatch(origin) is not None


def _origin(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"origin":
            return str(value, "latin-1")
    return None


def _is_preflight(scope: Scope) -> bool:
    return "access-control-request-method" in Headers(scope=scope)


def _grants(origin: str) -> list[tuple[bytes, bytes]]:
    granted = [(b"vary", b"Origin")]
    if allowed(origin):
        granted += [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", _EXPOSED.encode()),
        ]
    return granted


async def _preflight(origin: str, send: Send) -> None:
    headers = _grants(origin)
    if allowed(origin):
        headers += [
            (b"access-control-allow-methods", _METHODS.encode()),
            (b"access-control-allow-headers", _HEADERS.encode()),
            (b"access-control-max-age", b"600"),
        ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _with_headers(origin: str, send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *_grants(origin)]
        await send(message)

    return sending
