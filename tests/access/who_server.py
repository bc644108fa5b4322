"""The server and the callers of the table of who may do what."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from bson.objectid import ObjectId

from duetdb.app.main import create_app
from duetdb.app.mongo.connect import connect
from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.schema_gen.system import SYSTEM_DEFINITIONS
from tests.conftest import make_settings
from tests.identity.issuer import SECRET, bearer, signed
from tests.processes import KEY

Json = dict[str, Any]

ACCESS: Json = {"read": ["reader", "writer", "admin"], "write": ["writer", "admin"]}
POSTS: Json = {
    "name": "posts",
    "fields": [
        {"name": "title", "type": "text"},
        {"name": "published", "type": "bool"},
        {"name": "views", "type": "number"},
        {"name": "secret", "type": "text", "searchable": True},
        {"name": "author", "type": "people", "relation": "one"},
        {"name": "comments", "type": "comments", "relation": "child"},
    ],
    "access": {
        **ACCESS,
        "rules": [
            {"role": "reader", "readable": ["title", "published", "views", "author", "comments"]}
        ],
    },
}
PEOPLE: Json = {
    "name": "people",
    "fields": [{"name": "name", "type": "text"}],
    "access": ACCESS,
}
COMMENTS: Json = {
    "name": "comments",
    "fields": [{"name": "text", "type": "text"}, {"name": "published", "type": "bool"}],
    "access": ACCESS,
}
NEWS: Json = {"name": "news", "fields": [{"name": "text", "type": "text"}]}
"""No access is said, so it is for every user."""
USERS: Json = {
    "fields": SYSTEM_DEFINITIONS["users"]["fields"],
    "access": {"read": ["admin"], "write": ["admin"]},
}

POST, OTHER, THIRD, PERSON, FRIEND, COMMENT = (f"{number:024x}" for number in range(1, 7))
"""Ids of what is stored before each request."""

EVERYBODY = (
    *("anonymous", "revoked", "inactive", "full"),
    *("reading", "globbed", "form", "filtered"),
    *("plain", "reader", "writer", "admin"),
)
"""The columns: who presented nothing that holds; the full-access key; web keys; users."""

KEYS: Mapping[str, Json] = {
    "revoked": {"paths": ["/**"]},
    "reading": {"paths": ["/posts/**", "/people/**"], "methods": ["GET"]},
    "globbed": {"paths": ["/posts/**"]},
    "form": {"paths": ["/posts"], "methods": ["POST"]},
    "filtered": {
        "paths": ["/posts/**", "/people/**"],
        "filter": {"published": True},
        "readable": ["title", "published", "views", "author", "comments", "text", "name"],
    },
}
ROLES: Mapping[str, list[str]] = {
    "inactive": ["admin"],
    "plain": [],
    "reader": ["reader"],
    "writer": ["writer"],
    "admin": ["admin"],
}


@dataclass(frozen=True)
class Answered:
    """One answer: the status that it means, and its body as it came."""

    status: int
    text: str
    body: Any


class Table:
    """A running server, what each caller presents, and its database as it is before a request."""

    def __init__(self, client: httpx.AsyncClient, app: Any, database: Any) -> None:
        self.app = app
        self._client = client
        self._database = database
        self._callers: dict[str, dict[str, str]] = {"anonymous": {}, "full": {"x-apikey": KEY}}

    async def prepare(self) -> None:
        """Collections, keys and users."""
        await self._admin("PUT", "/rest/_meta", {"collections": [POSTS, PEOPLE, COMMENTS, NEWS]})
        await self._admin("PUT", "/rest/users/_meta", USERS)
        for name, rights in KEYS.items():
            made = await self._admin("POST", "/rest/_keys", rights)
            self._callers[name] = {"x-apikey": made["key"]}
            if name == "revoked":
                await self._admin("DELETE", f"/rest/_keys/{made['_id']}")
        for name, roles in ROLES.items():
            record = {"email": f"{name}@example.com", "roles": roles, "active": name != "inactive"}
            await self._database["users"].insert_one(record)
            self._callers[name] = bearer(signed(email=record["email"]))

    async def _admin(self, method: str, path: str, body: Any = None) -> Any:
        headers = self._callers["full"]
        answer = await self._client.request(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    async def reset(self) -> None:
        """The documents as they are before each request."""
        for name, documents in _stored().items():
            await self._database[name].delete_many({})
            await self._database[name].insert_many(documents)
        await self._database["users"].delete_many({"email": "new@example.com"})

    async def rest(self, who: str, method: str, path: str, **more: Any) -> Answered:
        answer = await self._client.request(method, path, headers=self._callers[who], **more)
        return Answered(answer.status_code, answer.text, answer.json())

    async def graphql(self, who: str, query: str, variables: Json, path: str) -> Answered:
        """The status is that of the first error, 200 without one."""
        answer = await self._client.post(
            path, headers=self._callers[who], json={"query": query, "variables": variables}
        )
        body = answer.json()
        errors = body.get("errors")
        status = errors[0]["extensions"]["status"] if errors else answer.status_code
        return Answered(status, answer.text, body)


def _stored() -> dict[str, list[Json]]:
    ids = map(ObjectId, (POST, OTHER, THIRD, PERSON, FRIEND, COMMENT))
    post, other, third, person, friend, comment = ids
    words = {"_keywords": ["hush"], "_tags": "hush"}
    posts = [
        {"_id": post, "title": "First", "published": True, "views": 3, "secret": "beta"},
        {"_id": other, "title": "Draft", "published": False, "views": 1, "secret": "gamma"},
        {"_id": third, "title": "Third", "published": True, "views": 2, "secret": "alpha"},
    ]
    for each, author in zip(posts, (person, person, friend), strict=True):
        each.update({"author": [author], "_version": 1, **words})
    parent = {"_parent_id": post, "_parent_def": "posts", "_parent_field": "comments"}
    return {
        "posts": posts,
        "people": [
            {"_id": person, "name": "Ann", "_version": 1},
            {"_id": friend, "name": "Abe", "_version": 1},
        ],
        "news": [{"_id": post, "text": "Rain", "_version": 1}],
        "comments": [{"_id": comment, "text": "Fine", "published": True, "_version": 1, **parent}],
    }


@contextmanager
def table_of(mongod: EmbeddedMongod) -> Iterator[tuple[Table, asyncio.Runner]]:
    """The server for many requests, and the event loop that it lives on."""
    unlimited = {"rate_key": 0, "rate_user": 0, "rate_address": 0, "rate_failures": 0}
    settings = make_settings(mongod.uri, jwt_secret=SECRET, **unlimited)
    with asyncio.Runner() as runner:
        engine = runner.run(connect(settings))
        app = create_app(settings, engine)
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url="http://duetdb")
        try:
            table = Table(client, app, engine.database)
            runner.run(table.prepare())
            yield table, runner
        finally:
            runner.run(client.aclose())
            runner.run(lifespan.__aexit__(None, None, None))
            runner.run(engine.client.drop_database(engine.database.name))
            runner.run(engine.client.close())
