"""Users with a password: logging in, registering, resetting, and what nobody can learn from it."""

from __future__ import annotations

import asyncio
import re
import time
from statistics import median
from typing import Any

import httpx
import jwt
import pytest

from duetdb.app.service.engine import Engine
from duetdb.app.service.identity.attempts import Allowance
from duetdb.app.service.identity.passwords import Passwords
from duetdb.app.service.identity.sessions import Pair, Sessions
from tests.identity.conftest import Serve, client_of
from tests.identity.issuer import EMAIL, SECRET, bearer, private_key, public_pem, signed

PASSWORD = "correct horse battery"
LOGIN = {"email": EMAIL, "password": PASSWORD}
OK = {"result": "ok"}
WRONG = {
    "name": "Unauthenticated",
    "message": "The e-mail address or the password is wrong.",
    "status": 401,
    "hint": "Try again, or ask for a new password at /auth/reset.",
}
VOID = {
    "name": "Unauthenticated",
    "message": "The token is not valid any more.",
    "status": 401,
    "hint": "Ask for another mail.",
}


@pytest.fixture
async def client(serve: Serve) -> httpx.AsyncClient:
    return await serve(passwords=True, registration=True)


async def post(client: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
    return await client.post(f"/auth/{path}", json=body)


async def mailed(engine: Engine, email: str = EMAIL) -> str:
    """The token in the newest mail to an address."""
    found = await engine.database["email_outbound"].find({"to": email}).sort("_id", -1).to_list()
    assert found, "no mail was stored"
    assert found[0]["status"] == "queued"
    token = re.search("[0-9a-f]{64}", found[0]["body"])
    assert token, found[0]["body"]
    return token[0]


@pytest.fixture
async def ada(client: httpx.AsyncClient, engine: Engine) -> Any:
    """The id of Ada's record, who has registered."""
    assert (await post(client, "register", **LOGIN, name="Ada")).json() == OK
    assert (await post(client, "verify", token=await mailed(engine))).json() == OK
    return (await engine.database["users"].find_one({"email": EMAIL}))["_id"]


async def logged_in(client: httpx.AsyncClient) -> dict[str, str]:
    answer = await post(client, "login", **LOGIN)
    assert answer.status_code == 200, answer.text
    pair: dict[str, str] = answer.json()
    return pair


async def status(client: httpx.AsyncClient, token: str) -> int:
    return (await client.get("/auth/userinfo", headers=bearer(token))).status_code


async def test_without_the_settings_there_is_nothing(serve: Serve) -> None:
    none, some = await serve(), await serve(passwords=True)
    for path in "login register verify reset reset/confirm password".split():
        assert (await post(none, path)).status_code == 404
    assert (await post(some, "register")).status_code == 404
    assert (await post(some, "login")).status_code == 400


async def test_registering_and_logging_in(
    client: httpx.AsyncClient, engine: Engine, ada: Any
) -> None:
    record = await engine.database["users"].find_one({"email": EMAIL})
    audit = {"_created", "_createdby", "_changed", "_changedby", "_version"}
    shown = {name: value for name, value in record.items() if name not in audit}
    shown = {name: value for name, value in shown.items() if name not in ("_keywords", "_tags")}
    assert shown == {
        "_id": ada,
        "email": EMAIL,
        "name": "Ada",
        "email_verified": True,
        "active": True,
    }
    assert record["_createdby"] == EMAIL
    pair = await logged_in(client)
    assert re.fullmatch("[0-9a-f]{64}", pair["refresh"])
    answer = await client.get("/auth/userinfo", headers=bearer(pair["jwt"]))
    assert answer.json()["displayname"] == "Ada"
    claims = jwt.decode(pair["jwt"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 3600
    assert sorted(claims) == ["email", "exp", "iat", "iss", "jti", "sub"]


async def test_nobody_is_there_before_the_mail_has_come_back(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    await post(client, "register", **LOGIN)
    assert await engine.database["users"].count_documents({}) == 0
    assert (await post(client, "login", **LOGIN)).json() == WRONG


@pytest.mark.parametrize(
    "right", ["roles", "active", "email_verified", "realtime", "_id", "_createdby"]
)
async def test_nobody_registers_with_rights(client: httpx.AsyncClient, right: str) -> None:
    answer = await post(client, "register", **LOGIN, **{right: True})
    assert (answer.status_code, answer.json()["list"]) == (
        400,
        [{"field": right, "message": ["Is not a property of this body.", "TYPE"]}],
    )


async def test_inputs_are_texts_of_sane_length(client: httpx.AsyncClient, ada: Any) -> None:
    odd: list[Any] = [None, 7, True, [], [PASSWORD], {"$ne": ""}, {"$regex": "."}, "x" * 257]
    for value in odd:
        for path in ("login", "register"):
            answer = await post(client, path, email=EMAIL, password=value)
            assert (path, value, answer.status_code) == (path, value, 400)
            assert [each["field"] for each in answer.json()["list"]] == ["password"]
            assert str(PASSWORD) not in answer.text
    for value in (*odd[:-1], "x", "x" * 250 + "@example.com"):
        for path in ("login", "reset"):
            more = {"password": PASSWORD} if path == "login" else {}
            answer = await post(client, path, email=value, **more)
            assert (path, value, answer.status_code) == (path, value, 400)
    for value in (None, 7, {"$ne": ""}, ["x"]):
        for path, more in (("verify", {}), ("reset/confirm", {"password": PASSWORD})):
            assert (await post(client, path, token=value, **more)).status_code == 400


@pytest.mark.parametrize(
    "email",
    [
        "ada@example.com,bob@example.com",
        "ada,bob@example.com",
        "<ada@example.com>",
        "Ada <ada@example.com>",
        '"ada"@example.com',
        "ada;bob@example.com",
        "ada@example.com\r\nBcc: bob@example.com",
        "ada\u0007@example.com",
        "ada\u200b@example.com",
        "ada@bob@example.com",
        "@example.com",
    ],
)
async def test_an_address_is_one(client: httpx.AsyncClient, engine: Engine, email: str) -> None:
    answer = await post(client, "register", email=email, password=PASSWORD)
    assert (answer.status_code, answer.json()["list"]) == (
        400,
        [
            {
                "field": "email",
                "message": ["Must be an e-mail address such as name@example.com.", "REGEX"],
            }
        ],
    )
    assert await engine.database["email_outbound"].count_documents({}) == 0


@pytest.mark.parametrize("email", ["o'neill+shop@example.com", "jürgen@bücher.example"])
async def test_addresses_may_have_other_signs(client: httpx.AsyncClient, email: str) -> None:
    assert (await post(client, "register", email=email, password=PASSWORD)).json() == OK


async def test_passwords_have_a_least_length(client: httpx.AsyncClient, engine: Engine) -> None:
    for password in ("short", "123456789", EMAIL, EMAIL.upper()):
        answer = await post(client, "register", email=EMAIL, password=password)
        assert (password, answer.status_code) == (password, 400)
        assert answer.json()["list"][0]["field"] == "password"
    assert await engine.database["email_outbound"].count_documents({}) == 0


async def test_wrong_and_unknown_are_told_alike(
    client: httpx.AsyncClient, engine: Engine, ada: Any
) -> None:
    users = engine.database["users"]
    await users.insert_one({"email": "inactive@example.com"})
    people = {"unknown": "bob@example.com", "wrong": EMAIL, "no password": "inactive@example.com"}
    for email in people.values():
        answer = await post(client, "login", email=email, password="not the password")
        assert (answer.status_code, answer.json()) == (401, WRONG)
    for change in ({"active": False}, {"active": True, "email_verified": False}):
        await users.update_one({"_id": ada}, {"$set": change})
        assert (await post(client, "login", **LOGIN)).json() == WRONG


async def test_wrong_and_unknown_take_as_long(
    client: httpx.AsyncClient, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _allow_everything(monkeypatch)
    spent: dict[str, list[float]] = {EMAIL: [], "bob@example.com": []}
    for _ in range(60):
        for email, times in spent.items():
            begun = time.perf_counter()
            assert (await post(client, "login", email=email, password="wrong one")).json() == WRONG
            times.append(time.perf_counter() - begun)
    known, unknown = map(median, spent.values())
    assert abs(known - unknown) / known < 0.2


def _allow_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    from duetdb.app.service.identity import accounts

    free = Allowance("free", free=1_000_000, first=1, longest=1, forgotten=60)
    for name in ("ACCOUNT", "ADDRESS", "MAILS", "MAILS_FROM"):
        monkeypatch.setattr(accounts, name, free)


async def test_an_account_is_locked_for_a_while(client: httpx.AsyncClient, ada: Any) -> None:
    for _ in range(5):
        assert (await post(client, "login", email=EMAIL, password="wrong one")).json() == WRONG
    for password in ("wrong one", PASSWORD):
        answer = await post(client, "login", email=EMAIL.upper(), password=password)
        assert (answer.status_code, answer.json()["name"]) == (429, "TooManyRequests")
        assert answer.headers["retry-after"] in ("1", "2")
    await asyncio.sleep(2)
    assert (await post(client, "login", **LOGIN)).status_code == 200
    for _ in range(4):
        assert (await post(client, "login", email=EMAIL, password="wrong one")).json() == WRONG
    assert (await post(client, "login", **LOGIN)).status_code == 200, "the count began anew"


async def test_unknown_accounts_are_locked_alike(client: httpx.AsyncClient) -> None:
    body = {"email": "bob@example.com", "password": "wrong one"}
    answers = [await post(client, "login", **body) for _ in range(6)]
    assert [each.status_code for each in answers] == [401] * 5 + [429]


async def test_guesses_at_the_same_time_are_counted_each(
    client: httpx.AsyncClient, ada: Any
) -> None:
    guesses = (post(client, "login", email=EMAIL, password=f"wrong {n}") for n in range(30))
    answers = await asyncio.gather(*guesses)
    assert sum(each.status_code == 401 for each in answers) <= 5


async def test_an_address_is_locked_that_guesses_at_many_accounts(serve: Serve, ada: Any) -> None:
    app = (await serve(passwords=True)).app
    answers = []
    async with client_of(app, "203.0.113.7") as guessing, client_of(app, "203.0.113.8") as other:
        for number in range(51):
            email = f"{number}@example.com"
            answers.append(await post(guessing, "login", email=email, password="wrong one"))
        assert [each.status_code for each in answers] == [401] * 50 + [429]
        assert (await post(guessing, "login", **LOGIN)).status_code == 429
        assert (await post(other, "login", **LOGIN)).status_code == 200


async def test_a_mail_tells_that_there_is_an_account(
    client: httpx.AsyncClient, engine: Engine, ada: Any
) -> None:
    answer = await post(client, "register", email=EMAIL, password="another password")
    assert (answer.status_code, answer.json()) == (200, OK)
    newest = await engine.database["email_outbound"].find({}).sort("_id", -1).to_list()
    assert newest[0]["subject"] == "You have an account already"
    assert not re.search("[0-9a-f]{64}", newest[0]["body"])
    assert (await post(client, "login", **LOGIN)).status_code == 200


async def test_a_stranger_cannot_prepare_a_password_for_somebodys_record(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    await post(client, "register", email=EMAIL, password="of the stranger")
    early = await mailed(engine)
    record = {"email": EMAIL, "email_verified": True, "roles": ["admin"]}
    await engine.database["users"].insert_one(record)
    assert (await post(client, "verify", token=early)).json() == VOID
    await post(client, "register", email=EMAIL, password="of the stranger")
    mails = await engine.database["email_outbound"].find({"to": EMAIL}).sort("_id", -1).to_list()
    assert mails[0]["subject"] == "You have an account already"
    answer = await post(client, "login", email=EMAIL, password="of the stranger")
    assert (answer.status_code, answer.json()) == (401, WRONG)


async def test_a_token_of_a_mail_is_good_once_and_for_its_purpose(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    await post(client, "register", **LOGIN)
    token = await mailed(engine)
    assert (await post(client, "reset/confirm", token=token, password=PASSWORD)).json() == VOID
    answers = await asyncio.gather(*(post(client, "verify", token=token) for _ in range(8)))
    assert sorted(each.status_code for each in answers) == [200, *[401] * 7]
    assert await engine.database["users"].count_documents({"email": EMAIL}) == 1
    await post(client, "reset", email=EMAIL)
    reset = await mailed(engine)
    assert (await post(client, "verify", token=reset)).json() == VOID
    for wrong in ("x", reset[:-1], reset.upper(), reset + "0"):
        assert (await post(client, "reset/confirm", token=wrong, password=PASSWORD)).json() == VOID


async def test_tokens_of_mails_expire(client: httpx.AsyncClient, engine: Engine) -> None:
    from datetime import datetime

    await post(client, "register", **LOGIN)
    token = await mailed(engine)
    past = {"$set": {"expires": datetime(2000, 1, 1)}}
    await engine.database["_mail_tokens"].update_many({}, past)
    assert (await post(client, "verify", token=token)).json() == VOID


async def test_resetting_a_password_ends_what_went_before(
    client: httpx.AsyncClient, engine: Engine, ada: Any
) -> None:
    pair = await logged_in(client)
    assert (await post(client, "reset", email=EMAIL)).json() == OK
    first = await mailed(engine)
    assert (await post(client, "reset", email=EMAIL)).json() == OK
    token = await mailed(engine)
    answer = await post(client, "reset/confirm", token=token, password="short")
    assert answer.status_code == 400, "the token is not used up by a password that is too short"
    new = {"token": token, "password": "a new password"}
    assert (await post(client, "reset/confirm", **new)).json() == OK
    assert (await post(client, "reset/confirm", **new)).json() == VOID
    assert (await post(client, "reset/confirm", token=first, password=PASSWORD)).json() == VOID
    assert (await post(client, "login", **LOGIN)).json() == WRONG
    answer = await post(client, "login", email=EMAIL, password="a new password")
    assert answer.status_code == 200
    assert await status(client, pair["jwt"]) == 401
    assert (await post(client, "token", refresh=pair["refresh"])).status_code == 401


async def test_who_logs_in_during_a_reset_gets_no_session(
    client: httpx.AsyncClient, engine: Engine, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post(client, "reset", email=EMAIL)
    token = await mailed(engine)
    begin = Sessions.begin

    async def after_a_reset(*arguments: Any) -> Pair:
        monkeypatch.undo()
        answer = await post(client, "reset/confirm", token=token, password="a new password")
        assert answer.json() == OK
        return await begin(*arguments)

    monkeypatch.setattr(Sessions, "begin", after_a_reset)
    answer = await post(client, "login", **LOGIN)
    assert answer.status_code == 401
    assert answer.json()["message"] == "The password was changed just now."
    assert await engine.database["_sessions"].count_documents({}) == 0
    assert await engine.database["_revoked"].count_documents({}) == 1


async def test_a_reset_without_a_token_is_no_work(
    client: httpx.AsyncClient, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hashing(*_: Any) -> str:
        raise AssertionError("a password was hashed for a token that is none")

    monkeypatch.setattr(Passwords, "hash", hashing)
    answer = await post(client, "reset/confirm", token="0" * 64, password="a new password")
    assert (answer.status_code, answer.json()) == (401, VOID)


async def test_a_password_is_that_of_an_address(
    client: httpx.AsyncClient, engine: Engine, ada: Any
) -> None:
    """Who may write the record cannot log in with an address that nobody has proved to own."""
    pair = await logged_in(client)
    other = "chief@example.com"
    await engine.database["users"].update_one({"_id": ada}, {"$set": {"email": other}})
    answer = await post(client, "login", email=other, password=PASSWORD)
    assert (answer.status_code, answer.json()) == (401, WRONG)
    assert (await post(client, "token", refresh=pair["refresh"])).status_code == 403
    await post(client, "reset", email=other)
    token = await mailed(engine, other)
    answer = await post(client, "reset/confirm", token=token, password="a new password")
    assert answer.json() == OK
    answer = await post(client, "login", email=other, password="a new password")
    assert answer.status_code == 200


async def test_asking_for_a_reset_tells_nothing(
    client: httpx.AsyncClient, engine: Engine, ada: Any
) -> None:
    mails = engine.database["email_outbound"]
    before = await mails.count_documents({})
    spent = {}
    for email in ("bob@example.com", EMAIL):
        begun = time.perf_counter()
        answer = await post(client, "reset", email=email)
        spent[email] = time.perf_counter() - begun
        assert (answer.status_code, answer.json()) == (200, OK)
    assert await mails.count_documents({}) == before + 1
    known, unknown = spent.values()
    assert abs(known - unknown) < 0.05


async def test_nobody_floods_an_address_with_mails(
    client: httpx.AsyncClient, engine: Engine, ada: Any
) -> None:
    for _ in range(6):
        assert (await post(client, "reset", email=EMAIL)).json() == OK
    assert await engine.database["email_outbound"].count_documents({"to": EMAIL}) == 3


async def test_an_inactive_user_gets_no_reset(
    client: httpx.AsyncClient, engine: Engine, ada: Any
) -> None:
    await engine.database["users"].update_one({"_id": ada}, {"$set": {"active": False}})
    assert (await post(client, "reset", email=EMAIL)).json() == OK
    assert await engine.database["email_outbound"].count_documents({}) == 1


async def test_a_user_of_the_operator_gets_a_password_by_mail(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    await engine.database["users"].insert_one({"email": EMAIL, "roles": ["author"]})
    await post(client, "reset", email=EMAIL)
    new = {"token": await mailed(engine), "password": PASSWORD}
    assert (await post(client, "reset/confirm", **new)).json() == OK
    assert (await post(client, "login", **LOGIN)).status_code == 200
    record = await engine.database["users"].find_one({"email": EMAIL})
    assert (record["roles"], record["email_verified"]) == (["author"], True)


async def test_changing_a_password(client: httpx.AsyncClient, ada: Any) -> None:
    pair, other = await logged_in(client), await logged_in(client)
    wrong = {"password": "wrong one", "newPassword": "a new password"}
    answer = await client.post("/auth/password", json=wrong, headers=bearer(pair["jwt"]))
    assert (answer.status_code, answer.json()["message"]) == (403, "The current password is wrong.")
    right = {"password": PASSWORD, "newPassword": "a new password"}
    assert (await client.post("/auth/password", json=right)).status_code == 401
    answer = await client.post("/auth/password", json=right, headers=bearer(pair["jwt"]))
    assert answer.status_code == 200
    assert await status(client, answer.json()["jwt"]) == 200
    for ended in (pair, other):
        assert await status(client, ended["jwt"]) == 401
        assert (await post(client, "token", refresh=ended["refresh"])).status_code == 401
    assert (await post(client, "token", refresh=answer.json()["refresh"])).status_code == 200
    assert (await post(client, "login", **LOGIN)).json() == WRONG


async def test_a_password_is_not_guessed_by_changing_it(
    client: httpx.AsyncClient, ada: Any
) -> None:
    token = bearer((await logged_in(client))["jwt"])
    body = {"password": "wrong one", "newPassword": "a new password"}
    answers = [await client.post("/auth/password", json=body, headers=token) for _ in range(6)]
    assert [each.status_code for each in answers] == [403] * 5 + [429]


async def test_sessions_end_with_their_user(
    client: httpx.AsyncClient, engine: Engine, ada: Any
) -> None:
    pair = await logged_in(client)
    renewed = (await post(client, "token", refresh=pair["refresh"])).json()
    assert await status(client, renewed["jwt"]) == 200
    await engine.database["users"].update_one({"_id": ada}, {"$set": {"active": False}})
    answer = await post(client, "token", refresh=renewed["refresh"])
    assert (answer.status_code, answer.json()["name"]) == (403, "Forbidden")


async def test_what_is_typed_in_two_ways_is_one_password(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    await post(client, "register", email=EMAIL, password="caf\u00e9 au lait")
    await post(client, "verify", token=await mailed(engine))
    answer = await post(client, "login", email=EMAIL, password="cafe\u0301 au lait")
    assert answer.status_code == 200


async def test_no_secret_is_stored_as_it_is(
    client: httpx.AsyncClient, engine: Engine, ada: Any
) -> None:
    await post(client, "reset", email=EMAIL)
    token = await mailed(engine)
    pair = await logged_in(client)
    for name in await engine.database.list_collection_names():
        if name == "email_outbound":
            continue
        stored = repr(await engine.database[name].find({}).to_list())
        for secret in (PASSWORD, token, pair["jwt"], pair["refresh"]):
            assert secret not in stored, name
    hashes = await engine.database["_credentials"].find({}).to_list()
    assert [each["_id"] for each in hashes] == [ada]
    assert hashes[0]["hash"].startswith("$argon2id$")


async def test_own_tokens_beside_those_of_an_issuer(serve: Serve, engine: Engine) -> None:
    key = private_key("ES256")
    client = await serve(
        passwords=True, registration=True, jwt_algorithm="ES256", jwt_public_key=public_pem(key)
    )
    await post(client, "register", **LOGIN)
    await post(client, "verify", token=await mailed(engine))
    assert await status(client, (await logged_in(client))["jwt"]) == 200
    assert await status(client, signed(key, "ES256")) == 200
    assert await status(client, signed(key, "ES256", iss="duetdb")) == 401


async def test_own_tokens_are_signed_by_the_configured_secret(serve: Serve, engine: Engine) -> None:
    client = await serve(
        passwords=True,
        registration=True,
        jwt_secret=SECRET,
        jwt_issuer="me",
        jwt_audience="us",
        jwt_email_claim="https://me.example/email",
    )
    await post(client, "register", **LOGIN)
    await post(client, "verify", token=await mailed(engine))
    token = (await logged_in(client))["jwt"]
    assert await status(client, token) == 200
    claims = jwt.decode(token, SECRET, ["HS256"], issuer="me", audience="us")
    assert claims["https://me.example/email"] == EMAIL


async def test_links_in_mails_are_the_operators(serve: Serve, engine: Engine) -> None:
    link = "https://app.example/account?do={purpose}&token={token}"
    client = await serve(passwords=True, mail_link=link)
    await engine.database["users"].insert_one({"email": EMAIL})
    await client.post("/auth/reset", json={"email": EMAIL}, headers={"host": "evil.example"})
    token = await mailed(engine)
    stored = await engine.database["email_outbound"].find_one({})
    assert f'href="https://app.example/account?do=reset&amp;token={token}"' in stored["body"]
    assert "evil" not in stored["body"]


async def test_pages_of_other_sites_cannot_log_in(serve: Serve, engine: Engine) -> None:
    client = await serve(passwords=True, user_origins="https://app.example")
    for origin, expected in (("https://app.example", 401), ("https://evil.example", 403)):
        answer = await client.post("/auth/login", json=LOGIN, headers={"origin": origin})
        assert answer.status_code == expected
        readable = answer.headers.get("access-control-allow-origin")
        assert readable == (origin if expected == 401 else None)
