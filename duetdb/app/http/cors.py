"""Cross-origin rules (SPEC 2.4): which pages may read an answer is for the caller's key to say.

Who calls is known inside, so it is noted there, in the request's state, and
read here when the answer comes. A preflight carries no key: it is answered
alike for all pages and paths, and the request that follows it is judged.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from duetdb.app.service.origins import LOOPBACK, allows, is_origin

_STATE: Final = "origins"
_METHODS: Final = b"GET,POST,PUT,PATCH,DELETE,OPTIONS"
_HEADERS: Final = (
    b"x-apikey,x-api-key,content-type,cache-control,authorization,accept,if-match,if-none-match,"
    b"if-modified-since,if-unmodified-since,if-range,range,"
    b"x-http-method-override,x-requested-with,x-request-id,server-timing"
)
_EXPOSED: Final = (
    b"X-Pagination,ETag,Retry-After,X-Request-Id,Server-Timing,"
    b"Accept-Ranges,Content-Range,Content-Disposition"
)
_VARY: Final = (b"vary", b"Origin")


class Cors:
    """Answers preflights and adds the headers to every answer, errors included.

    ``origins`` are those that may read what is answered to nobody in particular:
    to users, whose tokens list none, and to callers who are not known.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str] = (LOOPBACK,)) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        page = page_of(scope)
        if page is not None and scope["method"] == "OPTIONS" and _is_preflight(scope):
            await _preflight(page, send)
            return
        state = scope.setdefault("state", {})

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                granted = page is not None and allows(state.get(_STATE, self._origins), page)
                added = _grants(page) if granted and page is not None else [_VARY]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self._app(scope, receive, sending)


def note_origins(scope: Scope, origins: Collection[str]) -> None:
    """Says whose pages may read the answer, now that the caller is known."""
    scope.setdefault("state", {})[_STATE] = origins


def page_of(scope: Scope) -> str | None:
    """The origin of the page that asks; None where none does, or one of ours.

    ``Sec-Fetch-Site`` is the browser's own word, which no page can write, and holds
    behind proxies that change ``Host``; browsers send it where it can be trusted.
    """
    origins: list[bytes] = []
    host = site = b""
    for name, value in scope["headers"]:
        if name == b"origin":
            origins.append(value)
        elif name == b"host":
            host = value
        elif name == b"sec-fetch-site":
            site = value
    if not origins or site == b"same-origin":
        return None
    origin = b",".join(origins).decode("latin-1")
    scheme = "https" if scope["scheme"] in ("https", "wss") else "http"
    return None if origin == f"{scheme}://{host.decode('latin-1')}" else origin


def _is_preflight(scope: Scope) -> bool:
    return any(name == b"access-control-request-method" for name, _ in scope["headers"])


def _grants(origin: str) -> list[tuple[bytes, bytes]]:
    return [
        _VARY,
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", _EXPOSED),
    ]


async def _preflight(origin: str, send: Send) -> None:
    headers = [_VARY]
    if origin == "null" or is_origin(origin):
        headers = [
            *_grants(origin),
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _HEADERS),
            (b"access-control-max-age", b"600"),
        ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
