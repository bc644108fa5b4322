"""``POST /mail``: request, exact status and body, and what is stored (SPEC 12)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from duetdb.app.service.engine import Engine
from duetdb.app.service.mail.outbox import WARNING
from tests.identity.conftest import Serve, serve
from tests.identity.issuer import EMAIL, SECRET, bearer, signed
from tests.keys.conftest import ask, make_key

__all__ = ["serve"]  # a fixture

MAIL: dict[str, Any] = {"to": "ann@example.com", "subject": "Hello", "html": "<p>Hi</p>"}
REQUIRED = ["Is required.", "REQUIRED"]
ONE_ADDRESS = ["Must be exactly one e-mail address such as name@example.com.", "REGEX"]


async def stored(engine: Engine) -> int:
    return int(await engine.database["email_outbound"].count_documents({}))


async def test_one_mail_is_stored(app_client: httpx.AsyncClient, engine: Engine) -> None:
    answer = await app_client.post("/mail", json={**MAIL, "company": "Shop & Co"})
    assert answer.status_code == 201
    (result,) = answer.json()["result"]
    assert answer.json() == {"result": [result], "warning": WARNING}
    copy = (await app_client.get(f"/rest/email_outbound/{result['email_outbound_id']}")).json()
    assert copy["to"] == "ann@example.com"
    assert copy["subject"] == "Hello"
    assert copy["company"] == "Shop & Co"
    assert copy["status"] == "stored"
    assert "<p>Hi</p>" in copy["body"]
    assert "Shop &amp; Co" in copy["body"]
    assert copy["_dbname"] == engine.database.name
    assert await engine.database["_mail_queue"].count_documents({}) == 0


async def test_several_mails_are_answered_in_order(app_client: httpx.AsyncClient) -> None:
    mails = [{**MAIL, "to": f"{name}@example.com"} for name in ("ann", "bob", "cat")]
    result = (await app_client.post("/mail", json=mails)).json()["result"]
    copies = [
        (await app_client.get(f"/rest/email_outbound/{each['email_outbound_id']}")).json()["to"]
        for each in result
    ]
    assert copies == ["ann@example.com", "bob@example.com", "cat@example.com"]


async def test_a_form_is_a_mail_too(app_client: httpx.AsyncClient) -> None:
    answer = await app_client.post("/mail", data=MAIL)
    assert answer.status_code == 201
    assert len(answer.json()["result"]) == 1


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"to": None}, "to", REQUIRED),
        ({"to": ""}, "to", REQUIRED),
        ({"to": 5}, "to", ["Must be a text with one e-mail address.", "TYPE"]),
        ({"to": "ann"}, "to", ONE_ADDRESS),
        ({"to": "a@example.com,b@example.com"}, "to", ONE_ADDRESS),
        ({"to": "a@example.com b@example.com"}, "to", ONE_ADDRESS),
        ({"to": "a@example.com;b@example.com"}, "to", ONE_ADDRESS),
        ({"to": "a@example.com\r\nBcc: b@example.com"}, "to", ONE_ADDRESS),
        ({"to": "Ann <a@example.com>"}, "to", ONE_ADDRESS),
        (
            {"to": "änn@example.com"},
            "to",
            ["Has letters before the @ that mail servers do not take: use ASCII there.", "REGEX"],
        ),
        ({"reply_to": "x"}, "reply_to", ONE_ADDRESS),
        ({"html": None}, "html", REQUIRED),
        ({"html": ""}, "html", REQUIRED),
        ({"html": {}}, "html.body", ["Is required without a template.", "REQUIRED"]),
        ({"html": {"body": 5}}, "html.body", ["Must be a text.", "TYPE"]),
        (
            {"html": [1]},
            "html",
            ["Must be a text, or an object with the data of a template.", "TYPE"],
        ),
        (
            {"subject": "a\r\nBcc: b@example.com"},
            "subject",
            ["Must be one line of at most 500 characters.", "REGEX"],
        ),
        ({"subject": {"a": 1}}, "subject", ["Must be a text.", "TYPE"]),
        (
            {"sendername": "x\nBcc: y"},
            "sendername",
            ["Must be one line of at most 500 characters.", "REGEX"],
        ),
        ({"transport": "Pigeon"}, "transport", ["Must be empty or Gmail.", "TYPE"]),
        (
            {"template": "none"},
            "template",
            ["There is no template 'none' in the collection templates.", "TYPE"],
        ),
        (
            {"attachments": ["5f1c6a2be81d0f37"]},
            "attachments.0",
            ["Must be the id of a file.", "TYPE"],
        ),
        (
            {"attachments": ["5f1c6a2be81d0f370000a1b2"]},
            "attachments.0",
            ["There is no file '5f1c6a2be81d0f370000a1b2'.", "TYPE"],
        ),
        ({"attachments": 5}, "attachments", ["Must be a list of ids of files.", "TYPE"]),
        ({"attachments": False}, "attachments", ["Must be a list of ids of files.", "TYPE"]),
        (
            {"attachments": ["5f1c6a2be81d0f370000a1b2"] * 21},
            "attachments",
            ["Must be at most 20 files.", "TYPE"],
        ),
        (
            {"subjekt": "x"},
            "subjekt",
            ["Is not a property of a mail. Did you mean 'subject'?", "TYPE"],
        ),
    ],
)
async def test_a_mistake_is_named_and_nothing_is_stored(
    app_client: httpx.AsyncClient,
    engine: Engine,
    change: dict[str, Any],
    field: str,
    message: list[str],
) -> None:
    answer = await app_client.post("/mail", json={**MAIL, **change})
    assert answer.status_code == 400
    assert answer.json() == {
        "name": "ValidationError",
        "message": "Validation error",
        "status": 400,
        "list": [{"field": field, "message": message}],
    }
    assert await stored(engine) == 0


async def test_all_mistakes_of_an_array_are_named_with_their_index(
    app_client: httpx.AsyncClient, engine: Engine
) -> None:
    answer = await app_client.post("/mail", json=[MAIL, {"to": "x"}, MAIL, {"html": "x"}])
    assert answer.status_code == 400
    assert answer.json()["list"] == [
        {"field": "to", "message": ONE_ADDRESS, "index": 1},
        {"field": "html", "message": REQUIRED, "index": 1},
        {"field": "to", "message": REQUIRED, "index": 3},
    ]
    assert await stored(engine) == 0


@pytest.mark.parametrize("body", [[], 5, "x", [5], None])
async def test_what_is_no_mail_is_refused(app_client: httpx.AsyncClient, body: Any) -> None:
    answer = await app_client.post("/mail", json=body)
    assert (answer.status_code, answer.json()["name"]) == (400, "BadRequest")


async def test_more_than_a_batch_is_refused(app_client: httpx.AsyncClient, engine: Engine) -> None:
    answer = await app_client.post("/mail", json=[MAIL] * 1001)
    assert answer.status_code == 400
    assert answer.json()["message"] == "One request sends at most 1,000 mails."
    assert await stored(engine) == 0


async def test_an_international_domain_is_encoded(app_client: httpx.AsyncClient) -> None:
    answer = await app_client.post("/mail", json={**MAIL, "to": "ann@bücher.example"})
    id_ = answer.json()["result"][0]["email_outbound_id"]
    copy = (await app_client.get(f"/rest/email_outbound/{id_}")).json()
    assert copy["to"] == "ann@xn--bcher-kva.example"


async def test_who_may_send(app_client: httpx.AsyncClient) -> None:
    named = await make_key(app_client, methods=["POST"], paths=["/mail"], origins=[])
    reader = await make_key(app_client, methods=["GET"], paths=["/mail"], origins=[])
    starred = await make_key(app_client, methods=["POST"], paths=["/**"], origins=[])
    for key, status in ((named, 201), (reader, 403), (starred, 403)):
        answer = await ask(app_client, key["key"], "POST", "/mail", json=MAIL)
        assert answer.status_code == status, answer.text
    assert (await ask(app_client, None, "POST", "/mail", json=MAIL)).status_code == 401
    assert (await app_client.get("/mail")).status_code == 405
    read = await ask(app_client, named["key"], "GET", "/rest/email_outbound")
    assert read.status_code == 403


@pytest.mark.parametrize("roles", [[], ["author"], ["admin"], ["/mail"]])
async def test_no_user_may_send(serve: Serve, engine: Engine, roles: list[str]) -> None:
    record = {"email": EMAIL, "roles": roles, "active": True}
    await engine.database["users"].insert_one(record)
    client = await serve(jwt_secret=SECRET)
    answer = await client.post("/mail", json=MAIL, headers=bearer(signed()))
    assert answer.status_code == 403
    query = {"query": 'mutation { sendMail(mail: {to: "a@example.com", html: "x"}) { warning } }'}
    refused = await client.post("/graphql", json=query, headers=bearer(signed()))
    assert refused.json()["errors"] and "data" not in refused.json()
    assert await stored(engine) == 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/mail", 405),
        ("PUT", "/mail", 405),
        ("DELETE", "/mail", 405),
        ("PUT", "/mail/unsubscribe", 405),
        ("GET", "/mail/unsubscribe", 403),
        ("POST", "/mail/unsubscribe", 403),
        ("POST", "/mail/unsubscribe?to=ann%40example.com", 403),
        ("POST", "/mail/unsubscribe?to=ann%40example.com&token=%ff%ed%a0%80", 403),
        ("POST", "/mail/unsubscribe?to=%3Cscript%3E&token=" + "0" * 64, 403),
        ("POST", "/mail/unsubscribe?to=" + "a" * 5000 + "&token=0", 403),
        ("POST", "/mail/retry", 404),
    ],
)
async def test_what_is_nowhere(
    app_client: httpx.AsyncClient, engine: Engine, method: str, path: str, status: int
) -> None:
    answer = await app_client.request(method, path)
    assert answer.status_code == status
    assert "<script" not in answer.text
    assert await engine.database["email_unsubscribed"].count_documents({}) == 0


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b'{"to":"a@example.com","html":"\\ud800"}', "application/json", 400),
        (b'{"to":"a@example.com","html":"\\u0000"}', "application/json", 400),
        (b'{"to":"a@example.com","html":"\xff"}', "application/json", 400),
        (b"to=a%40example.com&html=x", "text/plain", 415),
        (b"to=a%40example.com&html=x&html=y", "application/x-www-form-urlencoded", 400),
        (b"to[]=a%40example.com&html=x", "application/x-www-form-urlencoded", 400),
        (b'"' + b"x" * 17_000_000 + b'"', "application/json", 413),
    ],
)
async def test_bodies_that_cannot_be_read(
    app_client: httpx.AsyncClient, engine: Engine, body: bytes, kind: str, status: int
) -> None:
    answer = await app_client.post("/mail", content=body, headers={"content-type": kind})
    assert answer.status_code == status, answer.text
    assert answer.json()["status"] == status
    assert await stored(engine) == 0


async def test_a_mail_is_as_large_as_it_may_be(
    app_client: httpx.AsyncClient, engine: Engine
) -> None:
    for size, status in ((999_800, 201), (1_000_000, 400)):
        answer = await app_client.post("/mail", json={**MAIL, "html": "x" * size})
        assert answer.status_code == status
    assert answer.json()["list"] == [
        {"field": "html", "message": ["The mail is larger than 1,000,000 bytes.", "TYPE"]}
    ]
    assert await stored(engine) == 1


async def test_metadata_of_copies_keeps_no_mail_from_being_stored(
    app_client: httpx.AsyncClient, engine: Engine
) -> None:
    fields = [
        {"name": "status", "type": "option", "options": ["seen"]},
        {"name": "to", "type": "text", "unique": True},
        {"name": "checked", "type": "bool", "required": True},
    ]
    meta = {"name": "email_outbound", "strict": True, "fields": fields}
    assert (await app_client.put("/rest/email_outbound/_meta", json=meta)).status_code == 200
    assert (await app_client.post("/mail", json=MAIL)).status_code == 201
    again = await app_client.post("/mail", json=MAIL)
    assert (again.status_code, again.json()["name"]) == (409, "Conflict")
    assert await stored(engine) == 1
