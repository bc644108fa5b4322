"""``duetdb keys``: shown without the key, made, changed and reset under running workers."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import httpx

from tests.cli.conftest import Target
from tests.processes import run_cli, serving

KEY_LINE = re.compile(r"Full-access key, shown this once: ([0-9a-f]{37})$", re.MULTILINE)
WEB_LINE = re.compile(r"Web key, shown this once: ([0-9a-f]{24})$", re.MULTILINE)
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
        time.sleep(1)
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


def test_web_keys_are_made_changed_reset_and_revoked(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))

    def keys(*arguments: str) -> str:
        done = run_cli("keys", *arguments, *data)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    with serving(*data) as server:
        rights = ("--path", "/users", "--path", "/posts/**", "--method", "get")
        more = ("--filter", '{"active":true}', "--rate", "5", "--expires", "2090-01-01")
        made = keys("create", *rights, *more, "--origin", "https://a.example")
        (key,) = WEB_LINE.findall(made)
        told = json.loads(made.splitlines()[1])
        assert (told["paths"], told["methods"]) == (["/users", "/posts/**"], ["GET"])
        assert (told["filter"], told["rate"]) == ({"active": True}, 5)
        assert told["expires"] == "2090-01-01T00:00:00.000Z"
        assert json.loads(keys("list")) == told
        assert status(server.url, key) == 200

        changed = json.loads(keys("update", told["_id"], "--path", "/posts", "--rate", "null"))
        assert (changed["paths"], changed["rate"], changed["methods"]) == (
            ["/posts"],
            None,
            ["GET"],
        )
        time.sleep(1)
        assert status(server.url, key) == 403
        keys("update", told["_id"], "--path", "/users")
        (new,) = WEB_LINE.findall(keys("reset", told["_id"]))
        time.sleep(1)
        assert (status(server.url, key), status(server.url, new)) == (403, 200)
        assert keys("revoke", told["_id"]) == f"The web key {told['_id']} is revoked.\n"
        time.sleep(1)
        assert status(server.url, new) == 403
        assert keys("list") == "There are no web keys.\n"


def test_what_a_key_cannot_be_is_said_in_full(target: Target) -> None:
    bad = run_cli("keys", "create", "--path", "/rest/x", "--method", "GETT", "--rate", "0", *target)
    assert (bad.returncode, bad.stdout) == (1, "")
    methods, paths, rate = bad.stderr.splitlines()
    assert methods.startswith("methods[0]: 'GETT' is no method. Did you mean 'GET'?")
    assert paths.startswith("paths[0]: '/rest/x' begins with /rest")
    assert rate.startswith("duetdb: rate: 'rate' must be requests a second")
    for action in ("update", "revoke"):
        nameless = run_cli("keys", action, *target)
        assert (nameless.returncode, nameless.stderr) == (
            1,
            "duetdb: Which key is meant? Give its _id; `duetdb keys list` shows it.\n",
        )
        unknown = run_cli("keys", action, "nobody", *target)
        assert unknown.stderr.startswith("duetdb: There is no web key 'nobody'.")
