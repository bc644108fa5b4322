"""What is refused of a request for how it came, before anybody looks at what it asks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from duetdb.app.http.failures import RequestTimeout, UnsupportedMediaType, refusal
from duetdb.app.http.proxies import is_this_machine
from duetdb.app.http.rate import RateLimiter
from duetdb.app.service.errors import DuetError, Forbidden

_OPEN: Final = frozenset(("/healthz", "/readyz"))
"""What probes ask in plain HTTP from anywhere, and as often as they like; it reveals nothing."""
_POLICY: Final = 1008
"""WebSocket's code for what is against the rules of the server."""
_BYTES_A_SECOND: Final = 10_000
"""A body that arrives faster than this may take as long as its size needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """``require_https``: refuse plain HTTP from other machines. ``body_seconds``: how long a
    client may take to send a body, when it sends next to nothing."""

    require_https: bool = True
    body_seconds: float = 30


class Gate:
    """Refuses plain HTTP, encoded bodies and clients that ask too often; bounds slow bodies."""

    def __init__(self, app: ASGIApp, rules: Rules, limiter: RateLimiter) -> None:
        self._app = app
        self._rules = rules
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] in _OPEN:
            await self._app(scope, receive, send)
            return
        try:
            has_body = self._check(scope)
            await self._limiter.admit(address_of(scope))
        except DuetError as error:
            answer = refusal(error, scope)
            if scope["type"] == "websocket":  # closed before it is open, it is refused by HTTP
                await send({"type": "websocket.close", "code": _POLICY, "reason": error.message})
            else:
                await answer(scope, receive, send)
            return
        if has_body:
            receive = _in_time(receive, self._rules.body_seconds)
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> bool:
        """Whether a body follows; raises ``Forbidden`` or ``UnsupportedMediaType``."""
        if self._rules.require_https and scope["scheme"] in ("http", "ws"):
            client = scope.get("client")
            if client is not None and not is_this_machine(client[0]):
                raise Forbidden(
                    "This server answers over HTTPS only.",
                    hint="Use an https:// address. If this request did, its proxy must be named in "
                    "DUETDB_TRUSTED_PROXIES and say so in its headers.",
                )
        has_body = False
        for name, value in scope["headers"]:
            if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
                raise UnsupportedMediaType(
                    "The body is encoded, and encoded bodies are not read here.",
                    hint="Send it as it is, without Content-Encoding.",
                )
            if name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
                has_body = True
        return has_body


def address_of(scope: Scope) -> str:
    """The client's address, after trusted proxies; empty for a socket of this machine."""
    client = scope.get("client")
    return client[0] if client else ""


def _in_time(receive: Receive, seconds: float) -> Receive:
    """``receive`` that raises ``RequestTimeout`` when the body does not arrive.

    A client has ``seconds``, and more for what it has sent: a slow line may send much, and nobody
    may keep a request open by a byte now and then. Only the time counts in which the body is
    waited for: while the server is busy with what it has, it is not the client that is late.
    """
    loop = asyncio.get_running_loop()
    left = seconds
    arrived = False

    async def receiving() -> Message:
        nonlocal left, arrived
        if arrived:  # what is waited for now is that the client leaves
            return await receive()
        begun = loop.time()
        try:
            async with asyncio.timeout(left):
                message = await receive()
        except TimeoutError:
            raise RequestTimeout(
                "The body of the request did not arrive in time.",
                hint="Send it again, faster; see the setting DUETDB_BODY_SECONDS.",
            ) from None
        left += len(message.get("body", b"")) / _BYTES_A_SECOND - (loop.time() - begun)
        arrived = not message.get("more_body", False)
        return message

    return receiving
