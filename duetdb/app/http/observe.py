"""One middleware for what an operator sees of a request: id, log line, metrics, timing, audit."""

from __future__ import annotations

import os
import re
import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from duetdb.app.http.failures import masked
from duetdb.app.http.gate import address_of
from duetdb.app.http.metrics import Metrics
from duetdb.app.http.streaming import Aborted
from duetdb.app.service import timing
from duetdb.app.service.audit import notes
from duetdb.app.service.audit.audit import Audit
from duetdb.app.service.encoding import dumps

_SAFE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_log = structlog.get_logger("duetdb.access")


class Observe:
    """Around everything but CORS: nothing that goes wrong leaves without a request id.

    An exception that no interface mapped is logged with its traceback and
    answered as a bare 500, so that nothing about the inside reaches a client.
    """

    def __init__(
        self, app: ASGIApp, metrics: Metrics, audit: Audit, *, access_log: bool = True
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._audit = audit
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, wants_timing = _look_at(scope)
        known = scope.setdefault("state", {})["request_id"] = request_id.decode("ascii")
        asked = notes.Asked(self._audit, known, scope["method"], scope["path"], address_of(scope))
        notes.begin(asked)
        begun = time.perf_counter()
        spent = timing.start() if wants_timing else None
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                extra = [(b"x-request-id", request_id)]
                if spent is not None:
                    extra.append((b"server-timing", _timing(begun, spent)))
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Aborted:
            raise
        except Exception as error:
            _log.exception("unexpected error", request_id=scope["state"]["request_id"])
            if status:
                raise
            await _masked(scope, sending, error)
        finally:
            self._finish(scope, status, time.perf_counter() - begun)

    def _finish(self, scope: Scope, status: int, seconds: float) -> None:
        self._metrics.observe(scope["method"], scope["path"], status, seconds)
        if self._access_log:
            _log.info(
                "request",
                request_id=scope["state"]["request_id"],
                method=scope["method"],
                path=scope["path"],
                status=status,
                ms=round(seconds * 1000, 2),
            )


def _look_at(scope: Scope) -> tuple[bytes, bool]:
    request_id = b""
    wants_timing = False
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SAFE_ID.fullmatch(value):
            request_id = value
        elif name == b"server-timing":
            wants_timing = True
    return request_id or os.urandom(8).hex().encode("ascii"), wants_timing


def _timing(begun: float, spent: list[float]) -> bytes:
    total = (time.perf_counter() - begun) * 1000
    return b"db;dur=%.2f, total;dur=%.2f" % (sum(spent) * 1000, total)


async def _masked(scope: Scope, send: Send, error: Exception) -> None:
    request_id = scope["state"]["request_id"]
    body = dumps(
        {
            "name": "InternalError",
            "message": masked(request_id),
            "status": 500,
        }
    )
    headers = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
    ]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})
