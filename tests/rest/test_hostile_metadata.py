"""Bad metadata over REST: a 400 that names each mistake, and nothing is changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rest.conftest import Target


def field(**given: Any) -> dict[str, Any]:
    return {"fields": [{"name": "a", "type": "text", **given}]}


def objects(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"name": "a", "type": "text"}
    for _ in range(levels):
        inner = {"name": "o", "type": "object", "fields": [inner]}
    return {"fields": [inner]}


BODIES: dict[str, tuple[Any, str]] = {
    "fields that are a number": ({"fields": 7}, "fields"),
    "fields that are an object": ({"fields": {}}, "fields"),
    "a field that is a number": ({"fields": [7]}, "fields[0]"),
    "a field that is empty": ({"fields": [{}]}, "fields[0].name"),
    "an unknown property": ({"nope": 1}, "nope"),
    "an unknown property of a field": (field(nope=1), "fields[0].nope"),
    "a name with a dollar": (field(name="$x"), "fields[0].name"),
    "a name with a dot": (field(name="a.b"), "fields[0].name"),
    "an empty name": (field(name=""), "fields[0].name"),
    "a name of ours": (field(name="_id"), "fields[0].name"),
    "a name that is a number": (field(name=7), "fields[0].name"),
    "a name of 3,000 letters": (field(name="a" * 3000), "fields[0].name"),
    "a name with a line break": (field(name="a\nb"), "fields[0].name"),
    "two fields of one name": ({"fields": field()["fields"] * 2}, "fields[1].name"),
    "a type that is unknown": (field(type="txt"), "fields[0].type"),
    "a type that is a list": (field(type=["text"]), "fields[0].type"),
    "no type": (field(type=None), "fields[0].type"),
    "required as a text": (field(required="yes"), "fields[0].required"),
    "unique as a number": (field(unique=1), "fields[0].unique"),
    "a pattern that does not close": (field(regex="("), "fields[0].regex"),
    "a pattern for a number": (field(type="number", regex="x"), "fields[0].regex"),
    "options for a text": (field(options=["x"]), "fields[0].options"),
    "options that are a text": (field(type="option", options="x"), "fields[0].options"),
    "a default that does not fit": (field(type="number", default="x"), "fields[0].default"),
    "a formula that does not close": (field(formula="{{"), "fields[0].formula"),
    "a formula in Python": (field(formula="__import__('os')"), "fields[0].formula"),
    "a formula of itself": (field(formula="{{a}}"), "fields[0].formula"),
    "a formula of 100,000 digits": (field(formula="1" * 100_000), "fields[0].formula"),
    "a formula of 900 brackets": (field(formula="(" * 900), "fields[0].formula"),
    "a relation to nothing": (
        field(type="nowhere", relation="one"),
        "fields[0].collection",
    ),
    "a relation of two": (field(type="companies", relation="two"), "fields[0].relation"),
    "a counter that is text": (field(autoIncrement=True), "fields[0].autoIncrement"),
    "an object without fields": (field(type="object"), "fields[0].fields"),
    "80 nested objects": (objects(80), "fields" + "[0].fields" * 9),
    "5,000 fields": (
        {"fields": [{"name": f"f{n}", "type": "text"} for n in range(5000)]},
        "fields",
    ),
    "100 indexes": (
        {"fields": [{"name": f"f{n}", "type": "text", "indexed": True} for n in range(100)]},
        "fields",
    ),
    "a reserved GraphQL name": ({"graphqlName": "__x"}, "graphqlName"),
    "strict as a text": ({"strict": "yes"}, "strict"),
    "access as a number": ({"access": 7}, "access"),
    "roles that are a text": ({"access": {"read": "x"}}, "access.read"),
    "a description that is a number": ({"description": 7}, "description"),
    "another name than the address": ({"name": "other"}, "name"),
}


@pytest.mark.parametrize("name", BODIES)
def test_metadata_that_makes_no_collection(target: Target, name: str) -> None:
    body, path = BODIES[name]
    refused = target.refuses(400, "PUT", "/rest/fresh/_meta", json=body)
    assert refused["name"] == "BadMetadata"
    assert path in [each["field"] for each in refused["list"]]
    target.refuses(400, "PUT", "/rest/people/_meta", json=body)


@pytest.mark.parametrize("name", [each for each in BODIES if "address" not in each])
def test_one_bad_collection_refuses_the_whole_database(target: Target, name: str) -> None:
    good = {"name": "good", "fields": [{"name": "a", "type": "text"}]}
    bad = {"name": "bad", **BODIES[name][0]}
    target.refuses(400, "PUT", "/rest/_meta", json={"collections": [good, bad]})


def test_every_mistake_is_reported_at_once(target: Target) -> None:
    body = {
        "strict": "yes",
        "fields": [{"name": "a.b", "type": "txt"}, {"name": "c", "type": "text", "unique": 1}],
    }
    refused = target.refuses(400, "PUT", "/rest/fresh/_meta", json=body)
    assert [each["field"] for each in refused["list"]] == [
        "strict",
        "fields[0].name",
        "fields[0].type",
        "fields[1].unique",
    ]
    assert "Did you mean 'text'?" in refused["list"][2]["message"][0]


@pytest.mark.parametrize(
    "name",
    ["$x", "a$b", "system.x", "_x", "__x", "_meta", "x" * 300, "%00", "a%00b", "a%2Fb", "%20"],
)
def test_a_name_that_no_collection_can_have(target: Target, name: str) -> None:
    refused = target.refuses(400, "PUT", f"/rest/{name}/_meta", json={"fields": []})
    assert [each["field"] for each in refused["list"]] == ["name"]


@pytest.mark.parametrize("body", [7, "x", None, [7], {"collections": 7}, {"collections": [7]}, {}])
def test_a_body_that_is_no_database(target: Target, body: Any) -> None:
    target.refuses(400, "PUT", "/rest/_meta", json=body)


@pytest.mark.parametrize("body", [[], 7, "x", None])
def test_a_body_that_is_no_collection(target: Target, body: Any) -> None:
    target.refuses(400, "PUT", "/rest/fresh/_meta", json=body)
