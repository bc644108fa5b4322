"""A small schema for the REST tests: people with a company, notes as a child list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pymongo import MongoClient
from pymongo.database import Database

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.conftest import make_settings, running_server

COMPANIES: dict[str, Any] = {
    "name": "companies",
    "fields": [{"name": "name", "type": "text", "required": True}],
}
NOTES: dict[str, Any] = {
    "name": "notes",
    "fields": [{"name": "text", "type": "text", "required": True}],
}
PEOPLE: dict[str, Any] = {
    "name": "people",
    "description": "Who we know.",
    "fields": [
        {"name": "name", "type": "text", "required": True},
        {"name": "email", "type": "email", "unique": True},
        {"name": "age", "type": "number"},
        {"name": "salary", "type": "money"},
        {"name": "active", "type": "bool"},
        {"name": "born", "type": "date"},
        {"name": "level", "type": "option", "options": ["junior", "senior"]},
        {"name": "tags", "type": "text", "multiple": True},
        {
            "name": "address",
            "type": "object",
            "fields": [
                {"name": "city", "type": "text"},
                {"name": "landlord", "type": "companies", "relation": "one"},
            ],
        },
        {"name": "company", "type": "companies", "relation": "one"},
        {"name": "friends", "type": "people", "relation": "many"},
        {"name": "notes", "type": "notes", "relation": "child"},
        {"name": "extra", "type": "JSON"},
        {"name": "place", "type": "geo"},
        {"name": "bonus", "type": "float_number", "formula": "{{salary}} * 0.1"},
    ],
}


@pytest.fixture
async def rest(app_client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client whose database holds the three collections, empty."""
    answer = await app_client.put("/rest/_meta", json={"collections": [COMPANIES, NOTES, PEOPLE]})
    assert answer.status_code == 200, answer.text
    return app_client


async def insert(client: httpx.AsyncClient, path: str, body: Any) -> Any:
    answer = await client.post(f"/rest/{path}", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


CLOSED: dict[str, Any] = {
    "name": "closed",
    "strict": True,
    "fields": [
        {"name": "title", "type": "text", "required": True},
        {"name": "inner", "type": "object", "fields": [{"name": "a", "type": "text"}]},
    ],
}


@dataclass(frozen=True)
class Target:
    """A server on a real socket, and a view of its database past the server.

    ``ann`` is the id of the one person that it holds.
    """

    client: httpx.Client
    database: Database[Any]
    ann: str

    def contents(self) -> dict[str, list[Any]]:
        """Every stored document by collection, save what the server writes of itself."""
        names = {*self.database.list_collection_names()} - {"_workers", "_audit", "_audit_refused"}
        found = {name: list(self.database[name].find().sort("_id")) for name in names}
        found["_schema"] = [each for each in found["_schema"] if each["_id"] == "version"]
        return found

    def refuses(self, status: int, method: str, path: str, **request: Any) -> Any:
        """The body of the answer, after checking that it is an error and changed nothing."""
        before = self.contents()
        answer = self.client.request(method, path, **request)
        assert answer.status_code == status, (answer.status_code, answer.text)
        body = answer.json()
        check_error(status, body)
        assert self.contents() == before
        return body


def check_error(status: int, body: Any) -> None:
    """An error that a person can act on: sentences, and nothing about the inside."""
    assert body["status"] == status
    assert body["name"] and body["message"]
    sentences = [each["message"][0] for each in body.get("list", ())]
    if body["name"] != "ValidationError":
        sentences.append(body["message"])
    assert sentences
    assert all(each.endswith((".", "?", ".)")) for each in sentences), sentences
    assert not any(word in str(body) for word in ("Traceback", "pymongo", "full error"))


@pytest.fixture(scope="module")
def target(mongod: EmbeddedMongod) -> Iterator[Target]:
    """One server for a whole module: its tests change nothing, and check that."""
    limits = {"body_bytes": 300_000, "bulk_documents": 100}
    settings = make_settings(mongod.uri, **limits)
    with running_server(settings) as server, MongoClient[Any](mongod.uri) as direct:
        with httpx.Client(
            base_url=server.url, headers=server.headers, timeout=30, trust_env=False
        ) as client:
            metadata = {"collections": [COMPANIES, NOTES, PEOPLE, CLOSED]}
            assert client.put("/rest/_meta", json=metadata).status_code == 200
            ann = client.post("/rest/people", json={"name": "Ann", "email": "ann@example.com"})
            assert ann.status_code == 201
            yield Target(client, direct[settings.database], ann.json()["_id"])
        direct.drop_database(settings.database)
