"""Schemas: what is built, what is reused, what is quarantined, and how fast."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from duetdb.schema_gen.build import assign_names, build_schema
from duetdb.schema_gen.fields.reference import NumberReference
from duetdb.schema_gen.model import Schema
from duetdb.schema_gen.system import SYSTEM_DEFINITIONS
from tests.schema_gen.build_one import schema

POSTS: list[dict[str, Any]] = [
    {"name": "title", "type": "text"},
    {"name": "author", "type": "authors", "relation": "one"},
]
BASE: dict[str, Any] = {"posts": POSTS, "authors": [], "tags": []}


def changed(before: Schema, after: Schema) -> set[str]:
    """The collections of ``after`` that are not the identical object."""
    return {
        name for name, each in after.collections.items() if before.collections.get(name) is not each
    }


def test_system_collections_are_always_there() -> None:
    built = schema()
    assert list(built.collections) == list(SYSTEM_DEFINITIONS)
    assert all(each.system for each in built.collections.values())


def test_stored_metadata_takes_the_place_of_a_system_collections() -> None:
    users = schema(users=[{"name": "nick", "type": "text"}]).collections["users"]
    assert users.system
    assert [field.name for field in users.fields] == ["nick"]


def test_storing_the_name_that_a_collection_was_given_changes_nothing() -> None:
    before = schema(**{"blog-posts": {"fields": POSTS[:1]}})
    body = {"fields": POSTS[:1], "graphqlName": "BlogPosts"}
    named = schema(before, **{"blog-posts": body})
    assert changed(before, named) == set()
    other = schema(named, **{"blog-posts": {**body, "graphqlName": "Articles"}})
    assert changed(named, other) == {"blog-posts"}
    assert other.collections["blog-posts"].names.root == "articles"
    bad = schema(named, **{"blog-posts": {**body, "graphqlName": "__x"}})
    assert bad.quarantined.keys() == {"blog-posts"}


def test_nothing_changed_means_the_identical_objects() -> None:
    before = schema(**BASE)
    assert changed(before, schema(before, **BASE)) == set()


def test_only_the_changed_collection_is_rebuilt() -> None:
    before = schema(**BASE)
    more = [*POSTS, {"name": "text", "type": "html"}]
    assert changed(before, schema(before, **{**BASE, "posts": more})) == {"posts"}
    assert changed(before, schema(before, **BASE, more=[])) == {"more"}


def test_a_target_follows_the_relations_to_it() -> None:
    before = schema(**BASE)
    hidden = [POSTS[0], {**POSTS[1], "hidden": True}]
    after = schema(before, **{**BASE, "posts": hidden})
    assert changed(before, after) == {"posts", "authors"}
    assert after.collections["authors"].referrers[0].field.hidden
    after = schema(before, **{**BASE, "posts": POSTS[:1]})
    assert changed(before, after) == {"posts", "authors"}
    assert after.collections["authors"].referrers == ()


def test_a_relation_follows_the_id_type_of_its_target() -> None:
    before = schema(**BASE)
    after = schema(before, **{**BASE, "authors": {"idType": "number"}})
    assert changed(before, after) == {"posts", "authors"}
    assert isinstance(after.collections["posts"].by_name["author"].type, NumberReference)
    assert changed(after, schema(after, **BASE)) == {"posts", "authors"}


def test_a_broken_collection_is_quarantined_with_all_reasons() -> None:
    broken = schema(posts=[{"name": "a", "type": "txt"}, {"name": "$b", "type": "text"}], tags=[])
    assert "posts" not in broken.collections
    assert "tags" in broken.collections
    reasons = broken.quarantined["posts"]
    assert [reason.split(":")[0] for reason in reasons] == ["fields[0].type", "fields[1].name"]


def test_quarantine_takes_nobody_else_along() -> None:
    built = schema(
        a=[{"name": "x", "type": "b", "relation": "one"}],
        b=[{"name": "x", "type": "c", "relation": "child"}],
        c=[{"name": "x", "type": "txt"}],
        d=[{"name": "x", "type": "postss", "relation": "one"}],
        posts=[],
    )
    assert set(built.quarantined) == {"c", "d"}
    assert built.collections["b"].by_name["x"].collection == "c"
    assert "does not exist. Did you mean 'posts'?" in built.quarantined["d"][0]


def test_a_vanished_target_quarantines_even_what_did_not_change() -> None:
    before = schema(**BASE)
    after = schema(before, posts=POSTS, tags=[])
    assert "posts" in after.quarantined
    assert changed(before, after) == set()
    assert changed(after, schema(after, **BASE)) == {"posts", "authors"}


def test_documents_edited_by_hand_break_nothing_else() -> None:
    definitions: Any = {
        "text": "not an object",
        "none": None,
        "list": [],
        "other": {"name": "else"},
        "bytes": {"fields": b"x"},
        "odd": {"fields": [{"name": "a", "type": "text", "default": float("nan")}]},
        "\ud800": {},
        "fine": {"_id": "fine"},
    }
    built = build_schema(definitions, version=3)
    assert built.version == 3
    assert set(built.quarantined) == set(definitions) - {"fine"}
    assert "fine" in built.collections


def test_names_are_filled_in_where_they_differ() -> None:
    body = {
        "name": "blog-posts",
        "fields": [
            {"name": "net chg", "type": "text"},
            {"name": "o", "type": "object", "fields": [{"name": "a-b", "type": "text"}]},
        ],
    }
    named = assign_names(body, {"BlogPosts"})
    assert named["graphqlName"] == "BlogPosts2"
    assert named["fields"][0]["graphqlName"] == "net_chg"
    assert named["fields"][1]["fields"][0]["graphqlName"] == "a_b"
    assert "graphqlName" not in named["fields"][1]
    assert assign_names(named, ()) == named
    assert "graphqlName" not in body


def big() -> dict[str, dict[str, Any]]:
    kinds = "text number float_number money email html date datetime time bool JSON".split()
    plain = [{"name": f"f {kind}", "type": kind} for kind in kinds]
    return {
        f"c{n}": {
            "name": f"c{n}",
            "graphqlName": f"C{n}",
            "fields": [*plain, {"name": "ref", "type": f"c{n * 7 % 500}", "relation": "one"}],
        }
        for n in range(500)
    }


def test_five_hundred_collections_build_and_rebuild_quickly() -> None:
    definitions = big()
    start = perf_counter()
    before = build_schema(definitions, version=1)
    first = perf_counter() - start
    again = []
    for round_ in range(3):
        definitions["c3"] = {**definitions["c3"], "description": str(round_)}
        start = perf_counter()
        after = build_schema(definitions, version=2, previous=before)
        again.append(perf_counter() - start)
        assert changed(before, after) == {"c3"}
    # 100 ms and 15 ms where it was measured; the rest is room for a busy machine.
    assert first < 0.6
    assert min(again) < 0.06
