"""An importer on a fresh database, on the real engine or in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from duetdb.app.mongo.memory import memory_engine
from duetdb.app.service.engine import Engine
from duetdb.app.service.limits import Limits
from duetdb.app.service.schema.admin import SchemaAdmin
from duetdb.app.service.schema.catalog import Catalog
from tests.transfer.loading import Importer


@pytest.fixture
async def importer(engine: Engine, tmp_path: Path) -> AsyncIterator[Importer]:
    catalog = Catalog(engine)
    await catalog.start()
    yield Importer(engine, catalog, SchemaAdmin(engine, catalog, Limits()), tmp_path)
    await catalog.stop()


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Importer]:
    engine = memory_engine("notes")
    catalog = Catalog(engine)
    await catalog.start()
    yield Importer(engine, catalog, SchemaAdmin(engine, catalog, Limits()), tmp_path)
    await catalog.stop()
