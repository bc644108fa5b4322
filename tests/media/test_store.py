"""Each store behaves the same: bytes by content id, whole or not at all."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from bson import ObjectId

from duetdb.app.main import create_app
from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import NotFound
from duetdb.app.service.media.loose import Loose, sweep
from duetdb.app.service.media.store import Store, Writer
from duetdb.app.service.media.stores import store_of
from duetdb.app.settings import Settings
from tests.conftest import make_settings
from tests.media.s3_server import S3Server
from tests.processes import KEY


@pytest.fixture(params=["gridfs", "s3"])
def settings(request: pytest.FixtureRequest, mongod: EmbeddedMongod, s3: S3Server) -> Settings:
    """Settings for each of the stores."""
    return make_settings(mongod.uri, **(s3.flags if request.param == "s3" else {}))


@pytest.fixture
async def store(settings: Settings, engine: Engine) -> AsyncIterator[Store]:
    made = store_of(engine, settings.media())
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def left(settings: Settings, engine: Engine, s3: S3Server) -> Any:
    """A function that answers how many chunks there are in any store."""

    async def chunks() -> int:
        found = await engine.database["_media.chunks"].count_documents({})
        return int(found) + len(s3.objects(settings.database))

    return chunks


@asynccontextmanager
async def client_of(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application with these settings, connected by itself."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://duetdb", headers={"x-apikey": KEY}
        ) as client:
            yield client


async def written(store: Store, content: ObjectId, data: bytes, piece: int = 70_000) -> Any:
    """Writes it in pieces; the answer is what a file document says of it."""
    writer = Writer(store, content, asyncio.Semaphore(1))
    for at in range(0, len(data), piece):
        await writer.write(data[at : at + piece])
    await writer.finish()
    about = {"store": store.name}
    return {"_id": content, "length": len(data), "chunkSize": store.chunk, "metadata": about}


async def read(store: Store, file: Any, start: int, end: int) -> bytes:
    return b"".join([each async for each in store.read(file, start, end)])


async def test_every_range_comes_back(store: Store) -> None:
    size, data = store.chunk, os.urandom(2 * store.chunk + 1000)
    file = await written(store, ObjectId(), data)
    ends = (1, size - 1, size, size + 1, 2 * size, 2 * size + 1, len(data))
    for start in (0, *ends[:-1]):
        for end in ends:
            if start < end:
                assert await read(store, file, start, end) == data[start:end], (start, end)


@pytest.mark.parametrize("over", [-1, 0, 1])
async def test_lengths_about_that_of_a_chunk(store: Store, left: Any, over: int) -> None:
    data = os.urandom(store.chunk + over)
    file = await written(store, ObjectId(), data)
    assert await read(store, file, 0, len(data)) == data
    assert await left() == (2 if over > 0 else 1)


async def test_nothing_is_nothing(store: Store, left: Any) -> None:
    file = await written(store, ObjectId(), b"")
    assert await read(store, file, 0, 0) == b""
    assert await left() == 0


async def test_removal_takes_all_of_its_own_and_nothing_else(store: Store, left: Any) -> None:
    one, two = ObjectId(), ObjectId()
    data = os.urandom(store.chunk * 2)
    await written(store, one, data)
    file = await written(store, two, data)
    await store.remove([one, ObjectId()])
    await store.remove([one])
    assert await read(store, file, 0, len(data)) == data
    assert await left() == 2
    await store.remove([two])
    assert await left() == 0


async def test_half_of_a_content_is_removed_as_well(store: Store, left: Any) -> None:
    content = ObjectId()
    writer = Writer(store, content, asyncio.Semaphore(1))
    await writer.write(os.urandom(store.chunk * 2 + 10))
    await writer.settled()
    assert await left() == 2
    await store.remove([content])
    assert await left() == 0


async def test_what_is_removed_while_it_is_read_does_not_end_as_if_whole(store: Store) -> None:
    data = os.urandom(store.chunk * 12)
    file = await written(store, ObjectId(), data)
    got = bytearray()
    with pytest.raises(NotFound):
        async for piece in store.read(file, 0, len(data)):
            got += piece
            await store.remove([file["_id"]])
    assert 0 < len(got) < len(data)
    assert data.startswith(got)


async def test_what_is_shorter_than_its_file_says_is_not_found(store: Store) -> None:
    file = await written(store, ObjectId(), os.urandom(store.chunk + 5))
    with pytest.raises(NotFound):
        await read(store, {**file, "length": store.chunk * 3}, 0, store.chunk * 3)


async def test_a_chunk_under_way_is_waited_for_before_a_removal(store: Store, left: Any) -> None:
    content = ObjectId()
    writer = Writer(store, content, asyncio.Semaphore(1))
    writing = asyncio.create_task(writer.write(os.urandom(store.chunk)))
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    await writer.settled()
    await store.remove([content])
    await asyncio.sleep(0.2)
    assert await left() == 0


async def test_loose_contents_are_swept(store: Store, engine: Engine, left: Any) -> None:
    loose, content = Loose(engine, store), ObjectId()
    await loose.enter()
    await loose.add(content)
    await written(store, content, os.urandom(store.chunk * 2))
    await sweep(engine, store, timedelta(minutes=1))
    assert await left() == 2
    await sweep(engine, store, timedelta(minutes=-1))
    assert await left() == 0
    assert await engine.database["_media.uploads"].count_documents({}) == 0


async def test_the_archive_over_each_store(
    app_client: httpx.AsyncClient, engine: Engine, settings: Settings, left: Any
) -> None:
    data = os.urandom(2_500_000)
    posted = await app_client.post("/media", files=[("f", ("a", data)), ("f", ("b", b""))])
    assert posted.status_code == 201
    first, second = posted.json()["ids"]
    part = await app_client.get(f"/media/{first}", headers={"range": "bytes=1048570-1048590"})
    assert (part.status_code, part.content) == (206, data[1048570:1048591])
    assert (await app_client.get("/media/a")).content == data
    assert (await app_client.get(f"/media/{second}")).content == b""
    again = await app_client.put(f"/media/{first}?replace=true", files={"f": ("c", data[:5])})
    assert again.status_code == 200
    assert (await app_client.get("/media/a")).content == data[:5]
    assert await left() == 1
    for each in (first, second):
        assert (await app_client.delete(f"/media/{each}")).status_code == 200
    assert await left() == 0
    for name in ("files", "uploads"):
        assert await engine.database[f"_media.{name}"].count_documents({}) == 0


async def test_what_is_refused_leaves_nothing(app_client: httpx.AsyncClient, left: Any) -> None:
    body = b'--b\r\nContent-Disposition: form-data; filename="a"\r\n\r\n' + b"x" * 3_000_000
    headers = {"content-type": "multipart/form-data; boundary=b"}
    assert (await app_client.post("/media", content=body, headers=headers)).status_code == 400
    assert await left() == 0


async def test_files_stay_readable_when_the_store_changes(
    mongod: EmbeddedMongod, engine: Engine, s3: S3Server
) -> None:
    """From the database to the bucket and back, and without the bucket at last."""
    database = engine.database.name
    back = {**s3.flags, "media_store": "gridfs"}
    ids: list[str] = []
    for flags in ({}, s3.flags, back):
        async with client_of(make_settings(mongod.uri, **flags, database=database)) as client:
            posted = await client.post("/media", files={"f": ("a", b"text")})
            ids += posted.json()["ids"]
            for each in ids:
                assert (await client.get(f"/media/{each}")).content == b"text"
    assert len(s3.objects(database)) == 1
    async with client_of(make_settings(mongod.uri, database=database)) as client:
        statuses = [(await client.get(f"/media/{each}")).status_code for each in ids]
        assert statuses == [200, 503, 200]
        refused = await client.delete(f"/media/{ids[1]}")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "60")
    async with client_of(make_settings(mongod.uri, **back, database=database)) as client:
        for each in ids:
            assert (await client.delete(f"/media/{each}")).status_code == 200
    assert s3.objects(database) == []
