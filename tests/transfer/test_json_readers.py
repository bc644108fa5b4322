"""Documents out of JSON files of every layout, and the place of what is wrong with them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from bson import Binary, Decimal128, Int64, ObjectId, Regex
from bson.datetime_ms import DatetimeMS
from hypothesis import given
from hypothesis import strategies as st

from duetdb.app.transfer import json_reader, json_splitter
from duetdb.app.transfer.extjson import canonical, parse_document, relaxed
from duetdb.app.transfer.files import Format, detect, open_file
from duetdb.app.transfer.json_reader import read_documents, read_lines
from duetdb.app.transfer.rows import Row, TransferError

CUT_OFF = "The file ends inside a document or an array: it seems to be cut off."
DOCUMENTS = [{"a": 1}, {"b": [1, {"c": '}],{"['}]}, {"d": 'x\\"\\', "ü": "☃\n"}, {}]


def lines(text: str | bytes) -> list[Row]:
    return list(read_lines(io.BytesIO(text.encode() if isinstance(text, str) else text)))


def pieces(text: str | bytes) -> list[Row]:
    return list(read_documents(io.BytesIO(text.encode() if isinstance(text, str) else text)))


def told(rows: list[Row]) -> list[tuple[int, int, Any]]:
    """Number, line, and the document or the reason why it is none."""
    return [(each.number, each.line, each.document or each.error) for each in rows]


def test_a_line_is_a_document_and_empty_ones_do_not_count() -> None:
    rows = lines('\ufeff{"a": 1}\r\n\n  {"b": 2}  \n\n{"c": 3}')
    assert told(rows) == [(1, 1, {"a": 1}), (2, 3, {"b": 2}), (3, 5, {"c": 3})]
    assert [each.end for each in rows] == [13, 27, 36]


def test_a_bad_line_is_told_with_its_place_and_hides_no_other() -> None:
    rows = lines(b'{"a": 1}\n{"a": }\n[1]\n{"a": "\xff"}\n{"a": 1e999}\n{"a": NaN}\n{"b": 2}\n')
    assert told(rows) == [
        (1, 1, {"a": 1}),
        (2, 2, "The text is not JSON: Expecting value at character 7."),
        (3, 3, "A row must be a JSON object."),
        (4, 4, "The text is not UTF-8 (byte 8 of the row)."),
        (5, 5, "The number 1e999 is out of range."),
        (6, 6, "NaN is not JSON; Extended JSON writes it as $numberDouble."),
        (7, 7, {"b": 2}),
    ]


def test_a_line_that_is_too_long_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_reader, "ROW_LIMIT", 20)
    rows = lines('{"a": 1}\n{"a": "' + "x" * 100 + '"}\n{"b": 2}\n')
    assert told(rows) == [(1, 1, {"a": 1}), (2, 2, json_splitter.TOO_LONG), (3, 3, {"b": 2})]
    assert rows[-1].end == 9 + 110 + 9


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(DOCUMENTS),
        json.dumps(DOCUMENTS, indent=2),
        json.dumps(DOCUMENTS, indent=4, ensure_ascii=False) + "\n\n",
        "\ufeff" + json.dumps(DOCUMENTS),
        "\n".join(json.dumps(each, indent=1) for each in DOCUMENTS),
        "".join(json.dumps(each) for each in DOCUMENTS),
        " [ " + " , ".join(json.dumps(each) for each in DOCUMENTS) + " ] ",
    ],
)
@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1000])
def test_every_layout_holds_the_same_documents(
    monkeypatch: pytest.MonkeyPatch, text: str, chunk: int
) -> None:
    if chunk < 3 and text.startswith("\ufeff"):
        chunk = 3  # the mark at the beginning comes in one piece
    monkeypatch.setattr(json_splitter, "CHUNK", chunk)
    rows = pieces(text)
    assert [each.document for each in rows] == DOCUMENTS
    assert [each.number for each in rows] == [1, 2, 3, 4]
    assert [each.end for each in rows] == sorted(each.end for each in rows)


def test_the_line_of_a_document_is_where_it_begins() -> None:
    rows = pieces('[\n\n{"a":\n1},\n{"b": 2}, {"c": 3},\n\n\n{"d": oops},\n{"e": 5}]')
    assert told(rows) == [
        (1, 3, {"a": 1}),
        (2, 5, {"b": 2}),
        (3, 5, {"c": 3}),
        (4, 8, "The text is not JSON: Expecting value at character 7."),
        (5, 9, {"e": 5}),
    ]


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("", (1, 1, "The file is empty.")),
        ("  \n ", (1, 2, "The file is empty.")),
        ("hello", (1, 1, "The file does not begin with a JSON array or object.")),
        ("7, [1]", (1, 1, "The file does not begin with a JSON array or object.")),
        ('[{"a": 1}', (1, 1, CUT_OFF)),
        ('[{"a": 1},\n\n {"b"', (2, 3, CUT_OFF)),
        ('{"a": 1}\n{"b": [', (2, 2, CUT_OFF)),
        ('{"a": 1} x', (2, 1, "There is more text after the end of the JSON.")),
        ('[{"a": 1}]\n[2]', (2, 2, "There is more text after the end of the JSON.")),
        ('[{"a": 1}] x', (2, 1, "There is more text after the end of the JSON.")),
        ('[{"a": 1},, {"b": 2}]', (3, 1, {"b": 2})),
        ('[{"a": 1}, 7]', (2, 1, "A row must be a JSON object.")),
    ],
)
def test_what_is_wrong_with_an_array_is_told(text: str, last: tuple[int, int, Any]) -> None:
    assert told(pieces(text))[-1] == last


def test_an_empty_array_holds_nothing() -> None:
    assert pieces("[ \n ]") == []


def test_a_missing_quote_costs_only_its_own_document() -> None:
    rows = pieces('[\n{"a": "x,\n"b": 1\n},\n{"b": 2},\n{"c": 3}\n]')
    assert told(rows) == [
        (1, 2, "The text is not JSON: Invalid control character at character 10."),
        (2, 5, {"b": 2}),
        (3, 6, {"c": 3}),
    ]


def test_a_missing_bracket_is_told_where_its_document_begins() -> None:
    assert told(pieces('[\n{"a": 1},\n{"b": 2,\n{"c": 3}\n]'))[-1] == (2, 3, CUT_OFF)


def test_a_document_that_is_too_long_ends_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_splitter, "ROW_LIMIT", 100)
    monkeypatch.setattr(json_splitter, "CHUNK", 16)
    rows = pieces('[{"a": 1}, {"b": "' + "x" * 1000 + '"}, {"c": 3}]')
    assert told(rows) == [(1, 1, {"a": 1}), (2, 1, json_splitter.TOO_LONG)]


def test_nesting_without_end_is_an_error_and_no_crash() -> None:
    (row,) = lines('{"a": ' + "[" * 200_000 + "]" * 200_000 + "}")
    assert row.error == "The document is nested too deeply."


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(st.text('ab{}[]",\\\n ', max_size=3), JSON, max_size=3), max_size=5),
    st.sampled_from([None, 1]),
    st.integers(1, 30),
)
def test_what_was_written_is_what_is_read(
    documents: list[dict[str, Any]], indent: int | None, chunk: int
) -> None:
    documents = [each for each in documents if not any(key[:1] == "$" for key in each)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_splitter, "CHUNK", chunk)
        text = json.dumps(documents, indent=indent, ensure_ascii=True)
        assert [each.document for each in pieces(text)] == documents
    one_a_line = "\n".join(json.dumps(each) for each in documents)
    assert [each.document for each in lines(one_a_line)] == documents


BSON = {
    "id": ObjectId("59a47286cfa9a3a73e51e72c"),
    "int": 7,
    "long": Int64(7),
    "double": 7.0,
    "nan": float("inf"),
    "decimal": Decimal128("7.10"),
    "early": DatetimeMS(-(2**50)),
    "binary": Binary(b"\x00\xff", 5),
    "regex": Regex("^a", "i"),
    "nested": [{"long": Int64(2**40)}, None, True, "text"],
}


def test_canonical_extended_json_loses_nothing() -> None:
    read = parse_document(canonical(BSON).encode())
    assert read == BSON
    assert [type(each) for each in read.values()] == [type(each) for each in BSON.values()]


def test_relaxed_extended_json_keeps_all_but_the_width_of_numbers() -> None:
    read = parse_document(relaxed(BSON).encode())
    assert read == BSON
    assert type(read["long"]) is int and type(read["double"]) is float


@pytest.mark.parametrize(
    "text",
    [
        '{"a": {"$oid": "x"}}',
        '{"a": {"$date": "yesterday"}}',
        '{"a": {"$numberLong": "1", "b": 2}}',
        '{"a": {"$numberDecimal": "x"}}',
        '{"a": {"$binary": 7}}',
        '{"a": {"$uuid": "x"}}',
        '{"a": {"$date": {"$numberLong": "99999999999999999999"}}}',
    ],
)
def test_wrappers_that_are_wrong_are_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"^A value is not valid Extended JSON: .*\.$"):
        parse_document(text.encode())


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.ndjson", "", Format.NDJSON),
        ("a.JSONL", "[", Format.NDJSON),
        ("a.csv", "{", Format.CSV),
        ("a.json", '{"a": 1}\n{"b": 2}', Format.NDJSON),
        ("a.json", '{"a": 1}', Format.NDJSON),
        ("a.json", '\ufeff\n [{"a": 1}]', Format.JSON),
        ("a.json", '{\n "a": 1\n}', Format.JSON),
        ("a", '{"a": 1}\n', Format.NDJSON),
        ("a.json", '{"a": "' + "x" * 100_000 + '"}\n', Format.NDJSON),
    ],
)
def test_the_format_of_a_file_is_seen(
    tmp_path: Path, name: str, content: str, form: Format
) -> None:
    path = tmp_path / name
    path.write_text(content)
    assert detect(path) is form


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "<xml/>"])
def test_a_format_that_is_not_clear_is_asked_for(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(content)
    with pytest.raises(TransferError, match=r"The format of a\.txt is not clear .* --format\."):
        detect(path)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(TransferError, match=r"none\.json cannot be read: No such file"):
        open_file(tmp_path / "none.json")
    with pytest.raises(TransferError, match="cannot be read: Is a directory"):
        open_file(tmp_path)
