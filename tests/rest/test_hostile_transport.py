"""Clients that misbehave below HTTP's own rules: refused, survived, and nothing is changed."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.conftest import KEY
from tests.rest.conftest import Target, check_error

LIMIT = 300_000
HEAD = f"Host: duetdb\r\nx-apikey: {KEY}\r\n".encode()


@contextmanager
def connection(target: Target) -> Iterator[socket.socket]:
    address = (target.client.base_url.host, target.client.base_url.port)
    with socket.create_connection(address, timeout=10) as opened:
        yield opened


def request(start: bytes, headers: bytes = b"", body: bytes = b"") -> bytes:
    return start + b" HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n" + headers + b"\r\n" + body


def answer_to(target: Target, sent: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to these bytes, after which the server hangs up."""
    before = target.contents()
    with connection(target) as client:
        client.sendall(sent)
        received = b"".join(iter(lambda: client.recv(65536), b""))
    assert target.contents() == before
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body


NOT_HTTP: dict[str, bytes] = {
    "a length that is no number": request(b"POST /rest/people", b"Content-Length: x\r\n", b"{}"),
    "a negative length": request(b"POST /rest/people", b"Content-Length: -5\r\n", b"{}"),
    "a length with a sign": request(b"POST /rest/people", b"Content-Length: +2\r\n", b"{}"),
    "a length of 40 digits": request(
        b"POST /rest/people", b"Content-Length: " + b"9" * 40 + b"\r\n", b"{}"
    ),
    "two lengths": request(
        b"POST /rest/people", b"Content-Length: 2\r\nContent-Length: 3\r\n", b"{}"
    ),
    "a length and chunks": request(
        b"POST /rest/people",
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        b"0\r\n\r\n",
    ),
    "an unknown encoding": request(
        b"POST /rest/people", b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"
    ),
    "a chunk of no size": request(
        b"POST /rest/people", b"Transfer-Encoding: chunked\r\n", b"zz\r\n{}\r\n0\r\n\r\n"
    ),
    "a chunk beyond 64 bits": request(
        b"POST /rest/people", b"Transfer-Encoding: chunked\r\n", b"f" * 20 + b"\r\n{}\r\n"
    ),
    "a URL with a space": request(b"GET /rest/pe ople"),
    "a URL with NUL": request(b"GET /rest/pe\0ople"),
    "a URL that is not ASCII": request(b"GET /rest/\xff"),
    "a URL without a slash": request(b"GET rest/people"),
    "a header without a colon": request(b"GET /rest/people", b"junk\r\n"),
    "a header name with a space": request(b"GET /rest/people", b"X A: a\r\n"),
    "a header with NUL": request(b"GET /rest/people", b"X-A: a\0b\r\n"),
    "a folded header": request(b"GET /rest/people", b"X-A: a\r\n b\r\n"),
    "an unknown method": request(b"FOO /rest/people"),
    "a method in small letters": request(b"get /rest/people"),
    "HTTP/3.9": b"GET /rest/people HTTP/3.9\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(100),
    "noise": b"\xff\xfe\xfd" * 100 + b"\r\n\r\n",
}


@pytest.mark.parametrize("name", NOT_HTTP)
def test_what_is_not_http(target: Target, name: str) -> None:
    # The HTTP server itself refuses these, in plain text.
    assert answer_to(target, NOT_HTTP[name]) == (400, b"Invalid HTTP request received.")


ODD: dict[str, tuple[bytes, int]] = {
    "a URL of 60 KB": (request(b"GET /rest/people?f=" + b"a" * 60_000), 200),
    "a URL of 100 KB": (request(b"GET /rest/people?f=" + b"a" * 100_000), 431),
    "a URL of 1 MB": (request(b"GET /rest/people?f=" + b"a" * 1_000_000), 431),
    "a header of 60 KB": (request(b"GET /rest/people", b"X-A: " + b"a" * 60_000 + b"\r\n"), 200),
    "a header of 100 KB": (request(b"GET /rest/people", b"X-A: " + b"a" * 100_000 + b"\r\n"), 431),
    "90 headers": (request(b"GET /rest/people", b"X-A: a\r\n" * 90), 200),
    "10,000 headers": (request(b"GET /rest/people", b"X-A: a\r\n" * 10_000), 431),
    "a header in Latin-1": (request(b"GET /rest/people", b"X-A: \xff\xfe\r\n"), 200),
    "a second key": (request(b"GET /rest/people", b"x-apikey: wrong\r\n"), 403),
    "a key in Latin-1": (b"GET /rest/people HTTP/1.0\r\nx-apikey: \xff\xff\r\n\r\n", 403),
    "a key of 60 KB": (
        b"GET /rest/people HTTP/1.0\r\nx-apikey: " + b"a" * 60_000 + b"\r\n\r\n",
        403,
    ),
    "no host and no key": (b"GET /rest/people HTTP/1.0\r\n\r\n", 401),
    "HTTP/0.9": (b"GET /rest/people\r\n\r\n", 401),
    "the whole server": (request(b"OPTIONS *"), 404),
    "a tunnel": (request(b"CONNECT /rest/people"), 405),
    "a trace": (request(b"TRACE /rest/people"), 405),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_but_http(target: Target, name: str) -> None:
    sent, expected = ODD[name]
    status, body = answer_to(target, sent)
    assert status == expected
    if status >= 400:
        check_error(status, json.loads(body))


def test_a_body_over_the_limit_is_refused_before_it_is_sent(target: Target) -> None:
    announced = request(b"POST /rest/people", b"Content-Length: 1000000000\r\n")
    status, body = answer_to(target, announced)
    check_error(413, json.loads(body))
    assert status == 413


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", ""])
def test_a_body_over_the_limit(target: Target, kind: str) -> None:
    padded = b'{"name":"x"}' + b" " * 10_000_000
    headers = {"content-type": kind} if kind else {}
    for method, path in (("POST", "/rest/people"), ("PATCH", f"/rest/people/{target.ann}")):
        body = target.refuses(413, method, path, content=padded, headers=headers)
        assert "300,000" in body["message"] and body["hint"]
    exact = b'["x"' + b" " * (LIMIT - 5) + b"]"
    assert len(exact) == LIMIT
    answer = target.client.request("DELETE", "/rest/people/*", content=exact, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"result": []})


