"""The application with users: tokens are signed by the tests, as an issuer would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.engine import Engine
from duetdb.app.settings import Settings
from tests.conftest import make_settings


class Client(httpx.AsyncClient):
    """A client of one application, that presents nothing by itself."""

    app: Any = None


Serve = Callable[..., Awaitable[Client]]


def client_of(app: Any, address: str = "127.0.0.1") -> Client:
    """A client at a network address."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=(address, 1234))
    client = Client(transport=transport, base_url="https://duetdb")
    client.app = app
    return client


@pytest.fixture
async def serve(mongod: EmbeddedMongod, settings: Settings, engine: Engine) -> AsyncIterator[Serve]:
    """Starts the application with other settings, on the database of this test."""
    from duetdb.app.main import create_app

    async with AsyncExitStack() as stack:

        async def start(**flags: object) -> Client:
            given = {"database": settings.database, **flags}
            app = create_app(make_settings(mongod.uri, **given), engine)
            await stack.enter_async_context(app.router.lifespan_context(app))
            return await stack.enter_async_context(client_of(app))

        yield start
