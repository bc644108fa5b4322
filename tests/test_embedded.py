"""The embedded mongod: private, fast, restarted, never left behind. All with a real one."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from pymongo import MongoClient

from duetdb.app.mongo import embedded, mongod_log
from duetdb.app.mongo.binary import find_mongod
from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.mongo.folder import LINK, running_uri, uri_of
from duetdb.app.service.errors import Unavailable

OWNER = """
import pathlib, sys, time
from duetdb.app.mongo.embedded import EmbeddedMongod
mongod = EmbeddedMongod(pathlib.Path(sys.argv[1]))
mongod.start()
print(mongod.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def running(data: Path) -> Iterator[EmbeddedMongod]:
    with EmbeddedMongod(data) as mongod:
        yield mongod


def client(uri: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(uri, serverSelectionTimeoutMS=10_000, w="majority", journal=True)


def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def owner_of(data: Path) -> tuple[subprocess.Popen[str], int]:
    """Another process that runs a mongod on ``data``, and that mongod's process id."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(data)], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    lines = iter(owner.stdout.readline, "")
    return owner, int(next(line for line in lines if line.strip().isdigit()))


def kill(owner: subprocess.Popen[str]) -> None:
    owner.kill()
    owner.wait(10)
    assert owner.stdout is not None
    owner.stdout.close()


def test_it_takes_transactions_and_change_streams_at_once(running: EmbeddedMongod) -> None:
    with (
        client(running.uri) as mongo,
        mongo.start_session() as session,
        mongo.shop.watch() as changes,
    ):
        with session.start_transaction():
            mongo.shop.things.insert_one({"_id": 1}, session=session)
        assert changes.next()["documentKey"] == {"_id": 1}


def test_nobody_else_can_reach_it(running: EmbeddedMongod, data: Path) -> None:
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "mongod.sock").stat().st_mode) == 0o600
    assert running.pid is not None
    assert psutil.Process(running.pid).net_connections("inet") == []


def test_it_is_ready_fast(data: Path) -> None:
    for _ in range(2):
        mongod = EmbeddedMongod(data)
        began = time.monotonic()
        mongod.start()
        took = time.monotonic() - began
        mongod.stop()
        assert took < 2


def test_acknowledged_writes_survive_kill_and_requests_wait(running: EmbeddedMongod) -> None:
    with client(running.uri) as mongo:
        for life in range(3):
            mongo.shop.things.insert_one({"_id": life})
            assert running.pid is not None
            os.kill(running.pid, signal.SIGKILL)
            assert mongo.shop.things.count_documents({}) == life + 1


def test_its_address_is_there_only_while_it_is_ready(running: EmbeddedMongod, data: Path) -> None:
    first = running.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: not (data / LINK).is_symlink())
    until((data / LINK).is_symlink)
    assert running.pid not in (None, first)
    running.stop()
    assert not (data / LINK).is_symlink()
    assert running.pid is None


def test_a_second_server_on_the_same_folder_is_refused(running: EmbeddedMongod, data: Path) -> None:
    with pytest.raises(Unavailable, match=rf"in use by .*process {os.getpid()}\)\. Stop that"):
        EmbeddedMongod(data).start()
    assert running_uri(data) == running.uri
    running.stop()
    assert running_uri(data) is None


def test_stop_may_come_twice_and_start_again(running: EmbeddedMongod) -> None:
    pid = running.pid
    assert pid is not None
    running.stop()
    running.stop()
    assert not lives(pid)
    running.start()
    assert running.pid != pid


def test_it_does_not_outlive_a_killed_server(data: Path) -> None:
    owner, pid = owner_of(data)
    kill(owner)
    until(lambda: not lives(pid))


def test_a_server_killed_and_started_again_recovers_at_once(data: Path) -> None:
    owner, pid = owner_of(data)
    kill(owner)
    with EmbeddedMongod(data) as mongod, client(mongod.uri) as mongo:
        assert not lives(pid)
        mongo.shop.things.insert_one({})


def test_both_killed_leaves_stale_locks_that_do_not_matter(data: Path) -> None:
    owner, pid = owner_of(data)
    os.kill(owner.pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    kill(owner)
    assert (data / "mongod.lock").read_text().strip() == str(pid)
    with EmbeddedMongod(data) as mongod, client(mongod.uri) as mongo:
        mongo.shop.things.insert_one({})


def test_a_survivor_is_stopped(data: Path) -> None:
    with EmbeddedMongod(data):
        pass
    survivor = subprocess.Popen(
        [str(find_mongod(None)), *embedded._FLAGS], cwd=data, stdout=subprocess.DEVNULL
    )
    until((data / "mongod.sock").exists)
    with client(uri_of(data / "mongod.sock")) as mongo:
        mongo.admin.command("ping")  # one that is stopped while it starts aborts
    with EmbeddedMongod(data) as mongod:
        assert survivor.wait(5) == 0
        assert mongod.pid != survivor.pid


def test_a_folder_whose_path_fits_no_socket_works(tmp_path: Path) -> None:
    data = tmp_path / ("deep, and with spaces " * 8) / "Ünicode"
    with EmbeddedMongod(data) as mongod, client(mongod.uri) as mongo:
        mongo.shop.things.insert_one({"_id": 1})
        assert running_uri(data) == mongod.uri
        alias = mongod._folder.socket.parent.parent
        assert stat.S_IMODE(alias.stat().st_mode) == 0o700
    assert not alias.exists()


def test_the_alias_of_a_killed_server_is_removed(tmp_path: Path) -> None:
    data = tmp_path / ("deep " * 30)
    owner, _ = owner_of(data)
    alias = Path((data / "duetdb.lock").read_text().splitlines()[1])
    assert alias.is_dir()
    kill(owner)
    with EmbeddedMongod(data):
        assert not alias.exists()


def test_the_folder_may_move(data: Path, tmp_path: Path) -> None:
    with EmbeddedMongod(data) as mongod, client(mongod.uri) as mongo:
        mongo.shop.things.insert_one({"_id": 1})
    moved = data.rename(tmp_path / "moved")
    with EmbeddedMongod(moved) as mongod, client(mongod.uri) as mongo:
        assert mongo.shop.things.count_documents({}) == 1


def test_a_folder_with_other_files_is_left_alone(data: Path) -> None:
    data.mkdir(mode=0o755)
    (data / "thesis.txt").write_text("precious")
    with pytest.raises(Unavailable, match="holds other files"):
        EmbeddedMongod(data).start()
    assert stat.S_IMODE(data.stat().st_mode) == 0o755


def test_a_folder_that_cannot_be_is_a_sentence(data: Path) -> None:
    data.write_text("a file")
    with pytest.raises(Unavailable, match=r"cannot be used: .* with --data\."):
        EmbeddedMongod(data).start()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            "echo 'mongod: error while loading shared libraries: libcurl.so.4: cannot open' >&2",
            r"needs the system library libcurl\.so\.4 \(Debian, Ubuntu: apt-get install",
        ),
        ("kill -ILL $$", "lacks instructions"),
        ("echo 'out of luck.' >&2; exit 3", r"out of luck\. Its log is /"),
        ("exit 3", "ended with status 3"),
    ],
)
def test_a_mongod_that_does_not_start_says_why(
    data: Path, tmp_path: Path, script: str, reason: str
) -> None:
    program = tmp_path / "mongod"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(Unavailable, match=reason):
        EmbeddedMongod(data, program).start()
    with EmbeddedMongod(data):  # the failure left the folder free
        pass


def test_no_mongod_anywhere_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(Unavailable, match="pip install"):
        find_mongod(None)
    with pytest.raises(Unavailable, match="not a program"):
        find_mongod(Path("/nowhere/mongod"))


def test_the_log_stays_small(
    running: EmbeddedMongod, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongod_log, "_LARGEST", 10)
    assert running._process is not None
    running._log.rotate(running._process)
    until((data / mongod_log.LOG).exists)
    assert sorted(path.name for path in data.glob("*.log*")) == ["mongod.log", "mongod.log.old"]
