"""``idtolink`` and ``flatten``: ids as addresses, deep properties at the root (SPEC 9.1)."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from duetdb.app.service.engine import Engine
from duetdb.rest.links import flatten, origin_of
from tests.files import insert_files
from tests.rest.conftest import insert

HERE = "http://duetdb"
MEDIA = "5" * 24
BOOKS: dict[str, Any] = {
    "name": "blog books",
    "fields": [
        {"name": "title", "type": "text"},
        {"name": "cover", "type": "image"},
        {"name": "author", "type": "people", "relation": "one"},
        {
            "name": "editions",
            "type": "object",
            "multiple": True,
            "fields": [
                {"name": "scan", "type": "file"},
                {"name": "printer", "type": "companies", "relation": "one"},
            ],
        },
        {"name": "reviews", "type": "notes", "relation": "child"},
    ],
}


@pytest.fixture
async def books(rest: httpx.AsyncClient, engine: Engine) -> httpx.AsyncClient:
    await insert_files(engine.database, MEDIA)
    assert (await rest.put("/rest/blog books/_meta", json=BOOKS)).status_code == 200
    return rest


@pytest.fixture
async def book(books: httpx.AsyncClient) -> dict[str, Any]:
    """A book with an author, a printer inside of a list, a cover, and two reviews."""
    acme = await insert(books, "companies", {"name": "Acme"})
    ann = await insert(books, "people", {"name": "Ann", "company": acme["_id"]})
    made = await insert(
        books,
        "blog books",
        {
            "title": "Sea",
            "cover": MEDIA,
            "author": ann["_id"],
            "editions": [{"scan": [MEDIA, MEDIA], "printer": acme["_id"]}, {"scan": []}],
        },
    )
    notes = await insert(books, f"blog books/{made['_id']}/reviews", [{"text": "a"}, {"text": "b"}])
    return {
        "id": made["_id"],
        "ann": f"{HERE}/rest/people/{ann['_id']}",
        "acme": f"{HERE}/rest/companies/{acme['_id']}",
        "notes": [f"{HERE}/rest/notes/{each['_id']}" for each in notes],
    }


def linked(book: dict[str, Any]) -> dict[str, Any]:
    media = f"{HERE}/media/{MEDIA}"
    return {
        "_id": book["id"],
        "title": "Sea",
        "cover": [media],
        "author": [book["ann"]],
        "editions": [{"scan": [media, media], "printer": [book["acme"]]}, {"scan": []}],
    }


async def test_ids_become_links(books: httpx.AsyncClient, book: dict[str, Any]) -> None:
    """References, media, and those inside of lists; on one document, lists and streams."""
    path = "/rest/blog books"
    assert (await books.get(f"{path}/{book['id']}?idtolink=true")).json() == linked(book)
    assert (await books.get(f"{path}?idtolink=true")).json() == [linked(book)]
    streamed = await books.get(f"{path}.ndjson?idtolink=true")
    assert json.loads(streamed.text) == linked(book)


async def test_the_links_lead_there(books: httpx.AsyncClient, book: dict[str, Any]) -> None:
    shown = (await books.get("/rest/blog books?idtolink=true&fetchchildren=true")).json()[0]
    assert shown == {**linked(book), "reviews": book["notes"]}
    assert (await books.get(shown["author"][0])).json()["name"] == "Ann"
    assert [(await books.get(each)).json()["text"] for each in shown["reviews"]] == ["a", "b"]


async def test_links_follow_the_fields_asked_for(
    books: httpx.AsyncClient, book: dict[str, Any]
) -> None:
    async def shown(fields: dict[str, int]) -> Any:
        params = {"h": json.dumps({"$fields": fields}), "idtolink": "true"}
        return (await books.get("/rest/blog books", params=params)).json()[0]

    assert await shown({"author": 1}) == {"_id": book["id"], "author": [book["ann"]]}
    assert await shown({"author.name": 1, "_id": 0}) == {"author": [book["ann"]]}
    assert await shown({"title": 1, "_id": 0}) == {"title": "Sea"}
    assert "author" not in await shown({"author": 0})


async def test_those_who_refer_hold_links(books: httpx.AsyncClient, book: dict[str, Any]) -> None:
    ann = book["ann"].removeprefix(HERE)
    answer = await books.get(f"{ann}?referencedby=true&idtolink=true")
    assert answer.json() == [linked(book)]


async def test_groups_hold_links(books: httpx.AsyncClient, book: dict[str, Any]) -> None:
    answer = await books.get("/rest/blog books?groupby=title&idtolink=true")
    assert answer.json() == {"Sea": [linked(book)]}


async def test_a_document_that_is_least_and_greatest_is_linked_once(
    books: httpx.AsyncClient, book: dict[str, Any]
) -> None:
    asked = "aggregate=MIN:title&aggregate=MAX:title&idtolink=true"
    answer = await books.get(f"/rest/blog books?{asked}")
    assert answer.json() == {"MIN title": linked(book), "MAX title": linked(book)}


async def test_null_and_absent_stay(books: httpx.AsyncClient) -> None:
    made = await insert(books, "blog books", {"author": None, "editions": [{}]})
    shown = (await books.get(f"/rest/blog books/{made['_id']}?idtolink=true")).json()
    assert shown == {"_id": made["_id"], "author": None, "editions": [{}]}


async def test_ids_are_encoded_in_links(books: httpx.AsyncClient, engine: Any) -> None:
    """Whatever was written beside the server is a link, or stays as it is."""
    tags = {"name": "tags", "fields": [{"name": "of", "type": "blog books", "relation": "many"}]}
    assert (await books.put("/rest/tags/_meta", json=tags)).status_code == 200
    odd = ["a/b ?", 7, 1.5, {"_id": "x"}, {"y": 1}, None, [1]]
    stored = engine.database["tags"]
    await stored.insert_one({"_id": "t", "of": odd}, bypass_document_validation=True)
    (shown,) = (await books.get("/rest/tags?idtolink=true")).json()
    root = f"{HERE}/rest/blog%20books"
    assert shown["of"] == [
        *(f"{root}/{each}" for each in ("a%2Fb%20%3F", 7, 1.5, "x")),
        {"y": 1},
        None,
        [1],
    ]


@pytest.mark.parametrize(
    ("headers", "origin"),
    [
        ({"host": "example.org"}, "http://example.org"),
        ({"host": "example.org:8080"}, "http://example.org:8080"),
        ({"host": "[::1]:8000"}, "http://[::1]:8000"),
        ({"host": "example.org", "x-forwarded-host": "evil.test"}, "http://example.org"),
        ({"host": "example.org", "forwarded": "host=evil.test"}, "http://example.org"),
        ({"host": "evil.test/a?b"}, "http://127.0.0.1:80"),
        ({"host": "me@evil.test"}, "http://127.0.0.1:80"),
        ({"host": "a b"}, "http://127.0.0.1:80"),
        ({"host": 'x"><script>'}, "http://127.0.0.1:80"),
        ({"host": "example.org:port"}, "http://127.0.0.1:80"),
        ({"host": ""}, "http://127.0.0.1:80"),
        ({}, "http://127.0.0.1:80"),
    ],
)
def test_the_origin_is_that_of_the_request(headers: dict[str, str], origin: str) -> None:
    """A host that is none is not repeated, and no forwarded host is believed."""
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "scheme": "http", "server": ("127.0.0.1", 80), "headers": raw}
    assert origin_of(scope) == origin


def test_the_origin_behind_a_proxy_and_a_prefix() -> None:
    """The scheme is the server's word; it believes X-Forwarded-Proto of a trusted proxy."""
    headers = [(b"host", b"example.org")]
    scope = {"type": "http", "scheme": "https", "root_path": "/db", "headers": headers}
    assert origin_of(scope) == "https://example.org/db"
    on_a_socket = {"type": "http", "scheme": "http", "server": ("/run/s.sock", None), "headers": []}
    assert origin_of(on_a_socket) == "http://localhost"


