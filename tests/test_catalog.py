"""The living schema: loading, following, quarantine, and staying out of the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from bson import ObjectId

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import NotFound, Quarantined
from duetdb.app.service.limits import Limits
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.schema.admin import SchemaAdmin
from duetdb.app.service.schema.assembly import Builder
from duetdb.app.service.schema.catalog import Catalog
from duetdb.schema_gen.model import Schema

TITLE = {"name": "title", "type": "text"}
SIZE = {"name": "size", "type": "number"}


@asynccontextmanager
async def started(engine: Engine, **builders: Builder) -> AsyncIterator[Catalog]:
    catalog = Catalog(engine)
    for name, builder in builders.items():
        catalog.register(name, builder)
    await catalog.start()
    try:
        yield catalog
    finally:
        await catalog.stop()


async def until(condition: Callable[[], bool], seconds: float = 1.0) -> float:
    """Waits for the condition; the answer is how long it took, failing after ``seconds``."""
    begun = time.perf_counter()
    while not condition():
        assert time.perf_counter() - begun < seconds, "not within the time"
        await asyncio.sleep(0.005)
    return time.perf_counter() - begun


async def test_system_collections_are_there_from_the_start(engine: Engine) -> None:
    async with started(engine) as catalog:
        assert catalog.ready
        assert {"users", "system_log"} <= catalog.schema.collections.keys()
        assert catalog.problems == {}


async def test_unknown_collection_has_a_near_name(engine: Engine) -> None:
    await engine.database["_collections"].insert_one({"_id": "posts", "fields": [TITLE]})
    async with started(engine) as catalog:
        with pytest.raises(NotFound, match="Did you mean 'posts'"):
            catalog.collection("post")


@pytest.mark.parametrize("key", ["posts", ObjectId()])
async def test_direct_edits_are_followed(engine: Engine, key: Any) -> None:
    metadata = engine.database["_collections"]
    async with started(engine) as catalog:
        await metadata.insert_one({"_id": key, "name": "posts", "fields": [TITLE]})
        await until(lambda: "posts" in catalog.schema.collections)
        await metadata.update_one({"_id": key}, {"$push": {"fields": SIZE}})
        await until(lambda: len(catalog.collection("posts").fields) == 2)
        await metadata.delete_one({"_id": key})
        await until(lambda: "posts" not in catalog.schema.collections)


async def test_a_name_given_to_metadata_written_by_hand_is_kept(engine: Engine) -> None:
    metadata = engine.database["_collections"]
    async with started(engine):
        await metadata.insert_one({"_id": "blog-posts", "fields": []})
        async with asyncio.timeout(5):
            async with await metadata.watch() as stream:
                while not await metadata.find_one({"graphqlName": "BlogPosts"}):
                    await stream.next()


async def test_dropping_the_metadata_and_the_database_is_followed(engine: Engine) -> None:
    metadata = engine.database["_collections"]
    async with started(engine) as catalog:
        for drop in (metadata.drop, lambda: engine.client.drop_database(engine.database.name)):
            await metadata.insert_one({"_id": "posts", "fields": [TITLE]})
            await until(lambda: "posts" in catalog.schema.collections)
            await drop()
            await until(lambda: "posts" not in catalog.schema.collections)


async def test_bad_metadata_quarantines_its_collection_alone(engine: Engine) -> None:
    metadata = engine.database["_collections"]
    async with started(engine) as catalog:
        await metadata.insert_many(
            [
                {"_id": "good", "fields": [TITLE]},
                {"_id": "bad", "fields": [{"name": "x", "type": "txt"}]},
                {"_id": "nonsense", "fields": 7},
            ]
        )
        await until(lambda: "good" in catalog.schema.collections)
        assert catalog.problems.keys() == {"bad", "nonsense"}
        with pytest.raises(Quarantined, match="text"):
            catalog.collection("bad")
        await metadata.update_one({"_id": "bad"}, {"$set": {"fields": [TITLE]}})
        await until(lambda: "bad" in catalog.schema.collections)


async def test_documents_that_name_no_collection_are_problems(engine: Engine) -> None:
    metadata = engine.database["_collections"]
    await metadata.insert_many([{"_id": 7}, {"_id": "posts"}, {"_id": "other", "name": "posts"}])
    async with started(engine) as catalog:
        assert "posts" in catalog.schema.collections
        assert len(catalog.problems[""]) == 2


async def test_a_part_is_built_with_the_one_before(engine: Engine) -> None:
    def builder(schema: Schema, previous: int | None) -> int:
        return (previous or 0) + 1

    async with started(engine, count=builder) as catalog:
        assert catalog.current.parts["count"] == 1
        await engine.database["_collections"].insert_one({"_id": "posts"})
        await until(lambda: catalog.current.parts["count"] == 2)
        await catalog.refresh()
        assert catalog.current.parts["count"] == 2, "nothing new, nothing built"


async def test_a_builder_that_fails_quarantines_the_collection_at_fault(engine: Engine) -> None:
    def builder(schema: Schema, previous: Any) -> frozenset[str]:
        if any("poison" in each.by_name for each in schema.collections.values()):
            raise RuntimeError("poison")
        return frozenset(schema.collections)

    poison = [{"name": "poison", "type": "text"}]
    metadata = engine.database["_collections"]
    await metadata.insert_many([{"_id": f"c{i}", "fields": [TITLE]} for i in range(20)])
    async with started(engine, names=builder) as catalog:
        await metadata.update_many({"_id": {"$in": ["c3", "c7"]}}, {"$set": {"fields": poison}})
        await until(lambda: catalog.schema.quarantined.keys() == {"c3", "c7"})
        assert "c4" in catalog.current.parts["names"]
        with pytest.raises(Quarantined, match="poison"):
            catalog.collection("c3")
    async with started(engine, names=builder) as catalog:
        assert catalog.schema.quarantined.keys() == {"c3", "c7"}, "also at the start"


async def test_a_builder_that_always_fails_leaves_the_last_good_version(engine: Engine) -> None:
    broken = False

    def builder(schema: Schema, previous: Any) -> int:
        if broken:
            raise RuntimeError("out of order")
        return len(schema.collections)

    async with started(engine, size=builder) as catalog:
        before = catalog.current
        broken = True
        await engine.database["_collections"].insert_one({"_id": "posts"})
        await until(lambda: "" in catalog.problems)
        assert catalog.current is before
        broken = False
        await catalog.refresh()
        assert "posts" in catalog.schema.collections and catalog.problems == {}


async def test_two_processes_have_a_change_when_put_answers(engine: Engine) -> None:
    async with started(engine) as one, started(engine) as two:
        admin = SchemaAdmin(engine, one, Limits())
        for count in range(1, 6):
            fields = [{"name": f"f{i}", "type": "text"} for i in range(count)]
            begun = time.perf_counter()
            await admin.put("posts", {"fields": fields}, FULL_ACCESS)
            took = time.perf_counter() - begun
            assert len(two.collection("posts").fields) == count
            assert took < 1.0
            print(f"put answered after {took * 1000:.0f} ms")


async def test_a_version_that_the_stream_missed_is_caught_up(engine: Engine) -> None:
    async with started(engine) as one:
        follower = one._tasks[0]
        follower.cancel()
        await asyncio.wait([follower])
        await one.store.commit(one.snapshot, {"posts": {"name": "posts", "fields": []}})
        await until(lambda: "posts" in one.schema.collections, 4)


async def test_500_collections_start_and_swap_without_stalling(engine: Engine) -> None:
    kinds = ("text", "number", "float_number", "date", "bool", "email")
    fields = [{"name": f"f{i}", "type": kinds[i % len(kinds)]} for i in range(12)]
    metadata = engine.database["_collections"]
    await metadata.insert_many([{"_id": f"c{i:03}", "fields": fields} for i in range(500)])
    with_lag = Lag()
    async with with_lag:
        begun = time.perf_counter()
        async with started(engine) as catalog:
            took = time.perf_counter() - begun
            print(f"\nstart: {took:.3f} s, lag {with_lag.worst() * 1000:.0f} ms")
            assert len(catalog.schema.collections) >= 500
            unchanged = catalog.schema.collections["c001"]
            with_lag.reset()
            await metadata.update_one({"_id": "c000"}, {"$push": {"fields": TITLE}})
            took = await until(lambda: "title" in catalog.collection("c000").by_name)
            print(f"swap: {took:.3f} s, lag {with_lag.worst() * 1000:.0f} ms")
            assert catalog.schema.collections["c001"] is unchanged
            assert with_lag.worst() < 0.25


class Lag:
    """Measures by how much the event loop is late."""

    def __init__(self) -> None:
        self._late = [0.0]

    def reset(self) -> None:
        self._late = [0.0]

    def worst(self) -> float:
        return max(self._late)

    async def __aenter__(self) -> Lag:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _watch(self) -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.001)
            self._late.append(time.perf_counter() - begun - 0.001)
