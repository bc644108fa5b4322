"""Every field type: what it takes, what it stores, what it refuses, what it can show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128
from bson.objectid import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from duetdb.schema_gen.field import Comparison, Mismatch, PatternMismatch
from duetdb.schema_gen.fields.reference import REFERENCES
from duetdb.schema_gen.fields.registry import FIELD_TYPES
from duetdb.schema_gen.model import IdType
from duetdb.schema_gen.values import coerce, fits
from tests.schema_gen.build_one import field

HEX = "5f0000000000000000000001"
POINT = {"type": "Point", "coordinates": [10.7, 59.9]}
RING = [[0, 0], [1, 0], [1, 1], [0, 0]]

TAKEN: list[tuple[str, Any, Any]] = [
    ("text", "", ""),
    ("text", "Ærlig talt 😀", "Ærlig talt 😀"),
    ("html", "<b>x</b>", "<b>x</b>"),
    ("email", "first.last@example.co.uk", "first.last@example.co.uk"),
    ("email", "søren@blåbær.no", "søren@blåbær.no"),
    ("email", "", ""),
    ("number", 12, 12),
    ("number", "12", 12),
    ("number", " -3 ", -3),
    ("number", 12.0, 12),
    ("number", "12.0", 12),
    ("number", "1e3", 1000),
    ("number", 2**63 - 1, 2**63 - 1),
    ("number", str(-(2**63)), -(2**63)),
    ("number", "", None),
    ("float_number", 1, 1.0),
    ("float_number", "1.5", 1.5),
    ("float_number", 2**53 + 1, 2**53 + 1),
    ("money", 12.5, Decimal128("12.5")),
    ("money", "12.50", Decimal128("12.5")),
    ("money", 0.1, Decimal128("0.1")),
    ("money", 1e3, Decimal128("1000")),
    ("money", -0.0, Decimal128("0")),
    ("money", "-0.01", Decimal128("-0.01")),
    ("money", Decimal("3.10"), Decimal128("3.1")),
    ("bool", True, True),
    ("bool", "false", False),
    ("bool", "TRUE", True),
    ("date", "2016-10-11", datetime(2016, 10, 11)),
    ("date", "2016-10-11T23:30:00-02:00", datetime(2016, 10, 12)),
    ("datetime", "2016-10-11", datetime(2016, 10, 11)),
    ("datetime", "2016-10-11T20:36:01.123999Z", datetime(2016, 10, 11, 20, 36, 1, 123000)),
    ("datetime", "2016-10-11t20:36:01z", datetime(2016, 10, 11, 20, 36, 1)),
    ("datetime", "2016-10-11T20:36+02:00", datetime(2016, 10, 11, 18, 36)),
    ("datetime", {"$date": "2016-10-11T20:36:00Z"}, datetime(2016, 10, 11, 20, 36)),
    ("datetime", "0001-01-01T00:00:00Z", datetime(1, 1, 1)),
    ("datetime", "9999-12-31T23:59:59.999Z", datetime(9999, 12, 31, 23, 59, 59, 999000)),
    ("datetime", datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=1))),
     datetime(2019, 12, 31, 23)),
    ("time", "20:36", datetime(1970, 1, 1, 20, 36)),
    ("time", "20:36:00.5Z", datetime(1970, 1, 1, 20, 36, 0, 500000)),
    ("time", "2016-10-11T20:36:00Z", datetime(1970, 1, 1, 20, 36)),
    ("time", "00:30+02:00", datetime(1970, 1, 1, 22, 30)),
    ("JSON", [1, None, {"a": "b"}], [1, None, {"a": "b"}]),
    ("JSON", ' {"a": [1]}', {"a": [1]}),
    ("JSON", "plain", "plain"),
    ("JSON", "", ""),
    ("image", HEX, [ObjectId(HEX)]),
    ("file", [HEX, {"_id": HEX, "name": "x"}], [ObjectId(HEX), ObjectId(HEX)]),
    ("file", "", []),
    ("file", [], []),
    ("geo", POINT, POINT),
    ("geo", '{"type": "Point", "coordinates": [1, 2]}', {"type": "Point", "coordinates": [1, 2]}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "stored"), TAKEN)
def test_takes_and_stores(kind: str, value: Any, stored: Any) -> None:
    result = coerce(field(kind), value)
    assert result == stored
    assert type(result) is type(stored)
    assert fits(field(kind), result)


REFUSED: list[tuple[str, Any]] = [
    *(("text", value) for value in (5, True, [], {}, "a\0b", "\ud800")),
    *(("html", value) for value in (5, "\0")),
    *(("email", value) for value in ("x", "a@b", "a@b..no", "a b@c.no", "@c.no", "a@c.no\n", 5)),
    ("email", "a" * 250 + "@b.no"),
    *(("number", value) for value in (True, 1.5, "1.5", "abc", "0x10", "1_000", "١٢", [], {})),
    *(("number", value) for value in (2**63, -(2**63) - 1, "9223372036854775808", 1e19)),
    *(("number", value) for value in ("1e9999", "9" * 5000, float("nan"), float("inf"))),
    *(("float_number", value) for value in (float("nan"), float("-inf"), "nan", "1e999", True)),
    *(("float_number", value) for value in (2**64, "x", [1.0])),
    *(("money", value) for value in (1.234, "1.234", "x", True, float("nan"), "1e40")),
    *(("money", value) for value in ("1" * 33 + ".11", Decimal128("NaN"), Decimal128("1E-3"))),
    *(("bool", value) for value in (0, 1, "yes", "1", [])),
    *(("date", value) for value in ("tomorrow", "2016-13-01", "10000-01-01", "0000-01-01", 5)),
    *(("datetime", value) for value in (0, 1.5, True, "x" * 100, {"$date": 5}, {"date": "2020"})),
    *(("datetime", value) for value in ("0001-01-01T00:00:00+01:00", "9999-12-31T23:00:00-02:00")),
    ("datetime", DatetimeMS(2**60)),
    *(("time", value) for value in ("25:00", "2036", 5, "aa:bb")),
    *(("JSON", value) for value in ("{broken", "[1,", "\0", "\udfff", 2**63, float("inf"))),
    *(("JSON", value) for value in ({"$a": 1}, {"a.b": 1}, {"": 1}, {"a\0": 1}, '{"$a": 1}')),
    *(("image", value) for value in ("x", 5, [None], {"id": HEX}, HEX + "0")),
    *(("object", value) for value in (5, "x", [1], "[1]")),
]


@pytest.mark.parametrize(("kind", "value"), REFUSED)
def test_refuses_with_a_sentence(kind: str, value: Any) -> None:
    body = {"fields": [{"name": "a", "type": "text"}]} if kind == "object" else {}
    with pytest.raises(Mismatch, match=r"[.?]$"):
        coerce(field(kind, **body), value)


GEOMETRIES: list[dict[str, Any]] = [
    POINT,
    {"type": "Point", "coordinates": [1, 2, 300]},
    {"type": "MultiPoint", "coordinates": [[0, 0], [1, 1]]},
    {"type": "LineString", "coordinates": [[0, 0], [1, 1]]},
    {"type": "MultiLineString", "coordinates": [[[0, 0], [1, 1]]]},
    {"type": "Polygon", "coordinates": [RING]},
    {"type": "MultiPolygon", "coordinates": [[RING]]},
    {"type": "GeometryCollection", "geometries": [POINT]},
    {"type": "GeometryCollection", "geometries": []},
    {**POINT, "bbox": [0, 0, 1, 1]},
]


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_takes_every_geometry(geometry: dict[str, Any]) -> None:
    assert coerce(field("geo"), geometry) == geometry


def deep_collection() -> dict[str, Any]:
    value: dict[str, Any] = POINT
    for _ in range(20):
        value = {"type": "GeometryCollection", "geometries": [value]}
    return value


@pytest.mark.parametrize(
    "geometry",
    [
        {},
        {"type": "point", "coordinates": [1, 2]},
        {"type": ["Point"], "coordinates": [1, 2]},
        {"type": "Point"},
        {"type": "Point", "coordinates": [1]},
        {"type": "Point", "coordinates": ["1", "2"]},
        {"type": "Point", "coordinates": [True, False]},
        {"type": "Point", "coordinates": [181, 0]},
        {"type": "Point", "coordinates": [0, float("nan")]},
        {"type": "LineString", "coordinates": [[0, 0]]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [5, 5]]]},
        {"type": "GeometryCollection", "coordinates": []},
        {**POINT, "$where": 1},
        deep_collection(),
    ],
)
def test_refuses_what_is_no_geometry(geometry: dict[str, Any]) -> None:
    with pytest.raises(Mismatch, match=r"[.?]$"):
        coerce(field("geo"), geometry)


def test_a_wrong_letter_case_of_a_geometry_is_named() -> None:
    with pytest.raises(Mismatch, match="Did you mean 'LineString'"):
        coerce(field("geo"), {"type": "lineString", "coordinates": []})


class TestOption:
    chosen = field("option", options=["red", "green"])

    def test_takes_its_members_and_the_empty_choice(self) -> None:
        assert coerce(self.chosen, "red") == "red"
        assert coerce(self.chosen, "") == ""

    def test_refuses_others_and_names_a_near_one(self) -> None:
        with pytest.raises(Mismatch, match=r"red, green\. Did you mean 'green'"):
            coerce(self.chosen, "Gren")
        for value in (1, ["red", "blue"], {"red": 1}):
            with pytest.raises(Mismatch):
                coerce(self.chosen, value)

    def test_many_are_a_list(self) -> None:
        many = field("option", options=["red", "green"], multiple=True)
        assert coerce(many, "red") == ["red"]
        assert coerce(many, ["green", "red"]) == ["green", "red"]
        assert coerce(many, "") == []


class TestPattern:
    def test_is_found_anywhere(self) -> None:
        assert coerce(field(regex="b+"), "abbc") == "abbc"

    def test_has_a_problem_of_its_own(self) -> None:
        with pytest.raises(PatternMismatch):
            coerce(field(regex="^[a-z]+$"), "ABC")

    def test_does_not_judge_the_empty_string(self) -> None:
        assert coerce(field(regex="^x$"), "") == ""


class TestReference:
    target = field("authors", relation="one")

    @pytest.mark.parametrize("value", [HEX, [HEX], {"_id": HEX}, [{"_id": HEX, "name": "x"}]])
    def test_takes_the_four_forms(self, value: Any) -> None:
        assert coerce(self.target, value) == [ObjectId(HEX)]

    def test_is_cleared(self) -> None:
        assert coerce(self.target, None) is None
        assert coerce(self.target, []) == []
        assert coerce(self.target, "") == []

    @pytest.mark.parametrize("value", ["x", 5, [None], [[HEX]], {"name": "x"}])
    def test_refuses_what_is_no_id(self, value: Any) -> None:
        with pytest.raises(Mismatch, match=r"authors|null"):
            coerce(self.target, value)

    def test_a_single_id_written_beside_us_fits(self) -> None:
        assert fits(self.target, ObjectId(HEX))
        assert not fits(self.target, HEX)

    def test_knows_the_targets_ids(self) -> None:
        reference = REFERENCES[IdType.NUMBER]
        assert reference.coerce("5", self.target) == 5
        assert reference.coerce({"_id": 5.0}, self.target) == 5
        assert REFERENCES[IdType.STRING].coerce("no", self.target) == "no"
        with pytest.raises(Mismatch):
            reference.coerce("no", self.target)


def test_lists_take_single_values_and_refuse_null_inside() -> None:
    many = field("number", multiple=True)
    assert coerce(many, 5) == [5]
    assert coerce(many, ["5", 6]) == [5, 6]
    assert coerce(many, []) == []
    assert coerce(many, None) is None
    with pytest.raises(Mismatch, match=r"^1: "):
        coerce(many, [1, None])
    assert coerce(field("JSON", multiple=True), [None, 1]) == [None, 1]


@pytest.mark.parametrize("kind", FIELD_TYPES)
def test_the_registry_holds_complete_types(kind: str) -> None:
    found = FIELD_TYPES[kind]
    assert found.name == kind
    assert found.comparison in Comparison
    each = field(kind, options=["a"])
    assert isinstance(found.openapi(each), dict)
    assert isinstance(found.bson_schema(each), dict)
    assert found.coerce.__qualname__


@pytest.mark.parametrize(
    ("kind", "stored", "expected"),
    [
        ("text", 5, False),
        ("number", 5.0, True),
        ("number", 5.5, False),
        ("number", True, False),
        ("number", "5", False),
        ("float_number", float("nan"), True),
        ("float_number", False, False),
        ("money", 5, True),
        ("bool", 1, False),
        ("datetime", DatetimeMS(2**60), True),
        ("datetime", "2020-01-01", False),
        ("option", "gone", True),
        ("geo", "x", False),
        ("JSON", object(), True),
        ("image", [HEX], False),
        ("image", ObjectId(HEX), False),
    ],
)
def test_dirty_values_are_told_apart(kind: str, stored: Any, expected: bool) -> None:
    assert fits(field(kind, options=["a"]), stored) is expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(kind=st.sampled_from(sorted(FIELD_TYPES)), value=json_values, multiple=st.booleans())
def test_any_value_is_stored_well_or_refused_in_words(
    kind: str, value: Any, multiple: bool
) -> None:
    body = {"fields": [{"name": "a", "type": "number"}]} if kind == "object" else {}
    declared = field(kind, multiple=multiple, options=["a", "b"], **body)
    try:
        stored = coerce(declared, value)
    except Mismatch as error:
        assert str(error)
    else:
        assert fits(declared, stored)
        assert kind == "JSON" or coerce(declared, stored) == stored


@given(st.decimals(-(10**12), 10**12, places=2))
def test_money_is_exact(amount: Decimal) -> None:
    assert coerce(field("money"), float(amount)).to_decimal() == amount
    assert coerce(field("money"), str(amount)).to_decimal() == amount


@given(st.datetimes(timezones=st.just(UTC)))
def test_instants_come_back_to_the_millisecond(instant: datetime) -> None:
    stored = coerce(field("datetime"), instant.isoformat())
    expected = instant.replace(tzinfo=None, microsecond=instant.microsecond // 1000 * 1000)
    assert stored == expected
