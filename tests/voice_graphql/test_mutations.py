"""Mutations: what they store, what they answer, and that they refuse what REST refuses."""

from __future__ import annotations

from typing import Any

from tests.voice_graphql.conftest import Json, Voice

NONE = "0" * 24
CREATE = "mutation($data: BooksInput!) { createBooks(data: $data) { _id title } }"
CREATE_MANY = """mutation($data: [BooksInput!]!, $validate: Boolean) {
    createManyBooks(data: $data, validate: $validate) { _id title pages }
}"""
UPDATE = """mutation($id: ID!, $data: BooksInput!, $v: Long) {
    updateBooks(id: $id, data: $data, ifVersion: $v) { title pages _version }
}"""
REPLACE = """mutation($id: ID!, $data: BooksInput!, $v: Long) {
    replaceBooks(id: $id, data: $data, ifVersion: $v) { title pages _version }
}"""
DELETE = "mutation($id: ID!, $v: Long) { deleteBooks(id: $id, ifVersion: $v) { title } }"
BAD: list[Json] = [
    {},
    {"title": None},
    {"title": ""},
    {"title": 7, "pages": "many", "rating": True, "price": 1.234, "inPrint": "maybe"},
    {"title": "t", "code": "UPPER", "genre": "neither"},
    {"title": "t", "published": "not a day", "sold": "2020-13-01", "read-at": "25:00"},
    {"title": "t", "tags": ["a", 1], "scores": [1.5], "parts": [{"length": "x"}, 7]},
    {"title": "t", "print": {"year": "x", "size": {"height": []}}, "place": {"type": "Point"}},
    {"title": "t", "print": 7, "parts": "x", "cover": [7], "about": "{"},
    {"title": "t", "author": NONE, "editors": ["nobody", {"_id": NONE}]},
    {"title": "t", "isbn": "taken"},
    {"title": {"a": 1}, "pages": [1, 2], "isbn": [], "price": {"$gt": 1}},
]
"""Bodies in REST's words, each with something wrong."""


def spelled(body: Json) -> Json:
    """The same body in GraphQL's names."""
    return {("read_at" if name == "read-at" else name): each for name, each in body.items()}


async def stored(voice: Voice) -> list[Json]:
    """The documents of ``books`` as they lie in the database, without ids and dates."""
    hidden = {"_id": 0, "_created": 0, "_changed": 0, "_keywords": 0, "_tags": 0}
    return [each async for each in voice.database["books"].find({}, hidden)]


async def test_create_stores_and_answers_like_rest(voice: Voice) -> None:
    (ann,) = await voice.insert("authors", {"name": "Ann"})
    data = {
        "title": "t",
        "pages": "12",
        "rating": 3,
        "price": 2.5,
        "published": "2020-02-03T04:05:06Z",
        "read_at": "08:30",
        "tags": "one",
        "print": {"city": "Oslo", "_extra": {"odd": [1]}},
        "parts": [{"kind": "k", "_extra": {"x": None}}],
        "author": ann,
        "editors": [ann, {"_id": ann, "name": "ignored"}],
        "_extra": {"free": {"and": "easy"}, "count": 1},
    }
    made = await voice.data(
        "mutation($data: BooksInput!) { createBooks(data: $data) { _id pages price gross published "
        "read_at tags print { city year _extra } parts { kind _extra } author { name } editors "
        "{ name } reviews { text } _extra _version _createdby } }",
        data=data,
    )
    (document,) = (await voice.client.get("/rest/books")).json()
    assert made.pop("_id") == document.pop("_id")
    assert made == {
        "pages": 12,
        "price": 2.5,
        "gross": 5,
        "published": "2020-02-03T00:00:00.000Z",
        "read_at": "1970-01-01T08:30:00.000Z",
        "tags": ["one"],
        "print": {"city": "Oslo", "year": None, "_extra": {"odd": [1]}},
        "parts": [{"kind": "k", "_extra": {"x": None}}],
        "author": {"name": "Ann"},
        "editors": [{"name": "Ann"}],
        "reviews": [],
        "_extra": {"free": {"and": "easy"}, "count": 1},
        "_version": 1,
        "_createdby": "api",
    }
    rest = {name: each for name, each in data.items() if name not in ("_extra", "read_at")}
    rest |= {"read-at": "08:30", "print": {"city": "Oslo", "odd": [1]}, "free": {"and": "easy"}}
    await voice.insert("books", {**rest, "parts": [{"kind": "k", "x": None}], "count": 1})
    by_graphql, by_rest = await stored(voice)
    assert by_graphql == by_rest


