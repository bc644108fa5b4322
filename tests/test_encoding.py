"""Stored values as they leave on the wire."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from bson import (
    SON,
    Binary,
    Code,
    DatetimeMS,
    DBRef,
    Decimal128,
    Int64,
    MaxKey,
    MinKey,
    ObjectId,
    Regex,
    Timestamp,
)
from hypothesis import given
from hypothesis import strategies as st

from duetdb.app.service.encoding import date_text, dumps, wire

ID = ObjectId("59a4066b4dd3d0e900006f3a")


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        (ID, '"59a4066b4dd3d0e900006f3a"'),
        (datetime(2016, 10, 11, 1, 2, 3, 45000), '"2016-10-11T01:02:03.045Z"'),
        (datetime(5, 1, 1), '"0005-01-01T00:00:00.000Z"'),
        (
            datetime(2020, 1, 1, 12, tzinfo=timezone(timedelta(hours=2))),
            '"2020-01-01T10:00:00.000Z"',
        ),
        (DatetimeMS(0), '"1970-01-01T00:00:00.000Z"'),
        (DatetimeMS(-1), '"1969-12-31T23:59:59.999Z"'),
        (DatetimeMS(253402300800000), '"+010000-01-01T00:00:00.000Z"'),
        (DatetimeMS(-62135596800001), '"0000-12-31T23:59:59.999Z"'),
        (DatetimeMS(-62198755200000), '"-000001-01-01T00:00:00.000Z"'),
        (DatetimeMS(8640000000000000), '"+275760-09-13T00:00:00.000Z"'),
        (DatetimeMS(-8640000000000000), '"-271821-04-20T00:00:00.000Z"'),
        (DatetimeMS(2**63 - 1), '"+292278994-08-17T07:12:55.807Z"'),
        (DatetimeMS(-(2**63)), '"-292275055-05-16T16:47:04.192Z"'),
        (Decimal128("10.10"), "10.10"),
        (Decimal128("9999999999999999999999999999999.999"), "9999999999999999999999999999999.999"),
        (Decimal128("1E+3"), "1E+3"),
        (Decimal128("-0"), "-0"),
        (Decimal128("NaN"), "null"),
        (Decimal128("-Infinity"), "null"),
        (Decimal128("sNaN"), "null"),
        (float("nan"), "null"),
        (float("inf"), "null"),
        (Int64(2**63 - 1), "9223372036854775807"),
        (True, "true"),
        (SON([("b", 1), ("a", ID)]), '{"b":1,"a":"59a4066b4dd3d0e900006f3a"}'),
        (Code("f()"), '{"$code":"f()"}'),
        (Code("f()", {"a": 1}), '{"$code":"f()","$scope":{"a":1}}'),
        (Binary(b"ab", 5), '{"$binary":{"base64":"YWI=","subType":"05"}}'),
        (b"ab", '{"$binary":{"base64":"YWI=","subType":"00"}}'),
        (Regex("a", "i"), '{"$regularExpression":{"pattern":"a","options":"i"}}'),
        (Timestamp(1, 2), '{"$timestamp":{"t":1,"i":2}}'),
        (MinKey(), '{"$minKey":1}'),
        (MaxKey(), '{"$maxKey":1}'),
        (DBRef("c", 1), '{"$ref":"c","$id":1}'),
        ("é\u2028\U0001f600\0", '"é\u2028\U0001f600\\u0000"'),
    ],
)
def test_wire_form(stored: Any, text: str) -> None:
    assert dumps(stored).decode() == text
    assert dumps({"a": [{"b": stored}]}).decode() == f'{{"a":[{{"b":{text}}}]}}'
    assert wire(stored) == json.loads(text)
    assert wire({"a": [stored]}) == json.loads(f'{{"a":[{text}]}}')


def test_a_decimal_as_a_python_number() -> None:
    assert (wire(Decimal128("10.00")), type(wire(Decimal128("10.00")))) == (10, int)
    assert wire(Decimal128("0.1")) == 0.1
    assert wire(Decimal128("1E+6000")) is None


@given(st.integers(-(2**63), 2**63 - 1))
def test_no_date_breaks_a_read(milliseconds: int) -> None:
    form = r"(\d{4}|[+-]\d{6,9})-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(form, date_text(DatetimeMS(milliseconds)))


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)))
def test_both_ways_to_write_a_date_agree(instant: datetime) -> None:
    instant = instant.replace(microsecond=instant.microsecond // 1000 * 1000)
    milliseconds = (instant - datetime(1970, 1, 1)) // timedelta(milliseconds=1)
    assert date_text(DatetimeMS(milliseconds)) == date_text(instant)
    assert datetime.fromisoformat(date_text(instant)[:-1]) == instant
