"""A small schema for the REST tests: people with a company, notes as a child list."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

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
