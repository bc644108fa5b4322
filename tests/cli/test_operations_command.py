"""``duetdb operations``: what is registered is known to a running server, until it is removed."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx

from tests.cli.conftest import Database, Target
from tests.processes import KEY, run_cli, serving

LIST = "query People {\n  users { email }\n}\n"
COUNT = "{ usersAggregate { count } }"


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def asked(url: str, text: str) -> Any:
    """What a server answers to the hash of a text."""
    persisted = {"version": 1, "sha256Hash": hash_of(text)}
    body = {"extensions": {"persistedQuery": persisted}}
    answer = httpx.post(
        f"{url}/graphql", json=body, headers={"x-apikey": KEY}, trust_env=False, timeout=10
    )
    return answer.json()


def test_a_file_is_registered_as_it_is(target: Target, tmp_path: Path) -> None:
    (tmp_path / "people.graphql").write_text(LIST, encoding="utf-8")
    with serving(*target) as server:
        assert asked(server.url, LIST)["errors"][0]["message"] == "PersistedQueryNotFound"
        added = run_cli("operations", "add", str(tmp_path / "people.graphql"), *target)
        assert (added.returncode, added.stderr) == (0, "")
        assert added.stdout == f"{hash_of(LIST)}  People\n"
        assert asked(server.url, LIST) == {"data": {"users": []}}
        listed = run_cli("operations", "list", *target)
        assert (listed.returncode, listed.stdout) == (0, added.stdout)
        removed = run_cli("operations", "remove", hash_of(LIST), *target)
        assert (removed.returncode, removed.stdout) == (0, f"Removed {hash_of(LIST)}.\n")
        assert run_cli("operations", "list", *target).stdout == ""


def test_a_manifest_is_registered_all_or_none(target: Target, database: Database) -> None:
    entries = [
        {"id": hash_of(LIST), "body": LIST, "name": "Listed"},
        {"id": hash_of(COUNT), "body": COUNT},
    ]
    wrong = {"operations": [*entries, {"id": hash_of(COUNT), "body": LIST}]}
    added = run_cli("operations", "add", "-", *target, stdin=json.dumps(wrong))
    assert (added.returncode, added.stdout) == (1, "")
    assert added.stderr == (
        f"duetdb: '{hash_of(COUNT)}' is not the SHA-256 of its text, which is {hash_of(LIST)}. "
        "Let the build tool hash its texts by SHA-256, in hexadecimal digits.\n"
    )
    assert database["_operations"].count_documents({}) == 0
    manifest = json.dumps({"format": "x", "operations": entries})
    added = run_cli("operations", "add", "-", *target, stdin=manifest)
    assert added.stdout == f"{hash_of(LIST)}  Listed\n{hash_of(COUNT)}\n"
    again = run_cli("operations", "add", "-", *target, stdin=json.dumps({hash_of(COUNT): COUNT}))
    assert again.returncode == 0
    assert database["_operations"].count_documents({}) == 2


def test_what_is_wrong_is_said_in_a_sentence(target: Target, tmp_path: Path) -> None:
    for arguments, status, said in (
        (("add",), 2, "This needs a file, or - for standard input."),
        (("add", str(tmp_path / "none")), 2, f"{tmp_path / 'none'} cannot be read: No such file"),
        (("remove",), 2, "This needs a hash; `duetdb operations list` shows them."),
        (("remove", "x"), 1, "No operation is registered by the hash 'x'."),
        (("drop",), 2, "'drop' is not one of list, add, remove."),
    ):
        done = run_cli("operations", *arguments, *target)
        assert (done.returncode, done.stdout) == (status, "")
        assert said in done.stderr
    done = run_cli("operations", "add", "-", *target, stdin="fragment f on users { email }")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "duetdb: A text without an operation cannot be registered.\n"
