"""Mail leaves: over real sockets, to servers that refuse, hesitate or hang up."""

from __future__ import annotations

import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from duetdb.app.cli._certificate import self_signed
from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.mail.conftest import MAIL, SENDER, Still, attempts, copy_of, post, sending
from tests.mail.smtp import Mailbox, mail_server


def parts(mail: EmailMessage) -> tuple[str, str]:
    """The plain text and the HTML of a mail."""
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert isinstance(text, EmailMessage) and isinstance(html, EmailMessage)
    return text.get_content().replace("\r", "").strip(), html.get_content()


def queued(mongod: EmbeddedMongod) -> list[dict[str, Any]]:
    """What is in the queues of all tests: each leaves its own database's empty or is looked at."""
    with MongoClient(mongod.uri) as client:
        names = [each for each in client.list_database_names() if each.startswith("test_")]
        return [entry for each in names for entry in client[each]["_mail_queue"].find()]


def test_a_mail_arrives(client: httpx.Client, box: Mailbox) -> None:
    body = {**MAIL, "sendername": "Ann's Shop, Köln", "reply_to": "desk@example.com"}
    (id_,) = post(client, body)
    copy = copy_of(client, id_, "sent")
    (mail,) = box.mails
    assert str(mail["From"]) == f'"Ann\'s Shop, Köln" <{SENDER}>'
    assert mail["From"].addresses[0].addr_spec == SENDER
    assert str(mail["To"]) == "ann@example.com"
    assert str(mail["Reply-To"]) == "desk@example.com"
    assert str(mail["Subject"]) == "Hello"
    assert str(mail["Message-ID"]).endswith("@example.com>")
    link = copy["unsubscribelink"]
    assert link.startswith("https://api.example.com/mail/unsubscribe?to=ann%40example.com&token=")
    assert str(mail["List-Unsubscribe"]) == f"<{link}>"
    assert str(mail["List-Unsubscribe-Post"]) == "List-Unsubscribe=One-Click"
    text, html = parts(mail)
    assert text == f"Hi Ann\n\nUnsubscribe ({link})"
    assert "<p>Hi <b>Ann</b></p>" in html
    assert copy["from"] == SENDER and copy["body"].split() == html.split()


def test_letters_of_all_languages_arrive(client: httpx.Client, box: Mailbox) -> None:
    post(client, {**MAIL, "subject": "Grüße ☕ " + "x" * 200, "html": "<p>日本 &amp; ü</p>"})
    (mail,) = box.wait(1)
    assert str(mail["Subject"]) == "Grüße ☕ " + "x" * 200
    assert parts(mail)[0].startswith("日本 & ü")


def test_one_connection_takes_many(client: httpx.Client, box: Mailbox) -> None:
    ids = post(client, [{**MAIL, "to": f"a{number}@example.com"} for number in range(50)])
    box.wait(50)
    for each in ids:
        copy_of(client, each, "sent")
    assert len({*box.ids()}) == len(box.mails) == 50


def test_a_server_that_hesitates_is_asked_again(client: httpx.Client, box: Mailbox) -> None:
    box.answers = ["451 try later", "452 no room"]
    (id_,) = post(client, MAIL)
    copy_of(client, id_, "sent")
    assert (box.offered, len(box.mails)) == (3, 1)


def test_a_mail_that_is_refused_has_failed(
    client: httpx.Client, box: Mailbox, mongod: EmbeddedMongod
) -> None:
    box.answers = ["550 no such person"]
    refused, taken = post(client, [MAIL, {**MAIL, "to": "bob@example.com"}])
    ids = {refused, taken}
    box.wait(1)
    statuses = {}
    for each in ids:
        copy = client.get(f"/rest/email_outbound/{each}").json()
        statuses[copy["status"]] = copy
    failed = [
        each
        for each in ids
        if client.get(f"/rest/email_outbound/{each}").json()["status"] == "failed"
    ]
    (id_,) = failed or [refused]
    copy = copy_of(client, id_, "failed")
    assert copy["reason"] == "550 no such person"
    (dead,) = [each for each in queued(mongod) if str(each["_id"]) == id_]
    assert dead["dead"] is True and "due" not in dead and dead["message"]["to"] == copy["to"]
    assert box.offered == 2


