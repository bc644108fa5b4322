"""Mail in memory mode: one process, no transactions, and nothing else is different."""

from __future__ import annotations

import time

import httpx

from duetdb.app.settings import Settings
from tests.conftest import running_server
from tests.mail.conftest import MAIL, SENDER, copy_of, post
from tests.mail.smtp import Mailbox
from tests.processes import KEY


def test_mail_leaves(box: Mailbox) -> None:
    given = {"memory": True, "api_key": KEY, "access_log": False, "mail_from": SENDER}
    url = f"smtp://127.0.0.1:{box.port}"
    settings = Settings.load(
        {**given, "smtp_url": url, "mail_retry_seconds": 1, "public_url": "https://x.example"},
        {},
        env_file=None,
    )
    box.answers = ["451 later", "550 nobody"]
    with (
        running_server(settings) as server,
        httpx.Client(base_url=server.url, headers=server.headers, trust_env=False) as client,
    ):
        first, second = post(client, MAIL), post(client, {**MAIL, "to": "bob@example.com"})
        found = {copy_of_either(client, each) for each in (*first, *second)}
        assert found == {"sent", "failed"}
        link = client.get(f"/rest/email_outbound/{first[0]}").json()["unsubscribelink"]
        path = link.removeprefix("https://x.example")
        assert client.post(path).status_code == 200
        (skipped,) = post(client, {**MAIL, "to": "ANN@example.com"})
        copy_of(client, skipped, "skipped")
    assert len(box.mails) == 1


def copy_of_either(client: httpx.Client, id_: str) -> str:
    """The status of a mail when it has come to an end."""
    until = time.monotonic() + 15
    while True:
        status = str(client.get(f"/rest/email_outbound/{id_}").json()["status"])
        if status != "queued" or time.monotonic() > until:
            return status
        time.sleep(0.05)
