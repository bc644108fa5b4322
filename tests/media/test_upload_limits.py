"""Uploads that are too large, too slow or cut off are answered early and leave nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.media.test_upload_sockets import server, soon
from tests.media.wire import KIND, LAST, Wire, answer, part

__all__ = ["server"]  # a fixture

START = part('name="f"; filename="a"', b"x" * 600_000)[:-2]


@pytest.fixture
def wire(server: Wire) -> Iterator[Wire]:
    yield server
    server.clear()


def test_a_length_that_is_too_large_is_refused_before_the_body(wire: Wire) -> None:
    with wire.connection() as client:
        client.sendall(wire.head(KIND, 2_000_000))
        status, envelope = answer(client)
    assert (status, envelope["name"], envelope["status"]) == (413, "TooLarge", 413)


def test_it_is_refused_without_asking_for_the_body(wire: Wire) -> None:
    head = wire.head(KIND, 2_000_000).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    with wire.connection() as client:
        client.sendall(head)
        assert answer(client)[0] == 413


def test_a_body_is_read_as_far_as_the_limit(wire: Wire) -> None:
    """The sender says that more comes, and is answered all the same."""
    with wire.connection() as client:
        client.sendall(wire.head(KIND, None))
        body = part('filename="a"', b"x" * 1_000_001)[:-2]
        client.sendall(b"%x\r\n%b\r\n" % (len(body), body))
        assert answer(client)[0] == 413
    soon(lambda: wire.left() == {})


def test_who_leaves_leaves_nothing(wire: Wire) -> None:
    with wire.connection() as client:
        client.sendall(wire.head(KIND, 700_000) + START)
        soon(lambda: wire.left().get("chunks", 0) == 2)
        assert wire.left() == {"chunks": 2, "uploads": 1}
    soon(lambda: wire.left() == {})


def test_who_sends_nothing_more_is_refused(wire: Wire) -> None:
    begun = time.monotonic()
    with wire.connection() as client:
        client.sendall(wire.head(KIND, 10_000) + part('filename="a"', b"x" * 1000)[:-2])
        status, envelope = answer(client)
    assert (status, envelope["name"]) == (408, "RequestTimeout")
    assert 1.5 < time.monotonic() - begun < 10
    soon(lambda: wire.left() == {})


def test_slow_senders_do_not_hold_up_others(wire: Wire) -> None:
    """With one place for chunks, three uploads that have come half wait for the rest of theirs."""
    rest = b"\r\n" + LAST
    with ExitStack() as stack:
        clients = [stack.enter_context(wire.connection()) for _ in range(3)]
        for client in clients:
            client.sendall(wire.head(KIND, len(START + rest)) + START)
        soon(lambda: wire.left().get("chunks", 0) == 6)
        assert wire.post(part('filename="quick"') + LAST)[0] == 201
        for client in clients:
            client.sendall(rest)
            assert answer(client)[0] == 201
    assert wire.names().count("a") == 3
    assert wire.left() == {"files": 4, "chunks": 10}
