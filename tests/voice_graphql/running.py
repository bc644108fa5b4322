"""The application for tests that need it otherwise than the fixtures give it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from pymongo.monitoring import CommandListener

from duetdb.app.main import create_app
from duetdb.app.mongo.connect import connect
from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.settings import Settings
from tests.conftest import KEY, make_settings
from tests.voice_graphql.conftest import Voice


@dataclass(frozen=True)
class Server:
    """The application in this process, with a database of its own."""

    voice: Voice
    app: Any


@asynccontextmanager
async def serving(settings: Settings, *listeners: CommandListener) -> AsyncIterator[Server]:
    """A server whose database commands are heard by ``listeners``; its database goes with it."""
    engine = await connect(settings, listeners)
    app = create_app(settings, engine)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=transport, base_url="http://duetdb", headers={"x-apikey": KEY}
        ) as client,
    ):
        yield Server(Voice(client, engine.database), app)
    await engine.client.drop_database(engine.database.name)
    await engine.client.close()


@contextmanager
def hand_driven(
    mongod: EmbeddedMongod, *listeners: CommandListener, **flags: object
) -> Iterator[tuple[Server, asyncio.Runner]]:
    """A server for many examples of Hypothesis, and the event loop that it lives on.

    ``flags`` are settings of it.
    """
    with asyncio.Runner() as runner:
        context = serving(make_settings(mongod.uri, **flags), *listeners)
        server = runner.run(context.__aenter__())
        try:
            yield server, runner
        finally:
            runner.run(context.__aexit__(None, None, None))
