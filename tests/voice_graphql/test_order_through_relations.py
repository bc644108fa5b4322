"""``orderBy`` through relations gives the order that ``sort`` gives in REST."""

from __future__ import annotations

import pytest

from tests.voice_graphql.conftest import Voice


@pytest.fixture
async def shelf(voice: Voice) -> None:
    """Books by Zoe (mentor Ann), Ann (no mentor) and nobody."""
    (ann,) = await voice.insert("authors", {"name": "Ann", "born": "1950-01-01"})
    (zoe,) = await voice.insert("authors", {"name": "Zoe", "mentor": ann})
    await voice.insert(
        "books",
        {"title": "by Zoe", "author": zoe, "editors": [zoe, ann]},
        {"title": "by Ann", "author": ann, "editors": [zoe]},
        {"title": "by nobody"},
    )


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("order", "sort", "titles"),
    [
        ("{author: {name: ASC}}", "sort=author.name", ["by nobody", "by Ann", "by Zoe"]),
        ("{author: {name: DESC}}", "sort=author.name&dir=-1", ["by Zoe", "by Ann", "by nobody"]),
        (
            "{author: {mentor: {name: DESC}}}",
            "sort=author.mentor.name&dir=-1",
            ["by Zoe", "by nobody", "by Ann"],
        ),
        (
            "{editors: {name: DESC}}, {title: ASC}",
            "sort=editors.name&dir=-1&sort=title",
            ["by Ann", "by Zoe", "by nobody"],
        ),
    ],
)
async def test_both_interfaces_order_alike(
    voice: Voice, order: str, sort: str, titles: list[str]
) -> None:
    found = await voice.data(f"{{ books(orderBy: [{order}]) {{ title }} }}")
    assert [each["title"] for each in found] == titles
    answer = await voice.client.get(f"/rest/books?{sort}")
    assert [each["title"] for each in answer.json()] == titles


@pytest.mark.usefixtures("shelf")
async def test_lists_inside_of_documents_are_ordered_through_relations(voice: Voice) -> None:
    (book,) = await voice.data('{ books(where: {title: {eq: "by Zoe"}}) { _id } }')
    authors = await voice.data("{ authors(orderBy: [{name: DESC}]) { _id name } }")
    for author in authors:
        answer = await voice.client.post(
            f"/rest/books/{book['_id']}/reviews", json={"text": "x", "by": author["_id"]}
        )
        assert answer.status_code == 201
    found = await voice.data(
        '{ books(where: {author: {name: {eq: "Zoe"}}})'
        " { reviews(orderBy: [{by: {name: ASC}}]) { by { name } } } }"
    )
    assert [each["by"]["name"] for each in found[0]["reviews"]] == ["Ann", "Zoe"]


async def test_a_key_that_leads_nowhere_is_refused(voice: Voice) -> None:
    message = await voice.message("{ books(orderBy: [{author: {}}]) { title } }")
    assert message == "Each key of 'orderBy' names exactly one field."
    message = await voice.message("{ books(orderBy: [{author: null}]) { title } }")
    assert message == "'author' is ordered in no direction."


async def test_cursors_have_no_place_behind_a_relation(voice: Voice) -> None:
    error = await voice.error(
        "{ booksConnection(first: 1, orderBy: [{author: {name: ASC}}]) { edges { cursor } } }"
    )
    assert error["extensions"]["code"] == "BAD_QUERY"
