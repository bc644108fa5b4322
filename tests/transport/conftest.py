"""The application as clients at any address see it, without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, TypeAlias

import httpx
import pytest

from duetdb.app.main import create_app
from duetdb.app.service.engine import Engine
from duetdb.app.settings import Settings
from tests.conftest import KEY

OUTSIDE = "203.0.113.9"
Client: TypeAlias = httpx.AsyncClient
ClientAt: TypeAlias = Callable[..., Client]
Serving: TypeAlias = Callable[..., AbstractAsyncContextManager[ClientAt]]


@pytest.fixture
def serving_with(settings: Settings, engine: Engine) -> Serving:
    """``async with serving_with(**settings) as client_at``: an application with these settings.

    ``client_at(address, scheme)`` is a client of it at that address, with the full-access key.
    """

    @asynccontextmanager
    async def serving(**changed: Any) -> AsyncIterator[ClientAt]:
        app = create_app(replace(settings, **changed), engine)
        clients: list[Client] = []

        def client_at(address: str = OUTSIDE, scheme: str = "https", key: str = KEY) -> Client:
            transport = httpx.ASGITransport(
                app=app, raise_app_exceptions=False, client=(address, 40_000)
            )
            headers = {"x-apikey": key} if key else {}
            client = Client(transport=transport, base_url=f"{scheme}://duetdb", headers=headers)
            clients.append(client)
            return client

        async with app.router.lifespan_context(app):
            yield client_at
            for each in clients:
                await each.aclose()

    return serving
