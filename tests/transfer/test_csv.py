"""Documents out of CSV and cells into it: names, types, escapes, and the place of mistakes."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from bson import Code, Decimal128, ObjectId, Regex
from hypothesis import given
from hypothesis import strategies as st

from duetdb.app.service.csv_encoding import CsvWriter, escape, write_cell, write_ids
from duetdb.app.transfer import csv_reader
from duetdb.app.transfer.cells import guess, nest, read_json, unescape
from duetdb.app.transfer.csv_reader import read_csv
from duetdb.app.transfer.files import Format
from duetdb.app.transfer.rows import Row, TransferError
from duetdb.app.transfer.writers import csv_columns, writer_for
from duetdb.schema_gen.metadata import parse
from duetdb.schema_gen.model import Collection

NOTES = parse(
    {
        "name": "notes",
        "fields": [
            {"name": "title", "type": "text"},
            {"name": "stars", "type": "number"},
            {"name": "words", "type": "text", "multiple": True},
            {"name": "extra", "type": "JSON"},
            {"name": "place", "type": "object", "fields": [{"name": "city", "type": "text"}]},
            {
                "name": "visits",
                "type": "object",
                "multiple": True,
                "fields": [{"name": "day", "type": "date"}],
            },
            {"name": "point", "type": "geo"},
        ],
    }
)


def read(
    text: str | bytes,
    collection: Collection | None = None,
    mapping: Mapping[str, str] | None = None,
) -> list[Row]:
    raw = text.encode() if isinstance(text, str) else text
    return list(read_csv(io.BytesIO(raw), collection, mapping))


def documents(text: str, collection: Collection | None = None) -> list[Any]:
    return [each.document for each in read(text, collection)]


def told(rows: list[Row]) -> list[tuple[int, int, Any]]:
    return [(each.number, each.line, each.error or each.document) for each in rows]


def test_the_header_names_the_fields_and_dots_lead_inside() -> None:
    text = "\ufeffname, place.city ,place.zip\r\nAnn,Oslo,0150\r\nBob,,\r\n"
    assert documents(text) == [
        {"name": "Ann", "place": {"city": "Oslo", "zip": "0150"}},
        {"name": "Bob"},
    ]


@pytest.mark.parametrize(
    ("cells", "kind", "value"),
    [
        (["1", "-2", ""], "number", 1),
        (["1", "2.5"], "float_number", 1.0),
        (["1e3", "2"], "float_number", 1000.0),
        (["true", "false"], "bool", True),
        (["2024-05-01", "2024-05-01T10:30:00Z"], "datetime", datetime(2024, 5, 1)),
        (['{"a": 1}', "[2]"], "JSON", {"a": 1}),
        (["007", "8"], "text", "007"),
        (["+47", "12"], "text", "+47"),
        (["1", "x"], "text", "1"),
        (["nan", "1"], "text", "nan"),
        (["12345678901234567890"], "float_number", 12345678901234567890.0),
        (["a"], "text", "a"),
    ],
)
def test_a_column_without_metadata_is_what_all_its_cells_look_like(
    cells: list[str], kind: str, value: Any
) -> None:
    assert guess(cells) == kind
    quoted = "".join(f'"{cell.replace(chr(34), chr(34) * 2)}",x\n' for cell in cells)
    assert documents(f"v,w\n{quoted}")[0]["v"] == value


def test_a_cell_unlike_those_before_is_a_bad_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_reader, "GUESS_ROWS", 2)
    assert told(read("n\n1\n2\nthree\n4\n")) == [
        (1, 2, {"n": 1}),
        (2, 3, {"n": 2}),
        (3, 4, "'n' holds 'three', and a number in the rows before."),
        (4, 5, {"n": 4}),
    ]


def test_with_metadata_only_lists_objects_and_json_are_read_here() -> None:
    """Everything else is text, which the service coerces as it does for any client."""
    text = (
        "title,stars,words,extra,place.city,visits,point,other\n"
        '7,7,"[""a"",""b""]","{""x"":1}",7,"[{""day"":""2024-01-01""}]",'
        '"{""type"":""Point"",""coordinates"":[1,2]}",7\n'
        ',,alone,"""text""",,,,\n'
    )
    assert documents(text, NOTES) == [
        {
            "title": "7",
            "stars": "7",
            "words": ["a", "b"],
            "extra": {"x": 1},
            "place": {"city": "7"},
            "visits": [{"day": "2024-01-01"}],
            "point": {"type": "Point", "coordinates": [1, 2]},
            "other": "7",
        },
        {"words": ["alone"], "extra": "text"},
    ]


def test_a_cell_that_should_be_json_is_told() -> None:
    (row,) = read("extra\nnot json\n", NOTES)
    assert row.error == "The cell of 'extra' is not a JSON text."


def test_a_mapping_renames_columns_and_leaves_some_out() -> None:
    rows = read("Name,City,Note\nAnn,Oslo,x\n", None, {"City": "place.city", "Note": ""})
    assert rows[0].document == {"Name": "Ann", "place": {"city": "Oslo"}}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The CSV file has no header row, because it is empty."),
        ("a,a\n", "The header names a column twice: 'a'."),
        ("a,a.b\n", "The header names an object and its parts: 'a'."),
        ("a,b.,.c\n", "The header has names that are not paths: '.c', 'b.'."),
        (",,\n", "The header names no column."),
    ],
)
def test_a_header_that_cannot_be_used_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(TransferError, match=f"^{re.escape(sentence)}$"):
        read(text)


def test_a_mapping_of_columns_that_are_not_there_is_refused() -> None:
    with pytest.raises(TransferError, match=r"^The mapping names columns .*: 'Nmae'\.$"):
        read("Name\nAnn\n", None, {"Nmae": "name"})


def test_the_line_of_a_record_counts_breaks_inside_of_cells() -> None:
    rows = read('a,b\n"one\ntwo\nthree",x\n\n1,2,3\nlast,\n')
    assert told(rows) == [
        (1, 2, {"a": "one\ntwo\nthree", "b": "x"}),
        (2, 6, "The record has 3 cells, the header 2."),
        (3, 7, {"a": "last"}),
    ]


def test_bad_quotes_are_told_and_hide_no_other_record() -> None:
    rows = read('a\n"x"y\nz\n')
    assert told(rows) == [
        (1, 2, "The record is not CSV: ',' expected after '\"'."),
        (2, 3, {"a": "z"}),
    ]


def test_what_is_not_utf_8_hides_no_other_record() -> None:
    rows = read("a\nå\n".encode() + b"\xff\nz\n")
    assert told(rows) == [
        (1, 2, {"a": "å"}),
        (2, 3, "The record is not UTF-8."),
        (3, 4, {"a": "z"}),
    ]
    with pytest.raises(TransferError, match="no header row: The record is not UTF-8"):
        read(b"\xff\nx\n")


@pytest.mark.parametrize("text", ["=1+1", "+47", "-1", "@x", "\tx", "\rx", "'=x", "''@"])
def test_what_a_spreadsheet_would_run_is_escaped(text: str) -> None:
    assert escape(text) == f"'{text}"
    assert unescape(escape(text)) == text


@given(st.text())
def test_escapes_are_taken_away_again(text: str) -> None:
    assert unescape(escape(text)) == text
    assert escape(text)[:1] not in ("=", "+", "-", "@", "\t", "\r")


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (True, "true"),
        (-7, "-7"),
        (1.5, "1.5"),
        (float("nan"), ""),
        (Decimal128("1.50"), "1.50"),
        (Decimal128("NaN"), ""),
        (Decimal128("-Infinity"), ""),
        (ObjectId("59a47286cfa9a3a73e51e72c"), "59a47286cfa9a3a73e51e72c"),
        (datetime(2024, 5, 1, 10, 30), "2024-05-01T10:30:00.000Z"),
        ({"a": [1, None]}, '{"a": [1, null]}'),
        (["x", 1], '["x", 1]'),
        (Code("f()"), '{"$code": "f()"}'),
        (Regex("a", 0), '{"$regularExpression": {"pattern": "a", "options": ""}}'),
    ],
)
def test_a_value_as_a_cell(value: Any, cell: str) -> None:
    assert write_cell(value) == cell


ID = ObjectId("59a47286cfa9a3a73e51e72c")


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        ([], ""),
        ([ID], str(ID)),
        ([ID, ID], f"{ID},{ID}"),
        (ID, str(ID)),
        (["a", 7, 8.0], "a,7,8"),
        (["=1", "b"], "'=1,b"),
        (["a,b"], '["a,b"]'),
        ([""], '[""]'),
        (["'a"], '["\'a"]'),
        (["[x]", ID], f'["[x]", {{"$oid": "{ID}"}}]'),
        ([{"_id": 1}], '[{"_id": 1}]'),
        ([None], "[null]"),
    ],
)
def test_references_are_their_ids(value: Any, cell: str) -> None:
    assert write_ids(value) == cell


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_ids_of_any_text_are_read_back(ids: list[str]) -> None:
    fields = [{"name": "pictures", "type": "image"}]
    collection = parse({"name": "notes", "fields": fields})
    writer = CsvWriter(["pictures"], collection)
    file = writer.head() + writer.row({"pictures": ids})
    assert [row.document for row in read(file, collection)] == [{"pictures": ids}]


@given(st.recursive(st.none() | st.booleans() | st.text(), st.lists))
def test_a_json_cell_is_read_back(value: Any) -> None:
    if value is not None:
        assert read_json(write_cell(value, json=True)) == value


def test_paths_become_objects() -> None:
    assert nest({"a.b.c": 1, "a.d": 2, "e": 3}) == {"a": {"b": {"c": 1}, "d": 2}, "e": 3}


def test_the_columns_of_an_export() -> None:
    keys = {"_id", "_created", "_keywords", "_parent_id", "title", "other", "with.dot"}
    assert csv_columns(NOTES, keys) == [
        "_id",
        "_parent_id",
        "title",
        "stars",
        "words",
        "extra",
        "place.city",
        "visits",
        "point",
        "other",
    ]
    assert csv_columns(NOTES, keys, system=True)[:3] == ["_id", "_created", "_parent_id"]


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "title": st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
                "words": st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1),
                "extra": st.booleans() | st.text("a1{[\"'=", min_size=1) | st.integers(0, 9),
                "place": st.fixed_dictionaries({"city": st.text("a,\"\r\n'=", min_size=1)}),
            },
        ),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_written_is_read_back(stored: list[dict[str, Any]]) -> None:
    columns = csv_columns(NOTES, {"title", "words", "extra", "place"})
    writer = writer_for(Format.CSV, NOTES, columns)
    file = writer.head() + b"".join(map(writer.row, stored)) + writer.tail()
    assert [row.document for row in read(file, NOTES)] == stored
    assert len(list(csv.reader(io.StringIO(file.decode(), newline="")))) == len(stored) + 1
