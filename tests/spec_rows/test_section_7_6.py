"""Groups and figures, row by row (SPEC 7.6), and what says the same in GraphQL."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.spec_rows.rows import ACME, ANN, BETA, BOB, CID, DAN, Ask, Json


def hinted(ask: Ask, hints: Json, more: str = "") -> Any:
    """The answer to hints, which may hold what an address cannot."""
    return ask.rest(f"people?h={quote(json.dumps(hints))}{more}")


def figures(ask: Ask, arguments: str, selection: str) -> Any:
    given = f"({arguments})" if arguments else ""
    return ask.graphql(f"{{ peopleAggregate{given} {{ {selection} }} }}")


def test_count(ask: Ask) -> None:
    """Its label is free and may be empty: the key ends with a space then."""
    assert hinted(ask, {"$aggregate": ["COUNT:"]}) == {"COUNT ": 4}
    assert hinted(ask, {"$aggregate": ["COUNT:of all"]}) == {"COUNT of all": 4}
    assert ask.rest("people?aggregate=COUNT:") == {"COUNT ": 4}
    assert figures(ask, "", "count") == [{"count": 4}]


def test_max_and_min(ask: Ask) -> None:
    """The documents; in GraphQL the values."""
    assert hinted(ask, {"$aggregate": ["MAX:age"]}) == {"MAX age": CID}
    assert hinted(ask, {"$aggregate": ["MIN:born", "MAX:name"]}) == {
        "MIN born": ANN,
        "MAX name": DAN,
    }
    assert figures(ask, "", "max { age name } min { born }") == [
        {"max": {"age": 40, "name": "Dan"}, "min": {"born": ANN["born"]}}
    ]


def test_sum_and_avg(ask: Ask) -> None:
    """What is no number is skipped, in the average too."""
    assert hinted(ask, {"$aggregate": ["SUM:age", "AVG:age"]}) == {"SUM age": 90, "AVG age": 30}
    assert hinted(ask, {"$aggregate": ["SUM:name", "AVG:name"]}) == {
        "SUM name": 0,
        "AVG name": None,
    }
    assert hinted(ask, {"$aggregate": ["SUM:scores"]}) == {"SUM scores": 17}
    assert figures(ask, "", "sum { age scores } avg { age }") == [
        {"sum": {"age": 90, "scores": 17}, "avg": {"age": 30}}
    ]


def test_group(ask: Ask) -> None:
    """Documents by the text of a value; null and missing are the same."""
    levels = {"senior": [ANN, CID], "junior": [BOB], "null": [DAN]}
    assert hinted(ask, {"$groupby": ["level"]}) == levels
    assert ask.rest("people?groupby=level") == levels


def test_nested_groups(ask: Ask) -> None:
    assert hinted(ask, {"$groupby": ["level", "active"]}) == {
        "senior": {"true": [ANN], "false": [CID]},
        "junior": {"true": [BOB]},
        "null": {"null": [DAN]},
    }
    assert figures(ask, "groupBy: [level, active]", "group count") == [
        {"group": {"level": None, "active": None}, "count": 1},
        {"group": {"level": "junior", "active": True}, "count": 1},
        {"group": {"level": "senior", "active": False}, "count": 1},
        {"group": {"level": "senior", "active": True}, "count": 1},
    ]


def test_figures_of_groups(ask: Ask) -> None:
    assert hinted(ask, {"$groupby": ["level"], "$aggregate": ["MAX:age"]}) == {
        "senior": {"MAX age": CID},
        "junior": {"MAX age": BOB},
        "null": {"MAX age": None},
    }
    assert figures(ask, "groupBy: [level]", "group max { age }") == [
        {"group": {"level": None}, "max": {"age": None}},
        {"group": {"level": "junior"}, "max": {"age": 20}},
        {"group": {"level": "senior"}, "max": {"age": 40}},
    ]


def test_groups_with_totals(ask: Ask) -> None:
    hints = {"$groupby": ["level"], "$aggregate": ["COUNT:"]}
    assert hinted(ask, hints, "&totals=true") == {
        "data": {"senior": {"COUNT ": 2}, "junior": {"COUNT ": 1}, "null": {"COUNT ": 1}},
        "totals": {"total": 4, "count": 3, "skip": 0, "max": 1000},
    }


def test_parameters(ask: Ask) -> None:
    """As in hints; a key of the answer is the function, a space, and the text behind the colon."""
    asked = "people?groupby=level&aggregate=SUM:salary&aggregate=AVG:address.floor"
    assert ask.rest(asked) == {
        "senior": {"SUM salary": 9200.5, "AVG address.floor": None},
        "junior": {"SUM salary": 3100, "AVG address.floor": None},
        "null": {"SUM salary": 0, "AVG address.floor": None},
    }
    assert ask.rest("people?aggregate=sum:age") == {"SUM age": 90}


@pytest.mark.parametrize(
    ("key", "groups"),
    [
        ("$YEAR:born", {"1990": 2, "1991": 1, "null": 1}),
        ("$MONTH:born", {"5": 2, "7": 1, "null": 1}),
        ("$DAY:born", {"17": 2, "1": 1, "null": 1}),
        ("$HOUR:seen", {"8": 1, "null": 3}),
        ("$MIN:seen", {"30": 1, "null": 3}),
        ("$SEC:seen", {"15": 1, "null": 3}),
        ("$DATE.MMM:born", {"May": 2, "Jul": 1, "null": 1}),
        ("$DATE.YYYY-MM-DD:born", {"1990-05-17": 1, "1990-07-01": 1, "1991-05-17": 1, "null": 1}),
        ("$DATE.[YYYY-MM]:born", {"1990-05": 1, "1990-07": 1, "1991-05": 1, "null": 1}),
        ("$DATE.HH:mm:seen", {"08:30": 1, "null": 3}),
        ("$DATE.dddd [the] Do:born", {"Thursday the 17th": 1, "Sunday the 1st": 1}),
    ],
)
def test_date_groups(ask: Ask, key: str, groups: Json) -> None:
    """Numbers of dates in UTC, and texts in the tokens of moment.js; the last colon divides."""
    found = hinted(ask, {"$groupby": [key], "$aggregate": ["COUNT:"]})
    assert {name: found[name] for name in groups} == {
        name: {"COUNT ": number} for name, number in groups.items()
    }


def test_date_groups_nest(ask: Ask) -> None:
    hints = {"$groupby": ["$DATE.YYYY:born", "level"], "$aggregate": ["COUNT:"]}
    assert hinted(ask, hints) == {
        "1990": {"senior": {"COUNT ": 1}, "junior": {"COUNT ": 1}},
        "1991": {"senior": {"COUNT ": 1}},
        "null": {"null": {"COUNT ": 1}},
    }


def test_date_buckets_of_graphql(ask: Ask) -> None:
    """Spans of time by the instant at which they begin, in any zone."""
    years = figures(ask, "groupBy: [born_YEAR]", "group count")
    assert years == [
        {"group": {"born_YEAR": None}, "count": 1},
        {"group": {"born_YEAR": "1990-01-01T00:00:00.000Z"}, "count": 2},
        {"group": {"born_YEAR": "1991-01-01T00:00:00.000Z"}, "count": 1},
    ]
    asked = 'groupBy: [seen_DAY], timeZone: "Asia/Kolkata", where: {seen: {exists: true}}'
    days = figures(ask, asked, "group count")
    assert days == [{"group": {"seen_DAY": "2024-02-28T18:30:00.000Z"}, "count": 1}]


def test_dotted_fields(ask: Ask) -> None:
    """In objects, in the objects of lists, and behind references."""
    assert hinted(ask, {"$aggregate": ["SUM:route.km", "MAX:route.1.km"]}) == {
        "SUM route.km": 460,
        "MAX route.1.km": ANN,
    }
    assert hinted(ask, {"$groupby": ["company.name"], "$aggregate": ["SUM:age"]}) == {
        "Acme": {"SUM age": 70},
        "Beta": {"SUM age": 20},
        "null": {"SUM age": 0},
    }
    assert figures(ask, "groupBy: [address_city]", "group sum { route { km } }") == [
        {"group": {"address_city": None}, "sum": {"route": {"km": 0}}},
        {"group": {"address_city": "Bergen"}, "sum": {"route": {"km": 0}}},
        {"group": {"address_city": "Oslo"}, "sum": {"route": {"km": 460}}},
    ]


def test_what_is_grouped(ask: Ask) -> None:
    """What ``q`` and ``filter`` find, in the order of ``sort``, and a page of it if asked for."""
    assert hinted(ask, {"$aggregate": ["SUM:age"]}, '&q={"active":true}') == {"SUM age": 50}
    assert hinted(ask, {"$aggregate": ["SUM:age"]}, "&filter=oslo") == {"SUM age": 70}
    assert hinted(ask, {"$aggregate": ["SUM:age"]}, "&sort=age&dir=-1&max=1") == {"SUM age": 40}
    in_order = hinted(ask, {"$groupby": ["level"]}, "&sort=name&dir=-1&max=2")
    assert in_order == {"null": [DAN], "senior": [CID]}
    assert figures(ask, "where: {active: {eq: true}}", "sum { age }") == [{"sum": {"age": 50}}]
    assert figures(ask, 'filter: "oslo"', "sum { age }") == [{"sum": {"age": 70}}]


def test_no_default_page(ask: Ask) -> None:
    """All that match have figures, also beyond the default of ``max``."""
    assert ask.rest("numbers?aggregate=COUNT:") == {"COUNT ": 1001}
    assert ask.rest("numbers?aggregate=SUM:n") == {"SUM n": 500_500}
    assert ask.rest("numbers?aggregate=COUNT:&max=10") == {"COUNT ": 10}
    assert ask.graphql("{ numbersAggregate { count sum { n } } }") == [
        {"count": 1001, "sum": {"n": 500_500}}
    ]


def test_grand_total(ask: Ask) -> None:
    """At each level the same keys over all beneath."""
    hints = {
        "$groupby": ["level", "active"],
        "$aggregate": ["SUM:age", "COUNT:"],
        "$aggregate-grand-total": True,
    }
    assert hinted(ask, hints) == {
        "senior": {
            "true": {"SUM age": 30, "COUNT ": 1},
            "false": {"SUM age": 40, "COUNT ": 1},
            "SUM age": 70,
            "COUNT ": 2,
        },
        "junior": {"true": {"SUM age": 20, "COUNT ": 1}, "SUM age": 20, "COUNT ": 1},
        "null": {"null": {"SUM age": 0, "COUNT ": 1}, "SUM age": 0, "COUNT ": 1},
        "SUM age": 90,
        "COUNT ": 4,
    }


@pytest.mark.parametrize(
    ("key", "groups"),
    [
        ("age", {"20": 1, "30": 1, "40": 1, "null": 1}),
        ("active", {"true": 2, "false": 1, "null": 1}),
        ("salary", {"3100": 1, "4200.5": 1, "5000": 1, "null": 1}),
        ("tags", {"red,green": 1, "red": 1, "": 1, "null": 1}),
        ("company", {ACME["_id"]: 2, BETA["_id"]: 1, "null": 1}),
        ("born", {ANN["born"]: 1, BOB["born"]: 1, CID["born"]: 1, "null": 1}),
    ],
)
def test_group_keys(ask: Ask, key: str, groups: Json) -> None:
    """The text of a value in JSON, list elements and ids of references joined by commas."""
    found = hinted(ask, {"$groupby": [key], "$aggregate": ["COUNT:"]})
    assert found == {name: {"COUNT ": number} for name, number in groups.items()}


def test_empty_result(ask: Ask) -> None:
    hints = {"$aggregate": ["COUNT:", "SUM:age", "AVG:age", "MIN:age", "MAX:age"]}
    assert hinted(ask, hints, '&q={"name":"Nobody"}') == {
        "COUNT ": 0,
        "SUM age": 0,
        "AVG age": None,
        "MIN age": None,
        "MAX age": None,
    }
    assert hinted(ask, {"$groupby": ["age"]}, '&q={"name":"Nobody"}') == {}
    nobody = 'where: {name: {eq: "Nobody"}}'
    assert figures(ask, nobody, "count sum { age } avg { age } min { age } max { age }") == [
        {
            "count": 0,
            "sum": {"age": 0},
            "avg": {"age": None},
            "min": {"age": None},
            "max": {"age": None},
        }
    ]


def test_having_and_order_of_graphql(ask: Ask) -> None:
    """Groups are kept and ordered by their figures, selected or not."""
    asked = "groupBy: [level], having: {count: {gte: 1}, sum: {age: {gt: 0}}}"
    assert figures(ask, f"{asked}, orderBy: [{{sum: {{age: DESC}}}}], max: 2", "group") == [
        {"group": {"level": "senior"}},
        {"group": {"level": "junior"}},
    ]


def test_unknown_functions(ask: Ask) -> None:
    assert "SUM" in ask.refused("people?aggregate=SUMM:age")["message"]
    assert "$YEAR" in ask.refused("people?groupby=$YEARS:born")["message"]
