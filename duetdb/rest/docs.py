"""``/docs``: a page that shows ``/openapi.json`` to a person, with nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

_ASSETS = {
    "/docs": ("docs.html", "text/html; charset=utf-8"),
    "/docs/": ("docs.html", "text/html; charset=utf-8"),
    "/docs/docs.js": ("docs.js", "text/javascript; charset=utf-8"),
    "/docs/docs.css": ("docs.css", "text/css; charset=utf-8"),
}


def docs_routes() -> list[BaseRoute]:
    """The page and its two assets; it needs no key, for it holds nothing of the database.

    The page asks for the key and reads the description with it.
    """
    return [Route(path, _asset(*asset), methods=["GET"]) for path, asset in _ASSETS.items()]


def _asset(name: str, kind: str) -> Endpoint:
    content = files("duetdb.rest").joinpath("assets", name).read_bytes()

    async def serve(request: Request) -> Response:
        return Response(content, headers=_HEADERS, media_type=kind)

    return serve
