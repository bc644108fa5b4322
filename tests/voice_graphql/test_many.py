"""``updateManyX`` and ``deleteManyX``: matched, modified and failed, and what stays unharmed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.voice_graphql.conftest import Json, Voice

NONE = "0" * 24
DELETE = """mutation($ids: [ID!], $where: BooksWhere) {
  deleteManyBooks(ids: $ids, where: $where) { matched modified failed { id message } }
}"""
UPDATE = """mutation($ids: [ID!], $where: BooksWhere, $data: BooksInput, $inc: BooksInc) {
  updateManyBooks(ids: $ids, where: $where, data: $data, inc: $inc) {
    matched modified failed { id message }
  }
}"""


def done(matched: int, modified: int | None = None, *failed: Json) -> Json:
    """The answer of a write of many."""
    modified = matched if modified is None else modified
    return {"matched": matched, "modified": modified, "failed": list(failed)}


async def left(voice: Voice, field: str = "title") -> list[Any]:
    """A field of the books that are stored, in the order in which they were inserted."""
    return [each.get(field) async for each in voice.database["books"].find(sort=[("_id", 1)])]


@pytest.fixture
async def ids(voice: Voice) -> list[str]:
    """Seven books called a to g, of 1 to 7 pages."""
    books = ({"title": each, "pages": n + 1} for n, each in enumerate("abcdefg"))
    return await voice.insert("books", *books)


async def test_delete_by_ids(voice: Voice, ids: list[str]) -> None:
    assert await voice.data(DELETE, ids=[]) == done(0)
    given = [ids[2], "junk", NONE, ids[0], ids[2]]
    assert await voice.data(DELETE, ids=given) == done(2)
    assert await voice.data(DELETE, ids=ids[1]) == done(1)
    assert await left(voice) == ["d", "e", "f", "g"]


async def test_delete_by_filter(voice: Voice, ids: list[str]) -> None:
    assert await voice.data(DELETE, where={"title": {"gt": "f"}}) == done(1)
    assert await voice.data(DELETE, where={"title": {"eq": "none"}}) == done(0)
    assert await voice.data(DELETE, where={"or": []}) == done(0)
    assert await left(voice) == ["a", "b", "c", "d", "e", "f"]
    assert await voice.data(DELETE, where={}) == done(6)
    assert await left(voice) == []


async def test_more_are_deleted_than_a_page_holds(voice: Voice) -> None:
    await voice.database["books"].insert_many([{"n": n} for n in range(10_001)])
    assert await voice.data(DELETE, where={}) == done(10_001)
    assert await left(voice) == []


async def test_update_by_ids(voice: Voice, ids: list[str]) -> None:
    given = [ids[2], "junk", NONE, ids[0], ids[2]]
    assert await voice.data(UPDATE, ids=given, data={"genre": "prose"}) == done(2)
    assert await left(voice, "genre") == ["prose", None, "prose", None, None, None, None]
    assert await voice.data(UPDATE, ids=[], data={"genre": "prose"}) == done(0)


async def test_update_by_filter(voice: Voice, ids: list[str]) -> None:
    changed = await voice.data(UPDATE, where={"pages": {"gte": 5}}, inc={"pages": "10"})
    assert changed == done(3)
    assert await left(voice, "pages") == [1, 2, 3, 4, 15, 16, 17]
    everything = await voice.data(UPDATE, where={}, data={"title": "x"}, inc={"pages": -1})
    assert everything == done(7)
    assert await left(voice) == ["x"] * 7
    assert await left(voice, "_version") == [2, 2, 2, 2, 3, 3, 3]


async def test_each_document_fails_on_its_own(voice: Voice, ids: list[str]) -> None:
    await voice.database["books"].update_one(
        {"title": "c"}, {"$set": {"pages": "many"}}, bypass_document_validation=True
    )
    answer = await voice.data(UPDATE, where={"title": {"lte": "d"}}, inc={"pages": 1})
    (failed,) = answer["failed"]
    assert answer == done(4, 3, {"id": ids[2], "message": failed["message"]})
    assert "pages" in failed["message"]
    assert await left(voice, "pages") == [2, 3, "many", 5, 5, 6, 7]


async def test_the_same_as_rest(voice: Voice, ids: list[str]) -> None:
    answer = await voice.client.patch(
        "/rest/books/*", params={"q": '{"pages":{"$gt":5}}'}, json={"$inc": {"pages": 1}}
    )
    by_graphql = await voice.data(UPDATE, where={"pages": {"gt": 6}}, inc={"pages": 1})
    assert answer.json() == {"matched": 2, "modified": 2, "failed": []} == by_graphql
    assert await left(voice, "pages") == [1, 2, 3, 4, 5, 8, 9]


async def test_only_what_is_selected_is_shown(voice: Voice, ids: list[str]) -> None:
    query = """mutation($no: Boolean = false) {
      deleteManyBooks(where: {pages: {lt: 3}}) {
        n: modified __typename ...F matched @include(if: $no)
      }
    }
    fragment F on ManyResult { failed { id __typename } }"""
    assert await voice.data(query) == {"n": 2, "__typename": "ManyResult", "failed": []}


NEITHER: list[Json] = [{}, {"ids": None}, {"where": None}, {"ids": [], "where": {}}]


@pytest.mark.parametrize("given", NEITHER)
@pytest.mark.parametrize("query", [DELETE, UPDATE])
async def test_ids_or_a_filter(voice: Voice, ids: list[str], query: str, given: Json) -> None:
    change = {"data": {"title": "x"}} if query == UPDATE else {}
    assert await voice.message(query, **given, **change) == "Give either 'ids' or 'where'."
    assert await left(voice) == list("abcdefg")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"where": {"title": {}}}, "The comparison of 'title' is empty."),
        ({"where": {"title": None}}, "'title' is compared with nothing."),
        ({"ids": [NONE] * 10_001}, "One request deletes at most 10,000 ids."),
    ],
)
async def test_a_mistake_deletes_nothing(
    voice: Voice, ids: list[str], given: Json, message: str
) -> None:
    assert await voice.message(DELETE, **given) == message
    assert await left(voice) == list("abcdefg")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"where": {}}, "The mutation changes nothing."),
        ({"where": {}, "inc": {}}, "The mutation changes nothing."),
        ({"where": {}, "data": {"_extra": {"_id": "x"}}}, "An '_id' never changes."),
        ({"where": {}, "data": {"pages": "many"}}, "Validation error"),
        ({"where": {"title": {}}, "inc": {"pages": 1}}, "The comparison of 'title' is empty."),
        (
            {"ids": [NONE] * 10_001, "inc": {"pages": 1}},
            "One request changes at most 10,000 ids.",
        ),
        (
            {"where": {}, "data": {"pages": 1}, "inc": {"pages": 1}},
            "The body changes the same place twice: by 'inc' on 'pages' and by 'pages'.",
        ),
    ],
)
async def test_a_mistake_changes_nothing(
    voice: Voice, ids: list[str], given: Json, message: str
) -> None:
    assert await voice.message(UPDATE, **given) == message
    assert await left(voice, "_version") == [1] * 7


async def test_a_forgotten_variable_changes_nothing(voice: Voice, ids: list[str]) -> None:
    query = """mutation($t: String, $p: Long) {
      updateManyBooks(where: {not: {title: {eq: $t}}}, data: {pages: $p, genre: "prose"}) {
        modified
      }
    }"""
    message = await voice.message(query, p=9)
    assert message.startswith("'$t' is not given, and without it more could be written")
    # A value that is not given is not changed, as in any update.
    assert await voice.data(query, t="a") == {"modified": 6}
    assert await left(voice, "pages") == [1, 2, 3, 4, 5, 6, 7]
