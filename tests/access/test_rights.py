"""Sets of fields, and what is left of a schema for a caller."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from duetdb.app.service.access.key_permissions import KeyPermissions
from duetdb.app.service.access.role_permissions import RolePermissions
from duetdb.app.service.keys.web_key import WebKey
from duetdb.schema_gen.build import build_schema
from duetdb.schema_gen.model import Audience, Collection, Schema
from duetdb.schema_gen.narrowing import narrow
from duetdb.schema_gen.rights import METHODS, FieldSet
from duetdb.schema_gen.system import SYSTEM_DEFINITIONS

PATHS = st.sampled_from(["a", "a.b", "a.b.c", "a.d", "e", "e.f"])
SETS = st.builds(
    FieldSet, st.none() | st.frozensets(PATHS, max_size=4), st.frozensets(PATHS, max_size=3)
)


@given(SETS, SETS, PATHS)
def test_what_is_in_both_is_in_each(one: FieldSet, other: FieldSet, path: str) -> None:
    assert one.both(other).has_whole(path) == (one.has_whole(path) and other.has_whole(path))


@given(SETS, SETS, PATHS)
def test_what_is_in_either_is_in_one(one: FieldSet, other: FieldSet, path: str) -> None:
    if one.either(other).has_whole(path) and not _has_parts(path, one, other):
        assert one.has_whole(path) or other.has_whole(path)


def _has_parts(path: str, *sets: FieldSet) -> bool:
    """A whole may be put together from two sets that have its parts."""
    return all(each.has(path) and not each.has_whole(path) for each in sets)


@given(SETS, PATHS)
def test_a_whole_is_a_part_too(fields: FieldSet, path: str) -> None:
    assert fields.has(path) or not fields.has_whole(path)


def schema_of(*definitions: dict[str, Any]) -> Schema:
    described = {each["name"]: each for each in (*SYSTEM_DEFINITIONS.values(), *definitions)}
    return build_schema(described, version=1)


POSTS: dict[str, Any] = {
    "name": "posts",
    "fields": [
        {"name": "title", "type": "text"},
        {"name": "remark", "type": "text", "hidden": True, "searchable": True},
        {"name": "cost", "type": "number", "hidden": True},
        {"name": "price", "type": "float_number", "formula": "{{cost}} * 2"},
        {"name": "shown", "type": "float_number", "formula": "{{price}} + 1"},
        {
            "name": "place",
            "type": "object",
            "fields": [
                {"name": "city", "type": "text"},
                {"name": "door", "type": "text", "hidden": True},
            ],
        },
        {"name": "author", "type": "authors", "relation": "one"},
        {"name": "notes", "type": "notes", "relation": "child"},
    ],
}
AUTHORS = {"name": "authors", "fields": [{"name": "name", "type": "text"}]}
NOTES = {"name": "notes", "fields": [{"name": "text", "type": "text"}]}
SCHEMA = schema_of(POSTS, AUTHORS, NOTES)


def seen_by(key: WebKey) -> Schema:
    return narrow(SCHEMA, KeyPermissions(key).rights, Audience.KEY)


def names(collection: Collection) -> list[str]:
    return [each.name for each in collection.fields]


def test_hidden_fields_and_what_tells_of_them_are_not_there() -> None:
    posts = seen_by(WebKey(id="1", paths=("/**",))).collections["posts"]
    assert names(posts) == ["title", "place", "author", "notes"]
    assert list(posts.by_path) == ["title", "place", "place.city", "author", "notes"]
    assert posts.narrowing is not None
    assert not posts.narrowing.visible.has("price")
    assert not posts.narrowing.visible.has("_keywords")  # the words of the remark are among them


def test_what_is_seen_whole_is_the_same_object() -> None:
    schema = seen_by(WebKey(id="1", paths=("/**",)))
    assert schema.audience is Audience.KEY
    assert schema.collections["notes"] is SCHEMA.collections["notes"]
    alone = seen_by(WebKey(id="1", paths=("/notes/**",)))
    assert alone.collections["notes"] is not SCHEMA.collections["notes"]
    assert alone.collections["notes"].referrers == ()


def test_a_star_opens_no_system_collection() -> None:
    assert sorted(seen_by(WebKey(id="1", paths=("/**",))).collections) == [
        "authors",
        "notes",
        "posts",
    ]


def test_a_relation_to_what_is_closed_is_a_value() -> None:
    posts = seen_by(WebKey(id="1", paths=("/posts",))).collections["posts"]
    assert names(posts) == ["title", "place", "author"]
    assert posts.by_name["author"].collection == ""


def test_the_children_of_one_parent_are_reached_there_alone() -> None:
    permissions = KeyPermissions(
        WebKey(id="1", paths=("/posts/7/notes",), methods=frozenset(("POST",)))
    )
    assert permissions.rights(SCHEMA.collections["notes"]).methods == {"POST"}
    assert permissions.rights(SCHEMA.collections["posts"]).methods == set()
    assert permissions.allows("POST", ("posts", "7", "notes"))
    assert not permissions.allows("POST", ("posts", "8", "notes"))
    assert not permissions.allows("POST", ("notes",))
    assert not permissions.allows("GET", ("posts", "7", "notes"))


def test_the_lists_of_a_key() -> None:
    key = WebKey(id="1", paths=("/**",), readable=("title",), writable=("title", "cost"))
    posts = seen_by(key).collections["posts"]
    assert names(posts) == ["title"]
    assert posts.narrowing is not None
    assert [each.name for each in posts.narrowing.writable] == ["title", "cost"]
    assert not posts.narrowing.visible.has("undeclared")
    assert posts.narrowing.visible.has("_version")


def rights(access: dict[str, Any], *roles: str, system: str = "") -> Any:
    if system:
        definition = {**SYSTEM_DEFINITIONS[system], "access": access}
    else:
        definition = {**POSTS, "access": access}
    collection = schema_of(definition, AUTHORS, NOTES).collections[definition["name"]]
    return RolePermissions(roles).rights(collection)


def test_a_collection_without_roles_is_open_to_every_user() -> None:
    assert rights({}).methods == METHODS


def test_roles_for_reading_and_for_writing() -> None:
    access = {"read": ["reader"], "write": ["writer"]}
    assert rights(access, "reader").methods == {"GET"}
    assert rights(access, "writer").methods == METHODS - {"GET"}
    assert rights(access, "reader", "writer").methods == METHODS
    assert rights(access).methods == set()


def test_without_a_list_for_writing_readers_write() -> None:
    assert rights({"read": ["staff"]}, "staff").methods == METHODS
    assert rights({"read": ["staff"]}).methods == set()


def test_a_rule_gives_its_role_what_it_says_and_others_nothing() -> None:
    access = {"rules": [{"role": "guest", "readable": ["title"]}]}
    assert rights(access).methods == set()
    assert rights(access, "guest").readable.only == {"title"}
    assert rights({"rules": [{"role": "*", "readable": ["title"]}]}).readable.only == {"title"}


def test_what_several_roles_give_adds_up_where_it_holds_for_every_document() -> None:
    rules = [
        {"role": "a", "filter": {"x": 1}, "readable": ["title", "x"]},
        {"role": "b", "filter": {"x": 2}, "readable": ["title", "y"]},
        {"role": "c", "readable": ["z"]},
    ]
    assert rights({"rules": rules}, "a", "b").readable.only == {"title"}
    assert rights({"rules": rules}, "a", "b", "c").readable.only == {"z"}
    assert rights({"rules": rules, "read": ["d"]}, "a", "d").readable.only is None


def test_system_collections_are_closed_until_they_name_a_role() -> None:
    assert rights({}, "admin", system="users").methods == set()
    assert rights({"read": ["admin"]}, "admin", system="users").methods == {"GET"}


def test_what_gives_rights_is_written_by_those_who_are_told_so_by_name() -> None:
    access: dict[str, Any] = {"read": ["admin"], "write": ["admin"]}
    found = rights(access, "admin", system="users")
    assert not found.writable.has("roles") and found.writable.has("name")
    access["rules"] = [{"role": "admin", "writable": ["name", "roles"]}]
    assert rights(access, "admin", system="users").writable.has("roles")
