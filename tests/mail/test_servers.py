"""Mail servers that hang, hang up and refuse at any stage: no mail is lost, and none is repeated
that need not be."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from bson import ObjectId
from pymongo import MongoClient

from duetdb.app.cli._certificate import self_signed
from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.mail import delivery, smtp
from duetdb.app.service.mail.queue import Queue
from tests.mail.conftest import MAIL, Still, attempts, copy_of, post, queue_of, sending
from tests.mail.script import CLOSE, HANG, Script, scripted
from tests.mail.smtp import mail_server

OFFERED = ["RCPT", "DATA", "END"]
"""The stages at which the server knows of a mail, which counts as an attempt."""
BEFORE = ["BANNER", "EHLO", "MAIL"]


@pytest.fixture
def server() -> Iterator[Script]:
    with scripted() as script:
        yield script


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for half a minute here."""
    monkeypatch.setattr(smtp, "_STEP_SECONDS", 1)
    monkeypatch.setattr(delivery, "_LONGEST_PAUSE", 2)


@pytest.mark.parametrize("fault", [HANG, CLOSE, "nonsense"])
@pytest.mark.parametrize("stage", [*BEFORE, *OFFERED])
def test_a_fault_at_any_stage_delays_a_mail(
    mongod: EmbeddedMongod, server: Script, stage: str, fault: str
) -> None:
    server.answers[stage] = [fault]
    flags = {"mail_answer_seconds": 1, "mail_connections": 1}
    with sending(mongod, f"smtp://127.0.0.1:{server.port}", **flags) as client:
        (id_,) = post(client, MAIL)
        copy_of(client, id_, "sent")
        assert server.answers[stage] == []
        # The mail was taken and nobody said so: it comes again under the same id.
        assert len(server.mails) == (2 if stage == "END" else 1)
        ids = {re.search(rb"Message-ID: (\S+)", each) for each in server.mails}
        assert len({each[1] for each in ids if each}) == 1
        assert queue_of(mongod, client) == []


@pytest.mark.parametrize(
    ("stage", "answer"),
    [
        ("BANNER", "554 you are on a list"),
        ("EHLO", "550 go away"),
        ("MAIL", "550 not from here"),
        ("MAIL", "530 authentication required"),
        ("BANNER", "421 too busy"),
    ],
)
def test_who_is_not_let_in_loses_no_mail(
    mongod: EmbeddedMongod, server: Script, stage: str, answer: str
) -> None:
    server.always[stage] = answer
    url = f"smtp://127.0.0.1:{server.port}"
    with sending(mongod, url, mail_attempts=1) as client:
        ids = post(client, [MAIL, MAIL])
        with pytest.raises(Still, match="queued"):
            copy_of(client, ids[0], "failed", seconds=3)
        assert [attempts(mongod, client, each) for each in ids] == [0, 0]
        assert server.connections < 12  # it is left alone for longer and longer
        del server.always[stage]
        for each in ids:
            copy_of(client, each, "sent")
    assert len(server.mails) == 2


def test_new_mail_does_not_hurry_a_server_that_is_not_reached(
    mongod: EmbeddedMongod, server: Script
) -> None:
    server.always["BANNER"] = "421 too busy"
    with sending(mongod, f"smtp://127.0.0.1:{server.port}") as client:
        ids = [post(client, MAIL)[0] for _ in range(100)]
        time.sleep(2)
        assert server.connections < 12
        del server.always["BANNER"]
        for each in ids:
            copy_of(client, each, "sent")
    assert len(server.mails) == 100


def test_a_server_that_hangs_up_after_each_mail_gets_all_at_once(
    mongod: EmbeddedMongod, server: Script
) -> None:
    server.answers["MAIL"] = ["250 ok", CLOSE, "250 ok", "421 enough", "250 ok", "250 ok"]
    flags = {"mail_connections": 1, "mail_retry_seconds": 600}
    with sending(mongod, f"smtp://127.0.0.1:{server.port}", **flags) as client:
        for each in post(client, [MAIL] * 4):
            copy_of(client, each, "sent")
    assert (len(server.mails), server.connections) == (4, 3)


