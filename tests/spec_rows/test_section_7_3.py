"""Dates and date variables in questions, row by row (SPEC 7.3), in both voices."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.spec_rows.rows import Ask, Json
from tests.spec_rows.test_section_7 import both_refuse, found


def test_7_3_iso_texts(ask: Ask) -> None:
    """A date alone is its midnight in UTC; an instant may be written with any offset."""
    assert found(ask, {"born": {"$date": "1990-07-01"}}, '{born: {eq: "1990-07-01"}}') == "Bob"
    for text in ("2024-02-29T08:30:15.000Z", "2024-02-29T08:30:15Z", "2024-02-29T09:30:15+01:00"):
        assert found(ask, {"seen": {"$date": text}}, f'{{seen: {{eq: "{text}"}}}}') == "Ann"
    assert found(ask, {"seen": {"$gt": {"$date": "2024-02-29"}}}) == "Ann"
    assert found(ask, {"seen": {"$date": "2024-02-29"}}) == ""


def test_7_3_the_same_day(ask: Ask) -> None:
    """Equality as a range of one day, as clients write it."""
    day = {"$date": "1990-07-01"}
    where = '{born: {gte: "1990-07-01", lte: "1990-07-01"}}'
    assert found(ask, {"born": {"$gte": day, "$lte": day}}, where) == "Bob"
    assert found(ask, {"born": {"$bt": [day, day]}}) == "Bob"
    assert found(ask, {"born": {"$in": [day, {"$date": "1991-05-17"}]}}) == "Bob Cid"


def test_7_3_plain_texts(ask: Ask) -> None:
    """Instants beside a field of dates, texts beside anything else."""
    assert found(ask, {"born": "1990-07-01"}, '{born: {eq: "1990-07-01"}}') == "Bob"
    assert found(ask, {"born": {"$gt": "1990-12-31"}}, '{born: {gt: "1990-12-31"}}') == "Cid"
    assert found(ask, {"born": "not a date"}, '{born: {eq: "not a date"}}') == ""
    assert found(ask, {"nick": {"$gt": "1990-12-31"}}) == "Ann"


YEARS = {"$gte": {"$date": "$currentYear"}, "$lt": {"$date": "$nextYear"}}
WEEKS = {"$gte": {"$date": "$currentWeek"}, "$lt": {"$date": "$nextWeek"}}
LAST_WEEK = {"$gte": {"$date": "$lastWeek"}, "$lt": {"$date": "$currentWeek"}}
LAST_YEAR = {"$gte": {"$date": "$lastYear"}, "$lt": {"$date": "$currentYear"}}


@pytest.mark.parametrize(
    ("now", "q", "who"),
    [
        # Ann was born on Thursday, 17 May 1990, Bob on Sunday, 1 July, Cid on 17 May 1991.
        ("2024-02-29T08:30:15", {"seen": {"$date": "$now"}}, "Ann"),
        ("2024-02-29T08:30:14", {"seen": {"$gt": {"$date": "$now"}}}, "Ann"),
        ("2024-02-29T08:30:15", {"seen": {"$gt": {"$date": "$now"}}}, ""),
        ("1990-07-01T23:59:59", {"born": {"$date": "$currentDate"}}, "Bob"),
        ("1990-07-01T00:00:00", {"born": {"$date": "$today"}}, "Bob"),
        ("1990-07-02T10:00:00", {"born": {"$date": "$yesterday"}}, "Bob"),
        ("1990-06-30T10:00:00", {"born": {"$date": "$tomorrow"}}, "Bob"),
        ("1990-05-20T23:00:00", {"born": WEEKS}, "Ann"),
        ("1990-05-21T00:00:00", {"born": WEEKS}, ""),
        ("1990-05-21T00:00:00", {"born": LAST_WEEK}, "Ann"),
        ("1990-07-01T10:00:00", {"born": WEEKS}, "Bob"),
        ("1990-07-31T10:00:00", {"born": {"$date": "$currentMonth"}}, "Bob"),
        ("1990-08-31T10:00:00", {"born": {"$date": "$lastMonth"}}, "Bob"),
        ("1990-06-30T10:00:00", {"born": {"$date": "$nextMonth"}}, "Bob"),
        ("1990-12-31T10:00:00", {"born": YEARS}, "Ann Bob"),
        ("1991-01-01T00:00:00", {"born": YEARS}, "Cid"),
        ("1991-01-01T00:00:00", {"born": LAST_YEAR}, "Ann Bob"),
        ("1990-03-03T03:03:03", {"born": {"$gte": {"$date": "$nextYear"}}}, "Cid"),
    ],
)
def test_7_3_variables(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, now: str, q: Json, who: str
) -> None:
    """Days, months and years begin at midnight in UTC, weeks on Monday."""
    at(now, monkeypatch)
    assert found(ask, q) == who


def test_7_3_variables_alone(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside fields of dates only: anywhere else they are texts."""
    at("1990-07-01T12:00:00", monkeypatch)
    assert found(ask, {"born": "$today"}, '{born: {eq: "$today"}}') == "Bob"
    assert found(ask, {"born": {"$lt": "$today"}}, '{born: {lt: "$today"}}') == "Ann"
    assert found(ask, {"name": "$today"}, '{name: {eq: "$today"}}') == ""


def test_7_3_what_is_no_date(ask: Ask) -> None:
    for wrong in ("tomorrow", "$tomorow", "2024-02-30", None):
        assert "'$date' takes an ISO date" in both_refuse(ask, {"born": {"$date": wrong}})


def at(now: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What time the server, which is in this process, thinks it is."""
    instant = datetime.fromisoformat(now)
    monkeypatch.setattr("duetdb.app.service.filters.parse.now", lambda: instant)
