"""What goes over the wire, byte by byte: nothing that a mail says can begin a header."""

from __future__ import annotations

import random
from email import message_from_bytes
from email.policy import compat32, default
from email.utils import getaddresses
from typing import Any
from urllib.parse import urlencode

import pytest

from duetdb.app.service.mail.addresses import plain_address
from duetdb.app.service.mail.message import message_bytes
from duetdb.app.service.mail.options import MailOptions, check_mail_options

SENDER = "shop@example.com"
MESSAGE: dict[str, Any] = {
    "to": "ann@example.com",
    "subject": "Hello",
    "html": "<p>Hi</p>",
    "sendername": "",
    "reply_to": "",
    "unsubscribe": "",
    "message_id": "<1@example.com>",
}
HOSTILE = [
    'Ann "the boss", Ltd <evil@example.net>',
    'Köln, GmbH <evil@example.net>, "b" <c@example.net>',
    "a\\",
    '"',
    '"' * 500,
    "x" * 500,
    "ü" * 500,
    "☕👩‍👩‍👧" * 60,
    "שלום עולם " * 40 + "!",
    "\u202eevil",
    "=?utf-8?q?evil?=",
    "=?utf-8?q?=0D=0ABcc=3A_evil=40example=2Enet?=",
    "=?utf-8?b?DQpCY2M6IGV2aWxAZXhhbXBsZS5uZXQ=?= ü",
    "=?utf-8?q?=0D=0A=0D=0Abody?=",
    " lead and trail ",
    "Bcc: evil@example.net",
    "a" * 75 + ", ü <evil@example.net>",
    "\x00\x0b\x0c\x1b\x7f",
]
NAMES = ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"]


def sent(**change: Any) -> bytes:
    return message_bytes({**MESSAGE, **change}, SENDER)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("policy", [default, compat32])
def test_a_hostile_text_stays_in_its_header(text: str, policy: Any) -> None:
    raw = sent(subject=text, sendername=text)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.isascii() and all(len(line) < 200 for line in head.split(b"\r\n"))
    assert body.startswith(b"--")
    mail = message_from_bytes(raw, policy=policy)
    assert mail.keys() == NAMES
    assert mail["To"] == "ann@example.com"
    (sender,) = getaddresses([mail["From"]])
    assert sender[1] == SENDER
    if policy is default and text.isprintable():
        assert mail["Subject"] == text
        assert b"evil@example.net" not in head or b'"' in head


@pytest.mark.parametrize("text", ["a\r\nBcc: b@example.net", "a\nb", "a\rb", "a\u2028b", "a\x85b"])
@pytest.mark.parametrize("field", ["subject", "sendername"])
def test_a_line_break_is_encoded(field: str, text: str) -> None:
    mail: Any = message_from_bytes(sent(**{field: text}), policy=default)
    assert mail.keys() == NAMES
    assert [each.addr_spec for each in mail["From"].addresses] == [SENDER]


@pytest.mark.parametrize("field", ["to", "reply_to", "unsubscribe", "message_id"])
def test_what_has_to_be_plain_is_refused_otherwise(field: str) -> None:
    for text in ("a@example.com\r\nBcc: b@example.net", "a\nb", "ü@example.com"):
        with pytest.raises(ValueError):
            sent(**{field: text})


def test_a_long_address_and_a_long_link_are_whole() -> None:
    to = f"{'a' * 64}@{'b' * 60}.{'c' * 60}.example"
    link = f"https://api.example.com/mail/unsubscribe?to={'x' * 200}&token={'f' * 64}"
    head = sent(to=to, unsubscribe=link).partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert f"To: {to}" in head
    assert f"List-Unsubscribe: <{link}>" in head
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head


def test_the_longest_link_fits_into_a_line() -> None:
    to = f"{'%' * 64}@{'a' * 63}.{'b' * 63}.{'c' * 53}.example"
    assert len(plain_address(to)) == 254
    query = urlencode({"to": to, "token": "f" * 64})
    site = f"https://{'a' * 84}.example"
    check_mail_options(MailOptions(public_url=site))
    head = sent(unsubscribe=f"{site}/mail/unsubscribe?{query}", to=to).partition(b"\r\n\r\n")[0]
    assert 400 < max(map(len, head.split(b"\r\n"))) <= 998


def test_one_click_is_offered_by_https_alone() -> None:
    head = sent(unsubscribe="http://api.example.com/x")
    assert b"\r\nList-Unsubscribe: <http://api.example.com/x>\r\n" in head
    assert b"One-Click" not in head


def test_lines_of_the_body_are_short_and_its_dots_survive() -> None:
    html = "<p>" + "x" * 5000 + "</p>\n.\n..\n<pre>\n.\n</pre>" + "ü" * 1000
    raw = sent(html=html)
    assert max(map(len, raw.split(b"\r\n"))) <= 200
    mail: Any = message_from_bytes(raw, policy=default)
    assert mail.get_body(("html",)).get_content().replace("\r", "").rstrip("\n") == html


@pytest.mark.parametrize("seed", range(20))
def test_lines_end_as_smtp_wants_them(seed: int) -> None:
    """Otherwise a server might see an end of the mail where there is none."""
    chosen = random.Random(seed).choices(
        ["\r", "\n", ".", "a", " ", "ü", "<p>", "\x85", "\x0c"], k=3000
    )
    raw = sent(html="".join(chosen) + "\n.\n\r.\r\r\n.\r\n")
    assert raw.count(b"\r") == raw.count(b"\n") == raw.count(b"\r\n")
    mail: Any = message_from_bytes(raw, policy=default)
    assert mail.keys() == NAMES and len([*mail.walk()]) == 3
