"""A fresh database for commands, seen from beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import MongoClient

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.conftest import make_settings

Database = Any
Target = tuple[str, ...]


@pytest.fixture
def database(mongod: EmbeddedMongod) -> Iterator[Database]:
    """A database of this test's own, by the plain driver."""
    with MongoClient(mongod.uri) as client:
        name = make_settings(mongod.uri).database
        yield client[name]
        client.drop_database(name)


@pytest.fixture
def target(mongod: EmbeddedMongod, database: Database) -> Target:
    """The flags that lead a command to that database."""
    return ("--mongodb-uri", mongod.uri, "--database", database.name)
