"""``/docs``: a page that shows ``/openapi.json`` to a person, with nothing from elsewhere."""

from __future__ import annotations

from importlib.resources import files

from starlette.routing import BaseRoute, Route

from duetdb.app.http.assets import Asset

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ASSETS = {
    "/docs": "docs.html",
    "/docs/": "docs.html",
    "/docs/docs.js": "docs.js",
    "/docs/docs.css": "docs.css",
}


def docs_routes() -> list[BaseRoute]:
    """The page and its two assets; it needs no key, for it holds nothing of the database.

    The page asks for the key and reads the description with it.
    """
    return [Route(path, _asset(name), methods=["GET"]) for path, name in _ASSETS.items()]


def _asset(name: str) -> Asset:
    content = files("duetdb.rest").joinpath("assets", name).read_bytes()
    return Asset(name, content, {"content-security-policy": _POLICY})
