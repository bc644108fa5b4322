"""What GraphQL answers to callers with limited rights."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.voice_graphql.conftest import Json, Voice

PEOPLE: Json = {"name": "people", "fields": [{"name": "name", "type": "text"}]}
COMMENTS: Json = {"name": "comments", "fields": [{"name": "text", "type": "text"}]}
POSTS: Json = {
    "name": "posts",
    "fields": [
        {"name": "title", "type": "text"},
        {"name": "cryptic", "type": "text"},
        {"name": "author", "type": "people", "relation": "one"},
        {"name": "readers", "type": "people", "relation": "many"},
        {"name": "comments", "type": "comments", "relation": "child"},
        {
            "name": "print",
            "type": "object",
            "fields": [{"name": "city", "type": "text"}, {"name": "cryptic", "type": "text"}],
        },
        {
            "name": "parts",
            "type": "object",
            "multiple": True,
            "fields": [{"name": "kind", "type": "text"}, {"name": "cryptic", "type": "text"}],
        },
    ],
}
MISSING = "0123456789abcdef01234567"


class Caller:
    """Asks with a web key."""

    def __init__(self, client: httpx.AsyncClient, key: str) -> None:
        self._client = client
        self._headers = {"x-apikey": key}

    async def answer(self, query: str, /, **variables: Any) -> tuple[int, Json]:
        body = {"query": query, "variables": variables}
        answer = await self._client.post("/graphql", headers=self._headers, json=body)
        return answer.status_code, answer.json()

    async def data(self, query: str, /, **variables: Any) -> Any:
        """The value of the only root field of an operation without errors."""
        status, body = await self.answer(query, **variables)
        assert (status, body.keys()) == (200, {"data"}), body
        (value,) = body["data"].values()
        return value

    async def error(self, query: str, /, **variables: Any) -> tuple[int, str]:
        """Status and message of the only error."""
        _, body = await self.answer(query, **variables)
        (error,) = body["errors"]
        return error["extensions"]["status"], error["message"]

    async def rest(self, method: str, path: str, **more: Any) -> httpx.Response:
        return await self._client.request(method, f"/rest/{path}", headers=self._headers, **more)


async def caller(voice: Voice, *paths: str, **rights: Any) -> Caller:
    answer = await voice.client.post("/rest/_keys", json={"paths": paths, **rights})
    assert answer.status_code == 201, answer.text
    return Caller(voice.client, answer.json()["key"])


@pytest.fixture
async def posts(bare: Voice) -> Voice:
    await bare.define(PEOPLE, COMMENTS, POSTS)
    return bare


async def two_posts(voice: Voice) -> tuple[list[str], list[str]]:
    """The ids of two people and of two posts, each by one of them."""
    people = await voice.insert("people", {"name": "Ann"}, {"name": "Bob"})
    both = (
        {"title": "one", "cryptic": "z", "author": people[:1], "readers": people},
        {"title": "two", "cryptic": "a", "author": people[1:], "readers": []},
    )
    return people, await voice.insert("posts", *both)


async def dirty(voice: Voice, *documents: Json) -> None:
    """Stores what no interface would, and the server's validator would log."""
    await voice.database["posts"].insert_many(list(documents), bypass_document_validation=True)


async def test_nested_parts_and_undeclared_properties_that_are_hidden(posts: Voice) -> None:
    """Neither what is hidden, nor the wrong values in it, are among what nobody declared."""
    raw = {"city": "Rome", "cryptic": 5, "more": 1}
    document = {
        "title": 7,
        "cryptic": 8,
        "print": raw,
        "parts": [{"kind": "a", "cryptic": 9, "more": 2}],
        "loose": 3,
    }
    await dirty(posts, document)
    query = "{ posts { title _extra print { city _extra } parts { kind _extra } } }"
    web = await caller(posts, "/posts/**", readable=["title", "print.city", "parts.kind"])
    assert await web.data(query) == [
        {
            "title": None,
            "_extra": {"title": 7},
            "print": {"city": "Rome", "_extra": {}},
            "parts": [{"kind": "a", "_extra": {}}],
        }
    ]
    assert await posts.data(query) == [
        {
            "title": None,
            "_extra": {"title": 7, "cryptic": 8, "loose": 3},
            "print": {"city": "Rome", "_extra": {"cryptic": 5, "more": 1}},
            "parts": [{"kind": "a", "_extra": {"cryptic": 9, "more": 2}}],
        }
    ]


