"""The application for tests that Hypothesis drives: one server for many examples."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from duetdb.app.main import create_app
from duetdb.app.mongo.connect import connect
from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.conftest import KEY, make_settings
from tests.voice_graphql.conftest import Voice


@dataclass(frozen=True)
class Running:
    """A server with a database of its own, and the event loop that it lives on."""

    voice: Voice
    app: Any
    runner: asyncio.Runner


@contextmanager
def running(mongod: EmbeddedMongod) -> Iterator[Running]:
    """Starts a server in this process, and clears everything up at the end."""
    with asyncio.Runner() as runner:
        settings = make_settings(mongod.uri)
        engine = runner.run(connect(settings))
        app = create_app(settings, engine)
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        transport = httpx.ASGITransport(app=app)
        client = httpx.AsyncClient(
            transport=transport, base_url="http://duetdb", headers={"x-apikey": KEY}
        )
        try:
            yield Running(Voice(client, engine.database), app, runner)
        finally:
            runner.run(client.aclose())
            runner.run(lifespan.__aexit__(None, None, None))
            runner.run(engine.client.drop_database(engine.database.name))
            runner.run(engine.client.close())
