"""Header values of all kinds: each has its meaning, and none is an error of the server."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as some
from starlette.datastructures import Headers

from duetdb.app.http.accepting import best_named
from duetdb.app.http.conditions import Validators, is_known, range_holds
from duetdb.app.http.failures import RangeNotSatisfiable
from duetdb.app.http.ranges import asked_range
from duetdb.app.service.errors import VersionMismatch

NOW = Validators('"a"', datetime(2026, 11, 24, 12, tzinfo=UTC))
OFFERED = ("image/avif", "image/webp")
PARTS = [
    *("Tue, ", "24 ", "Nov ", "2026 ", "99999 ", "12:00:00 ", "25:61:61 ", "GMT", "+9999"),
    *('"a"', 'W/"a"', "*", '"', ",", ";", " ", "\t", "\xff", "\\", "(", ")", "x"),
    *("bytes=", "-", "0", "9", "99999999999999999999", "image/webp", "image/*", "q=0", "q=1.5"),
]
VALUES = some.lists(some.sampled_from(PARTS), max_size=8).map("".join)
CONDITIONS = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range")


@given(some.sampled_from(CONDITIONS), VALUES)
def test_conditions_hold_or_do_not(name: str, value: str) -> None:
    headers = Headers(raw=[(name.encode(), value.encode("latin-1"))])
    assert range_holds(headers, NOW) in (True, False)
    with suppress(VersionMismatch):
        assert is_known(headers, NOW) in (True, False)


@given(VALUES, some.integers(0, 200))
def test_ranges_are_inside_or_none(value: str, length: int) -> None:
    with suppress(RangeNotSatisfiable):
        found = asked_range([value], length)
        assert found is None or 0 <= found[0] < found[1] <= length


@given(VALUES)
def test_what_is_liked_is_among_what_is_offered(value: str) -> None:
    assert best_named(value, OFFERED) in (*OFFERED, None)


def test_several_lines_are_one_list() -> None:
    headers = Headers(raw=[(b"if-none-match", b'"x"'), (b"if-none-match", b'"a"')])
    assert is_known(headers, NOW)
    assert asked_range(["bytes=0-1", "bytes=2-3"], 10) is None


def test_dates_are_read_in_each_of_their_forms() -> None:
    for date, known in [
        ("Tue, 24 Nov 2026 12:00:00 GMT", True),
        ("Tuesday, 24-Nov-26 12:00:00 GMT", True),
        ("Tue Nov 24 12:00:00 2026", True),
        ("Tue, 24 Nov 2026 11:59:59 GMT", False),
    ]:
        headers = Headers(raw=[(b"if-modified-since", date.encode())])
        assert is_known(headers, NOW) is known, date
