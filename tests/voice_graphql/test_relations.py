"""Relations: one, many and child lists, in both directions, with arguments, in circles."""

from __future__ import annotations

from typing import Any

import pytest
from bson import ObjectId

from tests.voice_graphql.conftest import Json, Voice

HOUSES: Json = {
    "name": "houses",
    "fields": [
        {"name": "street", "type": "text"},
        {
            "name": "deed",
            "type": "object",
            "fields": [
                {"name": "year", "type": "number"},
                {"name": "owner", "type": "authors", "relation": "one"},
            ],
        },
        {
            "name": "rooms",
            "type": "object",
            "multiple": True,
            "fields": [
                {"name": "floor", "type": "number"},
                {"name": "tenants", "type": "authors", "relation": "many"},
            ],
        },
    ],
}


@pytest.fixture
async def library(voice: Voice) -> dict[str, str]:
    """Three authors in a circle of mentors, three books, five reviews; the answer is all ids."""
    ann, bob, cem = await voice.insert("authors", {"name": "Ann"}, {"name": "Bob"}, {"name": "Cem"})
    for one, mentor in ((ann, cem), (bob, ann), (cem, bob)):
        await voice.client.patch(f"/rest/authors/{one}", json={"mentor": mentor})
    first, second, third = await voice.insert(
        "books",
        {"title": "First", "pages": 30, "author": ann, "editors": [cem, bob]},
        {"title": "Second", "pages": 20, "author": ann, "editors": []},
        {"title": "Third", "pages": 10, "author": bob, "editors": [ann]},
    )
    for book, text, stars, by in (
        (first, "r1", 5, bob),
        (first, "r2", 3, ann),
        (first, "r3", 1, None),
        (second, "r4", 4, bob),
    ):
        body = {"text": text, "stars": stars, "by": by}
        answer = await voice.client.post(f"/rest/books/{book}/reviews", json=body)
        assert answer.status_code == 201
    await voice.insert("reviews", {"text": "r5", "stars": 2})
    return {"ann": ann, "bob": bob, "cem": cem, "first": first, "second": second, "third": third}


@pytest.mark.usefixtures("library")
async def test_forwards(voice: Voice) -> None:
    """One is an object or null, many are in the order of their ids, children in their own."""
    assert await voice.data(
        "{ books { author { name } editors { name } reviews { text by { name } } } }"
    ) == [
        {
            "author": {"name": "Ann"},
            "editors": [{"name": "Cem"}, {"name": "Bob"}],
            "reviews": [
                {"text": "r1", "by": {"name": "Bob"}},
                {"text": "r2", "by": {"name": "Ann"}},
                {"text": "r3", "by": None},
            ],
        },
        {
            "author": {"name": "Ann"},
            "editors": [],
            "reviews": [{"text": "r4", "by": {"name": "Bob"}}],
        },
        {"author": {"name": "Bob"}, "editors": [{"name": "Ann"}], "reviews": []},
    ]


@pytest.mark.usefixtures("library")
async def test_backwards(voice: Voice) -> None:
    """The other side of each: who has it as author, as editor, as mentor, as a child."""
    assert await voice.data(
        "{ authors { booksByAuthor { title } booksByEditors { title } authorsByMentor { name } "
        "reviewsByBy { text } } }"
    ) == [
        {
            "booksByAuthor": [{"title": "First"}, {"title": "Second"}],
            "booksByEditors": [{"title": "Third"}],
            "authorsByMentor": [{"name": "Bob"}],
            "reviewsByBy": [{"text": "r2"}],
        },
        {
            "booksByAuthor": [{"title": "Third"}],
            "booksByEditors": [{"title": "First"}],
            "authorsByMentor": [{"name": "Cem"}],
            "reviewsByBy": [{"text": "r1"}, {"text": "r4"}],
        },
        {
            "booksByAuthor": [],
            "booksByEditors": [{"title": "First"}],
            "authorsByMentor": [{"name": "Ann"}],
            "reviewsByBy": [],
        },
    ]
    parents = await voice.data("{ reviews { text booksByReviews { title } _parent_field } }")
    assert [each["booksByReviews"] and each["booksByReviews"]["title"] for each in parents] == [
        "First",
        "First",
        "First",
        "Second",
        None,
    ]
    assert parents[0]["_parent_field"] == "reviews"


