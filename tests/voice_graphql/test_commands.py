"""What an operation costs: database commands, counted at the driver, and types built anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo.monitoring import CommandListener, CommandStartedEvent

from duetdb.app.settings import Settings
from tests.voice_graphql.conftest import AUTHORS, BOOKS, REVIEWS, STRICT, Json, Voice
from tests.voice_graphql.running import serving

BACKGROUND = {"listIndexes", "createIndexes", "dropIndexes", "create", "collMod"}
"""What the steward may be doing meanwhile."""
OURS = {"authors", "books", "reviews", "coins"}
ID = "5" * 24


class Commands(CommandListener):
    """Notes every command on a collection of the library, in order."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        name = event.command_name
        target = event.command.get("collection" if name == "getMore" else name)
        if target in OURS and name not in BACKGROUND:
            self.seen.append(f"{name} {target}")

    def succeeded(self, event: Any) -> None:
        pass

    def failed(self, event: Any) -> None:
        pass


class Counted(Voice):
    """The library over a connection that is listened to."""

    commands: Commands
    app: Any

    async def cost(self, query: str, /, **variables: Any) -> list[str]:
        """The commands of an operation without errors."""
        self.commands.seen.clear()
        body = await self.answer(query, **variables)
        assert "errors" not in body, body
        return list(self.commands.seen)

    async def rest_cost(self, path: str) -> list[str]:
        """The commands of a GET."""
        self.commands.seen.clear()
        assert (await self.client.get(path)).status_code == 200
        return list(self.commands.seen)


@pytest.fixture
async def counted(settings: Settings) -> AsyncIterator[Counted]:
    commands = Commands()
    async with serving(settings, commands) as server:
        voice = Counted(server.voice.client, server.voice.database)
        voice.commands, voice.app = commands, server.app
        await voice.define(AUTHORS, REVIEWS, BOOKS, STRICT)
        yield voice


async def fill(voice: Voice, size: int) -> list[str]:
    """So many authors in a chain of mentors, as many books, and two reviews of each."""
    authors = await voice.insert("authors", *({"name": f"a{n}"} for n in range(size)))
    for one, mentor in ((authors[0], authors[-1]), (authors[-1], authors[0])):
        await voice.client.patch(f"/rest/authors/{one}", json={"mentor": mentor})
    books = await voice.insert(
        "books",
        *(
            {"title": f"b{n}", "price": n, "author": authors[n], "editors": authors[n : n + 3]}
            for n in range(size)
        ),
    )
    links = [
        {"_parent_id": each, "_parent_def": "books", "_parent_field": "reviews"} for each in books
    ]
    bodies = [{"text": "r", "by": authors[n], **link} for n, link in enumerate(links)]
    await voice.insert("reviews", *bodies, *bodies)
    return books


READS: dict[str, list[str]] = {
    "{ booksAggregate(groupBy: author, having: {sum: {pages: {gte: 0}}}) { count } }": [
        "aggregate books"
    ],
    "{ booksAggregate(max: 0) { count } }": [],
    "{ __typename }": [],
    "{ __schema { queryType { name } } }": [],
    "{ books { title } }": ["find books"],
    "{ books { title _extra } }": ["find books"],
    "{ books(max: 0) { author { name } } }": [],
    "{ books(max: 1) { author { name } } }": ["find books", "find authors"],
    "{ books { author { name } } }": ["find books", "find authors"],
    "{ books { editors { name } } }": ["find books", "find authors"],
    "{ books { reviews { text } } }": ["find books", "aggregate reviews"],
    "{ books { reviews(max: 0) { text } } }": ["find books"],
    "{ books { reviews(max: 1, orderBy: {text: DESC}) { by { name mentor { name } } } } }": [
        "find books",
        "aggregate reviews",
        "find authors",
        "find authors",
    ],
    "{ books { author { name mentor { name } } editors { name } reviews { by { name } } } }": [
        "find books",
        "find authors",
        "find authors",
        "find authors",
        "aggregate reviews",
        "find authors",
    ],
    "{ authors { booksByAuthor { title reviews { text } } } }": [
        "find authors",
        "aggregate books",
        "aggregate reviews",
    ],
    "{ authors { booksByEditors { author { name } } } }": [
        "find authors",
        "aggregate books",
        "find authors",
    ],
    "{ authors { authorsByMentor { name } reviewsByBy { booksByReviews { title } } } }": [
        "find authors",
        "aggregate authors",
        "aggregate reviews",
        "find books",
    ],
    "{ reviews { booksByReviews { author { booksByAuthor { title } } } } }": [
        "find reviews",
        "find books",
        "find authors",
        "aggregate books",
    ],
    '{ books(where: {author: {name: {eq: "a0"}}}) { title } }': ["find authors", "find books"],
    '{ books(where: {reviews: {by: {name: {eq: "a0"}}}}) { title } }': [
        "find authors",
        "aggregate reviews",
        "find books",
    ],
    "{ booksConnection { edges { node { author { name } } } } }": ["find books", "find authors"],
    "{ booksConnection(first: 0) { edges { cursor } pageInfo { hasNextPage } } }": ["find books"],
    "{ booksConnection { __typename } }": [],
    f'{{ booksById(id: "{ID}") {{ author {{ name }} }} }}': ["find books"],
    '{ booksById(id: "no id") { title } }': [],
}


