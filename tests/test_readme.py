"""The README's commands, run as a newcomer runs them: ``make run``, then the rest."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.processes import ROOT, clean_environment, free_port, run_cli, wait_until_ready

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
KEY_LINE = re.compile(r"Full-access key, shown this once: ([0-9a-f]{37})\n")


def commands(word: str) -> list[str]:
    """The shell commands of the README that begin with ``word``, continued lines joined."""
    lines = [line for block in BLOCKS for line in re.sub(r"\\\n\s*", "", block).splitlines()]
    return [line.partition("  #")[0].strip() for line in lines if line.startswith(word)]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """``make run`` on a data folder and a port of its own: the URL and the printed key."""
    folder = tmp_path_factory.mktemp("newcomer")
    port = free_port()
    settings = {"DUETDB_PORT": str(port), "DUETDB_DATA": str(folder / "data")}
    said = folder / "said"
    with said.open("wb") as output:
        process = subprocess.Popen(
            ["make", "run"],
            cwd=ROOT,
            env={**clean_environment(), **settings},
            stdout=output,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, 120)
        found = KEY_LINE.search(said.read_text())
        assert found, said.read_text()
        yield url, found[1]
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def ask(command: str, running: tuple[str, str]) -> Any:
    url, key = running
    done = subprocess.run(
        ["bash", "-c", command.replace("http://127.0.0.1:8000", url)],
        env={**os.environ, "KEY": key},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


def test_it_opens_with_the_two_commands() -> None:
    assert commands("make ")[:2] == ["make run", "make test"]


def test_the_first_query_finds_the_same_on_both_interfaces(running: tuple[str, str]) -> None:
    by_rest, by_graphql = (ask(each, running) for each in commands("curl")[:2])
    rows = by_graphql["data"]["theaters"]
    assert len(by_rest) == len(rows) == 2
    for document, row in zip(by_rest, rows, strict=True):
        assert document["location"]["address"]["state"] == "MN"
        assert row == {
            "_id": document["_id"],
            "theaterId": document["theaterId"],
            "location": {"address": {"city": document["location"]["address"]["city"]}},
        }


def test_the_first_writes_are_stored(running: tuple[str, str]) -> None:
    by_rest, by_graphql = (ask(each, running) for each in commands("curl")[2:4])
    assert by_rest["theaterId"] == 9001
    assert set(by_graphql["data"]["createTheaters"]) == {"_id", "_created"}


def test_the_schema_changes_while_it_runs(running: tuple[str, str]) -> None:
    put = commands("curl")[4]
    assert [each["name"] for each in ask(put, running)["fields"]] == ["title"]
    url, key = running
    made = ask(f"curl -s -H 'x-apikey: {key}' {url}/rest/notes -d 'title=hello'", running)
    assert made["title"] == "hello"


def test_a_key_reads_what_it_is_for_on_both_interfaces(running: tuple[str, str]) -> None:
    (make,) = commands("curl")[5:]
    url, key = running[0], ask(make, running)["key"]
    first_query, graphql = commands("curl")[:2]
    assert ask(first_query, (url, key)) == ask(first_query, running)
    assert ask(graphql, (url, key)) == ask(graphql, running)
    assert ask(commands("curl")[2], (url, key))["status"] == 403


@pytest.mark.parametrize("command", commands("duetdb"))
def test_its_other_commands_exist(command: str, tmp_path: Path) -> None:
    """Each flag is one that the command has; a database of the reader's own is not here."""
    _, name, *arguments = command.replace("'", "").split()
    shown = run_cli(name, "--help", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    for flag in (each for each in arguments if each.startswith("--")):
        assert flag in shown.stdout


GRAPHQL = re.findall(
    r"^```graphql\n(.*?)^```$",
    (ROOT / "docs" / "graphql.md").read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)


@pytest.mark.parametrize("query", GRAPHQL)
def test_an_example_of_the_graphql_page(query: str, running: tuple[str, str]) -> None:
    """Variables stand in a comment at the end of the text."""
    url, key = running
    text, _, variables = query.partition(" # ")
    answer = httpx.post(
        f"{url}/graphql",
        headers={"x-apikey": key},
        json={"query": text, "variables": json.loads(variables or "{}")},
        trust_env=False,
    )
    body = answer.json()
    assert "errors" not in body, body
    assert all(body["data"].values())
