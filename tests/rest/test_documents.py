"""The twelve rows of the collection interface (SPEC 5)."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.rest.conftest import insert

AUDIT = {"_created", "_changed", "_createdby", "_changedby"}
UNKNOWN = "0" * 24


async def test_post_answers_the_record_with_its_audit_fields(rest: httpx.AsyncClient) -> None:
    answer = await rest.post("/rest/people", json={"name": "Ann", "age": "41", "salary": 12.5})
    assert answer.status_code == 201
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    body = answer.json()
    assert set(body) == {"_id", "name", "age", "salary", "bonus"} | AUDIT
    assert (body["age"], body["salary"], body["bonus"]) == (41, 12.5, 1.25)
    assert body["_createdby"] == "api"
    assert body["_created"] == body["_changed"]


async def test_get_hides_meta_fields_unless_asked(rest: httpx.AsyncClient) -> None:
    ann = await insert(rest, "people", {"name": "Ann"})
    answer = await rest.get(f"/rest/people/{ann['_id']}")
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"1"'
    assert answer.json() == {"_id": ann["_id"], "name": "Ann"}
    shown = (await rest.get(f"/rest/people/{ann['_id']}?metafields=true")).json()
    assert shown["_version"] == 1
    assert set(shown) >= AUDIT | {"_keywords", "_tags"}


async def test_an_array_is_inserted_in_order(rest: httpx.AsyncClient) -> None:
    body = await insert(rest, "people", [{"name": "Ann"}, {"name": "Bob"}])
    assert [each["name"] for each in body] == ["Ann", "Bob"]
    assert all(set(each) >= AUDIT for each in body)
    assert await insert(rest, "people", []) == []


async def test_one_bad_element_inserts_nothing(rest: httpx.AsyncClient) -> None:
    answer = await rest.post("/rest/people", json=[{"name": "Ann"}, {"age": "x"}])
    assert answer.status_code == 400
    body = answer.json()
    assert (body["name"], body["status"]) == ("ValidationError", 400)
    assert body["message"]
    found = {(each["field"], each["message"][1], each["index"]) for each in body["list"]}
    assert found == {("name", "REQUIRED", 1), ("age", "TYPE", 1)}
    assert all(len(each["message"]) == 2 for each in body["list"])
    assert (await rest.get("/rest/people")).json() == []


async def test_validation_can_be_left_out(rest: httpx.AsyncClient) -> None:
    answer = await rest.post("/rest/people?validate=false", json=[{"age": 1}])
    assert answer.status_code == 201


async def test_unique_says_already_exists(rest: httpx.AsyncClient) -> None:
    await insert(rest, "people", {"name": "Ann", "email": "ann@example.com"})
    answer = await rest.post("/rest/people", json={"name": "Bob", "email": "ann@example.com"})
    assert answer.status_code == 400
    assert answer.json()["list"] == [{"field": "email", "message": ["Already exists", "UNIQUE"]}]


async def test_put_and_patch_merge(rest: httpx.AsyncClient) -> None:
    ann = await insert(rest, "people", {"name": "Ann", "age": 41, "address": {"city": "Bergen"}})
    path = f"/rest/people/{ann['_id']}"
    answer = await rest.put(path, json={"age": 42})
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"2"'
    assert set(answer.json()) >= AUDIT
    assert (answer.json()["name"], answer.json()["age"]) == ("Ann", 42)
    answer = await rest.patch(path, json={"address.city": "Oslo", "undeclared": {"a": [1]}})
    assert answer.json()["address"] == {"city": "Oslo"}
    assert answer.json()["undeclared"] == {"a": [1]}
    assert "_version" not in answer.json()


async def test_a_whole_record_may_be_put_back(rest: httpx.AsyncClient) -> None:
    company = await insert(rest, "companies", {"name": "Acme"})
    ann = await insert(rest, "people", {"name": "Ann", "company": company["_id"]})
    path = f"/rest/people/{ann['_id']}"
    read = (await rest.get(f"{path}?metafields=true")).json()
    answer = await rest.put(path, json=read)
    assert answer.status_code == 200
    assert answer.json()["company"][0]["name"] == "Acme"
    assert (await rest.put(path, json={"_id": UNKNOWN})).status_code == 400


async def test_delete_answers_the_ids(rest: httpx.AsyncClient) -> None:
    people = await insert(rest, "people", [{"name": name} for name in "abcd"])
    ids = [each["_id"] for each in people]
    answer = await rest.delete(f"/rest/people/{ids[0]}")
    assert (answer.status_code, answer.json()) == (200, {"result": [ids[0]]})
    assert (await rest.delete(f"/rest/people/{ids[0]}")).status_code == 404
    wanted = [ids[2], UNKNOWN, "nonsense", ids[1], ids[2]]
    answer = await rest.request("DELETE", "/rest/people/*", json=wanted)
    assert (answer.status_code, answer.json()) == (200, {"result": [ids[2], ids[1]]})
    answer = await rest.delete("/rest/people/*", params={"q": '{"name":"d"}'})
    assert answer.json() == {"result": [ids[3]]}
    assert (await rest.get("/rest/people")).json() == []


async def test_delete_of_everything_must_be_meant(rest: httpx.AsyncClient) -> None:
    await insert(rest, "people", [{"name": "Ann"}, {"name": "Bob"}])
    assert (await rest.delete("/rest/people/*")).status_code == 400
    assert (await rest.request("DELETE", "/rest/people/*", json={})).status_code == 400
    assert (await rest.request("DELETE", "/rest/people/*?q={}", json=[])).status_code == 400
    assert (await rest.request("DELETE", "/rest/people/*", json=[])).json() == {"result": []}
    answer = await rest.delete("/rest/people?q={}")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST, HEAD"
    assert len((await rest.get("/rest/people")).json()) == 2
    assert len((await rest.delete("/rest/people/*?q={}")).json()["result"]) == 2


async def test_if_match_guards_writes(rest: httpx.AsyncClient) -> None:
    ann = await insert(rest, "people", {"name": "Ann"})
    path = f"/rest/people/{ann['_id']}"

    async def put(tag: str, key: str = path) -> int:
        return (await rest.put(key, json={"age": 1}, headers={"if-match": tag})).status_code

    assert await put('"1"') == 200
    assert await put('"1"') == 412
    assert await put('"7", "2"') == 200
    assert await put('W/"3"') == 412
    assert await put('"x"') == 412
    assert await put("*") == 200
    assert await put("3") == 400
    assert await put('"1"', f"/rest/people/{UNKNOWN}") == 404
    assert await put('"1", "2"', f"/rest/people/{UNKNOWN}") == 404
    assert (await rest.delete(path, headers={"if-match": '"1"'})).status_code == 412
    assert (await rest.delete(path, headers={"if-match": '"4"'})).status_code == 200


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_what_narrows_a_list_does_not_widen_a_write(
    rest: httpx.AsyncClient, method: str
) -> None:
    ann = await insert(rest, "people", {"name": "Ann"})
    body = {"age": 1} if method == "PATCH" else None
    hint = "Say in q which documents are meant."
    for name, value in {"filter": "bob", "max": "1", "skip": "1", "h": '{"$max":1}'}.items():
        url = f"/rest/people/*?q={{}}&{name}={value}"
        answer = await rest.request(method, url, json=body)
        assert (answer.status_code, answer.json()["hint"]) == (400, hint)
        assert answer.json()["message"] == f"'{name}' does not narrow a write of many documents."
    answer = await rest.request(method, '/rest/people/*?q={"name":"Bob"}&q={}', json=body)
    assert (answer.status_code, answer.json()["message"]) == (400, "There is more than one q.")
    answer = await rest.request("DELETE", "/rest/people/*?max=1", json=[ann["_id"]])
    assert answer.status_code == 400
    assert (await rest.get("/rest/people?metafields=true")).json()[0]["_version"] == 1


async def test_if_match_is_not_for_many(rest: httpx.AsyncClient) -> None:
    ann = await insert(rest, "people", {"name": "Ann"})
    tag = {"if-match": '"7"'}
    for answer in (
        await rest.patch("/rest/people/*?q={}", json={"age": 1}, headers=tag),
        await rest.delete("/rest/people/*?q={}", headers=tag),
        await rest.request("DELETE", "/rest/people/*", json=[ann["_id"]], headers=tag),
    ):
        assert answer.status_code == 400
        assert answer.json() == {
            "name": "BadRequest",
            "message": "If-Match is about one document, and this request about many.",
            "status": 400,
            "hint": 'Leave it out, or put what must hold into q, such as {"_version": 3}.',
        }
    answer = await rest.patch("/rest/people/*?q={}", json={"age": 1}, headers={"if-match": "*"})
    assert answer.json() == {"matched": 1, "modified": 1, "failed": []}
    query = {"q": '{"_version":1}'}
    answer = await rest.request("DELETE", "/rest/people/*", params=query)
    assert answer.json() == {"result": []}


async def test_bodies_come_in_several_forms(rest: httpx.AsyncClient) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    sent = [
        (b"name=Ann+Lee&age=41&active=true", form),
        (b'{"name":"Ann Lee","age":41,"active":true}', {}),
        (b'{"name":"Ann Lee","age":41,"active":true}', {"content-type": "text/plain"}),
        (b'{"name":"Ann Lee","age":41,"active":true}', form),
        (
            b'{"name":"Ann Lee","age":41,"active":true}',
            {"content-type": "application/json; charset=UTF-8"},
        ),
    ]
    for content, headers in sent:
        answer = await rest.post("/rest/people", content=content, headers=headers)
        assert answer.status_code == 201, answer.text
        body = answer.json()
        assert (body["name"], body["age"], body["active"]) == ("Ann Lee", 41, True)


async def test_bad_bodies_are_refused_with_a_sentence(rest: httpx.AsyncClient) -> None:
    for content in (b"", b"{", b"1", b'"x"', b"null", b"[1]", b"[[]]", b'{"a":NaN}', b"\xff"):
        answer = await rest.post("/rest/people", content=content)
        assert answer.status_code == 400, content
        assert answer.json()["message"]
        assert answer.json()["hint"]
    ann = await insert(rest, "people", {"name": "Ann"})
    for content in (b"", b"[]", b"[{}]", b"3"):
        answer = await rest.put(f"/rest/people/{ann['_id']}", content=content)
        assert answer.status_code == 400, content


async def test_the_method_may_be_overridden_on_post(rest: httpx.AsyncClient) -> None:
    ann = await insert(rest, "people", {"name": "Ann"})
    path = f"/rest/people/{ann['_id']}/"
    answer = await rest.post(path, json={"age": 3}, headers={"x-http-method-override": "patch"})
    assert (answer.status_code, answer.json()["age"]) == (200, 3)
    answer = await rest.post(path, headers={"X-HTTP-Method-Override": "DELETE"})
    assert answer.json() == {"result": [ann["_id"]]}
    assert (await rest.post(path, headers={"x-http-method-override": "GET"})).status_code == 400
    ignored = await rest.get("/rest/people/", headers={"x-http-method-override": "DELETE"})
    assert ignored.status_code == 200


async def test_unknown_things_are_404_with_a_hint(rest: httpx.AsyncClient) -> None:
    answer = await rest.get("/rest/peple")
    assert answer.status_code == 404
    assert "people" in answer.text
    for path in (
        "people/nonsense",
        f"people/{UNKNOWN}",
        "_collections",
        "_schema",
        "_collections/x",
    ):
        answer = await rest.get(f"/rest/{path}")
        assert answer.status_code == 404, path
        assert answer.json()["name"] == "NotFound"
    assert (await rest.put(f"/rest/people/{UNKNOWN}", json={"age": 1})).status_code == 404
    assert (await rest.get("/rest/system_log")).json() == []


async def test_the_key_comes_first(rest: httpx.AsyncClient) -> None:
    for path in ("/rest/people", "/rest/nothing", "/rest/_meta", "/openapi.json", "/rest"):
        answer = await rest.get(path, headers={"x-apikey": ""})
        assert answer.status_code == 401, path
        answer = await rest.get(path, headers={"x-apikey": "wrong"})
        assert answer.status_code == 403, path
    key = rest.headers.pop("x-apikey")
    assert (await rest.get(f"/rest/people?apikey={key}")).status_code == 200


async def test_accept_and_head(rest: httpx.AsyncClient) -> None:
    assert (await rest.get("/rest/people", headers={"accept": "text/html"})).status_code == 406
    answer = await rest.head("/rest/people")
    assert (answer.status_code, answer.content) == (200, b"")
    assert json.loads(answer.headers["x-pagination"]) == {"count": 0, "skip": 0, "max": 1000}
