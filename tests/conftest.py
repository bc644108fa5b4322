"""One real mongod for the whole run, a fresh database for each test."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

import httpx
import pytest
import uvicorn
from pymongo import MongoClient

from duetdb.app.mongo.connect import connect
from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.engine import Engine
from duetdb.app.settings import Settings
from tests.processes import KEY, wait_until_ready

_CHECKPOINT = 100
"""Databases that are dropped between two checkpoints, at which their files are closed at last.

A database has about fifty files, and a mongod with too many open ones aborts.
"""
_dropped = count(1)


@pytest.fixture(scope="session")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedMongod]:
    """A running embedded mongod."""
    with EmbeddedMongod(tmp_path_factory.mktemp("mongod")) as embedded:
        yield embedded


@pytest.fixture
def settings(mongod: EmbeddedMongod) -> Settings:
    """Settings that point at a database of this test's own."""
    return make_settings(mongod.uri)


def make_settings(uri: str, **flags: object) -> Settings:
    """Settings for a fresh database behind ``uri``; nothing comes from outside the test."""
    given = {
        "mongodb_uri": uri,
        "database": f"test_{uuid4().hex[:12]}",
        "api_key": KEY,
        "access_log": False,
        "rate_failures": 0,  # tests of refusals all come from one address
        **flags,
    }
    return Settings.load(given, {}, env_file=None)


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[Engine]:
    """A connection to a fresh database, dropped afterwards."""
    connected = await connect(settings)
    yield connected
    await connected.client.drop_database(connected.database.name)
    if next(_dropped) % _CHECKPOINT == 0:
        await connected.client.admin.command("fsync")
    await connected.client.close()


@pytest.fixture
async def little_memory(engine: Engine) -> AsyncIterator[None]:
    """A database that sorts in 200 KB of memory."""
    name = "internalQueryMaxBlockingSortMemoryUsageBytes"
    set_ = {"setParameter": 1, name: 200_000}
    before = (await engine.client.admin.command(set_))["was"]
    yield
    await engine.client.admin.command({"setParameter": 1, name: before})


@pytest.fixture
async def app_client(settings: Settings, engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole application, with the full-access key in its headers."""
    from duetdb.app.main import create_app

    app = create_app(settings, engine)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://duetdb", headers={"x-apikey": KEY}
        ) as client:
            yield client


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server on a real socket."""

    url: str
    key: str = KEY

    @property
    def headers(self) -> dict[str, str]:
        return {"x-apikey": self.key}


@pytest.fixture
def server(settings: Settings) -> Iterator[RunningServer]:
    """The application on a real loopback port."""
    with running_server(settings) as running:
        yield running
    with MongoClient[dict[str, Any]](settings.mongodb_uri) as client:
        client.drop_database(settings.database)


@contextmanager
def running_server(settings: Settings) -> Iterator[RunningServer]:
    """The application on a real loopback port, in a thread with its own event loop."""
    from duetdb.app.cli._uvicorn import configuration
    from duetdb.app.main import create_app

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        running = uvicorn.Server(configuration(settings, create_app(settings)))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            wait_until_ready(url, 30)
            yield RunningServer(url)
        finally:
            running.should_exit = True
            thread.join(30)


os.environ.pop("DUETDB_API_KEY", None)
