"""How many mails a key may send."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from duetdb.app.main import create_app
from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.setting_values import SettingsError
from duetdb.app.settings import Settings
from tests.conftest import make_settings
from tests.keys.conftest import ask, make_key
from tests.processes import HEADERS

BROKEN = "{{a}}" * 39_000
SLOW = "{% for a in wide %}{% if loop.index < 200 and -1 in wide %}{% endif %}{% endfor %}"
MAIL = {"to": "ann@example.com", "html": "x"}


@pytest.mark.parametrize("window", ["hour", "day"])
async def test_a_key_may_send_so_many_mails(
    mongod: EmbeddedMongod, database: str, window: str
) -> None:
    hourly, daily = (5, 100) if window == "hour" else (100, 5)
    flags = {"mail_hourly": hourly, "mail_daily": daily, "database": database}
    app = create_app(make_settings(mongod.uri, **flags))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://duetdb", headers=HEADERS
        ) as client:
            keys = [
                (await make_key(client, methods=["POST"], paths=["/mail"]))["key"] for _ in "ab"
            ]

            async def post(key: str, count: int) -> httpx.Response:
                return await ask(client, key, "POST", "/mail", json=[MAIL] * count)

            assert (await post(keys[0], 3)).status_code == 201
            refused = await post(keys[0], 3)
            assert refused.status_code == 429
            assert int(refused.headers["retry-after"]) >= 1
            assert refused.json()["message"] == f"This key may send 5 mails in one {window}."
            # What was refused did not count, and neither does what is not valid.
            assert (await ask(client, keys[0], "POST", "/mail", json={})).status_code == 400
            assert (await post(keys[0], 2)).status_code == 201
            assert (await post(keys[0], 1)).status_code == 429
            assert (await post(keys[1], 5)).status_code == 201
            assert (await client.post("/mail", json=[MAIL] * 20)).status_code == 201
            assert len((await client.get("/rest/email_outbound")).json()) == 30


async def test_workers_count_together(mongod: EmbeddedMongod, database: str) -> None:
    settings = make_settings(mongod.uri, mail_hourly=5, database=database)
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(2):
            app = create_app(settings)
            await stack.enter_async_context(app.router.lifespan_context(app))
            client = httpx.AsyncClient(
                transport=httpx.ASGITransport(app=app), base_url="http://duetdb", headers=HEADERS
            )
            clients.append(await stack.enter_async_context(client))
        key = (await make_key(clients[0], methods=["POST"], paths=["/mail"]))["key"]
        posts = [ask(clients[number % 2], key, "POST", "/mail", json=MAIL) for number in range(12)]
        statuses = [each.status_code for each in await asyncio.gather(*posts)]
        assert Counter(statuses) == {201: 5, 429: 7}
        assert len((await clients[1].get("/rest/email_outbound")).json()) == 5


@pytest.mark.parametrize(
    ("flags", "body", "status", "message"),
    [
        ({"mail_batch": 2}, [MAIL] * 3, 400, "One request sends at most 2 mails."),
        (
            {"body_bytes": 5000},
            [{**MAIL, "template": "wide"}] * 6,
            400,
            "The mails of one request have at most 5,000 characters.",
        ),
        (
            {"mail_template_seconds": 1},
            [{**MAIL, "template": "slow", "html": {"wide": [*range(30_000)]}}] * 90,
            400,
            "Templates take longer than 1 seconds.",
        ),
        (
            {"mail_template_seconds": 1},
            [{**MAIL, "template": f"broken{number}"} for number in range(20)],
            400,
            "Templates take longer than 1 seconds.",
        ),
    ],
)
async def test_limits_of_one_request(
    mongod: EmbeddedMongod,
    database: str,
    flags: dict[str, Any],
    body: Any,
    status: int,
    message: str,
) -> None:
    app = create_app(make_settings(mongod.uri, database=database, **flags))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://duetdb", headers=HEADERS
        ) as client:
            assert (
                await client.put("/rest/templates/_meta", json={"name": "templates"})
            ).is_success
            pages = {"wide": "x" * 1000, "slow": SLOW}
            for name in {each.get("template", "wide") for each in body}:
                html = pages.get(name, BROKEN)
                made = await client.post("/rest/templates", json={"name": name, "html": html})
                assert made.status_code == 201
            answer = await client.post("/mail", json=body)
            assert (answer.status_code, answer.json()["message"]) == (status, message)
            assert (await client.get("/rest/email_outbound")).json() == []


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        ({"smtp_url": "http://mail.example"}, "must be smtp://"),
        ({"smtp_url": "smtp://"}, "must be smtp://"),
        ({"smtp_url": "smtp://user@mail.example"}, "needs a password"),
        ({"smtp_url": "smtp://mail.example"}, "needs mail_from"),
        ({"mail_from": "Shop <shop@example.com>"}, "mail_from: Must be exactly one"),
        ({"smtp_ca": "/nowhere"}, "no file /nowhere"),
        ({"smtp_ca": __file__}, "holds no certificates"),
        ({"public_url": "api.example.com"}, "must be like https://"),
        ({"public_url": "https://api.example.com?x"}, "must be like https://"),
        ({"public_url": f"https://{'a' * 93}.example"}, "at most 100 characters"),
        ({"mail_from": "a@example.com\r\nBcc: b@example.com"}, "mail_from: Must be exactly one"),
    ],
)
def test_options_that_cannot_be_used_refuse(flags: dict[str, Any], part: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(flags, {}, env_file=None)
    assert part in str(caught.value)


def test_the_mail_server_is_masked() -> None:
    given = {"smtp_url": "smtps://ann:hush@mail.example", "mail_from": "a@example.com"}
    settings = Settings.load(given, {}, env_file=None)
    assert settings.shown("smtp_url") == "********"
    assert "hush" not in repr(settings)
