"""Formulas: what they compute, what has no value, what cannot be read."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from bson.decimal128 import Decimal128
from hypothesis import given
from hypothesis import strategies as st

from duetdb.schema_gen.formula import LONGEST, parse_formula

DOCUMENT: dict[str, Any] = {
    "salary": 100,
    "price": Decimal128("0.10"),
    "rate": 0.1,
    "net chg": 3,
    "name": "Ada",
    "active": True,
    "nothing": None,
    "address": {"city": "Oslo"},
    "tags": ["a"],
    "born": datetime(1970, 1, 2),
    "bad": float("nan"),
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{salary}}*1.25", Decimal("125")),
        ("{{price}} + {{rate}}", Decimal("0.2")),
        ("{{net chg}} % 2", 1),
        ("-7 % 3", 2),
        ("7 % -3", -2),
        ("1 + 2 * 3 - 4 / 2", 5),
        ("(1 + 2) * -(3)", -9),
        ("--2", 2),
        ("{{name}} + ' ' + {{ address.city }}", "Ada Oslo"),
        ("'n: ' + {{salary}} + 1.50", "n: 1001.5"),
        ("{{active}} + ''", "true"),
        ('upper({{name}}) + lower("ABC") + trim(" x ")', "ADAabcx"),
        ("length({{name}})", 3),
        ("round(2.345, 2)", Decimal("2.35")),
        ("round(-2.5)", -3),
        ("floor(-1.5) + ceil(1.2) + abs(-1)", 1),
        ("min(3, 1, 2) + max(3, 1)", 4),
        ("if({{salary}} > 50, 'much', 1/0)", "much"),
        ("if({{name}} == 'Ada', 1, 2)", 1),
        ("coalesce({{nothing}}, 1/0, 3)", 3),
        ("1 <= 1", True),
        ("1 <> 1", False),
        ("'a' < 'b'", True),
        ("1 = '1'", False),
        ("{{born}} + ''", "1970-01-02T00:00:00.000Z"),
    ],
)
def test_computes(text: str, value: Any) -> None:
    result = parse_formula(text).evaluate(DOCUMENT)
    assert result == value
    assert isinstance(result, bool) == isinstance(value, bool)


@pytest.mark.parametrize(
    "text",
    [
        "{{nothing}} + 1",
        "{{absent}}",
        "{{salary}} / 0",
        "{{salary}} % 0",
        "{{name}} * 2",
        "'a' < 1",
        "{{tags}}",
        "{{address}}",
        "{{address.city.x}}",
        "{{bad}} + 1",
        "round(1, 99)",
        "1e999 * 1e999 * 1e999 * 1e999 * 1e999 * 1e999 * 1e999",
        "coalesce({{nothing}})",
    ],
)
def test_has_no_value(text: str) -> None:
    assert parse_formula(text).evaluate(DOCUMENT) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "ends where a value"),
        ("1 +", "ends where a value"),
        ("1 2", "should end before '2'"),
        ("(1", "closing parenthesis"),
        ("* 2", "where a value is expected"),
        ("salary * 2", r"unknown word 'salary'.*\{\{name\}\}"),
        ("uper('x')", "Did you mean 'upper'"),
        ("upper", "needs arguments"),
        ("upper()", "where a value"),
        ("upper('a', 'b')", "takes 1 arguments, not 2"),
        ("if(1, 2)", "takes 3 arguments"),
        ("'open", "cannot be read at"),
        ("{{a}} ; import os", "cannot be read at"),
        ("__import__('os')", "unknown word"),
        ("(" * 100 + "1" + ")" * 100, "nested too deeply"),
        ("1" * (LONGEST + 1), "at most 1000"),
    ],
)
def test_cannot_be_read(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_formula(text)


def test_knows_what_it_reads() -> None:
    formula = parse_formula("{{a}} + {{ b.c }} + {{a}}")
    assert formula.names == ("a", "b.c")
    assert formula == parse_formula("{{a}} + {{ b.c }} + {{a}}")


TOKENS = [
    *("{{salary}}", "{{name}}", "{{nothing}}", "1", "2.5", "'x'", "+", "-", "*", "/", "%"),
    *("(", ")", ",", "<", "==", "if(", "round(", "coalesce(", "true"),
]


@given(st.lists(st.sampled_from(TOKENS), max_size=12) | st.text(max_size=20).map(list))
def test_any_text_is_computed_or_refused_in_words(tokens: list[str]) -> None:
    try:
        formula = parse_formula(" ".join(tokens))
    except ValueError as error:
        assert str(error).endswith((".", "?"))
    else:
        assert isinstance(formula.evaluate(DOCUMENT), Decimal | str | bool | None)
