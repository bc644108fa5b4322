"""Plain HTTP is for this machine, unless a proxy that is trusted says that it was HTTPS."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import Any, Literal

import pytest

from duetdb.app.http.proxies import Proxies
from duetdb.app.main import create_app
from duetdb.app.service.engine import Engine
from duetdb.app.settings import Settings
from tests.transport.conftest import OUTSIDE, Serving

MESSAGE = "This server answers over HTTPS only."
HINT = (
    "Use an https:// address. If this request did, its proxy must be named in "
    "DUETDB_TRUSTED_PROXIES and say so in its headers."
)
REFUSED = {"name": "Forbidden", "message": MESSAGE, "status": 403, "hint": HINT}
QUERY = {"query": "{ __typename }"}


@pytest.mark.parametrize("key", ["", "wrong", "test-key-of-more-than-24-characters"])
@pytest.mark.parametrize("path", ["/rest/users", "/rest/_meta", "/docs", "/metrics", "/nowhere"])
async def test_plain_http_from_elsewhere_is_refused_whatever_was_presented(
    serving_with: Serving, path: str, key: str
) -> None:
    async with serving_with() as client_at:
        answer = await client_at(OUTSIDE, "http", key).get(path)
        assert (answer.status_code, answer.json()) == (403, REFUSED)


async def test_graphql_says_it_in_its_own_words(serving_with: Serving) -> None:
    async with serving_with() as client_at:
        answer = await client_at(OUTSIDE, "http").post("/graphql", json=QUERY)
        extensions = {"code": "FORBIDDEN", "status": 403, "hint": HINT}
        assert (answer.status_code, answer.json()) == (
            403,
            {"errors": [{"message": MESSAGE, "extensions": extensions}]},
        )


@pytest.mark.parametrize(
    ("scheme", "changed", "refusal"),
    [("ws", {}, MESSAGE), ("wss", {"rate_address": 1}, "Too many requests: this address may")],
)
async def test_a_websocket_is_refused_before_it_is_open(
    settings: Settings, engine: Engine, scheme: str, changed: dict[str, Any], refusal: str
) -> None:
    app = create_app(replace(settings, **changed), engine)
    scope = {
        **{"type": "websocket", "scheme": scheme, "client": (OUTSIDE, 40_000), "headers": []},
        **{"path": "/graphql", "raw_path": b"/graphql", "query_string": b"", "subprotocols": []},
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async with app.router.lifespan_context(app):
        for _ in range(15):
            await app(dict(scope), receive, send)
    assert (sent[-1]["type"], sent[-1]["code"]) == ("websocket.close", 1008)
    assert sent[-1]["reason"].startswith(refusal)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_may_ask_in_plain_http(serving_with: Serving, path: str) -> None:
    async with serving_with() as client_at:
        answer = await client_at(OUTSIDE, "http", "").get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("address", "scheme", "changed"),
    [
        (OUTSIDE, "https", {}),
        ("127.0.0.1", "http", {}),
        ("127.8.8.8", "http", {}),
        ("::1", "http", {}),
        ("::ffff:127.0.0.1", "http", {}),
        (OUTSIDE, "http", {"require_https": False}),
    ],
)
async def test_everything_else_passes(
    serving_with: Serving, address: str, scheme: str, changed: dict[str, Any]
) -> None:
    async with serving_with(**changed) as client_at:
        answer = await client_at(address, scheme).get("/rest/users")
        assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize(
    ("changed", "headers", "status"),
    [
        ({}, {"x-forwarded-proto": "https"}, 403),
        ({}, {"forwarded": "for=127.0.0.1;proto=https"}, 403),
        ({"trusted_proxies": "203.0.113.10"}, {"x-forwarded-proto": "https"}, 403),
        ({"trusted_proxies": OUTSIDE}, {}, 403),
        ({"trusted_proxies": OUTSIDE}, {"x-forwarded-proto": "http"}, 403),
        ({"trusted_proxies": OUTSIDE}, {"x-forwarded-proto": "https, http"}, 403),
        ({"trusted_proxies": OUTSIDE}, {"forwarded": "for=9.9.9.9;proto=https"}, 403),
        ({"trusted_proxies": OUTSIDE}, {"x-forwarded-proto": "https"}, 200),
        ({"trusted_proxies": "203.0.113.0/24"}, {"x-forwarded-proto": "HTTPS"}, 200),
        (
            {"trusted_proxies": OUTSIDE, "proxy_headers": "forwarded"},
            {"forwarded": "for=9.9.9.9;proto=https"},
            200,
        ),
        (
            {"trusted_proxies": OUTSIDE, "proxy_headers": "forwarded"},
            {"x-forwarded-proto": "https"},
            403,
        ),
    ],
)
async def test_only_a_trusted_proxy_says_that_it_was_https(
    serving_with: Serving, changed: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    async with serving_with(**changed) as client_at:
        answer = await client_at(OUTSIDE, "http").get("/rest/users", headers=headers)
        assert answer.status_code == status


async def test_a_proxy_that_got_plain_http_does_not_make_it_local(serving_with: Serving) -> None:
    came = {"x-forwarded-for": OUTSIDE, "x-forwarded-proto": "http"}
    spoofed = {"x-forwarded-for": f"127.0.0.1, {OUTSIDE}", "x-forwarded-proto": "http"}
    async with serving_with(trusted_proxies="127.0.0.1") as client_at:
        for headers in (came, spoofed):
            answer = await client_at("127.0.0.1", "http").get("/rest/users", headers=headers)
            assert (answer.status_code, answer.json()) == (403, REFUSED)


Kind = Literal["x-forwarded", "forwarded"]
TRUSTED = ("10.0.0.0/8", "2001:db8::/32")


def resolved(kind: Kind, peer: str, *headers: tuple[str, str]) -> tuple[str, str]:
    """The address and the scheme that a plain request has after the proxies were heard."""
    scope: dict[str, Any] = {
        "type": "http",
        "scheme": "http",
        "client": (peer, 40_000),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }
    Proxies(map(ip_network, TRUSTED), kind).resolve(scope)
    return scope["client"][0], scope["scheme"]


FOR, PROTO = "x-forwarded-for", "x-forwarded-proto"


@pytest.mark.parametrize(
    ("peer", "headers", "expected"),
    [
        ("9.9.9.9", [(FOR, "1.1.1.1"), (PROTO, "https")], ("9.9.9.9", "http")),
        ("10.0.0.1", [], ("10.0.0.1", "http")),
        ("10.0.0.1", [(PROTO, "https")], ("10.0.0.1", "https")),
        ("10.0.0.1", [(FOR, "1.1.1.1"), (PROTO, "https")], ("1.1.1.1", "https")),
        ("::ffff:10.0.0.1", [(FOR, "1.1.1.1"), (PROTO, "https")], ("1.1.1.1", "https")),
        ("2001:db8::5", [(FOR, "2001:4860::8"), (PROTO, "wss")], ("2001:4860::8", "https")),
        # What a client adds on the left is not believed.
        ("10.0.0.1", [(FOR, "127.0.0.1, 8.8.8.8, 10.0.0.2")], ("8.8.8.8", "http")),
        ("10.0.0.1", [(FOR, "127.0.0.1"), (FOR, "8.8.8.8")], ("8.8.8.8", "http")),
        ("10.0.0.1", [(FOR, "10.0.0.3, 10.0.0.2")], ("10.0.0.3", "http")),
        ("10.0.0.1", [(FOR, "1.1.1.1, unknown")], ("unknown", "http")),
        ("10.0.0.1", [(FOR, "1.1.1.1:5000")], ("1.1.1.1", "http")),
        ("10.0.0.1", [(FOR, "[2001:4860::8]:443")], ("2001:4860::8", "http")),
        ("10.0.0.1", [(FOR, "1.1.1.1,,"), (PROTO, "https,http")], ("1.1.1.1", "http")),
        ("10.0.0.1", [(PROTO, "https"), (PROTO, "http")], ("10.0.0.1", "http")),
        ("10.0.0.1", [(FOR, "1.2.3.4," * 50_000 + "5.5.5.5")], ("5.5.5.5", "http")),
        ("10.0.0.1", [("forwarded", "for=1.1.1.1;proto=https")], ("10.0.0.1", "http")),
    ],
)
def test_x_forwarded_headers(
    peer: str, headers: list[tuple[str, str]], expected: tuple[str, str]
) -> None:
    assert resolved("x-forwarded", peer, *headers) == expected


@pytest.mark.parametrize(
    ("peer", "value", "expected"),
    [
        ("9.9.9.9", "for=1.1.1.1;proto=https", ("9.9.9.9", "http")),
        ("10.0.0.1", "for=1.1.1.1;proto=https", ("1.1.1.1", "https")),
        ("10.0.0.1", "For=1.1.1.1; Proto=HTTPS; by=10.0.0.1", ("1.1.1.1", "https")),
        ("10.0.0.1", "for=1.1.1.1", ("1.1.1.1", "http")),
        ("10.0.0.1", 'for="[2001:4860::8]:443";proto="https"', ("2001:4860::8", "https")),
        # The hop of the client counts, and not what it says of those before it.
        (
            "10.0.0.1",
            "for=127.0.0.1;proto=https, for=8.8.8.8;proto=http, for=10.0.0.2;proto=https",
            ("8.8.8.8", "http"),
        ),
        ("10.0.0.1", 'for="1.1.1.1, for=8.8.8.8;proto=http', ("8.8.8.8", "http")),
        ("10.0.0.1", "for=_hidden;proto=https", ("_hidden", "https")),
        ("10.0.0.1", "proto=https", ("unknown", "https")),
        ("10.0.0.1", "", ("10.0.0.1", "http")),
    ],
)
def test_forwarded(peer: str, value: str, expected: tuple[str, str]) -> None:
    assert resolved("forwarded", peer, ("forwarded", value), (FOR, "7.7.7.7")) == expected
