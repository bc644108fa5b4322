"""``python -m bench.rights``: what it costs that a caller may not do everything.

The same questions are asked of one server by a web key with a filter, a path and
a hidden field, and by the full-access key, burst by burst in turn. Prints the
requests per second of both, the share, and the CPU of the server for each
request in ms; the goal is that limits cost less than a tenth.
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
from bench.cases import GRAPHQL_BY_ID, GRAPHQL_LIST, Case
from bench.load import Burst, burst
from bench.servers import KEY, Server, duetdb
from duetdb.app.mongo.embedded import EmbeddedMongod

DATABASE = "rights"
GOAL = 1.1
RIGHTS = {
    "description": "bench",
    "methods": ["GET"],
    "paths": ["/posts/**", "/authors/**"],
    "filter": {"views": {"$gte": 0}},
}


def main() -> None:
    """Prepares the data and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=3, help="length of one burst")
    parser.add_argument("--rounds", type=int, default=7, help="bursts a case and key")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="duetdb-bench-") as folder,
        EmbeddedMongod(Path(folder)) as engine,
    ):
        with duetdb(engine.uri, DATABASE, 8704) as server:
            _send(server, "PUT", "/rest/_meta", {"collections": _definitions()})
        data.load(engine.uri, DATABASE)
        with MongoClient[dict[str, Any]](engine.uri, directConnection=True) as client:
            found = client[DATABASE].posts.find_one({}, {"_id": 1})
        assert found is not None
        with duetdb(engine.uri, DATABASE, 8704) as server:
            web = _send(server, "POST", "/rest/_keys", RIGHTS)["key"]
            print("| question | web key, 1/s | full key, 1/s | time of both | CPU ms |")
            print("|---|---|---|---|---|")
            for case in _cases(str(found["_id"])):
                _measure(case, server, web, options)


def _definitions() -> list[dict[str, Any]]:
    """The data of the bench, with a field of the posts that no web key sees."""
    authors, posts, comments = data.DEFINITIONS
    hidden = {"name": "remark", "type": "text", "hidden": True}
    return [authors, {**posts, "fields": [*posts["fields"], hidden]}, comments]


def _cases(id_: str) -> list[Case]:
    one, listed = f"/rest/posts/{id_}", "/rest/posts?sort=views&dir=-1&max=20"

    def graphql(query: str, **variables: Any) -> str:
        return json.dumps({"query": query, "variables": variables})

    return [
        Case("REST by id", 0, "GET", one, one),
        Case("REST 20 sorted", 0, "GET", listed, listed),
        Case(
            "GraphQL by id, 5 fields",
            0,
            "POST",
            "/graphql",
            "/graphql",
            graphql(GRAPHQL_BY_ID, id=id_),
        ),
        Case(
            "GraphQL 20 x 6 fields",
            0,
            "POST",
            "/graphql",
            "/graphql",
            graphql(GRAPHQL_LIST, max=20),
        ),
    ]


def _measure(case: Case, server: Server, web: str, options: argparse.Namespace) -> None:
    bursts: dict[str, list[Burst]] = {web: [], KEY: []}
    for key in bursts:
        burst(case, server, case.path, 1, key)
    for number in range(options.rounds):
        for key in (web, KEY) if number % 2 else (KEY, web):
            bursts[key].append(burst(case, server, case.path, options.seconds, key))
    pairs = zip(bursts[web], bursts[KEY], strict=True)
    ratio = statistics.median(full.rate / limited.rate for limited, full in pairs)
    rates = [statistics.median(each.rate for each in found) for found in bursts.values()]
    cpu = [statistics.median(each.cpu for each in found) for found in bursts.values()]
    print(
        f"| {case.name} | {rates[0]:,.0f} | {rates[1]:,.0f} | {ratio:.2f} (goal {GOAL}) "
        f"| {cpu[0]:.3f} / {cpu[1]:.3f} |",
        flush=True,
    )


def _send(server: Server, method: str, path: str, body: Any) -> Any:
    request = urllib.request.Request(
        server.url + path,
        method=method,
        data=json.dumps(body).encode(),
        headers={"x-apikey": KEY, "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


if __name__ == "__main__":
    main()
