"""A large file costs the server no memory, and of many uploads at once none is lost.

``python -m bench.media`` measures the same with more of both, and how long reads take meanwhile.
"""

from __future__ import annotations

import io
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
from PIL import Image
from pymongo import MongoClient

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.conftest import make_settings, running_server
from tests.media.loading import MEGABYTE, Client, Resident, noisy_picture, numbered, stream
from tests.processes import KEY, ServerProcess, serving

MOST_MEMORY: Final = 64 * MEGABYTE
LARGE: Final = 64
UPLOADS: Final = 40
IDLE: Final = 100

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


@pytest.fixture
def process(mongod: EmbeddedMongod) -> Iterator[ServerProcess]:
    """A server with the default limits that has served a file before."""
    database = f"test_{uuid4().hex[:12]}"
    flags = ("--mongodb-uri", mongod.uri, "--database", database)
    with serving(*flags, environment={"DUETDB_RATE_KEY": "0"}) as server:
        client = Client(server.port, KEY)
        id_, sent = client.upload(stream(4), 4 * MEGABYTE)
        assert client.download(id_) == sent
        yield server
    with MongoClient[dict[str, Any]](mongod.uri) as mongo:
        mongo.drop_database(database)


def connections(mongod: EmbeddedMongod) -> int:
    """How many there are to the database."""
    with MongoClient[dict[str, Any]](mongod.uri) as mongo:
        return int(mongo.admin.command("serverStatus")["connections"]["current"])


def test_a_large_file_costs_no_memory(process: ServerProcess) -> None:
    client, memory = Client(process.port, KEY), Resident(process.pid)
    id_, sent = client.upload(stream(LARGE), LARGE * MEGABYTE)
    assert client.download(id_) == sent
    assert memory.grown() < MOST_MEMORY / 2


def test_of_many_uploads_at_once_none_is_lost(
    process: ServerProcess, mongod: EmbeddedMongod
) -> None:
    picture = noisy_picture()
    assert len(picture) > 4 * MEGABYTE
    client, memory = Client(process.port, KEY), Resident(process.pid)
    before = connections(mongod)
    stored = client.upload_at_once([numbered(picture, each) for each in range(UPLOADS)])
    assert connections(mongod) - before < UPLOADS / 2  # they leave some to those who read
    assert len({id_ for id_, _ in stored}) == len({sent for _, sent in stored}) == UPLOADS
    assert memory.grown() < UPLOADS * 1.5 * MEGABYTE
    for id_, sent in stored:
        assert client.download(id_) == sent


def test_clients_that_do_not_read_cost_little(process: ServerProcess) -> None:
    client = Client(process.port, KEY)
    id_, sent = client.upload(stream(32), 32 * MEGABYTE)
    memory = Resident(process.pid)
    with ExitStack() as waiting:
        for _ in range(IDLE):
            idle = waiting.enter_context(socket.socket())
            idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            idle.connect(("127.0.0.1", process.port))
            idle.sendall(f"GET /media/{id_} HTTP/1.1\r\nHost: any\r\n\r\n".encode())
            assert idle.recv(12) == b"HTTP/1.1 200"
        time.sleep(1)
        assert client.download(id_) == sent
        assert memory.grown() < IDLE * 1.4 * MEGABYTE


@pytest.mark.parametrize("size", ["o", "w"])
def test_a_client_that_does_not_read_is_cut_off(mongod: EmbeddedMongod, size: str) -> None:
    content = list(stream(32)) if size == "o" else [_noise()]
    settings = make_settings(mongod.uri, media_send_seconds=1)
    with running_server(settings) as server, socket.socket() as idle:
        port = int(server.url.rpartition(":")[2])
        id_, sent = Client(port, KEY).upload(content, sum(map(len, content)))
        path = f"/media/{id_}?s={size}"
        whole = len(httpx.get(f"{server.url}{path}", timeout=30, trust_env=False).content)
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.connect(("127.0.0.1", port))
        idle.settimeout(30)
        idle.sendall(f"GET {path} HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n".encode())
        time.sleep(3)
        received = 0
        with suppress(ConnectionResetError):
            while some := idle.recv(MEGABYTE):
                received += len(some)
        assert 0 < received < whole * 0.9
        assert Client(port, KEY).download(id_) == sent
    with MongoClient[dict[str, Any]](mongod.uri) as mongo:
        mongo.drop_database(settings.database)


def _noise() -> bytes:
    """A PNG that has a size of some 7 MB."""
    made = io.BytesIO()
    Image.merge("RGB", [Image.effect_noise((640, 3700), 100) for _ in range(3)]).save(made, "PNG")
    return made.getvalue()
