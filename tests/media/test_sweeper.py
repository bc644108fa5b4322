"""Every worker looks for what dead ones left, again and again, whatever goes wrong meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Unavailable
from duetdb.app.service.media import sweeper as sweeper_module
from duetdb.app.service.media.gridfs import GridFS
from duetdb.app.service.media.sweeper import Sweeper


class Failing(GridFS):
    """A store that is broken at first, then away, and well at last."""

    failures: list[Exception]

    async def remove(self, contents: Iterable[ObjectId]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        await super().remove(contents)


@pytest.fixture
async def store(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Failing]:
    """The store of a sweeper that looks every few milliseconds."""
    monkeypatch.setattr(sweeper_module, "_PAUSE", 0.02)
    store = Failing(engine)
    store.failures = [RuntimeError("broken"), Unavailable("Away.")]
    sweeper = Sweeper(engine, store)
    sweeper.start()
    yield store
    await sweeper.stop()


async def leave(engine: Engine, store: GridFS, age: timedelta) -> None:
    """Leaves what an upload does that gave its last sign of life so long ago."""
    content = ObjectId()
    touched = datetime.now(UTC) - age
    await engine.database["_media.uploads"].insert_one({"files": [content], "touched": touched})
    await store.put(content, 0, b"left")


async def test_it_sweeps_what_is_old_alone_and_does_not_give_up(
    engine: Engine, store: Failing
) -> None:
    chunks = engine.database["_media.chunks"]
    await leave(engine, store, timedelta(minutes=9))
    await leave(engine, store, timedelta(minutes=11))
    await leave(engine, store, timedelta(days=1))
    async with asyncio.timeout(10):
        while await chunks.count_documents({}) > 1:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)
    assert store.failures == []
    assert await chunks.count_documents({}) == 1
    assert await engine.database["_media.uploads"].count_documents({}) == 1
