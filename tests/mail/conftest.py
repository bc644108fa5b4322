"""A server with a mail server beside it, and what its copies say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.conftest import make_settings, running_server
from tests.mail.smtp import Mailbox, mail_server

SENDER = "shop@example.com"
MAIL = {"to": "ann@example.com", "subject": "Hello", "html": "<p>Hi <b>Ann</b></p>"}


@contextmanager
def dropped(mongod: EmbeddedMongod, name: str) -> Iterator[str]:
    """A database for the time of a block."""
    try:
        yield name
    finally:
        with MongoClient[dict[str, Any]](mongod.uri) as connected:
            connected.drop_database(name)


@pytest.fixture
def database(mongod: EmbeddedMongod) -> Iterator[str]:
    """A name for several servers of one test."""
    with dropped(mongod, make_settings(mongod.uri).database) as name:
        yield name


@contextmanager
def sending(mongod: EmbeddedMongod, url: str, **flags: Any) -> Iterator[httpx.Client]:
    """A client with the full-access key, of a server that sends by this mail server.

    Its database is dropped afterwards, unless ``flags`` name one.
    """
    given = {"mail_from": SENDER, "mail_retry_seconds": 1, **flags}
    settings = make_settings(mongod.uri, smtp_url=url, **given)
    with (
        nullcontext() if "database" in flags else dropped(mongod, settings.database),
        running_server(settings) as server,
        httpx.Client(base_url=server.url, headers=server.headers, trust_env=False) as client,
    ):
        client.headers["x-database"] = settings.database  # for queue_of
        yield client


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as found:
        yield found


@pytest.fixture
def client(mongod: EmbeddedMongod, box: Mailbox) -> Iterator[httpx.Client]:
    url = f"smtp://127.0.0.1:{box.port}"
    with sending(mongod, url, public_url="https://api.example.com") as found:
        yield found


def queue_of(mongod: EmbeddedMongod, client: httpx.Client) -> list[dict[str, Any]]:
    """What is in the queue of the database that the client's server works on."""
    name = str(client.headers["x-database"])
    with MongoClient[dict[str, Any]](mongod.uri) as connected:
        return [*connected[name]["_mail_queue"].find()]


def attempts(mongod: EmbeddedMongod, client: httpx.Client, id_: str) -> int:
    """How often a mail was offered, as soon as no worker has it in its hands."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        (entry,) = (each for each in queue_of(mongod, client) if str(each["_id"]) == id_)
        if "fence" not in entry:
            return int(entry["attempts"])
        time.sleep(0.02)
    raise AssertionError("The mail is never let go of.")


def post(client: httpx.Client, body: Any) -> list[str]:
    """The ids of the copies of mails that are taken."""
    answer = client.post("/mail", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json().keys() == {"result"}
    return [each["email_outbound_id"] for each in answer.json()["result"]]


class Still(Exception):
    """The status that a copy still has."""


def copy_of(client: httpx.Client, id_: str, status: str, seconds: float = 15) -> dict[str, Any]:
    """The copy of a mail, as soon as it has that status."""
    until = time.monotonic() + seconds
    while True:
        found: dict[str, Any] = client.get(f"/rest/email_outbound/{id_}").json()
        if found["status"] == status:
            return found
        if time.monotonic() > until:
            raise Still(found["status"])
        time.sleep(0.05)
