"""``duetdb audit``: what was administered and refused, read by the operator."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Target
from tests.processes import run_cli


def test_what_commands_do_is_noted(target: Target, tmp_path: Path) -> None:
    file = tmp_path / "posts.json"
    file.write_text('[{"title":"One"}]')
    assert run_cli("import", "posts", str(file), "--infer", *target).returncode == 0
    assert run_cli("keys", "create", "--path", "/posts", *target).returncode == 0
    done = run_cli("audit", "--oldest", *target)
    assert (done.returncode, done.stderr) == (0, "")
    told = [json.loads(each) for each in done.stdout.splitlines()]
    assert [each["action"] for each in told] == ["import", "schema.put", "keys.create"]
    assert {each["principal"] for each in told} == {"command line"}
    newest = run_cli("audit", "--max", "1", "--skip", "1", *target).stdout
    assert json.loads(newest)["action"] == "schema.put"


def test_nothing_to_tell(target: Target) -> None:
    assert run_cli("audit", *target).stdout == "Nothing was administered or refused yet.\n"


def test_numbers_that_are_none(target: Target) -> None:
    bad = run_cli("audit", "--max", "-1", *target)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert "--max" in bad.stderr
