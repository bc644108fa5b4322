"""10,000 documents in one request: one transaction, flat in memory, each mistake with its index."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.conftest import make_settings
from tests.processes import HEADERS, ServerProcess, data_folder, serving, wait_until_ready

COUNT = 10_000
META = {
    "name": "items",
    "fields": [
        {"name": "title", "type": "text", "required": True},
        {"name": "code", "type": "number", "unique": True},
        {"name": "price", "type": "money"},
        {"name": "on", "type": "date"},
    ],
}


def items(first: int, count: int = COUNT) -> list[dict[str, Any]]:
    return [
        {
            "title": f"Item number {number} of a delivery",
            "code": number,
            "price": number / 100,
            "on": "2024-02-29",
            "note": "x" * 200,
        }
        for number in range(first, first + count)
    ]


def client_of(server: ServerProcess) -> httpx.Client:
    return httpx.Client(base_url=server.url, headers=HEADERS, timeout=120, trust_env=False)


def count(client: httpx.Client) -> int:
    answer = client.get("/rest/items?count=true&totals=true")
    assert answer.status_code == 200
    return int(answer.json()["totals"]["total"])


@pytest.fixture(scope="module")
def bulk(mongod: EmbeddedMongod) -> Iterator[tuple[ServerProcess, httpx.Client]]:
    """A server process beside the shared mongod, with an empty collection."""
    settings = make_settings(mongod.uri)
    flags = ("--mongodb-uri", mongod.uri, "--database", settings.database)
    with serving(*flags) as server, client_of(server) as client:
        assert client.put("/rest/items/_meta", json=META).status_code == 200
        yield server, client
    with MongoClient[Any](mongod.uri) as direct:
        direct.drop_database(settings.database)


def memory(pid: int) -> tuple[float, float]:
    """Megabytes held now, and at most so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    lines = dict(line.split(":", 1) for line in status.splitlines())
    held, peak = (int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return held, peak


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_ten_times_as_much_needs_no_more_memory(bulk: tuple[ServerProcess, httpx.Client]) -> None:
    server, client = bulk
    before = count(client)
    at_rest = memory(server.pid)[0]
    peaks: list[float] = []
    begun = time.perf_counter()
    for number in range(10):
        answer = client.post("/rest/items", json=items(1_000_000 + number * COUNT))
        assert answer.status_code == 201, answer.text[:300]
        assert len(answer.json()) == COUNT
        peaks.append(memory(server.pid)[1])
    seconds = time.perf_counter() - begun
    assert count(client) == before + 10 * COUNT
    print(
        f"at rest {at_rest:.0f} MB; peak {peaks[0]:.0f} MB after one request of {COUNT:,} "
        f"documents, {peaks[-1]:.0f} MB after ten, {memory(server.pid)[0]:.0f} MB held then; "
        f"{seconds / 10:.2f} s a request"
    )
    assert peaks[-1] < peaks[0] * 1.15
    assert peaks[-1] < at_rest + 300


@pytest.mark.parametrize(
    ("bad", "field", "code"),
    [
        ({"title": 7}, "title", "TYPE"),
        ({"title": None}, "title", "REQUIRED"),
        ({"on": "2024-02-30"}, "on", "TYPE"),
        ({"code": 7}, "code", "UNIQUE"),
    ],
)
@pytest.mark.parametrize("position", [0, 4_321, COUNT - 1])
def test_one_bad_element_inserts_nothing_and_is_named_by_its_index(
    bulk: tuple[ServerProcess, httpx.Client],
    bad: dict[str, Any],
    field: str,
    code: str,
    position: int,
) -> None:
    _, client = bulk
    client.post("/rest/items", json=items(7, 1))  # taken from here on
    before = count(client)
    documents = items(50_000)
    documents[position].update(bad)
    answer = client.post("/rest/items", json=documents)
    assert answer.status_code == 400
    (mistake,) = answer.json()["list"]
    assert (mistake["field"], mistake["message"][1], mistake["index"]) == (field, code, position)
    assert count(client) == before


def test_what_only_the_database_refuses_rolls_everything_back(
    bulk: tuple[ServerProcess, httpx.Client],
) -> None:
    _, client = bulk
    before = count(client)
    documents = [*items(60_000, COUNT - 1), *items(60_000, 1)]
    answer = client.post("/rest/items", json=documents)
    assert answer.status_code == 400
    found = {(each["field"], each["message"][1], each["index"]) for each in answer.json()["list"]}
    assert ("code", "UNIQUE", COUNT - 1) in found
    assert count(client) == before


def test_others_are_served_meanwhile(bulk: tuple[ServerProcess, httpx.Client]) -> None:
    server, client = bulk
    one = client.post("/rest/items", json=items(70_000, 1)).json()[0]["_id"]
    done = threading.Event()
    waits: list[float] = []

    def read() -> None:
        with client_of(server) as reader:
            while not done.is_set():
                begun = time.perf_counter()
                assert reader.get(f"/rest/items/{one}").status_code == 200
                waits.append(time.perf_counter() - begun)

    reading = threading.Thread(target=read)
    reading.start()
    answer = client.post("/rest/items", json=items(71_000))
    done.set()
    reading.join(30)
    assert answer.status_code == 201
    print(f"{len(waits)} reads beside it, the longest {max(waits) * 1000:.0f} ms")
    assert len(waits) > 5
    assert max(waits) < 1


class Sending(threading.Thread):
    """One request of 10,000 documents; ``status`` is None if it was not answered."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.status: int | None = None
        self._url = url

    def run(self) -> None:
        try:
            answer = httpx.post(
                f"{self._url}/rest/items", json=items(0), headers=HEADERS, timeout=60
            )
            self.status = answer.status_code
        except httpx.TransportError:
            pass


def wait_for_a_transaction(direct: MongoClient[Any]) -> None:
    """Returns when a transaction has been begun and is not committed."""
    until = time.monotonic() + 30
    while not direct.admin.command("serverStatus")["transactions"]["currentOpen"]:
        assert time.monotonic() < until, "no transaction was begun"


@pytest.mark.parametrize("victim", ["server", "mongod"])
def test_a_kill_in_the_middle_inserts_all_or_nothing(tmp_path: Path, victim: str) -> None:
    server = ServerProcess(*data_folder(tmp_path))
    server.start()
    try:
        with client_of(server) as client:
            assert client.put("/rest/items/_meta", json=META).status_code == 200
        uri = EmbeddedMongod(tmp_path / "data").uri
        sending = Sending(server.url)
        with MongoClient[Any](uri) as direct:
            sending.start()
            wait_for_a_transaction(direct)
            if victim == "server":
                server.kill()
            else:
                server.kill_mongod()
        sending.join(60)
        if victim == "server":
            assert sending.status is None
            server.start()
        else:
            wait_until_ready(server.url, 30)
        with client_of(server) as client:
            stored = count(client)
            print(f"{victim} killed: answered {sending.status}, {stored} stored")
            # The driver may have begun anew when the mongod was back.
            assert stored == (COUNT if sending.status == 201 else 0)
            assert client.post("/rest/items", json=items(COUNT)).status_code == 201
            assert count(client) == stored + COUNT
    finally:
        if server.running():
            server.stop()
