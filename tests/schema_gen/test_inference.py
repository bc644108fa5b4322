"""What a sample of documents says about its collection, and what it leaves unsaid."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from bson import Binary, Decimal128, Int64, ObjectId
from bson.datetime_ms import DatetimeMS

from duetdb.schema_gen.inference import MAX_DEPTH, MAX_FIELDS, Proposal, candidate_ids, infer
from duetdb.schema_gen.inference_relations import Sample
from duetdb.schema_gen.inference_relax import relax
from duetdb.schema_gen.metadata import check, parse
from duetdb.schema_gen.shape import Rules

MANY = 40
POINT = {"type": "Point", "coordinates": [1.0, 2.0]}


def proposed(values: list[Any], **more: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The field that documents with these values make, without its name, and what was unsure."""
    documents = [{"_id": ObjectId(), "f": value} for value in values]
    proposal = infer("notes", documents, **more)
    (field,) = proposal.definition["fields"]
    assert field.pop("name") == "f"
    return field, proposal.unsure


def each(*values: Any) -> list[Any]:
    """The values in turn, often enough for a sample."""
    return [values[number % len(values)] for number in range(MANY)]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (each(True, False), "bool"),
        (each(1, Int64(2)), "number"),
        (each(1.5, 2.0), "float_number"),
        (each(1, 2.5), "float_number"),
        (each(Decimal128("1.50")), "money"),
        (each(datetime(2024, 5, 1), datetime(1815, 12, 23)), "date"),
        (each(datetime(2024, 5, 1), datetime(2024, 5, 1, 12)), "datetime"),
        (each(datetime(1970, 1, 1, 20, 36)), "time"),
        (each(DatetimeMS(2**52), datetime(2024, 5, 1)), "datetime"),
        (each("ann@example.org", "bob@example.org"), "email"),
        ([f"text {number}" for number in range(MANY)], "text"),
        (each(POINT), "geo"),
        (each({"any": 1}, [1], 2), "JSON"),
    ],
)
def test_the_type_of_a_field(values: list[Any], kind: str) -> None:
    field, _ = proposed(values)
    assert field["type"] == kind


def test_few_words_that_repeat_are_options() -> None:
    field, unsure = proposed(each("low", "high"))
    assert field == {"type": "option", "options": ["high", "low"], "required": True}
    assert unsure == ("'f' takes 2 values in the sample: as option it refuses others.",)
    assert proposed([f"word {number % 20}" for number in range(MANY)])[0]["type"] == "text"
    assert proposed(each("+47", "+1"))[0]["type"] == "text"


def test_dates_in_texts_stay_texts() -> None:
    field, unsure = proposed([f"2024-05-{day:02}" for day in range(1, 31)])
    assert field["type"] == "text"
    assert unsure == ("'f' holds dates as text: they stay text, and compare as text.",)


@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_a_field_that_is_somewhere_empty_is_not_required(empty: Any) -> None:
    values = [*(f"text {number}" for number in range(MANY)), empty]
    assert "required" not in proposed(values)[0]
    assert proposed(values[:-1])[0]["required"] is True


def test_a_little_dirt_does_not_make_another_type() -> None:
    field, unsure = proposed([*range(MANY), "dirty"])
    assert field == {"type": "number"}
    assert unsure == ("'f' holds number (40), text (1): declared as number; the rest do not fit.",)


def test_lists_of_one_kind_are_multiple() -> None:
    assert proposed(each([1, 2], [3]))[0] == {"type": "number", "multiple": True, "required": True}
    assert proposed(each([1, "x"]))[0]["type"] == "JSON"
    assert proposed(each([[1]]))[0]["type"] == "JSON"
    field, _ = proposed(each([{"a": 1}, {"a": 2, "b": "x"}]))
    assert field["multiple"] is True
    assert field["fields"] == [
        {"name": "a", "type": "number", "required": True},
        {"name": "b", "type": "text"},
    ]


def test_objects_are_objects_at_every_depth() -> None:
    field, _ = proposed(each({"a": {"b": {"c": 1}}}))
    assert field == {
        "type": "object",
        "fields": [
            {
                "name": "a",
                "type": "object",
                "fields": [
                    {
                        "name": "b",
                        "type": "object",
                        "fields": [{"name": "c", "type": "number", "required": True}],
                        "required": True,
                    }
                ],
                "required": True,
            }
        ],
        "required": True,
    }


@pytest.mark.parametrize(
    "objects",
    [
        [{f"{number:024x}": {"a": 1}} for number in range(MANY)],
        [{str(2000 + number % 9): number} for number in range(MANY)],
        [{f"user{number}@example.org": True} for number in range(MANY)],
        each({"eng": "one", "fra": "un"}, {"deu": "eins", "eng": "one"}),
        each({"en-GB": "colour", "en-US": "color"}),
        [{f"key {number}": number} for number in range(MANY)],
        [{"EUR": {"name": "Euro"}, 3 * chr(65 + n % 26): {"name": "x"}} for n in range(MANY)],
    ],
)
def test_maps_whose_keys_are_data_are_json(objects: list[Any]) -> None:
    field, unsure = proposed(objects)
    assert field["type"] == "JSON"
    assert unsure == ("'f' is a map whose keys look like data: declared as JSON.",)


