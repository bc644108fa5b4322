"""500 collections of 12 fields: they start, and one of them changes, without stalling requests."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from graphql import get_introspection_query

from duetdb.app.main import create_app
from duetdb.app.service.engine import Engine
from duetdb.app.settings import Settings
from tests.processes import HEADERS

COUNT = 500
CHANGES = 7
STALL = 0.05
"""The longest that a change may keep requests waiting, in seconds."""
DESCRIBING = 0.1
"""The same for descriptions of everything, which people ask for, not programs."""
KINDS = ("text", "number", "float_number", "date", "bool", "email")


def collection(number: int, extra: int = 0) -> dict[str, Any]:
    """12 fields, two of them relations to neighbours, as sites have."""
    fields: list[dict[str, Any]] = [
        {"name": f"f{each}", "type": KINDS[each % len(KINDS)]} for each in range(10)
    ]
    near = f"c{number - number % 5:03}"
    fields.append({"name": "near", "type": near, "relation": "one"})
    fields.append({"name": "others", "type": near, "relation": "many"})
    fields += [{"name": f"extra{each}", "type": "text"} for each in range(extra)]
    return {"_id": f"c{number:03}", "name": f"c{number:03}", "fields": fields}


class Watch:
    """The longest time for which the event loop was busy, and the longest read by id."""

    def __init__(self, client: httpx.AsyncClient, path: str) -> None:
        self._client, self._path = client, path
        self.gaps: list[float] = []
        self.reads: list[float] = []

    def take(self) -> tuple[float, float]:
        """The longest gap and read since the last call."""
        longest = max(self.gaps, default=0.0), max(self.reads, default=0.0)
        self.gaps, self.reads = [], []
        return longest

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self._tick()), asyncio.create_task(self._read())]
        try:
            yield
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _tick(self) -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.001)
            self.gaps.append(time.perf_counter() - begun - 0.001)

    async def _read(self) -> None:
        while True:
            begun = time.perf_counter()
            answer = await self._client.get(self._path)
            assert answer.status_code == 200
            self.reads.append(time.perf_counter() - begun)
            await asyncio.sleep(0.002)


async def until_shown(client: httpx.AsyncClient, name: str, field: str) -> None:
    """Waits until both interfaces have the field."""
    query = f'{{ __type(name: "{name.title()}") {{ fields {{ name }} }} }}'
    for _ in range(500):
        meta = (await client.get(f"/rest/{name}/_meta")).json()
        types = (await client.post("/graphql", json={"query": query})).json()
        graphql = [each["name"] for each in types["data"]["__type"]["fields"]]
        if field in graphql and field in [each["name"] for each in meta["fields"]]:
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"{field} was not seen.")


@pytest.fixture
async def many(settings: Settings, engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    """The whole application over 500 collections."""
    await engine.database["_collections"].insert_many([collection(n) for n in range(COUNT)])
    app = create_app(settings, engine)
    begun = time.perf_counter()
    async with app.router.lifespan_context(app):
        print(f"\n{COUNT} collections started in {time.perf_counter() - begun:.2f} s")
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://duetdb", headers=HEADERS, timeout=60
        ) as client:
            yield client


def report(what: str, found: list[tuple[float, float]]) -> float:
    """Prints and returns the median of the longest gaps: one of them may be another process's."""
    gaps = [gap * 1000 for gap, _ in found]
    reads = [read * 1000 for _, read in found]
    print(
        f"{what}: longest gap {statistics.median(gaps):.0f} ms (median of {len(gaps)}; "
        f"{', '.join(f'{gap:.0f}' for gap in gaps)}), longest read by id "
        f"{statistics.median(reads):.0f} ms (median; at most {max(reads):.0f})"
    )
    return statistics.median(gaps) / 1000


async def watched(client: httpx.AsyncClient) -> Watch:
    one = (await client.post("/rest/c499", json={"f0": "here"})).json()["_id"]
    return Watch(client, f"/rest/c499/{one}")


async def test_a_change_of_one_collection_stalls_nobody(
    many: httpx.AsyncClient, engine: Engine
) -> None:
    watch = await watched(many)
    metadata = engine.database["_collections"]
    async with watch.watching():
        await asyncio.sleep(3)
        after_start = watch.take()
        direct = []
        for number in range(CHANGES):
            watch.take()
            await metadata.replace_one({"_id": "c000"}, collection(0, number + 1))
            await until_shown(many, "c000", f"extra{number}")
            direct.append(watch.take())
        put = []
        for number in range(CHANGES):
            watch.take()
            answer = await many.put(
                "/rest/c003/_meta", json={"fields": collection(3, number + 1)["fields"]}
            )
            assert answer.status_code == 200, answer.text
            await until_shown(many, "c003", f"extra{number}")
            put.append(watch.take())
    report("while indexes and validators are made after the start", [after_start])
    assert report("changed in MongoDB", direct) < STALL
    assert report("changed by PUT", put) < STALL


async def test_descriptions_of_everything_stall_nobody(many: httpx.AsyncClient) -> None:
    watch = await watched(many)
    asked: dict[str, list[tuple[float, float]]] = {}
    async with watch.watching():
        await asyncio.sleep(3)
        for number in range(3):
            # A text of its own each time, and a changed schema, so that nothing is kept.
            query = f"# {number}\n{get_introspection_query()}"
            changed = {"fields": collection(3, number + 1)["fields"]}
            assert (await many.put("/rest/c003/_meta", json=changed)).status_code == 200
            await until_shown(many, "c003", f"extra{number}")
            for what, request in {
                "introspection": many.post("/graphql", json={"query": query}),
                "/openapi.json": many.get("/openapi.json"),
                "/rest/_swagger.json": many.get("/rest/_swagger.json"),
                "/rest/_meta": many.get("/rest/_meta"),
            }.items():
                # What looking through the last answer took belongs to no request.
                await asyncio.sleep(0.05)
                watch.take()
                answer = await request
                asked.setdefault(what, []).append(watch.take())
                assert answer.status_code == 200
                assert "c499" in answer.text.lower()
    gaps = {what: report(what, found) for what, found in asked.items()}
    assert {what for what, gap in gaps.items() if gap >= DESCRIBING} == set()


async def test_callers_who_come_for_the_first_time_stall_nobody(many: httpx.AsyncClient) -> None:
    """Each has a schema of its own, of which nothing can be taken over."""
    watch = await watched(many)
    found = []
    async with watch.watching():
        await asyncio.sleep(3)
        for number in range(CHANGES):
            rights = {"paths": ["/**"], "readable": ["f0", "f1", "near"], "methods": ["GET"]}
            made = (await many.post("/rest/_keys", json=rights)).json()
            await asyncio.sleep(0.05)
            watch.take()
            begun = time.perf_counter()
            query = {"query": f"{{ c{number:03} {{ f0 }} }}"}
            answer = await many.post("/graphql", json=query, headers={"x-apikey": made["key"]})
            print(f"first answer after {time.perf_counter() - begun:.2f} s")
            found.append(watch.take())
            assert answer.json() == {"data": {f"c{number:03}": []}}
    assert report("a new key", found) < STALL
