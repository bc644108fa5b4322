"""HTTP on one connection, with bounds on what a client may send before there is a request.

Uvicorn reads a head however long it is and however slowly it comes. Here a head has a number of
headers, a size and a time, and who holds a connection without asking for anything loses it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from duetdb.app.http.transport import STRICT
from duetdb.app.service.encoding import dumps

_PER_HEADER: Final = 4
"""Bytes between and behind the name and the value of a header."""
_LINGER_SECONDS: Final = 1.0
"""How long a refused client may go on sending: a connection that is closed on unread bytes is
reset, and then the client may never see why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadLimits:
    """Of the request line and the headers together: how many, how large, how slow."""

    count: int
    size: int
    seconds: float


class _Refused(Exception):
    """Ends the parsing of a head; what to answer is noted already."""


class Protocol(HttpToolsProtocol):
    """Answers 408 and 431, and closes the connection.

    A timer runs while the server waits for a head that has begun, or for the first one; between
    requests it is the keep-alive time that counts.
    """

    def __init__(self, head_limits: HeadLimits, **options: Any) -> None:
        super().__init__(**options)
        self._limits = head_limits
        self._timer: asyncio.TimerHandle | None = None
        self._chunk = self._most = self._first = 0
        self._in_head = False
        self._refusal: tuple[int, str, str] | None = None
        self._lingers = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_over():
            return
        self._chunk = len(data)
        self._most += self._chunk
        super().data_received(data)
        if self._is_over():
            return
        if self._most - self._first > self._limits.size:
            self._too_large()
            self.send_400_response("")
        elif self._timer is None and (self._in_head or self._is_idle()) and self._is_ours():
            self._start_timer()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._count_from_here()

    def on_headers_complete(self) -> None:
        self._stop_timer()
        limits = self._limits
        if len(self.headers) > limits.count or (
            self._most > limits.size and self._size() > limits.size
        ):
            self._too_large()
            raise _Refused
        self._in_head = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._count_from_here()  # what is not the body itself: trailers, extensions of chunks

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._timer is not None:  # while the server itself was busy, it may not have read
            self._stop_timer()
            self._start_timer()

    def send_400_response(self, msg: str) -> None:
        """The answer to what could not be parsed: Uvicorn's own, unless a limit is the reason."""
        if not self._is_idle() and (self._in_head or self.cycle.response_started):
            self.transport.close()  # what is written here would be read as an earlier answer
            return
        status, name, message = self._refusal or (400, "", msg)
        kind = b"application/json" if name else b"text/plain"
        body = dumps({"name": name, "message": message, "status": status}) if name else msg.encode()
        fields = [
            (b"content-type", kind + b"; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            *STRICT,
            *self.server_state.default_headers,
        ]
        lines = [b"%b: %b\r\n" % field for field in fields]
        self.transport.write(b"".join([STATUS_LINE[status], *lines, b"\r\n", body]))
        self._close_soon()

    def _close_soon(self) -> None:
        self._stop_timer()
        if not self._is_idle():
            self.cycle.disconnected = True  # for it no other answer has a place here
            self.cycle.message_event.set()
        if not self.transport.can_write_eof():
            self.transport.close()
            return
        self._lingers = True
        self.transport.write_eof()
        self._timer = self.loop.call_later(_LINGER_SECONDS, self.transport.close)

    def _count_from_here(self) -> None:
        """Of what is counted, these two bound the size: with this chunk and without it, for some
        of the chunk belongs to what came before."""
        self._most = self._first = self._chunk

    def _size(self) -> int:
        fields = (len(name) + len(value) + _PER_HEADER for name, value in self.headers)
        return len(self.url) + sum(fields)

    def _too_large(self) -> None:
        limits = self._limits
        self._refusal = (
            431,
            "HeadersTooLarge",
            f"The address and the headers of a request may have {limits.count:,} headers and "
            f"{limits.size:,} bytes.",
        )

    def _is_over(self) -> bool:
        return self._lingers or self.transport.is_closing()

    def _is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _is_ours(self) -> bool:
        """Whether the connection still speaks HTTP, and not WebSocket."""
        return self.transport.get_protocol() is self

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(self._limits.seconds, self._out_of_time)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _out_of_time(self) -> None:
        self._timer = None
        if self._is_over():
            return
        if not self._is_idle():  # what is waited for is the server's own answer
            self._start_timer()
        elif self._in_head:
            self._refusal = (
                408,
                "RequestTimeout",
                f"The headers of the request did not arrive within {self._limits.seconds:g} s.",
            )
            self.send_400_response("")
        else:
            self.transport.close()


def protocol_of(limits: HeadLimits) -> Any:
    """What Uvicorn makes its connections with; it can be sent to worker processes."""
    return partial(Protocol, limits)
