"""What the documentation says is tried, line by line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest

from duetdb.app.service.engine import Engine
from duetdb.app.service.writing.operations import OPERATORS
from tests.files import insert_files

DOCS = Path(__file__).parent.parent / "docs"
MEDIA = "{ _id }"
SELECTIONS = {"object": "{ mm }", "image": MEDIA, "file": MEDIA}
ROW = re.compile(r"\| `(\{.*?\})` \| `(.*?)` \| `(.*?)` \|")


def examples() -> list[tuple[dict[str, object], object, object]]:
    rows = ROW.findall((DOCS / "metadata.md").read_text(encoding="utf-8"))
    return [tuple(json.loads(cell) for cell in row) for row in rows]  # type: ignore[misc]


def operator_examples() -> list[tuple[object, object, object]]:
    page = (DOCS / "rest.md").read_text(encoding="utf-8")
    rows = re.findall(r"\| `(\{.*?\})` \| `(\{.*?\})` \| `(\{.*?\})` \|", page)
    return [tuple(json.loads(cell) for cell in row) for row in rows]  # type: ignore[misc]


def test_every_operator_has_an_example() -> None:
    assert {key for _, sent, _ in operator_examples() for key in sent} == {  # type: ignore[attr-defined]
        f"${name}" for name in OPERATORS
    }


async def test_the_examples_of_operators(app_client: httpx.AsyncClient) -> None:
    assert (await app_client.put("/rest/any/_meta", json={"name": "any"})).status_code == 200
    for stored, sent, answered in operator_examples():
        made = (await app_client.post("/rest/any", json=stored)).json()
        answer = await app_client.patch(f"/rest/any/{made['_id']}", json=sent)
        assert answer.status_code == 200, answer.text
        shown = {name: value for name, value in answer.json().items() if name[0] != "_"}
        assert shown == answered


def test_every_type_has_an_example() -> None:
    assert len(examples()) == 17


@pytest.mark.parametrize(("field", "sent", "answered"), examples())
async def test_an_example_of_a_field_type(
    app_client: httpx.AsyncClient,
    engine: Engine,
    field: dict[str, object],
    sent: object,
    answered: object,
) -> None:
    meta = {"name": "books", "fields": [field]}
    put = await app_client.put("/rest/books/_meta", json=meta)
    assert put.status_code in (200, 201), put.text
    name, inner = str(field["name"]), SELECTIONS.get(str(field["type"]), "")
    if inner == MEDIA:
        await insert_files(engine.database, *answered)  # type: ignore[misc]
    made = await app_client.post("/rest/books", json={name: sent})
    assert made.status_code == 201, made.text
    assert made.json()[name] == answered
    read = await app_client.get(f"/rest/books/{made.json()['_id']}")
    assert read.json()[name] == answered
    asked = await app_client.post("/graphql", json={"query": f"{{ books {{ {name} {inner} }} }}"})
    shown = answered if inner != MEDIA else [{"_id": each} for each in answered]  # type: ignore[attr-defined]
    assert asked.json() == {"data": {"books": [{name: shown}]}}
