"""Browsers on loopback origins may call every address and read every answer (SPEC 2.4)."""

from __future__ import annotations

import httpx
import pytest

PAGE = "http://localhost:3000"
PATHS = ["/rest/users", "/rest/nowhere/at/all", "/graphql", "/healthz", "/metrics", "/nowhere", "/"]


def allowed(answer: httpx.Response) -> str | None:
    return answer.headers.get("access-control-allow-origin")


@pytest.mark.parametrize(
    "origin",
    "http://localhost http://localhost:3000 https://LOCALHOST:65535 http://127.0.0.1:8080 "
    "http://127.1.2.3 http://[::1]:8000".split(),
)
async def test_loopback_origins_may_read(app_client: httpx.AsyncClient, origin: str) -> None:
    answer = await app_client.get("/rest/users", headers={"origin": origin})
    assert answer.status_code == 200
    assert allowed(answer) == origin
    assert answer.headers["access-control-allow-credentials"] == "true"
    exposed = {each.lower() for each in answer.headers["access-control-expose-headers"].split(",")}
    assert exposed >= {"x-pagination", "etag", "retry-after", "x-request-id", "server-timing"}
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        "",
        *"null http://example.com http://localhost.example.com http://xlocalhost "
        "http://localhost:3000.example.com http://127.0.0.1.example.com file://localhost "
        "http://localhost:3000/ http://localhost@example.com http://10.0.0.1".split(),
    ],
)
async def test_other_origins_may_not(app_client: httpx.AsyncClient, origin: str) -> None:
    answer = await app_client.get("/rest/users", headers={"origin": origin})
    assert (answer.status_code, answer.json()["name"]) == (403, "Forbidden")
    assert allowed(answer) is None
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("origin", ["http://example.com", "https://a.example:8443", "null"])
async def test_a_preflight_says_nothing_of_who_may(
    app_client: httpx.AsyncClient, origin: str
) -> None:
    asked = {"origin": origin, "access-control-request-method": "DELETE"}
    answer = await app_client.options("/rest/users", headers=asked)
    assert (answer.status_code, allowed(answer)) == (204, origin)


@pytest.mark.parametrize("origin", ["", "http://a.example/", "http://a.example,http://b.example"])
async def test_what_is_no_origin_is_granted_nothing(
    app_client: httpx.AsyncClient, origin: str
) -> None:
    asked = {"origin": origin, "access-control-request-method": "DELETE"}
    answer = await app_client.options("/rest/users", headers=asked)
    assert (answer.status_code, allowed(answer)) == (204, None)
    assert "access-control-allow-methods" not in answer.headers


@pytest.mark.parametrize("path", PATHS)
async def test_a_preflight_needs_no_key_on_any_path(
    app_client: httpx.AsyncClient, path: str
) -> None:
    asked = {
        "origin": PAGE,
        "access-control-request-method": "PATCH",
        "access-control-request-headers": "x-apikey,content-type",
    }
    request = app_client.build_request("OPTIONS", path, headers=asked)
    del request.headers["x-apikey"]
    answer = await app_client.send(request)
    assert (answer.status_code, answer.content, allowed(answer)) == (204, b"", PAGE)
    methods = set(answer.headers["access-control-allow-methods"].split(","))
    assert methods == {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    headers = set(answer.headers["access-control-allow-headers"].split(","))
    assert headers >= {
        *("x-apikey", "content-type", "cache-control", "authorization", "accept"),
        *("x-http-method-override", "x-requested-with", "if-match"),
    }
    assert int(answer.headers["access-control-max-age"]) > 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/rest/nowhere", 404),
        ("DELETE", "/rest/users", 405),
        ("POST", "/rest/users", 400),
        ("GET", "/nowhere", 404),
        ("OPTIONS", "/rest/users", 405),
    ],
)
async def test_a_page_may_read_why_it_failed(
    app_client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await app_client.request(method, path, headers={"origin": PAGE}, content=b"{")
    assert (answer.status_code, allowed(answer)) == (status, PAGE)
    assert answer.json()["message"]


async def test_a_page_may_read_that_its_key_is_wrong(app_client: httpx.AsyncClient) -> None:
    answer = await app_client.get("/rest/users", headers={"origin": PAGE, "x-apikey": "wrong"})
    assert (answer.status_code, allowed(answer)) == (403, PAGE)


async def test_who_sends_no_origin_gets_no_cors(app_client: httpx.AsyncClient) -> None:
    answer = await app_client.get("/rest/users")
    assert not any(name.startswith("access-control") for name in answer.headers)
