"""Tokens of users: what is accepted, what is 401, what is 403 (SPEC 2.5 and 3.2)."""

from __future__ import annotations

import base64
import time
from typing import Any

import httpx
import jwt
import pytest

from duetdb.app.service.engine import Engine
from tests.identity.conftest import Serve
from tests.identity.issuer import (
    EMAIL,
    SECRET,
    bearer,
    hmac_signed,
    part,
    private_key,
    public_pem,
    signed,
)

NOW = int(time.time())
UNVERIFIABLE = {
    "name": "Unauthenticated",
    "message": "The token cannot be verified.",
    "status": 401,
    "hint": "Log in again, and send the new token as it is.",
}
EXPIRED = {
    "name": "Unauthenticated",
    "message": "The token has expired.",
    "status": 401,
    "hint": "Exchange the refresh token, or log in again.",
}
NOT_ACCEPTED = {
    "name": "Forbidden",
    "message": "The user of this token is not accepted here.",
    "status": 403,
    "hint": "Ask whoever runs this server for an account.",
}


@pytest.fixture
async def ada(engine: Engine) -> Any:
    """The id of Ada's record."""
    record = {"email": EMAIL, "name": "Ada Lovelace", "roles": ["author"], "active": True}
    return (await engine.database["users"].insert_one(record)).inserted_id


@pytest.fixture
async def client(serve: Serve, ada: Any) -> httpx.AsyncClient:
    return await serve(jwt_secret=SECRET)


