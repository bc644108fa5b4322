"""What a web key cannot be is said all at once, each mistake at its place."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.keys.conftest import make_key


def mistakes(answer: httpx.Response) -> dict[str, str]:
    """The sentence of each mistake by its path, after checking the envelope."""
    body = answer.json()
    assert (answer.status_code, body["name"], body["status"]) == (400, "ValidationError", 400)
    assert all(each["message"][1] == "TYPE" for each in body["list"])
    return {each["field"]: each["message"][0] for each in body["list"]}


async def test_every_mistake_is_named_at_once(full: httpx.AsyncClient) -> None:
    body = {
        "methodes": ["GET"],
        "methods": ["GET", "GETT", 1],
        "paths": ["/posts/**", "", "/rest/posts", "/a//b"],
        "origins": ["https://a.example", "a.example", "https://a.example/"],
        "realtime": ["POST:posts", "posts"],
        "filter": {"age": {"$bigger": 1}},
        "readable": "title",
        "writable": ["$where"],
        "expires": "2001-01-01",
        "rate": 0,
        "description": 7,
    }
    found = mistakes(await full.post("/rest/_keys", json=body))
    assert set(found) == {
        *("methodes", "methods[1]", "methods[2]", "paths[1]", "paths[2]", "paths[3]"),
        *("origins[1]", "origins[2]", "realtime[1]", "filter", "readable", "writable[0]"),
        *("expires", "rate", "description"),
    }
    assert "Did you mean 'methods'?" in found["methodes"]
    assert "Did you mean 'GET'?" in found["methods[1]"]
    assert "$bigger" in found["filter"]
    assert "past" in found["expires"]
    assert (await full.get("/rest/_keys")).json() == []


@pytest.mark.parametrize(
    "path",
    ["", "/", "//", "/posts//x", "/./x", "/../x", "/a?b", "/a#b", "/***", "/a**", "/rest/x", 5],
)
async def test_what_is_no_path(full: httpx.AsyncClient, path: Any) -> None:
    assert set(mistakes(await full.post("/rest/_keys", json={"paths": [path]}))) == {"paths[0]"}


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("posts", "/posts"),
        ("/posts/", "/posts"),
        ("posts/**", "/posts/**"),
        ("/kit-codes/*/notes", "/kit-codes/*/notes"),
        ("/**", "/**"),
        ("/media/**", "/media/**"),
        ("/shop-*", "/shop-*"),
        ("/net chg", "/net chg"),
    ],
)
async def test_paths_are_stored_in_one_form(
    full: httpx.AsyncClient, given: str, stored: str
) -> None:
    assert (await make_key(full, paths=[given, given]))["paths"] == [stored]


@pytest.mark.parametrize(
    "origin",
    [
        "",
        *"a.example ftp://a.example https://a.example/x https://*.example https://u@a.example "
        "null file:// https://a.example:0 http://[::1".split(),
    ],
)
async def test_what_is_no_origin(full: httpx.AsyncClient, origin: str) -> None:
    found = mistakes(await full.post("/rest/_keys", json={"origins": [origin]}))
    assert set(found) == {"origins[0]"}


async def test_origins_are_stored_as_browsers_write_them(full: httpx.AsyncClient) -> None:
    given = ["HTTPS://Shop.Example:443", "http://a.example:80", "http://a.example:8080", "*"]
    made = await make_key(full, origins=given)
    assert made["origins"] == [
        "https://shop.example",
        "http://a.example",
        "http://a.example:8080",
        "*",
    ]


@pytest.mark.parametrize(
    "wanted", [[], "x", 1, {"$where": "1"}, {"a": {"$in": 1}}, {"author": "$user.email"}]
)
async def test_what_is_no_filter(full: httpx.AsyncClient, wanted: Any) -> None:
    assert set(mistakes(await full.post("/rest/_keys", json={"filter": wanted}))) == {"filter"}


@pytest.mark.parametrize("rate", [0, -1, "1", True, 1e9, []])
async def test_what_is_no_rate(full: httpx.AsyncClient, rate: Any) -> None:
    assert set(mistakes(await full.post("/rest/_keys", json={"rate": rate}))) == {"rate"}


@pytest.mark.parametrize("expires", ["soon", 5, "2001-01-01T00:00:00Z", "", {}])
async def test_what_is_no_end(full: httpx.AsyncClient, expires: Any) -> None:
    found = mistakes(await full.post("/rest/_keys", json={"expires": expires}))
    assert set(found) == {"expires"}


@pytest.mark.parametrize("body", [[], "x", 1, None])
async def test_a_body_is_an_object(full: httpx.AsyncClient, body: Any) -> None:
    answer = await full.post("/rest/_keys", json=body)
    assert (answer.status_code, answer.json()["name"]) == (400, "BadRequest")


async def test_a_change_with_a_mistake_changes_nothing(full: httpx.AsyncClient) -> None:
    made = await make_key(full, paths=["/posts"])
    address = f"/rest/_keys/{made['_id']}"
    bad = await full.patch(address, json={"rate": 5, "paths": [""]})
    assert set(mistakes(bad)) == {"paths[0]"}
    assert (await full.get(address)).json()["rate"] is None
