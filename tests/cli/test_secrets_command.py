"""``duetdb secrets``: names come out, values never do."""

from __future__ import annotations

import re
from pathlib import Path

from tests.processes import run_cli

VALUE = "a-secret-with-more-than-32-characters"


def test_secrets_are_stored_listed_and_removed(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    stored = run_cli("secrets", "set", "partner.hmac", *data, stdin=f"{VALUE}\n")
    assert (stored.returncode, stored.stdout) == (0, "Stored partner.hmac.\n")
    listed = run_cli("secrets", "list", *data)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d  partner\.hmac\n", listed.stdout)
    removed = run_cli("secrets", "remove", "partner.hmac", *data)
    assert (removed.returncode, removed.stdout) == (0, "Removed partner.hmac.\n")
    again = run_cli("secrets", "remove", "partner.hmac", *data)
    assert (again.returncode, again.stderr) == (1, "duetdb: There is no secret 'partner.hmac'.\n")
    assert run_cli("secrets", "list", *data).stdout == ""
    assert not [each for each in (stored, listed, removed) if VALUE in each.stdout + each.stderr]


def test_a_name_is_needed(tmp_path: Path) -> None:
    asked = run_cli("secrets", "set", "--data", str(tmp_path / "data"))
    assert (asked.returncode, asked.stderr) == (
        2,
        "duetdb: This needs a name, such as partner.hmac.\n",
    )