async def asked(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.get("/auth/userinfo", headers=bearer(token))


async def test_a_genuine_token_is_its_user(client: httpx.AsyncClient, ada: Any) -> None:
    answer = await asked(client, signed())
    assert answer.status_code == 200
    assert answer.json() == {
        "_id": str(ada),
        "email": EMAIL,
        "displayname": "Ada Lovelace",
        "image": None,
    }
    assert answer.headers["cache-control"] == "no-store"


async def test_clocks_may_differ_a_little(client: httpx.AsyncClient) -> None:
    now = int(time.time())
    for claims in ({"exp": now + 60.5}, {"exp": now - 5}, {"nbf": now + 5}, {"iat": now + 5}):
        assert (await asked(client, signed(**claims))).status_code == 200


async def test_nothing_is_401(client: httpx.AsyncClient) -> None:
    answer = await client.get("/auth/userinfo")
    assert (answer.status_code, answer.json()["name"]) == (401, "Unauthenticated")
    assert answer.headers["www-authenticate"]


async def test_an_expired_token_says_so(client: httpx.AsyncClient) -> None:
    answer = await asked(client, signed(exp=NOW - 60))
    assert (answer.status_code, answer.json()) == (401, EXPIRED)


HEADER = {"alg": "HS256", "typ": "JWT"}
CLAIMS = {"email": EMAIL, "exp": NOW + 86_400}
RAW_CLAIMS = b'{"email":"ada@example.com","exp":%d' % (NOW + 86_400)


HEADERS: dict[str, Any] = {
    "crit": {**HEADER, "crit": ["exp"]},
    "empty crit": {**HEADER, "crit": []},
    "b64": {**HEADER, "crit": ["b64"], "b64": True},
    "zip": {**HEADER, "zip": "DEF"},
    "enc": {**HEADER, "enc": "A128GCM"},
    "none": {**HEADER, "alg": "none"},
    "NONE": {**HEADER, "alg": "NONE"},
    "lower case": {**HEADER, "alg": "hs256"},
    "another hash": {**HEADER, "alg": "HS384"},
    "RS256": {**HEADER, "alg": "RS256"},
    "a list": {**HEADER, "alg": ["HS256"]},
    "null": {**HEADER, "alg": None},
    "no algorithm": {"typ": "JWT"},
    "kid is a number": {**HEADER, "kid": 7},
    "kid is an object": {**HEADER, "kid": {"$ne": None}},
    "alg twice": b'{"alg":"HS256","alg":"none"}',
    "alg twice, the other way": b'{"alg":"none","alg":"HS256"}',
    "header is a list": b'["HS256"]',
    "header is a text": b'"HS256"',
    "empty": b"",
    "no JSON": b"{",
    "more than JSON": b'{"alg":"HS256"} x',
    "byte order mark": b'\xef\xbb\xbf{"alg":"HS256"}',
    "not UTF-8": b'{"alg":"HS256","x":\xff}',
    "deep": b'{"alg":"HS256","x":' + b"[" * 300 + b"]" * 300 + b"}",
}


async def test_headers_that_are_refused(client: httpx.AsyncClient) -> None:
    assert (await asked(client, hmac_signed(HEADER, CLAIMS))).status_code == 200
    for name, header in HEADERS.items():
        answer = await asked(client, hmac_signed(header, CLAIMS))
        assert (name, answer.status_code, answer.json()) == (name, 401, UNVERIFIABLE)


REFUSED_CLAIMS: dict[str, Any] = {
    "never expires": {"email": EMAIL},
    "exp is null": {**CLAIMS, "exp": None},
    "exp is a text": {**CLAIMS, "exp": str(NOW + 86_400)},
    "exp is a list": {**CLAIMS, "exp": [NOW + 86_400]},
    "exp is true": {**CLAIMS, "exp": True},
    "exp is negative": {**CLAIMS, "exp": -1},
    "exp is no date": {**CLAIMS, "exp": 10**15},
    "exp is infinite": b'{"email":"ada@example.com","exp":1e400}',
    "exp is Infinity": b'{"email":"ada@example.com","exp":Infinity}',
    "exp is NaN": b'{"email":"ada@example.com","exp":NaN}',
    "exp is huge": b'{"email":"ada@example.com","exp":%s}' % (b"9" * 5000),
    "not yet": {**CLAIMS, "nbf": NOW + 86_400},
    "nbf is a text": {**CLAIMS, "nbf": "0"},
    "made tomorrow": {**CLAIMS, "iat": NOW + 86_400},
    "iat is a text": {**CLAIMS, "iat": "now"},
    "meant for others": {**CLAIMS, "aud": "another"},
    "meant for several others": {**CLAIMS, "aud": ["another"]},
    "meant for nobody": {**CLAIMS, "aud": []},
    "meant for no name": {**CLAIMS, "aud": ""},
    "iss is a list": {**CLAIMS, "iss": ["x"]},
    "sub is a number": {**CLAIMS, "sub": 7},
    "jti is an object": {**CLAIMS, "jti": {"x": 1}},
    "email twice": RAW_CLAIMS + b',"email":"bob@example.com"}',
    "claims are a list": b"[1]",
    "claims are null": b"null",
    "truncated": RAW_CLAIMS,
}


async def test_claims_that_are_refused(client: httpx.AsyncClient) -> None:
    for name, claims in REFUSED_CLAIMS.items():
        answer = await asked(client, hmac_signed(HEADER, claims))
        assert (name, answer.status_code, answer.json()) == (name, 401, UNVERIFIABLE)


def _broken() -> dict[str, str]:
    token = signed()
    header, claims, signature = token.split(".")
    other = part({**CLAIMS, "email": "bob@example.com"})
    padded = base64.urlsafe_b64encode(base64.urlsafe_b64decode(signature + "=")).decode()
    return {
        "no signature": f"{header}.{claims}.",
        "two parts": f"{header}.{claims}",
        "one part": header,
        "four parts": f"{token}.{signature}",
        "claims twice": f"{header}.{claims}.{claims}.{signature}",
        "signature cut": token[:-1],
        "signature of another length": token[:-6],
        "signature too long": token + "AAAA",
        "padded": f"{header}.{claims}.{padded}",
        "other claims": f"{header}.{other}.{signature}",
        "empty claims": f"{header}..{signature}",
        "empty header": f".{claims}.{signature}",
        "another alphabet": f"{header}.{claims}.{signature[:-1]}+",
        "a star inside": f"{header}.{claims}.{signature[:5]}*{signature[5:]}",
        "another key": signed("another-secret-that-has-enough-bytes"),
        "none": jwt.encode(CLAIMS, "", "none"),
        "none with a signature": f"{part({'alg': 'none'})}.{claims}.{signature}",
        "not a token": "abc",
        "dots": "..",
        "long": token + "A" * 10_000,
    }


async def test_texts_that_are_no_genuine_token(client: httpx.AsyncClient) -> None:
    for name, token in _broken().items():
        answer = await asked(client, token)
        assert (name, answer.status_code, answer.json()) == (name, 401, UNVERIFIABLE)


async def test_users_who_are_not_known(client: httpx.AsyncClient) -> None:
    texts = ["", "nobody@example.com", "ADA@example.com", "ada@example.com ", "ada@example.com\0"]
    others = [None, 7, True, [EMAIL], {"$gt": ""}, "a" * 300 + "@example.com"]
    for email in (*texts, *others):
        answer = await asked(client, signed(email=email))
        assert (email, answer.status_code, answer.json()) == (email, 403, NOT_ACCEPTED)


async def test_users_who_are_not_active(client: httpx.AsyncClient, engine: Engine) -> None:
    users = engine.database["users"]
    for number, active in enumerate([False, 0, "true", 1, [], {}]):
        email = f"{number}@example.com"
        record = {"email": email, "active": active}
        await users.insert_one(record, bypass_document_validation=True)
        answer = await asked(client, signed(email=email))
        assert (active, answer.status_code, answer.json()) == (active, 403, NOT_ACCEPTED)


async def test_the_address_must_be_verified_if_the_token_says_so(
    client: httpx.AsyncClient,
) -> None:
    for claimed, status in ((True, 200), ("true", 200), (False, 403), ("false", 403), (1, 403)):
        answer = await asked(client, signed(email_verified=claimed))
        assert (claimed, answer.status_code) == (claimed, status)


async def test_an_operator_may_let_unverified_addresses_in(serve: Serve, ada: Any) -> None:
    client = await serve(jwt_secret=SECRET, jwt_unverified_email=True)
    assert (await asked(client, signed(email_verified=False))).status_code == 200


async def test_two_records_of_one_address_are_nobody(engine: Engine, serve: Serve) -> None:
    people = engine.database["people"]
    await people.insert_many([{"email": EMAIL, "roles": ["admin"]}, {"email": EMAIL}])
    client = await serve(jwt_secret=SECRET, users_collection="people")
    answer = await asked(client, signed())
    assert (answer.status_code, answer.json()) == (403, NOT_ACCEPTED)


async def test_without_an_issuer_no_token_is_accepted(serve: Serve) -> None:
    client = await serve()
    answer = await asked(client, signed())
    assert (answer.status_code, answer.json()["message"]) == (401, "No tokens are accepted here.")


ISSUER = "https://issuer.example/"


async def test_issuer_and_audience_are_compared_whole(serve: Serve, ada: Any) -> None:
    client = await serve(jwt_secret=SECRET, jwt_issuer=ISSUER, jwt_audience="shop")
    audience: Any
    for audience in ("shop", ["other", "shop"]):
        assert (await asked(client, signed(iss=ISSUER, aud=audience))).status_code == 200
    for audience in (None, [], ["shop", 7], "sho", "shops", ["other"], {"shop": 1}):
        answer = await asked(client, signed(iss=ISSUER, aud=audience))
        assert (audience, answer.status_code, answer.json()) == (audience, 401, UNVERIFIABLE)
    for issuer in (None, ISSUER[:-1], ISSUER + "x", ISSUER.upper(), "issuer", ""):
        answer = await asked(client, signed(iss=issuer, aud="shop"))
        assert (issuer, answer.status_code, answer.json()) == (issuer, 401, UNVERIFIABLE)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_key_pairs(serve: Serve, ada: Any, algorithm: str) -> None:
    key = private_key(algorithm)
    client = await serve(jwt_algorithm=algorithm, jwt_public_key=public_pem(key))
    assert (await asked(client, signed(key, algorithm))).status_code == 200
    other = signed(private_key(algorithm, 1), algorithm)
    assert (await asked(client, other)).json() == UNVERIFIABLE


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_public_key_is_never_a_secret(serve: Serve, ada: Any, algorithm: str) -> None:
    pem = public_pem(private_key(algorithm))
    client = await serve(jwt_algorithm=algorithm, jwt_public_key=pem, passwords=True)
    for claims in (CLAIMS, {**CLAIMS, "iss": "duetdb"}):
        for secret in (pem, pem.strip(), "".join(pem.splitlines()[1:-1])):
            answer = await asked(client, hmac_signed(HEADER, claims, secret))
            assert (answer.status_code, answer.json()) == (401, UNVERIFIABLE)


async def test_no_user_has_the_name_of_keys(serve: Serve) -> None:
    client = await serve(jwt_secret=SECRET, jwt_without_record=True)
    assert (await asked(client, signed(email="apis"))).status_code == 200
    answer = await asked(client, signed(email="api"))
    assert (answer.status_code, answer.json()) == (403, NOT_ACCEPTED)


async def test_an_email_and_roles_may_be_in_other_claims(serve: Serve) -> None:
    client = await serve(
        jwt_secret=SECRET,
        jwt_email_claim="identity.mail",
        jwt_roles_claim="https://app.example/roles",
        jwt_without_record=True,
    )
    others: dict[str, Any] = {"https://app.example/roles": ["admin"]}
    token = signed(email=None, identity={"mail": EMAIL}, **others)
    answer = await asked(client, token)
    assert answer.status_code == 200
    assert answer.json() == {"_id": None, "email": EMAIL, "displayname": EMAIL, "image": None}
