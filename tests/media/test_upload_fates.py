"""How uploads end that do not simply end: swept, cut, lost in the commit, raced by another."""

from __future__ import annotations

import asyncio
import hashlib
import os
from datetime import timedelta
from typing import Any

import httpx
import pytest

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Conflict, NotFound, TooLarge, Unavailable
from duetdb.app.service.limits import Limits
from duetdb.app.service.media import loose as loose_module
from duetdb.app.service.media.archive import Archive
from duetdb.app.service.media.gridfs import GridFS
from duetdb.app.service.media.loose import sweep
from duetdb.app.service.media.store import File
from duetdb.app.service.media.upload import Upload
from duetdb.app.service.principal import FULL_ACCESS


@pytest.fixture
def archive(engine: Engine) -> Archive:
    return Archive(engine, Limits(media_uploads=2), GridFS(engine))


async def left(engine: Engine) -> dict[str, int]:
    names = ("files", "chunks", "uploads")
    counts = {name: await engine.database[f"_media.{name}"].count_documents({}) for name in names}
    return {name: count for name, count in counts.items() if count}


async def give(upload: Upload, name: str, content: bytes) -> None:
    await upload.begin(name, "")
    await upload.write(content)
    await upload.end()


async def stored(archive: Archive) -> File:
    """A file with the name ``a``."""
    async with archive.upload(FULL_ACCESS) as upload:
        await give(upload, "a", b"old")
        await upload.commit()
    return await archive.find("a")


async def test_of_one_name_the_one_that_was_stored_last_wins(archive: Archive) -> None:
    async with archive.upload(FULL_ACCESS) as slow:
        await give(slow, "a", b"slow")
        async with archive.upload(FULL_ACCESS) as quick:
            await give(quick, "a", b"quick")
            [quick_id] = await quick.commit()
        assert str((await archive.find("a"))["_id"]) == quick_id
        await asyncio.sleep(0.01)
        [slow_id] = await slow.commit()
    assert str((await archive.find("a"))["_id"]) == slow_id
    assert [each["_id"] for each in await archive.list(0, 9)] == [slow_id, quick_id]
    await archive.delete(await archive.find("a"))
    assert str((await archive.find("a"))["_id"]) == quick_id


@pytest.mark.parametrize("moment", ["begin", "commit"])
async def test_an_upload_that_was_taken_for_dead_stores_nothing(
    archive: Archive, engine: Engine, moment: str
) -> None:
    with pytest.raises(Conflict):
        async with archive.upload(FULL_ACCESS) as upload:
            await give(upload, "a", b"x" * 300_000)
            await sweep(engine, GridFS(engine), timedelta(minutes=-1))
            assert await left(engine) == {}
            if moment == "begin":
                await upload.begin("b", "")
            else:
                await upload.commit()
    assert await left(engine) == {}


async def test_a_long_upload_that_is_alive_is_not_swept(
    archive: Archive, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loose_module, "_SIGN_OF_LIFE", 0.05)
    async with archive.upload(FULL_ACCESS) as upload:
        await upload.begin("a", "")
        for _ in range(15):
            await asyncio.sleep(0.2)
            await upload.write(b"x" * 30_000)
            await sweep(engine, GridFS(engine), timedelta(seconds=1.5))
        await upload.end()
        await upload.commit()
    file = await archive.find("a")
    pieces = [each async for each in archive.content(file, 0, 450_000)]
    assert b"".join(pieces) == b"x" * 450_000


async def test_what_a_sweep_did_not_see_goes_with_its_upload(
    archive: Archive, engine: Engine
) -> None:
    with pytest.raises(Conflict):
        async with archive.upload(FULL_ACCESS) as upload:
            await upload.begin("a", "")
            await sweep(engine, GridFS(engine), timedelta(minutes=-1))
            await upload.write(b"x" * 300_000)
            assert await left(engine) == {"chunks": 1}
            await upload.end()
            await upload.commit()
    assert await left(engine) == {}


@pytest.mark.parametrize("replaces", [False, True])
async def test_a_commit_whose_answer_was_lost_keeps_its_bytes(
    archive: Archive, engine: Engine, monkeypatch: pytest.MonkeyPatch, replaces: bool
) -> None:
    old = await stored(archive)
    carried_out = Engine.transaction

    async def losing(engine: Engine, work: Any) -> None:
        await carried_out(engine, work)
        raise Unavailable("The connection was lost.")

    monkeypatch.setattr(Engine, "transaction", losing)
    with pytest.raises(Unavailable):
        async with archive.upload(FULL_ACCESS) as upload:
            await give(upload, "a", b"new")
            await (upload.replace(old) if replaces else upload.commit())
    await sweep(engine, GridFS(engine), timedelta(minutes=-1))
    file = await archive.find("a")
    assert [each async for each in archive.content(file, 0, 3)] == [b"new"]
    assert await left(engine) == (
        {"files": 1, "chunks": 1} if replaces else {"files": 2, "chunks": 2}
    )


