"""``python -m bench.hostile``: what hostile questions cost those who ask in good faith.

One client reads a document and a page, over and over, while others send every
hostile query of the tests, and again while they send as many harmless queries
of the same sizes at the same pace. Prints p50 and p99 of the first client in ms for both, their
ratio (the goal is below 1.5), and the slowest answer to a hostile query.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import multiprocessing
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from bench.servers import KEY, Server, duetdb
from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.hostile_queries import PEOPLE, hostile

DATABASE = "hostile"
GOAL = 1.5
_HEADERS = {"x-apikey": KEY, "content-type": "application/json"}
_QUERY = "query($q: JSON) { people(q: $q, max: 10) { name } }"
_VALUES = 500
"""Values that a harmless list has at most; longer ones fill it up to the same size."""


def main() -> None:
    """Parses the options, runs the rounds and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6, help="rounds of each kind")
    parser.add_argument("--connections", type=int, default=4, help="of those who send in a round")
    parser.add_argument("--number", type=int, default=200, help="requests of one round")
    parser.add_argument("--seconds", type=float, default=4, help="length of one round")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="duetdb-bench-") as folder,
        EmbeddedMongod(Path(folder)) as engine,
        duetdb(engine.uri, DATABASE, 8704) as server,
    ):
        paths = _fill(engine.uri, server)
        _compare(server, paths, options)


def _compare(server: Server, paths: Sequence[str], options: argparse.Namespace) -> None:
    attacks = itertools.cycle([_body(text) for _, text, _ in hostile()])
    calm: list[float] = []
    attacked: list[float] = []
    slowest = 0.0
    for _ in range(options.rounds):
        bodies = list(itertools.islice(attacks, options.number))
        mild = [_harmless(len(body)) for body in bodies]
        latencies, _ = _beside(server, paths, mild, options, refused=False)
        calm += latencies
        latencies, longest = _beside(server, paths, bodies, options, refused=True)
        attacked += latencies
        slowest = max(slowest, longest)
    print("| beside | requests | p50 ms | p99 ms |\n|---|---|---|---|")
    for name, found in (("harmless queries", calm), ("hostile queries", attacked)):
        print(f"| {name} | {len(found):,} | {_share(found, 50):.2f} | {_share(found, 99):.2f} |")
    ratio = _share(attacked, 99) / _share(calm, 99)
    print(f"p99 beside hostile queries is {ratio:.2f} times that beside harmless ones.")
    print(f"The slowest answer to a hostile query came after {slowest * 1000:.0f} ms.")
    if ratio >= GOAL:
        raise SystemExit(f"The goal is below {GOAL}.")


def _share(latencies: list[float], percent: int) -> float:
    return statistics.quantiles(latencies, n=100)[percent - 1] * 1000


def _beside(
    server: Server,
    paths: Sequence[str],
    bodies: list[bytes],
    options: argparse.Namespace,
    refused: bool,
) -> tuple[list[float], float]:
    """Latencies of the client in good faith while the bodies are sent, and their slowest one."""
    stop = multiprocessing.Event()
    receiving, sending = multiprocessing.Pipe(duplex=False)
    client = multiprocessing.Process(target=_ask, args=(server.port, paths, stop, sending))
    client.start()
    receiving.recv()  # it is under way
    connections = options.connections
    shares = [bodies[start::connections] for start in range(connections)]
    pause = options.seconds * connections / len(bodies)
    with ThreadPoolExecutor(connections) as pool:
        sent = [pool.submit(_send, server.port, share, refused, pause) for share in shares]
    stop.set()
    latencies: list[float] = receiving.recv()
    client.join()
    return latencies, max(each.result() for each in sent)


def _ask(port: int, paths: Sequence[str], stop: Event, answer: Any) -> None:
    """The client in good faith: one request after the other, until it is told to stop."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    latencies: list[float] = []
    for number in itertools.count():
        begun = time.perf_counter()
        connection.request("GET", paths[number % len(paths)], headers=_HEADERS)
        response = connection.getresponse()
        response.read()
        latencies.append(time.perf_counter() - begun)
        if response.status != 200:
            raise SystemExit(f"A good request was answered by {response.status}.")
        if number == 0:
            answer.send(True)
        if stop.is_set():
            break
    answer.send(latencies)


def _send(port: int, bodies: list[bytes], refused: bool, pause: float) -> float:
    """Sends one body in each ``pause``; answers how long the slowest took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    slowest = 0.0
    for body in bodies:
        begun = time.perf_counter()
        connection.request("POST", "/graphql", body, _HEADERS)
        answer = connection.getresponse().read()
        if (b'"errors"' in answer) is not refused:
            raise SystemExit(f"{body[:300]!r} was answered by {answer[:300]!r}.")
        taken = time.perf_counter() - begun
        slowest = max(slowest, taken)
        time.sleep(max(pause - taken, 0))
    return slowest


def _body(q: str) -> bytes:
    return f'{{"query":{json.dumps(_QUERY)},"variables":{{"q":{q}}}}}'.encode()


def _harmless(size: int) -> bytes:
    """A query by names that is as long."""
    room = max(size - len(_body('{"name":{"$in":[""]}}')), 0)
    number = min(room // 40, _VALUES) + 1
    length = max(room // number - 3, 1)
    values = [f"{place:x}".ljust(length, "x")[:length] for place in range(number)]
    return _body(json.dumps({"name": {"$in": values}}, separators=(",", ":")))


def _fill(uri: str, server: Server) -> list[str]:
    """A collection with texts that endless patterns never end on; answers what is to be read."""
    request = urllib.request.Request(
        f"{server.url}/rest/people/_meta", json.dumps(PEOPLE).encode(), _HEADERS, method="PUT"
    )
    urllib.request.urlopen(request, timeout=60).close()
    with MongoClient[dict[str, Any]](uri, directConnection=True) as client:
        people = client[DATABASE].people
        people.insert_many({"name": f"p{n}", "age": n % 90} for n in range(5_000))
        people.insert_many({"name": "a" * 20_000 + "!", "age": n} for n in range(50))
        ids = [str(each["_id"]) for each in people.find({}, {"_id": 1}).limit(50)]
    return list(_alternating(ids))


def _alternating(ids: list[str]) -> Iterator[str]:
    for number, each in enumerate(ids):
        yield f"/rest/people/{each}"
        yield f"/rest/people?max=20&skip={number}"


if __name__ == "__main__":
    main()
