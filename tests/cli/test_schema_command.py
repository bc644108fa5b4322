"""``duetdb schema``: show, infer, diff and apply."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Database, Target
from tests.processes import run_cli

NOTES = {
    "name": "notes",
    "description": "What we know",
    "fields": [
        {"name": "title", "type": "text", "required": True},
        {"name": "stars", "type": "number"},
    ],
}
PEOPLE = {"name": "people", "fields": [{"name": "name", "type": "text"}]}


def schema(target: Target, *arguments: str, stdin: str = "") -> Any:
    """What ``duetdb schema`` answers as JSON; it must succeed and complain of nothing."""
    done = run_cli("schema", *arguments, *target, stdin=stdin)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def said(target: Target, *arguments: str, stdin: str = "") -> list[str]:
    """The lines that ``duetdb schema`` prints; it must succeed and complain of nothing."""
    done = run_cli("schema", *arguments, *target, stdin=stdin)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def apply(target: Target, *definitions: dict[str, Any]) -> list[str]:
    return said(target, "apply", "-", stdin=json.dumps({"collections": definitions}))


def test_a_new_database_has_only_what_is_built_in(target: Target) -> None:
    assert schema(target, "show")["collections"] == []
    system = [each["name"] for each in schema(target, "show", "--system")["collections"]]
    assert "users" in system and "system_log" in system


def test_apply_says_what_it_changes_and_show_gives_it_back(target: Target) -> None:
    assert apply(target, NOTES, PEOPLE) == [
        "notes: the collection is created",
        "notes: description unset becomes 'What we know'",
        "notes.title: added, text, required",
        "notes.stars: added, number",
        "people: the collection is created",
        "people.name: added, text",
    ]
    shown = schema(target, "show")
    assert [each["name"] for each in shown["collections"]] == ["notes", "people"]
    assert shown["collections"][0]["fields"] == NOTES["fields"]
    assert schema(target, "show", "notes") == shown["collections"][0]
    # What show prints, apply takes back, whether of one collection or of all.
    for each in (shown, shown["collections"], shown["collections"][1]):
        assert said(target, "apply", "-", stdin=json.dumps(each)) == ["No differences."]


def test_diff_changes_nothing(target: Target, tmp_path: Path) -> None:
    apply(target, NOTES, PEOPLE)
    file = tmp_path / "notes.json"
    renamed = {"name": "rating", "type": "number", "renamedFrom": "stars"}
    file.write_text(json.dumps({**NOTES, "strict": True, "fields": [renamed]}))
    assert said(target, "diff", str(file)) == [
        "notes: strict unset becomes set",
        "notes.stars: renamed to 'rating', its data moves",
        "notes.title: no longer declared, stored values stay",
    ]
    assert schema(target, "show", "notes")["fields"] == NOTES["fields"]


def test_applying_leaves_alone_what_the_file_does_not_mention(target: Target) -> None:
    apply(target, NOTES, PEOPLE)
    assert apply(target, {**PEOPLE, "fields": []}) == [
        "people.name: no longer declared, stored values stay"
    ]
    assert schema(target, "show", "notes")["fields"] == NOTES["fields"]


def test_applying_is_all_or_nothing_and_tells_every_mistake(target: Target) -> None:
    bad = {"name": "bad", "fields": [{"name": "a", "type": "numer"}, {"name": "b"}]}
    body = json.dumps({"collections": [NOTES, bad]})
    done = run_cli("schema", "apply", "-", *target, stdin=body)
    assert (done.returncode, done.stdout) == (1, "")
    first, second, last = done.stderr.splitlines()
    assert first.startswith(
        "collections[1].fields[0].type: Unknown type 'numer'. Did you mean 'number'?"
    )
    assert second.startswith("collections[1].fields[1].type: The field needs a 'type'.")
    assert last == "duetdb: The metadata has 2 mistakes."
    assert schema(target, "show")["collections"] == []


def test_a_single_mistake_is_one_line(target: Target) -> None:
    body = json.dumps({"name": "bad", "fields": [{"name": "a", "type": "text", "uniqe": True}]})
    done = run_cli("schema", "apply", "-", *target, stdin=body)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("duetdb: collections[0].fields[0].uniqe: ")
    assert "Did you mean 'unique'?" in done.stderr


def test_values_that_are_not_unique_are_shown(database: Database, target: Target) -> None:
    database["people"].insert_many([{"name": "Ann"}, {"name": "Ann"}])
    body = json.dumps({"name": "people", "fields": [{**PEOPLE["fields"][0], "unique": True}]})
    done = run_cli("schema", "apply", "-", *target, stdin=body)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "duetdb: collections[0].fields[0].unique: 'name' cannot be unique: existing documents "
        'share "Ann" (2 documents). Change those documents first. Nothing was changed.\n'
    )


def test_infer_proposes_and_applies(database: Database, target: Target) -> None:
    documents = [{"name": f"Ann {n}", "age": n, "mixed": [n, str(n)][n % 2]} for n in range(40)]
    database["people"].insert_many(documents)
    done = run_cli("schema", "infer", "people", *target)
    assert done.returncode == 0
    assert done.stderr == ("people: 'mixed' holds number (20), text (20): declared as JSON.\n")
    proposed = json.loads(done.stdout)
    assert proposed["fields"] == [
        {"name": "name", "type": "text", "required": True},
        {"name": "age", "type": "number", "required": True},
        {"name": "mixed", "type": "JSON"},
    ]
    assert schema(target, "show")["collections"] == []
    # The proposal is a file for apply as it is.
    assert said(target, "diff", "-", stdin=done.stdout)[0] == "people: the collection is created"
    applied = run_cli("schema", "infer", "people", "--apply", *target)
    assert applied.returncode == 0
    assert schema(target, "show", "people")["fields"] == proposed["fields"]


def test_infer_all_is_about_those_without_metadata(database: Database, target: Target) -> None:
    apply(target, NOTES)
    for name in ("notes", "people", "_private"):
        database[name].insert_many([{"extra": "word"} for _ in range(20)])
    found = schema(target, "infer", "--apply")
    assert [each["name"] for each in found["collections"]] == ["people"]
    shown = {each["name"]: each["fields"] for each in schema(target, "show")["collections"]}
    assert shown == {
        "notes": NOTES["fields"],
        "people": [{"name": "extra", "type": "text", "required": True}],
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "- is not JSON: Expecting value: line 1 column 1 (char 0)."),
        ("[" * 100_000, "- is not JSON: maximum recursion depth exceeded"),
        (
            '"notes"',
            '- must hold {"collections": [...]}, objects with a name, or one such object.',
        ),
        (
            '[{"fields": []}]',
            '- must hold {"collections": [...]}, objects with a name, or one such object.',
        ),
    ],
)
def test_a_file_that_is_no_metadata(text: str, sentence: str) -> None:
    done = run_cli("schema", "apply", "-", stdin=text)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"duetdb: {sentence}")


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    missing = run_cli("schema", "diff", str(tmp_path / "none.json"))
    assert missing.returncode == 2
    assert missing.stderr == (
        f"duetdb: {tmp_path}/none.json cannot be read: No such file or directory.\n"
    )
    unnamed = run_cli("schema", "diff")
    assert (unnamed.returncode, unnamed.stderr) == (
        2,
        "duetdb: This needs a file, or - for standard input.\n",
    )


def test_an_unknown_collection_has_a_near_name(database: Database, target: Target) -> None:
    apply(target, NOTES)
    shown = run_cli("schema", "show", "note", *target)
    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr == "duetdb: There is no collection 'note'. Did you mean 'notes'?\n"
    inferred = run_cli("schema", "infer", "note", *target)
    assert inferred.stderr == (
        "duetdb: The database holds no collection 'note'. Did you mean 'notes'?\n"
    )
