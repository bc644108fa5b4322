"""Data that others wrote into the collections: reading them never breaks an answer."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from bson import Code, Decimal128, Regex, encode
from bson.raw_bson import RawBSONDocument

from duetdb.app.service.engine import Engine
from tests.rest.conftest import insert

ODD: list[Any] = [Decimal128("1.5"), Regex("^A"), Code("f()"), {"a": 1}, [1], None, True]


async def put(engine: Engine, collection: str, *documents: Any) -> None:
    """Stores documents past the server and past the validator of the database."""
    stored = engine.database[collection]
    await stored.insert_many(list(documents), bypass_document_validation=True)


@pytest.mark.parametrize("stored", [*ODD, ODD])
async def test_a_reference_that_is_no_id_leads_nowhere(
    rest: httpx.AsyncClient, engine: Engine, stored: Any
) -> None:
    acme = (await insert(rest, "companies", {"name": "Acme"}))["_id"]
    await put(engine, "people", {"name": "Ann", "friends": stored})
    await insert(rest, "people", {"name": "Bob", "company": acme})
    answer = await rest.get('/rest/people?h={"$fields":{"friends":1,"company":1,"_id":0}}')
    assert answer.status_code == 200
    ann, bob = answer.json()
    assert ann == {"friends": None if stored is None else []}
    assert bob == {"company": [{"_id": acme, "name": "Acme"}]}


async def test_parents_and_children_with_odd_ids(rest: httpx.AsyncClient, engine: Engine) -> None:
    ann = (await insert(rest, "people", {"name": "Ann"}))["_id"]
    await insert(rest, f"people/{ann}/notes", {"text": "hers"})
    link = {"_parent_def": "people", "_parent_field": "notes"}
    for odd in (Decimal128("2.5"), {"a": 1}):
        await put(engine, "people", {"_id": odd, "name": "Odd"})
        await put(engine, "notes", {"text": "odd", "_parent_id": odd, **link})
    answer = await rest.get("/rest/people?fetchchildren=true&sort=_created&dir=-1")
    assert answer.status_code == 200
    notes = [[note["text"] for note in each["notes"]] for each in answer.json()]
    assert notes == [["hers"], [], []]


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("people?", '[{"name":"caf\ufffd","x\ufffd":1},{"name":"milk"}]'),
        ("people.ndjson?", '{"name":"caf\ufffd","x\ufffd":1}\n{"name":"milk"}\n'),
        ("people?groupby=name&aggregate=COUNT:&", '{"caf\ufffd":{"COUNT ":1},"milk":{"COUNT ":1}}'),
        ('people?q={"$distinct":"name"}&', '["caf\ufffd","milk"]'),
    ],
)
async def test_what_is_not_utf_8_is_shown_as_far_as_it_can_be(
    rest: httpx.AsyncClient, engine: Engine, address: str, answer: str
) -> None:
    coffee = encode({"_id": 1, "name": "cafe", "x?": 1})
    coffee = coffee.replace(b"cafe", b"caf\xe9").replace(b"x?", b"x\xff")
    await put(engine, "people", RawBSONDocument(coffee), {"_id": 2, "name": "milk"})
    found = await rest.get(f'/rest/{address}h={{"$fields":{{"_id":0}}}}')
    assert found.status_code == 200
    assert found.text == answer
