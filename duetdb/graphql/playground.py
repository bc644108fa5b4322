"""The playground: GraphiQL for browsers, with nothing from elsewhere.

GraphiQL and React come from an installed package that holds them as built
files and needs no other package; the page, its style and the script that joins
them to this server are ours.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.routing import BaseRoute, Route

from duetdb.app.http.assets import Asset

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "font-src data:; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_OURS = ("playground.css", "playground.js", "example.js", "storage.js")
# React 17.0.2 and GraphiQL 2.4.7, byte for byte as their makers publish them: the page
# names their digests, and a browser runs nothing else.
_PACKAGE = "graphene_django_graphiql_static"
_THEIRS = (
    "graphiql.min.css",
    "graphiql.min.js",
    "react.production.min.js",
    "react-dom.production.min.js",
)


@cache
def playground_page() -> Asset:
    """The page, for ``GET /graphql`` when a browser asks; ``Vary`` says that others get JSON.

    It needs no key, for it holds nothing of the database: it asks for the key and
    sends it with every operation.
    """
    return _asset(_our_folder(), "playground.html", vary="Accept")


def playground_routes() -> list[BaseRoute]:
    """What the page loads, all below ``/graphql/assets``."""
    theirs = files(_PACKAGE).joinpath("static", _PACKAGE)
    assets = {name: _asset(_our_folder(), name) for name in _OURS}
    assets |= {name: _asset(theirs, name) for name in _THEIRS}
    return [
        Route(f"/graphql/assets/{name}", asset, methods=["GET"]) for name, asset in assets.items()
    ]


def _our_folder() -> Traversable:
    return files("duetdb.graphql").joinpath("assets")


def _asset(folder: Traversable, name: str, **headers: str) -> Asset:
    content = folder.joinpath(name).read_bytes()
    return Asset(name, content, {"content-security-policy": _POLICY, **headers})
