"""Mail, row by row (SPEC 12), on a server that sends by a mail server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.conftest import make_settings, running_server
from tests.mail.conftest import SENDER, copy_of, dropped, sending
from tests.mail.smtp import Mailbox, mail_server

MAIL: dict[str, Any] = {"to": "ann@example.com", "subject": "Row", "html": "<p>Hi</p>"}
TEMPLATE = {
    "name": "row",
    "html": "<h1>{{ heading }}</h1>{{ body }}<footer>{{ company }}</footer>",
}


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with mail_server() as found:
        yield found


@pytest.fixture(scope="module")
def server(mongod: EmbeddedMongod, box: Mailbox) -> Iterator[httpx.Client]:
    url = f"smtp://127.0.0.1:{box.port}"
    with sending(mongod, url, public_url="https://api.example.com") as found:
        assert found.put("/rest/templates/_meta", json={"name": "templates"}).status_code == 200
        assert found.post("/rest/templates", json=TEMPLATE).status_code == 201
        yield found


@pytest.fixture
def client(server: httpx.Client, box: Mailbox) -> httpx.Client:
    box.mails.clear()
    return server


def arrived(client: httpx.Client, box: Mailbox, **change: Any) -> tuple[Any, dict[str, Any]]:
    """A mail as it arrives, and its copy."""
    answer = client.post("/mail", json={**MAIL, **change})
    assert answer.status_code == 201, answer.text
    copy = copy_of(client, answer.json()["result"][0]["email_outbound_id"], "sent")
    (mail,) = box.mails
    return mail, copy


def html_of(mail: Any) -> str:
    return str(mail.get_body(("html",)).get_content())


def test_a_key_is_required(client: httpx.Client) -> None:
    answer = httpx.post(f"{client.base_url}/mail", json=MAIL, trust_env=False)
    assert answer.status_code == 401


def test_one_mail_is_an_object(client: httpx.Client, box: Mailbox) -> None:
    """12.2: 201, and one entry for each mail."""
    answer = client.post("/mail", json=MAIL)
    (entry,) = answer.json()["result"]
    assert (answer.status_code, answer.json()) == (201, {"result": [entry]})
    assert entry.keys() == {"email_outbound_id"}
    box.wait(1)


def test_several_are_an_array(client: httpx.Client, box: Mailbox) -> None:
    answer = client.post("/mail", json=[MAIL] * 3)
    assert (answer.status_code, len(answer.json()["result"])) == (201, 3)
    box.wait(3)


def test_an_array_has_at_most_1000(client: httpx.Client) -> None:
    assert client.post("/mail", json=[MAIL] * 1001).status_code == 400


def test_bodies_of_forms(client: httpx.Client, box: Mailbox) -> None:
    assert client.post("/mail", data=MAIL).status_code == 201
    assert str(box.wait(1)[0]["To"]) == "ann@example.com"


@pytest.mark.parametrize("between", [" ", ",", ";", ", "])
def test_to_is_exactly_one_address(client: httpx.Client, between: str) -> None:
    to = f"ann@example.com{between}bob@example.com"
    answer = client.post("/mail", json={**MAIL, "to": to})
    assert (answer.status_code, answer.json()["list"][0]["field"]) == (400, "to")


@pytest.mark.parametrize("field", ["to", "html"])
def test_what_is_required(client: httpx.Client, field: str) -> None:
    """12.2: the validation envelope."""
    answer = client.post("/mail", json={**MAIL, field: None})
    assert answer.status_code == 400
    assert answer.json() == {
        "name": "ValidationError",
        "message": "Validation error",
        "status": 400,
        "list": [{"field": field, "message": ["Is required.", "REQUIRED"]}],
    }


def test_subject(client: httpx.Client, box: Mailbox) -> None:
    mail, copy = arrived(client, box, subject="Grüße ☕")
    assert (str(mail["Subject"]), copy["subject"]) == ("Grüße ☕", "Grüße ☕")


def test_html_as_a_text(client: httpx.Client, box: Mailbox) -> None:
    mail, _ = arrived(client, box, html="<p>Row & more</p>")
    assert "<p>Row & more</p>" in html_of(mail)
    assert mail.get_body(("plain",)).get_content().startswith("Row & more")


def test_html_as_an_object_with_a_template(client: httpx.Client, box: Mailbox) -> None:
    data = {"body": "<p>Body</p>", "heading": "A & B"}
    mail, _ = arrived(client, box, template="row", company="Shop", html=data)
    expected = "<h1>A &amp; B</h1><p>Body</p><footer>Shop</footer>"
    assert html_of(mail).strip() == expected


def test_company_is_shown_in_the_footer(client: httpx.Client, box: Mailbox) -> None:
    mail, copy = arrived(client, box, company="Shop & Co")
    assert "Shop &amp; Co" in html_of(mail)
    assert copy["company"] == "Shop & Co"


def test_sendername_is_shown_in_place_of_the_address(client: httpx.Client, box: Mailbox) -> None:
    mail, copy = arrived(client, box, sendername="Shop, Köln")
    (sender,) = mail["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Shop, Köln", SENDER)
    assert copy["from"] == SENDER


@pytest.mark.parametrize("transport", ["", "Gmail"])
def test_transport(client: httpx.Client, box: Mailbox, transport: str) -> None:
    _, copy = arrived(client, box, transport=transport)
    assert copy["transport"] == transport


def test_a_template_that_is_not_there(client: httpx.Client) -> None:
    answer = client.post("/mail", json={**MAIL, "template": "none"})
    assert (answer.status_code, answer.json()["list"][0]["field"]) == (400, "template")


def test_copies_are_read_by_normal_calls(client: httpx.Client, box: Mailbox) -> None:
    """12.3."""
    _, copy = arrived(client, box, subject="A row of its own")
    assert client.get('/rest/email_outbound?q={"subject":"A row of its own"}').json() == [copy]
    assert copy.keys() >= {
        *("_id", "to", "status", "transport", "from", "subject", "company", "unsubscribelink"),
        *("_dbname", "body"),
    }


def test_who_has_unsubscribed_is_skipped(client: httpx.Client, box: Mailbox) -> None:
    """12.3: with a status."""
    address = {"to": "bob@example.com"}
    assert client.post("/rest/email_unsubscribed", json=address).status_code == 201
    answer = client.post("/mail", json={**MAIL, **address})
    copy_of(client, answer.json()["result"][0]["email_outbound_id"], "skipped")
    assert box.mails == []


def test_without_a_mail_server_mail_is_stored(mongod: EmbeddedMongod) -> None:
    """12.4, and the warning of 12.2."""
    settings = make_settings(mongod.uri)
    with (
        dropped(mongod, settings.database),
        running_server(settings) as server,
        httpx.Client(base_url=server.url, headers=server.headers, trust_env=False) as client,
    ):
        answer = client.post("/mail", json=MAIL)
        assert answer.json().keys() == {"result", "warning"}
        copy_of(client, answer.json()["result"][0]["email_outbound_id"], "stored")
