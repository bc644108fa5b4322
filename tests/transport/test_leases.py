"""Requests counted in the database: by batches, for all workers together."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from limits import RateLimitItemPerSecond
from pymongo import MongoClient

from duetdb.app.http.leases import Leased
from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.engine import Engine
from duetdb.app.service.permits import COLLECTION, Lease, Permits
from tests.conftest import make_settings
from tests.processes import serving

HOUR = 3600


@pytest.fixture
async def permits(engine: Engine) -> AsyncIterator[Permits]:
    yield await Permits.started(engine)


async def test_no_more_are_granted_than_there_are(permits: Permits) -> None:
    leases = [await permits.lease("a", 10, HOUR, 4) for _ in range(4)]
    assert [each.granted for each in leases] == [4, 4, 2, 0]
    assert all(0 < each.seconds <= HOUR for each in leases)
    assert (await permits.lease("b", 10, HOUR, 4)).granted == 4


async def test_many_at_once_share_what_there_is(permits: Permits) -> None:
    leases = await asyncio.gather(*(permits.lease("a", 100, HOUR, 7) for _ in range(40)))
    assert sum(each.granted for each in leases) == 100


async def test_a_new_window_counts_what_is_left_of_the_one_before(
    permits: Permits, engine: Engine
) -> None:
    rates = engine.database[COLLECTION]
    await permits.lease("a", 100, HOUR, 100)
    await rates.update_one({"_id": "a"}, {"$inc": {"window": -1}})
    assert (await permits.lease("a", 100, HOUR, 0)).granted == 0
    found = await rates.find_one({"_id": "a"})
    assert (found["previous"], found["taken"]) == (100, 0)
    granted = (await permits.lease("a", 100, HOUR, 100)).granted
    assert abs(granted - 100 * found["passed"]) <= 2
    refused = await permits.lease("a", 100, HOUR, 1)
    assert refused.granted == 0
    assert 0 < refused.seconds <= HOUR / 100 + 1  # when one of the 100 is forgotten
    await rates.update_one({"_id": "a"}, {"$inc": {"window": -2}})
    assert (await permits.lease("a", 100, HOUR, 100)).granted == 100


async def test_counters_that_nobody_uses_are_removed(permits: Permits, engine: Engine) -> None:
    await permits.lease("a", 100, HOUR, 1)
    indexes = await engine.database[COLLECTION].index_information()
    assert indexes["expires"]["expireAfterSeconds"] == 0
    found = await engine.database[COLLECTION].find_one({"_id": "a"})
    clock = (await engine.database.command("hello"))["localTime"]
    assert 2 * HOUR - 60 < (found["expires"] - clock).total_seconds() <= 2 * HOUR


class Counted:
    """Permits that also count how often they are asked for."""

    def __init__(self, permits: Permits) -> None:
        self.asked = 0
        self._permits = permits

    async def lease(self, *arguments: Any) -> Lease:
        self.asked += 1
        return await self._permits.lease(*arguments)


LIMIT = RateLimitItemPerSecond(200, HOUR)


async def test_a_worker_asks_once_for_a_batch(permits: Permits) -> None:
    counted = Counted(permits)
    worker = Leased(counted)  # type: ignore[arg-type]
    assert {await worker.take(LIMIT, "a") for _ in range(200)} == {0.0}
    assert counted.asked == 50
    waits = [await worker.take(LIMIT, "a") for _ in range(100)]
    assert all(0 < wait <= HOUR for wait in waits)
    assert counted.asked == 51  # who was refused is not asked about again


async def test_several_at_once_ask_once(permits: Permits) -> None:
    counted = Counted(permits)
    worker = Leased(counted)  # type: ignore[arg-type]
    assert set(await asyncio.gather(*(worker.take(LIMIT, "a") for _ in range(4)))) == {0.0}
    assert counted.asked == 1


async def test_workers_share_a_limit(permits: Permits) -> None:
    workers = [Leased(permits) for _ in range(4)]
    taken = 0
    for number in range(400):
        taken += not await workers[number % 4].take(LIMIT, "a")
    assert taken == 200


async def test_without_the_database_requests_pass(permits: Permits, engine: Engine) -> None:
    # What the update cannot work on is refused by the database, as a failure of it would be.
    await engine.database[COLLECTION].insert_one({"_id": "a", "window": "x"})
    assert await permits.lease("a", 10, HOUR, 3) == Lease(3, 1.0)


def test_the_limit_holds_across_server_processes(mongod: EmbeddedMongod) -> None:
    database = make_settings(mongod.uri).database
    flags = ("--mongodb-uri", mongod.uri, "--database", database, "--workers=2")
    rates = ("--rate-storage=mongodb", "--rate-failures=20", "--rate-address=2")
    try:
        with serving(*flags, *rates, "--trusted-proxies=127.0.0.1") as server:
            via = {"x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.9"}
            statuses: Counter[int] = Counter()
            for _ in range(60):  # a connection each, so that both workers get some
                answer = httpx.get(f"{server.url}/rest/users", headers=via, trust_env=False)
                statuses[answer.status_code] += 1
            # A new window may begin meanwhile, in which the old one counts for less.
            assert statuses[401] >= 20
            assert statuses[401] <= 26
            assert statuses[429] == 60 - statuses[401]
    finally:
        with MongoClient[Any](mongod.uri) as direct:
            direct.drop_database(database)
