"""Keys that an issuer publishes, from a real HTTP server (RFC 7517)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest

from duetdb.app.service.errors import Unauthenticated, Unavailable
from duetdb.app.service.identity import jwks
from duetdb.app.service.identity.jwks import JwksKeys, usable_keys
from duetdb.app.service.identity.token_form import read_token
from duetdb.app.service.identity.verifying import Verifier
from tests.identity.issuer import bearer, hmac_signed, jwk, private_key, public_pem, signed

ONE, TWO = private_key("ES256"), private_key("ES256", 1)


class Issuer:
    """An HTTP server whose answer the test sets, and that counts what it is asked."""

    def __init__(self) -> None:
        self.status = "200 OK"
        self.headers = ""
        self.asked = 0
        self.delay = 0.0
        self.url = ""
        self.answering: set[asyncio.Task[Any]] = set()
        self.say(jwk(ONE))

    def say(self, *keys: Any) -> None:
        self.body = json.dumps({"keys": keys}).encode()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.answering.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            await asyncio.sleep(self.delay)
            head = f"HTTP/1.1 {self.status}\r\nconnection: close\r\n{self.headers}\r\n"
            writer.write(head.encode() + self.body)
            with suppress(ConnectionError):
                await writer.drain()
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    server = await asyncio.start_server(issuer.answer, "127.0.0.1", 0)
    issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks.json"
    yield issuer
    for task in issuer.answering:
        task.cancel()
    await asyncio.gather(*issuer.answering, return_exceptions=True)
    server.close()
    await server.wait_closed()


Make = Callable[..., tuple[JwksKeys, Verifier]]


@pytest.fixture
async def make(issuer: Issuer) -> AsyncIterator[Make]:
    made: list[JwksKeys] = []

    def make(**seconds: float) -> tuple[JwksKeys, Verifier]:
        keys = JwksKeys(issuer.url, "ES256", **{"pause": 60, **seconds})
        made.append(keys)
        return keys, Verifier("ES256", keys, issuer=None, audience=None, leeway=0)

    yield make
    for keys in made:
        await keys.stop()


async def accepts(verifier: Verifier, token: str) -> bool:
    try:
        await verifier.verify(token, read_token(token))
    except Unauthenticated:
        return False
    return True


def token(key: Any = ONE, kid: str | None = "one") -> str:
    return signed(key, "ES256", None if kid is None else {"kid": kid})


async def test_keys_are_fetched_once(issuer: Issuer, make: Make) -> None:
    _, verifier = make()
    assert await accepts(verifier, token())
    assert await accepts(verifier, token())
    assert not await accepts(verifier, token(TWO))
    assert issuer.asked == 1


async def test_many_at_once_cause_one_fetch(issuer: Issuer, make: Make) -> None:
    issuer.delay = 0.1
    _, verifier = make()
    assert all(await asyncio.gather(*(accepts(verifier, token()) for _ in range(50))))
    assert issuer.asked == 1


async def test_a_new_key_is_found_when_a_token_names_it(issuer: Issuer, make: Make) -> None:
    _, verifier = make()
    assert await accepts(verifier, token())
    issuer.say(jwk(TWO, "two"))
    assert await accepts(verifier, token(TWO, "two"))
    assert not await accepts(verifier, token()), "the old key was taken back"
    assert issuer.asked == 2


async def test_unknown_keys_cause_one_fetch_in_a_while(issuer: Issuer, make: Make) -> None:
    _, verifier = make()
    await accepts(verifier, token())
    for number in range(50):
        assert not await accepts(verifier, token(TWO, f"made-up-{number}"))
    assert issuer.asked == 2


async def test_unknown_keys_are_asked_for_again_after_the_pause(issuer: Issuer, make: Make) -> None:
    _, verifier = make(pause=0.05)
    await accepts(verifier, token())
    assert not await accepts(verifier, token(TWO, "two"))
    issuer.say(jwk(ONE), jwk(TWO, "two"))
    await asyncio.sleep(0.06)
    assert await accepts(verifier, token(TWO, "two"))


async def test_keys_last_while_the_issuer_is_away(issuer: Issuer, make: Make) -> None:
    _, verifier = make(fresh=0, pause=0)
    assert await accepts(verifier, token())
    issuer.status = "503 Service Unavailable"
    for _ in range(3):
        assert await accepts(verifier, token())
        await asyncio.sleep(0.02)
    assert issuer.asked > 1


async def test_keys_do_not_last_for_ever(issuer: Issuer, make: Make) -> None:
    _, verifier = make(fresh=0, stale=0.1, pause=0)
    assert await accepts(verifier, token())
    issuer.status = "503 Service Unavailable"
    await asyncio.sleep(0.15)
    with pytest.raises(Unavailable):
        await verifier.verify(token(), read_token(token()))
    issuer.status = "200 OK"
    assert await accepts(verifier, token())


async def test_a_key_that_is_taken_back_is_refused_when_keys_are_old(
    issuer: Issuer, make: Make
) -> None:
    _, verifier = make(fresh=0.05)
    assert await accepts(verifier, token())
    issuer.say(jwk(TWO, "two"))
    await asyncio.sleep(0.06)
    await accepts(verifier, token())  # begins the fetch in the background
    await asyncio.sleep(0.2)
    assert not await accepts(verifier, token())


async def test_a_token_without_kid_means_the_only_key(issuer: Issuer, make: Make) -> None:
    _, verifier = make()
    assert await accepts(verifier, token(kid=None))
    issuer.say(jwk(ONE), jwk(TWO, "two"))
    _, verifier = make()
    assert not await accepts(verifier, token(kid=None))


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "302 Found", "headers": "location: http://127.0.0.1:1/\r\n"},
        {"status": "404 Not Found"},
        {"status": "204 No Content", "body": b""},
        {"body": b""},
        {"body": b"<html>"},
        {"body": b"[]"},
        {"body": b'{"keys": {}}'},
        {"body": b"[" * 100_000},
        {"body": b'{"keys": [' + b" " * 300_000 + b"]}"},
        {"headers": "content-encoding: gzip\r\n"},
        {"headers": "content-length: 1000000\r\n"},
    ],
    ids=str,
)
async def test_answers_that_are_no_keys(
    issuer: Issuer, make: Make, answer: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in answer.items():
        setattr(issuer, name, value)
    _, verifier = make()
    with pytest.raises(Unavailable):
        await verifier.verify(token(), read_token(token()))
    assert issuer.asked == 1


async def test_an_issuer_that_is_slow_or_away_is_given_up(
    issuer: Issuer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "_FETCH_SECONDS", 0.1)
    issuer.delay = 1
    _, verifier = make()
    with pytest.raises(Unavailable):
        await verifier.verify(token(), read_token(token()))
    away = JwksKeys("http://127.0.0.1:1/jwks.json", "ES256")
    with pytest.raises(Unavailable):
        await away.find("one")


GOOD = jwk(ONE)


@pytest.mark.parametrize(
    "odd",
    [
        None,
        7,
        "key",
        [],
        {},
        {"kty": "EC"},
        {"kty": ["EC"], "kid": "odd"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "odd"},
        {"kty": "EC", "crv": "P-256", "x": 7, "y": None, "kid": "odd"},
        {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA", "kid": "odd"},
        {"kty": "EC", "crv": {"P-256": 1}, "x": "AAAA", "y": "AAAA", "kid": "odd"},
        {**jwk(ONE, "odd"), "crv": "P-384"},
        {**jwk(ONE, "odd"), "x": jwk(ONE)["y"]},
        jwk(ONE, "odd", use="enc"),
        jwk(ONE, "odd", alg="ES384"),
        jwk(ONE, "odd", key_ops=["sign"]),
        jwk(ONE, "odd", key_ops="verify"),
        {**jwk(ONE), "kid": 7},
        {**jwk(ONE), "kid": {"a": 1}},
        jwk(private_key("RS256"), "odd"),
        jwk(private_key("EdDSA"), "odd"),
        jwk(ONE, "odd", d="AAAA"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_odd_keys_are_left_out_and_take_no_other_away(odd: Any) -> None:
    found = usable_keys({"keys": [odd, GOOD, odd]}, "ES256")
    assert list(found) == ["one"]


def test_weak_rsa_keys_are_left_out() -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    weak = rsa.generate_private_key(65537, 1024)
    assert usable_keys({"keys": [jwk(weak)]}, "RS256") == {}
    assert list(usable_keys({"keys": [jwk(private_key("RS256"))]}, "RS256")) == ["one"]


def test_only_so_many_keys_are_looked_at() -> None:
    many = [jwk(ONE, str(number)) for number in range(500)]
    assert len(usable_keys({"keys": many}, "ES256")) == 100


async def test_users_come_in_by_published_keys(issuer: Issuer, serve: Any, engine: Any) -> None:
    await engine.database["users"].insert_one({"email": "ada@example.com"})
    client = await serve(jwt_algorithm="ES256", jwt_jwks_url=issuer.url)
    answer = await client.get("/auth/userinfo", headers=bearer(token()))
    assert (answer.status_code, answer.json()["email"]) == (200, "ada@example.com")
    header = {"alg": "HS256", "kid": "one"}
    for secret in (public_pem(ONE), json.dumps(jwk(ONE)), jwk(ONE)["x"]):
        forged = hmac_signed(header, {"email": "ada@example.com", "exp": 4_000_000_000}, secret)
        assert (await client.get("/auth/userinfo", headers=bearer(forged))).status_code == 401
    issuer.status, issuer.asked = "500 Oops", 0
    assert (await client.get("/auth/userinfo", headers=bearer(token()))).status_code == 200
    assert issuer.asked == 0


async def test_without_keys_users_wait(issuer: Issuer, serve: Any) -> None:
    issuer.status = "500 Oops"
    client = await serve(jwt_algorithm="ES256", jwt_jwks_url=issuer.url)
    answer = await client.get("/auth/userinfo", headers=bearer(token()))
    assert (answer.status_code, answer.json()["name"]) == (503, "Unavailable")
    assert answer.headers["retry-after"] == "1"
