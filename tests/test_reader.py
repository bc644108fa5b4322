"""Pages, counts, streams and levels of related documents, each with as few calls as promised."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandListener, CommandStartedEvent

from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import BadQuery, LimitExceeded, Unavailable
from duetdb.app.service.filters.parse import parse_filter
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import Document, Expansion, Match, Order, Projection, Query
from duetdb.app.service.reading.reader import Reader
from duetdb.schema_gen.build import build_schema

SCHEMA = build_schema(
    {
        "authors": {
            "name": "authors",
            "fields": [
                {"name": "name", "type": "text"},
                {"name": "mentor", "type": "authors", "relation": "one"},
            ],
        },
        "posts": {
            "name": "posts",
            "fields": [
                {"name": "title", "type": "text"},
                {"name": "authors", "type": "authors", "relation": "many"},
                {"name": "comments", "type": "comments", "relation": "child"},
                {
                    "name": "parts",
                    "type": "object",
                    "multiple": True,
                    "fields": [
                        {"name": "text", "type": "text"},
                        {"name": "editor", "type": "authors", "relation": "one"},
                    ],
                },
                {"name": "fresh", "type": "text", "renamedFrom": "stale"},
            ],
        },
        "comments": {
            "name": "comments",
            "fields": [{"name": "text", "type": "text"}, {"name": "n", "type": "number"}],
        },
    },
    version=1,
)
AUTHORS, POSTS, COMMENTS = (SCHEMA.collections[n] for n in ("authors", "posts", "comments"))


class Calls(CommandListener):
    """The commands that were sent, by name and collection."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.made.append(f"{event.command_name} {event.command[event.command_name]}")

    def succeeded(self, event: object) -> None: ...

    def failed(self, event: object) -> None: ...

    def take(self) -> list[str]:
        made, self.made = self.made, []
        return made


@pytest.fixture
async def calls() -> Calls:
    return Calls()


@pytest.fixture
async def watched(engine: Engine, mongod: EmbeddedMongod, calls: Calls) -> AsyncIterator[Engine]:
    """The same database through a client whose commands are counted, with documents in it."""
    database = engine.database
    await database.authors.insert_many(
        [
            {"_id": "ann", "name": "Ann"},
            {"_id": "bob", "name": "Bob", "mentor": ["ann"]},
            {"_id": "cid", "name": "Cid", "mentor": ["bob", "gone"]},
        ]
    )
    await database.posts.insert_many(
        [
            {"_id": 1, "title": "a", "authors": ["bob", "gone", "ann"], "fresh": "new"},
            {"_id": 2, "title": "b", "authors": [], "stale": "old"},
            {
                "_id": 3,
                "title": "c",
                "authors": "cid",
                "parts": [{"editor": ["ann"]}, {"text": "x"}],
            },
            {"_id": 4, "title": "d", "authors": None, "parts": {"editor": ["bob"]}},
            {"_id": 5, "title": "e", "parts": [{"editor": ["ann"]}, {"editor": ["ann", "bob"]}]},
        ]
    )
    await database.comments.insert_many(
        [
            {"_id": f"{post}-{n}", "n": n, "text": f"{post}{n}", **child_of(post)}
            for n in range(3)
            for post in (1, 2, 3)
        ]
        + [
            {"_id": "other", "_parent_id": 1, "_parent_def": "authors", "_parent_field": "x"},
            {"_id": "loose"},
        ]
    )
    client: AsyncMongoClient[Document] = AsyncMongoClient(
        mongod.uri, directConnection=True, event_listeners=[calls]
    )
    yield Engine(client=client, database=client[database.name])
    await client.close()


def child_of(post: int) -> Document:
    return {"_parent_id": post, "_parent_def": "posts", "_parent_field": "comments"}


@pytest.fixture
def reader(watched: Engine) -> Reader:
    return reading(watched)


