"""Four books to be grouped and counted."""

from __future__ import annotations

from bson import ObjectId

from tests.voice_graphql.conftest import Json, Voice

FIRST, SECOND = "a" * 24, "b" * 24
BOOKS: list[Json] = [
    {
        "title": "Ada",
        "pages": 100,
        "rating": 4.5,
        "price": 10.25,
        "inPrint": True,
        "genre": "prose",
        "published": "2020-02-03",
        "sold": "2020-02-03T23:30:15Z",
        "tags": ["a", "b"],
        "scores": [1, 2],
        "print": {"city": "Oslo", "year": 1999, "size": {"height": 20.5}},
        "parts": [{"kind": "x", "length": 1, "marks": [1, 2]}, {"kind": "y", "length": 2}],
    },
    {
        "title": "Bea",
        "pages": 300,
        "rating": 3,
        "price": 5,
        "inPrint": True,
        "genre": "prose",
        "published": "2020-07-01",
        "sold": "2021-01-01T00:00:00Z",
        "tags": ["b"],
        "scores": [3],
        "print": {"city": "Rome", "year": 1999},
        "parts": [{"kind": "x", "length": 5}],
    },
    {"title": "Cid", "pages": 50, "genre": "poetry", "inPrint": False, "tags": ["a", "b"]},
    {"title": "Dan"},
]


async def fill(voice: Voice) -> Voice:
    """Four books: two by one author, one of which another edits too, and one by that one."""
    await voice.database["authors"].insert_many(
        [{"_id": ObjectId(each), "name": each} for each in (FIRST, SECOND)]
    )
    links: list[Json] = [{"author": FIRST, "editors": [FIRST, SECOND]}, {"author": FIRST}]
    links += [{"author": SECOND}, {}]
    both = [{**book, **link} for book, link in zip(BOOKS, links, strict=True)]
    await voice.insert("books", *both)
    return voice