def test_each_address_has_its_own_answer(mongod: EmbeddedMongod, server: Script) -> None:
    server.answers["RCPT"] = ["450 greylisted", "550 nobody", "250 ok"]
    flags = {"mail_connections": 1, "mail_retry_seconds": 1}
    with sending(mongod, f"smtp://127.0.0.1:{server.port}", **flags) as client:
        later, never, now = post(client, [MAIL] * 3)
        assert copy_of(client, never, "failed")["reason"] == "550 nobody"
        copy_of(client, now, "sent")
        copy_of(client, later, "sent")
    assert (len(server.mails), server.connections) == (2, 2)


@pytest.mark.parametrize(
    ("stage", "answer", "reason"),
    [
        ("MAIL", "552 5.3.4 too large", "552 5.3.4 too large"),
        ("END", "554 5.7.1 Indésirable\x07", "554 5.7.1 Ind?sirable"),
        ("RCPT", "550-no\r\n550 such person", "550 no such person"),
    ],
)
def test_what_a_server_says_of_a_mail_is_its_reason(
    mongod: EmbeddedMongod, server: Script, stage: str, answer: str, reason: str
) -> None:
    server.always[stage] = answer
    with sending(mongod, f"smtp://127.0.0.1:{server.port}") as client:
        (id_,) = post(client, MAIL)
        assert copy_of(client, id_, "failed")["reason"] == reason


def test_one_mail_that_hangs_keeps_no_other_waiting(mongod: EmbeddedMongod, server: Script) -> None:
    server.answers["END"] = [HANG]
    with sending(mongod, f"smtp://127.0.0.1:{server.port}") as client:
        post(client, MAIL)
        server.wait(1)
        began = time.monotonic()
        for each in post(client, [MAIL] * 10):
            copy_of(client, each, "sent")
        assert time.monotonic() - began < 5


def test_a_server_may_take_longer_than_a_lease(mongod: EmbeddedMongod, database: str) -> None:
    with mail_server() as box:
        box.delay = 7
        flags: dict[str, Any] = {"mail_lease_seconds": 4, "database": database}
        url = f"smtp://127.0.0.1:{box.port}"
        with sending(mongod, url, **flags) as client, sending(mongod, url, **flags):
            (id_,) = post(client, MAIL)
            copy_of(client, id_, "sent")
        assert (box.offered, len(box.mails)) == (1, 1)


@pytest.mark.parametrize("stage", ["BANNER", "MAIL", "RCPT", "DATA"])
def test_who_stops_lets_go_of_a_mail_that_no_server_has(
    mongod: EmbeddedMongod,
    database: str,
    server: Script,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
) -> None:
    monkeypatch.setattr(smtp, "_STEP_SECONDS", 30)
    monkeypatch.setattr(delivery, "_STOP_SECONDS", 0.5)
    server.answers[stage] = [HANG]
    url = f"smtp://127.0.0.1:{server.port}"
    with sending(mongod, url, database=database) as client:
        (id_,) = post(client, MAIL)
        until = time.monotonic() + 10
        while server.answers[stage] and time.monotonic() < until:
            time.sleep(0.02)
    with sending(mongod, url, database=database) as client:
        copy_of(client, id_, "sent", seconds=5)
        assert len(server.mails) == 1


