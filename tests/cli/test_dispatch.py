"""The command line: what is there, and one sentence for what is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import duetdb
from tests.cli.conftest import Database, Target
from tests.processes import clean_environment, run_cli

COMMANDS = (
    *("audit", "config", "doctor", "export", "import", "keys", "mail", "operations"),
    *("reindex", "schema", "secrets", "serve"),
)


def refused(*arguments: str, **environment: str) -> str:
    """The one sentence with which a command line is refused, before anything is done."""
    done = run_cli(*arguments, environment=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("duetdb: ") and done.stderr.count("\n") == 1
    return done.stderr.removeprefix("duetdb: ").strip()


def test_alone_it_lists_its_commands() -> None:
    alone = run_cli()
    assert alone.returncode == 2
    asked = run_cli("--help")
    assert (asked.returncode, asked.stdout) == (0, alone.stdout)
    listed = [line.split()[0] for line in alone.stdout.splitlines() if line.startswith("  ")]
    assert tuple(listed) == COMMANDS


def test_the_version() -> None:
    assert run_cli("--version").stdout == f"DuetDB {duetdb.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_tells_what_it_takes(command: str) -> None:
    told = run_cli(command, "--help")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith(f"usage: duetdb {command} ")
    assert "--database TEXT" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("shema", "show"),
            "There is no command 'shema'. Did you mean 'schema'? "
            "`duetdb --help` lists the commands.",
        ),
        (("xyzzy",), "There is no command 'xyzzy'. `duetdb --help` lists the commands."),
        (("_engine",), "There is no command '_engine'. `duetdb --help` lists the commands."),
        (("dispatch",), "There is no command 'dispatch'. `duetdb --help` lists the commands."),
        (
            ("serve", "--prot", "1"),
            "`duetdb serve` has no flag '--prot'. Did you mean '--port'? "
            "`duetdb serve --help` shows what it takes.",
        ),
        (
            ("serve", "--dat=x"),
            "`duetdb serve` has no flag '--dat'. Did you mean '--data'? "
            "`duetdb serve --help` shows what it takes.",
        ),
        (
            ("serve", "now"),
            "`duetdb serve` has no argument 'now'. `duetdb serve --help` shows what it takes.",
        ),
        (
            ("schema", "shwo"),
            "Argument action: 'shwo' is not one of show, infer, diff, apply. Did you mean 'show'?"
            " `duetdb schema --help` shows what it takes.",
        ),
        (
            ("export", "notes", "--format", "xml"),
            "Argument --format: 'xml' is not one of ndjson, json, csv, extjson, extjson-canonical."
            " `duetdb export --help` shows what it takes.",
        ),
        (
            ("keys",),
            "The following arguments are required: action. "
            "`duetdb keys --help` shows what it takes.",
        ),
        (("serve", "--port", "eighty"), "--port is 'eighty'; it must be a whole number."),
    ],
)
def test_what_is_mistyped_is_named(arguments: tuple[str, ...], sentence: str) -> None:
    assert refused(*arguments) == sentence


@pytest.mark.parametrize("command", ["config show", "serve", "keys show", "export notes"])
def test_an_unknown_variable_refuses_every_command(command: str) -> None:
    assert refused(*command.split(), DUETDB_DATABSE="x") == (
        "There is no setting DUETDB_DATABSE. Did you mean 'DUETDB_DATABASE'?"
    )


def test_an_unknown_name_in_the_env_file_refuses(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DUETDB_PROT=1\n")
    done = run_cli("config", "show", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "duetdb: There is no setting DUETDB_PROT in .env. Did you mean 'DUETDB_PORT'?\n"
    )


@pytest.mark.parametrize(
    "command", ["export notes", "schema show", "keys show", "reindex", "import notes --undo"]
)
def test_memory_can_be_reached_by_no_command(command: str) -> None:
    assert refused(*command.split(), DUETDB_MEMORY="true") == (
        "memory keeps its data inside the server: no command can reach it."
    )


def test_a_database_that_cannot_be_is_a_sentence() -> None:
    sentence = refused("schema", "show", "--mongodb-uri", "mongodb://h/?replicaSte=x")
    assert sentence.startswith("--mongodb-uri cannot be used: Unknown option")


def test_a_reader_that_has_seen_enough_is_no_error(database: Database, target: Target) -> None:
    database["notes"].insert_many([{"text": "x" * 1000} for _ in range(2000)])
    exporting = subprocess.Popen(
        [sys.executable, "-m", "duetdb", "export", "notes", *target],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert exporting.stdout is not None and exporting.stderr is not None
    assert exporting.stdout.readline().startswith(b"{")
    exporting.stdout.close()
    assert exporting.wait(60) == 141
    assert exporting.stderr.read() == b""
    exporting.stderr.close()


def test_it_can_be_run_as_a_module_and_as_a_program() -> None:
    program = Path(sys.executable).with_name("duetdb")
    done = subprocess.run(
        [program, "--version"], env=dict(os.environ), capture_output=True, text=True, check=True
    )
    assert done.stdout == f"DuetDB {duetdb.__version__}\n"
