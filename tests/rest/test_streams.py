"""``.csv`` and ``.ndjson`` on real sockets: flat memory, clients that leave, errors on the way."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.monitoring import CommandListener, CommandStartedEvent

from duetdb.app.mongo.connect import connect
from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.settings import Settings
from tests.conftest import KEY, make_settings, running_server
from tests.processes import HEADERS, data_folder, serving

MB = 1024 * 1024
MANY = 20_000
META = {
    "name": "rows",
    "fields": [
        {"name": "n", "type": "number"},
        {"name": "text", "type": "text"},
        {"name": "above", "type": "rows", "relation": "one"},
    ],
}


class Commands(CommandListener):
    """The names of the commands on ``rows`` that the server sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        about = event.command.get("collection", event.command.get(event.command_name))
        if about == "rows":
            self.sent.append(event.command_name)

    def succeeded(self, event: Any) -> None:
        pass

    def failed(self, event: Any) -> None:
        pass


class Rows:
    """A server with many documents, what it asks of the database, and a way past it."""

    def __init__(self, url: str, database: Database[Any], commands: Commands) -> None:
        self.url = httpx.URL(url)
        self.database = database
        self.commands = commands

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", headers=HEADERS, trust_env=False, timeout=60)

    def fill(self, count: int = MANY, size: int = 500) -> None:
        text = "x" * size
        for start in range(0, count, 5000):
            numbers = range(start, min(start + 5000, count))
            self.database["rows"].insert_many([{"n": n, "text": text} for n in numbers])

    def cursors(self) -> list[Any]:
        """The open cursors on this test's documents."""
        stages = [
            {"$currentOp": {"idleCursors": True, "allUsers": True}},
            {"$match": {"ns": f"{self.database.name}.rows"}},
        ]
        return list(self.database.client.admin.aggregate(stages))

    @contextmanager
    def asking(self, path: str) -> Iterator[socket.socket]:
        """A connection on which the request is sent, and nothing is read yet."""
        with socket.create_connection((self.url.host, self.url.port), timeout=30) as opened:
            opened.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nx-apikey: {KEY}\r\n\r\n".encode())
            yield opened


@contextmanager
def rows_server(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rows]:
    commands = Commands()
    monkeypatch.setattr("duetdb.app.main.connect", partial(connect, listeners=[commands]))
    uri = settings.mongodb_uri
    with running_server(settings) as server, MongoClient[Any](uri) as direct:
        made = httpx.put(
            f"{server.url}/rest/rows/_meta", json=META, headers=HEADERS, trust_env=False
        )
        assert made.status_code == 200, made.text
        yield Rows(server.url, direct[settings.database], commands)
        direct.drop_database(settings.database)


@pytest.fixture
def rows(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rows]:
    with rows_server(settings, monkeypatch) as made:
        yield made


def soon(condition: Callable[[], bool]) -> bool:
    """Whether it becomes true within five seconds."""
    until = time.monotonic() + 5
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize("suffix", ["ndjson", "csv"])
def test_a_stream_has_no_page(rows: Rows, suffix: str) -> None:
    """More than the default, and more than the ceiling that a list may ask for."""
    rows.fill(12_000, 10)
    heading = suffix == "csv"
    answer = rows.get(f"/rest/rows.{suffix}")
    assert answer.text.count("\n") - heading == 12_000
    assert rows.get(f"/rest/rows.{suffix}?max=11000").text.count("\n") - heading == 11_000
    assert rows.get(f"/rest/rows.{suffix}?skip=11995").text.count("\n") - heading == 5
    assert rows.get(f"/rest/rows.{suffix}?max=0").text.count("\n") - heading == 12_000
    assert rows.get("/rest/rows?max=11000").status_code == 400
    assert len(rows.get("/rest/rows").json()) == 1000


