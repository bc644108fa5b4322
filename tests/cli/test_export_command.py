"""``duetdb export``: every format, filters, and a file that is there only when it is complete."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from tests.cli.conftest import Database, Target
from tests.processes import peak_memory, run_cli

MB = 1024 * 1024
ID = ObjectId("59a47286cfa9a3a73e51e72c")
FIELDS = [
    {"name": "title", "type": "text"},
    {"name": "day", "type": "date"},
    {"name": "place", "type": "object", "fields": [{"name": "city", "type": "text"}]},
]


@pytest.fixture
def notes(database: Database) -> Any:
    """Two documents, described by hand."""
    definition = {"_id": "notes", "name": "notes", "fields": FIELDS}
    database["_collections"].insert_one(definition)
    database["notes"].insert_many(
        [
            {
                "_id": ID,
                "title": "=SUM(A1)",
                "day": datetime(2024, 5, 1),
                "place": {"city": "Oslo"},
                "extra": [1],
                "_version": 3,
                "_keywords": ["sum"],
            },
            {"_id": ObjectId("6" * 24), "title": "plain"},
        ]
    )
    return database["notes"]


def export(target: Target, *arguments: str) -> str:
    done = run_cli("export", "notes", *arguments, *target)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_to_standard_output_a_line_is_a_document(notes: Any, target: Target) -> None:
    assert export(target) == (
        '{"_id":"59a47286cfa9a3a73e51e72c","title":"=SUM(A1)","day":"2024-05-01T00:00:00.000Z",'
        '"place":{"city":"Oslo"},"extra":[1]}\n'
        '{"_id":"666666666666666666666666","title":"plain"}\n'
    )


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (
            "json",
            '[\n{"_id":"59a47286cfa9a3a73e51e72c","title":"=SUM(A1)",'
            '"day":"2024-05-01T00:00:00.000Z","place":{"city":"Oslo"},"extra":[1]},\n'
            '{"_id":"666666666666666666666666","title":"plain"}\n]\n',
        ),
        (
            "csv",
            "_id,title,day,place.city,extra\n"
            "59a47286cfa9a3a73e51e72c,'=SUM(A1),2024-05-01T00:00:00.000Z,Oslo,[1]\n"
            "666666666666666666666666,plain,,,\n",
        ),
        (
            "extjson",
            '{"_id": {"$oid": "59a47286cfa9a3a73e51e72c"}, "title": "=SUM(A1)", "day": {"$date": '
            '"2024-05-01T00:00:00Z"}, "place": {"city": "Oslo"}, "extra": [1], "_version": 3, '
            '"_keywords": ["sum"]}\n'
            '{"_id": {"$oid": "666666666666666666666666"}, "title": "plain"}\n',
        ),
        (
            "extjson-canonical",
            '{"_id": {"$oid": "59a47286cfa9a3a73e51e72c"}, "title": "=SUM(A1)", "day": {"$date": '
            '{"$numberLong": "1714521600000"}}, "place": {"city": "Oslo"}, "extra": '
            '[{"$numberInt": "1"}], "_version": {"$numberInt": "3"}, "_keywords": ["sum"]}\n'
            '{"_id": {"$oid": "666666666666666666666666"}, "title": "plain"}\n',
        ),
    ],
)
def test_each_format(notes: Any, target: Target, form: str, text: str) -> None:
    assert export(target, "--format", form) == text


def test_the_name_of_the_file_says_the_format(notes: Any, target: Target, tmp_path: Path) -> None:
    for name, beginning in (("a.csv", "_id,"), ("a.json", "[\n{"), ("a.ndjson", '{"_id"')):
        path = tmp_path / name
        assert export(target, str(path)) == f"Wrote 2 documents of notes to {path}.\n"
        assert path.read_text().startswith(beginning)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.csv", "a.json", "a.ndjson"]


def test_system_fields_on_request(notes: Any, target: Target) -> None:
    first = json.loads(export(target, "--metafields").splitlines()[0])
    assert (first["_version"], first["_keywords"]) == (3, ["sum"])
    header = export(target, "--metafields", "--format", "csv").splitlines()[0]
    assert header == "_id,_version,title,day,place.city,extra"


def test_a_filter_in_the_query_language(notes: Any, target: Target) -> None:
    found = export(target, "--q", '{"place.city": "Oslo", "day": {"$gt": {"$date": "2024-01-01"}}}')
    assert [json.loads(line)["_id"] for line in found.splitlines()] == [str(ID)]
    assert export(target, "--q", '{"title": "none"}') == ""
    assert export(target, "--q", '{"title": "none"}', "--format", "json") == "[]\n"


def test_columns_of_ones_own(notes: Any, target: Target) -> None:
    assert export(target, "--format", "csv", "--columns", "place.city, title") == (
        "place.city,title\nOslo,'=SUM(A1)\n,plain\n"
    )


def test_a_collection_without_metadata(database: Database, target: Target) -> None:
    database["notes"].insert_one({"_id": 7, "b": True, "a.b": 1})
    assert export(target, "--format", "csv") == "_id,b\n7,true\n"
    assert export(target) == '{"_id":7,"b":true,"a.b":1}\n'


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("note",), 1, "There is no collection 'note'. Did you mean 'notes'?"),
        (("notes", "--columns", "a"), 2, "--columns is only for --format csv."),
        (("notes", "--q", "{"), 2, "--q must be JSON: "),
        (("notes", "--q", '{"$where": "1"}'), 1, ""),
    ],
)
def test_what_cannot_be_exported(
    notes: Any, target: Target, arguments: tuple[str, ...], status: int, sentence: str
) -> None:
    done = run_cli("export", *arguments, *target)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith(f"duetdb: {sentence}") and done.stderr.count("\n") == 1


def test_a_file_is_complete_or_what_it_was(notes: Any, target: Target, tmp_path: Path) -> None:
    path = tmp_path / "notes.ndjson"
    path.write_text("before")
    done = run_cli("export", "notes", str(path), "--q", '{"$where": "1"}', *target)
    assert done.returncode == 1
    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["notes.ndjson"]


def test_a_file_that_cannot_be_written(notes: Any, target: Target, tmp_path: Path) -> None:
    path = tmp_path / "none" / "notes.json"
    done = run_cli("export", "notes", str(path), *target)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"duetdb: {path} cannot be written: No such file or directory.\n"


def test_memory_stays_flat(database: Database, target: Target, tmp_path: Path) -> None:
    """80 MB need hardly more than one document."""
    database["notes"].insert_one({"text": "one"})
    little = peak_memory("export", "notes", str(tmp_path / "little.json"), *target)
    for _ in range(20):
        database["notes"].insert_many([{"text": "x" * 2000} for _ in range(2000)])
    much = peak_memory("export", "notes", str(tmp_path / "much.json"), *target)
    written = (tmp_path / "much.json").stat().st_size
    print(f"peak {little / MB:.0f} MB for one, {much / MB:.0f} MB for {written / MB:.0f} MB")
    assert written > 75 * MB
    assert much - little < 30 * MB