@pytest.mark.parametrize(
    "objects",
    [
        each({"id": 1, "no": 2}),
        each({"is": True, "it": False}),
        each({"street": "a", "city": "b"}),
        each({"x": 1.0, "y": 2.0, "z": 3.0}),
        [{f"field{number}": 1 for number in range(12)} for _ in range(MANY)],
    ],
)
def test_ordinary_keys_are_fields(objects: list[Any]) -> None:
    assert proposed(objects)[0]["type"] == "object"


def test_object_ids_prove_a_relation_by_themselves() -> None:
    authors = [ObjectId() for _ in range(5)]
    others = {"people": Sample([{"_id": id_} for id_ in authors])}
    assert proposed(each(*authors), others=others)[0] == {
        "type": "people",
        "relation": "one",
        "required": True,
    }
    assert proposed(each(authors[:2], authors[3:]), others=others)[0] == {
        "type": "people",
        "relation": "many",
        "required": True,
    }
    field, unsure = proposed(each(*authors, ObjectId()), others=others)
    assert field["type"] == "JSON"
    assert unsure == ("'f' holds ids that are not all of one collection: declared as JSON.",)


def test_ids_beyond_the_sample_prove_it_too() -> None:
    author = ObjectId()
    known = {"people": Sample([{"_id": ObjectId()}], frozenset([author]))}
    assert proposed(each(author), others=known)[0]["type"] == "people"


def test_numbers_prove_nothing_without_a_name() -> None:
    others = {"countries": Sample([{"_id": number} for number in range(MANY)])}
    documents = [{"countryId": number % 9, "rank": number % 9} for number in range(MANY)]
    fields = infer("notes", documents, others=others).definition["fields"]
    assert fields == [
        {"name": "countryId", "type": "countries", "relation": "one", "required": True},
        {"name": "rank", "type": "number", "required": True},
    ]


def test_a_reference_to_another_field_is_only_said() -> None:
    accounts = [{"_id": ObjectId(), "number": 5000 + n} for n in range(MANY)]
    values = [[5000 + n, 5001 + n] for n in range(MANY - 1)]
    field, unsure = proposed(values, others={"accounts": Sample(accounts)})
    assert field == {"type": "number", "multiple": True, "required": True}
    assert unsure == (
        "'f' seems to refer to accounts.number and not to an _id, which relations follow: "
        "declared as number.",
    )


def test_candidates_for_relations_are_bounded_and_object_ids_first() -> None:
    id_ = ObjectId()
    documents = [{"_id": ObjectId(), "n": list(range(100)), "deep": {"a": [{"b": id_}]}}]
    assert candidate_ids(documents, limit=1) == {id_}
    assert len(candidate_ids(documents)) == 101


@pytest.mark.parametrize(
    ("ids", "kind"),
    [
        ([ObjectId() for _ in range(MANY)], None),
        ([f"id {number}" for number in range(MANY)], "string"),
        (list(range(MANY)), "number"),
        ([Binary(bytes([number]), 4) for number in range(MANY)], None),
    ],
)
def test_the_type_of_ids(ids: list[Any], kind: str | None) -> None:
    proposal = infer("notes", [{"_id": id_, "n": 1} for id_ in ids])
    assert proposal.definition.get("idType") == kind
    assert any("'_id' is" in sentence for sentence in proposal.unsure) == (type(ids[0]) is Binary)