def reading(engine: Engine, in_memory: bool = False, **limits: int) -> Reader:
    """A reader, also one that goes the ways of an engine without grouping: same answers."""
    return Reader(replace(engine, in_memory=in_memory), Limits(**limits))


def ids(documents: list[Document]) -> list[Any]:
    return [each["_id"] for each in documents]


async def test_page(reader: Reader, calls: Calls) -> None:
    query = Query(collection=COMMENTS, order=(Order("n", descending=True),), skip=1, max=3)
    assert ids(await reader.find(query)) == ["2-2", "1-2", "3-1"]
    assert calls.take() == ["find comments"]
    only_text = replace(query, projection=Projection(("text",), include=True), max=1)
    assert await reader.find(only_text) == [{"_id": "2-2", "text": "22"}]


async def test_by_id(reader: Reader, calls: Calls) -> None:
    query = Query(collection=POSTS, filter=Match("_id", "eq", 2))
    assert await reader.find(query) == [{"_id": 2, "title": "b", "authors": [], "fresh": "old"}]
    assert await reader.find(replace(query, filter=Match("_id", "eq", 9))) == []
    assert await reader.find(replace(query, skip=1)) == []
    assert calls.take() == ["find posts"] * 3


async def test_a_large_page_is_one_call(reader: Reader, watched: Engine, calls: Calls) -> None:
    await watched.database.comments.insert_many([{"n": n} for n in range(1500)])
    calls.take()
    assert len(await reader.find(Query(collection=COMMENTS, max=1000))) == 1000
    assert calls.take() == ["find comments"]