@pytest.mark.usefixtures("library")
async def test_nested_lists_take_arguments(voice: Voice) -> None:
    """They count for each document by itself."""
    for arguments, found in {
        "": ["r1r2r3", "r4", ""],
        "(max: 1)": ["r1", "r4", ""],
        "(skip: 1)": ["r2r3", "", ""],
        "(skip: 1, max: 1)": ["r2", "", ""],
        "(max: 0)": ["", "", ""],
        "(max: null, where: null, orderBy: null, skip: null)": ["r1r2r3", "r4", ""],
        "(orderBy: {stars: ASC})": ["r3r2r1", "r4", ""],
        "(orderBy: [{stars: DESC}], max: 2)": ["r1r2", "r4", ""],
        "(where: {stars: {gte: 4}})": ["r1", "r4", ""],
        '(where: {by: {name: {eq: "Bob"}}})': ["r1", "r4", ""],
        "(where: {not: {by: {}}})": ["r3", "", ""],
        "(where: {or: []})": ["", "", ""],
    }.items():
        books = await voice.data(f"{{ books {{ reviews{arguments} {{ text }} }} }}")
        listed = ["".join(each["text"] for each in book["reviews"]) for book in books]
        assert listed == found, arguments
    authors = await voice.data(
        "query($m: Int = 1, $t: String) { authors { "
        "booksByAuthor(max: $m, orderBy: {pages: ASC}, where: {title: {ne: $t}}) { title } } }",
        t="Second",
    )
    assert [each["booksByAuthor"] for each in authors] == [
        [{"title": "First"}],
        [{"title": "Third"}],
        [],
    ]


@pytest.mark.usefixtures("library")
async def test_one_relation_may_be_asked_several_times(voice: Voice) -> None:
    books = await voice.data("""{ books(max: 1) {
      best: reviews(orderBy: {stars: DESC}, max: 1) { text }
      worst: reviews(orderBy: {stars: ASC}, max: 1) { text by { name } }
      reviews(max: 1) { text }
      reviews(max: 1) { stars by { name } }
      author { name }
      other: author { born mentor { name } }
    } }""")
    assert books == [
        {
            "best": [{"text": "r1"}],
            "worst": [{"text": "r3", "by": None}],
            "reviews": [{"text": "r1", "stars": 5, "by": {"name": "Bob"}}],
            "author": {"name": "Ann"},
            "other": {"born": None, "mentor": {"name": "Cem"}},
        }
    ]


@pytest.mark.usefixtures("library")
async def test_circles(voice: Voice) -> None:
    """A way back to where it began is a level like any other."""
    (ann,) = await voice.data(
        '{ authors(where: {name: {eq: "Ann"}}) { name mentor { name mentor { name mentor { name '
        "booksByAuthor { title author { name booksByAuthor { author { name } } } } } } } } }"
    )
    level = ann
    for name in ("Ann", "Cem", "Bob"):
        assert level["name"] == name
        level = level["mentor"]
    assert level == {
        "name": "Ann",
        "booksByAuthor": [
            {
                "title": title,
                "author": {"name": "Ann", "booksByAuthor": [{"author": {"name": "Ann"}}] * 2},
            }
            for title in ("First", "Second")
        ],
    }


