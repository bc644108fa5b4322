"""Files of the media archive go with mails: named by id, read when the mail is sent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from typing import Any

import httpx
import pytest
from gridfs import GridFSBucket
from pymongo import MongoClient

from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.errors import NotFound, Unavailable
from duetdb.app.service.mail.message import Attachment, message_bytes
from duetdb.app.service.media.archive import Archive
from tests.mail.conftest import MAIL, copy_of, post, sending
from tests.mail.smtp import Mailbox
from tests.mail.test_message import HOSTILE, MESSAGE, SENDER

LIMIT = 3_000_000


@pytest.fixture
def client(mongod: EmbeddedMongod, box: Mailbox) -> Iterator[httpx.Client]:
    flags = {"mail_attachment_bytes": LIMIT, "mail_connections": 1}
    with sending(mongod, f"smtp://127.0.0.1:{box.port}", **flags) as found:
        yield found


def upload(client: httpx.Client, name: str, data: bytes, kind: str = "") -> str:
    part = (name, data, kind) if kind else (name, data)
    answer = client.post("/media", files={"file": part})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["ids"][0])


def attached(mail: Any) -> list[tuple[str, str, bytes]]:
    return [
        (each.get_filename(), each.get_content_type(), each.get_payload(decode=True))
        for each in mail.iter_attachments()
    ]


def test_files_arrive_as_they_are(client: httpx.Client, box: Mailbox) -> None:
    noise = os.urandom(2_000_000)
    ids = [
        upload(client, "noise.bin", noise),
        upload(client, "日本 報告 Grüße.txt", "ü\n.\r\n..\r".encode(), "text/plain"),
        upload(client, "empty", b""),
        upload(client, "mail.eml", b"Subject: x\r\n\r\ny", "message/rfc822"),
    ]
    (id_,) = post(client, {**MAIL, "attachments": ids})
    assert copy_of(client, id_, "sent")["attachments"] == ids
    (mail,) = box.mails
    found = attached(mail)
    assert [each[0] for each in found] == ["noise.bin", "日本 報告 Grüße.txt", "empty", "mail.eml"]
    assert [each[2] for each in found] == [
        noise,
        "ü\n.\r\n..\r".encode(),
        b"",
        b"Subject: x\r\n\r\ny",
    ]
    assert [each[1] for each in found][1:] == [
        "text/plain",
        "application/octet-stream",
        "application/octet-stream",
    ]
    text: Any = mail.get_body(("plain",))
    assert text.get_content().strip() == "Hi Ann"


def test_mistakes_name_the_file_and_the_mail(client: httpx.Client, box: Mailbox) -> None:
    there = upload(client, "a.bin", b"a")
    half = upload(client, "half.bin", b"x" * (LIMIT // 2 + 1))
    gone = "0" * 24
    body = [
        {**MAIL, "attachments": [there, gone]},
        {**MAIL, "attachments": [half, half]},
        {**MAIL, "attachments": [half, there]},
    ]
    answer = client.post("/mail", json=body)
    assert answer.status_code == 400
    assert answer.json()["list"] == [
        {"field": "attachments.1", "message": [f"There is no file '{gone}'.", "TYPE"], "index": 0},
        {
            "field": "attachments",
            "message": ["The files of one mail have at most 3,000,000 bytes together.", "TYPE"],
            "index": 1,
        },
    ]
    assert client.get("/rest/email_outbound").json() == []
    assert box.offered == 0


def test_a_file_that_is_gone_or_has_grown_meanwhile(client: httpx.Client, box: Mailbox) -> None:
    gone, grown = upload(client, "gone", b"x"), upload(client, "grown", b"x")
    box.answers = ["451 later"] * 2
    ids = post(client, [{**MAIL, "attachments": [each]} for each in (gone, grown)])
    while box.offered < 2:
        copy_of(client, ids[0], "queued")
    assert client.delete(f"/media/{gone}").status_code == 200
    replaced = client.put(
        f"/media/{grown}?replace=true", files={"file": ("grown", b"x" * (LIMIT + 1))}
    )
    assert replaced.status_code == 200, replaced.text
    assert copy_of(client, ids[0], "failed")["reason"] == (
        f"The attached file {gone} is not there any more."
    )
    assert copy_of(client, ids[1], "failed")["reason"] == (
        "The files of one mail have at most 3,000,000 bytes together."
    )
    assert box.mails == []


def test_a_file_that_cannot_be_read_just_now_is_read_later(
    client: httpx.Client, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = upload(client, "a.bin", b"a")
    content, failures = Archive.content, [NotFound("It is replaced."), Unavailable("Away.")]

    def later(archive: Archive, file: Any, start: int, end: int) -> Any:
        if failures:
            raise failures.pop()
        return content(archive, file, start, end)

    monkeypatch.setattr(Archive, "content", later)
    (mail,) = post(client, {**MAIL, "attachments": [id_]})
    copy_of(client, mail, "sent")
    assert (failures, box.offered) == ([], 1)
    assert [each[2] for each in attached(box.mails[0])] == [b"a"]


def test_files_that_others_put_there_go_along(
    mongod: EmbeddedMongod, client: httpx.Client, box: Mailbox
) -> None:
    with MongoClient[dict[str, Any]](mongod.uri) as connected:
        database = connected[client.headers["x-database"]]
        bucket = GridFSBucket(database, "_media")
        bare = bucket.upload_from_stream("bare.txt", b"abc")
        odd = bucket.upload_from_stream("odd.txt", b"d", metadata={"mediatype": 5, "origname": 6})
        short = bucket.upload_from_stream("short.txt", b"e")
        database["_media.files"].update_one({"_id": short}, {"$unset": {"length": 1}})
    (id_,) = post(client, {**MAIL, "attachments": [str(bare), str(odd)]})
    copy_of(client, id_, "sent")
    assert attached(box.mails[0]) == [
        ("bare.txt", "application/octet-stream", b"abc"),
        ("file", "application/octet-stream", b"d"),
    ]
    answer = client.post("/mail", json={**MAIL, "attachments": [str(bare), str(short)]})
    assert (answer.status_code, answer.json()["list"]) == (
        400,
        [{"field": "attachments.1", "message": [f"There is no file '{short}'.", "TYPE"]}],
    )


def test_by_graphql(client: httpx.Client, box: Mailbox) -> None:
    id_ = upload(client, "a.bin", b"a\x00b")
    query = "mutation ($mail: [MailInput!]!) { sendMail(mail: $mail) { warning } }"
    body = {"query": query, "variables": {"mail": [{**MAIL, "attachments": [id_]}]}}
    assert client.post("/graphql", json=body).json() == {"data": {"sendMail": {"warning": None}}}
    (mail,) = box.wait(1)
    assert [each[::2] for each in attached(mail)] == [("a.bin", b"a\x00b")]


@pytest.mark.parametrize("name", [*HOSTILE, "a; b=c.txt", "日本 報告" * 30 + ".pdf"])
def test_a_hostile_name_stays_in_its_header(name: str) -> None:
    files = [Attachment(name, "text/html; x\r\ny", b"1"), Attachment("b", "x", b"2" * 100_000)]
    raw = message_bytes(MESSAGE, SENDER, files)
    mail: Any = message_from_bytes(raw, policy=default)
    first, second = mail.iter_attachments()
    assert all(len(line) < 200 for line in raw.split(b"\r\n"))
    for part in (first, second):
        assert part.keys() == [
            *("Content-Type", "Content-Transfer-Encoding", "Content-Disposition"),
        ]
    assert first.get_content_type() == "text/html"
    assert second.get_content_type() == "application/octet-stream"
    assert [first.get_content().strip(), second.get_content()] == ["1", b"2" * 100_000]
