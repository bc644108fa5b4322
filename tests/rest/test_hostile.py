"""Bad input over REST: a 4xx with a sentence that says what to do, and nothing is changed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.rest.conftest import Target

FORM = "application/x-www-form-urlencoded"
UNKNOWN = "0" * 24
DEEP_PATH = "a" + ".a" * 240


def nested(levels: int) -> bytes:
    return b'{"name":"x","extra":' + b"[" * levels + b"]" * levels + b"}"


NOT_JSON: dict[str, bytes] = {
    "cut off": b'{"name":"x"',
    "single quotes": b"{'name':'x'}",
    "trailing comma": b'{"name":"x",}',
    "two values": b'{"name":"x"} {}',
    "a comment": b'{"name":"x"/* x */}',
    "bare words": b"name",
    "a byte order mark": b'\xef\xbb\xbf{"name":"x"}',
    "UTF-16": '{"name":"x"}'.encode("utf-16"),
    "bytes that are not UTF-8": b'{"name":"\xff"}',
    "a lone NUL": b"\0",
    "a raw NUL in a text": b'{"name":"a\0b"}',
    "an escaped NUL in a text": b'{"name":"a\\u0000b"}',
    "an escaped NUL in a key": b'{"name":"x","a\\u0000b":1}',
    "a lone surrogate in a text": b'{"name":"\\ud800"}',
    "a lone surrogate in a key": b'{"name":"x","\\udc00":1}',
    "a lone surrogate beside a long number": b'{"name":"\\ud800","b":1234567890123456789}',
    "an encoded surrogate": b'{"name":"\xed\xa0\x80"}',
    "NaN": b'{"name":"x","age":NaN}',
    "Infinity": b'{"name":"x","age":-Infinity}',
    "NaN beside a long number": b'{"name":"x","age":NaN,"b":1234567890123456789}',
    "a number beyond doubles": b'{"name":"x","age":1e999}',
    "an integer beyond 64 bits": b'{"name":"x","age":9223372036854775808}',
    "an integer of 5,000 digits": b'{"name":"x","age":' + b"9" * 5000 + b"}",
    "2,000 open lists": b"[" * 2000,
    "2,000 open objects": b'{"a":' * 2000,
    "100,000 nested lists": b"[" * 100_000 + b"]" * 100_000,
}
NO_OBJECT: dict[str, bytes] = {
    "nothing": b"",
    "white space": b" \r\n\t ",
    "null": b"null",
    "a number": b"1",
    "a text": b'"x"',
    "a truth value": b"true",
}
BAD_VALUES: dict[str, tuple[dict[str, Any], str]] = {
    "a list for a text": ({"name": ["x"]}, "name"),
    "an object for a text": ({"name": {}}, "name"),
    "an operator for a text": ({"name": {"$gt": ""}}, "name"),
    "a text for a number": ({"age": "ten"}, "age"),
    "a fraction for an integer": ({"age": 1.5}, "age"),
    "a huge float for an integer": ({"age": 1e300}, "age"),
    "a float beyond 64 bits": ({"age": 1e19}, "age"),
    "a huge amount": ({"salary": 1e300}, "salary"),
    "an amount that is text": ({"salary": "NaN"}, "salary"),
    "a text for a truth value": ({"active": "maybe"}, "active"),
    "a month 13": ({"born": "2020-13-45"}, "born"),
    "a year beyond 9999": ({"born": "99999-01-01"}, "born"),
    "a date before the year 1": ({"born": -1e300}, "born"),
    "a year 0": ({"born": "0000-01-01"}, "born"),
    "no option": ({"level": "boss"}, "level"),
    "an object in a list of texts": ({"tags": ["x", {}]}, "tags.1"),
    "a text for an object": ({"address": "x"}, "address"),
    "a number in an object": ({"address": {"city": 1}}, "address.city"),
    "a reference that is no id": ({"company": "zz"}, "company"),
    "a reference that is a number": ({"company": 1}, "company"),
    "a reference that is an operator": ({"company": {"$gt": ""}}, "company"),
    "a reference to nothing": ({"company": UNKNOWN}, "company"),
    "nested lists of references": ({"friends": [[[]]]}, "friends.0"),
    "no e-mail address": ({"email": "no"}, "email"),
    "a place outside the world": (
        {"place": {"type": "Point", "coordinates": [1e9, 2]}},
        "place",
    ),
    "an unknown shape": ({"place": {"type": "Blob", "coordinates": []}}, "place"),
    "a dollar key": ({"extra": {"$x": 1}}, "extra"),
    "a dollar key deep down": ({"extra": [{"a": [{"$where": "1"}]}]}, "extra"),
    "a dotted key inside": ({"extra": {"a.b": 1}}, "extra"),
    "an empty key inside": ({"extra": {"": 1}}, "extra"),
    "a dollar key in an undeclared value": ({"other": {"$x": 1}}, "other"),
    "too many levels": (json.loads(nested(60)), "extra"),
    "too many levels by far": (json.loads(nested(500)), "extra"),
}


@pytest.mark.parametrize("name", NOT_JSON)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/rest/people"),
        ("PUT", "/rest/people/{ann}"),
        ("PATCH", "/rest/people/{ann}"),
        ("POST", "/rest/people/{ann}/notes"),
        ("DELETE", "/rest/people/*"),
        ("PUT", "/rest/people/_meta"),
        ("PUT", "/rest/_meta"),
    ],
)
def test_a_body_that_is_not_json(target: Target, method: str, path: str, name: str) -> None:
    body = target.refuses(400, method, path.format(ann=target.ann), content=NOT_JSON[name])
    assert body["name"] == "BadRequest"
    assert body["hint"]


@pytest.mark.parametrize("name", NO_OBJECT)
@pytest.mark.parametrize("path", ["/rest/people", "/rest/people/{ann}/notes", "/rest/nowhere"])
def test_a_body_to_create_that_is_no_object(target: Target, path: str, name: str) -> None:
    status = 404 if "nowhere" in path else 400
    target.refuses(status, "POST", path.format(ann=target.ann), content=NO_OBJECT[name])


@pytest.mark.parametrize("name", [*NO_OBJECT, "a list"])
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_body_to_update_that_is_no_object(target: Target, method: str, name: str) -> None:
    content = NO_OBJECT.get(name, b'[{"name":"x"}]')
    body = target.refuses(400, method, f"/rest/people/{target.ann}", content=content)
    assert body["hint"]


@pytest.mark.parametrize("name", BAD_VALUES)
def test_a_value_that_does_not_fit(target: Target, name: str) -> None:
    value, field = BAD_VALUES[name]
    created = target.refuses(400, "POST", "/rest/people", json={"name": "x", **value})
    changed = target.refuses(400, "PATCH", f"/rest/people/{target.ann}", json=value)
    listed = target.refuses(400, "POST", "/rest/people", json=[{"name": "x"}, {**value}])
    assert [(e["field"], e["message"][1]) for e in created["list"]] == [(field, "TYPE")]
    assert changed["list"] == created["list"]
    assert {"field": field, "index": 1} in [
        {"field": each["field"], "index": each["index"]} for each in listed["list"]
    ]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("$incr", "$inc"),
        ("$where", "$where"),
        ("", "empty"),
        ("a.$x", "$"),
        ("a..b", "empty"),
        (".a", "empty"),
        (DEEP_PATH, "deep"),
        ("company.name", "company"),
    ],
)
def test_a_key_that_no_document_can_have(target: Target, key: str, said: str) -> None:
    body = target.refuses(400, "PATCH", f"/rest/people/{target.ann}", json={key: {"age": 1}})
    assert said in json.dumps(body)
    if "." not in key:
        target.refuses(400, "POST", "/rest/people", json={"name": "x", key: {"age": 1}})


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"title": "x", "nope": 1}, "nope"),
        ({"title": "x", "tittle": "y"}, "tittle"),
        ({"title": "x", "inner": {"b": 1}}, "inner.b"),
    ],
)
def test_unknown_fields_of_a_strict_collection(
    target: Target, document: dict[str, Any], field: str
) -> None:
    body = target.refuses(400, "POST", "/rest/closed", json=document)
    assert [each["field"] for each in body["list"]] == [field]
    listed = target.refuses(400, "POST", "/rest/closed", json=[{"title": "x"}, document])
    assert [(each["field"], each["index"]) for each in listed["list"]] == [(field, 1)]


@pytest.mark.parametrize(
    "text", ["xyz", "1", UNKNOWN, "6" * 23, "6" * 25, "%00", "%FF", "%ED%A0%80", "..%2f..", "$ne"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_an_id_that_is_none(target: Target, method: str, text: str) -> None:
    target.refuses(404, method, f"/rest/people/{text}", content=b'{"name":"x"}')
    target.refuses(404, method, f"/rest/people/{target.ann}/notes/{text}", content=b'{"text":"x"}')


@pytest.mark.parametrize(
    "name",
    "nowhere peeple %00 %ED%A0%80 ..%2f.. $where system.users _collections _workers people%00 "
    "%20people".split(),
)
def test_a_collection_that_is_none(target: Target, name: str) -> None:
    target.refuses(404, "GET", f"/rest/{name}")
    target.refuses(404, "POST", f"/rest/{name}", content=b'{"name":"x"}')
    target.refuses(404, "DELETE", f"/rest/{name}/{target.ann}")
    target.refuses(404, "DELETE", f"/rest/{name}/*?q={{}}")


@pytest.mark.parametrize(
    "path",
    "/rest// /rest/people//_meta/x /rest/people/1/2/3/4/5 /rest/people/_meta/x /nowhere / "
    "/rest/%0A /healthz/x /rest/_meta/changes/zzz".split(),
)
def test_an_address_that_is_none(target: Target, path: str) -> None:
    assert target.refuses(404, "GET", path)["name"] == "NotFound"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PURGE", "/rest/people", "GET, POST, HEAD"),
        ("DELETE", "/rest/people", "GET, POST, HEAD"),
        ("TRACE", "/rest/people/{ann}", "GET, PUT, PATCH, DELETE, HEAD"),
        ("GET", "/rest/people/*", "PATCH, DELETE"),
        ("PATCH", "/rest/_meta", "GET, PUT, HEAD"),
        ("POST", "/healthz", "GET, HEAD"),
    ],
)
def test_a_method_that_an_address_does_not_take(
    target: Target, method: str, path: str, allowed: str
) -> None:
    path = path.format(ann=target.ann)
    target.refuses(405, method, path, content=b'{"name":"x"}')
    answer = target.client.request(method, path)
    assert set(answer.headers["allow"].split(", ")) == set(allowed.split(", "))


@pytest.mark.parametrize(
    ("override", "status"), [("FOO", 400), ("GET", 400), ("", 400), ("PUT", 405), ("\xff", 400)]
)
def test_a_method_override_that_is_none(target: Target, override: str, status: int) -> None:
    headers = {"x-http-method-override": override.encode("latin-1")}
    target.refuses(status, "POST", "/rest/people", headers=headers, json={"name": "x"})


@pytest.mark.parametrize(
    ("query", "status"), [("a" + "&apikey=x" * 1200, 400), ("apikey=%FF", 403), ("apikey=", 401)]
)
def test_a_key_that_cannot_be_read(target: Target, query: str, status: int) -> None:
    request = target.client.build_request("GET", f"/rest/people?{query}")
    del request.headers["x-apikey"]
    answer = target.client.send(request)
    assert answer.status_code == status
    assert answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"name=%FF", FORM),
        (b"name=x" + b"&a=1" * 1200, FORM),
        (b"name=a%00b", FORM),
        (b"name=%ED%A0%80", FORM),
        (b"age=ten&name=x", FORM),
        (b"$inc=1&name=x", FORM),
        (b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nx\r\n--x--', "multipart"),
        (b"name=x", "application/json"),
        (b"name=x", ""),
    ],
)
def test_a_form_that_cannot_be_read(target: Target, body: bytes, kind: str) -> None:
    kind = "multipart/form-data; boundary=x" if kind == "multipart" else kind
    headers = {"content-type": kind} if kind else {}
    target.refuses(400, "POST", "/rest/people", content=body, headers=headers)
    target.refuses(400, "PATCH", f"/rest/people/{target.ann}", content=body, headers=headers)


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"ids":[]}', b"[[]]", b"[{}]", b"[null]", b"[1.5]", json.dumps(["x"] * 200).encode()],
)
def test_ids_to_delete_that_are_none(target: Target, body: bytes) -> None:
    target.refuses(400, "DELETE", "/rest/people/*", content=body)


def test_too_many_documents_at_once(target: Target) -> None:
    body = target.refuses(400, "POST", "/rest/people", json=[{"name": "x"}] * 101)
    assert body["name"] == "LimitExceeded"


@pytest.mark.parametrize(
    "fields",
    [
        {"_id": UNKNOWN},
        {"_id": {"$gt": ""}},
        {"_id": None},
        {"_parent_id": 1},
        {"_parent_id": {"$gt": ""}, "_parent_def": "people", "_parent_field": "notes"},
        {"_parent_id": UNKNOWN, "_parent_def": "people", "_parent_field": "notes"},
        {"_parent_id": UNKNOWN, "_parent_def": "_collections", "_parent_field": "notes"},
    ],
)
def test_an_identity_that_a_document_cannot_take(target: Target, fields: dict[str, Any]) -> None:
    target.refuses(400, "PATCH", f"/rest/people/{target.ann}", json=fields)
    if "_id" not in fields:
        target.refuses(400, "POST", "/rest/people", json={"name": "x", **fields})


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("", 400),
        ("x", 400),
        ('"1', 400),
        ('"1", x', 400),
        ("\xff", 400),
        ('"x"', 412),
        ('W/"1"', 412),
        ('"99"', 412),
        (f'"{"9" * 5000}"', 412),
        ('"2", "x"', 412),
    ],
)
def test_a_precondition_that_does_not_hold(target: Target, value: str, status: int) -> None:
    headers = {"if-match": value.encode("latin-1")}
    path = f"/rest/people/{target.ann}"
    target.refuses(status, "PATCH", path, json={"age": 1}, headers=headers)
    target.refuses(status, "DELETE", path, headers=headers)


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "application/json;q=0", "\xff", "a" * 5000]
)
def test_an_answer_that_is_not_json_is_not_to_be_had(target: Target, accept: str) -> None:
    headers = {"accept": accept.encode("latin-1")}
    target.refuses(406, "POST", "/rest/people", json={"name": "x"}, headers=headers)
