"""``python -m bench.million``: one collection of 1,000,000 documents, one server.

Prints for each question p50 and p99 in ms over requests that all ask something
else, how far p99 is from p50, the index that answered and the documents that
were looked at, and then what a full export as ``.ndjson`` costs in memory.
Generating the data takes about two minutes and 1 GB of disk, which is given
back at the end.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from bson import ObjectId
from pymongo import MongoClient

from bench.servers import KEY, Server, duetdb
from duetdb.app.mongo.embedded import EmbeddedMongod

DATABASE = "million"
_BATCH = 10_000
_CITIES = 2_000
_WORDS = 20_000
_START = datetime(2024, 1, 1)

ORDERS: dict[str, Any] = {
    "name": "orders",
    "fields": [
        {"name": "title", "type": "text", "required": True},
        {"name": "city", "type": "text", "indexed": True, "searchable": False},
        {"name": "amount", "type": "float_number"},
        {"name": "placed", "type": "datetime", "indexed": True},
    ],
}


@dataclass(frozen=True, slots=True)
class Question:
    """A kind of request; ``path`` makes one of them from a number."""

    name: str
    path: Callable[[int], str]


def main() -> None:
    """Parses the options, makes the documents and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=1_000, help="requests of each kind")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="duetdb-bench-") as folder,
        EmbeddedMongod(Path(folder)) as engine,
        duetdb(engine.uri, DATABASE, 8703) as server,
        httpx.Client(
            base_url=server.url, headers={"x-apikey": KEY}, timeout=120, trust_env=False
        ) as client,
    ):
        client.put("/rest/orders/_meta", json=ORDERS).raise_for_status()
        ids = _load(engine.uri, options.documents)
        _ask(client, _questions(ids), options.requests)
        _export(client, server, options.documents)


def _load(uri: str, documents: int) -> list[ObjectId]:
    """Inserts the documents past the server; answers some of their ids."""
    chance = random.Random(11)
    ids: list[ObjectId] = []
    with MongoClient[dict[str, Any]](uri, directConnection=True) as mongo:
        for start in range(0, documents, _BATCH):
            batch = [_order(chance, start + place) for place in range(_BATCH)]
            mongo[DATABASE].orders.insert_many(batch, ordered=False)
            ids += (each["_id"] for each in chance.sample(batch, 100))
            if not (start + _BATCH) % 100_000:
                print(f"{start + _BATCH:,} documents", flush=True)
    return ids


def _order(chance: random.Random, number: int) -> dict[str, Any]:
    words = [f"w{int(_WORDS * chance.random() ** 2)}x" for _ in range(5)]
    placed = _START + timedelta(seconds=chance.randrange(60_000_000))
    return {
        "_id": ObjectId(),
        "title": " ".join(words),
        "city": f"city {chance.randrange(_CITIES)}",
        "amount": round(chance.random() * 1000, 2),
        "placed": placed,
        "_created": placed,
        "_changed": placed,
        "_createdby": "api",
        "_changedby": "api",
        "_version": 1,
        "_keywords": list(dict.fromkeys(words)),
        "_tags": " ".join(words),
    }


def _questions(ids: list[ObjectId]) -> list[Question]:
    def filtered(number: int) -> str:
        q = quote(json.dumps({"city": f"city {number * 7 % _CITIES}"}))
        return f"/rest/orders?q={q}"

    return [
        Question("by id", lambda n: f"/rest/orders/{ids[n * 31 % len(ids)]}"),
        Question("indexed filter, page of 20", lambda n: f"{filtered(n)}&max=20&skip={n % 5 * 20}"),
        Question(
            "text filter, page of 20", lambda n: f"/rest/orders?filter=w{n * 13 % _WORDS}x&max=20"
        ),
        Question("count of an indexed filter", lambda n: f"{filtered(n)}&totals=true&count=true"),
        Question("count of everything", lambda n: "/rest/orders?totals=true&count=true"),
    ]


def _ask(client: httpx.Client, questions: list[Question], requests: int) -> None:
    print(f"{'question':30} {'p50 ms':>8} {'p99 ms':>8} {'p99/p50':>8}  index, documents examined")
    for question in questions:
        for number in range(50):
            client.get(question.path(number)).raise_for_status()
        times = sorted(_timed(client, question.path(number)) for number in range(requests))
        p50 = statistics.median(times) * 1000
        p99 = times[int(len(times) * 0.99)] * 1000
        print(
            f"{question.name:30} {p50:8.2f} {p99:8.2f} {p99 / p50:8.1f}  "
            f"{_explained(client, question.path(requests))}"
        )


def _timed(client: httpx.Client, path: str) -> float:
    began = time.perf_counter()
    client.get(path).raise_for_status()
    return time.perf_counter() - began


def _explained(client: httpx.Client, path: str) -> str:
    answer = client.get(f"{path}{'&' if '?' in path else '?'}explain=true")
    reads = answer.raise_for_status().json()["explain"]
    return "; ".join(f"{each['index']}, {each['documentsExamined']}" for each in reads) or "none"


def _export(client: httpx.Client, server: Server, documents: int) -> None:
    before = server.process.memory_info().rss
    most = before
    lines = size = 0
    began = time.perf_counter()
    with client.stream("GET", "/rest/orders.ndjson") as answer:
        answer.raise_for_status()
        for chunk in answer.iter_raw():
            lines += chunk.count(b"\n")
            size += len(chunk)
            most = max(most, server.process.memory_info().rss)
    seconds = time.perf_counter() - began
    assert lines == documents, lines
    print(
        f"export of {lines:,} documents: {size / 2**20:.0f} MiB in {seconds:.0f} s, "
        f"memory of the server {before / 2**20:.0f} MiB, at most {(most - before) / 2**20:.0f} more"
    )


if __name__ == "__main__":
    main()
