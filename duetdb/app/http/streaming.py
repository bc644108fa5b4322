"""An answer that is sent while it is made, and is never mistaken for a whole one if it is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from typing import Any, Final, TypeVar

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from duetdb.app.log import Told
from duetdb.app.service.errors import DuetError

T = TypeVar("T")

_log = structlog.get_logger("duetdb.stream")
_NO_STORE: Final = (b"cache-control", b"no-store")


class Aborted(Told):
    """An answer has begun and cannot be completed; the reason is in the log already.

    Whoever serves must break the connection off.
    """


class Streaming:
    """An ASGI application that sends chunks as they come.

    It waits while the client does not read, and ends what makes the chunks at
    once when the client leaves. ``patience`` is how many seconds a client may
    take for one chunk. Nobody keeps it, unless ``headers`` have a ``cache-control``.
    """

    def __init__(
        self,
        first: bytes,
        rest: AsyncGenerator[bytes, None],
        headers: Mapping[str, str],
        patience: float,
        status: int = 200,
    ) -> None:
        self._first = first
        self._rest = rest
        self._patience = patience
        own = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        self._start: Message = {
            "type": "http.response.start",
            "status": status,
            "headers": own if "cache-control" in headers else [*own, _NO_STORE],
        }

    @classmethod
    async def begun(
        cls,
        chunks: AsyncGenerator[bytes, None],
        headers: Mapping[str, str],
        patience: float,
        receive: Receive,
        status: int = 200,
    ) -> Streaming:
        """The answer, once its first chunk is there: until then errors are ordinary ones.

        Raises ``ClientDisconnect`` when the client does not wait for it.
        """
        first = await _while_there(receive, _first(chunks))
        return cls(first, chunks, headers, patience, status)

    async def close(self) -> None:
        """Ends what makes the chunks."""
        await self._rest.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises ``Aborted`` when the answer stays incomplete."""
        try:
            await _while_there(receive, self._send(send, scope["method"] != "HEAD"))
        except ClientDisconnect:
            return
        except Exception as error:
            _tell(error, scope)
            raise Aborted(type(error).__name__) from None
        finally:
            await self.close()

    async def _send(self, send: Send, with_body: bool) -> None:
        await send(self._start)
        if with_body:
            await self._send_chunk(send, self._first)
            async for chunk in self._rest:
                await self._send_chunk(send, chunk)
        await send({"type": "http.response.body", "body": b""})

    async def _send_chunk(self, send: Send, chunk: bytes) -> None:
        async with asyncio.timeout(self._patience):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await asyncio.sleep(0)  # sending to a fast client does not wait, and others want a turn


async def _first(chunks: AsyncGenerator[bytes, None]) -> bytes:
    return await anext(chunks, b"")


async def _while_there(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives; when the client leaves, it is cancelled: ``ClientDisconnect``."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(_left(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)
    if working.cancelled():
        raise ClientDisconnect
    return working.result()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _tell(error: BaseException, scope: Scope) -> None:
    request_id = scope.get("state", {}).get("request_id", "unknown")
    match error:
        case DuetError():
            _log.error("stream aborted", request_id=request_id, reason=error.message)
        case TimeoutError():
            _log.error("stream aborted", request_id=request_id, reason="The client reads no more.")
        case _:
            _log.error("stream aborted", request_id=request_id, exc_info=error)