def test_a_socket_that_drops_after_the_mail_repeats_its_id(
    client: httpx.Client, box: Mailbox
) -> None:
    box.answers = ["drop"]
    (id_,) = post(client, MAIL)
    copy_of(client, id_, "sent")
    first, second = box.ids()
    assert first == second


def test_after_the_last_attempt_a_mail_has_failed(mongod: EmbeddedMongod, box: Mailbox) -> None:
    box.answers = ["451 try later"] * 5
    with sending(mongod, f"smtp://127.0.0.1:{box.port}", mail_attempts=2) as client:
        (id_,) = post(client, MAIL)
        assert copy_of(client, id_, "failed")["reason"] == "451 try later"
    assert (box.offered, box.mails) == (2, [])


@pytest.mark.parametrize("implicit", [True, False])
def test_tls_with_a_password(mongod: EmbeddedMongod, tmp_path: Path, implicit: bool) -> None:
    certificate, key = self_signed(tmp_path, "127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    scheme = "smtps" if implicit else "smtp+starttls"
    with mail_server(context, implicit=implicit, auth=None if implicit else "PLAIN") as box:
        who = "" if implicit else "duet:p%40ss%3Aword@"
        url = f"{scheme}://{who}127.0.0.1:{box.port}"
        with sending(mongod, url, smtp_ca=str(certificate)) as client:
            (id_,) = post(client, MAIL)
            copy_of(client, id_, "sent")
        assert len(box.mails) == 1
        with sending(mongod, url) as client:  # nobody vouches for the certificate
            (id_,) = post(client, MAIL)
            with pytest.raises(Still, match="queued"):
                copy_of(client, id_, "sent", seconds=3)
        assert len(box.mails) == 1


def test_a_server_that_is_away_costs_no_attempt(mongod: EmbeddedMongod, box: Mailbox) -> None:
    with sending(mongod, "smtp://127.0.0.1:9", mail_attempts=1) as client:
        (id_,) = post(client, MAIL)
        with pytest.raises(Still, match="queued"):
            copy_of(client, id_, "sent", seconds=3)
        assert attempts(mongod, client, id_) == 0


def test_who_has_unsubscribed_gets_no_mail(client: httpx.Client, box: Mailbox) -> None:
    (id_,) = post(client, MAIL)
    link = copy_of(client, id_, "sent")["unsubscribelink"].removeprefix("https://api.example.com")
    with httpx.Client(base_url=client.base_url, trust_env=False) as nobody:
        page = nobody.get(link)
        assert page.status_code == 200
        assert '<form method="post">' in page.text and "<script" not in page.text
        assert client.get("/rest/email_unsubscribed").json() == []
        assert nobody.post(f"{link}0").status_code == 403
        assert nobody.post(link.replace("ann", "bob")).status_code == 403
        assert client.get("/rest/email_unsubscribed").json() == []
        for _ in range(2):
            answer = nobody.post(link, data={"List-Unsubscribe": "One-Click"})
            assert answer.status_code == 200
    listed = client.get("/rest/email_unsubscribed").json()
    assert [each["to"] for each in listed] == ["ann@example.com"]
    skipped, sent = post(
        client, [{**MAIL, "to": "ANN@example.com"}, {**MAIL, "to": "b@example.com"}]
    )
    copy_of(client, skipped, "skipped")
    copy_of(client, sent, "sent")
    assert len(box.mails) == 2


@pytest.mark.parametrize(
    ("unwanted", "to", "status"),
    [
        ("Ann@Example.com", "ann@example.com", "skipped"),
        ("ann@example.com", "ANN@EXAMPLE.COM", "skipped"),
        ("ann@bücher.example", "ann@bücher.example", "skipped"),
        ("ANN@xn--bcher-kva.example", "ann@bücher.example", "skipped"),
        ("ann+news@example.com", "Ann+News@example.com", "skipped"),
        ("ann+news@example.com", "ann@example.com", "sent"),
        ("ann@example.com", "ann+news@example.com", "sent"),
        ("bann@example.com", "ann@example.com", "sent"),
    ],
)
def test_spellings_of_one_address(
    client: httpx.Client, box: Mailbox, unwanted: str, to: str, status: str
) -> None:
    assert client.post("/rest/email_unsubscribed", json={"to": unwanted}).status_code == 201
    (id_,) = post(client, {**MAIL, "to": to})
    copy_of(client, id_, status)
    assert len(box.mails) == (status == "sent")


def test_who_unsubscribes_while_a_mail_waits_does_not_get_it(
    client: httpx.Client, box: Mailbox
) -> None:
    box.answers = ["451 later"]
    (id_,) = post(client, MAIL)
    while not box.offered:
        copy_of(client, id_, "queued")
    client.post("/rest/email_unsubscribed", json={"to": "ANN@example.com"})
    copy_of(client, id_, "skipped")
    assert box.mails == []


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/x-www-form-urlencoded", "origin": "https://mail.example"},
    ],
)
def test_one_click(client: httpx.Client, headers: dict[str, str]) -> None:
    """RFC 8058, 3.2: a POST with neither key nor cookie, whose answer is no redirection."""
    (id_,) = post(client, {**MAIL, "to": "ann+news@bücher.example"})
    link = copy_of(client, id_, "sent")["unsubscribelink"].removeprefix("https://api.example.com")
    body = "List-Unsubscribe=One-Click"
    if "multipart" in headers["content-type"]:
        part = 'Content-Disposition: form-data; name="List-Unsubscribe"'
        body = f"--x\r\n{part}\r\n\r\nOne-Click\r\n--x--\r\n"
    with httpx.Client(base_url=client.base_url, trust_env=False) as nobody:
        answer = nobody.post(link, content=body, headers=headers)
        forged = nobody.post(link.replace("%2Bnews", ""), content=body, headers=headers)
    assert (answer.status_code, forged.status_code) == (200, 403)
    assert "set-cookie" not in answer.headers
    listed = client.get("/rest/email_unsubscribed").json()
    assert [each["to"] for each in listed] == ["ann+news@xn--bcher-kva.example"]


