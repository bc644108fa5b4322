"""The generated schema: valid whatever the names, told as it is, and stable."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLSchema,
    build_client_schema,
    get_introspection_query,
    introspection_from_schema,
    parse,
    print_schema,
    print_type,
    validate,
    validate_schema,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duetdb.app.service.limits import Limits
from duetdb.graphql.schema import build_part
from duetdb.schema_gen.build import build_schema
from tests.voice_graphql.conftest import Json, Voice

COLLECTIONS = [
    *"query/Mutation/subscription/string/Id/JSON/date-time/long/Declared/media/direction".split(
        "/"
    ),
    *"people/people-by-id/People/people connection/create people/people-where/peopleEdge".split(
        "/"
    ),
    *"a-b/aB/a_b/AB/ab/a b/a.b/2020/20-20/日本/été/🦆/-/true/null/on/type/fragment".split("/"),
    *"page info/string comparison/long-list-comparison/people aggregate order by".split("/"),
    *"constructor/many result/failed write/rename/geo near/people-counts-having".split("/"),
    "x" * 100,
]
FIELDS = [
    *"and/or/not/true/false/null/on/type/query/fragment/input/id/where/q/max/data/eq/ASC".split(
        "/"
    ),
    *"net chg/net-chg/net_chg/1st/2nd/é/🦆/日本/'/\"/\\/#/{}/!/constructor/prototype/None".split(
        "/"
    ),
    *"document/get/rows/c0/v0/out/add/self".split("/"),
    "x" * 100,
]
TYPES = (
    "text number float_number money email html date datetime time "
    "image file bool option JSON geo object"
).split()


def schema_of(*definitions: Json) -> GraphQLSchema:
    """The schema of these collections, none of which may be refused."""
    schema = build_schema({each["name"]: each for each in definitions}, version=1)
    assert not schema.quarantined, schema.quarantined
    return build_part(schema, None, Limits()).graphql


def field(name: str, kind: str) -> Json:
    made: Json = {"name": name, "type": kind}
    if kind == "option":
        made["options"] = ["and", "not an identifier"]
    if kind == "object":
        made["fields"] = [{"name": each, "type": "text"} for each in ("and", "a b", "a-b")]
    return made


def hostile(name: str, targets: list[str]) -> Json:
    """Every odd field name, types in turn, and relations to every kind of target."""
    fields = [field(each, TYPES[place % len(TYPES)]) for place, each in enumerate(FIELDS)]
    fields += [
        {"name": f"to {place}", "type": each, "relation": ("one", "many", "child")[place % 3]}
        for place, each in enumerate(targets)
    ]
    return {"name": name, "description": '"""\\ odd\n\u2028', "fields": fields}


def test_hostile_names_make_a_valid_schema() -> None:
    schema = schema_of(*(hostile(each, COLLECTIONS) for each in COLLECTIONS))
    assert validate_schema(schema) == []
    names = list(schema.type_map)
    assert len(names) == len(set(names))
    # What every client does first: read it, and build from it.
    client = build_client_schema(introspection_from_schema(schema))
    assert validate_schema(client) == []


def test_many_collections_make_a_valid_schema() -> None:
    names = [f"collection {number}" for number in range(300)]
    definitions = [
        {
            "name": name,
            "fields": [
                *(field(f"f{place}", TYPES[place % len(TYPES)]) for place in range(12)),
                {"name": "next", "type": names[place - 1], "relation": "one"},
            ],
        }
        for place, name in enumerate(names)
    ]
    assert validate_schema(schema_of(*definitions)) == []


_names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).filter(
    lambda name: name == name.strip() and name[0] not in "_$." and "." not in name
)


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_drawn_names_make_a_valid_schema(data: st.DataObject) -> None:
    odd = st.one_of(st.sampled_from([*COLLECTIONS, *FIELDS]), _names)
    collection = odd.filter(lambda name: not set("/\\$*?#") & set(name) and name[0] not in ".")
    chosen = data.draw(st.lists(collection, min_size=1, max_size=4, unique=True))
    definitions = [
        {
            "name": name,
            "fields": [
                field(each, data.draw(st.sampled_from(TYPES)))
                for each in data.draw(st.lists(odd.filter(lambda n: "." not in n), unique=True))
            ]
            + [{"name": "zz", "type": data.draw(st.sampled_from(chosen)), "relation": "many"}],
        }
        for name in chosen
    ]
    assert validate_schema(schema_of(*definitions)) == []


EXPECTED = Path(__file__).with_name("my_notes.graphql")
NOTES: Json = {
    "name": "my notes",
    "description": "What is kept in mind.",
    "fields": [
        {"name": "text", "type": "text", "required": True, "description": "What it says."},
        {"name": "done?", "type": "bool"},
        {"name": "tags", "type": "text", "multiple": True},
        {"name": "size", "type": "object", "fields": [{"name": "mm", "type": "number"}]},
        {"name": "picture", "type": "image"},
        {"name": "sum", "type": "money", "formula": "{{size.mm}} * 2"},
        {"name": "author", "type": "people", "relation": "one"},
        {"name": "replies", "type": "my notes", "relation": "child"},
    ],
}
PEOPLE: Json = {"name": "people", "fields": [{"name": "name", "type": "text"}]}


