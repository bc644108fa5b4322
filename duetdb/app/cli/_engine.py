"""A connection for commands that work on the database, whether a server runs or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from duetdb.app.mongo.connect import connect
from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.mongo.folder import running_uri
from duetdb.app.service.engine import Engine
from duetdb.app.setting_values import SettingsError
from duetdb.app.settings import Settings


@asynccontextmanager
async def open_engine(settings: Settings) -> AsyncIterator[Engine]:
    """The database that the settings name, for as long as the block lasts.

    An embedded database that a running server holds is shared with it; otherwise it is started
    here and stopped at the end. Raises ``SettingsError`` and ``Unavailable``.
    """
    if settings.memory:
        raise SettingsError("memory keeps its data inside the server: no command can reach it.")
    uri = settings.mongodb_uri or running_uri(settings.data)
    if uri is not None:
        async with _connected(settings, uri) as engine:
            yield engine
        return
    mongod = EmbeddedMongod(settings.data, settings.mongod)
    await asyncio.to_thread(mongod.start)
    try:
        async with _connected(settings, mongod.uri) as engine:
            yield engine
    finally:
        await asyncio.to_thread(mongod.stop)


@asynccontextmanager
async def _connected(settings: Settings, uri: str) -> AsyncIterator[Engine]:
    engine = await connect(replace(settings, mongodb_uri=uri))
    try:
        yield engine
    finally:
        await engine.client.close()
