"""One server for all rows, with the documents of ``rows`` in its database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from duetdb.app.mongo.connect import connect
from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.schema.admin import SchemaAdmin
from duetdb.app.service.schema.catalog import Catalog
from duetdb.app.settings import Settings
from tests.conftest import make_settings, running_server
from tests.files import insert_files
from tests.spec_rows.rows import DOCUMENTS, METADATA, PHOTO, Ask, system
from tests.transfer.loading import Importer


@pytest.fixture(scope="package")
def ask(mongod: EmbeddedMongod, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Whom the rows are asked."""
    settings = make_settings(mongod.uri)
    asyncio.run(_fill(settings, tmp_path_factory.mktemp("rows")))
    with running_server(settings) as server, MongoClient[Any](mongod.uri) as direct:
        with httpx.Client(
            base_url=server.url, headers=server.headers, timeout=30, trust_env=False
        ) as client:
            yield Ask(client)
        direct.drop_database(settings.database)


async def _fill(settings: Settings, folder: Path) -> None:
    """Imports the documents, because an import keeps their ids and dates."""
    engine = await connect(settings)
    catalog = Catalog(engine)
    await catalog.start()
    admin = SchemaAdmin(engine, catalog, Limits())
    await admin.put_all({"collections": METADATA}, FULL_ACCESS)
    await insert_files(engine.database, PHOTO)
    importer = Importer(engine, catalog, admin, folder)
    for name, documents in DOCUMENTS.items():
        rows = [{**each, **system(each)} for each in documents]
        outcome = await importer.run(importer.file(rows), name=name)
        assert outcome.stored == len(documents)
    await catalog.stop()
    await engine.client.close()
