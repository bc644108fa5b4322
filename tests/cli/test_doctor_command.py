"""``duetdb doctor``: who reaches what, in words and as JSON, with an exit status for CI."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.cli.conftest import Database, Target
from tests.processes import run_cli

SECRET = {"DUETDB_JWT_SECRET": "0123456789abcdef0123456789abcdef"}

POSTS: dict[str, Any] = {
    "_id": "posts",
    "name": "posts",
    "fields": [
        {"name": "title", "type": "text"},
        {"name": "draft", "type": "bool"},
        {"name": "remark", "type": "text", "hidden": True},
    ],
    "access": {
        "read": ["editor"],
        "rules": [{"role": "guest", "filter": {"draft": False}, "readable": ["title"]}],
    },
}


def key(name: str, **rights: Any) -> dict[str, Any]:
    return {
        "_id": name,
        "prefix": "abcdef",
        "hash": "0",
        "origins": ["https://site.example"],
        "methods": ["GET"],
        "paths": ["/posts/**"],
        **rights,
    }


def report(
    target: Target, *flags: str, environment: Mapping[str, str] = SECRET
) -> tuple[int, dict[str, Any]]:
    done = run_cli("doctor", "--json", *flags, *target, environment=environment)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def reached(told: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        each["caller"]: {one.pop("collection"): one for one in each["collections"]}
        for each in told["callers"]
    }


def test_each_caller_and_what_it_reaches(database: Database, target: Target) -> None:
    database["_collections"].insert_one(POSTS)
    database["_keys"].insert_one(key("k1", description="site", expires=None))
    _, told = report(target)
    assert [(each["caller"], each["introspection"]) for each in told["callers"]] == [
        ("anonymous", False),
        ("key k1 (site)", True),
        ("any user", False),
        ("role editor", False),
        ("role guest", False),
    ]
    found = reached(told)
    assert found["anonymous"] == found["any user"] == {}
    assert found["key k1 (site)"] == {
        "posts": {
            "methods": ["GET"],
            "documents": True,
            "readable": ["title", "draft"],
            "writable": [],
            "shows_undeclared": True,
            "takes_undeclared": False,
        }
    }
    assert found["role guest"]["posts"]["readable"] == ["title"]
    assert found["role guest"]["posts"]["documents"] is False
    assert found["role guest"]["posts"]["shows_undeclared"] is False
    assert found["role editor"]["posts"]["writable"] == ["title", "draft"]


def test_nothing_to_say_is_success(database: Database, target: Target) -> None:
    database["_collections"].insert_one(POSTS)
    assert report(target) == (0, {**report(target)[1], "risks": []})


def test_a_note_fails_only_the_strict(database: Database, target: Target) -> None:
    database["_collections"].insert_one(POSTS)
    database["_keys"].insert_one(key("k1"))
    status, told = report(target)
    assert told["risks"] == [{"where": "key k1", "sentence": "It never expires.", "serious": False}]
    assert status == 0
    assert report(target, "--strict")[0] == 1


def test_rights_over_users_are_a_risk(database: Database, target: Target) -> None:
    database["_collections"].insert_one(POSTS)
    database["_keys"].insert_one(
        key("k1", methods=["GET", "PUT"], paths=["/users/**"], writable=["roles", "name"])
    )
    status, told = report(target)
    assert status == 1
    assert [each["sentence"] for each in told["risks"] if each["serious"]] == [
        "May write roles of users, and with it give itself rights."
    ]


def test_a_key_to_everything_and_open_settings_are_risks(
    database: Database, target: Target
) -> None:
    database["_collections"].insert_one({**POSTS, "access": {}})
    database["_keys"].insert_one(
        key("k1", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], paths=["/**"])
    )
    status, told = report(target, environment={**SECRET, "DUETDB_RATE_FAILURES": "0"})
    serious = [(each["where"], each["sentence"]) for each in told["risks"] if each["serious"]]
    assert status == 1
    assert serious == [
        ("rate_failures", "There is no limit: keys can be guessed, or the server kept busy."),
        ("key k1", "May read, change and delete every document there is."),
    ]
    assert {
        "where": "any user",
        "sentence": "May change and delete all of 'posts': it names no roles.",
        "serious": False,
    } in told["risks"]


def test_in_words(database: Database, target: Target) -> None:
    database["_collections"].insert_one(POSTS)
    done = run_cli("doctor", *target, environment=SECRET)
    assert done.returncode == 0
    assert done.stdout == (
        "anonymous: may not ask for the GraphQL schema\n"
        "  reaches nothing\n"
        "\n"
        "any user: may not ask for the GraphQL schema\n"
        "  reaches nothing\n"
        "\n"
        "role editor: may not ask for the GraphQL schema\n"
        "  posts  DELETE GET PATCH POST PUT, all documents, reads all fields but remark, "
        "writes all fields but remark\n"
        "\n"
        "role guest: may not ask for the GraphQL schema\n"
        "  posts  DELETE GET PATCH POST PUT, documents of a filter, reads only title, "
        "writes only title\n"
        "\n"
        "No risks were found.\n"
    )
