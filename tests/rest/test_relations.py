"""References, their expansion, and child lists (SPEC 9)."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from bson import Decimal128, Regex

from duetdb.app.service.engine import Engine
from tests.rest.conftest import insert

UNKNOWN = "0" * 24


@pytest.fixture
async def acme(rest: httpx.AsyncClient) -> dict[str, Any]:
    company: dict[str, Any] = await insert(rest, "companies", {"name": "Acme"})
    return company


async def test_references_come_back_expanded(rest: httpx.AsyncClient, acme: Any) -> None:
    bob = await insert(rest, "people", {"name": "Bob", "company": acme["_id"]})
    body = {"name": "Ann", "company": [acme["_id"]], "friends": [bob["_id"]]}
    created = await insert(rest, "people", {**body, "address": {"landlord": acme["_id"]}})
    company = [{"_id": acme["_id"], "name": "Acme"}]
    friend = [{"_id": bob["_id"], "name": "Bob", "company": company}]
    for ann in (
        created,
        (await rest.get(f"/rest/people/{created['_id']}")).json(),
        (await rest.get('/rest/people?q={"name":"Ann"}')).json()[0],
        (await rest.put(f"/rest/people/{created['_id']}", json={"age": 4})).json(),
    ):
        assert ann["company"] == company
        assert ann["friends"] == friend
        assert ann["address"] == {"landlord": company}


@pytest.mark.parametrize("stored", [False, 0, "", {}, "x", Decimal128("1"), Regex("x")], ids=repr)
async def test_what_is_no_reference_leads_nowhere(
    rest: httpx.AsyncClient, engine: Engine, stored: Any
) -> None:
    ann = await insert(rest, "people", {"name": "Ann"})
    path = f"/rest/people/{ann['_id']}"
    people = engine.database["people"]
    beside = {"$set": {"company": stored}}
    await people.update_one({}, beside, bypass_document_validation=True)
    assert (await rest.get(path)).json()["company"] == []
    assert (await rest.put(path, json={"age": 41})).json()["company"] == []


async def test_meta_fields_are_hidden_inside_too(rest: httpx.AsyncClient, acme: Any) -> None:
    ann = await insert(rest, "people", {"name": "Ann", "company": acme["_id"]})
    shown = (await rest.get(f"/rest/people/{ann['_id']}?metafields=true")).json()
    assert shown["company"][0]["_version"] == 1


async def test_fields_reach_into_references(rest: httpx.AsyncClient, acme: Any) -> None:
    company = {"name": "Bolt", "city": "Oslo"}
    bolt = await insert(rest, "companies", company)
    await insert(rest, "people", {"name": "Ann", "company": bolt["_id"], "friends": []})

    async def first(fields: dict[str, int]) -> Any:
        params = {"h": json.dumps({"$fields": fields})}
        return (await rest.get("/rest/people", params=params)).json()[0]

    assert (await first({"company.city": 1}))["company"] == [{"_id": bolt["_id"], "city": "Oslo"}]
    assert (await first({"company.city": 0}))["company"] == [{"_id": bolt["_id"], "name": "Bolt"}]
    assert (await first({"company": 1, "company.city": 1}))["company"][0]["name"] == "Bolt"
    assert "company" not in await first({"name": 1})
    assert "company" not in await first({"company": 0})


async def test_who_refers(rest: httpx.AsyncClient, acme: Any) -> None:
    ann = await insert(rest, "people", {"name": "Ann", "company": acme["_id"]})
    await insert(rest, "people", {"name": "Bob"})
    answer = await rest.get(f"/rest/companies/{acme['_id']}?referencedby=true")
    assert [each["_id"] for each in answer.json()] == [ann["_id"]]
    answer = await rest.get(f"/rest/companies/{UNKNOWN}?referencedby=true")
    assert answer.status_code == 404


async def test_child_lists(rest: httpx.AsyncClient) -> None:
    ann = await insert(rest, "people", {"name": "Ann"})
    bob = await insert(rest, "people", {"name": "Bob"})
    notes = f"people/{ann['_id']}/notes"
    one = await insert(rest, notes, {"text": "first"})
    assert one["_parent_id"] == ann["_id"]
    assert (one["_parent_def"], one["_parent_field"]) == ("people", "notes")
    await insert(rest, notes, [{"text": "second"}, {"text": "third"}])

    listed = (await rest.get(f"/rest/{notes}?sort=text&dir=-1&max=2&totals=true")).json()
    assert [each["text"] for each in listed["data"]] == ["third", "second"]
    assert listed["totals"]["total"] == 3
    assert (await rest.get(f"/rest/people/{bob['_id']}/notes")).json() == []

    answer = await rest.get(f"/rest/{notes}/{one['_id']}")
    assert answer.json()["text"] == "first"
    assert answer.headers["etag"] == '"1"'
    assert set(answer.json()) == {"_id", "text", "_parent_id", "_parent_def", "_parent_field"}
    answer = await rest.patch(f"/rest/{notes}/{one['_id']}", json={"text": "changed"})
    assert (answer.status_code, answer.json()["text"]) == (200, "changed")
    answer = await rest.delete(f"/rest/{notes}/{one['_id']}")
    assert answer.json() == {"result": [one["_id"]]}


async def test_a_child_of_another_parent_is_not_found(rest: httpx.AsyncClient) -> None:
    ann = await insert(rest, "people", {"name": "Ann"})
    bob = await insert(rest, "people", {"name": "Bob"})
    note = await insert(rest, f"people/{ann['_id']}/notes", {"text": "hers"})
    path = f"/rest/people/{bob['_id']}/notes/{note['_id']}"
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = await rest.request(method, path, json={"text": "his"})
        assert answer.status_code == 404, method
    for tag in ('"1"', '"1", "2"'):
        answer = await rest.put(path, json={"text": "his"}, headers={"if-match": tag})
        assert answer.status_code == 404
    answer = await rest.get(f"/rest/people/{ann['_id']}/notes/{note['_id']}")
    assert answer.json()["text"] == "hers"


async def test_what_is_no_child_list_is_404(rest: httpx.AsyncClient) -> None:
    ann = await insert(rest, "people", {"name": "Ann"})
    answer = await rest.get(f"/rest/people/{ann['_id']}/note")
    assert answer.status_code == 404
    assert "notes" in answer.text
    for path in (f"{ann['_id']}/name", f"{UNKNOWN}/notes", "nonsense/notes"):
        for method in ("GET", "POST"):
            answer = await rest.request(method, f"/rest/people/{path}", json={"text": "x"})
            assert answer.status_code == 404, (method, path)
    answer = await rest.delete(f"/rest/people/{ann['_id']}/notes")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST, HEAD")


async def test_fetchchildren_puts_them_on_the_parent(rest: httpx.AsyncClient) -> None:
    ann = await insert(rest, "people", {"name": "Ann"})
    await insert(rest, f"people/{ann['_id']}/notes", [{"text": "a"}, {"text": "b"}])
    await insert(rest, "people", {"name": "Bob"})
    path = f"/rest/people/{ann['_id']}"
    assert "notes" not in (await rest.get(path)).json()
    shown = (await rest.get(f"{path}?fetchchildren=true")).json()
    assert [each["text"] for each in shown["notes"]] == ["a", "b"]
    listed = (await rest.get("/rest/people?fetchchildren=true")).json()
    assert [len(each["notes"]) for each in listed] == [2, 0]


async def test_children_of_several_show_the_fields_asked_for(rest: httpx.AsyncClient) -> None:
    for name in ("Ann", "Bob"):
        parent = await insert(rest, "people", {"name": name})
        await insert(rest, f"people/{parent['_id']}/notes", {"text": f"by {name}"})
    asked = '/rest/people?fetchchildren=true&h={"$fields":{"notes.%s":%d}}'
    listed = (await rest.get(asked % ("text", 1))).json()
    notes = [note for each in listed for note in each["notes"]]
    assert [note["text"] for note in notes] == ["by Ann", "by Bob"]
    assert all(note.keys() == {"_id", "text"} for note in notes)
    listed = (await rest.get(asked % ("_parent_id", 0))).json()
    notes = [note for each in listed for note in each["notes"]]
    assert all(note.keys() == {"_id", "text", "_parent_def", "_parent_field"} for note in notes), (
        notes
    )


async def test_a_reference_to_nothing_names_the_collection_however_it_is_spelled(
    app_client: httpx.AsyncClient,
) -> None:
    name = "{0}s {x}"
    definitions = [
        {"name": name, "fields": [{"name": "title", "type": "text"}]},
        {"name": "marks", "fields": [{"name": "of", "type": name, "relation": "one"}]},
    ]
    answer = await app_client.put("/rest/_meta", json={"collections": definitions})
    assert answer.status_code == 200, answer.text
    answer = await app_client.post("/rest/marks", json={"of": UNKNOWN})
    assert answer.status_code == 400
    [mistake] = answer.json()["list"]
    assert mistake["message"][0] == f"There is no document {UNKNOWN} in {name!r}."
