"""A key says which pages may use it, and only these may read the answers (SPEC 2.4)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest

from duetdb.app.main import create_app
from duetdb.app.service.engine import Engine
from duetdb.app.settings import Settings
from tests.conftest import make_settings
from tests.keys.conftest import ask, make_key
from tests.processes import KEY

SHOP = "https://shop.example"
EVIL = "https://evil.example"
SECRET = "a-secret-of-the-issuer-with-more-than-32-bytes"


def allowed(answer: httpx.Response) -> str | None:
    """The origin that may read the answer, after checking the headers that belong to it."""
    assert answer.headers["vary"].split(", ").count("Origin") == 1
    origin = answer.headers.get("access-control-allow-origin")
    for name in ("access-control-allow-credentials", "access-control-expose-headers"):
        assert (name in answer.headers) is (origin is not None)
    return origin


@pytest.mark.parametrize(
    ("origins", "origin", "may"),
    [
        ([], SHOP, False),
        ([], "http://localhost:3000", False),
        ([SHOP], SHOP, True),
        ([SHOP], EVIL, False),
        ([SHOP], "http://shop.example", False),
        ([SHOP], "https://shop.example:8443", False),
        ([SHOP], "https://shop.example.evil.example", False),
        ([SHOP], "https://xshop.example", False),
        ([SHOP], "https://shop.example/", False),
        ([SHOP], "null", False),
        ([SHOP], "", False),
        ([SHOP], "http://localhost:3000", False),
        ([SHOP, "https://other.example"], "https://other.example", True),
        (["loopback"], "http://localhost:3000", True),
        (["loopback"], "https://[::1]", True),
        (["loopback"], SHOP, False),
        (["*"], EVIL, True),
        (["*"], "null", True),
        (["*"], "not an origin", False),
    ],
)
async def test_which_pages_may(
    full: httpx.AsyncClient, origins: list[str], origin: str, may: bool
) -> None:
    key = (await make_key(full, paths=["/posts"], origins=origins))["key"]
    for method, path in (("GET", "/rest/posts"), ("POST", "/graphql")):
        body = {"query": "{ posts { title } }"} if method == "POST" else None
        answer = await ask(full, key, method, path, json=body, headers={"origin": origin})
        assert answer.status_code == (200 if may else 403), (path, answer.text)
        assert allowed(answer) == (origin if may else None)


async def test_programs_send_no_origin_and_are_not_asked_for_one(full: httpx.AsyncClient) -> None:
    key = (await make_key(full, paths=["/posts"], origins=[SHOP]))["key"]
    answer = await ask(full, key)
    assert (answer.status_code, allowed(answer)) == (200, None)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://duetdb"},
        {"origin": "https://behind.a.proxy.example", "sec-fetch-site": "same-origin"},
    ],
)
@pytest.mark.parametrize("web", [True, False])
async def test_our_own_pages_may_use_every_key(
    full: httpx.AsyncClient, headers: dict[str, str], web: bool
) -> None:
    key = (await make_key(full, paths=["/posts"]))["key"] if web else KEY
    answer = await ask(full, key, headers=headers)
    assert (answer.status_code, allowed(answer)) == (200, None)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "Same-Origin"])
async def test_other_words_of_the_browser_change_nothing(
    full: httpx.AsyncClient, site: str
) -> None:
    answer = await ask(full, KEY, headers={"origin": EVIL, "sec-fetch-site": site})
    assert (answer.status_code, allowed(answer)) == (403, None)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/rest/strict", b'{"title":5}', 400),
        ("POST", "/rest/strict", b"{", 400),
        ("GET", "/rest/posts/nowhere", b"", 404),
        ("GET", "/rest/people", b"", 403),
        ("DELETE", "/rest/posts", b"", 405),
        ("POST", "/rest/posts", b"x" * 2_000, 413),
        ("POST", "/graphql", b"{", 400),
    ],
)
async def test_a_page_may_read_why_it_failed(
    limited: httpx.AsyncClient, method: str, path: str, body: bytes, status: int
) -> None:
    required = {"name": "strict", "fields": [{"name": "title", "type": "date", "required": True}]}
    assert (await limited.put("/rest/strict/_meta", json=required)).status_code == 200
    assert (await limited.put("/rest/posts/_meta", json={"name": "posts"})).status_code == 200
    rights: dict[str, Any] = {"paths": ["/posts/**", "/strict"], "origins": [SHOP]}
    key = (await make_key(limited, **rights))["key"]
    headers = {"origin": SHOP, "content-type": "application/json"}
    answer = await ask(limited, key, method, path, content=body, headers=headers)
    assert (answer.status_code, allowed(answer)) == (status, SHOP)
    if body == b'{"title":5}':
        assert answer.json()["list"][0]["field"] == "title"


async def test_a_page_may_read_that_it_asks_too_often(full: httpx.AsyncClient) -> None:
    key = (await make_key(full, paths=["/posts"], origins=[SHOP], rate=0.1))["key"]
    answers = [await ask(full, key, headers={"origin": SHOP}) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 429, 429]
    assert allowed(answers[1]) == SHOP
    assert int(answers[1].headers["retry-after"]) >= 1


@pytest.mark.parametrize("key", [None, "", "0" * 24, "wrong"])
async def test_nobody_in_particular_reads_on_loopback_only(
    full: httpx.AsyncClient, key: str | None
) -> None:
    for origin, reads in (("http://localhost:3000", True), (SHOP, False)):
        answer = await ask(full, key, headers={"origin": origin})
        assert answer.status_code in (401, 403)
        assert allowed(answer) == (origin if reads else None)


@pytest.fixture
async def with_users(settings: Settings, engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    """A client that presents nothing, of a server whose tokens are signed with ``SECRET``."""
    uri = str(settings.mongodb_uri)
    given = make_settings(uri, jwt_secret=SECRET, user_origins=f"{SHOP}:443, loopback")
    app = create_app(given, engine)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://duetdb") as client:
            await ask(client, KEY, "POST", "/rest/users", json={"email": "ann@example.com"})
            await ask(client, KEY, "PUT", "/rest/posts/_meta", json={"name": "posts"})
            yield client


def token(**claims: Any) -> str:
    whole = {"email": "ann@example.com", "exp": time.time() + 60, **claims}
    return jwt.encode(whole, SECRET, "HS256")


async def test_the_setting_says_which_pages_act_for_users(with_users: httpx.AsyncClient) -> None:
    for origin, reads in ((SHOP, True), ("http://localhost", True), (EVIL, False)):
        known = {"authorization": f"Bearer {token()}", "origin": origin}
        answer = await with_users.get("/rest/posts", headers=known)
        assert answer.status_code == (200 if reads else 403), answer.text
        assert allowed(answer) == (origin if reads else None)
        late = {"authorization": f"Bearer {token(exp=1)}", "origin": origin}
        for headers in (late, {"origin": origin}):
            answer = await with_users.get("/rest/posts", headers=headers)
            assert (answer.status_code, allowed(answer)) == (401, origin if reads else None)


async def test_of_a_key_and_a_token_both_must_be_valid_and_the_key_counts(
    with_users: httpx.AsyncClient,
) -> None:
    made = await ask(with_users, KEY, "POST", "/rest/_keys", json={"paths": ["/posts"]})
    key = made.json()["key"]
    for given, status in ((token(), 201), (token(exp=1), 401), ("x", 401)):
        headers = {"authorization": f"Bearer {given}"}
        answer = await ask(with_users, key, "POST", json={}, headers=headers)
        assert answer.status_code == status
        if status == 201:
            assert answer.json()["_createdby"] == "api"
        shop = {**headers, "origin": SHOP}
        answer = await ask(with_users, key, "POST", json={}, headers=shop)
        assert answer.status_code == (403 if status == 201 else 401)
    headers = {"authorization": f"Bearer {token()}"}
    assert (await ask(with_users, "0" * 24, headers=headers)).status_code == 403
    by_user = await ask(with_users, None, "POST", json={}, headers=headers)
    assert by_user.json()["_createdby"] == "ann@example.com"


@pytest.mark.parametrize("path", ["/rest/posts", "/graphql", "/healthz", "/docs", "/nowhere"])
async def test_every_answer_says_that_it_depends_on_the_origin(
    full: httpx.AsyncClient, path: str
) -> None:
    for headers in ({}, {"origin": EVIL}, {"origin": "http://localhost"}):
        answer = await full.get(path, headers=headers)
        assert answer.headers["vary"].split(", ").count("Origin") == 1
