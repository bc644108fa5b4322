"""Plans answer what the standard executor answers, with resolvers that know nothing of plans."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bson import ObjectId
from bson.decimal128 import Decimal128
from graphql import GraphQLSchema
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.files import described, insert_files
from tests.voice_graphql.conftest import AUTHORS, BOOKS, REVIEWS, Json, Voice
from tests.voice_graphql.oracle import LIBRARY, Oracle
from tests.voice_graphql.running import hand_driven
from tests.voice_graphql.selections import WIDE, Drawing

EXAMPLES = 300
OPERATIONS = [
    "{ __typename books { __typename } }",
    "{ books { title title author { name } author { born mentor { name } } } }",
    "{ books { ...A ...B } } fragment A on Books { print { city } } "
    "fragment B on Books { print { year size { height __typename } _extra } }",
    "{ books { tags scores parts { kind length marks _extra } _extra about place cover { url } } }",
    "{ books { cover { origname } c: cover { _id width ...M } _extra author { booksByAuthor { "
    "cover { webUrl exif } } } } } fragment M on Media { id url _created __typename }",
    "{ books { a: reviews(max: 1, orderBy: {stars: DESC}) { text } b: reviews(skip: 1) { by { "
    "name } } } }",
    "{ authors { booksByEditors(where: {pages: {gt: 10}}) { editors { authorsByMentor { name } } "
    "} } }",
    "{ reviews { booksByReviews { title reviews { by { name } } } _parent_id _parent_field } }",
    "{ booksConnection(last: 3) { totalCount pageInfo { hasNextPage hasPreviousPage } "
    "edges { node { title reviews { text } } } } }",
    "query($yes: Boolean!) { books { title @skip(if: $yes) ... @include(if: $yes) { pages } } }",
    '{ books(where: {author: {mentor: {name: {ne: "Ann"}}}}) { author { mentor { name } } } }',
    "query($yes: Boolean!) { booksAggregate(groupBy: pages, max: 2) { group n: count sum { pages } "
    "...A min @skip(if: $yes) { title } } } fragment A on BooksAggregate { sum { n: pages } max { "
    "... on BooksExtremes { title @include(if: $yes) __typename } } count }",
    '{ x: books(max: 2) { t: title } y: books(skip: 2) { t: pages } authorsById(id: "x") { _id } }',
]
ANN, BOB, CEM, GONE = (ObjectId(digit * 24) for digit in "abcd")
PICTURE = "9" * 24
FIRST, SECOND, THIRD, FOURTH = (ObjectId(digit * 24) for digit in "1234")


def documents() -> dict[str, list[Json]]:
    """A library with circles, ties, nulls, and values that do not fit."""
    day = datetime(2020, 2, 3, 4, 5, 6, 789000)
    authors = [
        {"_id": ANN, "name": "Ann", "born": day, "mentor": [CEM], "_created": day, "_version": 1},
        {"_id": BOB, "name": "Bob", "mentor": ANN, "odd": {"x": [1]}, "_version": 2},
        {"_id": CEM, "name": "Bob", "born": "long ago", "mentor": [BOB, ANN]},
        {"_id": ObjectId("e" * 24), "name": 7, "mentor": None, "_version": "x"},
    ]
    books = [
        {
            "_id": FIRST,
            "title": "First",
            "pages": 10,
            "rating": 4,
            "price": Decimal128("2.50"),
            "gross": Decimal128("5"),
            "inPrint": True,
            "published": day,
            "sold": day,
            "read-at": day,
            "genre": "prose",
            "tags": ["a", "b"],
            "scores": [1, 2],
            "print": {"city": "Oslo", "year": 1, "size": {"height": 1.5, "odd": 1}, "x": None},
            "parts": [{"kind": "k", "length": 1, "marks": [1, 2]}, {"kind": None, "y": "z"}],
            "about": [1, {"a": None}],
            "place": {"type": "Point", "coordinates": [1, 2]},
            "cover": [ObjectId(PICTURE), ObjectId("f" * 24), ObjectId(PICTURE)],
            "author": [ANN],
            "editors": [CEM, GONE, BOB],
            "free": "and easy",
            "_keywords": ["first"],
        },
        {"_id": SECOND, "title": "Second", "pages": 20, "author": [ANN], "editors": []},
        {
            "_id": THIRD,
            "title": None,
            "pages": 20,
            "rating": "good",
            "price": 3,
            "inPrint": "yes",
            "tags": ["a", 1],
            "scores": 5,
            "print": "none",
            "parts": [{"kind": 1, "length": "x", "marks": 3}],
            "author": GONE,
            "editors": [ANN, BOB, ANN],
        },
        {"_id": FOURTH, "pages": None, "print": {"size": 3}, "parts": [1], "cover": "x"},
    ]
    reviews = [
        {"text": text, "stars": stars, "by": by, **link, "_id": ObjectId(f"{place:024x}")}
        for place, (text, stars, by, link) in enumerate(
            (
                ("r1", 5, [BOB], _child_of(FIRST)),
                ("r2", 3, [ANN], _child_of(FIRST)),
                ("r3", 3, [], _child_of(FIRST)),
                ("r4", None, [GONE], _child_of(SECOND)),
                ("r5", 1, [CEM], _child_of(GONE)),
                ("r6", 1, [CEM], {}),
            )
        )
    ]
    return {"authors": authors, "books": books, "reviews": reviews}


def _child_of(id_: ObjectId) -> Json:
    return {"_parent_id": id_, "_parent_def": "books", "_parent_field": "reviews"}


async def prepare(voice: Voice) -> None:
    await voice.define(AUTHORS, REVIEWS, BOOKS)
    await insert_files(voice.database, PICTURE)
    for name, stored in documents().items():
        await voice.database[name].insert_many(stored, bypass_document_validation=True)


async def oracle_of(voice: Voice, schema: GraphQLSchema) -> Oracle:
    """What lies in the database, read without the service."""
    stored = {name: await voice.database[name].find().sort("_id").to_list() for name in LIBRARY}
    return Oracle(schema, stored, {PICTURE: described(PICTURE, voice.database.name)})


async def compare(voice: Voice, oracle: Oracle, query: str, given: Json) -> Any:
    body = await voice.answer(query, **given)
    assert "errors" not in body, (query, body)
    expected = oracle.answer(query, given)
    assert body["data"] == expected, query
    # Keys come in the order of the selection on both sides.
    assert list(body["data"]) == list(expected)
    return expected


def test_plans_answer_what_the_executor_answers(mongod: EmbeddedMongod) -> None:
    with hand_driven(mongod, **WIDE) as (server, runner):
        run, voice = runner.run, server.voice
        run(prepare(voice))
        schema = server.app.state.service.catalog.current.parts["graphql"].graphql
        oracle = run(oracle_of(voice, schema))
        ids = {name: [str(each["_id"]) for each in stored] for name, stored in documents().items()}
        seen = 0

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.data())
        def example(data: st.DataObject) -> None:
            nonlocal seen
            query = Drawing(data.draw, ids).operation()
            given = {"yes": data.draw(st.booleans())}
            seen += bool(run(compare(voice, oracle, query, given)))

        for query in OPERATIONS:
            for yes in (True, False):
                assert run(compare(voice, oracle, query, {"yes": yes}))
        example()
    assert seen == EXAMPLES