@pytest.mark.usefixtures("library")
async def test_filters_lead_through_relations(voice: Voice) -> None:
    for where, found in {
        '{author: {name: {eq: "Ann"}}}': "FS",
        '{author: {mentor: {name: {eq: "Ann"}}}}': "T",
        '{editors: {name: {in: ["Ann", "Bob"]}}}': "FT",
        '{editors: {name: {eq: "Bob"}, mentor: {name: {eq: "Ann"}}}}': "F",
        '{editors: {name: {eq: "Cem"}, mentor: {name: {eq: "Ann"}}}}': "",
        "{editors: {}}": "FT",
        "{not: {editors: {}}}": "S",
        "{reviews: {stars: {gte: 4}}}": "FS",
        '{reviews: {stars: {lt: 4}, by: {name: {eq: "Ann"}}}}': "F",
        "{reviews: {}}": "FS",
        "{not: {reviews: {}}}": "T",
        '{or: [{reviews: {stars: {eq: 4}}}, {author: {name: {eq: "Bob"}}}]}': "ST",
        '{author: {or: [{name: {eq: "Bob"}}, {not: {name: {eq: "Ann"}}}]}}': "T",
    }.items():
        books = await voice.data(f"{{ books(where: {where}) {{ title }} }}")
        assert "".join(each["title"][0] for each in books) == found, where


async def test_references_that_lead_nowhere(voice: Voice, library: dict[str, str]) -> None:
    """A deleted document disappears where it was shown; the rest stays in order."""
    await voice.client.delete(f"/rest/authors/{library['cem']}")
    await voice.client.delete(f"/rest/books/{library['second']}")
    books = await voice.data("{ books { author { mentor { name } } editors { name } } }")
    assert books == [
        {"author": {"mentor": None}, "editors": [{"name": "Bob"}]},
        {"author": {"mentor": {"name": "Ann"}}, "editors": [{"name": "Ann"}]},
    ]
    orphans = await voice.data(
        '{ reviews(where: {text: {eq: "r4"}}) { booksByReviews { title } } }'
    )
    assert orphans == [{"booksByReviews": None}]


async def test_references_that_others_wrote(voice: Voice, library: dict[str, str]) -> None:
    """A single id where a list belongs, ids that come twice, and what is no id at all."""
    ann, bob = ObjectId(library["ann"]), ObjectId(library["bob"])
    await voice.database["books"].delete_many({})
    await voice.database["books"].insert_many(
        [
            {"title": "a", "author": ann, "editors": [bob, ann, bob]},
            {"title": "b", "author": [ann, bob], "editors": bob},
            {"title": "c", "author": [], "editors": [None, "x", ann, {"_id": bob}]},
        ],
        bypass_document_validation=True,
    )
    books = await voice.data("{ books { author { name } editors { name } } }")
    assert books == [
        {"author": {"name": "Ann"}, "editors": [{"name": "Bob"}, {"name": "Ann"}]},
        {"author": {"name": "Ann"}, "editors": [{"name": "Bob"}]},
        {"author": None, "editors": [{"name": "Ann"}]},
    ]
    authors = await voice.data("{ authors(max: 2) { booksByEditors { title } } }")
    assert authors == [
        {"booksByEditors": [{"title": "a"}, {"title": "c"}]},
        {"booksByEditors": [{"title": "a"}, {"title": "b"}]},
    ]


