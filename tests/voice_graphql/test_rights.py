"""A GraphQL schema holds what its caller may do, and nothing tells of the rest."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any

import pytest

from duetdb.app.service.access.role_permissions import RolePermissions
from duetdb.graphql import schema as schema_module
from duetdb.graphql.members import members_of
from duetdb.graphql.schema import GraphQLPart
from tests.voice_graphql.narrowed import Json, key, narrowed, roots, told, whole_part

POSTS: Json = {
    "name": "posts",
    "fields": [
        {"name": "title", "type": "text", "searchable": True},
        {"name": "cryptic", "type": "text", "description": "About cryptic things."},
        {"name": "cryptics", "type": "number", "multiple": True},
        {"name": "author", "type": "people", "relation": "one"},
        {"name": "comments", "type": "comments", "relation": "child"},
        {
            "name": "print",
            "type": "object",
            "fields": [
                {"name": "city", "type": "text"},
                {"name": "cryptic", "type": "date"},
                {"name": "editor", "type": "people", "relation": "one"},
            ],
        },
        {"name": "joined", "type": "text", "formula": "{{title}} + {{cryptic}}"},
    ],
}
COMMENTS: Json = {"name": "comments", "fields": [{"name": "text", "type": "text"}]}
PEOPLE: Json = {
    "name": "people",
    "fields": [{"name": "name", "type": "text"}, {"name": "born", "type": "date"}],
}
LONE: Json = {"name": "alone", "fields": [{"name": "title", "type": "text"}]}
READ = {"posts", "postsById", "postsConnection", "postsAggregate"}
INSERT = {"createPosts", "createManyPosts"}
DELETE = {"deletePosts", "deleteManyPosts"}


@pytest.fixture(scope="module")
def whole() -> GraphQLPart:
    return whole_part(POSTS, COMMENTS, PEOPLE)


@pytest.mark.parametrize(
    ("methods", "expected"),
    [
        ("GET", READ),
        ("POST", INSERT | {"_nothing"}),
        ("PATCH", {"updatePosts", "_nothing"}),
        ("PUT", {"replacePosts", "_nothing"}),
        ("DELETE", DELETE | {"_nothing"}),
        ("GET PATCH DELETE", READ | DELETE | {"updatePosts"}),
    ],
)
def test_root_fields_are_those_of_the_methods(
    whole: GraphQLPart, methods: str, expected: set[str]
) -> None:
    assert roots(narrowed(whole, key("/posts", "/posts/*", methods=methods))) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/posts", READ - {"postsById"} | INSERT),
        ("/posts/*", DELETE | {"postsById", "updatePosts", "replacePosts"}),
        ("/posts/abc", DELETE | {"postsById", "updatePosts", "replacePosts"}),
        ("/posts/*/comments", {"_nothing", "createComments", "createManyComments"}),
        ("/posts/*/comments/*", {"_nothing"}),
    ],
)
def test_root_fields_are_those_that_the_addresses_leave(
    whole: GraphQLPart, path: str, expected: set[str]
) -> None:
    assert roots(narrowed(whole, key(path))) == expected


def test_what_a_filter_finds_is_written_by_the_full_key_alone(whole: GraphQLPart) -> None:
    assert {"updateManyPosts", "updateManyComments"} <= roots(whole)
    assert "deleteManyPosts(ids: [ID!], where: PostsWhere)" in told(whole)
    part = narrowed(whole, key("/**"))
    assert part.types["posts"] is whole.types["posts"]
    assert not {each for each in roots(part) if each.startswith("updateMany")}
    assert "deleteManyPosts(ids: [ID!]!): ManyResult" in told(part)
    assert "where" not in told(part).split("deleteManyPosts")[1].split("\n")[0]


def test_a_caller_without_rights_has_a_schema_without_anything(whole: GraphQLPart) -> None:
    part = narrowed(whole, key("/nothing"))
    assert roots(part) == {"_nothing"}
    assert part.graphql.mutation_type is None
    assert not [name for name in part.graphql.type_map if name.startswith(("Posts", "People"))]


def test_nothing_tells_of_what_is_hidden(whole: GraphQLPart) -> None:
    """Of four fields and their types, arguments, enum values and descriptions nothing is left."""
    assert len(re.findall("(?i)cryptic|people|comments|born|joined", told(whole))) > 100
    part = narrowed(whole, key("/posts/**", readable=("title", "print.city", "author")))
    assert not re.findall("(?i)cryptic|people|joined|born|editor", told(part))
    rule = {"role": "*", "readable": ["title", "author"]}
    ruled = whole_part({**POSTS, "access": {"rules": [rule]}}, COMMENTS, PEOPLE)
    assert not re.findall("(?i)cryptic|joined", told(narrowed(ruled, RolePermissions(()))))


def test_a_relation_to_what_may_not_be_read_is_a_list_of_ids(whole: GraphQLPart) -> None:
    text = told(narrowed(whole, key("/posts", "/posts/*")))
    assert "  author: [ID!]\n" in text
    assert "  editor: [ID!]\n" in text
    assert "  author: IDListComparison\n" in text
    assert "comments" not in text.lower()
    assert "  author: People\n" in told(narrowed(whole, key("/posts", "/people")))


def test_the_words_of_a_hidden_field_are_not_shown(whole: GraphQLPart) -> None:
    text = told(narrowed(whole, key("/posts/**", readable=("print",))))
    assert "title" not in text
    assert "[PostsField!]" in text


def test_what_may_be_written_and_not_read_is_in_inputs_alone(whole: GraphQLPart) -> None:
    permissions = key("/posts/**", readable=("title",), writable=("cryptic", "print.editor"))
    text = told(narrowed(whole, permissions))
    inputs = dict(re.findall(r"input (Posts\w*) \{(.*?)\n\}", text, re.DOTALL))
    fields = {name: re.findall(r"^  (\w+):", body, re.MULTILINE) for name, body in inputs.items()}
    assert fields["PostsInput"] == ["cryptic", "print", "_extra"]
    assert fields["Posts_printInput"] == ["editor", "_extra"]
    assert fields["PostsBounds"] == ["cryptic", "_extra"]
    assert "title" in fields["PostsWhere"]
    assert not {"cryptic", "print"} & {*fields["PostsWhere"], *fields["PostsOrderBy"]}
    (type_,) = re.findall(r"type Posts \{(.*?)\n\}", text, re.DOTALL)
    assert "cryptic" not in type_
    assert "print" not in type_


def test_who_only_sends_is_told_of_what_may_be_sent(whole: GraphQLPart) -> None:
    """A form: no filters, no orders, no figures, no connections."""
    part = narrowed(whole, key("/comments", methods="POST"))
    assert roots(part) == {"_nothing", "createComments", "createManyComments"}
    assert {name for name in part.graphql.type_map if "Comments" in name} == {
        "Comments",
        "CommentsInput",
    }
    assert "_parent_id" in told(part).split("input CommentsInput")[1]


def test_collections_that_are_seen_whole_share_their_types(whole: GraphQLPart) -> None:
    for paths, shared in (("/**", {"posts", "people", "comments"}), ("/people/**", set())):
        part = narrowed(whole, key(paths))
        assert {name for name, each in part.types.items() if each is whole.types[name]} == shared


def test_types_of_objects_have_the_same_names_for_every_caller() -> None:
    """Two objects whose names would meet: without the first the second keeps its own."""
    first = {"name": "a b", "type": "object", "fields": [{"name": "x", "type": "text"}]}
    second = {"name": "a", "type": "object", "fields": [{**first, "name": "b"}]}
    whole = whole_part({"name": "posts", "fields": [first, second]})
    names = objects(whole)
    shown = narrowed(whole, key("/posts/**", readable=("a",)))
    assert names == {"Posts_a_b", "Posts_a", "Posts_a_b_2"}
    assert objects(shown) == {"Posts_a", "Posts_a_b_2"}


def objects(part: GraphQLPart) -> set[str]:
    """The types of objects inside of posts."""
    return set(re.findall("type (Posts_(?:a|b|_|2)+) ", told(part)))


def test_a_change_builds_the_types_of_its_collection_alone_for_each_caller() -> None:
    permissions = key("/**", methods="GET")
    before = whole_part(POSTS, COMMENTS, PEOPLE, LONE)
    seen = narrowed(before, permissions)
    changed = {**LONE, "fields": [*LONE["fields"], {"name": "more", "type": "text"}]}
    after = whole_part(POSTS, COMMENTS, PEOPLE, changed, previous=before)
    again = narrowed(after, permissions, previous=seen)
    assert [name for name, each in again.types.items() if each is not seen.types[name]] == ["alone"]
    assert "more: String" in told(again)


def test_one_part_is_built_at_a_time(whole: GraphQLPart, monkeypatch: pytest.MonkeyPatch) -> None:
    """They share types that are made when they are first needed, and one alone must make them."""
    inside = 0
    most = 0

    def members(*given: Any) -> Any:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        sleep(0.01)
        inside -= 1
        return members_of(*given)

    monkeypatch.setattr(schema_module, "members_of", members)
    with ThreadPoolExecutor(4) as pool:
        paths = [f"/{name}" for name in ("posts", "people", "comments", "posts")]
        parts = list(pool.map(lambda path: narrowed(whole, key(path)), paths))
    assert [set(part.types) for part in parts] == [{"posts"}, {"people"}, {"comments"}, {"posts"}]
    assert most == 1
