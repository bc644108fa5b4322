"""The query language and its operators, row by row (SPEC 7.1, 7.2, 7.4, 7.5), in both voices."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.spec_rows.rows import ACME, ANN, BOB, CID, DAN, Ask, Json, only

EVERYBODY = "Ann Bob Cid Dan"


def names(documents: list[Json]) -> str:
    return " ".join(each["name"] for each in documents)


def found(ask: Ask, q: Json, where: str = "") -> str:
    """The names of whom ``q`` finds by REST and in GraphQL, and ``where`` too."""
    by_rest = names(ask.rest(f"people?q={quote(json.dumps(q))}"))
    assert names(ask.graphql("query ($q: JSON) { people(q: $q) { name } }", q=q)) == by_rest
    if where:
        assert names(ask.graphql(f"{{ people(where: {where}) {{ name }} }}")) == by_rest
    return by_rest


def both_refuse(ask: Ask, q: Json) -> str:
    """What both say against ``q``, which is a mistake of the client."""
    error = ask.refused(f"people?q={quote(json.dumps(q))}")
    same = ask.graphql_refused("query ($q: JSON) { people(q: $q) { name } }", q=q)
    assert (error["status"], error["message"]) == (400, same["message"])
    return str(error["message"])


# 7.1 Basics


def test_7_1_several_fields(ask: Ask) -> None:
    """All must hold; names are case-sensitive."""
    assert found(ask, {"level": "senior"}, '{level: {eq: "senior"}}') == "Ann Cid"
    both = {"level": "senior", "age": 30}
    assert found(ask, both, '{level: {eq: "senior"}, age: {eq: 30}}') == "Ann"
    assert found(ask, {"Level": "senior"}) == ""
    assert found(ask, {}, "{}") == EVERYBODY


def test_7_1_dotted_paths(ask: Ask) -> None:
    """Into objects, to positions in lists, and through lists to any of their elements."""
    assert found(ask, {"address.city": "Oslo"}, '{address: {city: {eq: "Oslo"}}}') == "Ann Cid"
    assert found(ask, {"scores.0": 3}) == "Ann"
    assert found(ask, {"scores.1": 3}) == ""
    assert found(ask, {"route.0.stop": "Oslo"}) == "Ann"
    assert found(ask, {"route.1.stop": "Oslo"}) == ""
    elements = '{route: {elemMatch: {stop: {eq: "Bergen"}}}}'
    assert found(ask, {"route.stop": "Bergen"}, elements) == "Ann"


def test_7_1_brackets(ask: Ask) -> None:
    assert found(ask, {"route[1].stop": "Bergen"}) == found(ask, {"route.1.stop": "Bergen"})
    assert found(ask, {"route[1].stop": "Bergen"}) == "Ann"
    assert ask.rest('people?q={"$distinct":"company[0].name"}') == ["Acme", "Beta"]


def test_7_1_a_scalar_on_a_list(ask: Ask) -> None:
    """Any element may be equal."""
    assert found(ask, {"tags": "red"}, '{tags: {eq: "red"}}') == "Ann Bob"
    assert found(ask, {"scores": {"$gt": 8}}, "{scores: {gt: 8}}") == "Ann"


def test_7_1_an_object_on_a_list(ask: Ask) -> None:
    """One element must hold all of it, whatever else it holds."""
    part = {"route": {"stop": "Bergen", "km": 460}}
    where = '{route: {elemMatch: {stop: {eq: "Bergen"}, km: {eq: 460}}}}'
    assert found(ask, part, where) == "Ann"
    assert found(ask, {"route": {"stop": "Bergen"}}) == "Ann"
    assert found(ask, {"route": {"stop": "Bergen", "km": 0}}) == ""
    assert found(ask, {"route.stop": "Bergen", "route.km": 0}) == "Ann"


def test_7_1_an_object_on_references(ask: Ask) -> None:
    assert found(ask, {"company": {"_id": ACME["_id"]}}) == "Ann Cid"
    assert found(ask, {"friends": {"_id": BOB["_id"]}}) == "Ann"
    acme = '{company: {name: {eq: "Acme"}, city: {eq: "Oslo"}}}'
    assert found(ask, {"company": {"name": "Acme", "city": "Oslo"}}, acme) == "Ann Cid"
    assert found(ask, {"company": {"name": "Acme", "city": "Bergen"}}) == ""


def test_7_1_an_object_on_an_object(ask: Ask) -> None:
    assert found(ask, {"address": {"city": "Oslo"}}) == "Ann Cid"
    both = {"city": "Oslo", "street": "P.O. Box 460"}
    where = '{address: {city: {eq: "Oslo"}, street: {eq: "P.O. Box 460"}}}'
    assert found(ask, {"address": both}, where) == "Ann"


# 7.2 Operators


def test_7_2_not(ask: Ask) -> None:
    """Not equal, or the opposite of operators; whoever lacks the field is found."""
    assert found(ask, {"age": {"$not": 30}}, "{age: {ne: 30}}") == "Bob Cid Dan"
    assert found(ask, {"level": {"$not": "senior"}}, '{level: {ne: "senior"}}') == "Bob Dan"
    assert found(ask, {"age": {"$not": {"$gt": 20}}}, "{not: {age: {gt: 20}}}") == "Bob Dan"
    assert found(ask, {"email": {"$not": {"$exists": True}}}) == "Cid Dan"


def test_7_2_in_and_nin(ask: Ask) -> None:
    assert found(ask, {"age": {"$in": [20, 40, 50]}}, "{age: {in: [20, 40, 50]}}") == "Bob Cid"
    assert found(ask, {"age": {"$nin": [20, 40]}}, "{age: {nin: [20, 40]}}") == "Ann Dan"
    assert found(ask, {"tags": {"$in": ["green"]}}, '{tags: {in: ["green"]}}') == "Ann"
    assert found(ask, {"age": {"$in": []}}, "{age: {in: []}}") == ""
    assert found(ask, {"age": {"$nin": []}}, "{age: {nin: []}}") == EVERYBODY


def test_7_2_or_and_and(ask: Ask) -> None:
    either = {"$or": [{"age": 20}, {"level": "senior"}]}
    where = '{or: [{age: {eq: 20}}, {level: {eq: "senior"}}]}'
    assert found(ask, either, where) == "Ann Bob Cid"
    both = {"$and": [{"age": {"$gt": 20}}, {"level": "senior"}]}
    assert found(ask, both, '{and: [{age: {gt: 20}}, {level: {eq: "senior"}}]}') == "Ann Cid"
    assert found(ask, {"name": "Bob", **either}) == "Bob"


def test_7_2_regex(ask: Ask) -> None:
    """Searched anywhere in the text, in its case unless ``i`` is given."""
    assert found(ask, {"name": {"$regex": "^B"}}, '{name: {regex: "^B"}}') == "Bob"
    assert found(ask, {"name": {"$regex": "n"}}, '{name: {regex: "n"}}') == "Ann Dan"
    assert found(ask, {"name": {"$regex": "^b"}}, '{name: {regex: "^b"}}') == ""
    assert found(ask, {"name": {"$regex": "/^b/i"}}, '{name: {regex: "/^b/i"}}') == "Bob"
    assert found(ask, {"name": {"$regex": "^b", "$options": "i"}}) == "Bob"


def test_7_2_regex_is_bounded(ask: Ask) -> None:
    assert "could take endless time" in both_refuse(ask, {"name": {"$regex": "^(a+)+$"}})


@pytest.mark.parametrize(
    ("operator", "who"), [("gt", "Cid"), ("gte", "Ann Cid"), ("lt", "Bob"), ("lte", "Ann Bob")]
)
def test_7_2_comparison(ask: Ask, operator: str, who: str) -> None:
    """Between values of one kind: null is no number."""
    assert found(ask, {"age": {f"${operator}": 30}}, f"{{age: {{{operator}: 30}}}}") == who


def test_7_2_bt(ask: Ask) -> None:
    """Both ends belong to it; of a list one element must be inside."""
    assert found(ask, {"age": {"$bt": [20, 30]}}, "{age: {bt: [20, 30]}}") == "Ann Bob"
    assert found(ask, {"scores": {"$bt": [4, 8]}}, "{scores: {bt: [4, 8]}}") == "Bob"
    assert found(ask, {"scores.0": {"$bt": [3, 4]}}) == "Ann"


def test_7_2_exists(ask: Ask) -> None:
    """A null is there; ``f.0`` is there in a list that is not empty."""
    assert found(ask, {"level": {"$exists": False}}, "{level: {exists: false}}") == "Dan"
    assert found(ask, {"age": {"$exists": True}}, "{age: {exists: true}}") == EVERYBODY
    assert found(ask, {"tags": {"$exists": True}}, "{tags: {exists: true}}") == "Ann Bob Cid"
    assert found(ask, {"tags.0": {"$exists": True}}, "{tags: {size: {gt: 0}}}") == "Ann Bob"


def test_7_2_elem_match(ask: Ask) -> None:
    """One element satisfies all."""
    q: Json = {"route": {"$elemMatch": {"stop": "Bergen", "km": {"$gt": 100}}}}
    where = '{route: {elemMatch: {stop: {eq: "Bergen"}, km: {gt: 100}}}}'
    assert found(ask, q, where) == "Ann"
    q = {"scores": {"$elemMatch": {"$gt": 3, "$lt": 9}}}
    assert found(ask, q, "{scores: {elemMatch: {gt: 3, lt: 9}}}") == "Bob"
    assert found(ask, {"scores": {"$gt": 3, "$lt": 9}}, "{scores: {gt: 3, lt: 9}}") == "Ann Bob"


def test_7_2_date(ask: Ask) -> None:
    """Inside of a comparison; more in 7.3."""
    q = {"born": {"$gt": {"$date": "1990-12-31"}}}
    assert found(ask, q, '{born: {gt: "1990-12-31"}}') == "Cid"


def test_7_2_distinct(ask: Ask) -> None:
    """A flat list of different values; an order, a filter, a page and totals go with it."""
    assert ask.rest('people?q={"$distinct":"level"}') == ["junior", "senior"]
    assert ask.rest('people?q={"$distinct":"tags"}') == ["green", "red"]
    assert ask.rest('people?q={"$distinct":"level","age":20}') == ["junior"]
    assert ask.rest('people?q={"$distinct":"level"}&sort=level&dir=-1') == ["senior", "junior"]
    assert ask.rest('people?q={"$distinct":"born"}&skip=1&max=1') == ["1990-07-01T00:00:00.000Z"]
    assert ask.rest('people?q={"$distinct":"level"}&totals=true&max=1') == {
        "data": ["junior"],
        "totals": {"total": 2, "count": 1, "skip": 0, "max": 1},
    }
    counted = ask.rest('people?q={"$distinct":"level"}&count=true')
    assert (counted["data"], counted["totals"]["count"]) == ([], 2)
    rows = ask.graphql("{ peopleAggregate(groupBy: [level]) { group } }")
    assert [each["group"]["level"] for each in rows] == [None, "junior", "senior"]
    assert ask.graphql("{ peopleAggregate { countDistinct { level tags } } }") == [
        {"countDistinct": {"level": 2, "tags": 2}}
    ]


@pytest.mark.parametrize(
    ("q", "where", "who"),
    [
        ({"age": {"$eq": 30}}, "{age: {eq: 30}}", "Ann"),
        ({"age": {"$ne": 30}}, "{age: {ne: 30}}", "Bob Cid Dan"),
        ({"age": None}, "{age: {eq: null}}", "Dan"),
        ({"tags": {"$all": ["red", "green"]}}, '{tags: {all: ["red", "green"]}}', "Ann"),
        ({"tags": {"$size": 1}}, "{tags: {size: 1}}", "Bob"),
        ({"tags": {"$size": {"$gte": 1}}}, "{tags: {size: {gte: 1}}}", "Ann Bob"),
        ({"$nor": [{"age": 30}, {"age": 20}]}, "{not: {age: {in: [30, 20]}}}", "Cid Dan"),
    ],
)
def test_7_2_what_comes_on_top(ask: Ask, q: Json, where: str, who: str) -> None:
    assert found(ask, q, where) == who


def test_7_2_unknown_operators(ask: Ask) -> None:
    """Named, with the nearest one."""
    message = "Unknown query operator '$gtt'. Did you mean '$gt'?"
    assert both_refuse(ask, {"age": {"$gtt": 1}}) == message
    assert "$where" in both_refuse(ask, {"$where": "true"})


def test_7_2_duplicate_keys(ask: Ask) -> None:
    """The last one counts."""
    assert ask.rest('people?q={"name":"Ann","name":"Bob"}') == [BOB]
    assert ask.rest('people?q={"age":{"$gt":100,"$gt":30}}') == [CID]


# 7.4 Ordering and types


def test_7_4_missing_first(ask: Ask) -> None:
    """As null does; downwards last."""
    assert names(ask.rest("people?sort=level&sort=name")) == "Dan Bob Ann Cid"
    assert names(ask.rest("people?sort=age")) == "Dan Bob Ann Cid"
    assert names(ask.rest("people?sort=age&dir=-1")) == "Cid Ann Bob Dan"
    assert names(ask.graphql("{ people(orderBy: {age: ASC}) { name } }")) == "Dan Bob Ann Cid"
    assert names(ask.graphql("{ people(orderBy: {age: DESC}) { name } }")) == "Cid Ann Bob Dan"


def test_7_4_mixed_types(ask: Ask) -> None:
    """null, numbers, texts, objects, lists, truth values; dates stand in fields of dates alone."""
    mixed: list[Any] = [None, -1, 2.5, 10, "10", "9", {"a": 1}, {"b": 0}, [[]], [[1]], False, True]
    for value in reversed(mixed):
        ask.article(title="mixed", any=value)
    stored = ask.rest('articles?q={"title":"mixed"}&sort=any')
    assert [each["any"] for each in stored] == mixed
    falling = ask.rest('articles?q={"title":"mixed"}&h={"$orderby":{"any":-1}}')
    assert [each["any"] for each in falling] == mixed[::-1]


def test_7_4_ties(ask: Ask) -> None:
    """By ``_id``, in the direction of the last key."""
    assert names(ask.rest("people?sort=active&dir=-1")) == "Bob Ann Cid Dan"
    assert names(ask.rest("people?sort=active")) == "Dan Cid Ann Bob"
    assert names(ask.graphql("{ people(orderBy: {active: DESC}) { name } }")) == "Bob Ann Cid Dan"


# 7.5 Paging


def test_7_5_skip_then_max_after_sort(ask: Ask) -> None:
    assert names(ask.rest("people?sort=age&dir=-1&skip=1&max=2")) == "Ann Bob"
    page = "{ people(orderBy: {age: DESC}, skip: 1, max: 2) { name } }"
    assert ask.graphql(page) == only([ANN, BOB], "name")
    assert ask.rest("people?skip=3&max=5") == [DAN]
