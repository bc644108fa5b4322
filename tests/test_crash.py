"""kill -9 of the server and of its mongod loses no acknowledged write."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import httpx

from tests.processes import HEADERS, ServerProcess, data_folder, wait_until_ready

ROUNDS = 10
PAUSE = 0.5


class Writer(threading.Thread):
    """Posts without pause and remembers what was acknowledged."""

    def __init__(self, url: str, name: str) -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[str] = []
        self._url, self._label = url, name
        self._done = threading.Event()

    def run(self) -> None:
        number = 0
        while not self._done.is_set():
            try:
                with httpx.Client(headers=HEADERS, timeout=30, trust_env=False) as client:
                    while not self._done.is_set():
                        number += 1
                        body = {"text": f"{self._label}-{number}"}
                        answer = client.post(f"{self._url}/rest/notes", json=body)
                        if answer.status_code == 201:
                            self.acknowledged.append(answer.json()["_id"])
            except httpx.TransportError:
                time.sleep(0.02)

    def finish(self) -> None:
        self._done.set()
        self.join(60)


def test_no_acknowledged_write_is_lost_by_kill_9(tmp_path: Path) -> None:
    server = ServerProcess(*data_folder(tmp_path))
    server.start()
    meta = {"name": "notes", "fields": [{"name": "text", "type": "text", "required": True}]}
    put = httpx.put(f"{server.url}/rest/notes/_meta", json=meta, headers=HEADERS, timeout=30)
    assert put.status_code in (200, 201), put.text
    writers = [Writer(server.url, f"w{number}") for number in range(3)]
    for each in writers:
        each.start()
    for _ in range(ROUNDS):
        time.sleep(PAUSE)
        server.kill()
        server.start()
        time.sleep(PAUSE)
        server.kill_mongod()
        wait_until_ready(server.url, 30)
    time.sleep(PAUSE)
    for each in writers:
        each.finish()
    acknowledged = [identity for each in writers for identity in each.acknowledged]
    stored = set()
    with httpx.Client(headers=HEADERS, timeout=60, trust_env=False) as client:
        for skip in range(0, 1_000_000, 10_000):
            page = client.get(
                f"{server.url}/rest/notes", params={"max": 10_000, "skip": skip, "sort": "_id"}
            ).json()
            stored.update(each["_id"] for each in page)
            if len(page) < 10_000:
                break
    assert server.stop() == 0
    lost = [identity for identity in acknowledged if identity not in stored]
    print(
        f"{len(acknowledged)} acknowledged writes, {len(lost)} lost while the server and its "
        f"mongod were killed {ROUNDS} times each"
    )
    assert len(set(acknowledged)) == len(acknowledged) > 100
    assert lost == []