async def test_what_is_hidden_is_not_among_undeclared_properties(posts: Voice) -> None:
    hidden = [{**each, "hidden": each["name"] == "cryptic"} for each in POSTS["fields"]]
    await posts.define(PEOPLE, COMMENTS, {**POSTS, "fields": hidden})
    await posts.database["posts"].insert_one({"title": "t", "cryptic": "c", "loose": 3})
    web = await caller(posts, "/posts/**")
    assert await web.data("{ posts { _extra } }") == [{"_extra": {"loose": 3}}]
    assert await posts.data("{ posts { cryptic _extra } }") == [
        {"cryptic": "c", "_extra": {"loose": 3}}
    ]


async def test_relations_to_what_may_not_be_read_show_ids_as_rest_does(posts: Voice) -> None:
    people, (one, two) = await two_posts(posts)
    web = await caller(posts, "/posts/**")
    shown = await web.data("{ posts { _id author readers _extra } }")
    assert shown == [
        {"_id": one, "author": people[:1], "readers": people, "_extra": {}},
        {"_id": two, "author": people[1:], "readers": [], "_extra": {}},
    ]
    rest = (await web.rest("GET", "posts")).json()
    assert [(each["author"], each["readers"]) for each in rest] == [
        (each["author"], each["readers"]) for each in shown
    ]


async def test_ids_of_what_may_not_be_read_are_values_like_others(posts: Voice) -> None:
    people, (one, two) = await two_posts(posts)
    web = await caller(posts, "/posts/**")
    by_author = "query($id: ID!) { posts(where: {author: {eq: $id}}) { _id } }"
    assert await web.data(by_author, id=people[1]) == [{"_id": two}]
    found = await web.rest("GET", "posts", params={"q": f'{{"author": "{people[1]}"}}'})
    assert [each["_id"] for each in found.json()] == [two]
    sized = "{ posts(where: {readers: {size: 2}}) { _id } }"
    assert await web.data(sized) == [{"_id": one}]
    groups = (
        "{ postsAggregate(groupBy: [author], orderBy: [{group: {author: ASC}}]) { group count } }"
    )
    assert await web.data(groups) == [
        {"group": {"author": [id_]}, "count": 1} for id_ in sorted(people)
    ]
    assert await web.data(groups) == await posts.data(groups)
    counted = "{ postsAggregate { countDistinct { readers } min { author } } }"
    assert await web.data(counted) == [
        {"countDistinct": {"readers": 2}, "min": {"author": min(people)}}
    ]
    ordered = "{ posts(orderBy: [{author: DESC}]) { _id } }"
    assert await web.data(ordered) == [{"_id": two}, {"_id": one}]


async def test_dirty_ids_of_what_may_not_be_read(posts: Voice) -> None:
    await dirty(posts, {"author": "x"}, {"author": None}, {"author": [1]})
    web = await caller(posts, "/posts/**")
    assert await web.data("{ posts { author _extra } }") == [
        {"author": None, "_extra": {"author": "x"}},
        {"author": None, "_extra": {}},
        {"author": None, "_extra": {"author": [1]}},
    ]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ posts { cryptic } }", "Cannot query field 'cryptic' on type 'Posts'."),
        ("{ posts { cryptics } }", "Cannot query field 'cryptics' on type 'Posts'."),
        (
            '{ posts(where: {cryptic: {eq: "z"}}) { _id } }',
            "Expected value of type 'PostsWhere' not to include unknown field 'cryptic', "
            'found: { cryptic: { eq: "z" } }.',
        ),
        (
            "{ posts(orderBy: [{cryptic: ASC}]) { _id } }",
            "Expected value of type 'PostsOrderBy' not to include unknown field 'cryptic', "
            "found: { cryptic: ASC }.",
        ),
        (
            "{ postsAggregate(groupBy: [cryptic]) { count } }",
            "Value 'cryptic' does not exist in 'PostsField' enum.",
        ),
        ("{ people { _id } }", "Cannot query field 'people' on type 'Query'."),
        ("{ peoples { _id } }", "Cannot query field 'peoples' on type 'Query'."),
        (
            "{ posts { ... on People { name } } }",
            "Unknown type 'People'.",
        ),
    ],
)
async def test_what_is_hidden_is_unknown_and_nothing_near_is_told(
    posts: Voice, query: str, message: str
) -> None:
    web = await caller(posts, "/posts/**", readable=["title"])
    assert await web.error(query) == (400, message)
    hidden, unknown = ("cryptic", "people", "People"), ("unheard", "nowhere", "Nowhere")
    for name, other in zip(hidden, unknown, strict=True):
        query, message = query.replace(name, other), message.replace(name, other)
    assert await web.error(query) == (400, message)


