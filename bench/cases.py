"""The questions of the bench, each as a request to DuetDB and to the hand-written endpoint."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from bench.data import post

GRAPHQL_BY_ID = "query($id: ID!) { postsById(id: $id) { _id title views rating published } }"
GRAPHQL_LIST = (
    "query($max: Int) { posts(orderBy: [{views: DESC}], max: $max)"
    " { _id title views rating published tags } }"
)
GRAPHQL_NESTED = (
    "{ posts(orderBy: [{views: DESC}], max: 20)"
    " { _id title author { name } comments(max: 5) { text stars } } }"
)


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table; ``target`` is the share of the hand-written rate it must reach."""

    name: str
    target: float
    method: str
    path: str
    yardstick_path: str
    body: str | None = None
    connections: int = 16


def cases(ids: list[str], author: Any) -> list[Case]:
    """All rows, in the order in which they are measured."""
    chance = random.Random(11)
    one = _wire(post(chance, author))
    many = [_wire(post(chance, author)) for _ in range(1_000)]
    by_id = f"/rest/posts/{ids[0]}"

    def graphql(query: str, variables: dict[str, Any] | None = None) -> str:
        return json.dumps({"query": query, "variables": variables or {}})

    def listing(top: int) -> str:
        return f"/rest/posts?sort=views&dir=-1&max={top}"

    return [
        Case("REST by id", 0.7, "GET", by_id, by_id),
        Case("REST 20 sorted", 0.75, "GET", listing(20), listing(20)),
        Case("REST 1,000", 0.85, "GET", listing(1000), listing(1000), connections=4),
        Case("POST one", 0.6, "POST", "/rest/posts", "/rest/posts", json.dumps(one)),
        Case("POST 1,000", 0.5, "POST", "/rest/posts", "/rest/posts", json.dumps(many), 2),
        Case(
            "GraphQL by id, 5 fields",
            0.6,
            "POST",
            "/graphql",
            "/graphql/by-id",
            graphql(GRAPHQL_BY_ID, {"id": ids[0]}),
        ),
        Case(
            "GraphQL 20 x 6 fields",
            0.7,
            "POST",
            "/graphql",
            "/graphql/list",
            graphql(GRAPHQL_LIST, {"max": 20}),
        ),
        Case(
            "GraphQL 20 posts, author, 5 comments",
            0.7,
            "POST",
            "/graphql",
            "/graphql/nested",
            graphql(GRAPHQL_NESTED),
        ),
        Case(
            "GraphQL 1,000 x 6 fields",
            0.8,
            "POST",
            "/graphql",
            "/graphql/list",
            graphql(GRAPHQL_LIST, {"max": 1000}),
            4,
        ),
    ]


def _wire(document: dict[str, Any]) -> dict[str, Any]:
    wire = dict(document)
    wire["published"] = wire["published"].isoformat(timespec="milliseconds") + "Z"
    wire["author"] = [str(each) for each in wire["author"]]
    return wire
