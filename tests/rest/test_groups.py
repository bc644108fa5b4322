"""Groups, figures and distinct values as answers of a list (SPEC 7.2, 7.6)."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.rest.conftest import insert

PEOPLE = [
    {"name": "Ann", "age": 30, "active": True, "born": "1990-05-01", "tags": ["a", "b"]},
    {"name": "Bob", "age": 20, "active": True, "born": "1990-07-01", "tags": ["a"]},
    {"name": "Cid", "age": 40, "active": False, "born": "1991-05-02"},
    {"name": "Dan", "age": 5, "level": "junior"},
]


@pytest.fixture
async def four(rest: httpx.AsyncClient) -> httpx.AsyncClient:
    await insert(rest, "people", PEOPLE)
    return rest


async def ask(client: httpx.AsyncClient, query: str) -> Any:
    answer = await client.get(f"/rest/people?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(groups: Any) -> Any:
    """The same groups with the names of the documents in their place."""
    if isinstance(groups, list):
        return [each["name"] for each in groups]
    return {key: names(each) for key, each in groups.items()}


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ('h={"$aggregate":["COUNT:"]}', {"COUNT ": 4}),
        ('h={"$aggregate":"COUNT:people"}', {"COUNT people": 4}),
        ("aggregate=sum:age&aggregate=AVG:age", {"SUM age": 95, "AVG age": 23.75}),
        ('aggregate=SUM:age&q={"name":"Nobody"}', {"SUM age": 0}),
        ('aggregate=AVG:age&aggregate=MAX:age&q={"name":"X"}', {"AVG age": None, "MAX age": None}),
        ("aggregate=SUM:age&max=2", {"SUM age": 50}),
        ("aggregate=SUM:age&max=2&sort=age&dir=-1", {"SUM age": 70}),
        ("aggregate=SUM:age&skip=3", {"SUM age": 5}),
        ("aggregate=SUM:name", {"SUM name": 0}),
        (
            "groupby=active&aggregate=SUM:age",
            {"null": {"SUM age": 5}, "false": {"SUM age": 40}, "true": {"SUM age": 50}},
        ),
        (
            'groupby=$YEAR:born&aggregate=COUNT:&q={"born":{"$exists":true}}',
            {"1990": {"COUNT ": 2}, "1991": {"COUNT ": 1}},
        ),
        (
            'groupby=$DATE.[MMM YYYY]:born&aggregate=COUNT:&q={"active":true}',
            {"May 1990": {"COUNT ": 1}, "Jul 1990": {"COUNT ": 1}},
        ),
        (
            "groupby=active&groupby=$MONTH:born&aggregate=COUNT:",
            {
                "null": {"null": {"COUNT ": 1}},
                "false": {"5": {"COUNT ": 1}},
                "true": {"5": {"COUNT ": 1}, "7": {"COUNT ": 1}},
            },
        ),
        (
            'h={"$groupby":["active"],"$aggregate":["SUM:age"],"$aggregate-grand-total":true}',
            {
                "null": {"SUM age": 5},
                "false": {"SUM age": 40},
                "true": {"SUM age": 50},
                "SUM age": 95,
            },
        ),
    ],
)
async def test_figures(four: httpx.AsyncClient, query: str, answer: Any) -> None:
    assert await ask(four, query) == answer


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("groupby=active", {"null": ["Dan"], "false": ["Cid"], "true": ["Ann", "Bob"]}),
        (
            "groupby=active&sort=name&dir=-1&max=3",
            {"null": ["Dan"], "false": ["Cid"], "true": ["Bob"]},
        ),
        ("groupby=tags", {"null": ["Cid", "Dan"], "a": ["Bob"], "a,b": ["Ann"]}),
        (
            "groupby=active&groupby=level",
            {
                "null": {"junior": ["Dan"]},
                "false": {"null": ["Cid"]},
                "true": {"null": ["Ann", "Bob"]},
            },
        ),
        ('groupby=active&q={"age":{"$gt":100}}', {}),
    ],
)
async def test_groups_of_documents(four: httpx.AsyncClient, query: str, answer: Any) -> None:
    assert names(await ask(four, query)) == answer


async def test_groups_by_two_lists(rest: httpx.AsyncClient) -> None:
    for tags, extra in ((["a", "b"], [1, 2]), (["a", "b"], [1, 3]), ([], [])):
        await insert(rest, "people", {"name": "X", "tags": tags, "extra": extra})
    assert await ask(rest, "groupby=tags&groupby=extra&aggregate=COUNT:") == {
        "": {"": {"COUNT ": 1}},
        "a,b": {"1,2": {"COUNT ": 1}, "1,3": {"COUNT ": 1}},
    }


async def test_a_list_of_one_object_is_named_as_the_object(rest: httpx.AsyncClient) -> None:
    for extra in ({}, [{}], [{}, {}], [[{}]], [1e30], 1e30):
        await insert(rest, "people", {"name": "X", "extra": extra})
    assert await ask(rest, "groupby=extra&aggregate=COUNT:") == {
        "{}": {"COUNT ": 2},
        "{},{}": {"COUNT ": 1},
        "[{}]": {"COUNT ": 1},
        "1e+30": {"COUNT ": 2},
    }


async def test_least_and_greatest_are_documents(four: httpx.AsyncClient) -> None:
    found = await ask(four, 'aggregate=MIN:age&aggregate=MAX:age&h={"$fields":{"name":1,"_id":0}}')
    assert found == {"MIN age": {"name": "Dan"}, "MAX age": {"name": "Cid"}}


async def test_lists_inside_of_lists_are_values(rest: httpx.AsyncClient) -> None:
    for name, extra in (("Ann", [[False], []]), ("Bob", [1, {}]), ("Cid", [[3]]), ("Dan", [])):
        await insert(rest, "people", {"name": name, "extra": extra})
    found = await ask(rest, 'aggregate=MIN:extra&aggregate=MAX:extra&h={"$fields":{"name":1}}')
    assert (found["MIN extra"]["name"], found["MAX extra"]["name"]) == ("Bob", "Ann")


async def test_totals_go_around_groups(four: httpx.AsyncClient) -> None:
    answer = await four.get("/rest/people?groupby=active&aggregate=COUNT:&totals=true&max=3")
    assert answer.json() == {
        "data": {"false": {"COUNT ": 1}, "true": {"COUNT ": 2}},
        "totals": {"total": 4, "count": 2, "skip": 0, "max": 3},
    }
    assert json.loads(answer.headers["x-pagination"])["total"] == 4


async def test_a_grand_total_is_no_group(four: httpx.AsyncClient) -> None:
    hints = '{"$groupby":["active"],"$aggregate":["COUNT:"],"$aggregate-grand-total":true}'
    assert await ask(four, f'h={hints}&totals=true&q={{"age":0}}') == {
        "data": {"COUNT ": 0},
        "totals": {"total": 0, "count": 0, "skip": 0, "max": 1000},
    }


async def test_a_group_that_is_called_like_a_figure_stays(four: httpx.AsyncClient) -> None:
    await insert(four, "people", {"name": "COUNT "})
    hints = '{"$groupby":["name"],"$aggregate":["COUNT:"],"$aggregate-grand-total":true}'
    found = await ask(four, f"h={hints}")
    assert found["COUNT "] == {"COUNT ": 1}


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ('q={"$distinct":"tags"}', ["a", "b"]),
        ('q={"$distinct":"age"}', [5, 20, 30, 40]),
        ('q={"$distinct":"age"}&sort=age&dir=-1&max=2', [40, 30]),
        ('q={"$distinct":"age","active":true}', [20, 30]),
        ('q={"$distinct":"age"}&skip=1&max=1', [20]),
        ('q={"$distinct":"none"}', []),
        (
            'q={"$distinct":"age"}&totals=true&max=1',
            {"data": [5], "totals": {"total": 4, "count": 1, "skip": 0, "max": 1}},
        ),
        (
            'q={"$distinct":"tags"}&totals=true&count=true',
            {"data": [], "totals": {"total": 2, "count": 2, "skip": 0, "max": 1000}},
        ),
    ],
)
async def test_distinct_values(four: httpx.AsyncClient, query: str, answer: Any) -> None:
    assert await ask(four, query) == answer


async def test_distinct_values_of_related_documents(rest: httpx.AsyncClient) -> None:
    acme, beta = await insert(rest, "companies", [{"name": "Acme"}, {"name": "Beta"}])
    for company in (acme, beta, acme):
        await insert(rest, "people", {"name": "X", "company": company["_id"]})
    assert await ask(rest, 'q={"$distinct":"company[0].name"}') == ["Acme", "Beta"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("aggregate=SUMM:age", "SUM"),
        ("aggregate=age", "SUM"),
        ("groupby=$WEEKDAY:born", "$WEEKDAY"),
        ('h={"$groupby":[1]}', "$groupby"),
        ('h={"$aggregate":{"a":1}}', "$aggregate"),
        ("groupby=a..b", "a..b"),
        ('q={"$distinct":5}', "$distinct"),
        ('q={"$distinct":"a"}&groupby=b', "$distinct"),
        ('q={"age":{"$distinct":"a"}}', "$distinct"),
        ("groupby=notes", "notes"),
        ("&".join(f"groupby=f{number}" for number in range(17)), "16"),
    ],
)
async def test_what_cannot_be_asked_is_named(
    four: httpx.AsyncClient, query: str, message: str
) -> None:
    answer = await four.get(f"/rest/people?{query}")
    assert answer.status_code == 400, answer.text
    assert message in str(answer.json())