def test_a_stream_is_read_in_batches(rows: Rows) -> None:
    rows.fill(1000, 10)
    rows.commands.sent.clear()
    assert rows.get("/rest/rows.ndjson").status_code == 200
    assert rows.commands.sent[0] == "find"
    assert set(rows.commands.sent[1:]) == {"getMore"}
    assert len(rows.commands.sent) >= 4


def test_references_are_expanded_batch_by_batch(rows: Rows) -> None:
    rows.fill(600, 10)
    first = rows.database["rows"].find_one({"n": 0})
    assert first is not None
    rows.database["rows"].update_many({"n": {"$gt": 0}}, {"$set": {"above": [first["_id"]]}})
    found = [json.loads(line) for line in rows.get("/rest/rows.ndjson").text.splitlines()]
    assert len(found) == 600
    assert all([each["n"] for each in row["above"]] == [0] for row in found[1:])
    cells = rows.get("/rest/rows.csv").text.splitlines()[1:]
    assert [line.rpartition(",")[2] for line in cells] == ["", *[str(first["_id"])] * 599]


def test_a_client_that_leaves_ends_the_reading(rows: Rows) -> None:
    rows.fill(MANY, 2000)  # more than sockets hold of what nobody reads
    with rows.asking("/rest/rows.ndjson") as client:
        assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
        assert soon(lambda: len(rows.cursors()) == 1)
        rows.commands.sent.clear()
    assert soon(lambda: "killCursors" in rows.commands.sent)
    assert soon(lambda: rows.cursors() == [])
    sent = len(rows.commands.sent)
    time.sleep(0.3)
    assert len(rows.commands.sent) == sent
    assert rows.get("/rest/rows?max=1").status_code == 200


def test_a_client_that_does_not_read_holds_the_reading_up(rows: Rows) -> None:
    """The socket is the measure: the database is asked for no more than it can take."""
    rows.fill(MANY, 2000)
    with rows.asking("/rest/rows.ndjson") as client:
        assert soon(lambda: "getMore" in rows.commands.sent)
        time.sleep(1)
        sent = len(rows.commands.sent)
        time.sleep(1)
        assert len(rows.commands.sent) == sent < MANY / 250
        received = client.recv(65536)
        while not received.endswith(b"\r\n0\r\n\r\n"):
            received = received[-10:] + client.recv(1_000_000)
    assert len(rows.commands.sent) > sent
    assert rows.cursors() == []


