"""Clients that send too much before there is a request, or keep a connection by sending nothing."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.conftest import make_settings
from tests.processes import HEADERS, KEY, ServerProcess, serving

HEAD = f"Host: duetdb\r\nx-apikey: {KEY}\r\n".encode()
GET = b"GET /rest/users HTTP/1.1\r\n" + HEAD
LAST = b"Connection: close\r\n\r\n"
TOO_LARGE = {
    "name": "HeadersTooLarge",
    "message": "The address and the headers of a request may have 20 headers and 5,000 bytes.",
    "status": 431,
}
TOO_SLOW = {
    "name": "RequestTimeout",
    "message": "The headers of the request did not arrive within 1 s.",
    "status": 408,
}
BODY_TOO_SLOW = {
    "name": "RequestTimeout",
    "message": "The body of the request did not arrive in time.",
    "status": 408,
    "hint": "Send it again, faster; see the setting DUETDB_BODY_SECONDS.",
}


@pytest.fixture(scope="module")
def server(mongod: EmbeddedMongod) -> Iterator[ServerProcess]:
    """A server with little patience: a second for headers and bodies, two between requests."""
    database = make_settings(mongod.uri).database
    flags = ("--mongodb-uri", mongod.uri, "--database", database, "--header-bytes=5000")
    times = ("--header-seconds=1", "--body-seconds=1", "--keep-alive-seconds=2")
    with serving(*flags, *times, "--header-count=20") as running:
        yield running
    with MongoClient[Any](mongod.uri) as direct:
        direct.drop_database(database)


@contextmanager
def connection(server: ServerProcess) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as opened:
        yield opened


def rest_of(client: socket.socket) -> bytes:
    """Everything until the server hangs up."""
    return b"".join(iter(lambda: client.recv(65536), b""))


def up_to(client: socket.socket, last: bytes) -> bytes:
    """What the server sends until these bytes, which its answer ends with."""
    received = b""
    while not received.endswith(last):
        part = client.recv(65536)
        assert part, received
        received += part
    return received


def parsed(received: bytes) -> tuple[int, Any, dict[str, str]]:
    """Status, body and headers of one answer."""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(first.split()[1]), json.loads(body), headers


def answer_to(server: ServerProcess, *parts: bytes) -> tuple[int, Any, dict[str, str]]:
    """The answer to what is sent in parts, one at a time."""
    with connection(server) as client:
        for part in parts:
            client.sendall(part)
            time.sleep(0.05)
        return parsed(rest_of(client))


def test_what_is_within_the_limits_is_answered(server: ServerProcess) -> None:
    fields = b"".join(b"X-%d: a\r\n" % number for number in range(17))
    assert answer_to(server, GET + fields + LAST)[:2] == (200, [])
    # The path, 20 headers with 4 bytes around each, and the rest is this one.
    assert answer_to(server, GET + b"X-A: " + b"a" * 4_800 + b"\r\n" + LAST)[:2] == (200, [])


@pytest.mark.parametrize(
    "parts",
    [
        (GET, *[b"X-A: a\r\n" * 6] * 3, LAST),
        (GET + b"X-A: a\r\n" * 18 + LAST,),
        (GET + b"X-A: " + b"a" * 5_000 + b"\r\n" + LAST,),
        (GET + b"X-A: ", *[b"a" * 2_000] * 4),
        (GET + b"X" * 3_000, b"X" * 3_000, b"X" * 3_000),
        (b"GET /rest/users?q=" + b"a" * 5_000 + b" HTTP/1.1\r\n" + HEAD + LAST,),
        (GET + b"\r\n", GET + b"X-A: " + b"a" * 5_000 + b"\r\n" + LAST),
    ],
    ids=("slow many", "many", "long", "slow long", "name", "url", "second"),
)
def test_a_head_that_is_too_large(server: ServerProcess, parts: tuple[bytes, ...]) -> None:
    with connection(server) as client:
        for part in parts:
            client.sendall(part)
            time.sleep(0.05)
        received = rest_of(client)
    status, body, headers = parsed(received[received.rindex(b"HTTP/1.1 ") :])
    assert (status, body) == (431, TOO_LARGE)
    assert headers["connection"] == "close"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-type"] == "application/json; charset=utf-8"


CHUNKED = b"POST /rest/users HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (CHUNKED + b"2\r\n[]\r\n0\r\n", b"X-A: a\r\n" * 250),
        (CHUNKED + b"2\r\n[]\r\n0\r\nX-A: ", b"a" * 2_000),
        (CHUNKED + b"2;", b"a" * 2_000),
        (b"", b"\r\n" * 1_000),
    ],
    ids=("trailers", "a trailer", "an extension", "empty lines"),
)
def test_what_is_neither_head_nor_body(server: ServerProcess, start: bytes, more: bytes) -> None:
    status, body, _ = answer_to(server, start, *[more] * 5)
    assert (status, body) == (431, TOO_LARGE)


def test_a_refusal_is_not_taken_for_an_earlier_answer(server: ServerProcess) -> None:
    posted = CHUNKED + b"2\r\n[]\r\n0\r\n\r\n"
    with connection(server) as client:
        client.sendall(posted + GET + b"X-A: " + b"a" * 5_000 + b"\r\n" + LAST)
        with suppress(ConnectionResetError):
            assert rest_of(client) == b""


@pytest.mark.parametrize("start", [b"G", b"GET /rest", GET, GET + b"X-A: a"])
def test_a_head_that_does_not_end(server: ServerProcess, start: bytes) -> None:
    begun = time.monotonic()
    status, body, headers = answer_to(server, start)
    assert (status, body, headers["connection"]) == (408, TOO_SLOW, "close")
    assert 0.9 < time.monotonic() - begun < 6


def test_a_byte_now_and_then_does_not_help(server: ServerProcess) -> None:
    begun = time.monotonic()
    with connection(server) as client:
        client.sendall(GET)
        with pytest.raises(OSError):
            while time.monotonic() - begun < 12:
                client.sendall(b"X")
                time.sleep(0.1)
    assert time.monotonic() - begun < 8


@pytest.mark.parametrize("sent", [b"", b"\r\n"])
def test_who_asks_nothing_loses_the_connection(server: ServerProcess, sent: bytes) -> None:
    begun = time.monotonic()
    with connection(server) as client:
        client.sendall(sent)
        assert rest_of(client) == b""
    assert 0.9 < time.monotonic() - begun < 6


def test_an_idle_connection_is_kept_for_a_while(server: ServerProcess) -> None:
    with connection(server) as client:
        client.sendall(GET + b"\r\n")
        assert up_to(client, b"[]").startswith(b"HTTP/1.1 200 ")
        time.sleep(1.5)
        client.sendall(GET + b"\r\n")
        assert up_to(client, b"[]").startswith(b"HTTP/1.1 200 ")
        begun = time.monotonic()
        assert rest_of(client) == b""
        assert 1.5 < time.monotonic() - begun < 8


def test_empty_lines_do_not_keep_a_used_connection(server: ServerProcess) -> None:
    with connection(server) as client:
        client.sendall(GET + b"\r\n")
        assert up_to(client, b"[]").startswith(b"HTTP/1.1 200 ")
        begun = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - begun < 12:
                client.sendall(b"\r\n")
                time.sleep(0.1)
    assert time.monotonic() - begun < 8


POST = b"POST %s HTTP/1.1\r\n" + HEAD + b"Content-Type: application/json\r\n"


@pytest.mark.parametrize(
    "framing",
    [b"Content-Length: 1000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n8\r\n"],
)
@pytest.mark.parametrize("sent", [b"", b'{"email"'])
def test_a_body_that_does_not_arrive(server: ServerProcess, framing: bytes, sent: bytes) -> None:
    begun = time.monotonic()
    status, body, headers = answer_to(server, POST % b"/rest/users" + framing + sent)
    assert (status, body, headers["connection"]) == (408, BODY_TOO_SLOW, "close")
    assert 0.9 < time.monotonic() - begun < 6


def test_graphql_says_it_in_its_own_words(server: ServerProcess) -> None:
    status, body, _ = answer_to(server, POST % b"/graphql" + b"Content-Length: 99\r\n\r\n{")
    found = body["errors"][0]
    assert (status, found["message"]) == (408, BODY_TOO_SLOW["message"])
    assert found["extensions"] == {
        "code": "REQUEST_TIMEOUT",
        "status": 408,
        "hint": BODY_TOO_SLOW["hint"],
    }


def test_a_body_by_single_bytes_does_not_arrive_either(server: ServerProcess) -> None:
    with connection(server) as client:
        client.sendall(POST % b"/rest/users" + b"Content-Length: 1000\r\n\r\n")
        client.settimeout(0.1)
        begun, received = time.monotonic(), b""
        while not received and time.monotonic() - begun < 12:
            client.sendall(b" ")
            try:
                received = client.recv(65536)
            except TimeoutError:
                continue
    assert received.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - begun < 6


def test_a_body_may_take_the_time_that_its_size_needs(server: ServerProcess) -> None:
    with connection(server) as client:
        client.sendall(
            POST % b"/rest/users" + b"Connection: close\r\nContent-Length: 40002\r\n\r\n"
        )
        for _ in range(4):
            client.sendall(b" " * 10_000)
            time.sleep(0.5)
        client.sendall(b"[]")
        assert parsed(rest_of(client))[:2] == (201, [])


def test_many_small_chunks_are_a_body(server: ServerProcess) -> None:
    with connection(server) as client:
        client.sendall(CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        for _ in range(10):
            client.sendall(b"1\r\n \r\n" * 500)
        client.sendall(b"2\r\n[]\r\n0\r\nX-A: a\r\n\r\n")
        assert parsed(rest_of(client))[:2] == (201, [])


def test_a_body_that_nobody_reads_does_not_keep_the_connection(server: ServerProcess) -> None:
    with connection(server) as client:
        client.sendall(POST % b"/nowhere" + b"Content-Length: 100000\r\n\r\n")
        assert up_to(client, b"}").startswith(b"HTTP/1.1 404 ")
        begun = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - begun < 12:
                client.sendall(b" ")
                time.sleep(0.1)
    assert time.monotonic() - begun < 8


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, identity", "GZIP", "x-unknown"])
def test_encoded_bodies_are_refused(server: ServerProcess, coding: str) -> None:
    with httpx.Client(base_url=server.url, headers=HEADERS, trust_env=False) as client:
        answer = client.post("/rest/users", headers={"content-encoding": coding}, content=b"{}")
        assert (answer.status_code, answer.json()) == (
            415,
            {
                "name": "UnsupportedMediaType",
                "message": "The body is encoded, and encoded bodies are not read here.",
                "status": 415,
                "hint": "Send it as it is, without Content-Encoding.",
            },
        )
        plain = client.get("/rest/users", headers={"content-encoding": "identity"})
        assert (plain.status_code, plain.json()) == (200, [])


def test_slow_clients_keep_nobody_waiting(server: ServerProcess) -> None:
    stuck = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(100)]
    try:
        for client in stuck:
            client.sendall(GET)
        begun = time.perf_counter()
        assert httpx.get(f"{server.url}/rest/users", headers=HEADERS).json() == []
        assert time.perf_counter() - begun < 1
        for client in stuck:
            client.settimeout(5)
            assert rest_of(client).startswith(b"HTTP/1.1 408 ")
    finally:
        for client in stuck:
            client.close()
