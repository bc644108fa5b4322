"""Metadata bodies: every mistake at once, and a round trip without loss."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duetdb.schema_gen.fields.registry import FIELD_TYPES
from duetdb.schema_gen.metadata import check, describe, parse
from duetdb.schema_gen.names import claimed, names_of
from duetdb.schema_gen.system import SYSTEM_DEFINITIONS
from tests.schema_gen.build_one import collection, schema

TEXT = {"name": "a", "type": "text"}
OBJECT = {"name": "o", "type": "object", "fields": [TEXT]}


def mistakes(definition: Any, known: Any = ("authors", "posts")) -> dict[str, str]:
    return {each.path: each.message for each in check(definition, known)}


def field_mistakes(*fields: Any) -> dict[str, str]:
    return mistakes({"name": "things", "fields": list(fields)})


def test_good_metadata_has_no_mistakes() -> None:
    assert mistakes({"name": "things"}) == {}
    assert mistakes({"_id": "things", "name": "things", "system": False, "fields": None}) == {}
    for name, definition in SYSTEM_DEFINITIONS.items():
        assert mistakes(definition) == {}, name


def test_all_mistakes_are_found_at_once() -> None:
    found = mistakes(
        {
            "name": "_things",
            "desciption": "x",
            "strict": "yes",
            "graphqlName": "a-b",
            "idType": "uuid",
            "access": {"raed": [], "read": "all", "private": 1, "rules": [{"filter": 5}]},
            "fields": [
                {"name": "a.b", "type": "txt"},
                {"name": "b", "type": "option"},
                "c",
                {"name": "d", "type": "authors", "relation": "on"},
                {"name": "e", "type": "author", "relation": "one"},
            ],
        }
    )
    assert list(found) == [
        "desciption",
        "name",
        "idType",
        "graphqlName",
        "strict",
        "fields[0].name",
        "fields[0].type",
        "fields[1].options",
        "fields[2]",
        "fields[3].relation",
        "fields[4].collection",
        "access.raed",
        "access.read",
        "access.private",
        "access.rules[0].role",
        "access.rules[0].filter",
    ]
    assert "Did you mean 'description'?" in found["desciption"]
    assert "Did you mean 'text'?" in found["fields[0].type"]
    assert "float_number" in found["fields[0].type"]
    assert "Did you mean 'one'?" in found["fields[3].relation"]
    assert "Did you mean 'authors'?" in found["fields[4].collection"]


@pytest.mark.parametrize(
    "name",
    [
        *("_x", "system.x", "a/b", "a$b", "a*b", "a?b", "a#b", "a\\b", " a", "a\n", ".", ".."),
        *("", "a\0", "\ud800", "x" * 101, 5, None),
    ],
)
def test_a_collection_cannot_have_every_name(name: Any) -> None:
    assert "name" in mistakes({"name": name})


@pytest.mark.parametrize("name", ["kit-codes", "january 2020", "名前", "a.b", "users", "Query"])
def test_a_collection_can_have_most_names(name: str) -> None:
    assert mistakes({"name": name}) == {}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"type": "text"}, "name"),
        ({"name": "a"}, "type"),
        ({"name": "a", "type": 5}, "type"),
        ({"name": "a", "type": ["text"]}, "type"),
        ({"name": "_a", "type": "text"}, "name"),
        ({"name": "$a", "type": "text"}, "name"),
        ({"name": "a\0", "type": "text"}, "name"),
        ({"name": "", "type": "text"}, "name"),
        ({"name": 5, "type": "text"}, "name"),
        ({**TEXT, "requird": True}, "requird"),
        ({**TEXT, "required": 1}, "required"),
        ({**TEXT, "description": 5}, "description"),
        ({**TEXT, "description": "a\0"}, "description"),
        ({**TEXT, "format": {}}, "format"),
        ({**TEXT, "regex": "("}, "regex"),
        ({**TEXT, "regex": 5}, "regex"),
        ({**TEXT, "regex": "a" * 501}, "regex"),
        ({"name": "a", "type": "number", "regex": "a"}, "regex"),
        ({"name": "a", "type": "JSON", "unique": True}, "unique"),
        ({**TEXT, "unique": True, "multiple": True}, "unique"),
        ({"name": "a", "type": "number", "searchable": True}, "searchable"),
        ({**TEXT, "autoIncrement": True}, "autoIncrement"),
        ({"name": "a", "type": "number", "autoIncrement": True, "multiple": True}, "autoIncrement"),
        ({**TEXT, "options": ["x"]}, "options"),
        ({"name": "a", "type": "option", "options": []}, "options"),
        ({"name": "a", "type": "option", "options": "x"}, "options"),
        ({"name": "a", "type": "option", "options": ["x", "x"]}, "options[1]"),
        ({"name": "a", "type": "option", "options": ["x", ""]}, "options[1]"),
        ({"name": "a", "type": "option", "options": [5]}, "options[0]"),
        ({"name": "a", "type": "option", "options": [{}]}, "options[0]"),
        ({"name": "a", "type": "option", "options": ["x"], "default": "y"}, "default"),
        ({"name": "a", "type": "number", "default": "x"}, "default"),
        ({**TEXT, "regex": "^a$", "default": "b"}, "default"),
        ({**OBJECT, "default": {"a": 5}}, "default"),
        ({**TEXT, "formula": "1 +"}, "formula"),
        ({**TEXT, "formula": 5}, "formula"),
        ({**TEXT, "formula": "{{nme}}"}, "formula"),
        ({**TEXT, "formula": "{{a}}"}, "formula"),
        ({"name": "a", "type": "date", "formula": "1"}, "formula"),
        ({**TEXT, "formula": "1", "multiple": True}, "formula"),
        ({**TEXT, "formula": "1", "default": "x"}, "default"),
        ({"name": "a", "type": "object"}, "fields"),
        ({"name": "a", "type": "object", "fields": []}, "fields"),
        ({"name": "a", "type": "object", "fields": {}}, "fields"),
        ({**OBJECT, "fields": [5]}, "fields[0]"),
        ({**OBJECT, "fields": [{"name": "x", "type": "txt"}]}, "fields[0].type"),
        ({**OBJECT, "fields": [TEXT, TEXT]}, "fields[1].name"),
        ({**OBJECT, "fields": [{**TEXT, "formula": "1"}]}, "fields[0].formula"),
        ({**OBJECT, "multiple": True, "fields": [{**TEXT, "unique": True}]}, "fields[0].unique"),
        ({**OBJECT, "fields": [{"name": "c", "type": "posts", "relation": "child"}]},
         "fields[0].relation"),
        ({**TEXT, "fields": [TEXT]}, "fields"),
        ({"name": "a", "type": "relation"}, "relation"),
        ({"name": "a", "type": "authors"}, "relation"),
        ({"name": "a", "type": "relation", "relation": "one"}, "collection"),
        ({"name": "a", "type": "no", "relation": "child"}, "collection"),
        ({"name": "a", "type": "text", "relation": "one", "collection": "authors"}, "type"),
        ({"name": "a", "type": "relation", "relation": "one", "collection": 5}, "collection"),
        ({"name": "a", "type": "authors", "relation": {}}, "relation"),
        ({"name": "a", "type": "authors", "relation": "one", "unique": True}, "unique"),
        ({"name": "a", "type": "authors", "relation": "one", "default": "x"}, "default"),
        ({"name": "a", "type": "posts", "relation": "child", "required": True}, "required"),
        ({**TEXT, "collection": "authors"}, "collection"),
        ({**TEXT, "graphqlName": "a-b"}, "graphqlName"),
        ({**TEXT, "graphqlName": "__a"}, "graphqlName"),
        ({**TEXT, "graphqlName": "_extra"}, "graphqlName"),
        ({**TEXT, "graphqlName": 5}, "graphqlName"),
        ({**TEXT, "renamedFrom": "a"}, "renamedFrom"),
        ({**TEXT, "renamedFrom": "$x"}, "renamedFrom"),
        ({**TEXT, "renamedFrom": 5}, "renamedFrom"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_field_is_found_where_it_is(body: Any, path: str) -> None:
    found = field_mistakes(body)
    assert list(found) == [f"fields[0].{path}"]
    assert found[f"fields[0].{path}"].endswith((".", "?"))


def test_fields_of_one_level_must_differ() -> None:
    found = field_mistakes(
        {**TEXT, "graphqlName": "x", "renamedFrom": "old"},
        {**TEXT, "graphqlName": "x"},
        {"name": "b", "type": "text", "renamedFrom": "old"},
        {"name": "c", "type": "text", "renamedFrom": "b"},
    )
    assert set(found) == {
        "fields[1].name",
        "fields[1].graphqlName",
        "fields[2].renamedFrom",
        "fields[3].renamedFrom",
    }


def test_formulas_in_a_circle_are_found() -> None:
    number = {"type": "number"}
    found = field_mistakes(
        {"name": "a", **number, "formula": "{{b}}"},
        {"name": "b", **number, "formula": "{{a}} + 1"},
        {"name": "c", **number, "formula": "{{d}} + {{o.a}} + {{_version}}"},
        {"name": "d", **number},
        OBJECT,
    )
    assert set(found) == {"fields[0].formula", "fields[1].formula"}


def test_formulas_read_plain_values_alone() -> None:
    found = field_mistakes(
        {"name": "x", "type": "number", "formula": "{{tags}} + {{o}}"},
        {"name": "tags", "type": "text", "multiple": True},
        OBJECT,
    )
    assert "not a single plain value" in found["fields[0].formula"]


def test_there_are_limits() -> None:
    many = [{"name": f"f{n}", "type": "text"} for n in range(1001)]
    assert "fields" in field_mistakes(*many)
    indexed = [{"name": f"f{n}", "type": "text", "indexed": True} for n in range(51)]
    assert "fields" in field_mistakes(*indexed)
    deep: dict[str, Any] = OBJECT
    for _ in range(8):
        deep = {**OBJECT, "fields": [deep]}
    assert next(iter(field_mistakes(deep))).endswith(".fields")


def test_a_graphql_name_must_be_free() -> None:
    taken = claimed([names_of("Posts")])
    for name in ("posts", "PostsWhere", "Query", "_a_b", "a_b"):
        assert check({"name": "things", "graphqlName": name}, (), taken=taken), name
    assert check({"name": "things", "graphqlName": "Articles"}, (), taken=taken) == []


def test_a_relation_may_point_to_the_collection_itself_and_be_named_either_way() -> None:
    things = collection(
        {"name": "up", "type": "things", "relation": "one"},
        {"name": "all", "type": "relation", "collection": "things", "relation": "many"},
        {"name": "kids", "type": "things", "relation": "child"},
    )
    assert [field["type"] for field in describe(things)["fields"]] == ["things"] * 3
    assert [field["relation"] for field in describe(things)["fields"]] == ["one", "many", "child"]


def test_a_target_may_be_called_like_a_type() -> None:
    built = schema(text=[], things=[{"name": "t", "type": "text", "relation": "one"}])
    assert built.collections["things"].by_name["t"].collection == "text"


def test_text_is_searchable_unless_it_is_html_or_hidden() -> None:
    things = collection(
        TEXT,
        {"name": "b", "type": "html"},
        {"name": "c", "type": "text", "hidden": True},
        {"name": "d", "type": "object", "hidden": True, "fields": [TEXT]},
        {"name": "e", "type": "number"},
        {"name": "f", "type": "html", "searchable": True},
        {"name": "g", "type": "text", "searchable": False},
    )
    assert [f.path for f in things.all_fields if f.searchable] == ["a", "f"]


FULL: list[dict[str, Any]] = [
    {"name": "title", "type": "text", "required": True, "unique": True, "regex": "^x",
     "description": "A title", "format": "upper", "default": "xy", "renamedFrom": "name"},
    {"name": "net chg", "type": "number", "autoIncrement": True, "indexed": True},
    {"name": "and", "type": "bool", "default": False, "hidden": True},
    {"name": "colour", "type": "option", "options": ["a", "b"], "multiple": True,
     "searchable": False},
    {"name": "sum", "type": "money", "formula": "{{net chg}} * 2"},
    {"name": "up", "type": "relation", "collection": "things", "relation": "one"},
    {"name": "kids", "type": "things", "relation": "child", "graphqlName": "children"},
    {"name": "o", "type": "object", "hidden": True, "multiple": True,
     "fields": [{"name": "x-y", "type": "email", "searchable": True}, TEXT]},
]  # fmt: skip


def test_describing_and_parsing_is_a_round_trip() -> None:
    access = {"read": ["staff"], "rules": [{"role": "x", "filter": {"a": 1}}]}
    built = collection(*FULL, description="All", strict=True, idType="string", access=access)
    body = describe(built)
    assert check(body, ()) == []
    id_types = {"things": built.id_type}
    again = parse(body, id_types=id_types, referrers=built.referrers, fingerprint=built.fingerprint)
    assert again == built
    assert describe(again) == body


def test_a_description_says_only_what_differs_from_the_default() -> None:
    built = schema(things=[TEXT], users={}).collections
    assert describe(built["things"]) == {
        "name": "things",
        "description": "",
        "system": False,
        "fields": [TEXT],
        "strict": False,
        "access": {},
        "graphqlName": "Things",
    }
    assert describe(built["users"])["system"] is True


scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*FULL[0], *FULL[7], "options", "formula", "relation", "collection"])
            | st.text(max_size=3),
            inner | st.sampled_from([*FIELD_TYPES, "one", "things"]),
            max_size=5,
        )
    ),
)


@given(values, st.lists(values, max_size=3))
def test_no_body_breaks_the_check(body: Any, fields: list[Any]) -> None:
    for definition in (body, {"name": "things", "fields": fields}):
        found = check(definition, ["authors"])
        if not found:
            parse(definition)
        assert all(each.message for each in found)
