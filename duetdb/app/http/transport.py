"""Around everything: who really asks, and the headers that tell browsers to be strict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from duetdb.app.http.proxies import Proxies

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

STRICT: Final[Headers] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    # For requests that ask for no permission, such as those of <img>; CORS reads are not touched.
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""What every answer carries; an answer that has a header of these names keeps its own."""

_NAMES: Final = frozenset(name for name, _ in STRICT)


class Transport:
    """The outermost middleware.

    It puts the client in place of a trusted proxy, so that everything inside sees who asks and
    how, and completes the headers of all answers. ``hsts_seconds`` is how long browsers shall use
    HTTPS alone, which is said on HTTPS only; 0 says nothing.
    """

    def __init__(self, app: ASGIApp, proxies: Proxies, hsts_seconds: int) -> None:
        self._app = app
        self._proxies = proxies
        hsts = (b"strict-transport-security", b"max-age=%d" % hsts_seconds)
        self._secure: Headers = (*STRICT, hsts) if hsts_seconds else STRICT

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        self._proxies.resolve(scope)
        ours = self._secure if scope["scheme"] in ("https", "wss") else STRICT

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = completed(message["headers"], ours)
            await send(message)

        await self._app(scope, receive, sending)


def completed(headers: Headers, ours: Headers) -> Headers:
    """The headers, and those of ``ours`` whose names they lack."""
    given = {name for name, _ in headers if name in _NAMES}
    if not given:
        return [*headers, *ours]
    return [*headers, *(each for each in ours if each[0] not in given)]
