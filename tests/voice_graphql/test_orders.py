"""Orders by fields of objects and by lists, as REST has them."""

from __future__ import annotations

import json

from tests.voice_graphql.conftest import Voice


async def test_nested_orders(voice: Voice) -> None:
    await voice.insert(
        "books",
        {"title": "a", "print": {"year": 3, "size": {"height": 1}}},
        {"title": "b", "print": {"year": 1}},
        {"title": "c"},
    )
    for order, found in {
        "{print: {year: ASC}}": ["c", "b", "a"],
        "[{print: {size: {height: DESC}}}, {title: DESC}]": ["a", "c", "b"],
    }.items():
        listed = await voice.data(f"{{ books(orderBy: {order}) {{ title }} }}")
        assert [each["title"] for each in listed] == found


async def test_lists_are_ordered_by_their_least_or_greatest_element(voice: Voice) -> None:
    await voice.insert(
        "books",
        {
            "title": "a",
            "scores": [5, 1],
            "tags": ["z", "y"],
            "parts": [{"length": 3}, {"length": 9}],
        },
        {"title": "b", "scores": [3], "parts": [{"length": 4}]},
        {"title": "c"},
    )
    for order, sort, found in (
        ("{scores: ASC}", {"sort": "scores"}, "cab"),
        ("{scores: DESC}", {"sort": "scores", "dir": "-1"}, "abc"),
        ("{parts: {length: ASC}}", {"sort": "parts.length"}, "cab"),
        ("{parts: {length: DESC}}", {"sort": "parts.length", "dir": "-1"}, "abc"),
    ):
        listed = await voice.data(f"{{ books(orderBy: {order}) {{ title }} }}")
        by_rest = (await voice.client.get("/rest/books", params=sort)).json()
        for books in (listed, by_rest):
            assert "".join(each["title"] for each in books) == found
        by_another = f"[{order}, {{tags: ASC}}]"
        both = await voice.data(f"{{ books(orderBy: {by_another}) {{ title }} }}")
        assert both == listed
        paged = f"{{ booksConnection(orderBy: {order}) {{ totalCount }} }}"
        assert "is a list, by which pages cannot be ordered." in await voice.message(paged)


async def test_several_lists_are_ordered_by(voice: Voice) -> None:
    ann, bob = await voice.insert("authors", {"name": "Ann"}, {"name": "Bob"})
    await voice.insert(
        "books",
        {"title": "a", "author": bob, "editors": [ann, bob], "tags": ["x", "b"]},
        {"title": "b", "author": ann, "editors": [ann], "tags": ["y", "a"]},
        {"title": "c", "author": ann, "tags": ["c", "z"]},
    )
    for order, params, found in (
        ("[{author: {_id: ASC}}, {editors: {_id: DESC}}]", ["author", "editors", "1", "-1"], "bca"),
        ("[{author: {_id: ASC}}, {tags: DESC}]", ["author", "tags", "1", "-1"], "cba"),
        ("[{tags: ASC}, {author: {name: ASC}}]", ["tags", "author.name", "1", "1"], "bac"),
    ):
        listed = await voice.data(f"{{ books(orderBy: {order}) {{ title }} }}")
        asked = {"sort": params[:2], "dir": params[2:]}
        for books in (listed, (await voice.client.get("/rest/books", params=asked)).json()):
            assert "".join(each["title"] for each in books) == found
        streamed = await voice.client.get("/rest/books.ndjson", params=asked)
        assert [line["title"] for line in map(json.loads, streamed.text.splitlines())] == [*found]


async def test_values_that_should_be_no_lists_have_no_order(voice: Voice) -> None:
    await voice.database["books"].insert_one(
        {"title": ["x", "y"], "pages": [1, 2]}, bypass_document_validation=True
    )
    assert await voice.data("{ books(orderBy: {pages: ASC}) { pages } }") == [{"pages": None}]
    error = await voice.error("{ books(orderBy: [{pages: ASC}, {title: ASC}]) { pages } }")
    assert (error["message"], error["extensions"]["status"]) == (
        "Two of the fields that are sorted by hold lists in one document, which the database "
        "has no order for.",
        400,
    )
