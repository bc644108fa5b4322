"""``python -m bench.media``: what large and many uploads cost, in memory and in waiting.

First one file of 1 GB goes in and out, generated as it is sent and compared by its hash, and the
resident memory of the server may grow by 64 MB. Then 200 pictures of 5 MB are sent at once while
one client reads documents by id, and all their thumbnails are asked for at once: none is lost, and
no read takes 500 ms. Needs 3 GB of disk.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from bench.servers import KEY, Server, duetdb
from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.media.loading import MEGABYTE, Client, Resident, noisy_picture, numbered, stream

MOST_MEMORY: Final = 64 * MEGABYTE
SLOWEST: Final = 500.0
"""Milliseconds that no read by id may take."""
T = TypeVar("T")

_HEADERS: Final = {"x-apikey": KEY, "content-type": "application/json"}
_LIMITS: Final = {
    "DUETDB_MEDIA_FILE_BYTES": "2000000000",
    "DUETDB_MEDIA_UPLOAD_BYTES": "2000000000",
}


def main() -> None:
    """Parses the options, runs both and prints the figures; fails when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024, help="size of the large file")
    parser.add_argument("--uploads", type=int, default=200, help="pictures sent at once")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="duetdb-bench-") as folder,
        EmbeddedMongod(Path(folder)) as engine,
        duetdb(engine.uri, "media", 8705, _LIMITS) as server,
    ):
        client = Client(server.port, KEY)
        id_, _ = client.upload(stream(8), 8 * MEGABYTE)  # from here on it is warm
        client.download(id_)
        missed = _large(server, client, options.megabytes)
        missed += _many(server, client, options.uploads)
    if missed:
        raise SystemExit("\n".join(missed))


def _large(server: Server, client: Client, megabytes: int) -> list[str]:
    memory = Resident(server.process.pid)
    print(f"Resident before: {memory.before / MEGABYTE:.1f} MB")
    length = megabytes * MEGABYTE
    begun = time.perf_counter()
    id_, sent = client.upload(stream(megabytes), length, _progress("up", length, memory))
    up = time.perf_counter() - begun
    received = client.download(id_, _progress("down", length, memory))
    down = time.perf_counter() - begun - up
    client.remove(id_)
    grown = memory.grown()
    print(f"{megabytes:,} MB up in {up:.1f} s ({megabytes / up:.0f} MB/s), down in", end=" ")
    print(f"{down:.1f} s ({megabytes / down:.0f} MB/s); the same hash: {sent == received}.")
    print(f"Resident memory grew by {grown / MEGABYTE:.1f} MB at its peak.")
    return [
        *(["The large file came back changed."] if sent != received else []),
        *([f"The goal is below {MOST_MEMORY // MEGABYTE} MB."] if grown >= MOST_MEMORY else []),
    ]


def _progress(name: str, length: int, memory: Resident) -> Callable[[int], None]:
    """Prints each tenth of the way with the memory that the server holds just then."""
    tenths = 0

    def seen(done: int) -> None:
        nonlocal tenths
        if done * 10 // length > tenths:
            tenths = done * 10 // length
            now = memory.now() / MEGABYTE
            print(f"  {name} {tenths * 10:3} %, resident {now:.1f} MB", flush=True)

    return seen


def _many(server: Server, client: Client, uploads: int) -> list[str]:
    path = _document(server.port)
    picture, memory = noisy_picture(), Resident(server.process.pid)
    pictures = [numbered(picture, each) for each in range(uploads)]
    stored, taken, reads = _beside(server.port, path, lambda: client.upload_at_once(pictures))
    grown = memory.grown()
    lost = [id_ for id_, sent in stored if client.download(id_) != sent]
    lost += [""] * (uploads - len({id_ for id_, _ in stored}))
    size = len(picture) / MEGABYTE
    print(
        f"{uploads} uploads of {size:.1f} MB at once in {taken:.1f} s, {len(lost)} lost or changed."
    )
    print(f"Resident memory grew by {grown / MEGABYTE:.1f} MB at its peak.")
    missed = _reads("uploads", reads)
    ids = [id_ for id_, _ in stored]
    small, taken, reads = _beside(server.port, path, lambda: client.thumbnails_at_once(ids))
    print(f"{small} of their thumbnails, all asked for at once, in {taken:.1f} s.")
    missed += _reads("thumbnails", reads)
    return missed + ([f"{len(lost)} uploads were lost."] if lost else [])


def _reads(beside: str, seconds: list[float]) -> list[str]:
    last, slowest = statistics.quantiles(seconds, n=100)[98] * 1000, max(seconds) * 1000
    print(f"{len(seconds):,} reads by id beside the {beside}: p50", end=" ")
    print(
        f"{statistics.median(seconds) * 1000:.1f} ms, p99 {last:.1f} ms, slowest {slowest:.0f} ms."
    )
    return [f"The goal is below {SLOWEST:.0f} ms beside {beside}."] if slowest >= SLOWEST else []


def _beside(port: int, path: str, work: Callable[[], T]) -> tuple[T, float, list[float]]:
    """What ``work`` answers and the seconds it takes, and those of one reader's reads meanwhile."""
    stop = multiprocessing.Event()
    receiving, sending = multiprocessing.Pipe(duplex=False)
    reader = multiprocessing.Process(target=_read, args=(port, path, stop, sending))
    reader.start()
    receiving.recv()  # it is under way
    begun = time.perf_counter()
    done = work()
    taken = time.perf_counter() - begun
    stop.set()
    reads: list[float] = receiving.recv()
    reader.join()
    return done, taken, reads


def _document(port: int) -> str:
    """The path of a new document."""
    fields = {"fields": [{"name": "title", "type": "text"}]}
    _ask(port, "PUT", "/rest/posts/_meta", fields)
    return f"/rest/posts/{_ask(port, 'POST', '/rest/posts', {'title': 'One'})['_id']}"


def _ask(port: int, method: str, path: str, body: Any) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, json.dumps(body), _HEADERS)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def _read(port: int, path: str, stop: Any, answer: Any) -> None:
    """One read by id after the other, until it is told to stop; answers their seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    seconds: list[float] = []
    while not stop.is_set():
        begun = time.perf_counter()
        connection.request("GET", path, headers=_HEADERS)
        response = connection.getresponse()
        response.read()
        seconds.append(time.perf_counter() - begun)
        if response.status != 200:
            raise SystemExit(f"A read was answered by {response.status}.")
        if len(seconds) == 1:
            answer.send(True)
        time.sleep(0.002)
    answer.send(seconds)


if __name__ == "__main__":
    main()