def test_identifiers_are_not_declared_unique_but_spoken_of() -> None:
    documents = [{"orderId": number, "account_id": number // 2 * 2} for number in range(MANY)]
    documents[1]["account_id"] = 1000
    proposal = infer("notes", documents)
    assert not any("unique" in field for field in proposal.definition["fields"])
    assert proposal.unsure == (
        "'orderId' is different in all 40 sampled documents, which does not prove that it is "
        "unique: not declared unique.",
        "'account_id' is named like an identifier but is not unique: 2 repeats.",
    )


def test_system_fields_are_not_declared() -> None:
    documents = [{"_id": number, "_created": 1, "_other": 2, "n": 3} for number in range(MANY)]
    assert [field["name"] for field in infer("notes", documents).definition["fields"]] == ["n"]


@pytest.mark.parametrize("key", ["a.b", "$a", "", "a\x00b"])
def test_names_that_cannot_be_are_left_out_with_a_reason(key: str) -> None:
    proposal = infer("notes", [{key: 1, "n": 2} for _ in range(MANY)])
    assert [field["name"] for field in proposal.definition["fields"]] == ["n"]
    assert len(proposal.unsure) == 1 and "cannot be declared" in proposal.unsure[0]


def test_more_fields_than_anybody_wants_are_cut() -> None:
    documents = [{f"f{number}": 1.5 for number in range(MAX_FIELDS + 50)} for _ in range(MANY)]
    proposal = infer("notes", documents)
    assert len(proposal.definition["fields"]) == MAX_FIELDS
    assert f"There are more than {MAX_FIELDS} fields" in proposal.unsure[-1]


def test_what_is_nested_deeply_is_json() -> None:
    value: Any = 1
    for _ in range(MAX_DEPTH + 3):
        value = {"a": value}
    field, unsure = proposed(each(value))
    depth = 0
    while field["type"] == "object":
        (field,) = field["fields"]
        depth += 1
    assert field["type"] == "JSON" and depth == MAX_DEPTH
    assert any("is nested deeply: declared as JSON" in sentence for sentence in unsure)


def test_nothing_is_proposed_of_nothing() -> None:
    assert infer("notes", []) == Proposal(
        {"name": "notes", "fields": []},
        ("Only 0 documents were sampled: more may show other types.",),
    )


def validator(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"$jsonSchema": {"bsonType": "object", "properties": properties, **more}}


def test_a_validator_says_what_documents_do_not() -> None:
    rules = validator(
        {
            "f": {"bsonType": "string", "enum": ["a", "b"], "description": "A letter."},
            "code": {"bsonType": "string", "pattern": "^[A-Z]+$"},
            "amount": {"bsonType": ["double", "int", "null"]},
            "place": {"bsonType": "object", "properties": {"city": {"bsonType": "string"}}},
            "tags": {"bsonType": "array", "items": {"bsonType": "string"}},
        },
        required=["code"],
        additionalProperties=False,
    )
    definition = infer("notes", [], {"$and": [{"x": 1}, rules]}).definition
    assert definition["strict"] is True
    assert definition["fields"] == [
        {"name": "f", "type": "option", "options": ["a", "b"], "description": "A letter."},
        {"name": "code", "type": "text", "regex": "^[A-Z]+$", "required": True},
        {"name": "amount", "type": "float_number"},
        {"name": "place", "type": "object", "fields": [{"name": "city", "type": "text"}]},
        {"name": "tags", "type": "text", "multiple": True},
    ]


def test_documents_win_over_a_validator_that_they_break() -> None:
    rules = validator({"f": {"bsonType": "int"}}, required=["f"])
    field, unsure = proposed([*(f"text {n}" for n in range(MANY)), ""], validator=rules)
    assert field == {"type": "text"}
    assert unsure == (
        "The validator says 'f' is number, but it holds text (40).",
        "The validator requires 'f', but it is missing or empty somewhere.",
    )


@pytest.mark.parametrize(
    "rules",
    [None, {}, {"$jsonSchema": 7}, {"$jsonSchema": {"properties": 7, "required": 7}}, {"$and": 7}],
)
def test_a_validator_that_says_nothing_changes_nothing(rules: Any) -> None:
    assert proposed(each(1), validator=rules)[0] == {"type": "number", "required": True}


def test_every_proposal_is_valid_metadata_that_admits_the_documents() -> None:
    documents: list[dict[str, Any]] = [
        {
            "_id": ObjectId(),
            "text": f"t{n}",
            "level": ["a", "b"][n % 2],
            "when": datetime(2024, 1, 1 + n % 28),
            "list": [{"x": n}, {"x": n, "y": None}],
            "map": {f"{n:024x}": 1},
            "point": POINT,
            "price": Decimal128("1.5"),
            "odd name": n,
            "class": None,
            "__typename": 1,
        }
        for n in range(MANY)
    ]
    definition = infer("notes", documents).definition
    assert check(definition, {"notes"}) == []
    collection = parse(definition)
    for document in documents:
        _, problems = collection.shape.coerce(document, Rules())
        assert problems == []


def test_a_definition_is_widened_by_what_contradicts_it() -> None:
    definition = {
        "name": "notes",
        "fields": [
            {"name": "n", "type": "number", "required": True},
            {"name": "level", "type": "option", "options": ["a"], "multiple": True},
            {
                "name": "place",
                "type": "object",
                "required": True,
                "fields": [{"name": "city", "type": "text", "required": True, "description": "d"}],
            },
        ],
    }
    faults = {
        ("n", "TYPE"),
        ("level.3", "TYPE"),
        ("place.0.city", "REQUIRED"),
        ("place.city", "TYPE"),
        ("unknown", "TYPE"),
    }
    widened, said = relax(definition, faults)
    assert widened["fields"] == [
        {"name": "n", "type": "JSON", "required": True},
        {"name": "level", "type": "text", "multiple": True},
        {
            "name": "place",
            "type": "object",
            "required": True,
            "fields": [{"name": "city", "type": "JSON", "description": "d"}],
        },
    ]
    assert said == [
        "'n' holds other values than number in some rows: declared JSON.",
        "'level' holds other values than option in some rows: declared text.",
        "'place.city' is missing or empty in some rows: not required.",
        "'place.city' holds other values than text in some rows: declared JSON.",
    ]
    # What is contradicted again is widened to the end, and then no more.
    widened, said = relax(widened, faults)
    assert said == ["'level' holds other values than text in some rows: declared JSON."]
    assert relax(widened, faults)[1] == []