async def test_values_in_variables_of_what_is_hidden(posts: Voice) -> None:
    web = await caller(posts, "/posts/**", readable=["title"])
    where = "query($where: PostsWhere) { posts(where: $where) { _id } }"
    for name in ("cryptic", "unheard"):
        assert await web.error(where, where={name: {"eq": "z"}}) == (
            400,
            "Variable '$where' has invalid value: Expected value of type 'PostsWhere' "
            f"not to include unknown field '{name}', found: {{'{name}': {{'eq': 'z'}}}}.",
        )


async def test_a_filter_in_words_of_rest_by_what_is_hidden_finds_what_no_document_has(
    posts: Voice,
) -> None:
    await two_posts(posts)
    web = await caller(posts, "/posts/**", readable=["title"])
    query = "query($q: JSON) { posts(q: $q, orderBy: {title: ASC}) { title } }"
    for name in ("cryptic", "unheard"):
        assert await web.data(query, q={name: "z"}) == []
        assert await web.data(query, q={name: {"$gt": "b"}}) == []
        both = [{"title": "one"}, {"title": "two"}]
        assert await web.data(query, q={name: None}) == both
        assert await web.data(query, q={name: {"$exists": False}}) == both


async def test_the_same_text_of_two_callers(posts: Voice) -> None:
    """What was kept of a text belongs to the rights of who asked it."""
    await two_posts(posts)
    text = "{ posts(orderBy: {title: ASC}) { title cryptic } }"
    knowing = await caller(posts, "/posts/**")
    other = await caller(posts, "/posts/**", readable=["title"])
    both = [{"title": "one", "cryptic": "z"}, {"title": "two", "cryptic": "a"}]
    refused = (400, "Cannot query field 'cryptic' on type 'Posts'.")
    for _ in range(2):
        assert await knowing.data(text) == both
        assert await other.error(text) == refused
        assert await posts.data(text) == both


async def test_cursors_of_others_order_by_nothing_that_is_hidden(posts: Voice) -> None:
    """A cursor of an order by a hidden field is one of no order that the caller may ask for."""
    await two_posts(posts)
    by_secret = await posts.data(
        "{ postsConnection(orderBy: {cryptic: ASC}) { edges { cursor } } }"
    )
    web = await caller(posts, "/posts/**", readable=["title"])
    after = "query($at: String) { postsConnection(after: $at) { edges { node { title } } } }"
    cursor = by_secret["edges"][0]["cursor"]
    status, message = await web.error(after, at=cursor)
    assert (status, message) == (400, "The cursor is not one of this connection and order.")
    page = "query($at: String) { postsConnection(first: 1, after: $at, orderBy: {title: DESC}) " + (
        "{ totalCount edges { cursor node { title } } } }"
    )
    first = await posts.data(page)
    assert await web.data(page) == first
    second = await web.data(page, at=first["edges"][0]["cursor"])
    assert [each["node"] for each in second["edges"]] == [{"title": "one"}]


async def test_totals_are_of_what_the_caller_may_see(posts: Voice) -> None:
    await two_posts(posts)
    web = await caller(posts, "/posts/**", filter={"cryptic": "z"}, readable=["title"])
    query = "{ postsConnection { totalCount edges { node { title } } } }"
    assert await web.data(query) == {"totalCount": 1, "edges": [{"node": {"title": "one"}}]}
    assert await web.data("{ postsAggregate { count } }") == [{"count": 1}]


async def test_who_may_write_and_not_read_gets_the_id_alone(posts: Voice) -> None:
    _, (one, two) = await two_posts(posts)
    web = await caller(posts, "/posts", "/posts/*", methods=["POST", "PATCH", "PUT", "DELETE"])
    update = (
        'mutation($id: ID!) { updatePosts(id: $id, data: {title: "new"}) { _id title author } }'
    )
    assert await web.data(update, id=one) == {"_id": one, "title": None, "author": None}
    replace = (
        'mutation($id: ID!) { replacePosts(id: $id, data: {title: "new"}) { _id title _extra } }'
    )
    assert await web.data(replace, id=one) == {"_id": one, "title": None, "_extra": {}}
    delete = "mutation($id: ID!) { deletePosts(id: $id) { _id title } }"
    assert await web.data(delete, id=two) == {"_id": two, "title": None}
    many = "mutation($ids: [ID!]!) { deleteManyPosts(ids: $ids) { matched } }"
    assert await web.data(many, ids=[one]) == {"matched": 1}