def test_chunks_over_the_limit_of_a_body_without_a_length(target: Target) -> None:
    chunks = (b" " * 50_000 for _ in range(400))
    body = target.refuses(413, "POST", "/rest/people", content=chunks)
    assert body["name"] == "TooLarge"


@pytest.mark.parametrize(
    "sent",
    [
        request(b"POST /rest/people", b"Content-Length: 100\r\n", b'{"name":"half'),
        request(b"POST /rest/people", b"Content-Length: 100\r\n", b'{"name":"whole"}'),
        request(
            b"POST /rest/people", b"Transfer-Encoding: chunked\r\n", b'10\r\n{"name":"whole"}\r\n'
        ),
        request(b"PUT /rest/people/_meta", b"Content-Length: 100\r\n", b'{"fields":[]}'),
        request(b"DELETE /rest/people/*?q={}", b"Content-Length: 10\r\n"),
    ],
)
def test_a_client_that_leaves_in_the_middle_of_a_body(target: Target, sent: bytes) -> None:
    before = target.contents()
    with connection(target) as client:
        client.sendall(sent)
        time.sleep(0.05)
    time.sleep(0.1)
    assert target.contents() == before
    assert target.client.get(f"/rest/people/{target.ann}").status_code == 200
    counted = target.client.get("/metrics").text
    assert 'status="0"' in counted
    assert 'status="500"' not in counted


def test_a_slow_body_keeps_nobody_waiting(target: Target) -> None:
    body = b'{"text":"slowly"}'
    path = b"POST /rest/notes?slow"
    with connection(target) as client:
        client.sendall(request(path, b"Content-Length: %d\r\n" % len(body)))
        longest = 0.0
        for byte in body:
            client.sendall(bytes((byte,)))
            begun = time.perf_counter()
            assert target.client.get(f"/rest/people/{target.ann}").status_code == 200
            longest = max(longest, time.perf_counter() - begun)
        received = b"".join(iter(lambda: client.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 201 ")
    made = json.loads(received.partition(b"\r\n\r\n")[2])
    assert made["text"] == "slowly"
    assert target.client.delete(f"/rest/notes/{made['_id']}").status_code == 200
    assert longest < 1


def test_a_hundred_clients_that_never_finish_keep_nobody_waiting(target: Target) -> None:
    address = (target.client.base_url.host, target.client.base_url.port)
    stuck = [socket.create_connection(address, timeout=10) for _ in range(100)]
    try:
        for number, client in enumerate(stuck):
            start = b"POST /rest/people HTTP/1.1\r\n" + HEAD
            client.sendall(start if number % 2 else start + b"Content-Length: 9\r\n\r\n{")
        begun = time.perf_counter()
        assert target.client.get("/rest/people").status_code == 200
        assert time.perf_counter() - begun < 1
    finally:
        for client in stuck:
            client.close()


def test_pipelined_requests_are_answered_in_order(target: Target) -> None:
    paths = [b"/rest/people/%s" % target.ann.encode(), b"/rest/nowhere", b"/rest/companies"]
    with connection(target) as client:
        kept = b"".join(b"GET " + path + b" HTTP/1.1\r\n" + HEAD + b"\r\n" for path in paths[:2])
        client.sendall(kept + request(b"GET " + paths[2]))
        received = b"".join(iter(lambda: client.recv(65536), b""))
    statuses = [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"404", b"200"]


def test_many_bad_requests_at_once_leave_the_server_well(target: Target) -> None:
    before = target.contents()
    statuses: set[int] = set()

    def bother() -> None:
        with httpx.Client(
            base_url=target.client.base_url, headers={"x-apikey": KEY}, timeout=30, trust_env=False
        ) as client:
            for number in range(20):
                content = b'{"name":' + b"[" * (number * 40)
                statuses.add(client.post("/rest/people", content=content).status_code)

    threads = [threading.Thread(target=bother) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert statuses == {400}
    assert target.contents() == before