async def test_flatten_repeats_deep_properties_at_the_root(
    books: httpx.AsyncClient, book: dict[str, Any]
) -> None:
    plain = (await books.get(f"/rest/blog books/{book['id']}")).json()
    flat = (await books.get(f"/rest/blog books/{book['id']}?flatten=true")).json()
    assert plain.items() <= flat.items()
    assert (flat["cover_0"], flat["author_0_name"]) == (MEDIA, "Ann")
    assert flat["author_0_company_0_name"] == "Acme"
    assert (await books.get("/rest/blog books?flatten=true")).json() == [flat]
    assert json.loads((await books.get("/rest/blog books.ndjson?flatten=true")).text) == flat


async def test_flatten_puts_links_at_the_root(
    books: httpx.AsyncClient, book: dict[str, Any]
) -> None:
    shown = (await books.get("/rest/blog books?flatten=true&idtolink=true")).json()[0]
    media = f"{HERE}/media/{MEDIA}"
    assert shown == {
        **linked(book),
        "cover_0": media,
        "author_0": book["ann"],
        "editions_0_scan_0": media,
        "editions_0_scan_1": media,
        "editions_0_printer_0": book["acme"],
    }


@pytest.mark.parametrize(
    ("document", "added"),
    [
        ({"a": {"b": 1, "c": [True, None]}}, {"a_b": 1, "a_c_0": True, "a_c_1": None}),
        ({"a": [], "b": {}, "c": 1}, {}),
        ({"a": {"b": 1}, "a_b": 2}, {}),
        ({"a": {"b_c": 1, "b": {"c": 2}}}, {"a_b_c": 1}),
        ({"_keywords": ["x"], "a": ["y"]}, {"a_0": "y"}),
        ({"a b": {"ø": 1}}, {"a b_ø": 1}),
        ({"a": {"x" * 199: 1, "x" * 198: 2}}, {f"a_{'x' * 198}": 2}),
    ],
)
def test_flatten(document: dict[str, Any], added: dict[str, Any]) -> None:
    """Nothing is overwritten, and names are not longer than 200 characters."""
    flat = json.loads(json.dumps(document))
    flatten(flat)
    assert flat == {**added, **document}


def test_flatten_is_bounded() -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    document = {"many": list(range(5000)), "deep": deep}
    flatten(document)
    assert len(document) == 1002
    only_deep = {"deep": deep}
    flatten(only_deep)
    assert list(only_deep) == ["deep"]
