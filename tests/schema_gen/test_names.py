"""GraphQL names: valid, unique in one set, and never changed by who comes later."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from graphql import assert_enum_value_name, assert_name
from hypothesis import given
from hypothesis import strategies as st

from duetdb.schema_gen.build import assign_names, build_schema
from duetdb.schema_gen.model import SYSTEM_FIELDS, Collection
from duetdb.schema_gen.names import (
    RESERVED_FIELDS,
    choose,
    claimed,
    collection_names,
    derived,
    field_names,
    identifier,
    names_of,
    object_types,
)
from tests.schema_gen.build_one import collection, schema


@pytest.mark.parametrize(
    ("name", "root", "kind"),
    [
        ("blog-posts", "blogPosts", "BlogPosts"),
        ("people", "people", "People"),
        ("system_jobs", "systemJobs", "SystemJobs"),
        ("kit codes", "kitCodes", "KitCodes"),
        ("january-2020", "january2020", "January2020"),
        ("2020-jan", "_2020Jan", "_2020Jan"),
        ("aB", "aB", "AB"),
        ("名前", "collection", "Collection"),
        ("query", "query2", "Query2"),
        ("string", "string2", "String2"),
        ("id", "id2", "Id2"),
        ("json", "json2", "Json2"),
        ("page-info", "pageInfo2", "PageInfo2"),
        ("long-list-comparison", "longListComparison2", "LongListComparison2"),
    ],
)
def test_a_collection_gets_a_root_field_and_a_type(name: str, root: str, kind: str) -> None:
    chosen = choose(name, ())
    assert (chosen.root, chosen.type) == (root, kind)


@pytest.mark.parametrize(
    "pair",
    [
        ("people", "people-by-id"),
        ("a-b", "aB"),
        ("posts", "posts-connection"),
        ("posts", "posts-where"),
        ("posts", "create-posts"),
        ("posts", "posts-changed"),
        ("posts", "many-posts"),
    ],
)
def test_derived_names_are_in_the_collision_set(pair: tuple[str, str]) -> None:
    names = collection_names(dict.fromkeys(pair))
    first, second = (derived(names[name]) for name in pair)
    assert first.isdisjoint(second)


def test_a_chosen_name_is_not_taken_by_others() -> None:
    names = collection_names({"a-b": None, "aB": None, "other": "AB"})
    assert names["other"].type == "AB"
    assert {names["a-b"].type, names["aB"].type} == {"AB2", "AB3"}


def test_a_later_collection_renames_no_earlier_one() -> None:
    stored: dict[str, dict[str, Any]] = {}
    for name in ("z-b", "aB", "a-b", "people-by-id", "people", "Users", "a_b"):
        taken = claimed(each.names for each in build_schema(stored, version=1).collections.values())
        before = {n: c.names for n, c in build_schema(stored, version=1).collections.items()}
        stored[name] = assign_names({"name": name}, taken)
        after = build_schema(stored, version=2).collections
        assert {n: after[n].names for n in before} == before
    all_names = [each.names for each in build_schema(stored, version=3).collections.values()]
    assert len({each.type for each in all_names}) == len(all_names)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("net chg", "net_chg"),
        ("dealer-id", "dealer_id"),
        ("CamelCase", "CamelCase"),
        ("1st", "_1st"),
        ("größe", "gr__e"),
        ("名前", "_"),
    ],
)
def test_a_field_changes_only_where_graphql_forces_it(name: str, expected: str) -> None:
    assert identifier(name) == expected


def test_fields_meet_neither_each_other_nor_the_reserved_names() -> None:
    given = ["a b", "a-b", "a_b", "and", "_id"[1:], "-id", "true", "名前", "年齢", "-extra"]
    names = field_names([(name, None) for name in given])
    assert names["a_b"] == "a_b"
    assert names["id"] == "id"
    assert len(set(names.values())) == len(given)
    assert RESERVED_FIELDS.isdisjoint(names.values())


def test_a_chosen_field_name_comes_first() -> None:
    assert field_names([("a_b", None), ("a b", "a_b")]) == {"a_b": "a_b_2", "a b": "a_b"}


def test_referrers_have_names_of_their_own() -> None:
    built = schema(
        authors=[{"name": "postsByAuthor", "type": "text"}],
        posts=[
            {"name": "author", "type": "authors", "relation": "one"},
            {"name": "Author", "type": "authors", "relation": "many"},
            {
                "name": "meta",
                "type": "object",
                "fields": [{"name": "co-author", "type": "authors", "relation": "one"}],
            },
            {"name": "parts", "type": "authors", "relation": "child"},
        ],
    )
    assert [each.graphql_name for each in built.collections["authors"].referrers] == [
        "postsByAuthor_2",
        "postsByAuthor_3",
        "postsByMetaCoAuthor",
        "postsByParts",
    ]


def test_nested_objects_have_types_that_nothing_else_has() -> None:
    inner = {"name": "b", "type": "object", "fields": [{"name": "x", "type": "text"}]}
    things = collection(
        {"name": "a", "type": "object", "fields": [inner]},
        {**inner, "name": "a_b"},
        {**inner, "name": "aInput"},
        {**inner, "name": "a b"},
    )
    names = object_types("Things", things.fields)
    assert set(names) == {"a", "a.b", "a_b", "aInput", "a b"}
    assert names["a"] == "Things_a"
    assert len(set(names.values())) == 5
    assert "Things_aInput" not in names.values()


def every_name(built: Collection) -> list[str]:
    return [
        *(field.graphql_name for field in built.fields),
        *(each.graphql_name for each in built.referrers),
        *SYSTEM_FIELDS,
        "_extra",
    ]


odd_text = st.text(
    st.sampled_from("abAB1_- é名.") | st.characters(exclude_categories=("Cs", "Cc")),
    min_size=1,
    max_size=8,
)


@given(st.lists(odd_text, unique=True, max_size=8), st.lists(odd_text, unique=True, max_size=8))
def test_whatever_names_there_are_graphql_can_have_them(
    collections: list[str], fields: list[str]
) -> None:
    bodies = [{"name": name, "type": "text"} for name in fields if not set(name) & set(".$_")]
    bodies = [each for each in bodies if each["name"].strip() == each["name"]]
    built = schema(**{name: [*bodies] for name in collections})
    for first, second in combinations(built.collections.values(), 2):
        assert derived(first.names).isdisjoint(derived(second.names))
    for each in built.collections.values():
        for name in derived(each.names):
            assert_name(name)
        names = every_name(each)
        assert len(set(names)) == len(names)
        for field in each.fields:
            assert_enum_value_name(field.graphql_name)
            assert not field.graphql_name.startswith("__")


def test_a_graphql_name_stands_for_both() -> None:
    assert names_of("blogPosts") == names_of("BlogPosts")
