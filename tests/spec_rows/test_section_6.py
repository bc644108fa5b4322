"""Hints, text filter, totals, ``X-Pagination`` and what URLs may look like (SPEC 6.2 to 6.6).

Searching by callers who may not read every field (6.3) belongs to the rules of access.
"""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.spec_rows.rows import ANN, BOB, CID, DAN, PEOPLE, Ask, Json, only


def names(documents: list[Json]) -> list[str]:
    return [each["name"] for each in documents]


# 6.2 Hints


def test_6_2_fields(ask: Ask) -> None:
    """Included or excluded, mixed never; ``_id`` is there unless excluded by name."""
    assert ask.rest('people?h={"$fields":{"name":1,"age":1}}') == only(PEOPLE, "_id", "name", "age")
    assert ask.rest('people?h={"$fields":{"name":1,"_id":0}}') == only(PEOPLE, "name")
    assert ask.rest('people?skip=3&h={"$fields":{"age":0}}') == only([DAN], "_id", "name")
    assert ask.rest('people?skip=3&h={"$fields":{"_id":0}}') == only([DAN], "name", "age")
    assert ask.refused('people?h={"$fields":{"name":1,"age":0}}')["status"] == 400
    selected = ask.graphql("{ people { name age } }")
    assert selected == only(PEOPLE, "name", "age")


def test_6_2_max_and_skip(ask: Ask) -> None:
    assert ask.rest('people?h={"$max":2,"$skip":1}') == [BOB, CID]
    assert ask.graphql("{ people(max: 2, skip: 1) { name } }") == only([BOB, CID], "name")


def test_6_2_orderby(ask: Ask) -> None:
    """In the order of its keys."""
    assert ask.rest('people?h={"$orderby":{"level":1,"name":-1}}') == [DAN, BOB, CID, ANN]
    assert ask.rest('people?h={"$orderby":{"name":-1,"level":1}}') == [DAN, CID, BOB, ANN]


def test_6_2_groupby_and_aggregate(ask: Ask) -> None:
    """With ``$aggregate-grand-total`` the figures of all groups beside those of each."""
    by_level = 'people?h={"$groupby":["level"],"$aggregate":["SUM:age"]'
    levels = {"null": {"SUM age": 0}, "junior": {"SUM age": 20}, "senior": {"SUM age": 70}}
    assert ask.rest(by_level + "}") == levels
    assert ask.rest(by_level + ',"$aggregate-grand-total":true}') == {**levels, "SUM age": 90}


def test_6_2_no_hints(ask: Ask) -> None:
    assert ask.rest("people?h=[]") == ask.rest("people?h={}") == PEOPLE


# 6.3 Text filter


def test_6_3_what_is_indexed(ask: Ask) -> None:
    """Texts of declared fields, split at all but letters and digits, in lower case, once each."""
    (ann,) = ask.rest('people?q={"name":"Ann"}&metafields=true')
    words = "ann example com senior red green oslo p o box 460 bergen".split()
    assert ann["_keywords"] == words
    assert ann["_tags"] == " ".join(words)


def test_6_3_match_rule(ask: Ask) -> None:
    """Each word of the filter begins one of the document, in any case; ``q`` holds besides."""

    def found(text: str) -> list[str]:
        by_rest = names(ask.rest(f"people?filter={text.replace(' ', '+')}"))
        query = "query ($text: String) { people(filter: $text) { name } }"
        assert names(ask.graphql(query, text=text)) == by_rest
        return by_rest

    assert found("oslo") == found("OSL") == ["Ann", "Cid"]
    assert found("slo") == []
    assert found("oslo senior") == found("sen osl") == ["Ann", "Cid"]
    assert found("oslo junior") == []
    assert found("p.o. box 460") == ["Ann"]
    assert found("ann@example") == ["Ann"]
    assert names(ask.rest('people?filter=oslo&q={"age":{"$gt":30}}')) == ["Cid"]
    query = '{ people(filter: "oslo", where: {age: {gt: 30}}) { name } }'
    assert names(ask.graphql(query)) == ["Cid"]


