"""Indexes that somebody made beside the server: what they refuse is an error of the document."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from duetdb.app.service.engine import Engine
from tests.rest.conftest import insert

LISTS = "An index of the collection is on two fields, which cannot both hold lists."
HASHED = "A hashed index of the collection does not admit a list."
LANGUAGE = "The text index of the collection does not know the language that the document names."
POSITION = "A 2d index of the collection does not admit the position."


@pytest.mark.parametrize(
    ("index", "given", "body", "said"),
    [
        ([("a", 1), ("b", 1)], {"a": [1]}, {"$push": {"b": 1}}, LISTS),
        ([("a", 1), ("b", 1)], {"a": [1], "c": [1]}, {"$rename": {"c": "b"}}, LISTS),
        ([("a", "hashed")], {}, {"$push": {"a": 1}}, HASHED),
        ([("a", "text")], {}, {"a": "x", "language": "klingon"}, LANGUAGE),
        ([("a", "text")], {}, {"a": "x", "$inc": {"language": 1}}, LANGUAGE),
        ([("a", "2d")], {}, {"a": [1000, 1]}, POSITION),
        ([("a", "2d")], {}, {"a": [1]}, POSITION),
        ([("a", "2d")], {}, {"$push": {"a": {"$each": ["x", "y"]}}}, POSITION),
    ],
)
async def test_it_is_told(
    rest: httpx.AsyncClient,
    engine: Engine,
    index: Any,
    given: dict[str, Any],
    body: dict[str, Any],
    said: str,
) -> None:
    company = await insert(rest, "companies", {"name": "Acme", **given})
    await engine.database["companies"].create_index(index)
    wanted = [{"field": "_id", "message": [said, "TYPE"]}]
    answer = await rest.put(f"/rest/companies/{company['_id']}", json=body)
    assert (answer.status_code, answer.json()["list"]) == (400, wanted)
    answer = await rest.patch("/rest/companies/*?q={}", json=body)
    failed = [{"_id": company["_id"], "message": f"_id: {said}"}]
    assert answer.json() == {"matched": 1, "modified": 0, "failed": failed}
    assert (await rest.get("/rest/companies?metafields=true")).json()[0]["_version"] == 1


async def test_of_new_documents_the_one_is_told(rest: httpx.AsyncClient, engine: Engine) -> None:
    await insert(rest, "companies", {"name": "Acme"})
    await engine.database["companies"].create_index([("a", "hashed")])
    answer = await rest.post("/rest/companies", json=[{"name": "B"}, {"name": "C", "a": [1]}])
    wanted = [{"field": "_id", "message": [HASHED, "TYPE"], "index": 1}]
    assert (answer.status_code, answer.json()["list"]) == (400, wanted)
    assert len((await rest.get("/rest/companies")).json()) == 1
