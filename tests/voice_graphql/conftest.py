"""A small library for the GraphQL tests: books of every field type, authors, reviews."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from duetdb.app.service.engine import Engine
from tests.conftest import KEY

Json = dict[str, Any]

AUTHORS: Json = {
    "name": "authors",
    "fields": [
        {"name": "name", "type": "text", "required": True},
        {"name": "born", "type": "date"},
        {"name": "mentor", "type": "authors", "relation": "one"},
    ],
}
REVIEWS: Json = {
    "name": "reviews",
    "fields": [
        {"name": "text", "type": "text", "required": True},
        {"name": "stars", "type": "number"},
        {"name": "by", "type": "authors", "relation": "one"},
    ],
}
BOOKS: Json = {
    "name": "books",
    "fields": [
        {"name": "title", "type": "text", "required": True},
        {"name": "isbn", "type": "text", "unique": True},
        {"name": "code", "type": "text", "regex": "^[a-z]+$"},
        {"name": "pages", "type": "number"},
        {"name": "rating", "type": "float_number"},
        {"name": "price", "type": "money"},
        {"name": "gross", "type": "money", "formula": "{{price}} * 2"},
        {"name": "inPrint", "type": "bool"},
        {"name": "published", "type": "date"},
        {"name": "sold", "type": "datetime"},
        {"name": "read-at", "type": "time"},
        {"name": "genre", "type": "option", "options": ["poetry", "prose"]},
        {"name": "tags", "type": "text", "multiple": True},
        {"name": "scores", "type": "number", "multiple": True},
        {
            "name": "print",
            "type": "object",
            "fields": [
                {"name": "city", "type": "text"},
                {"name": "year", "type": "number"},
                {
                    "name": "size",
                    "type": "object",
                    "fields": [{"name": "height", "type": "float_number"}],
                },
            ],
        },
        {
            "name": "parts",
            "type": "object",
            "multiple": True,
            "fields": [
                {"name": "kind", "type": "text"},
                {"name": "length", "type": "number"},
                {"name": "marks", "type": "number", "multiple": True},
            ],
        },
        {"name": "about", "type": "JSON"},
        {"name": "place", "type": "geo"},
        {"name": "cover", "type": "image"},
        {"name": "author", "type": "authors", "relation": "one"},
        {"name": "editors", "type": "authors", "relation": "many"},
        {"name": "reviews", "type": "reviews", "relation": "child"},
    ],
}
STRICT: Json = {
    "name": "coins",
    "strict": True,
    "fields": [{"name": "worth", "type": "number"}],
}


@dataclass
class Voice:
    """The GraphQL interface, with REST and the database beside it."""

    client: httpx.AsyncClient
    database: Any

    async def post(self, query: str, /, **variables: Any) -> httpx.Response:
        """An operation over HTTP."""
        return await self.client.post("/graphql", json={"query": query, "variables": variables})

    async def answer(self, query: str, /, **variables: Any) -> Json:
        """The whole answer of an operation; the status is 200, as for all that is understood."""
        answer = await self.post(query, **variables)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    async def data(self, query: str, /, **variables: Any) -> Any:
        """``data`` of an operation without errors; of a single root field its value."""
        body = await self.answer(query, **variables)
        assert "errors" not in body, body
        data = body["data"]
        return next(iter(data.values())) if len(data) == 1 else data

    async def error(self, query: str, /, **variables: Any) -> Json:
        """The only error of an operation."""
        body = await self.answer(query, **variables)
        assert len(body["errors"]) == 1, body
        error: Json = body["errors"][0]
        return error

    async def message(self, query: str, /, **variables: Any) -> str:
        """The message of the only error, which is a client's mistake."""
        error = await self.error(query, **variables)
        assert 400 <= error["extensions"]["status"] < 500, error
        return str(error["message"])

    async def insert(self, collection: str, *documents: Json) -> list[str]:
        """Creates documents by REST; the answer is their ids."""
        answer = await self.client.post(f"/rest/{collection}", json=list(documents))
        assert answer.status_code == 201, answer.text
        return [each["_id"] for each in answer.json()]

    async def define(self, *collections: Json) -> None:
        """Applies metadata, all or nothing."""
        answer = await self.client.put("/rest/_meta", json={"collections": list(collections)})
        assert answer.status_code == 200, answer.text


@pytest.fixture
async def bare(app_client: httpx.AsyncClient, engine: Engine) -> AsyncIterator[Voice]:
    """A database without collections of its own."""
    yield Voice(app_client, engine.database)


@pytest.fixture
async def voice(bare: Voice) -> Voice:
    """The library, empty."""
    await bare.define(AUTHORS, REVIEWS, BOOKS, STRICT)
    return bare


NO_KEY = {"x-apikey": ""}
WRONG_KEY = {"x-apikey": "x" * len(KEY)}
