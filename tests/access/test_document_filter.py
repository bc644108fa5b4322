"""Filters of keys and rules: their variables, and what they mean without a value."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from bson import ObjectId

from duetdb.app.service.access.document_filter import DocumentFilter, mistake_in
from duetdb.app.service.query import Match, Or, Related
from duetdb.schema_gen.build import build_schema

FIELDS = [
    {"name": "owner", "type": "text"},
    {"name": "level", "type": "number"},
    {"name": "until", "type": "datetime"},
    {"name": "secret", "type": "text", "hidden": True},
]
SCHEMA = build_schema({"posts": {"name": "posts", "fields": FIELDS}}, version=1)
POSTS = SCHEMA.collections["posts"]
NOTHING = Or(())


def read(q: dict[str, Any], **user: Any) -> Any:
    return DocumentFilter(q).of(POSTS, user, SCHEMA)


def test_a_variable_is_a_value_of_the_caller() -> None:
    assert read({"owner": "$user.email"}, email="a@b.c") == Match("owner", "eq", "a@b.c")
    assert read({"level": {"$lt": "$user.rank.now"}}, rank={"now": 3}) == Match("level", "lt", 3)
    assert read({"owner": {"$in": "$user.teams"}}, teams=["a", "b"]) == Match(
        "owner", "in", ["a", "b"]
    )
    found = ObjectId()
    assert read({"_id": "$user.post"}, post=found) == Match("_id", "eq", found)


@pytest.mark.parametrize(
    "user",
    [
        {},
        {"email": None},
        {"email": {"$ne": None}},
        {"email": [None]},
        {"email": [{"$gt": ""}]},
        {"email": "$now"},
        {"email": ["$user.email"]},
        {"email": b"bytes"},
    ],
)
@pytest.mark.parametrize("q", [{"owner": "$user.email"}, {"owner": {"$ne": "$user.email"}}])
def test_without_a_value_no_document_matches(q: dict[str, Any], user: dict[str, Any]) -> None:
    assert read(q, **user) == NOTHING


def test_an_empty_list_holds_nothing() -> None:
    assert read({"owner": {"$in": "$user.teams"}}, teams=[]) == Match("owner", "in", [])
    assert read({"owner": {"$in": "$user.teams"}}) == NOTHING


def test_it_asks_by_hidden_fields_and_by_the_time() -> None:
    assert read({"secret": "x"}) == Match("secret", "eq", "x")
    match = read({"until": {"$gt": {"$date": "$now"}}})
    assert isinstance(match.value, datetime)
    later = DocumentFilter({"until": {"$gt": {"$date": "$now"}}})
    assert later.of(POSTS, {}, SCHEMA).value <= later.of(POSTS, {}, SCHEMA).value


@pytest.mark.parametrize(
    ("q", "mistake"),
    [
        ({"owner": "$user.email"}, None),
        ({"owner": {"$in": "$user.teams"}}, None),
        ({"owner": "$5"}, None),
        ({"until": {"$lte": {"$date": "$now"}}}, None),
        ({"owner": "$users.email"}, "There is no variable '$users.email'."),
        ({"owner": {"$regex": "$user.email"}}, "'$regex' takes a regular expression as a string."),
        ({"owner": {"$where": "1"}}, "Unknown query operator '$where'"),
        ({"a..b": 1}, "A path of the query has an empty part"),
    ],
)
def test_what_is_wrong_is_found_before_it_is_used(q: dict[str, Any], mistake: str | None) -> None:
    found = mistake_in(q, POSTS, SCHEMA)
    assert found == mistake or (found and mistake and found.startswith(mistake))


def test_what_relations_lead_to_is_read_anew_when_it_changes() -> None:
    author = {"name": "author", "type": "authors", "relation": "one"}
    posts = {"name": "posts", "fields": [author]}
    before = build_schema({"posts": posts, "authors": {"name": "authors"}}, version=1)
    rank = {"name": "authors", "fields": [{"name": "rank", "type": "number"}]}
    after = build_schema({"posts": posts, "authors": rank}, version=2, previous=before)
    assert after.collections["posts"] is before.collections["posts"]
    rule = DocumentFilter({"author.rank": "5"})
    for schema, value in ((before, "5"), (after, 5)):
        found = rule.of(schema.collections["posts"], {}, schema)
        assert isinstance(found, Related)
        assert found.filter == Match("rank", "eq", value)
        assert found.target is schema.collections["authors"]
