"""The queue: who holds a mail, for how long, and what becomes of one that has failed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from duetdb.app.service.engine import Engine
from duetdb.app.service.mail import queue as module
from duetdb.app.service.mail.queue import Queue


def message(**change: Any) -> dict[str, Any]:
    return {"to": "ann@example.com", "html": "x", **change}


@pytest.fixture
async def queue(engine: Engine) -> Queue:
    made = Queue(engine, 4)
    await made.start()
    return made


async def put(queue: Queue, *messages: dict[str, Any]) -> list[ObjectId]:
    ids = [ObjectId() for _ in messages]
    copies = [{"_id": each, "status": "queued", "_version": 1} for each in ids]
    await queue.put(copies, dict(zip(ids, messages, strict=True)))
    return ids


async def copy_of(engine: Engine, id_: ObjectId) -> dict[str, Any]:
    found: dict[str, Any] = await engine.database["email_outbound"].find_one({"_id": id_})
    return found


async def test_one_mail_is_claimed_by_one(engine: Engine, queue: Queue) -> None:
    ids = await put(queue, *[message()] * 40)
    others = [Queue(engine, 4) for _ in range(10)]

    async def claim_all(mine: Queue) -> list[ObjectId]:
        found = []
        while entry := await mine.claim():
            found.append(entry["_id"])
        return found

    claimed = await asyncio.gather(*(claim_all(each) for each in others))
    assert sorted(each for some in claimed for each in some) == sorted(ids)


@pytest.mark.parametrize("hours", [-1, 1])
async def test_clocks_of_workers_may_differ(
    engine: Engine, queue: Queue, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    await put(queue, message())
    assert await queue.claim() is not None
    shifted = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=hours)
    monkeypatch.setattr(module, "now", lambda: shifted)
    other = Queue(engine, 4)
    assert (await other.due(5), await other.claim()) == (0, None)
    await put(other, message())  # neither later nor never
    assert await queue.claim() is not None


async def test_who_has_lost_the_lease_has_no_say(engine: Engine) -> None:
    brief = Queue(engine, 0)
    (id_,) = await put(brief, message())
    first, second = await brief.claim(), await brief.claim()
    assert first and second and first["_id"] == second["_id"] == id_
    assert await brief.extend(first) is False
    assert await brief.done(first, "sent") is False
    await brief.postpone(first, 100, "late")
    await brief.bury(first, "late")
    entry = await engine.database["_mail_queue"].find_one()
    assert entry == second
    assert (await copy_of(engine, id_))["status"] == "queued"
    assert await brief.done(second, "sent") is True
    assert (await copy_of(engine, id_))["status"] == "sent"
    assert await engine.database["_mail_queue"].count_documents({}) == 0


@pytest.mark.parametrize("status", ["sent", "failed"])
@pytest.mark.parametrize("ended", ["email_outbound", "_mail_queue"])
async def test_who_is_killed_while_noting_leaves_that_to_the_next(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, status: str, ended: str
) -> None:
    """At once: no transaction keeps others waiting, and the outcome stands."""
    brief = Queue(engine, 0)
    (id_,) = await put(brief, message())
    first = await brief.claim()
    assert first is not None
    with monkeypatch.context() as patch:
        patch.setattr(brief, "settle", _killed(brief, ended))
        with pytest.raises(_Killed):
            await (brief.done(first, "sent") if status == "sent" else brief.bury(first, "550 no"))
    second = await brief.claim()
    assert second is not None and second["outcome"]["status"] == status
    await brief.settle(second)
    assert await brief.claim() is None
    copy = await copy_of(engine, id_)
    assert (copy["status"], copy["_version"]) == (status, 2)
    assert len([each async for each in brief.dead()]) == (status == "failed")


class _Killed(BaseException):
    """As if the worker ended here."""


def _killed(queue: Queue, before: str) -> Any:
    """``settle`` of a worker that is killed before it writes into a collection."""

    async def settle(entry: Any) -> None:
        if before == "_mail_queue":
            said = {"$set": {"status": entry["outcome"]["status"]}, "$inc": {"_version": 1}}
            await queue._copies.update_one({"_id": entry["_id"]}, said)
        raise _Killed

    return settle


async def test_a_lease_is_extended(engine: Engine, queue: Queue) -> None:
    await put(queue, message())
    entry = await queue.claim()
    assert entry is not None
    before = entry["due"]
    await asyncio.sleep(0.01)
    assert await queue.extend(entry) is True
    stored = await engine.database["_mail_queue"].find_one()
    assert stored["due"] > before


async def test_a_queue_of_100_000_is_searched_by_its_index(engine: Engine, queue: Queue) -> None:
    stored = engine.database["_mail_queue"]
    begin = datetime(2024, 1, 1)
    for chunk in range(10):
        await stored.insert_many(
            [
                {"due": begin + timedelta(seconds=each), "attempts": 0, "message": {}}
                if each % 10
                else {"dead": True, "expires": datetime(2100, 1, 1), "message": {}}
                for each in range(chunk * 10_000, (chunk + 1) * 10_000)
            ],
            ordered=False,
        )
    commands: list[dict[str, Any]] = [
        {
            "findAndModify": stored.name,
            "query": {"due": {"$lte": datetime(2025, 1, 1)}},
            "sort": {"due": 1},
            "update": {"$set": {"due": datetime(2026, 1, 1)}},
        },
        {
            "aggregate": stored.name,
            "pipeline": [
                {"$match": {"due": {"$lte": datetime(2025, 1, 1)}}},
                {"$limit": 4},
                {"$group": {"_id": 1, "n": {"$sum": 1}}},
            ],
            "cursor": {},
        },
        {"find": stored.name, "filter": module._DEAD, "sort": {"expires": 1}, "limit": 4},
    ]
    for each in commands:
        told = await engine.database.command({"explain": each, "verbosity": "executionStats"})
        text = str(told)
        assert "IXSCAN" in text and "COLLSCAN" not in text, each
        assert _examined(told) <= 4, each
    entry = await queue.claim()
    assert entry is not None and entry["due"] > begin + timedelta(days=365)


def _examined(told: Any) -> int:
    """The most documents that any stage of a plan looked at."""
    if isinstance(told, dict):
        here = told.get("totalDocsExamined", 0)
        return max(here, *map(_examined, told.values()), 0)
    return max(map(_examined, told), default=0) if isinstance(told, list) else 0


async def test_a_dead_mail_is_tried_again_when_somebody_says_so(
    engine: Engine, queue: Queue
) -> None:
    ids = await put(queue, message(to="a@example.com"), message(), message(secret=True))
    for _ in ids:
        entry = await queue.claim()
        assert entry is not None
        await queue.bury(entry, "550 nobody")
    dead = [each async for each in queue.dead()]
    assert [each["_id"] for each in dead] == ids
    assert [each["reason"] for each in dead] == ["550 nobody"] * 3
    assert "message" not in dead[2]  # it had a token in it
    assert await queue.claim() is None

    assert await queue.retry([ids[0], ObjectId()]) == 1
    entry = await queue.claim()
    assert entry is not None and (entry["_id"], entry["attempts"]) == (ids[0], 1)
    copy = await copy_of(engine, ids[0])
    assert (copy["status"], copy["_version"], "reason" in copy) == ("queued", 3, False)
    assert await queue.retry() == 1
    assert await queue.retry() == 0
    assert [each["_id"] async for each in queue.dead()] == [ids[2]]
    assert (await copy_of(engine, ids[2]))["status"] == "failed"


async def test_who_says_so_at_the_same_time_changes_no_mail_that_has_left(
    engine: Engine, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    (id_,) = await put(queue, message())
    entry = await queue.claim()
    assert entry is not None
    await queue.bury(entry, "550 nobody")
    other = Queue(engine, 4)

    async def meanwhile() -> datetime:
        if await other.retry():
            entry = await other.claim()
            assert entry is not None and await other.done(entry, "sent")
        return datetime.now(UTC)

    monkeypatch.setattr(queue, "_clock", meanwhile)
    assert await queue.retry() == 0
    assert (await copy_of(engine, id_))["status"] == "sent"
