"""Liveness, readiness and metrics."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from duetdb.app.http.credentials import Callers
from duetdb.app.http.metrics import CONTENT_TYPE, Metrics
from duetdb.app.http.responses import JsonBytes
from duetdb.app.service.encoding import dumps
from duetdb.app.service.service import Service

_LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost"))
_OK = b'{"status":"ok"}'
_NOT_READY = b'{"status":"unavailable"}'


def health_routes(service: Service, callers: Callers, metrics: Metrics) -> list[BaseRoute]:
    """``/healthz``, ``/readyz`` and ``/metrics``.

    The first two need no key and reveal nothing; to the full key ``/readyz`` also
    says which collections are not served as their metadata asks, and why.
    """

    async def healthz(request: Request) -> JsonBytes:
        return JsonBytes(_OK)

    async def readyz(request: Request) -> JsonBytes:
        if not await service.ping():
            return JsonBytes(_NOT_READY, 503, {"retry-after": "1"})
        problems = service.catalog.problems
        if problems and await callers.is_full(request.scope):
            return JsonBytes(dumps({"status": "ok", "problems": dict(problems)}))
        return JsonBytes(_OK)

    async def exposition(request: Request) -> Response | JsonBytes:
        if not _on_loopback(request) and not await callers.is_full(request.scope):
            return JsonBytes(
                b'{"name":"Unauthenticated","message":"Metrics need the full-access key, or a '
                b'caller on this machine.","status":401}',
                401,
            )
        schema = service.catalog.schema
        metrics.schema_version.set(schema.version)
        metrics.collections.set(len(schema.collections))
        return Response(metrics.render(), headers={"content-type": CONTENT_TYPE})

    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", exposition, methods=["GET"]),
    ]


def _on_loopback(request: Request) -> bool:
    forwarded = "x-forwarded-for" in request.headers or "forwarded" in request.headers
    return not forwarded and request.client is not None and request.client.host in _LOOPBACK