def test_a_client_that_reads_no_more_is_not_waited_for(
    mongod: EmbeddedMongod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One chunk may take as long as the database may work for the whole."""
    settings = make_settings(mongod.uri, stream_ms=1500)
    with rows_server(settings, monkeypatch) as rows:
        rows.fill(MANY, 2000)
        with rows.asking("/rest/rows.ndjson"):
            assert soon(lambda: len(rows.cursors()) == 1)
            assert soon(lambda: rows.cursors() == [])
            assert rows.get("/rest/rows.ndjson?max=1").status_code == 200


def test_a_client_that_leaves_before_the_first_byte(rows: Rows) -> None:
    """A search through everything that finds nothing ends with the one who asked."""
    rows.fill(MANY, 2000)
    patterns = ",".join(f'{{"text":{{"$regex":"y{n}"}}}}' for n in range(300))
    path = f'/rest/rows.ndjson?q={{"$or":[{patterns}]}}'
    with rows.asking(path):
        assert soon(lambda: len(rows.cursors()) == 1)
        time.sleep(0.3)
        assert len(rows.cursors()) == 1
    assert soon(lambda: rows.cursors() == [])


def test_an_error_on_the_way_breaks_the_answer_off(
    rows: Rows, capfd: pytest.CaptureFixture[str]
) -> None:
    """Never a clean end: no last chunk, and a line in the log."""
    rows.fill(MANY, 2000)
    with rows.asking("/rest/rows.csv") as client:
        received = client.recv(1000)
        assert received.startswith(b"HTTP/1.1 200 OK\r\n")
        rows.database["rows"].drop()
        while some := client.recv(1_000_000):
            received = received[-10:] + some
    assert not received.endswith(b"0\r\n\r\n")
    with pytest.raises(httpx.RemoteProtocolError):
        broken_off(rows)
    assert soon(lambda: rows.cursors() == [])
    assert "stream aborted" in capfd.readouterr().out


def broken_off(rows: Rows) -> None:
    """The same to a client that knows HTTP."""
    rows.fill(MANY, 2000)
    with httpx.stream("GET", f"{rows.url}/rest/rows.ndjson", headers=HEADERS) as answer:
        chunks = answer.iter_raw()
        next(chunks)
        rows.database["rows"].drop()
        for _ in chunks:
            pass


def test_a_stream_has_a_time_limit_of_its_own(
    mongod: EmbeddedMongod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first byte it is an ordinary error; the limit of lists is another."""
    settings = make_settings(mongod.uri, stream_ms=1)
    with rows_server(settings, monkeypatch) as rows:
        rows.fill(MANY, 2000)
        answer = rows.get("/rest/rows.ndjson?sort=text")
        assert answer.status_code == 400
        assert answer.json()["message"] == "The query takes longer than this server allows."
        assert rows.get("/rest/rows?sort=text&max=1").status_code == 200


def test_the_time_limit_on_the_way(mongod: EmbeddedMongod, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = make_settings(mongod.uri, stream_ms=30)
    with rows_server(settings, monkeypatch) as rows:
        rows.fill(100_000, 500)
        for _ in range(20):
            url = f"{rows.url}/rest/rows.ndjson"
            with httpx.stream("GET", url, headers=HEADERS, trust_env=False) as answer:
                if answer.status_code == 400:
                    continue  # on a busy machine the time was up before the first byte
                with pytest.raises(httpx.RemoteProtocolError):
                    answer.read()
                return
        pytest.fail("No stream began within its time.")


def test_a_head_request_reads_no_further(rows: Rows) -> None:
    rows.fill()
    answer = httpx.head(f"{rows.url}/rest/rows.ndjson", headers=HEADERS, trust_env=False)
    assert (answer.status_code, answer.content) == (200, b"")
    assert soon(lambda: "killCursors" in rows.commands.sent)
    assert soon(lambda: rows.cursors() == [])


def test_an_explained_stream_reads_no_further(rows: Rows) -> None:
    rows.fill()
    (read,) = rows.get("/rest/rows.ndjson?explain=true").json()["explain"]
    assert (read["collection"], read["documentsExamined"]) == ("rows", MANY)
    assert soon(lambda: rows.cursors() == [])


def test_memory_stays_flat(tmp_path: Path) -> None:
    """100,000 documents, in both formats, need hardly more than one batch."""
    with serving(*data_folder(tmp_path)) as server:
        client = httpx.Client(base_url=server.url, headers=HEADERS, timeout=60, trust_env=False)
        with client:
            assert client.put("/rest/rows/_meta", json=META).status_code == 200
            for start in range(0, 100_000, 10_000):
                body = [{"n": n, "text": f"row {n}"} for n in range(start, start + 10_000)]
                assert client.post("/rest/rows", json=body).status_code == 201
            process = psutil.Process(server.pid)
            client.get("/rest/rows.ndjson?max=10")
            for suffix in ("ndjson", "csv"):
                before = most = process.memory_info().rss
                size = lines = 0
                with client.stream("GET", f"/rest/rows.{suffix}") as answer:
                    for chunk in answer.iter_raw():
                        size, lines = size + len(chunk), lines + chunk.count(b"\n")
                        most = max(most, process.memory_info().rss)
                grown = (most - before) / MB
                print(f"{size / MB:.0f} MB of {suffix} in {grown:.1f} MB more memory")
                assert lines == 100_000 + (suffix == "csv")
                assert grown < 50
