"""A ``_version`` that was written beside the server: its ETag guards writes all the same."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from bson import Decimal128, Int64, ObjectId, Regex

from duetdb.app.service.engine import Engine

VERSIONS = [
    (3.0, 3),
    (Int64(3), 3),
    (10**18, 0),
    (2**63 - 1, 0),
    (1e30, 0),
    (-1, 0),
    (2.5, 0),
    (float("nan"), 0),
    (Decimal128("3"), 0),
    ("x", 0),
    ([3], 0),
    ({"$gt": 3}, 0),
    (Regex(".*"), 0),
    (True, 0),
    (None, 0),
]


@pytest.mark.parametrize(("stored", "version"), VERSIONS, ids=repr)
async def test_its_tag_holds(
    rest: httpx.AsyncClient, engine: Engine, stored: Any, version: int
) -> None:
    companies = engine.database["companies"]

    async def given() -> tuple[str, dict[str, str]]:
        """The URL and the tag of a new document with the version."""
        id_ = ObjectId()
        await companies.insert_one({"_id": id_, "name": "Acme", "_version": stored})
        path = f"/rest/companies/{id_}"
        tag = (await rest.get(path)).headers["etag"]
        assert tag == f'"{version}"'
        return path, {"if-match": tag}

    for body in ({"$inc": {"size": 1}}, {"$rename": {"size": "seats"}}):
        path, guard = await given()
        answer = await rest.put(path, json=body, headers=guard)
        assert answer.status_code == 200, answer.text
        assert answer.headers["etag"] == f'"{version + 1}"'
        assert (await rest.put(path, json=body, headers=guard)).status_code == 412
        found = await companies.find_one({"_id": ObjectId(path[-24:])})
        assert type(found["_version"]) in (int, Int64)
    path, guard = await given()
    assert (await rest.delete(path, headers={"if-match": '"7"'})).status_code == 412
    assert (await rest.delete(path, headers=guard)).status_code == 200