def test_the_text_of_a_small_schema() -> None:
    schema = schema_of(NOTES, PEOPLE)
    printed = [
        print_type(each)
        for name, each in sorted(schema.type_map.items())
        if name.startswith("MyNotes")
    ]
    assert "\n\n".join(printed) == EXPECTED.read_text().strip()
    root = print_type(schema.type_map["Query"])
    for line in (
        "  myNotes(\n    where: MyNotesWhere\n",
        "    orderBy: [MyNotesOrderBy!]\n",
        "  myNotesById(id: ID!): MyNotes\n",
    ):
        assert line in root, root


async def test_clients_can_read_the_schema(voice: Voice) -> None:
    """The standard query of every client tool, and a query checked with what it gave."""
    standard = get_introspection_query(input_value_deprecation=True)
    told = await voice.answer(standard)
    assert "errors" not in told
    (operation,) = parse(standard).definitions[:1]
    (asked,) = operation.selection_set.selections  # type: ignore[attr-defined]
    order = [each.name.value for each in asked.selection_set.selections]
    assert list(told["data"]["__schema"]) == order
    client = build_client_schema(told["data"])
    assert validate_schema(client) == []
    query = "{ books(where: {title: {eq: 1}}) { title nope author { name } } }"
    mistakes = [each.message for each in validate(client, parse(query))]
    assert len(mistakes) == 2
    part = await types_by_hand(voice)
    assert {each["name"] for each in part} == set(client.type_map)


async def types_by_hand(voice: Voice) -> Any:
    """``__schema`` beside ordinary fields, with aliases, variables and fragments."""
    body = await voice.answer(
        "query($deep: Boolean!, $name: String!) { s: __schema { types { ...T } } books { title } "
        "__type(name: $name) { name fields @include(if: $deep) { name } } "
        'none: __type(name: "Nope") { name } again: __schema { queryType { name } } } '
        "fragment T on __Type { name }",
        deep=True,
        name="PageInfo",
    )
    assert "errors" not in body
    data = body["data"]
    assert (data["books"], data["none"]) == ([], None)
    assert data["again"] == {"queryType": {"name": "Query"}}
    assert [each["name"] for each in data["__type"]["fields"]] == [
        "hasNextPage",
        "hasPreviousPage",
        "startCursor",
        "endCursor",
    ]
    return data["s"]["types"]


async def test_a_later_collection_renames_nothing(bare: Voice) -> None:
    """What collides gives way to what is there, also when it would have come first by name."""

    async def roots() -> set[str]:
        found = await bare.data("{ __schema { queryType { fields { name } } } }")
        return {each["name"] for each in found["queryType"]["fields"]}

    text: Json = {"fields": [{"name": "t", "type": "text"}, {"name": "T!", "type": "text"}]}
    await bare.define({"name": "b-a", **text})
    before = await roots()
    assert "bA" in before
    await bare.insert("b-a", {"t": "mine"})
    await bare.define({"name": "a", **text}, {"name": "bA", **text}, {"name": "B A", **text})
    assert await roots() > before
    assert await bare.data("{ bA { t } }") == [{"t": "mine"}]
    assert await bare.data("{ bA2 { t T_ } bA3 { t } a { t } }") == {"bA2": [], "bA3": [], "a": []}
    # A field that comes later gives way as well.
    await bare.define({"name": "b-a", "fields": [{"name": "T?", "type": "bool"}, *text["fields"]]})
    await bare.insert("b-a", {"t": "two", "T!": "kept", "T?": True})
    assert (await bare.data("{ bA { t T_ T__2: T_2 } }"))[1] == {
        "t": "two",
        "T_": "kept",
        "T__2": True,
    }


async def test_the_schema_without_collections_of_ones_own(bare: Voice) -> None:
    told = await bare.answer(get_introspection_query())
    client = build_client_schema(told["data"])
    assert validate_schema(client) == []
    assert "users" in client.query_type.fields  # type: ignore[union-attr]
    assert 'type Query {\n  """Documents of \'users\'."""\n  users(' in print_schema(client)


async def test_a_collection_that_cannot_be_built_is_named_with_the_reason(bare: Voice) -> None:
    """Everything else works; what asks for the missing one is told why it is missing."""
    await bare.define(PEOPLE)
    await bare.database["_collections"].insert_one(
        {"_id": "posts", "fields": [{"name": "x", "type": "txt"}]}
    )
    for _ in range(100):
        error = await bare.error("{ posts { x } }")
        if "hint" in error["extensions"]:
            break
        await asyncio.sleep(0.02)
    assert error["message"] == "Cannot query field 'posts' on type 'Query'."
    assert error["extensions"]["hint"].startswith(
        "Not served because of their metadata: 'posts' (fields[0].type: Unknown type 'txt'. "
        "Did you mean 'text'?"
    )
    assert await bare.data("{ people { name } }") == []