async def test_who_is_cancelled_leaves_nothing(archive: Archive, engine: Engine) -> None:
    writing = asyncio.Event()

    async def endless() -> None:
        async with archive.upload(FULL_ACCESS) as upload:
            await upload.begin("a", "")
            while True:
                await upload.write(b"x" * 100_000)
                writing.set()

    for pause in (0.0, 0.003, 0.01, 0.02):
        task = asyncio.create_task(endless())
        await writing.wait()
        await asyncio.sleep(pause)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        writing.clear()
    await asyncio.sleep(0.2)
    assert await left(engine) == {}


async def test_of_two_replacements_of_one_file_one_is_told(
    archive: Archive, engine: Engine
) -> None:
    old = await stored(archive)
    async with archive.upload(FULL_ACCESS) as first:
        await give(first, "b", b"first")
        assert await first.replace(old) == str(old["_id"])
    with pytest.raises(Conflict):
        async with archive.upload(FULL_ACCESS) as second:
            await give(second, "c", b"second")
            await second.replace(old)
    await archive.delete(await archive.find("a"))
    with pytest.raises(NotFound):
        async with archive.upload(FULL_ACCESS) as third:
            await give(third, "d", b"third")
            await third.replace(old)
    assert await left(engine) == {}


async def test_a_file_that_is_replaced_before_it_is_deleted_stays(
    archive: Archive, engine: Engine
) -> None:
    old = await stored(archive)
    async with archive.upload(FULL_ACCESS) as upload:
        await give(upload, "b", b"new")
        await upload.replace(old)
    with pytest.raises(Conflict):
        await archive.delete(old)
    assert await left(engine) == {"files": 1, "chunks": 1}
    new = await archive.find("a")
    assert [each async for each in archive.content(new, 0, 3)] == [b"new"]
    await archive.delete(new)
    assert await left(engine) == {}
    with pytest.raises(NotFound):
        await archive.delete(new)


async def test_who_is_cancelled_by_a_stop_leaves_nothing_either(
    archive: Archive, engine: Engine
) -> None:
    writing = asyncio.Event()

    async def stalled() -> None:
        async with archive.upload(FULL_ACCESS) as upload:
            await upload.begin("a", "")
            await upload.write(b"x" * 300_000)
            writing.set()
            await asyncio.sleep(60)

    tasks = [asyncio.create_task(stalled()) for _ in range(5)]
    await writing.wait()
    for each in tasks:
        each.cancel()
    await archive.stop()
    assert await left(engine) == {}
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("replaces", [False, True])
async def test_a_size_that_comes_while_its_picture_goes_goes_as_well(
    archive: Archive, engine: Engine, monkeypatch: pytest.MonkeyPatch, replaces: bool
) -> None:
    old = await stored(archive)
    carried_out = Engine.transaction

    async def late(engine: Engine, work: Any) -> None:
        async def working(session: Any) -> None:
            await work(session)
            await archive.keep_size(old, "late", {"data": b"late"})

        await carried_out(engine, working)

    monkeypatch.setattr(Engine, "transaction", late)
    if replaces:
        async with archive.upload(FULL_ACCESS) as upload:
            await give(upload, "b", b"new")
            await upload.replace(old)
    else:
        await archive.delete(old)
    assert await engine.database["_media.sizes"].count_documents({}) == 0


async def test_limits_are_told_with_what_they_are(engine: Engine) -> None:
    limits = Limits(media_files=2, media_file_bytes=10, media_upload_bytes=15)
    archive = Archive(engine, limits, GridFS(engine))
    tried = {
        "A file has more than 10 bytes.": [b"x" * 11],
        "The files have more than 15 bytes.": [b"x" * 10, b"x" * 6],
        "More than 2 files in one upload.": [b"", b"", b""],
    }
    for sentence, contents in tried.items():
        with pytest.raises(TooLarge, match=sentence):
            async with archive.upload(FULL_ACCESS) as upload:
                for each in contents:
                    await give(upload, "a", each)
    assert await left(engine) == {}


async def test_many_uploads_at_once_lose_nothing(
    app_client: httpx.AsyncClient, engine: Engine
) -> None:
    contents = [os.urandom(400_000) for _ in range(60)]

    async def sent(number: int, content: bytes) -> str:
        answer = await app_client.post("/media", files={"f": (f"{number}", content)})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["ids"][0])

    ids = await asyncio.gather(*(sent(*each) for each in enumerate(contents)))
    for id_, content in zip(ids, contents, strict=True):
        found = (await app_client.get(f"/media/{id_}")).content
        assert hashlib.sha256(found).digest() == hashlib.sha256(content).digest()
    assert await left(engine) == {"files": 60, "chunks": 120}


async def test_at_most_so_many_chunks_are_stored_at_a_time(engine: Engine) -> None:
    class Watched(GridFS):
        now = most = 0

        async def put(self, content: Any, number: int, data: bytes) -> None:
            self.now += 1
            self.most = max(self.most, self.now)
            await super().put(content, number, data)
            self.now -= 1

    store = Watched(engine)
    archive = Archive(engine, Limits(media_uploads=2), store)

    async def one() -> None:
        async with archive.upload(FULL_ACCESS) as upload:
            await give(upload, "a", b"x" * 600_000)
            await upload.commit()

    await asyncio.gather(*(one() for _ in range(8)))
    assert store.most == 2
    assert await left(engine) == {"files": 8, "chunks": 24}
