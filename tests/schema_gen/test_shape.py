"""Whole documents: nested paths, defaults, required fields, strictness, limits, speed."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import pytest

from duetdb.schema_gen.field import Mismatch
from duetdb.schema_gen.shape import Rules, coerce
from duetdb.schema_gen.well_formed import well_formed
from tests.schema_gen.build_one import collection, field

ADDRESS = {
    "name": "address",
    "type": "object",
    "fields": [
        {"name": "city", "type": "text", "required": True},
        {"name": "zip", "type": "number", "default": 0},
    ],
}
LINES = {**ADDRESS, "name": "lines", "multiple": True}


def problems(given: dict[str, Any], *fields: dict[str, Any], **rules: Any) -> list[tuple[str, str]]:
    _, found = collection(*fields).shape.coerce(given, Rules(**rules))
    return [(path, code) for path, code, _ in found]


def stored(given: dict[str, Any], *fields: dict[str, Any], **rules: Any) -> dict[str, Any]:
    result, found = collection(*fields).shape.coerce(given, Rules(**rules))
    assert found == []
    return result


def test_all_problems_are_reported_with_their_paths() -> None:
    given = {
        "n": "x",
        "code": "x",
        "address": {"zip": "y"},
        "lines": [{"city": "Oslo"}, {"city": 5}, 7, None],
        "a.b": 1,
    }
    found = problems(
        given,
        {"name": "n", "type": "number"},
        {"name": "code", "type": "text", "regex": "^[0-9]+$"},
        {"name": "must", "type": "text", "required": True},
        ADDRESS,
        LINES,
    )
    assert found == [
        ("n", "TYPE"),
        ("code", "REGEX"),
        ("address.zip", "TYPE"),
        ("address.city", "REQUIRED"),
        ("lines.1.city", "TYPE"),
        ("lines.2", "TYPE"),
        ("lines.3", "TYPE"),
        ("a.b", "TYPE"),
        ("must", "REQUIRED"),
    ]


def test_a_single_object_becomes_a_list_of_objects() -> None:
    assert stored({"lines": {"city": "Oslo"}}, LINES) == {"lines": [{"city": "Oslo", "zip": 0}]}


@pytest.mark.parametrize("value", [None, "", []])
def test_null_and_empty_do_not_satisfy_required(value: Any) -> None:
    must = {"name": "must", "type": "text", "required": True, "multiple": value == []}
    assert problems({"must": value}, must) == [("must", "REQUIRED")]
    assert problems({"must": value}, must, partial=True) == [("must", "REQUIRED")]


def test_a_partial_document_lacks_nothing_but_its_objects_are_whole() -> None:
    must = {"name": "must", "type": "text", "required": True, "default": "x"}
    assert stored({}, must, ADDRESS, partial=True) == {}
    assert problems({"address": {}}, must, ADDRESS, partial=True) == [("address.city", "REQUIRED")]


def test_defaults_are_coerced_and_never_shared() -> None:
    fields = (
        {"name": "day", "type": "date", "default": "2020-01-01"},
        {"name": "tags", "type": "text", "multiple": True, "default": "new"},
        {"name": "off", "type": "bool", "default": False},
    )
    things = collection(*fields)
    first, _ = things.shape.coerce({})
    first["tags"].append("changed")
    second, _ = things.shape.coerce({})
    assert second["tags"] == ["new"]
    assert second["off"] is False
    assert second["day"].year == 2020
    assert things.shape.coerce({"off": None})[0]["off"] is None


def test_missing_looks_into_objects_of_a_stored_document() -> None:
    things = collection(ADDRESS, LINES, {"name": "n", "type": "number", "required": True})
    found = things.shape.missing({"address": {}, "lines": [{"city": "x"}, {"city": None}, 5]})
    assert [path for path, _, _ in found] == ["address.city", "lines.1.city", "n"]


def test_undeclared_properties_are_kept_and_refused_when_strict() -> None:
    titled = {"name": "title", "type": "text"}
    assert stored({"x": {"y": [1]}}, titled) == {"x": {"y": [1]}}
    _, found = collection(titled).shape.coerce({"titel": "x"}, Rules(strict=True))
    assert found == [
        ("titel", "TYPE", "There is no field of this name. Did you mean 'title'?"),
    ]
    assert problems({"address": {"city": "x", "no": 1}}, ADDRESS, strict=True) == [
        ("address.no", "TYPE")
    ]


def test_what_the_service_owns_is_left_out() -> None:
    fields = (
        {"name": "sum", "type": "number", "formula": "1 + 1", "required": True},
        {"name": "kids", "type": "things", "relation": "child"},
        {"name": "no", "type": "number", "autoIncrement": True, "required": True},
    )
    given = {"_id": "x", "_created": 5, "sum": "client's", "kids": [{"_id": 1}]}
    assert stored(given, *fields) == {}


def test_names_with_underscores_are_kept_inside_of_objects() -> None:
    given = {"address": {"city": "x", "_note": 1}}
    assert stored(given, ADDRESS)["address"]["_note"] == 1


def test_without_validation_only_form_matters() -> None:
    fields = (
        {"name": "n", "type": "number", "required": True},
        {"name": "code", "type": "text", "regex": "^x$"},
        ADDRESS,
        LINES,
    )
    given = {"n": "abc", "code": "y", "address": 5, "lines": [{"zip": "z"}, None]}
    assert stored(given, *fields, validate=False) == given
    assert problems({"n": "a\0"}, *fields, validate=False) == [("n", "TYPE")]
    assert problems({"lines": [{"zip": {"$a": 1}}]}, *fields, validate=False) == [
        ("lines.0.zip", "TYPE")
    ]


def test_depth_counts_objects_and_undeclared_values() -> None:
    assert problems({"x": [[1]]}, depth=2) == [("x", "TYPE")]
    assert problems({"x": [[1]]}, depth=3) == []
    assert problems({"address": {"city": "x"}}, ADDRESS, depth=1) == [("address", "TYPE")]


def test_a_nested_mistake_of_a_single_value_says_where() -> None:
    with pytest.raises(Mismatch, match=r"^zip: Must be an integer"):
        coerce(field("object", fields=ADDRESS["fields"]), {"city": "x", "zip": "y"})


@pytest.mark.parametrize(
    "value",
    [
        *("a\0", "\ud800", {"$a": 1}, {"a.b": 1}, {"": 1}, {"\0": 1}, {"\ud800": 1}, {1: 1}),
        *(2**63, -(2**63) - 1, float("nan"), float("inf"), [[[1]]], {"a": {"b": {}}}),
    ],
)
def test_what_cannot_be_stored_is_refused(value: Any) -> None:
    with pytest.raises(Mismatch, match=r"\.$"):
        well_formed([value], 3)


def test_a_thousand_small_documents_take_a_few_milliseconds() -> None:
    kinds = "text number float_number email bool datetime".split()
    things = collection(*({"name": kind, "type": kind} for kind in kinds))
    given = {
        "text": "hello",
        "number": 5,
        "float_number": 1.5,
        "email": "a@b.no",
        "bool": True,
        "datetime": "2020-01-01T00:00:00Z",
    }
    rounds = []
    for _ in range(5):
        start = perf_counter()
        for _ in range(1000):
            things.shape.coerce(given)
        rounds.append(perf_counter() - start)
    # 4 ms where it was measured; the rest is room for a busy machine.
    assert min(rounds) < 0.02
