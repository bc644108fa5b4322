"""``sendMail`` is ``POST /mail`` in GraphQL, for those alone who may use that."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from duetdb.app.service.engine import Engine
from duetdb.app.service.mail.outbox import WARNING
from tests.keys.conftest import ask, make_key

SEND = (
    "mutation ($mail: [MailInput!]!) { sendMail(mail: $mail) "
    "{ result { email_outbound_id } warning } }"
)
MAIL: dict[str, Any] = {"to": "ann@example.com", "subject": "Hello", "html": "<p>Hi</p>"}
MUTATIONS = "{ __schema { mutationType { fields { name } } } }"


async def run(client: httpx.AsyncClient, key: str, query: str, **variables: Any) -> dict[str, Any]:
    body = {"query": query, "variables": variables}
    answer = await ask(client, key, "POST", "/graphql", json=body)
    assert answer.status_code in (200, 400), answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_mails_are_sent(app_client: httpx.AsyncClient, engine: Engine) -> None:
    full = app_client.headers["x-apikey"]
    many = await run(app_client, full, SEND, mail=[MAIL, {**MAIL, "html": {"body": "x"}}])
    one = await run(app_client, full, SEND, mail=MAIL)
    results = [*many["data"]["sendMail"]["result"], *one["data"]["sendMail"]["result"]]
    assert many["data"]["sendMail"]["warning"] == WARNING
    copies = (await app_client.get("/rest/email_outbound")).json()
    assert [each["_id"] for each in copies] == [each["email_outbound_id"] for each in results]


async def test_mistakes_are_named_as_by_rest(app_client: httpx.AsyncClient) -> None:
    bad = [MAIL, {"to": "x"}]
    full = app_client.headers["x-apikey"]
    (error,) = (await run(app_client, full, SEND, mail=bad))["errors"]
    assert error["extensions"]["code"] == "VALIDATION_FAILED"
    rest = await app_client.post("/mail", json=bad)
    assert error["extensions"]["list"] == rest.json()["list"]
    assert (await app_client.get("/rest/email_outbound")).json() == []


@pytest.mark.parametrize(
    "change",
    [
        {"to": "a@example.com,b@example.com"},
        {"to": None},
        {"subject": "a\r\nBcc: b@example.com"},
        {"html": [1]},
        {"html": {"body": 5}},
        {"template": "none"},
        {"transport": "Pigeon"},
        {"reply_to": "x"},
        {"attachments": ["x", "0" * 24]},
    ],
)
async def test_each_mistake_is_the_same_by_both(
    app_client: httpx.AsyncClient, change: dict[str, Any]
) -> None:
    full = app_client.headers["x-apikey"]
    (error,) = (await run(app_client, full, SEND, mail=[{**MAIL, **change}]))["errors"]
    rest = (await app_client.post("/mail", json=[{**MAIL, **change}])).json()
    assert error["extensions"]["code"] == "VALIDATION_FAILED"
    assert error["extensions"]["list"] == rest["list"]
    assert (await app_client.get("/rest/email_outbound")).json() == []


async def test_limits_are_the_same_by_both(app_client: httpx.AsyncClient) -> None:
    full = app_client.headers["x-apikey"]
    (error,) = (await run(app_client, full, SEND, mail=[MAIL] * 1001))["errors"]
    rest = (await app_client.post("/mail", json=[MAIL] * 1001)).json()
    assert (error["message"], error["extensions"]["status"]) == (rest["message"], 400)
    empty = (await run(app_client, full, SEND, mail=[]))["errors"][0]
    assert empty["message"] == (await app_client.post("/mail", json=[])).json()["message"]


async def test_a_key_that_may_send_has_the_field(app_client: httpx.AsyncClient) -> None:
    named = await make_key(app_client, methods=["POST"], paths=["/mail"])
    shown = await run(app_client, named["key"], MUTATIONS)
    assert shown["data"]["__schema"]["mutationType"]["fields"] == [{"name": "sendMail"}]
    answer = await run(app_client, named["key"], SEND, mail=[MAIL])
    assert len(answer["data"]["sendMail"]["result"]) == 1

    other = await make_key(app_client, methods=["POST", "GET"], paths=["/**"])
    refused = await run(app_client, other["key"], SEND, mail=[MAIL])
    assert refused["errors"] and "data" not in refused
    assert len((await app_client.get("/rest/email_outbound")).json()) == 1


async def test_why_a_mail_has_failed_is_read(app_client: httpx.AsyncClient, engine: Engine) -> None:
    copy = {"to": "a@example.com", "status": "failed", "reason": "550 no", "attachments": ["x"]}
    await engine.database["email_outbound"].insert_one(copy)
    query = "{ emailOutbound { to status reason attachments } }"
    full = app_client.headers["x-apikey"]
    del copy["_id"]
    assert await run(app_client, full, query) == {"data": {"emailOutbound": [copy]}}
