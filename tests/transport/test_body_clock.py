"""Only the time in which a body is waited for counts against its sender."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from duetdb.app.http.failures import RequestTimeout
from duetdb.app.http.gate import Gate, Rules
from duetdb.app.http.rate import RateLimiter, Rates

SCOPE: Scope = {
    "type": "http",
    "scheme": "http",
    "path": "/media",
    "headers": [(b"transfer-encoding", b"chunked")],
}


async def read_by(busy: float, late: float, size: int) -> int | None:
    """Bytes of five pieces that come ``late`` s after each other to an application that is
    ``busy`` for so many s with each; None if they are given up. A body has 0.2 s."""
    read: list[int | None] = [0]

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        while more:
            try:
                message = await receive()
            except RequestTimeout:
                read[0] = None
                return
            assert read[0] is not None
            read[0] += len(message["body"])
            more = message["more_body"]
            await asyncio.sleep(busy)

    pieces = 5

    async def receive() -> Message:
        nonlocal pieces
        pieces -= 1
        await asyncio.sleep(late)
        return {"type": "http.request", "body": bytes(size), "more_body": pieces > 0}

    async def send(message: Any) -> None:
        raise AssertionError(message)

    limiter = RateLimiter(Rates(key=0, user=0, address=0, failures=0))
    gate = Gate(application, Rules(body_seconds=0.2), limiter)
    await gate(SCOPE, receive, send)
    return read[0]


async def test_a_server_that_is_busy_cuts_nobody_off() -> None:
    assert await read_by(busy=0.15, late=0, size=10) == 50


async def test_a_sender_that_is_slow_is_given_up() -> None:
    assert await read_by(busy=0, late=0.07, size=10) is None


async def test_a_sender_that_is_slow_with_much_has_more_time() -> None:
    assert await read_by(busy=0, late=0.07, size=2000) == 10_000
