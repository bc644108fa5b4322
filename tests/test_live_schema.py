"""Two workers under load while fields are added, renamed and removed fifty times."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.processes import HEADERS, data_folder, serving

CHANGES = 50
PROBES = 8
BASE: list[dict[str, Any]] = [
    {"name": "title", "type": "text", "required": True},
    {"name": "views", "type": "number"},
]


class Client(threading.Thread):
    """Reads and writes through the fields that stay, on one kept connection."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.requests = 0
        self.failures: list[str] = []
        self._url = url
        self._done = threading.Event()

    def run(self) -> None:
        with httpx.Client(headers=HEADERS, timeout=30, trust_env=False) as client:
            while not self._done.is_set():
                try:
                    self._round(client)
                except Exception as error:
                    self.failures.append(repr(error))

    def _round(self, client: httpx.Client) -> None:
        body = {"title": f"t{self.requests}", "views": self.requests}
        made = client.post(f"{self._url}/rest/articles", json=body)
        self._expect(made, 201)
        identity = made.json().get("_id")
        self._expect(client.get(f"{self._url}/rest/articles/{identity}"), 200)
        self._expect(client.get(f"{self._url}/rest/articles?max=5&sort=views&dir=-1"), 200)
        query = "query($id: ID!) { articlesById(id: $id) { _id title views } }"
        read = client.post(
            f"{self._url}/graphql", json={"query": query, "variables": {"id": identity}}
        )
        self._expect(read, 200)
        row = read.json().get("data", {}).get("articlesById")
        if row != {"_id": identity, **body}:
            self.failures.append(f"graphql read {read.text[:300]}")

    def _expect(self, answer: httpx.Response, status: int) -> None:
        self.requests += 1
        if answer.status_code != status:
            self.failures.append(
                f"{answer.request.method} {answer.status_code} {answer.text[:300]}"
            )

    def finish(self) -> None:
        self._done.set()
        self.join(60)


def fields_after(change: int) -> list[dict[str, Any]]:
    """The metadata after so many changes: add, rename, remove, and again."""
    name = f"extra{change // 3}"
    if change % 3 == 0:
        return [*BASE, {"name": name, "type": "text"}]
    if change % 3 == 1:
        return [*BASE, {"name": f"{name}new", "type": "text", "renamedFrom": name}]
    return BASE


def last_seen_stale(url: str, wanted: set[str]) -> float:
    """When a fresh connection last saw other fields than these, on either interface.

    Ends after so many fresh answers in a row that each of two workers was surely
    among them; 0 if no stale answer was seen at all.
    """
    stale, in_a_row, begun = 0.0, 0, time.monotonic()
    while in_a_row < PROBES:
        if _fields_seen(url) == (wanted, wanted):
            in_a_row += 1
        else:
            in_a_row, stale = 0, time.monotonic()
        if time.monotonic() - begun > 10:
            pytest.fail(f"The workers still answer {_fields_seen(url)} instead of {wanted}.")
    return stale


def _fields_seen(url: str) -> tuple[set[str], set[str]]:
    query = '{ __type(name: "Articles") { fields { name } } }'
    # A new connection each time, so that the kernel may hand it to another worker.
    with httpx.Client(headers=HEADERS, timeout=10, trust_env=False) as client:
        meta = client.get(f"{url}/rest/articles/_meta").json()
        types = client.post(f"{url}/graphql", json={"query": query}).json()
    graphql = {each["name"] for each in types["data"]["__type"]["fields"]}
    rest = {each["name"] for each in meta["fields"]}
    return rest, {name for name in graphql if not name.startswith("_")}


def test_fifty_schema_changes_under_load_fail_no_request(tmp_path: Path) -> None:
    with serving(*data_folder(tmp_path), "--workers", "2") as server:
        url = f"{server.url}/rest/articles/_meta"
        with httpx.Client(headers=HEADERS, timeout=30, trust_env=False) as admin:
            put = admin.put(url, json={"name": "articles", "fields": BASE})
            assert put.status_code in (200, 201), put.text
            last_seen_stale(server.url, {"title", "views"})
            clients = [Client(server.url) for _ in range(2)]
            for each in clients:
                each.start()
            waits = []
            for change in range(CHANGES):
                fields = fields_after(change)
                begun = time.monotonic()
                put = admin.put(url, json={"name": "articles", "fields": fields})
                assert put.status_code == 200, put.text
                answered = time.monotonic()
                stale = last_seen_stale(server.url, {each["name"] for each in fields})
                waits.append(max(answered, stale) - begun)
            for each in clients:
                each.finish()
    requests = sum(each.requests for each in clients)
    failures = [failure for each in clients for failure in each.failures]
    print(
        f"{CHANGES} changes, {requests} requests, {len(failures)} failed; every worker current "
        f"after {sorted(waits)[len(waits) // 2]:.3f} s (median), {max(waits):.3f} s (longest), "
        f"{os.cpu_count()} cores"
    )
    assert failures == []
    assert max(waits) < 1.0
