"""What is exported and imported again is what it was, as far as the format can say it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from bson import (
    Binary,
    Code,
    DBRef,
    Decimal128,
    Int64,
    MaxKey,
    MinKey,
    ObjectId,
    Regex,
    Timestamp,
    json_util,
)
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.cli.conftest import Database, Target
from tests.conftest import make_settings
from tests.processes import run_cli

FIELDS = [
    {"name": "title", "type": "text"},
    {"name": "count", "type": "number"},
    {"name": "price", "type": "money"},
    {"name": "weight", "type": "float_number"},
    {"name": "day", "type": "date"},
    {"name": "moment", "type": "datetime"},
    {"name": "done", "type": "bool"},
    {"name": "tags", "type": "text", "multiple": True},
    {"name": "extra", "type": "JSON"},
    {"name": "place", "type": "object", "fields": [{"name": "city", "type": "text"}]},
    {"name": "point", "type": "geo"},
]
DECLARED: dict[str, Any] = {
    "title": "=1+1; 'quoted', \"twice\"\r\nÅ ☃ 🎈",
    "count": 2**53 + 1,
    "price": Decimal128("12.5"),
    "weight": 0.1,
    "day": datetime(1815, 12, 23),
    "moment": datetime(2024, 5, 1, 10, 30, 0, 123000),
    "done": False,
    "tags": ["a", "", "'=x"],
    "extra": {"a": [1, None, {"b": "c"}]},
    "place": {"city": "Oslo", "zip": "0150"},
    "point": {"type": "Point", "coordinates": [10.75, 59.91]},
}
EVERY_TYPE: dict[str, Any] = {
    "small": 1,
    "long": Int64(1),
    "double": 1.0,
    "zero": -0.0,
    "decimal": Decimal128("1.10"),
    "early": DatetimeMS(-(2**52)),
    "late": DatetimeMS(2**52),
    "id": ObjectId(),
    "bytes": Binary(b"\x00\xff", 0),
    "uuid": Binary(b"0123456789abcdef", 4),
    "regex": Regex("^a/b", "im"),
    "code": Code("x => x"),
    "timestamp": Timestamp(7, 1),
    "smallest": MinKey(),
    "largest": MaxKey(),
    "reference": DBRef("others", ObjectId()),
    "null": None,
    "empty": "",
    "nothing": {},
    "none": [],
    "order": {"z": 1, "a": 2},
    "deep": [[{"x": [Int64(2)]}]],
    "text": "\x7f \\ \u2028",
}


@pytest.fixture
def other(mongod: EmbeddedMongod) -> Iterator[Database]:
    """A second database, into which the first is copied."""
    with MongoClient(mongod.uri) as client:
        name = make_settings(mongod.uri).database
        yield client[name]
        client.drop_database(name)


def done(*arguments: str) -> str:
    ran = run_cli(*arguments)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
    return ran.stdout


def there(target: Target, other: Database) -> Target:
    return (*target[:-1], other.name)


def describe(target: Target, *fields: dict[str, Any]) -> None:
    body = json.dumps({"name": "notes", "fields": fields})
    applied = run_cli("schema", "apply", "-", *target, stdin=body)
    assert applied.returncode == 0, applied.stderr


def raw(database: Database) -> list[bytes]:
    """The documents as MongoDB stores them, byte by byte."""
    options: CodecOptions[Any] = CodecOptions(document_class=RawBSONDocument)
    notes = database.get_collection("notes", codec_options=options)
    return [each.raw for each in notes.find().sort("_id")]


def copy(
    target: Target, other: Database, path: Path, form: str, *fields: dict[str, Any], flags: Any = ()
) -> None:
    """Exports ``notes`` and imports the file into the other database, which is described first."""
    done("export", "notes", str(path), "--format", form, *flags, *target)
    describe(there(target, other), *fields)
    done("import", "notes", str(path), "--format", form, *there(target, other))


def test_canonical_extended_json_loses_nothing(
    database: Database, other: Database, target: Target, tmp_path: Path
) -> None:
    describe(target, *FIELDS)
    system = {"_created": datetime(2020, 1, 1), "_version": 3, "_createdby": "ann@example.org"}
    database["notes"].insert_many(
        [{"_id": ObjectId(), **DECLARED, **system}, {"_id": ObjectId(), **EVERY_TYPE, **system}]
    )
    done("reindex", "notes", *target)
    database["notes"].update_many(
        {}, {"$set": {"_changed": datetime(2021, 1, 1), "_changedby": "bob@example.org"}}
    )
    copy(target, other, tmp_path / "notes.json", "extjson-canonical", *FIELDS)
    assert len(raw(database)) == 2
    assert [len(each) for each in raw(other)] == [len(each) for each in raw(database)]
    assert raw(other) == raw(database)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "Numbers must be finite."),
        ("a\x00b", "Text must not contain the NUL character."),
        ({"$x": 1}, "Property names must not begin with '$'"),
    ],
)
def test_what_no_server_stores_is_exported_and_refused_with_its_reason(
    database: Database, other: Database, target: Target, tmp_path: Path, value: Any, reason: str
) -> None:
    database["notes"].insert_one({"_id": 1, "odd": value})
    path = tmp_path / "notes.json"
    done("export", "notes", str(path), "--format", "extjson-canonical", *target)
    assert repr(json_util.loads(path.read_text())["odd"]) == repr(value)
    refused = run_cli("import", "notes", str(path), *there(target, other))
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith("line 1: odd")
    assert reason in refused.stderr
    assert other.list_collection_names(filter={"name": "notes"}) == []


def test_relaxed_extended_json_keeps_values_and_types_of_declared_fields(
    database: Database, other: Database, target: Target, tmp_path: Path
) -> None:
    describe(target, *FIELDS)
    database["notes"].insert_one({"_id": ObjectId(), **DECLARED, "late": DatetimeMS(2**52)})
    copy(target, other, tmp_path / "notes.json", "extjson", *FIELDS)
    assert values(other) == values(database)


@pytest.mark.parametrize("form", ["ndjson", "json"])
def test_plain_json_keeps_what_the_metadata_describe(
    database: Database, other: Database, target: Target, tmp_path: Path, form: str
) -> None:
    describe(target, *FIELDS)
    database["notes"].insert_many([{"_id": ObjectId(), **DECLARED}, {"_id": ObjectId()}])
    copy(target, other, tmp_path / f"notes.{form}", form, *FIELDS)
    assert values(other) == values(database)


def test_csv_keeps_what_the_metadata_describe(
    database: Database, other: Database, target: Target, tmp_path: Path
) -> None:
    describe(target, *FIELDS)
    stored = {**DECLARED, "place": {"city": "Oslo"}, "undeclared": "as text"}
    database["notes"].insert_many([{"_id": ObjectId(), **stored}, {"_id": ObjectId()}])
    copy(target, other, tmp_path / "notes.csv", "csv", *FIELDS)
    assert values(other) == values(database)


@pytest.mark.parametrize("form", ["ndjson", "json", "csv", "extjson", "extjson-canonical"])
def test_system_fields_travel_along_when_asked_for(
    database: Database, other: Database, target: Target, tmp_path: Path, form: str
) -> None:
    describe(target, *FIELDS)
    system = {
        "_created": datetime(2020, 1, 1),
        "_changed": datetime(2021, 1, 1),
        "_createdby": "ann@example.org",
        "_changedby": "bob@example.org",
        "_version": 3,
    }
    database["notes"].insert_one({"_id": ObjectId(), "title": "x", **system})
    flags = () if form.startswith("ext") else ("--metafields",)
    copy(target, other, tmp_path / "notes", form, *FIELDS, flags=flags)
    (found,) = other["notes"].find()
    assert {name: found[name] for name in system} == system
    assert found["_tags"] == "x"


def values(database: Database) -> list[dict[str, Any]]:
    """The documents without the fields that the server adds."""
    options: CodecOptions[Any] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_AUTO)
    found = database.get_collection("notes", codec_options=options).find().sort("_id")
    return [
        {name: value for name, value in each.items() if name == "_id" or name[0] != "_"}
        for each in found
    ]
