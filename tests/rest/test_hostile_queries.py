"""Queries that cannot be asked over REST: a 400 with a sentence, and nothing is deleted."""

from __future__ import annotations

import json

import pytest

from tests.rest.conftest import Target

DEEP_PATH = "a" + ".a" * 240

QUERIES: dict[str, str] = {
    "no JSON": "{",
    "a number": "1",
    "a zero": "0",
    "a text": '"x"',
    "an empty text": '""',
    "a truth value": "false",
    "a list of filters": '[{"name":"Ann"}]',
    "a lone surrogate": '{"name":"\\ud800"}',
    "a surrogate for a name": '{"a\\ud800":1234567890123456789}',
    "NUL in a text": '{"name":"a\\u0000"}',
    "NUL in a path": '{"a\\u0000b":1}',
    "NaN": '{"age":NaN}',
    "a number beyond doubles": '{"age":1e400}',
    "an integer beyond 64 bits": '{"age":99999999999999999999}',
    "300 levels": '{"a":' * 300 + "1" + "}" * 300,
    "3,000 levels": '{"a":' * 3000 + "1" + "}" * 3000,
    "300 levels of operators": '{"$and":[' * 300 + "{}" + "]}" * 300,
    "too many conditions": json.dumps({"$or": [{"age": n} for n in range(600)]}),
    "too long a list": json.dumps({"age": {"$in": [1] * 10_001}}, separators=(",", ":")),
    "an unknown operator": '{"name":{"$foo":1}}',
    "JavaScript": '{"$where":"sleep(1000)"}',
    "JavaScript in a field": '{"name":{"$where":"1"}}',
    "JavaScript in a compared value": '{"extra":{"$in":[{"$where":"1"}]}}',
    "an expression": '{"$expr":{"$function":{"body":"1","args":[],"lang":"js"}}}',
    "a pattern that does not close": '{"name":{"$regex":"("}}',
    "a pattern of 1,000 characters": json.dumps({"name": {"$regex": "a" * 1000}}),
    "unknown pattern options": '{"name":{"$not":{"$regex":"x","$options":"zz"}}}',
    "pattern options that are a number": '{"name":{"$regex":"a","$options":1}}',
    "a date that is none": '{"born":{"$gt":{"$date":"x"}}}',
    "a date beyond 9999": '{"born":{"$date":"99999-01-01"}}',
    "in without a list": '{"age":{"$in":"x"}}',
    "exists without a truth value": '{"name":{"$exists":"q"}}',
    "elemMatch without an object": '{"tags":{"$elemMatch":1}}',
    "a negative size": '{"tags":{"$size":-1}}',
    "all without a list": '{"tags":{"$all":1}}',
    "between with one end": '{"age":{"$bt":[1]}}',
    "or without a list": '{"$or":{}}',
    "an empty path": '{"":1}',
    "an empty part": '{"a..b":1}',
    "a dollar part": '{"a.0.$":1}',
    "241 parts": json.dumps({DEEP_PATH: 1}),
    "an extended id": '{"_id":{"$oid":"x"}}',
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_that_cannot_be_asked(target: Target, name: str) -> None:
    q = QUERIES[name]
    target.refuses(400, "GET", "/rest/people", params={"q": q})
    target.refuses(400, "DELETE", "/rest/people/*", params={"q": q})
    target.refuses(400, "GET", f"/rest/people/{target.ann}/notes", params={"q": q})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("h", "["),
        ("h", "1"),
        ("h", '{"$max":1e400}'),
        ("h", '{"$fields":7}'),
        ("h", '{"$fields":{"name":7}}'),
        ("h", '{"$fields":{"name":1,"age":0}}'),
        ("h", '{"$fields":{"company.$x":1}}'),
        ("h", json.dumps({"$fields": {DEEP_PATH: 1}})),
        ("h", json.dumps({"$fields": {DEEP_PATH: 0}})),
        ("h", '{"$fields":{"_id.a":1}}'),
        ("h", '{"$orderby":7}'),
        ("h", json.dumps({"$orderby": {DEEP_PATH: 1}})),
        ("h", json.dumps({"$orderby": {str(n): 1 for n in range(40)}})),
        ("sort", DEEP_PATH),
        ("sort", "a" * 5000),
        ("sort", "\0"),
        ("sort", "$x"),
        ("sort", "a..b"),
        ("skip", "9" * 30),
        ("max", "9" * 30),
    ],
)
def test_a_list_parameter_that_cannot_be_read(target: Target, name: str, value: str) -> None:
    target.refuses(400, "GET", "/rest/people", params={name: value})


@pytest.mark.parametrize("query", ["q=%FF", "%ED%A0%80=1", "a" + "&a" * 1200, "q=%00"])
def test_a_query_string_that_cannot_be_read(target: Target, query: str) -> None:
    target.refuses(400, "GET", f"/rest/people?{query}")