async def test_count(reader: Reader, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await reader.count(Query(collection=COMMENTS, max=1, skip=3)) == 11
    assert await reader.count(Query(collection=COMMENTS, filter=Match("n", "gt", 0))) == 6
    assert calls.take() == ["count comments", "aggregate comments", "aggregate comments"]
    monkeypatch.setattr("duetdb.app.service.reading.reader._COUNTED_EXACTLY", 10)
    assert await reader.count(Query(collection=COMMENTS)) == 11
    assert calls.take() == ["count comments"]


async def test_stream(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duetdb.app.service.reading.source._STREAM_BATCH", 2)
    expand = (references("mentor", "mentor", collection=AUTHORS),)
    query = Query(collection=AUTHORS, max=None, expand=expand)
    found = [each async for each in reader.stream(query)]
    assert ids(found) == ["ann", "bob", "cid"]
    assert found[1]["mentor"] == [{"_id": "ann", "name": "Ann"}]
    assert [each["_id"] async for each in reader.stream(replace(query, max=1, skip=1))] == ["bob"]


def references(name: str, key: str, *, collection: Any = POSTS, **query: Any) -> Expansion:
    return Expansion(collection.by_path[name], Query(collection=AUTHORS, **query), key)


async def test_references(reader: Reader, calls: Calls) -> None:
    nested = references("mentor", "mentor", collection=AUTHORS)
    expand = (references("authors", "authors", expand=(nested,)),)
    found = await reader.find(Query(collection=POSTS, expand=expand))
    assert calls.take() == ["find posts", "find authors", "find authors"]
    ann = {"_id": "ann", "name": "Ann"}
    bob = {"_id": "bob", "name": "Bob", "mentor": [ann]}
    assert found[0]["authors"] == [bob, ann]
    assert found[1]["authors"] == []
    assert [each["name"] for each in found[2]["authors"]] == ["Cid"]
    assert [each["name"] for each in found[2]["authors"][0]["mentor"]] == ["Bob"]
    assert found[3]["authors"] is None
    assert "authors" not in found[4]


async def test_references_under_a_key_of_their_own(reader: Reader, calls: Calls) -> None:
    expand = (
        references("authors", "0", projection=Projection((), include=True)),
        references("authors", "1", order=(Order("name"),), max=1),
        references("authors", "2", filter=Match("name", "ne", "Ann")),
        references("authors", "authors"),
    )
    query = Query(collection=POSTS, projection=Projection(("title",), include=True), expand=expand)
    found = await reader.find(query)
    assert len(calls.take()) == 5
    assert found[0]["0"] == [{"_id": "bob"}, {"_id": "ann"}]
    assert ids(found[0]["1"]) == ["ann"]
    assert ids(found[0]["2"]) == ["bob"]
    assert ids(found[0]["authors"]) == ["bob", "ann"]
    assert [each["0"] for each in found[1:]] == [[], [{"_id": "cid"}], [], []]


async def test_references_inside_objects(reader: Reader) -> None:
    found = await reader.find(
        Query(collection=POSTS, expand=(references("parts.editor", "editor"),))
    )
    assert [each["name"] for each in found[2]["parts"][0]["editor"]] == ["Ann"]
    assert found[2]["parts"][1] == {"text": "x"}
    assert ids(found[3]["parts"]["editor"]) == ["bob"]


@pytest.mark.parametrize("skip", [0, 1])
@pytest.mark.parametrize("in_memory", [False, True])
async def test_children(watched: Engine, calls: Calls, in_memory: bool, skip: int) -> None:
    reader = reading(watched, in_memory)
    query = Query(
        collection=COMMENTS,
        order=(Order("n", descending=True),),
        skip=skip,
        max=2,
        projection=Projection(("text",), include=True),
    )
    expand = (Expansion(POSTS.by_name["comments"], query, "comments"),)
    found = await reader.find(Query(collection=POSTS, expand=expand))
    assert len(calls.take()) == 2
    assert [ids(each["comments"]) for each in found] == [
        *([f"{post}-{n}" for n in ([2, 1], [1, 0])[skip]] for post in (1, 2, 3)),
        [],
        [],
    ]
    assert found[0]["comments"][0]["text"] == ("12", "11")[skip]
    one = await reader.find(Query(collection=POSTS, filter=Match("_id", "eq", 1), expand=expand))
    assert ids(one[0]["comments"]) == ids(found[0]["comments"])
    assert calls.take() == ["find posts", "find comments"]


@pytest.mark.parametrize("in_memory", [False, True])
@pytest.mark.parametrize(
    ("path", "most", "expected"),
    [
        ("authors", 10, {"ann": [1], "bob": [1], "cid": [3]}),
        ("parts.editor", 10, {"ann": [3, 5], "bob": [4, 5], "cid": []}),
        ("parts.editor", 1, {"ann": [3], "bob": [4], "cid": []}),
    ],
)
async def test_referring_documents(
    watched: Engine, calls: Calls, in_memory: bool, path: str, most: int, expected: Any
) -> None:
    reader = reading(watched, in_memory)
    query = Query(collection=POSTS, max=most, projection=Projection(("title",), include=True))
    expand = (Expansion(POSTS.by_path[path], query, "back", reverse=True),)
    found = await reader.find(Query(collection=AUTHORS, expand=expand))
    assert len(calls.take()) == 2
    assert {each["_id"]: ids(each["back"]) for each in found} == expected
    assert "_duet_owner" not in found[0]["back"][0]
    assert found[0]["back"][0]["title"]
    one = await reader.find(
        Query(collection=AUTHORS, filter=Match("_id", "eq", "bob"), expand=expand)
    )
    assert ids(one[0]["back"]) == expected["bob"]


async def test_the_parent_of_children(reader: Reader, calls: Calls) -> None:
    expand = (Expansion(POSTS.by_name["comments"], Query(collection=POSTS), "post", reverse=True),)
    query = Query(
        collection=COMMENTS, projection=Projection(("text",), include=True), expand=expand
    )
    found = {each["_id"]: each["post"] for each in await reader.find(query)}
    assert calls.take() == ["find comments", "find posts"]
    assert ids(found["2-1"]) == [2]
    assert found["loose"] == found["other"] == []


async def test_a_level_is_bounded(watched: Engine) -> None:
    small = reading(watched, page_ceiling=0)
    for field, query in (("authors", Query(collection=AUTHORS)),):
        expand = (Expansion(POSTS.by_name[field], query, "key"),)
        with pytest.raises(LimitExceeded):
            await small.find(Query(collection=POSTS, expand=expand))


@pytest.mark.parametrize(
    ("collection", "q", "found"),
    [
        (POSTS, {"authors.name": "Ann"}, [1]),
        (POSTS, {"authors.0.name": "Ann"}, []),
        (POSTS, {"authors.0.name": "Bob"}, [1]),
        (POSTS, {"authors": {"name": "Cid"}}, [3]),
        (POSTS, {"authors": {"_id": "cid"}}, [3]),
        (POSTS, {"authors.mentor.name": "Ann"}, [1]),
        (POSTS, {"authors.name": {"$ne": "Ann"}}, [2, 3, 4, 5]),
        (POSTS, {"authors.name": {"$in": ["Ann", "Cid"]}}, [1, 3]),
        (POSTS, {"authors.name": {"$nin": ["Ann", "Cid"]}}, [2, 4, 5]),
        (POSTS, {"authors.name": None}, [2, 4, 5]),
        (POSTS, {"parts.editor.name": "Bob"}, [4, 5]),
        (POSTS, {"parts": {"$elemMatch": {"editor.name": "Bob"}}}, [5]),
        (POSTS, {"comments.text": "11"}, [1]),
        (POSTS, {"comments": {"$exists": False}}, [4, 5]),
        (POSTS, {"$or": [{"comments.text": "11"}, {"title": "e"}]}, [1, 5]),
        (POSTS, {"fresh": "old"}, [2]),
        (AUTHORS, {"mentor.mentor.name": "Ann"}, ["cid"]),
        (AUTHORS, {"$nor": [{"mentor.name": "Ann"}]}, ["ann", "cid"]),
    ],
)
async def test_filters_through_relations(
    reader: Reader, calls: Calls, collection: Any, q: Any, found: list[Any]
) -> None:
    query = Query(collection=collection, filter=parse_filter(collection, q, Limits(), SCHEMA))
    assert ids(await reader.find(query)) == found
    assert len(calls.take()) <= 4
    assert await reader.count(query) == len(found)


async def test_a_filter_through_a_relation_is_bounded(watched: Engine) -> None:
    small = reading(watched, in_values=1)
    for q in ({"authors.name": {"$exists": True}}, {"comments.n": {"$gte": 0}}):
        query = Query(collection=POSTS, filter=parse_filter(POSTS, q, Limits(), SCHEMA))
        with pytest.raises(LimitExceeded, match="more than 1"):
            await small.find(query)


async def test_failures_are_sentences(reader: Reader, watched: Engine) -> None:
    bad = Query(collection=POSTS, filter=Match("title", "regex", "(["))
    with pytest.raises(BadQuery, match=r"[Rr]egular expression|[Rr]egex"):
        await reader.find(bad)
    with pytest.raises(BadQuery):
        await reader.count(bad)
    with pytest.raises(BadQuery):
        [each async for each in reader.stream(bad)]
    slow = reading(watched, query_ms=1)
    await watched.database.posts.insert_many([{"title": "a" * 2000} for _ in range(3000)])
    evil = Query(collection=POSTS, filter=Match("title", "regex", "(a*)*(b|c)(a*)*$"))
    with pytest.raises((LimitExceeded, BadQuery)):
        await slow.find(evil)
    client: AsyncMongoClient[Document] = AsyncMongoClient(
        "mongodb://127.0.0.1:1", serverSelectionTimeoutMS=20
    )
    away = reading(Engine(client=client, database=client.x))
    with pytest.raises(Unavailable):
        await away.find(Query(collection=POSTS))
    await client.close()