@pytest.mark.parametrize("size", [3, 300])
async def test_one_command_for_each_level_however_many_documents(
    counted: Counted, size: int
) -> None:
    await fill(counted, size)
    assert {query: await counted.cost(query) for query in READS} == READS


@pytest.mark.parametrize("size", [3, 300])
async def test_rest_costs_the_same(counted: Counted, size: int) -> None:
    """Three levels of references, and below child lists one less."""
    books = await fill(counted, size)
    references = ["find authors", "find authors"] * 2
    expanded = ["find books", *references]
    assert sorted(await counted.rest_cost("/rest/books")) == sorted(expanded)
    assert sorted(await counted.rest_cost(f"/rest/books/{books[0]}")) == sorted(expanded)
    found = await counted.rest_cost("/rest/books?fetchchildren=true")
    assert [each for each in found if "reviews" in each] == ["aggregate reviews"]
    assert len(found) == len(expanded) + 2
    found = await counted.rest_cost("/rest/books?totals=true&max=1")
    assert sorted(found) == sorted([*expanded, "count books", "aggregate books"])


async def test_a_total_is_counted_only_when_it_is_asked_for(counted: Counted) -> None:
    await fill(counted, 3)
    page = "edges { cursor } pageInfo { hasNextPage endCursor }"
    for query, cost in {
        f"{{ booksConnection {{ {page} }} }}": ["find books"],
        "{ booksConnection { totalCount } }": ["count books", "aggregate books"],
        f"{{ booksConnection {{ {page} totalCount }} }}": [
            "aggregate books",
            "count books",
            "find books",
        ],
        '{ booksConnection(where: {title: {gt: "a"}}) { n: totalCount } }': ["aggregate books"],
        "query($t: Boolean = false) { booksConnection { "
        "__typename totalCount @include(if: $t) } }": [],
    }.items():
        assert sorted(await counted.cost(query)) == sorted(cost), query


async def test_writes(counted: Counted) -> None:
    books = await fill(counted, 3)
    data = "mutation($data: [BooksInput!]!) { createManyBooks(data: $data) { author { name } } }"
    many = [{"title": "t", "author": None} for _ in range(500)]
    made = await counted.cost(data, data=many)
    assert made == ["insert books"]
    found = await counted.cost(
        "mutation($id: ID!) { updateBooks(id: $id, data: {pages: 1}) { author { name } } }",
        id=books[0],
    )
    assert found[-1] == "find authors"
    assert [each for each in found if each.startswith("findAndModify")] == ["findAndModify books"]
    deleted = "mutation($id: ID!) { deleteBooks(id: $id) { title reviews { text } } }"
    assert await counted.cost(deleted, id=books[0]) == ["findAndModify books", "find reviews"]


def parts(voice: Counted) -> tuple[Any, Any]:
    """What GraphQL and REST have built of each collection just now."""
    current = voice.app.state.service.catalog.current.parts
    return dict(current["graphql"].types), dict(current["rest"].plans)


def remade(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name, each in after.items() if each is not before.get(name)}


async def test_a_change_makes_anew_what_it_reaches_and_nothing_else(counted: Counted) -> None:
    """Types lead both ways along a relation; REST's plans lead to what they expand."""
    tag: Json = {"name": "tag", "type": "text"}
    for changed, types, plans in (
        (STRICT, {"coins"}, {"coins"}),
        (REVIEWS, {"reviews", "authors", "books"}, {"reviews", "books"}),
        (AUTHORS, {"authors", "books", "reviews"}, {"authors", "books", "reviews"}),
    ):
        before = parts(counted)
        fields = [*changed["fields"], tag]
        answer = await counted.client.put(
            f"/rest/{changed['name']}/_meta", json={**changed, "fields": fields}
        )
        assert answer.status_code == 200, answer.text
        after = parts(counted)
        assert remade(before[0], after[0]) == types
        assert remade(before[1], after[1]) == plans
        assert before[0].keys() == after[0].keys()


async def test_a_new_collection_and_one_that_goes_reach_nothing_else(counted: Counted) -> None:
    before = parts(counted)
    await counted.define({"name": "stamps", "fields": []})
    after = parts(counted)
    assert remade(before[0], after[0]) == remade(before[1], after[1]) == {"stamps"}
    answer = await counted.client.delete("/rest/stamps/_meta")
    assert answer.status_code == 200, answer.text
    assert remade(before[0], parts(counted)[0]) == remade(before[1], parts(counted)[1]) == set()