def test_metadata_keeps_nobody_from_unsubscribing(client: httpx.Client, box: Mailbox) -> None:
    needed = [{"name": name, "type": "text", "required": True} for name in ("to", "reason")]
    given = {"name": "email_unsubscribed", "strict": True, "fields": needed}
    assert client.put("/rest/email_unsubscribed/_meta", json=given).status_code == 200
    (id_,) = post(client, MAIL)
    link = copy_of(client, id_, "sent")["unsubscribelink"].removeprefix("https://api.example.com")
    answer = client.post(link, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200, answer.text
    (skipped,) = post(client, MAIL)
    copy_of(client, skipped, "skipped")
    assert len(box.mails) == 1


def test_of_internals_nothing_is_reached(client: httpx.Client) -> None:
    (id_,) = post(client, {**MAIL, "sendername": "Ann", "reply_to": "desk@example.com"})
    assert copy_of(client, id_, "sent").keys() == {
        *("_id", "to", "from", "subject", "company", "transport", "unsubscribelink", "_dbname"),
        *("body", "status"),
    }
    for name in ("_mail_queue", "_secrets", "_mail_tokens"):
        assert client.get(f"/rest/{name}").status_code == 404
        assert client.post(f"/rest/{name}", json={}).status_code in (404, 405)
    listed = client.post("/graphql", json={"query": "{ __schema { types { name } } }"}).text
    assert "MailQueue" not in listed and "Secrets" not in listed


def test_a_mail_of_a_megabyte(client: httpx.Client, box: Mailbox) -> None:
    html = "<p>" + "ü " * 330_000 + "</p>"
    (id_,) = post(client, {**MAIL, "html": html})
    copy_of(client, id_, "sent")
    assert html in parts(box.mails[0])[1]


def test_a_mail_about_an_account_leaves_no_text_behind(
    mongod: EmbeddedMongod, box: Mailbox
) -> None:
    url = f"smtp://127.0.0.1:{box.port}"
    with sending(mongod, url, passwords=True, registration=True) as client:
        told = {"email": "new@example.com", "password": "correct horse battery"}
        assert client.post("/auth/register", json=told).status_code == 200
        (mail,) = box.wait(1)
        (copy,) = client.get("/rest/email_outbound").json()
        assert copy_of(client, copy["_id"], "sent")["body"] in ("", None)
        assert "List-Unsubscribe" not in mail
        token = parts(mail)[0].split("token: ")[1].split()[0]
        assert client.post("/auth/verify", json={"token": token}).status_code == 200
        assert [each for each in queued(mongod) if str(each["_id"]) == copy["_id"]] == []
