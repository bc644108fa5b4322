"""/auth/jwt, /auth/token and /auth/logout: tokens that a key makes and renews (SPEC 3.4)."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any, NamedTuple

import httpx
import jwt
import pytest

from duetdb.app.service.engine import Engine
from duetdb.app.service.identity.sessions import Pair, Sessions
from tests.identity.conftest import Serve
from tests.identity.issuer import EMAIL, SECRET, bearer, private_key, private_pem, public_pem
from tests.processes import HEADERS, KEY

MINT = {"secret": "jwt_secret", "payload": {"email": EMAIL}}
REFUSED = {
    "name": "Unauthenticated",
    "message": "The refresh token is not valid.",
    "status": 401,
    "hint": "Log in again.",
}


@pytest.fixture
async def client(serve: Serve, engine: Engine) -> httpx.AsyncClient:
    await engine.database["users"].insert_one({"email": EMAIL})
    return await serve(jwt_secret=SECRET)


async def minted(client: httpx.AsyncClient, **changes: Any) -> dict[str, str]:
    answer = await client.post("/auth/jwt", json={**MINT, **changes}, headers=HEADERS)
    assert answer.status_code == 200, answer.text
    pair: dict[str, str] = answer.json()
    return pair


async def renewed(client: httpx.AsyncClient, refresh: str) -> httpx.Response:
    return await client.post("/auth/token", json={"refresh": refresh}, headers=HEADERS)


async def status(client: httpx.AsyncClient, token: str) -> int:
    return (await client.get("/auth/userinfo", headers=bearer(token))).status_code


async def test_a_key_makes_a_token(client: httpx.AsyncClient) -> None:
    pair = await minted(
        client,
        issuer="https://me.example",
        audience="them",
        subject="ada",
        expiresIn="15m",
        payload={"email": EMAIL, "plan": {"level": 3}, "tags": ["a", "é"]},
    )
    assert sorted(pair) == ["jwt", "refresh"]
    assert re.fullmatch("[0-9a-f]{64}", pair["refresh"])
    claims = jwt.decode(pair["jwt"], SECRET, ["HS256"], audience="them")
    assert re.fullmatch("[0-9a-f]{32}", claims.pop("jti"))
    made = claims.pop("iat")
    assert abs(made - time.time()) < 10
    assert claims == {
        "email": EMAIL,
        "plan": {"level": 3},
        "tags": ["a", "é"],
        "iss": "https://me.example",
        "aud": "them",
        "sub": "ada",
        "exp": made + 900,
    }


async def test_its_user_may_come_in(client: httpx.AsyncClient) -> None:
    assert await status(client, (await minted(client))["jwt"]) == 200


@pytest.mark.parametrize(
    ("given", "seconds"), [("1h", 3600), ("30s", 30), ("7d", 604_800), ("2 h", 7200), (90, 90)]
)
async def test_lives(client: httpx.AsyncClient, given: Any, seconds: int) -> None:
    token = (await minted(client, expiresIn=given))["jwt"]
    claims = jwt.decode(token, SECRET, ["HS256"])
    assert claims["exp"] - claims["iat"] == seconds


async def test_the_default_life_is_an_hour(client: httpx.AsyncClient) -> None:
    claims = jwt.decode((await minted(client))["jwt"], SECRET, ["HS256"])
    assert claims["exp"] - claims["iat"] == 3600


WRONG_BODIES: list[tuple[Any, str | None]] = [
    ({}, "secret"),
    ({"secret": {"$ne": ""}}, "secret"),
    ({"secret": 7}, "secret"),
    ({**MINT, "algorithm": "none"}, "algorithm"),
    ({**MINT, "algorithm": "hs256"}, "algorithm"),
    ({**MINT, "expiresIn": "soon"}, "expiresIn"),
    ({**MINT, "expiresIn": "0s"}, "expiresIn"),
    ({**MINT, "expiresIn": -1}, "expiresIn"),
    ({**MINT, "expiresIn": 10**12}, "expiresIn"),
    ({**MINT, "expiresIn": True}, "expiresIn"),
    ({**MINT, "expiresIn": "9999999d"}, "expiresIn"),
    ({**MINT, "subject": 7}, "subject"),
    ({**MINT, "issuer": ["a"]}, "issuer"),
    ({**MINT, "payload": "email"}, "payload"),
    ({**MINT, "payload": [1]}, "payload"),
    ({**MINT, "other": 1}, "other"),
    *(({**MINT, "payload": {name: "x"}}, None) for name in "iss sub aud exp nbf iat jti".split()),
    ({**MINT, "payload": {"x": "y" * 5000}}, None),
    ({**MINT, "secret": "no.such.secret"}, None),
    ({**MINT, "secret": "$where"}, None),
    ({**MINT, "secret": ""}, None),
    ({**MINT, "algorithm": "HS512"}, None),
    ({**MINT, "algorithm": "RS256"}, None),
    ([MINT], None),
    ("jwt_secret", None),
]


async def test_bodies_that_are_refused(client: httpx.AsyncClient) -> None:
    for body, field in WRONG_BODIES:
        answer = await client.post("/auth/jwt", json=body, headers=HEADERS)
        assert (body, answer.status_code) == (body, 400)
        found = answer.json()
        if field is not None:
            assert found["name"] == "ValidationError"
            assert field in [each["field"] for each in found["list"]]
        else:
            assert found["name"] == "BadRequest"
        assert SECRET not in answer.text


async def test_a_body_may_be_a_form(client: httpx.AsyncClient) -> None:
    answer = await client.post("/auth/jwt", data={"secret": "jwt_secret"}, headers=HEADERS)
    assert answer.status_code == 200
    answer = await client.post(
        "/auth/jwt", content=b"<x/>", headers={**HEADERS, "content-type": "text/xml"}
    )
    assert answer.status_code == 415


async def test_who_may_make_tokens(client: httpx.AsyncClient) -> None:
    for headers, expected in (
        ({}, 401),
        ({"x-apikey": "x" * 37}, 403),
        (bearer((await minted(client))["jwt"]), 403),
        (await web_key(client, ["/**"]), 403),
        (await web_key(client, ["/auth/*"]), 403),
        (await web_key(client, ["/auth/**"]), 403),
        (await web_key(client, ["/auth/jwt"], methods=["GET"]), 403),
        (await web_key(client, ["/auth/jwt"]), 200),
    ):
        answer = await client.post("/auth/jwt", json=MINT, headers=headers)
        assert (headers, answer.status_code) == (headers, expected)


async def web_key(client: httpx.AsyncClient, paths: list[str], **more: Any) -> dict[str, str]:
    answer = await client.post("/rest/_keys", json={"paths": paths, **more}, headers=HEADERS)
    assert answer.status_code == 201, answer.text
    return {"x-apikey": answer.json()["key"]}


class MadeKey(NamedTuple):
    headers: dict[str, str]
    address: str


async def made_key(client: httpx.AsyncClient) -> MadeKey:
    """A key that may make tokens."""
    answer = await client.post("/rest/_keys", json={"paths": ["/auth/jwt"]}, headers=HEADERS)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return MadeKey({"x-apikey": made["key"]}, f"/rest/_keys/{made['_id']}")


async def test_secrets_of_ones_own(client: httpx.AsyncClient) -> None:
    key = private_key("RS256")
    path = "/auth/secrets/google.private_key"
    answer = await client.put(path, json={"value": private_pem(key)}, headers=HEADERS)
    assert (answer.status_code, answer.json()) == (200, {"result": "ok"})
    pair = await minted(client, secret="google.private_key", algorithm="RS256", audience="g")
    claims = jwt.decode(pair["jwt"], public_pem(key), ["RS256"], audience="g")
    assert claims["email"] == EMAIL
    listed = (await client.get("/auth/secrets", headers=HEADERS)).json()
    assert [sorted(each) for each in listed] == [["changed", "name"]]
    assert listed[0]["name"] == "google.private_key"
    body = {**MINT, "secret": "google.private_key"}
    answer = await client.post("/auth/jwt", json=body, headers=HEADERS)
    assert answer.status_code == 400, "a private key is no secret for HS256"
    assert (await client.delete(path, headers=HEADERS)).status_code == 200
    assert (await client.delete(path, headers=HEADERS)).status_code == 404
    assert (await renewed(client, pair["refresh"])).status_code == 403


async def test_secrets_are_for_the_full_key(client: httpx.AsyncClient) -> None:
    token = bearer((await minted(client))["jwt"])
    web = await web_key(client, ["/**", "/auth/jwt", "/auth/secrets"])
    for headers, expected in (({}, 401), (token, 403), (web, 403)):
        assert (await client.get("/auth/secrets", headers=headers)).status_code == expected
        path = "/auth/secrets/mine"
        answer = await client.put(path, json={"value": "x"}, headers=headers)
        assert answer.status_code == expected
        assert (await client.delete(path, headers=headers)).status_code == expected


@pytest.mark.parametrize("name", ["jwt_secret", "$x", "a..b", "a.", "x" * 65, "a b", "é"])
async def test_names_of_secrets(client: httpx.AsyncClient, name: str) -> None:
    path = f"/auth/secrets/{name}"
    assert (await client.put(path, json={"value": "x"}, headers=HEADERS)).status_code == 400


async def test_a_refresh_token_is_good_once(client: httpx.AsyncClient) -> None:
    first = await minted(client)
    answer = await renewed(client, first["refresh"])
    assert answer.status_code == 200
    second = answer.json()
    assert second["jwt"] != first["jwt"] and second["refresh"] != first["refresh"]
    assert await status(client, second["jwt"]) == 200
    third = await renewed(client, second["refresh"])
    assert third.status_code == 200


async def test_a_refresh_token_that_is_used_again_ends_all(client: httpx.AsyncClient) -> None:
    first = await minted(client)
    second = (await renewed(client, first["refresh"])).json()
    answer = await renewed(client, first["refresh"])
    assert (answer.status_code, answer.json()) == (401, REFUSED)
    assert (await renewed(client, second["refresh"])).json() == REFUSED
    assert await status(client, first["jwt"]) == 401
    assert await status(client, second["jwt"]) == 401


async def test_of_many_exchanges_at_once_one_succeeds(client: httpx.AsyncClient) -> None:
    for _ in range(5):
        refresh = (await minted(client))["refresh"]
        answers = await asyncio.gather(*(renewed(client, refresh) for _ in range(12)))
        assert sorted(each.status_code for each in answers) == [200, *[401] * 11]


async def test_refresh_tokens_that_are_refused(client: httpx.AsyncClient) -> None:
    good = (await minted(client))["refresh"]
    for refresh in ("x", "0" * 64, good.upper(), good[:-1], good + "0", " " + good):
        answer = await renewed(client, refresh)
        assert (refresh, answer.status_code, answer.json()) == (refresh, 401, REFUSED)
    for body in ({}, {"refresh": {"$ne": ""}}, {"refresh": 7}, {"refresh": good, "code": good}):
        answer = await client.post("/auth/token", json=body, headers=HEADERS)
        assert (body, answer.status_code) == (body, 400)
    assert (await renewed(client, good)).status_code == 200


async def test_a_refresh_token_belongs_to_its_key(client: httpx.AsyncClient) -> None:
    mine = await web_key(client, ["/auth/jwt"])
    other = await web_key(client, ["/auth/jwt"])
    pair = (await client.post("/auth/jwt", json=MINT, headers=mine)).json()
    for headers, expected in (({}, 401), (other, 403), (mine, 200)):
        answer = await client.post(
            "/auth/token", json={"refresh": pair["refresh"]}, headers=headers
        )
        assert answer.status_code == expected
    expired = {**mine, **bearer("expired.or.other")}
    body = {"refresh": answer.json()["refresh"]}
    assert (await client.post("/auth/token", json=body, headers=expired)).status_code == 200


async def test_a_key_that_may_no_longer_make_tokens_renews_none(client: httpx.AsyncClient) -> None:
    made = await made_key(client)
    pair = (await client.post("/auth/jwt", json=MINT, headers=made.headers)).json()
    answer = await client.patch(made.address, json={"paths": ["/posts/**"]}, headers=HEADERS)
    assert answer.status_code == 200
    body = {"refresh": pair["refresh"]}
    answer = await client.post("/auth/token", json=body, headers=made.headers)
    assert (answer.status_code, answer.json()["message"]) == (403, "This caller may not do that.")


@pytest.mark.parametrize(("method", "more"), [("DELETE", ""), ("POST", "/reset")])
async def test_tokens_end_with_the_key_that_made_them(
    client: httpx.AsyncClient, method: str, more: str
) -> None:
    made, others = await made_key(client), await minted(client)
    pairs = [
        (await client.post("/auth/jwt", json=MINT, headers=made.headers)).json() for _ in range(3)
    ]
    assert [await status(client, each["jwt"]) for each in pairs] == [200] * 3
    assert (await client.request(method, made.address + more, headers=HEADERS)).is_success
    assert [await status(client, each["jwt"]) for each in pairs] == [401] * 3
    answer = await renewed(client, pairs[0]["refresh"])
    assert (answer.status_code, answer.json()) == (401, REFUSED)
    assert await status(client, others["jwt"]) == 200


async def test_a_key_that_is_revoked_meanwhile_makes_no_token(
    client: httpx.AsyncClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await made_key(client)
    begin = Sessions.begin

    async def after_a_revocation(*arguments: Any) -> Pair:
        monkeypatch.undo()
        assert (await client.delete(made.address, headers=HEADERS)).status_code == 200
        return await begin(*arguments)

    monkeypatch.setattr(Sessions, "begin", after_a_revocation)
    answer = await client.post("/auth/jwt", json=MINT, headers=made.headers)
    assert answer.status_code == 403
    assert await engine.database["_sessions"].count_documents({}) == 0
    assert await engine.database["_revoked"].count_documents({}) == 1


async def test_a_session_is_known_for_as_long_as_its_tokens(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    await minted(client, expiresIn="200d")
    stored = await engine.database["_sessions"].find_one({})
    assert stored["gone"] == stored["tokens"][0]["until"] > stored["expires"]
    indexes = await engine.database["_sessions"].index_information()
    assert indexes["gone"]["expireAfterSeconds"] == 0


async def test_a_refresh_token_may_be_called_code(client: httpx.AsyncClient) -> None:
    refresh = (await minted(client))["refresh"]
    answer = await client.post("/auth/token", json={"code": refresh}, headers=HEADERS)
    assert answer.status_code == 200


async def test_refresh_tokens_expire(client: httpx.AsyncClient, engine: Engine) -> None:
    from datetime import datetime

    refresh = (await minted(client))["refresh"]
    await engine.database["_sessions"].update_many({}, {"$set": {"expires": datetime(2000, 1, 1)}})
    assert (await renewed(client, refresh)).json() == REFUSED


async def test_refresh_tokens_are_stored_as_hashes(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    pair = await minted(client)
    stored = repr(await engine.database["_sessions"].find({}).to_list())
    assert pair["refresh"] not in stored and pair["refresh"][32:] not in stored
    assert pair["jwt"] not in stored and SECRET not in stored


async def test_a_token_is_refused_after_logout(client: httpx.AsyncClient) -> None:
    pair, other = await minted(client), await minted(client)
    assert await status(client, pair["jwt"]) == 200
    answer = await client.post("/auth/logout", headers=bearer(pair["jwt"]))
    assert (answer.status_code, answer.json()) == (200, {"result": "ok"})
    assert await status(client, pair["jwt"]) == 401
    assert (await client.post("/auth/logout", headers=bearer(pair["jwt"]))).status_code == 401
    assert (await renewed(client, pair["refresh"])).json() == REFUSED
    assert await status(client, other["jwt"]) == 200, "another session goes on"


async def test_logging_out_takes_a_token(client: httpx.AsyncClient) -> None:
    for headers in ({}, {"x-apikey": KEY}):
        assert (await client.post("/auth/logout", headers=headers)).status_code == 401


async def test_a_second_spelling_of_a_token_is_logged_out_as_well(serve: Serve) -> None:
    """Whoever has a token on a curve can write a second signature that is as good."""

    from tests.identity.issuer import part, signed

    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    key = private_key("ES256")
    client = await serve(
        jwt_algorithm="ES256", jwt_public_key=public_pem(key), jwt_without_record=True
    )
    token = signed(key, "ES256")
    text, _, signature = token.rpartition(".")
    raw = jwt.utils.base64url_decode(signature)
    other = raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    twin = f"{text}.{part(other)}"
    assert twin != token and await status(client, twin) == 200
    await client.post("/auth/logout", headers=bearer(token))
    assert await status(client, twin) == 401
