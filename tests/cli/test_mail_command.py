"""``duetdb mail``: what it prints, its status, and that a server sends again what it says."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from bson import ObjectId

from tests.cli.conftest import Database, Target
from tests.processes import run_cli


@pytest.fixture
def dead(database: Database) -> list[str]:
    """The ids of two mails that have failed, and of one about an account."""
    ids = [ObjectId() for _ in range(3)]
    texts: list[dict[str, Any]] = [
        {"message": {"to": "ann@example.com", "html": "x"}},
        {"message": {"to": "bob@example.com", "html": "x"}},
        {},
    ]
    for day, (id_, text) in enumerate(zip(ids, texts, strict=True), 1):
        expires = datetime(2100, 1, day)
        entry = {"_id": id_, "dead": True, "expires": expires, "attempts": 3, "reason": "550 no"}
        database["_mail_queue"].insert_one({**entry, **text})
        database["email_outbound"].insert_one({"_id": id_, "status": "failed", "reason": "550 no"})
    return [str(each) for each in ids]


def statuses(database: Database) -> list[str]:
    return [each["status"] for each in database["email_outbound"].find().sort("_id", 1)]


def test_what_has_failed_is_shown(dead: list[str], target: Target) -> None:
    done = run_cli("mail", "failed", *target)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{dead[0]}  ann@example.com  550 no",
        f"{dead[1]}  bob@example.com  550 no",
        f"{dead[2]}  (about an account)  550 no",
    ]


def test_one_is_sent_again(dead: list[str], database: Database, target: Target) -> None:
    done = run_cli("mail", "retry", dead[1], *target)
    assert (done.returncode, done.stdout) == (0, "1 mail will be sent again.\n")
    assert statuses(database) == ["failed", "queued", "failed"]
    entry = database["_mail_queue"].find_one({"_id": ObjectId(dead[1])})
    assert entry is not None and entry["attempts"] == 0 and "dead" not in entry
    assert entry["due"] < datetime(2100, 1, 1)
    again = run_cli("mail", "retry", dead[1], *target)
    assert (again.returncode, again.stdout) == (1, "0 mails will be sent again.\n")


def test_all_are_sent_again(dead: list[str], database: Database, target: Target) -> None:
    done = run_cli("mail", "retry", "--all", *target)
    assert (done.returncode, done.stdout) == (0, "2 mails will be sent again.\n")
    assert statuses(database) == ["queued", "queued", "failed"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Name mails by their _id, as `duetdb mail failed` shows it, or say --all."),
        (("--all", "5" * 24), "Name mails by their _id"),
        (("x",), "'x' is not the _id of a mail."),
    ],
)
def test_what_it_does_not_understand(
    target: Target, arguments: tuple[str, ...], sentence: str
) -> None:
    done = run_cli("mail", "retry", *arguments, *target)
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
