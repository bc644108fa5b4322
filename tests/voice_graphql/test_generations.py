"""GraphQL's part of a generation: what a change builds anew, and how far types may lead."""

from __future__ import annotations

from typing import Any

from graphql import validate_schema

from duetdb.app.service.limits import Limits
from duetdb.graphql.schema import GraphQLPart, build_part
from duetdb.schema_gen.build import build_schema
from duetdb.schema_gen.model import Schema

MANY = 500
Definition = dict[str, Any]


def chain(length: int) -> dict[str, Definition]:
    """Collections that each refer to the next, the last to the first."""
    return {
        f"c{i}": {
            "name": f"c{i}",
            "fields": [
                {"name": "title", "type": "text"},
                {"name": "next", "type": f"c{(i + 1) % length}", "relation": "one"},
            ],
        }
        for i in range(length)
    }


def lone(*names: str) -> dict[str, Definition]:
    return {name: {"name": name, "fields": [{"name": "title", "type": "text"}]} for name in names}


def part_of(definitions: dict[str, Definition], previous: GraphQLPart | None = None) -> GraphQLPart:
    before = previous.schema if previous else Schema()
    schema = build_schema(definitions, version=before.version + 1, previous=before)
    return build_part(schema, previous, Limits())


def rebuilt(before: GraphQLPart, after: GraphQLPart) -> set[str]:
    return {name for name, each in after.types.items() if each is not before.types.get(name)}


def with_field(definition: Definition) -> Definition:
    return {**definition, "fields": [*definition["fields"], {"name": "more", "type": "text"}]}


def next_of(part: GraphQLPart) -> str:
    """The type of the relation of ``c0``."""
    return str(part.graphql.type_map["C0"].fields["next"].type)  # type: ignore[attr-defined]


def test_a_chain_of_hundreds_of_relations_is_no_deep_recursion() -> None:
    part = part_of(chain(MANY))
    assert validate_schema(part.graphql) == []
    assert len(part.types) >= MANY


def test_a_change_builds_the_types_of_its_collection_alone() -> None:
    definitions = lone("a", "b", "c")
    before = part_of(definitions)
    after = part_of({**definitions, "b": with_field(definitions["b"])}, before)
    assert rebuilt(before, after) == {"b"}


def test_types_that_lead_to_a_changed_one_are_linked_anew() -> None:
    """``c0`` refers to ``c1``, which therefore shows who refers to it: both lead to each other."""
    definitions = {**chain(2), **lone("far")}
    before = part_of(definitions)
    after = part_of({**definitions, "c1": with_field(definitions["c1"])}, before)
    assert rebuilt(before, after) == {"c0", "c1"}
    assert "more" in after.graphql.type_map["C0"].fields["next"].type.fields  # type: ignore[attr-defined]
    assert "more" not in before.graphql.type_map["C0"].fields["next"].type.fields  # type: ignore[attr-defined]


def test_nothing_is_built_when_nothing_changed() -> None:
    before = part_of(lone("a", "b"))
    assert rebuilt(before, part_of(lone("a", "b"), before)) == set()


def test_a_relation_to_a_collection_that_is_quarantined_has_only_its_ids() -> None:
    definitions = chain(2)
    before = part_of(definitions)
    broken = {"name": "c1", "fields": [{"name": "title", "type": "no such type"}]}
    after = part_of({**definitions, "c1": broken}, before)
    assert after.schema.quarantined.keys() == {"c1"}
    assert validate_schema(after.graphql) == []
    corrected = part_of(definitions, after)
    assert [next_of(each) for each in (before, after, corrected)] == ["C1", "[ID!]", "C1"]
