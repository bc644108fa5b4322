"""What an engineer would write by hand for the bench's questions: Starlette, PyMongo, orjson.

No schema, no keys, no generality: the yardstick. Each endpoint answers byte
for byte what DuetDB answers (``bench/__main__.py`` compares before it measures).
"""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
from bson import ObjectId
from pymongo import AsyncMongoClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

AUDIT = ("_created", "_changed", "_createdby", "_changedby")
PLAIN = dict.fromkeys((*AUDIT, "_version", "_keywords", "_tags"), 0)
OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME
client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
    os.environ["BENCH_URI"], directConnection=True
)
db = client[os.environ["BENCH_DATABASE"]]


def default(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds") + "Z"
    return str(value)


def answer(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value, default, OPTIONS), status, media_type="application/json")


async def with_authors(posts: list[dict[str, Any]]) -> None:
    ids = list({each for post in posts for each in post["author"]})
    found = {a["_id"]: a async for a in db.authors.find({"_id": {"$in": ids}}, PLAIN)}
    for post in posts:
        post["author"] = [found[each] for each in post["author"] if each in found]


async def by_id(request: Request) -> Response:
    post = await db.posts.find_one({"_id": ObjectId(request.path_params["id"])}, PLAIN)
    if post is None:
        return answer({"message": "not found"}, 404)
    await with_authors([post])
    return answer(post)


async def listing(request: Request) -> Response:
    top = int(request.query_params["max"])
    cursor = db.posts.find({}, PLAIN, sort=[("views", -1), ("_id", -1)], limit=top, batch_size=top)
    posts = await cursor.to_list()
    await with_authors(posts)
    return answer(posts)


def prepared(body: dict[str, Any]) -> dict[str, Any]:
    now = datetime.now(UTC).replace(tzinfo=None)
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    words = list(dict.fromkeys(body["title"].lower().split()))
    return {
        "_id": ObjectId(),
        **body,
        "published": datetime.fromisoformat(body["published"].rstrip("Z")),
        "author": [ObjectId(each) for each in body["author"]],
        "_created": now,
        "_changed": now,
        "_createdby": "api",
        "_changedby": "api",
        "_version": 1,
        "_keywords": words,
        "_tags": " ".join(words),
    }


def shown(post: dict[str, Any]) -> dict[str, Any]:
    hidden = ("_version", "_keywords", "_tags")
    return {name: value for name, value in post.items() if name not in hidden}


async def create(request: Request) -> Response:
    body = orjson.loads(await request.body())
    if isinstance(body, list):
        posts = [prepared(each) for each in body]
        async with client.start_session() as session, await session.start_transaction():
            await db.posts.insert_many(posts, session=session)
    else:
        posts = [prepared(body)]
        await db.posts.insert_one(posts[0])
    made = [shown(post) for post in posts]
    await with_authors(made)
    return answer(made if isinstance(body, list) else made[0], 201)


FIVE = {"_id": 1, "title": 1, "views": 1, "rating": 1, "published": 1}
SIX = {**FIVE, "tags": 1}


async def graphql_by_id(request: Request) -> Response:
    body = orjson.loads(await request.body())
    post = await db.posts.find_one({"_id": ObjectId(body["variables"]["id"])}, FIVE)
    return answer({"data": {"postsById": post}})


async def graphql_list(request: Request) -> Response:
    top = orjson.loads(await request.body())["variables"]["max"]
    order = [("views", -1), ("_id", -1)]
    posts = await db.posts.find({}, SIX, sort=order, limit=top, batch_size=top).to_list()
    rows = [{name: post.get(name) for name in SIX} for post in posts]
    return answer({"data": {"posts": rows}})


async def graphql_nested(request: Request) -> Response:
    orjson.loads(await request.body())
    order = [("views", -1), ("_id", -1)]
    wanted = {"_id": 1, "title": 1, "author": 1}
    posts = await db.posts.find({}, wanted, sort=order, limit=20, batch_size=20).to_list()
    ids = list({each for post in posts for each in post["author"]})
    authors = {a["_id"]: a async for a in db.authors.find({"_id": {"$in": ids}}, {"name": 1})}
    groups = await db.comments.aggregate(
        [
            {
                "$match": {
                    "_parent_id": {"$in": [p["_id"] for p in posts]},
                    "_parent_def": "posts",
                    "_parent_field": "comments",
                }
            },
            {"$sort": {"_id": 1}},
            {"$project": {"_parent_id": 1, "text": 1, "stars": 1}},
            {
                "$group": {
                    "_id": "$_parent_id",
                    "documents": {"$firstN": {"input": "$$ROOT", "n": 5}},
                }
            },
        ]
    )
    comments = {group["_id"]: group["documents"] async for group in groups}
    rows = [
        {
            "_id": post["_id"],
            "title": post["title"],
            "author": authors.get(post["author"][0]),
            "comments": [
                {"text": each["text"], "stars": each["stars"]}
                for each in comments.get(post["_id"], ())
            ],
        }
        for post in posts
    ]
    for row in rows:
        if row["author"]:
            row["author"] = {"name": row["author"]["name"]}
    return answer({"data": {"posts": rows}})


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[None]:
    await db.command("ping")
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    yield


app = Starlette(
    routes=[
        Route("/rest/posts/{id}", by_id),
        Route("/rest/posts", listing),
        Route("/rest/posts", create, methods=["POST"]),
        Route("/graphql/by-id", graphql_by_id, methods=["POST"]),
        Route("/graphql/list", graphql_list, methods=["POST"]),
        Route("/graphql/nested", graphql_nested, methods=["POST"]),
    ],
    lifespan=lifespan,
)