def test_who_stops_notes_what_was_sent(
    mongod: EmbeddedMongod, database: str, server: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_STOP_SECONDS", 0.2)
    done = Queue.done

    async def slowly(queue: Queue, entry: Any, status: str) -> bool:
        await asyncio.sleep(1)
        return await done(queue, entry, status)

    monkeypatch.setattr(Queue, "done", slowly)
    url = f"smtp://127.0.0.1:{server.port}"
    with sending(mongod, url, database=database, mail_lease_seconds=4) as client:
        (id_,) = post(client, MAIL)
        server.wait(1)
    with sending(mongod, url, database=database) as client:
        copy_of(client, id_, "sent", seconds=0)
        assert queue_of(mongod, client) == []


def test_without_starttls_nothing_is_said(mongod: EmbeddedMongod, server: Script) -> None:
    url = f"smtp+starttls://duet:secret@127.0.0.1:{server.port}"
    with sending(mongod, url) as client:
        (id_,) = post(client, MAIL)
        with pytest.raises(Still, match="queued"):
            copy_of(client, id_, "sent", seconds=3)
        assert attempts(mongod, client, id_) == 0
    assert server.connections >= 1
    assert {each.split()[0] for each in server.said} <= {"EHLO", "QUIT"}


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_a_certificate_for_another_name_is_none(
    mongod: EmbeddedMongod, tmp_path: Path, scheme: str
) -> None:
    certificate, key = self_signed(tmp_path, "127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with mail_server(context, implicit=scheme == "smtps", host="127.0.0.2") as box:
        url = f"{scheme}://127.0.0.2:{box.port}"
        with sending(mongod, url, smtp_ca=str(certificate)) as client:
            (id_,) = post(client, MAIL)
            with pytest.raises(Still, match="queued"):
                copy_of(client, id_, "sent", seconds=3)
            assert attempts(mongod, client, id_) == 0
        assert box.offered == 0


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it is STARTTLS's
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("implicit", [True, False])
def test_each_way_to_give_a_password(
    mongod: EmbeddedMongod, database: str, tmp_path: Path, mechanism: str, implicit: bool
) -> None:
    certificate, key = self_signed(tmp_path, "127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    scheme = "smtps" if implicit else "smtp+starttls"
    with mail_server(context, implicit=implicit, auth=mechanism) as box:
        flags: dict[str, Any] = {"smtp_ca": str(certificate), "mail_attempts": 1}
        flags["database"] = database
        place = f"127.0.0.1:{box.port}"
        with sending(mongod, f"{scheme}://duet:wrong@{place}", **flags) as client:
            (id_,) = post(client, MAIL)
            with pytest.raises(Still, match="queued"):
                copy_of(client, id_, "failed", seconds=2)
            assert attempts(mongod, client, id_) == 0
        assert (box.offered, box.mechanisms) == (0, {mechanism})
        with sending(mongod, f"{scheme}://duet:p%40ss%3Aword@{place}", **flags) as client:
            copy_of(client, id_, "sent")
        assert len(box.mails) == 1
        assert box.mechanisms == {mechanism}


def test_a_mail_that_cannot_be_written_keeps_no_other_waiting(
    mongod: EmbeddedMongod, server: Script
) -> None:
    url = f"smtp://127.0.0.1:{server.port}"
    poison: list[dict[str, Any]] = [
        {"message": {"to": "ann@example.com"}, "attempts": 0},
        {"message": {**WRITTEN, "subject": 5}, "attempts": 0},
        {"message": {**WRITTEN, "to": "a\r\nb"}, "attempts": 0},
        {"message": WRITTEN, "attempts": 20},
        {"attempts": 0},
    ]
    reasons = [
        "The mail cannot be written: ",
        "The mail cannot be written: ",
        "The mail cannot be written: ",
        "Each worker that tried to send it ended before it could.",
        "The mail cannot be written: ",
    ]
    with sending(mongod, url) as client:
        ids = [ObjectId() for _ in poison]
        put_by_hand(
            mongod, client, [{"_id": i, **each} for i, each in zip(ids, poison, strict=True)]
        )
        (id_,) = post(client, MAIL)
        copy_of(client, id_, "sent")
        for each, reason in zip(ids, reasons, strict=True):
            assert copy_of(client, str(each), "failed")["reason"].startswith(reason)
    assert len(server.mails) == 1


WRITTEN: dict[str, Any] = {
    **{"to": "ann@example.com", "subject": "x", "html": "x", "sendername": "", "reply_to": ""},
    **{"unsubscribe": "", "message_id": "<x@example.com>"},
}


def put_by_hand(
    mongod: EmbeddedMongod, client: httpx.Client, entries: list[dict[str, Any]]
) -> None:
    """Entries of the queue as no server would make them, which have been due for long."""
    with MongoClient[dict[str, Any]](mongod.uri) as connected:
        database = connected[str(client.headers["x-database"])]
        copies = [{"_id": each["_id"], "status": "queued", "_version": 1} for each in entries]
        database["email_outbound"].insert_many(copies)
        due = datetime(2020, 1, 1)
        database["_mail_queue"].insert_many([{**each, "due": due} for each in entries])


def test_an_international_sender_is_encoded(mongod: EmbeddedMongod, server: Script) -> None:
    url = f"smtp://127.0.0.1:{server.port}"
    with sending(mongod, url, mail_from="shop@bücher.example") as client:
        (id_,) = post(client, {**MAIL, "to": "ann@bücher.example", "sendername": "Bücher"})
        assert copy_of(client, id_, "sent")["from"] == "shop@xn--bcher-kva.example"
    (raw,) = server.mails
    assert b"<shop@xn--bcher-kva.example>" in raw
    assert b"To: ann@xn--bcher-kva.example" in raw
    assert "MAIL FROM:<shop@xn--bcher-kva.example>" in " ".join(server.said)