async def test_the_same_values_are_refused_with_the_same_list(voice: Voice) -> None:
    await voice.insert("books", {"title": "first", "isbn": "taken"})
    for body in BAD:
        rest = (await voice.client.post("/rest/books", json=body)).json()
        error = await voice.error(CREATE, data=spelled(body))
        assert rest["list"], rest
        assert error["message"] == rest["message"]
        assert error["extensions"] == {
            "code": "VALIDATION_FAILED",
            "status": 400,
            "list": rest["list"],
        }
        assert error["path"] == ["createBooks"]
    assert len(await stored(voice)) == 1


async def test_values_in_the_text_are_refused_too(voice: Voice) -> None:
    """Here GraphQL itself finds those that its own types cannot be."""
    await voice.insert("books", {"title": "first", "isbn": "taken"})
    for body in BAD[:-1]:
        query = f"mutation {{ createBooks(data: {text(spelled(body))}) {{ title }} }}"
        answer = await voice.answer(query)
        assert {each["extensions"]["status"] for each in answer["errors"]} == {400}
    assert len(await stored(voice)) == 1
    message = await voice.message("mutation { createBooks(data: {price: {$gt: 1}}) { title } }")
    assert message.startswith("Syntax Error")


def text(value: Any) -> str:
    """A value as a literal of a GraphQL text."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {text(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(text, value)) + "]"
    if isinstance(value, str):
        return '"' + value + '"'
    return {None: "null", True: "true", False: "false"}.get(value, str(value))


async def test_create_many_stores_all_or_none(voice: Voice) -> None:
    made = await voice.data(CREATE_MANY, data=[{"title": "a"}, {"title": "b", "isbn": "1"}])
    assert [each["title"] for each in made] == ["a", "b"]
    bad = [{"title": "c"}, {"pages": "x"}, {"title": "d", "isbn": "1"}, {"title": "e"}]
    rest = (await voice.client.post("/rest/books", json=bad)).json()
    error = await voice.error(CREATE_MANY, data=bad)
    assert error["extensions"]["list"] == rest["list"]
    assert [(each["index"], each["field"]) for each in rest["list"]] == [
        (1, "pages"),
        (1, "title"),
        (2, "isbn"),
    ]
    assert len(await stored(voice)) == 2
    assert await voice.data(CREATE_MANY, data=[]) == []
    assert [each["title"] for each in await voice.data(CREATE_MANY, data={"title": "f"})] == ["f"]


async def test_a_list_of_one_has_an_index_too(voice: Voice) -> None:
    error = await voice.error(CREATE_MANY, data=[{}])
    assert error["extensions"]["list"][0]["index"] == 0


async def test_without_validation_only_unique_values_are_refused(voice: Voice) -> None:
    loose = [{"pages": "many"}, {"title": 7, "code": "UPPER", "isbn": "1"}]
    made = await voice.data(CREATE_MANY, data=loose, validate=False)
    assert [(each["title"], each["pages"]) for each in made] == [(None, None), (None, None)]
    assert [(each.get("title"), each.get("pages")) for each in await stored(voice)] == [
        (None, "many"),
        (7, None),
    ]
    error = await voice.error(CREATE_MANY, data=[{"isbn": "1"}], validate=False)
    assert error["extensions"]["list"][0]["message"] == ["Already exists", "UNIQUE"]
    for strict in (True, None):
        assert await voice.error(CREATE_MANY, data=[{}], validate=strict)


async def test_update_merges_at_the_top(voice: Voice) -> None:
    data = {
        "title": "t",
        "pages": 1,
        "print": {"city": "Oslo", "year": 1},
        "price": 1,
        "x": {"y": 1},
    }
    (id_,) = await voice.insert("books", data)
    assert await voice.data(UPDATE, id=id_, data={"pages": 2}) == {
        "title": "t",
        "pages": 2,
        "_version": 2,
    }
    await voice.data(UPDATE, id=id_, data={"print": {"year": 2}, "price": 3, "isbn": None})
    extra = {"print.city": "Rome", "x.y": 2, "free": [1]}
    await voice.data(UPDATE, id=id_, data={"_extra": extra})
    shown = (await voice.client.get(f"/rest/books/{id_}?metafields=true")).json()
    assert {name: each for name, each in shown.items() if name[0] != "_"} == {
        "title": "t",
        "pages": 2,
        "print": {"year": 2, "city": "Rome"},
        "price": 3,
        "gross": 6,
        "isbn": None,
        "x": {"y": 2},
        "free": [1],
    }
    assert shown["_version"] == 4
    assert await voice.data(UPDATE, id=id_, data={}) == {"title": "t", "pages": 2, "_version": 5}


async def test_updates_are_refused_with_the_list_of_rest(voice: Voice) -> None:
    (id_, _) = await voice.insert("books", {"title": "a"}, {"title": "b", "isbn": "taken"})
    before = await stored(voice)
    for body in BAD[1:]:
        rest = (await voice.client.put(f"/rest/books/{id_}", json=body)).json()
        error = await voice.error(UPDATE, id=id_, data=spelled(body))
        assert error["extensions"]["list"] == rest["list"]
    for body in BAD:
        error = await voice.error(REPLACE, id=id_, data=spelled(body))
        assert error["extensions"]["code"] == "VALIDATION_FAILED"
    assert await stored(voice) == before


async def test_replace_leaves_only_system_fields(voice: Voice) -> None:
    (id_,) = await voice.insert("books", {"title": "t", "pages": 1, "free": 1, "tags": ["a"]})
    before = (await voice.client.get(f"/rest/books/{id_}?metafields=true")).json()
    found = await voice.data(REPLACE, id=id_, data={"title": "new", "_extra": {"other": 2}})
    assert found == {"title": "new", "pages": None, "_version": 2}
    after = (await voice.client.get(f"/rest/books/{id_}?metafields=true")).json()
    assert {name for name in after if name[0] != "_"} == {"title", "other"}
    assert after["_created"] == before["_created"]
    assert after["_id"] == id_
    assert after["_keywords"] == ["new"]


async def test_versions_are_looked_at(voice: Voice) -> None:
    for query, data in ((UPDATE, {"pages": 1}), (REPLACE, {"title": "new"}), (DELETE, None)):
        (id_,) = await voice.insert("books", {"title": "t"})
        given = {"id": id_} if data is None else {"id": id_, "data": data}
        for wrong in (0, 2, -1, 2**62, "7"):
            error = await voice.error(query, **given, v=wrong)
            assert error["message"] in (
                f"The document is at version 1, not {wrong}.",
                f"The document is not at version {wrong}.",  # deleting does not read it
            )
            assert error["extensions"]["code"] == "VERSION_MISMATCH"
            assert error["extensions"]["status"] == 412
        for junk in ("x", 1.5, True, [], {}):
            assert "'ifVersion' must be an integer." in await voice.message(query, **given, v=junk)
        assert (await voice.data(query, **given, v="1"))["title"]


async def test_unknown_documents(voice: Voice) -> None:
    for query in (UPDATE, REPLACE, DELETE):
        for id_ in (NONE, "no id", "", "x" * 5000):
            given = {"id": id_} if query is DELETE else {"id": id_, "data": {"title": "t"}}
            error = await voice.error(query, **given)
            assert error["message"] == f"There is no document {id_[:100]} in 'books'."
            assert error["extensions"] == {"code": "NOT_FOUND", "status": 404}


async def test_delete_answers_the_document_as_it_was(voice: Voice) -> None:
    (ann,) = await voice.insert("authors", {"name": "Ann"})
    (id_, other) = await voice.insert(
        "books", {"title": "t", "author": ann, "x": 1}, {"title": "o"}
    )
    await voice.client.post(f"/rest/books/{id_}/reviews", json={"text": "fine"})
    found = await voice.data(
        "mutation($id: ID!) { deleteBooks(id: $id) { _id _version title author { name } "
        "reviews { text } _extra } }",
        id=id_,
    )
    assert found == {
        "_id": id_,
        "_version": 1,
        "title": "t",
        "author": {"name": "Ann"},
        "reviews": [{"text": "fine"}],
        "_extra": {"x": 1},
    }
    assert [each["_id"] for each in (await voice.client.get("/rest/books")).json()] == [other]


async def test_limits(voice: Voice) -> None:
    """More than 10,000 documents in one mutation are refused, and nothing is written."""
    error = await voice.error(CREATE_MANY, data=[{"title": "t"}] * 10_001)
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert await stored(voice) == []


async def test_root_fields_run_one_after_another(voice: Voice) -> None:
    found = await voice.data("""mutation {
      a: createBooks(data: {title: "a"}) { title }
      b: createManyBooks(data: [{title: "b"}]) { title }
      gone: deleteManyBooks(where: {}) { modified }
      c: createBooks(data: {title: "c"}) { title }
      again: deleteManyBooks(where: {}) { modified }
    }""")
    assert (found["gone"], found["again"]) == ({"modified": 2}, {"modified": 1})


async def test_one_that_fails_leaves_the_others(voice: Voice) -> None:
    body = await voice.answer("""mutation {
      a: createBooks(data: {title: "a"}) { title }
      b: createBooks(data: {}) { title }
      c: createBooks(data: {title: "c"}) { title }
    }""")
    assert body["data"] == {"a": {"title": "a"}, "b": None, "c": {"title": "c"}}
    (error,) = body["errors"]
    assert (error["path"], error["locations"]) == (["b"], [{"line": 3, "column": 7}])
    assert len(await stored(voice)) == 2


async def test_a_mistake_in_the_selection_is_found_before_the_write(voice: Voice) -> None:
    (id_,) = await voice.insert("books", {"title": "t"})
    before = await stored(voice)
    for field in (
        'createBooks(data: {title: "x"})',
        'createManyBooks(data: [{title: "x"}])',
        f'updateBooks(id: "{id_}", data: {{pages: 1}})',
        f'replaceBooks(id: "{id_}", data: {{title: "x"}})',
        f'deleteBooks(id: "{id_}")',
    ):
        query = f"mutation($m: Int) {{ {field} {{ reviews(max: $m) {{ text }} }} }}"
        assert "negative" in await voice.message(query, m=-1)
    assert await stored(voice) == before


async def test_strict_collections_refuse_what_they_do_not_declare(voice: Voice) -> None:
    rest = (await voice.client.post("/rest/coins", json={"worth": 1, "wort": 2})).json()
    error = await voice.error(
        "mutation { createCoins(data: {worth: 1, _extra: {wort: 2}}) { _id } }"
    )
    assert error["extensions"]["list"] == rest["list"]
    assert rest["list"][0]["field"] == "wort"
    message = await voice.message("mutation { createCoins(data: {wort: 2}) { _id } }")
    assert "unknown field 'wort'. Did you mean 'worth'?" in message


async def test_children_are_linked_by_their_parent_fields(voice: Voice) -> None:
    (id_,) = await voice.insert("books", {"title": "t"})
    query = "mutation($data: ReviewsInput!) { createReviews(data: $data) { text _parent_id } }"
    link = {"_parent_id": id_, "_parent_def": "books", "_parent_field": "reviews"}
    assert await voice.data(query, data={"text": "r", **link}) == {"text": "r", "_parent_id": id_}
    assert await voice.data("{ books { reviews { text } } }") == [{"reviews": [{"text": "r"}]}]
    for name, wrong in (("_parent_id", NONE), ("_parent_def", "nope"), ("_parent_field", "tags")):
        bad = {"text": "r", **link, name: wrong}
        rest = (await voice.client.post("/rest/reviews", json=bad)).json()
        error = await voice.error(query, data=bad)
        assert error["extensions"]["list"] == rest["list"]


async def test_extra_properties_must_be_an_object(voice: Voice) -> None:
    """They would be lost otherwise, and nobody would know."""
    said = "'_extra' holds undeclared properties and must be an object or null."
    for extra in ("x", 7, [], [{}], True):
        assert await voice.message(CREATE, data={"title": "t", "_extra": extra}) == said
        assert await voice.message(CREATE, data={"title": "t", "print": {"_extra": extra}}) == said
    assert await voice.message('mutation { createBooks(data: {_extra: "x"}) { _id } }') == said
    query = 'mutation($e: JSON) { createBooks(data: {title: "t", _extra: $e}) { _id } }'
    assert await voice.message(query, e=[1]) == said
    assert await stored(voice) == []
    for given in ({"e": None}, {"e": {}}, {}):
        assert await voice.data(query, **given)
