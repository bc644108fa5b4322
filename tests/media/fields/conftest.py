"""A database of albums, with three files in its media archive."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from duetdb.app.service.engine import Engine
from duetdb.app.settings import Settings
from tests.files import insert_files
from tests.media.fields.library import ONE, THREE, TWO, LookUps, define
from tests.voice_graphql.conftest import Voice
from tests.voice_graphql.running import serving


@pytest.fixture
async def albums(app_client: httpx.AsyncClient, engine: Engine) -> httpx.AsyncClient:
    """No albums yet."""
    await insert_files(engine.database, ONE, TWO, THREE)
    await define(app_client)
    return app_client


@pytest.fixture
def look_ups() -> LookUps:
    return LookUps()


@pytest.fixture
async def counted(settings: Settings, look_ups: LookUps) -> AsyncIterator[Voice]:
    """The same over a connection whose look-ups of files are counted."""
    async with serving(settings, look_ups) as server:
        await insert_files(server.voice.database, ONE, TWO, THREE)
        await define(server.voice.client)
        yield server.voice