async def test_what_may_be_written_and_not_read(posts: Voice) -> None:
    people, _ = await two_posts(posts)
    web = await caller(
        posts, "/posts/**", readable=["title"], writable=["title", "cryptic", "author", "print"]
    )
    create = "mutation($data: PostsInput!) { createPosts(data: $data) { _id title _extra } }"
    data = {
        "title": "t",
        "cryptic": "c",
        "author": people[:1],
        "print": {"city": "Rome", "cryptic": "p"},
    }
    created = await web.data(create, data=data)
    assert created == {"_id": created["_id"], "title": "t", "_extra": {}}
    query = "query($id: ID!) { postsById(id: $id) { cryptic author { name } print { cryptic } } }"
    assert await posts.data(query, id=created["_id"]) == {
        "cryptic": "c",
        "author": {"name": "Ann"},
        "print": {"cryptic": "p"},
    }
    assert await web.error(create, data={"parts": []}) == (
        400,
        "Variable '$data' has invalid value: Expected value of type 'PostsInput' "
        "not to include unknown field 'parts', found: {'parts': []}.",
    )


async def test_a_key_for_a_child_list_alone_inserts_children(posts: Voice) -> None:
    """As ``POST /rest/posts/<id>/comments``; their collection and the parents stay closed."""
    _, (one, _) = await two_posts(posts)
    web = await caller(posts, "/posts/*/comments", methods=["POST"])
    create = "mutation($data: CommentsInput!) { createComments(data: $data) { _id text } }"
    here = {"_parent_id": one, "_parent_def": "posts", "_parent_field": "comments"}
    made = await web.data(create, data={"text": "fine", **here})
    assert made == {"_id": made["_id"], "text": "fine"}
    many = "mutation($data: [CommentsInput!]!) { createManyComments(data: $data) { text } }"
    several = [{"text": "a", **here}, {"text": "b", **here}]
    assert await web.data(many, data=several) == [{"text": "a"}, {"text": "b"}]
    shown = await posts.data("query($id: ID!) { postsById(id: $id) { comments { text } } }", id=one)
    assert shown == {"comments": [{"text": "fine"}, {"text": "a"}, {"text": "b"}]}
    closed = "This caller may not do that."
    assert await web.error(create, data={"text": "loose"}) == (403, closed)
    assert await web.error(create, data={"text": "x", **here, "_parent_def": "people"}) == (
        403,
        closed,
    )
    assert await web.error(many, data=[several[0], {"text": "loose"}]) == (403, closed)
    assert (await web.rest("POST", "comments", json={"text": "x"})).status_code == 403


async def test_a_document_is_judged_by_its_own_address(posts: Voice) -> None:
    _, (one, two) = await two_posts(posts)
    web = await caller(posts, f"/posts/{one}", methods=["GET", "PATCH"])
    query = "query($id: ID!) { postsById(id: $id) { title } }"
    assert await web.data(query, id=one) == {"title": "one"}
    refused = (403, "This caller may not do that.")
    for id_ in (two, MISSING, "no id"):
        assert await web.error(query, id=id_) == refused
    assert await web.error("{ posts { title } }") == (
        400,
        "Cannot query field 'posts' on type 'Query'.",
    )
    update = 'mutation($id: ID!) { updatePosts(id: $id, data: {title: "new"}) { title } }'
    assert await web.data(update, id=one) == {"title": "new"}
    assert await web.error(update, id=two) == refused


async def test_a_caller_with_nothing_to_ask_for(posts: Voice) -> None:
    web = await caller(posts, "/elsewhere")
    assert await web.data("{ _nothing }") is None
    assert await web.data("{ __typename }") == "Query"
    told = "{ __schema { queryType { fields { name } } mutationType { name } } }"
    assert await web.data(told) == {
        "queryType": {"fields": [{"name": "_nothing"}]},
        "mutationType": None,
    }
    status, message = await web.error("mutation { createPosts(data: {}) { _id } }")
    assert (status, message) == (400, "The mutation operation is not supported by the schema.")


async def test_introspection_is_of_what_the_caller_may_do(posts: Voice) -> None:
    web = await caller(posts, "/posts/**", methods=["GET", "DELETE"], readable=["title"])
    told = "{ __schema { queryType { fields { name } } mutationType { fields { name } } } }"
    shown = await web.data(told)
    names = {kind: sorted(each["name"] for each in of["fields"]) for kind, of in shown.items()}
    assert names["mutationType"] == ["deleteManyPosts", "deletePosts"]
    assert names["queryType"] == ["posts", "postsAggregate", "postsById", "postsConnection"]
    assert await web.data('{ __type(name: "PostsInput") { name } }') is None
    assert await web.data('{ __type(name: "People") { name } }') is None
