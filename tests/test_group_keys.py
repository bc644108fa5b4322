"""What documents are grouped by: dates in zones and formats, and keys as names in JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from bson import Binary, Code, Decimal128, Int64, ObjectId
from bson.datetime_ms import DatetimeMS

from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import BadQuery, LimitExceeded
from duetdb.app.service.filters.grouping_texts import parse_key, parse_measure
from duetdb.app.service.grouping import (
    Aggregate,
    DateBucket,
    DateFormat,
    DatePart,
    Function,
    GroupOrder,
    Key,
    Measure,
    Place,
)
from duetdb.app.service.principal import FULL_ACCESS
from duetdb.app.service.query import Hop, Query
from tests.sales import SALES, SCHEMA, SHOPS, serve

COUNT = Measure(Function.COUNT)
WHEN = Place("when")
NEW_YEAR = datetime(2021, 1, 1, 0, 30, 5, 7000)
FAR = DatetimeMS(400_000_000_000_000)


async def keys(engine: Engine, key: Key, *values: Any, as_text: bool = False) -> list[Any]:
    """The keys of documents with these values, in the order of their groups."""
    sales = engine.database.sales
    await sales.delete_many({})
    await sales.insert_many([{"when": each} for each in values])
    asked = Aggregate(
        query=Query(collection=SALES, max=None), keys=(key,), measures=(COUNT,), as_text=as_text
    )
    groups = await serve(engine).aggregate(asked, FULL_ACCESS)
    assert sum(each.values[0] for each in groups) == len(values)
    return [each.keys[0] for each in groups]


@pytest.mark.parametrize(
    ("date", "zone", "key"),
    [
        (DatePart.YEAR, "UTC", 2021),
        (DatePart.MONTH, "UTC", 1),
        (DatePart.DAY, "UTC", 1),
        (DatePart.HOUR, "UTC", 0),
        (DatePart.MINUTE, "UTC", 30),
        (DatePart.SECOND, "UTC", 5),
        (DatePart.YEAR, "America/New_York", 2020),
        (DatePart.HOUR, "-03:30", 21),
        (DatePart.HOUR, "+0530", 6),
        (DateBucket.YEAR, "UTC", datetime(2021, 1, 1)),
        (DateBucket.MONTH, "UTC", datetime(2021, 1, 1)),
        (DateBucket.WEEK, "UTC", datetime(2020, 12, 28)),
        (DateBucket.DAY, "UTC", datetime(2021, 1, 1)),
        (DateBucket.HOUR, "UTC", datetime(2021, 1, 1)),
        (DateBucket.MINUTE, "UTC", datetime(2021, 1, 1, 0, 30)),
        (DateBucket.SECOND, "UTC", datetime(2021, 1, 1, 0, 30, 5)),
        (DateBucket.YEAR, "America/New_York", datetime(2020, 1, 1, 5)),
        (DateBucket.DAY, "Europe/Oslo", datetime(2020, 12, 31, 23)),
        (DateBucket.HOUR, "Asia/Kolkata", datetime(2021, 1, 1, 0, 30)),
        (DateBucket.WEEK, "+02:00", datetime(2020, 12, 27, 22)),
    ],
)
async def test_dates(
    engine: Engine, date: DatePart | DateBucket, zone: str, key: int | datetime
) -> None:
    assert await keys(engine, Key(WHEN, date, zone), NEW_YEAR) == [key]


async def test_hours_of_a_day_that_has_one_more(engine: Engine) -> None:
    night = [datetime(2020, 10, 25, hour, 5) for hour in (0, 1)]
    assert await keys(engine, Key(WHEN, DatePart.HOUR, "Europe/Oslo"), *night) == [2]
    buckets = await keys(engine, Key(WHEN, DateBucket.HOUR, "Europe/Oslo"), *night)
    assert buckets == [datetime(2020, 10, 25, 0), datetime(2020, 10, 25, 1)]


@pytest.mark.parametrize("date", [DatePart.YEAR, DateBucket.DAY, DateFormat("YYYY")])
async def test_what_is_no_date_has_no_key(
    engine: Engine, date: DatePart | DateBucket | DateFormat
) -> None:
    none = ["2021-01-01", None, 5, [NEW_YEAR], {"at": NEW_YEAR}, ObjectId()]
    assert await keys(engine, Key(WHEN, date), *none) == [None]
    assert await keys(engine, Key(WHEN, date), *none, as_text=True) == ["null"]


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("YYYY-MM-DDTHH:mm:ss.SSSZ", "2021-01-01T00:30:05.007+00:00"),
        ("YY M D H m s", "21 1 1 0 30 5"),
        ("MMM MMMM", "Jan January"),
        ("dddd ddd dd d e E", "Friday Fri Fr 5 5 5"),
        ("DDD DDDD Do DDDo Mo Qo", "1 001 1st 1st 1st 1st"),
        ("hh:mm A|h a|kk k", "12:30 AM|12 am|24 24"),
        ("Q", "1"),
        ("GGGG-[W]WW W Wo GG", "2020-W53 53 53rd 20"),
        ("gggg w ww wo gg", "2021 1 01 1st 21"),
        ("S SS SSS SSSSS", "0 00 007 00700"),
        ("X x", "1609461005 1609461005007"),
        ("Z ZZ", "+00:00 +0000"),
        ("[the day] D [of] MMMM", "the day 1 of January"),
        ("$YYYY %m 100% [", "$2021 %30 100% ["),
        ("[$item] $$ROOT [[x]", "$item $$ROOT [x"),
        ("[]", ""),
        ("Y/N ö", "Y/N ö"),
    ],
)
async def test_formats(engine: Engine, format: str, text: str) -> None:
    assert await keys(engine, Key(WHEN, DateFormat(format)), NEW_YEAR) == [text]


@pytest.mark.parametrize(
    ("date", "text"),
    [
        (datetime(2022, 12, 31, 13, 5), "Saturday 31st 365 4 1 PM 53 52 2022"),
        (datetime(2023, 1, 1, 12), "Sunday 1st 1 1 12 PM 1 52 2023"),
        (datetime(2024, 12, 29), "Sunday 29th 364 4 12 AM 1 52 2025"),
        (datetime(2024, 2, 22), "Thursday 22nd 53 1 12 AM 8 8 2024"),
        (datetime(2024, 11, 13, 11), "Wednesday 13th 318 4 11 AM 46 46 2024"),
        (datetime(9999, 12, 23), "Thursday 23rd 357 4 12 AM 52 51 9999"),
    ],
)
async def test_the_days_of_a_calendar(engine: Engine, date: datetime, text: str) -> None:
    key = Key(WHEN, DateFormat("dddd Do DDD Q h A w W gggg"))
    assert await keys(engine, key, date) == [text]


async def test_formats_in_a_zone(engine: Engine) -> None:
    key = Key(WHEN, DateFormat("YYYY-MM-DD HH ddd Z ZZ [W]W w X"), "America/New_York")
    assert await keys(engine, key, NEW_YEAR) == ["2020-12-31 19 Thu -05:00 -0500 W53 1 1609461005"]


async def test_dates_that_are_in_no_calendar(engine: Engine) -> None:
    last, before = datetime(9999, 12, 31, 23), DatetimeMS(-100_000_000_000_000)
    dates = (FAR, last, before)
    assert await keys(engine, Key(WHEN, DatePart.YEAR), *dates) == [-1199, 9999, 14645]
    formatted = Key(WHEN, DateFormat("YYYY"))
    assert await keys(engine, formatted, *dates, as_text=True) == ["null", "9999"]
    in_oslo = Key(WHEN, DateFormat("YYYY"), "Europe/Oslo")
    assert await keys(engine, in_oslo, *dates) == [None]
    ends = DatetimeMS(-(2**63)), DatetimeMS(2**63 - 1)
    assert await keys(engine, Key(WHEN, DatePart.YEAR), *ends) == [-292_275_055, 292_278_994]
    assert await keys(engine, Key(WHEN, DateBucket.SECOND), *ends) == [
        None,
        DatetimeMS(2**63 - 808),
    ]
    assert await keys(engine, Key(WHEN), *dates, as_text=True) == [
        "-001199-02-15T14:13:20.000Z",
        "9999-12-31T23:00:00.000Z",
        "+014645-06-30T15:06:40.000Z",
    ]


@pytest.mark.parametrize(
    ("zone", "says"),
    [
        ("Europe/Olso", "Did you mean 'Europe/Oslo'?"),
        ("europe/oslo", "Did you mean 'Europe/Oslo'?"),
        ("+25:00", "'+25:00'"),
        ("", "no time zone ''"),
        ("../etc/passwd", "'../etc/passwd'"),
        ("$when", "'$when'"),
        ("x" * 5000, "no time zone 'xxx"),
        ("a\0b", "no time zone"),
    ],
)
async def test_unknown_zones_are_named(engine: Engine, zone: str, says: str) -> None:
    for date in (DatePart.YEAR, None):
        with pytest.raises(BadQuery) as caught:
            await keys(engine, Key(WHEN, date, zone), NEW_YEAR)
        assert says in caught.value.message


async def test_zones_that_only_the_database_does_not_know(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = "duetdb.app.service.reading.key_expressions.check_zone"
    monkeypatch.setattr(checks, lambda zone: None)
    with pytest.raises(BadQuery, match=r"The database does not know this time zone\."):
        await keys(engine, Key(WHEN, DatePart.YEAR, "Nowhere"), NEW_YEAR)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([None, "null"], ["null"]),
        ([True, "true", False], ["true", "false"]),
        ([1, "1", 1.0, Int64(1), Decimal128("1.00")], ["1"]),
        ([0.1, "0.1", Decimal128("0.10")], ["0.1"]),
        ([12345678.9, 12345678.8, -0.0, 1e15, 1e20], ["0", *map(str, (12345678.8, 12345678.9))]),
        ([0.1 + 0.2, 0.3], ["0.3", "0.30000000000000004"]),
        ([1e-7, 1e21, 2.0**53], ["1e-7", "9007199254740992", "1e+21"]),
        ([float("nan"), float("inf"), float("-inf")], ["NaN", "-Infinity", "Infinity"]),
        ([Decimal128("NaN"), Decimal128("1E+3"), 1000], ["NaN", "1000"]),
        (
            [Decimal128("0E-7"), Decimal128("12345678901234567890.50")],
            ["0", "12345678901234567890.5"],
        ),
        ([ObjectId("0" * 24), "0" * 24], ["0" * 24]),
        ([NEW_YEAR, "2021-01-01T00:30:05.007Z"], ["2021-01-01T00:30:05.007Z"]),
        ([["a", "b"], "a,b", ("a", "b")], ["a,b"]),
        ([[1, None, 2.5, True], "1,null,2.5,true"], ["1,null,2.5,true"]),
        ([[], ""], [""]),
        ([["x"], "x"], ["x"]),
        ([[ObjectId("0" * 24)]], ["0" * 24]),
        ([[1, [2, "3"]]], ['1,[2,"3"]']),
        ([{"b": 1, "a": {"c": [1.5, None]}}], ['{"b":1,"a":{"c":[1.5,null]}}']),
        ([[{"a": 1}, "x"]], ['{"a":1},x']),
        ([Binary(b"x", 5)], ['{"$binary":{"base64":"eA==","subType":"05"}}']),
        ([[FAR, 1]], ["+014645-06-30T15:06:40.000Z,1"]),
    ],
)
async def test_texts(engine: Engine, values: list[Any], texts: list[str]) -> None:
    found = await keys(engine, Key(WHEN), *values, as_text=True)
    if len(values) == 5 and len(texts) == 3:
        texts = [*texts, "1000000000000000", "100000000000000000000"]
    assert sorted(found) == sorted(texts)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([float("nan"), "NaN", Decimal128("NaN")], "NaN"),
        ([1e22, "1e+22"], "1e+22"),
        ([{"a": 1}, '{"a":1}', [{"a": 1}]], '{"a":1}'),
        ([FAR, "+014645-06-30T15:06:40.000Z"], "+014645-06-30T15:06:40.000Z"),
        ([Code("f()"), Code("f()", {"x": 1}), "f()"], "f()"),
        ([[1e22, "$a"], "1e+22,$a"], "1e+22,$a"),
    ],
)
async def test_values_of_one_text_are_one_group(
    engine: Engine, values: list[Any], text: str
) -> None:
    assert await keys(engine, Key(WHEN), *values, "other", as_text=True) in (
        [text, "other"],
        ["other", text],
    )


async def test_groups_by_text_keep_the_order_of_what_they_are_made_of(engine: Engine) -> None:
    assert await keys(engine, Key(WHEN), 10, 9, "b", None, 2.5, "a", as_text=True) == [
        "null",
        "2.5",
        "9",
        "10",
        "a",
        "b",
    ]
    months = [datetime(2020, month, 1) for month in (4, 1, 12, 8)]
    for as_text in (True, False):
        found = await keys(engine, Key(WHEN, DateFormat("MMM")), *months, as_text=as_text)
        assert found == ["Jan", "Apr", "Aug", "Dec"]
    found = await keys(engine, Key(WHEN, DatePart.MONTH), *months, None, as_text=True)
    assert found == ["null", "1", "4", "8", "12"]
    asked = Aggregate(
        query=Query(collection=SALES, max=None),
        keys=(Key(WHEN, DateFormat("MMM")),),
        order=(GroupOrder("k0", descending=True),),
    )
    groups = await serve(engine).aggregate(asked, FULL_ACCESS)
    assert [each.keys[0] for each in groups] == ["Dec", "Aug", "Apr", "Jan", None]


def test_keys_are_read() -> None:
    shop = Hop("shop", SHOPS)
    for text, key in {
        "item": Key(Place("item")),
        "a:b": Key(Place("a:b")),
        "shop.name": Key(Place("name", (shop,))),
        "lines[0].n": Key(Place("lines.0.n")),
        "$YEAR:when": Key(WHEN, DatePart.YEAR),
        "$min:when": Key(WHEN, DatePart.MINUTE),
        "$SEC:shop.opened": Key(Place("opened", (shop,)), DatePart.SECOND),
        "$DATE.YYYY-MM:when": Key(WHEN, DateFormat("YYYY-MM")),
        "$DATE.HH:mm:when": Key(WHEN, DateFormat("HH:mm")),
        "$DATE.[MMM YYYY]:when": Key(WHEN, DateFormat("MMM YYYY")),
        "$DATE.[YYYY] [MM]:when": Key(WHEN, DateFormat("[YYYY] [MM]")),
        "$DATE.[YYYY [week] W]:when": Key(WHEN, DateFormat("YYYY [week] W")),
    }.items():
        assert parse_key(text, SALES, SCHEMA) == key, text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("$YAER:when", "There is no function '$YAER'. Did you mean '$YEAR'?"),
        ("$YEAR", "needs a field"),
        ("$YEAR:", "needs a field"),
        ("$DATE:when", "There is no function '$DATE'"),
        ("$DATE.:when", "needs a format"),
        ("$DATE.[]:when", "needs a format"),
        ("$:when", "There is no function '$'"),
        ("shop..name", "empty part"),
        ("", "empty part"),
    ],
)
def test_keys_that_are_none(text: str, says: str) -> None:
    with pytest.raises(BadQuery) as caught:
        parse_key(text, SALES, SCHEMA)
    assert says in caught.value.message


def test_long_formats() -> None:
    with pytest.raises(LimitExceeded, match="200 characters"):
        parse_key(f"$DATE.{'Y' * 201}:when", SALES, SCHEMA)


def test_figures_are_read() -> None:
    shop = Hop("shop", SHOPS)
    for text, name, measure in (
        ("SUM:n", "SUM n", Measure(Function.SUM, Place("n"))),
        ("avg:shop.rooms", "AVG shop.rooms", Measure(Function.AVG, Place("rooms", (shop,)))),
        ("MIN:a:b", "MIN a:b", Measure(Function.LEAST, Place("a:b"))),
        ("MAX:lines[0].n", "MAX lines[0].n", Measure(Function.GREATEST, Place("lines.0.n"))),
        ("COUNT:", "COUNT ", COUNT),
        ("COUNT", "COUNT ", COUNT),
        ("Count:of: all", "COUNT of: all", COUNT),
    ):
        assert parse_measure(text, SALES, SCHEMA) == (name, measure), text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("SUMM:n", "There is no function 'SUMM'. Did you mean 'SUM'?"),
        ("n", "There is no function 'n'."),
        ("SUM:", "'SUM' needs a field."),
        ("MAX", "'MAX' needs a field."),
        ("SUM:a.$b", "begins with '$'"),
    ],
)
def test_figures_that_are_none(text: str, says: str) -> None:
    with pytest.raises(BadQuery) as caught:
        parse_measure(text, SALES, SCHEMA)
    assert says in caught.value.message
