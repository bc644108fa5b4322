"""``duetdb keys``: shown without the key, reset under running workers."""

from __future__ import annotations

import re
import time
from pathlib import Path

import httpx

from tests.processes import run_cli, serving

KEY_LINE = re.compile(r"Full-access key, shown this once: ([0-9a-f]{37})$", re.MULTILINE)
NO_KEY = {"DUETDB_API_KEY": ""}


def status(url: str, key: str) -> int:
    """What a worker answers to a key; a new connection may reach any of them."""
    answer = httpx.get(f"{url}/rest/users", headers={"x-apikey": key}, trust_env=False)
    return answer.status_code


def test_a_key_is_shown_without_being_told_and_reset(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    with serving(*data, "--workers", "2", environment=NO_KEY) as server:
        (old,) = KEY_LINE.findall(server.said)
        assert status(server.url, old) == 200
        shown = run_cli("keys", "show", *data)
        assert shown.returncode == 0
        assert re.fullmatch(
            rf"The full-access key begins with {old[:6]} and was made on \d{{4}}-\d\d-\d\d at "
            r"\d\d:\d\d UTC\. If it is lost, `duetdb keys reset` makes another\.\n",
            shown.stdout,
        )
        reset = run_cli("keys", "reset", *data)
        assert reset.returncode == 0, reset.stderr
        (new,) = KEY_LINE.findall(reset.stdout)
        time.sleep(2)
        assert {status(server.url, new) for _ in range(20)} == {200}
        assert {status(server.url, old) for _ in range(20)} == {403}


def test_the_key_of_a_server_is_printed_once_and_outlives_it(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    with serving(*data, environment=NO_KEY) as server:
        (key,) = KEY_LINE.findall(server.said)
        assert server.stop() == 0
        server.start()
        assert KEY_LINE.findall(server.said) == []
        assert key not in server.said
        assert status(server.url, key) == 200


def test_before_the_first_start_there_is_no_key(tmp_path: Path) -> None:
    shown = run_cli("keys", "show", "--data", str(tmp_path / "data"))
    assert (shown.returncode, shown.stdout) == (
        0,
        "There is no key yet: the first `duetdb serve` makes one and prints it.\n",
    )


def test_a_key_that_the_operator_chose_is_not_reset(tmp_path: Path) -> None:
    chosen = {"DUETDB_API_KEY": "a-key-that-the-operator-chose"}
    data = ("--data", str(tmp_path / "data"))
    reset = run_cli("keys", "reset", *data, environment=chosen)
    assert (reset.returncode, reset.stdout) == (2, "")
    assert reset.stderr == (
        "duetdb: DUETDB_API_KEY sets the full-access key: change it there, and start the server "
        "again.\n"
    )
    shown = run_cli("keys", "show", *data, environment=chosen)
    assert shown.stdout == "DUETDB_API_KEY sets the full-access key: no other one counts.\n"
