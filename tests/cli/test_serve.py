"""``duetdb serve``: what stops it from starting, and what it does when it starts."""

from __future__ import annotations

import fcntl
import signal
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

import duetdb
from tests.cli.conftest import Database, Target
from tests.processes import HEADERS, KEY, data_folder, free_port, launched, run_cli, serving


def get(url: str, key: str = KEY) -> httpx.Response:
    return httpx.get(url, headers={"x-apikey": key}, trust_env=False, timeout=30)


def test_it_announces_itself(tmp_path: Path) -> None:
    with serving(*data_folder(tmp_path)) as server:
        assert server.said == (
            f"DuetDB {duetdb.__version__} is ready:\n"
            f"  REST      {server.url}/rest\n"
            f"  GraphQL   {server.url}/graphql\n"
            f"  Docs      {server.url}/docs\n"
        )
        for path in ("/rest/users", "/docs"):
            assert get(f"{server.url}{path}").status_code == 200


def test_a_taken_port_is_refused_before_anything_else(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_cli("serve", "--port", str(port), *data_folder(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"duetdb: The server cannot listen on port {port} of 127.0.0.1: Address already in use. "
        "Stop what uses it, or choose another with --port and --host.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_is_not_here_is_refused(tmp_path: Path) -> None:
    host = ("--host", "no-such-host.invalid", "--no-require-https")
    done = run_cli("serve", *host, *data_folder(tmp_path))
    assert done.returncode == 1
    assert "The server cannot listen on port 8000 of no-such-host.invalid: " in done.stderr


def test_a_second_server_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with serving(*data_folder(tmp_path)) as server:
        done = run_cli("serve", "--port", str(free_port()), *data_folder(tmp_path))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"duetdb: The data folder {tmp_path}/data is in use by another DuetDB server "
            f"(process {server.pid}). Stop that one, or choose another folder with --data.\n"
        )
        assert get(f"{server.url}/rest/users").status_code == 200


def test_a_command_shares_the_engine_of_a_running_server(tmp_path: Path) -> None:
    body = '{"name": "notes", "fields": [{"name": "text", "type": "text"}]}'
    with serving(*data_folder(tmp_path)) as server:
        applied = run_cli("schema", "apply", "-", *data_folder(tmp_path), stdin=body)
        assert applied.returncode == 0, applied.stderr
        assert get(f"{server.url}/rest/notes").json() == []


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well_and_everything_below_it(
    tmp_path: Path, sign: signal.Signals
) -> None:
    with serving(*data_folder(tmp_path), "--workers", "2") as server:
        below = psutil.Process(server.pid).children(recursive=True)
        assert any(each.name().startswith("mongod") for each in below)
        assert server.stop(sign) == 0
    assert psutil.wait_procs(below, timeout=5)[1] == []


@pytest.mark.parametrize("seconds", [0.3, 0.6, 0.9, 1.2, 1.6, 2.0])
def test_it_can_be_stopped_while_it_starts(tmp_path: Path, seconds: float) -> None:
    with launched(*data_folder(tmp_path), "--demo") as server:
        time.sleep(seconds)
        assert server.stop() in (0, -signal.SIGTERM)  # the latter before it could say otherwise
        assert "Traceback" not in server.logged
    lock = tmp_path / "data" / "mongod.lock"
    if lock.exists():
        with lock.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # no mongod holds it


def until_workers(database: Database, count: int) -> set[str]:
    """The ids of the workers that have announced themselves, once there are ``count`` of them."""
    until = time.monotonic() + 20
    while True:
        found = {each["_id"] for each in database["_workers"].find()}
        if len(found) == count:
            return found
        assert time.monotonic() < until
        time.sleep(0.05)


def test_two_workers_answer_and_a_dead_one_is_replaced(database: Database, target: Target) -> None:
    with serving(*target, "--workers", "2") as server:
        workers = until_workers(database, 2)
        assert get(f"{server.url}/rest/users").status_code == 200
        children = psutil.Process(server.pid).children()
        serving_ = [each for each in children if "spawn_main" in " ".join(each.cmdline())]
        assert len(serving_) == 2
        serving_[0].kill()
        assert len(until_workers(database, 3) - workers) == 1
        assert {get(f"{server.url}/rest/users").status_code for _ in range(20)} == {200}


def test_the_env_file_is_read_and_reaches_every_worker(
    database: Database, target: Target, tmp_path: Path
) -> None:
    key = "a-key-of-more-than-24-characters-in-a-file"
    (tmp_path / ".env").write_text(f"DUETDB_API_KEY={key}\nDUETDB_WORKERS=2\n")
    with serving(*target, folder=tmp_path, environment={"DUETDB_API_KEY": ""}) as server:
        assert key not in server.said + server.logged
        assert {get(f"{server.url}/rest/users", key).status_code for _ in range(10)} == {200}
        assert {get(f"{server.url}/rest/users", KEY).status_code for _ in range(10)} == {403}
        until_workers(database, 2)
        assert database["_keys"].count_documents({}) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_database_that_holds_documents_is_served_at_once(
    database: Database, target: Target, workers: str
) -> None:
    database["blog-posts"].insert_many(
        [{"title": f"Post {n}", "by": {"name": "Ann"}} for n in range(30)]
    )
    with serving(*target, "--infer", "--workers", workers) as server:
        q = {"q": '{"by.name": "Ann"}', "sort": "title", "max": "1"}
        url = f"{server.url}/rest/blog-posts"
        found = httpx.get(url, params=q, headers=HEADERS, trust_env=False).json()
        assert found[0]["title"] == "Post 0"
        query = '{ blogPosts(where: {by: {name: {eq: "Ann"}}}, max: 1) { title by { name } } }'
        answer: Any = httpx.post(
            f"{server.url}/graphql", json={"query": query}, headers=HEADERS, trust_env=False
        ).json()
        assert answer == {"data": {"blogPosts": [{"title": "Post 0", "by": {"name": "Ann"}}]}}
    assert database["_collections"].count_documents({}) == 1


def test_without_infer_nothing_is_described(database: Database, target: Target) -> None:
    database["blog-posts"].insert_one({"title": "x"})
    with serving(*target) as server:
        assert get(f"{server.url}/rest/blog-posts").status_code == 404


def test_a_certificate_that_is_none_is_refused(tmp_path: Path) -> None:
    for name in ("certificate", "key"):
        (tmp_path / name).write_text("not PEM")
    done = run_cli(
        "serve",
        "--memory",
        f"--port={free_port()}",
        f"--tls-cert={tmp_path}/certificate",
        f"--tls-key={tmp_path}/key",
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(
        "duetdb: tls_cert and tls_key cannot be used together: "
    )


def test_memory_mode_loses_everything_at_its_end() -> None:
    body = {"name": "notes", "fields": [{"name": "text", "type": "text"}]}
    with serving("--memory") as server:
        put = httpx.put(f"{server.url}/rest/notes/_meta", json=body, headers=HEADERS, timeout=30)
        assert put.status_code in (200, 201)
        assert httpx.post(
            f"{server.url}/rest/notes", json={"text": "x"}, headers=HEADERS, trust_env=False
        ).is_success
        assert server.stop() == 0
        server.start()
        assert get(f"{server.url}/rest/notes").status_code == 404


def test_memory_mode_prints_a_key_of_its_own() -> None:
    with serving("--memory", environment={"DUETDB_API_KEY": ""}) as server:
        key = server.said.rpartition("Full-access key, shown this once: ")[2].strip()
        assert len(key) == 37
        assert get(f"{server.url}/rest/users", key).status_code == 200
        assert get(f"{server.url}/rest/users").status_code == 403
