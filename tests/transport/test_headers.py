"""The headers that tell browsers to be strict stand on every answer."""

from __future__ import annotations

import pytest

from tests.transport.conftest import OUTSIDE, Serving

NOSNIFF = {"x-content-type-options": "nosniff"}
STRICT = {
    **NOSNIFF,
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
API = "default-src 'none'; frame-ancestors 'none'"
HSTS = "strict-transport-security"
PREFLIGHT = {"origin": "http://localhost", "access-control-request-method": "GET"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/rest/users", {}, 200),
        ("HEAD", "/rest/users", {}, 200),
        ("GET", "/rest/users.csv", {}, 200),
        ("GET", "/rest/nowhere", {}, 404),
        ("GET", "/rest/users", {"x-apikey": "wrong"}, 403),
        ("DELETE", "/rest/users", {}, 405),
        ("POST", "/rest/users", {}, 400),
        ("POST", "/rest/users", {"content-encoding": "gzip"}, 415),
        ("GET", "/graphql?query={__typename}", {}, 200),
        ("GET", "/graphql?query={", {}, 200),
        ("GET", "/nowhere", {}, 404),
        ("GET", "/healthz", {}, 200),
        ("GET", "/metrics", {}, 200),
        ("OPTIONS", "/rest/users", PREFLIGHT, 204),
    ],
)
async def test_answers_for_programs(
    serving_with: Serving, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    async with serving_with() as client_at:
        answer = await client_at().request(method, path, headers=headers, content=b"")
        assert answer.status_code == status
        expected = {**STRICT, "content-security-policy": API, HSTS: "max-age=31536000"}
        for name, value in expected.items():
            assert answer.headers.get_list(name) == [value], name


@pytest.mark.parametrize(
    ("path", "accept"),
    [("/docs", "*/*"), ("/graphql", "text/html"), ("/rest/users.html", "*/*")],
)
async def test_pages_have_policies_of_their_own(
    serving_with: Serving, path: str, accept: str
) -> None:
    async with serving_with() as client_at:
        answer = await client_at().get(path, headers={"accept": accept})
        assert answer.status_code == 200
        for name, value in STRICT.items():
            assert answer.headers.get_list(name) == [value], name
        (policy,) = answer.headers.get_list("content-security-policy")
        assert policy.startswith("default-src 'none'; ")
        assert "style-src" in policy and "frame-ancestors 'none'" in policy


async def test_scripts_are_made_for_other_sites(serving_with: Serving) -> None:
    async with serving_with() as client_at:
        answer = await client_at().get("/rest/users.js")
        assert answer.headers.get_list("cross-origin-resource-policy") == ["cross-origin"]


async def test_only_https_answers_ask_for_https(serving_with: Serving) -> None:
    async with serving_with(trusted_proxies="127.0.0.2") as client_at:
        assert HSTS not in (await client_at("127.0.0.1", "http").get("/rest/users")).headers
        assert HSTS not in (await client_at(OUTSIDE, "http").get("/rest/users")).headers
        came = {"x-forwarded-for": OUTSIDE, "x-forwarded-proto": "https"}
        answer = await client_at("127.0.0.2", "http").get("/rest/users", headers=came)
        assert (answer.status_code, answer.headers[HSTS]) == (200, "max-age=31536000")


async def test_a_server_may_leave_that_to_others(serving_with: Serving) -> None:
    async with serving_with(hsts_seconds=0) as client_at:
        assert HSTS not in (await client_at(OUTSIDE, "https").get("/rest/users")).headers