async def test_relations_inside_objects(voice: Voice, library: dict[str, str]) -> None:
    await voice.define(HOUSES)
    rooms = [
        {"floor": 1, "tenants": [library["bob"], library["cem"]]},
        {"floor": 2, "tenants": [], "view": "sea"},
    ]
    deed = {"year": 1, "owner": library["ann"], "seal": "red"}
    await voice.insert("houses", {"street": "a", "deed": deed, "rooms": rooms, "x": 1})
    await voice.insert("houses", {"street": "b", "deed": None})
    houses = await voice.data(
        "{ houses { deed { year owner { name mentor { name } } _extra } rooms { floor tenants { "
        "name } _extra } _extra } }"
    )
    assert houses == [
        {
            "deed": {
                "year": 1,
                "owner": {"name": "Ann", "mentor": {"name": "Cem"}},
                "_extra": {"seal": "red"},
            },
            "rooms": [
                {"floor": 1, "tenants": [{"name": "Bob"}, {"name": "Cem"}], "_extra": {}},
                {"floor": 2, "tenants": [], "_extra": {"view": "sea"}},
            ],
            "_extra": {"x": 1},
        },
        {"deed": None, "rooms": None, "_extra": {}},
    ]
    for where in (
        '{deed: {owner: {name: {eq: "Ann"}}}}',
        '{rooms: {elemMatch: {tenants: {name: {eq: "Cem"}}, floor: {eq: 1}}}}',
    ):
        assert await voice.data(f"{{ houses(where: {where}) {{ street }} }}") == [{"street": "a"}]
    where = '{rooms: {elemMatch: {tenants: {name: {eq: "Cem"}}, floor: {eq: 2}}}}'
    assert await voice.data(f"{{ houses(where: {where}) {{ street }} }}") == []
    found = await voice.data(
        "{ authors { name housesByDeedOwner { street } housesByRoomsTenants { street } } }"
    )
    assert [(len(e["housesByDeedOwner"]), len(e["housesByRoomsTenants"])) for e in found] == [
        (1, 0),
        (0, 1),
        (0, 1),
    ]


async def test_objects_that_do_not_fit_are_raw_without_what_was_looked_up_for_them(
    voice: Voice, library: dict[str, str]
) -> None:
    await voice.define(HOUSES)
    owner = [ObjectId(library["ann"])]
    await voice.database["houses"].insert_one(
        {"deed": [{"owner": owner, "parts": [[{"owner": owner}]]}], "rooms": {"tenants": owner}},
        bypass_document_validation=True,
    )
    query = "{ houses { deed { owner { name } } rooms { tenants { name } } _extra } }"
    ann = [library["ann"]]
    assert await voice.data(query) == [
        {
            "deed": None,
            "rooms": None,
            "_extra": {
                "deed": [{"owner": ann, "parts": [[{"owner": ann}]]}],
                "rooms": {"tenants": ann},
            },
        }
    ]


async def test_nested_lists_have_a_hundred_documents_unless_told(voice: Voice) -> None:
    ids = await voice.insert("books", {"title": "a"}, {"title": "b"})
    for id_ in ids:
        body = [{"text": str(n), "stars": n} for n in range(101)]
        await voice.client.post(f"/rest/books/{id_}/reviews", json=body)

    async def sizes(arguments: str) -> list[int]:
        books = await voice.data(f"{{ books {{ reviews{arguments} {{ stars }} }} }}")
        return [len(each["reviews"]) for each in books]

    assert await sizes("") == [100, 100]
    assert await sizes("(max: 10000)") == [101, 101]
    assert await sizes("(max: null)") == [100, 100]
    for arguments, said in {
        "(max: 10001)": "'max' is at most 10,000.",
        "(max: -1)": "'max' must not be negative.",
        "(skip: -1)": "'skip' must not be negative.",
        "(where: {stars: {}})": "The comparison of 'stars' is empty.",
        "(orderBy: {})": "Each key of 'orderBy' names exactly one field.",
    }.items():
        message = await voice.message(f"{{ books {{ reviews{arguments} {{ text }} }} }}")
        assert message == said


async def test_mutations_answer_with_relations(voice: Voice, library: dict[str, str]) -> None:
    query: Any = """mutation($id: ID!, $who: ID!) {
      updateBooks(id: $id, data: {editors: [$who], author: null}) {
        author { name } editors { name booksByEditors { title } } reviews(max: 1) { text }
      }
    }"""
    answer = await voice.answer(query, id=library["second"], who=library["bob"])
    assert answer == {
        "data": {
            "updateBooks": {
                "author": None,
                "editors": [
                    {"name": "Bob", "booksByEditors": [{"title": "First"}, {"title": "Second"}]}
                ],
                "reviews": [{"text": "r4"}],
            }
        }
    }
