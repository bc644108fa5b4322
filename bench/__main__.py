"""``make bench``: DuetDB beside hand-written endpoints, interleaved, in one run.

Prints, for each question, the requests per second of both as medians over the
rounds, the share that DuetDB reaches, p50 and p99 in ms, the CPU of the server
process per request in ms, and at the end the peak memory of both.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from bench import data
from bench.cases import Case, cases
from bench.load import Burst, burst
from bench.servers import KEY, Server, duetdb, handwritten
from duetdb.app.mongo.embedded import EmbeddedMongod

DATABASE = "bench"
VARYING = {"_id", "_created", "_changed"}


def main() -> None:
    """Parses the options, prepares the data and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=3, help="length of one burst")
    parser.add_argument("--rounds", type=int, default=3, help="bursts a case and server")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="duetdb-bench-") as folder,
        EmbeddedMongod(Path(folder)) as engine,
    ):
        _bench(engine.uri, options)


def _bench(uri: str, options: argparse.Namespace) -> None:
    print("Generating the data ...", flush=True)
    with duetdb(uri, DATABASE, 8701) as ours:
        _send(ours, "PUT", "/rest/_meta", {"collections": data.DEFINITIONS})
    data.load(uri, DATABASE)
    with MongoClient[dict[str, Any]](uri, directConnection=True) as client:
        ids = [str(each["_id"]) for each in client[DATABASE].posts.find({}, {"_id": 1}, limit=9)]
        author = client[DATABASE].authors.find_one({}, {"_id": 1})["_id"]  # type: ignore[index]
    with duetdb(uri, DATABASE, 8701) as ours, handwritten(uri, DATABASE, 8702) as theirs:
        _print_head()
        for case in cases(ids, author):
            if options.only in case.name:
                _compare(case, ours, theirs)
                _measure(case, ours, theirs, options)
                _tidy(uri)
        for name, server in (("DuetDB", ours), ("hand-written", theirs)):
            print(f"Peak memory, {name}: {server.memory_peak() / 2**20:.0f} MiB")


def _tidy(uri: str) -> None:
    with MongoClient[dict[str, Any]](uri, directConnection=True) as client:
        client[DATABASE].posts.delete_many({"_created": {"$gte": data.LAST_CREATED}})


def _compare(case: Case, ours: Server, theirs: Server) -> None:
    body = json.loads(case.body) if case.body else None
    a = _send(ours, case.method, case.path, body)
    b = _send(theirs, case.method, case.yardstick_path, body)
    if case.path.startswith("/rest") and case.method == "POST":
        a, b = ([_steady(each) for each in (x if isinstance(x, list) else [x])] for x in (a, b))
    if a != b:
        raise SystemExit(f"{case.name}: the answers differ.\n{str(a)[:800]}\n{str(b)[:800]}")


def _steady(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in VARYING}


def _measure(case: Case, ours: Server, theirs: Server, options: argparse.Namespace) -> None:
    burst(case, ours, case.path, 1)
    burst(case, theirs, case.yardstick_path, 1)
    mine: list[Burst] = []
    yardstick: list[Burst] = []
    for _ in range(options.rounds):
        mine.append(burst(case, ours, case.path, options.seconds))
        yardstick.append(burst(case, theirs, case.yardstick_path, options.seconds))
    share = statistics.median(a.rate / b.rate for a, b in zip(mine, yardstick, strict=True))
    print(
        f"| {case.name} | {_median(mine, 'rate'):,.0f} | {_median(yardstick, 'rate'):,.0f} "
        f"| {share:.2f} | {case.target} | {_pair(mine, yardstick, 'p50')} "
        f"| {_pair(mine, yardstick, 'p99')} | {_pair(mine, yardstick, 'cpu')} |",
        flush=True,
    )


def _print_head() -> None:
    print("| question | DuetDB, 1/s | hand-written, 1/s | share | bar | p50 ms | p99 ms | CPU ms |")
    print("|---|---|---|---|---|---|---|---|")


def _median(bursts: list[Burst], name: str) -> float:
    return statistics.median(getattr(each, name) for each in bursts)


def _pair(mine: list[Burst], yardstick: list[Burst], name: str) -> str:
    return f"{_median(mine, name):.2f} / {_median(yardstick, name):.2f}"


def _send(server: Server, method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(
        server.url + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"x-apikey": KEY, "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


if __name__ == "__main__":
    main()