def test_6_3_what_is_not_indexed(ask: Ask) -> None:
    """Undeclared properties, referenced documents, HTML, hidden fields, the 65th word."""
    assert ask.rest("people?filter=annie") == ask.rest("people?filter=acme") == []
    many = " ".join(f"w{number}" for number in range(100))
    id_ = ask.article(title="Østfold", comments=[many], body="<p>web</p>", secret="hush")
    assert ask.rest("articles?filter=%C3%98st")[0]["_id"] == id_
    stored = ask.rest(f"articles/{id_}?metafields=true")["_keywords"]
    assert stored == ["østfold", *(f"w{number}" for number in range(63))]
    assert ask.rest("articles?filter=web") == ask.rest("articles?filter=hush") == []


# 6.4 Totals envelope


def test_6_4_totals(ask: Ask) -> None:
    """``total`` is what matches before paging, ``count`` what is in ``data``."""
    assert ask.rest('people?totals=true&skip=1&max=1&q={"active":true}') == {
        "data": [BOB],
        "totals": {"total": 2, "count": 1, "skip": 1, "max": 1},
    }
    query = """{
      peopleConnection(first: 1, where: {active: {eq: true}}) { totalCount edges { node { name } } }
    }"""
    page = {"totalCount": 2, "edges": [{"node": {"name": "Ann"}}]}
    assert ask.graphql(query) == page


@pytest.mark.parametrize("asked", ["totals=true&count=true", "count=true"])
def test_6_4_count(ask: Ask, asked: str) -> None:
    assert ask.rest(f'people?{asked}&q={{"active":true}}&max=1') == {
        "data": [],
        "totals": {"total": 2, "count": 2, "skip": 0, "max": 1},
    }
    query = "{ peopleConnection(where: {active: {eq: true}}) { totalCount } }"
    assert ask.graphql(query) == {"totalCount": 2}


def test_6_4_totals_of_groups(ask: Ask) -> None:
    grouped = ask.rest("people?groupby=level&aggregate=COUNT:&totals=true")
    assert grouped["data"] == ask.rest("people?groupby=level&aggregate=COUNT:")
    assert grouped["totals"] == {"total": 4, "count": 3, "skip": 0, "max": 1000}


# 6.5 X-Pagination header


def test_6_5_pagination(ask: Ask) -> None:
    """JSON in a header of list answers, with a total only where totals were asked for."""

    def header(path: str) -> Any:
        return json.loads(ask.send(path).headers["x-pagination"])

    assert header("people") == {"count": 4, "skip": 0, "max": 1000}
    assert header("people?skip=1&max=2") == {"count": 2, "skip": 1, "max": 2}
    assert header("people?max=2&totals=true") == {"count": 2, "skip": 0, "max": 2, "total": 4}
    assert header(f"people/{ANN['_id']}/notes") == {"count": 2, "skip": 0, "max": 1000}
    assert "x-pagination" not in ask.send(f"people/{ANN['_id']}").headers


# 6.6 URL tolerance


@pytest.mark.parametrize(
    ("wild", "found"),
    [
        ("?&sort=name&dir=-1", [DAN, CID, BOB, ANN]),
        ("?&&max=1&", [ANN]),
        ("?max=3&max=1", [ANN]),
        ('?q={"age":{"$gt":20}}', [ANN, CID]),
        ("?q=%7B%22age%22%3A%7B%22%24gt%22%3A20%7D%7D", [ANN, CID]),
        ('?q={"scores":{"$in":[3,9]}}', [ANN]),
        ('?q={"address.street":"P.O.%20Box%20460"}', [ANN]),
        ('?q={"address.street":"P.O.+Box+460"}', [ANN]),
        ('?q={"age":+{"$gt":+20}}', [ANN, CID]),
        ("?%0A%20%20q=%7B%22name%22:%22Bob%22%7D", [BOB]),
        ('?q={%0A%20%20"name":%20"Bob"%0A}', [BOB]),
        ("/?max=1", [ANN]),
    ],
)
def test_6_6_tolerance(ask: Ask, wild: str, found: list[Json]) -> None:
    """Sent as it stands here, because a client would clean it."""
    address = ask.client.base_url
    connection = HTTPConnection(address.host, address.port or 80, timeout=30)
    try:
        key = {"x-apikey": ask.client.headers["x-apikey"]}
        connection.request("GET", f"/rest/people{wild}", headers=key)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())) == (200, found)
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["people?q={", "people?h={", "people?q={name:1}", "people?h=x"])
def test_6_6_invalid_json(ask: Ask, path: str) -> None:
    error = ask.refused(path)
    assert (error["status"], error["name"]) == (400, "BadQuery")
    assert error["message"].startswith(f"The query parameter {path[7]} cannot be read.")
