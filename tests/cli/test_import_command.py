"""``duetdb import``: what a person sees of it, and what it leaves when it is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Database, Target
from tests.processes import (
    clean_environment,
    data_folder,
    peak_memory,
    run_cli,
    run_on_terminal,
    serving,
)

MB = 1024 * 1024
NOTES = {"name": "notes", "fields": [{"name": "n", "type": "number", "required": True}]}


def write(path: Path, rows: Iterable[Mapping[str, Any] | str]) -> str:
    """A file with a row for each; the answer is its path."""
    with path.open("w") as file:
        for row in rows:
            file.write((row if isinstance(row, str) else json.dumps(row)) + "\n")
    return str(path)


def describe(target: Target) -> None:
    applied = run_cli("schema", "apply", "-", *target, stdin=json.dumps(NOTES))
    assert applied.returncode == 0, applied.stderr


def numbers(database: Database) -> list[int]:
    return sorted(each["n"] for each in database["notes"].find())


def test_what_it_says_when_all_is_well(database: Database, target: Target, tmp_path: Path) -> None:
    path = write(tmp_path / "notes.ndjson", ({"n": n} for n in range(1200)))
    done = run_cli("import", "notes", path, *target)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "Stored 1,200 documents in notes.\n",
        "",
    )
    assert numbers(database) == list(range(1200))


def test_bad_rows_are_told_and_nothing_is_stored(
    database: Database, target: Target, tmp_path: Path
) -> None:
    describe(target)
    path = write(tmp_path / "notes.ndjson", [{"n": 1}, "oops", {"n": "x"}, {}])
    done = run_cli("import", "notes", path, *target)
    assert done.returncode == 1
    assert done.stderr == (
        "line 2: The text is not JSON: Expecting value at character 1. (SYNTAX)\n"
        "line 3: n: Must be an integer. (TYPE)\n"
        "line 4: n: This field is required. (REQUIRED)\n"
    )
    assert done.stdout == (
        "Nothing was stored in notes: 3 rows are bad. "
        "Correct the file, or store the good rows with --partial.\n"
    )
    assert numbers(database) == []


def test_a_long_line_of_bad_rows_is_cut_and_reported_whole(
    database: Database, target: Target, tmp_path: Path
) -> None:
    describe(target)
    path = write(tmp_path / "notes.ndjson", [{"n": 0}, *({"n": "x"} for _ in range(30))])
    report = tmp_path / "report.ndjson"
    done = run_cli("import", "notes", path, "--partial", *target)
    lines = done.stderr.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "... and 10 more bad rows. --report FILE lists them all."
    assert done.stdout == "Stored 1 document in notes; 30 rows are bad.\n"
    assert done.returncode == 1
    database["notes"].delete_many({})
    reported = run_cli("import", "notes", path, "--partial", "--report", str(report), *target)
    assert reported.stderr.splitlines()[-1] == "... and 10 more bad rows."
    entries = [json.loads(line) for line in report.read_text().splitlines()]
    assert [entry["line"] for entry in entries] == list(range(2, 32))
    assert entries[0] == {
        "line": 2,
        "row": 2,
        "field": "n",
        "code": "TYPE",
        "message": "Must be an integer.",
    }


def test_a_terminal_sees_how_far_it_is(target: Target, tmp_path: Path) -> None:
    path = write(tmp_path / "notes.ndjson", ({"n": n} for n in range(12_000)))
    status, written = run_on_terminal("import", "notes", path, *target)
    assert status == 0
    assert "checking" in written and "importing" in written and "━" in written
    assert written.endswith("Stored 12,000 documents in notes.\r\n")


def test_no_terminal_sees_no_bar(target: Target, tmp_path: Path) -> None:
    path = write(tmp_path / "notes.ndjson", ({"n": n} for n in range(12_000)))
    done = run_cli("import", "notes", path, *target, environment={"FORCE_COLOR": "1"})
    assert (done.stdout, done.stderr) == ("Stored 12,000 documents in notes.\n", "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("notes",),
            "import needs a collection and a file; only --undo goes without a file.",
        ),
        (
            ("notes", "x.json", "--undo"),
            "import needs a collection and a file; only --undo goes without a file.",
        ),
        (("notes", "x.csv", "--mapping", "Name"), "--mapping 'Name' must be HEADER=FIELD."),
    ],
)
def test_a_command_that_cannot_be_meant(arguments: tuple[str, ...], sentence: str) -> None:
    done = run_cli("import", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"duetdb: {sentence}\n")


def test_a_file_that_is_missing(target: Target, tmp_path: Path) -> None:
    done = run_cli("import", "notes", str(tmp_path / "none.json"), *target)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"duetdb: {tmp_path}/none.json cannot be read: No such file or directory.\n"
    )


def test_a_name_that_no_collection_can_have(target: Target, tmp_path: Path) -> None:
    path = write(tmp_path / "notes.ndjson", [{"n": 1}])
    done = run_cli("import", "_notes", path, *target)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("duetdb: name: ")


def test_a_mapping_gives_columns_other_names(
    database: Database, target: Target, tmp_path: Path
) -> None:
    path = write(tmp_path / "notes.csv", ["Who=what,City,Note", "Ann,Oslo,x"])
    mapping = ["--mapping", "Who=what=name", "--mapping", "City=place.city", "--mapping", "Note="]
    done = run_cli("import", "notes", path, *mapping, *target)
    assert done.returncode == 0, done.stderr
    (found,) = database["notes"].find()
    assert (found["name"], found["place"], "Note" in found) == ("Ann", {"city": "Oslo"}, False)


def test_undo_without_anything_to_undo(target: Target) -> None:
    done = run_cli("import", "notes", "--undo", *target)
    assert (done.returncode, done.stdout) == (0, "No import into notes was cut off.\n")


def killed(path: str, target: Target, database: Database, *flags: str) -> int:
    """An import that kill -9 ends in the middle; the answer is how many rows it had stored."""
    importing = subprocess.Popen(
        [sys.executable, "-m", "duetdb", "import", "notes", path, *flags, *target],
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while database["_imports"].count_documents({"rows": {"$gt": 2000}}) == 0:
        assert time.monotonic() < until and importing.poll() is None
        time.sleep(0.005)
    importing.send_signal(signal.SIGKILL)
    assert importing.wait(30) == -signal.SIGKILL
    # A transaction without its client is open for up to a minute; end it as a fail-over would.
    database.client.admin.command("killAllSessions", [])
    return int(database["_imports"].find_one({"_id": "import:notes"})["rows"])


def test_a_killed_import_is_finished_by_the_same_command(
    database: Database, target: Target, tmp_path: Path
) -> None:
    path = write(tmp_path / "notes.ndjson", ({"n": n, "text": "x" * 100} for n in range(40_000)))
    rows = killed(path, target, database)
    other = run_cli("import", "notes", write(tmp_path / "o.ndjson", [{"n": 1}]), *target)
    assert other.returncode == 1
    assert f"was cut off after {rows:,} rows. Run that command again" in other.stderr
    done = run_cli("import", "notes", path, *target)
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"Going on after row {rows:,}, where the import was cut off.\n"
    assert done.stdout == (
        f"Stored {40_000 - rows:,} documents in notes, after {rows:,} rows that an earlier run "
        "dealt with.\n"
    )
    assert numbers(database) == list(range(40_000))
    assert database["_imports"].count_documents({}) == 0


def test_a_killed_import_can_be_undone(database: Database, target: Target, tmp_path: Path) -> None:
    path = write(tmp_path / "notes.ndjson", ({"n": n, "text": "x" * 100} for n in range(40_000)))
    rows = killed(path, target, database)
    done = run_cli("import", "notes", "--undo", *target)
    assert (done.returncode, done.stdout) == (0, f"Took back {rows:,} documents of notes.\n")
    names = database.list_collection_names()
    assert "notes" not in names
    assert database["_collections"].count_documents({"_id": "notes"}) == 0


def test_undo_of_a_partial_import_says_that_it_stays(
    database: Database, target: Target, tmp_path: Path
) -> None:
    path = write(tmp_path / "notes.ndjson", ({"n": n, "text": "x" * 100} for n in range(40_000)))
    rows = killed(path, target, database, "--partial")
    done = run_cli("import", "notes", "--undo", *target)
    assert done.stdout == (
        "Ended the partial import of notes.ndjson into notes; what it stored stays.\n"
    )
    assert numbers(database) == list(range(rows))


def test_memory_stays_flat(target: Target, tmp_path: Path) -> None:
    """A file of 80 MB needs hardly more than one of 20 MB."""
    small, large = (
        write(
            tmp_path / f"{size}.ndjson",
            ({"n": n, "text": f"{n} " + "x" * 2000} for n in range(size * 500)),
        )
        for size in (20, 80)
    )
    little = peak_memory("import", "small", small, *target)
    much = peak_memory("import", "large", large, *target)
    sizes = [Path(path).stat().st_size / MB for path in (small, large)]
    print(f"peak {little / MB:.0f} MB for {sizes[0]:.0f} MB, {much / MB:.0f} for {sizes[1]:.0f}")
    assert much - little < 15 * MB


def test_it_works_beside_a_running_server(tmp_path: Path) -> None:
    path = write(tmp_path / "notes.ndjson", ({"n": n} for n in range(30)))
    with serving(*data_folder(tmp_path)):
        done = run_cli("import", "notes", path, *data_folder(tmp_path))
        assert (done.returncode, done.stdout) == (0, "Stored 30 documents in notes.\n")
    # And without one, on an engine that it starts and stops itself.
    again = run_cli("export", "notes", *data_folder(tmp_path))
    assert len(again.stdout.splitlines()) == 30
