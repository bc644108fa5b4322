"""How many mails a key may send."""

from __future__ import annotations

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

MAIL = {"to": "ann@example.com", "html": "x"}


@pytest.mark.parametrize("window", ["hour", "day"])
async def test_a_key_may_send_so_many_mails(mongod: EmbeddedMongod, window: str) -> None:
    hourly, daily = (5, 100) if window == "hour" else (100, 5)
    app = create_app(make_settings(mongod.uri, mail_hourly=hourly, mail_daily=daily))
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


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        ({"smtp_url": "http://mail.example"}, "must be smtp://"),
        ({"smtp_url": "smtp://"}, "must be smtp://"),
        ({"smtp_url": "smtp://user@mail.example"}, "needs a password"),
        ({"smtp_url": "smtp://mail.example"}, "needs mail_from"),
        ({"mail_from": "Shop <shop@example.com>"}, "mail_from: Must be exactly one"),
        ({"smtp_ca": "/nowhere"}, "no file /nowhere"),
        ({"public_url": "api.example.com"}, "must be like https://"),
        ({"public_url": "https://api.example.com?x"}, "must be like https://"),
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
