"""Reads: the requests, and who may make them."""

from __future__ import annotations

from tests.access.who_row import (
    ADMINS,
    BY_ID,
    FOLLOWING,
    FULL,
    KNOWING,
    READERS,
    USERS,
    Row,
    in_order,
    rest,
    shows,
)
from tests.access.who_server import COMMENT, OTHER, PERSON, POST

READING = (
    Row(
        "a list",
        READERS,
        rest("GET", "posts"),
        ("{ posts { title } }", {}),
    ),
    Row(
        "an empty list",
        READERS,
        rest("GET", "posts?max=0"),
        ("{ posts(max: 0) { title } }", {}),
    ),
    Row(
        "a document",
        READERS,
        rest("GET", f"posts/{POST}"),
        ("query($id: ID!) { postsById(id: $id) { title } }", BY_ID),
        shows("First"),
    ),
    Row(
        "a document that a filter keeps back",
        READERS - {"filtered"},
        rest("GET", f"posts/{OTHER}"),
        ("query($id: ID!) { postsById(id: $id) { title } }", {"id": OTHER}),
        shows("Draft"),
    ),
    Row(
        "a child list",
        READERS,
        rest("GET", f"posts/{POST}/comments"),
        ("query($id: ID!) { postsById(id: $id) { comments { text } } }", BY_ID),
        shows("Fine"),
    ),
    Row(
        "a child",
        READERS,
        rest("GET", f"posts/{POST}/comments/{COMMENT}"),
        (
            "query($id: ID!) { posts { comments(where: {_id: {eq: $id}}) { text } } }",
            {"id": COMMENT},
        ),
        shows("Fine"),
    ),
    Row(
        "related documents",
        FOLLOWING,
        rest("GET", f"posts/{POST}"),
        ("query($id: ID!) { postsById(id: $id) { author { name } } }", BY_ID),
        shows("Ann"),
    ),
    Row(
        "a filter by related documents",
        FOLLOWING,
        rest("GET", "posts", params={"q": '{"author.name": "Ann"}'}),
        ('{ posts(where: {author: {name: {eq: "Ann"}}}) { title } }', {}),
        shows("First"),
    ),
    Row(
        "an order by related documents",
        FOLLOWING,
        rest("GET", "posts?sort=author.name"),
        ("{ posts(orderBy: {author: {name: ASC}}) { title } }", {}),
        in_order("Third", "First"),
    ),
    Row(
        "what refers to a document",
        FOLLOWING,
        rest("GET", f"people/{PERSON}?referencedby=true"),
        ("query($id: ID!) { peopleById(id: $id) { postsByAuthor { title } } }", {"id": PERSON}),
        shows("First"),
    ),
    Row(
        "another collection",
        FOLLOWING,
        rest("GET", "people"),
        ("{ people { name } }", {}),
        shows("Ann"),
    ),
    Row(
        "a collection for every user",
        USERS,
        rest("GET", "news"),
        ("{ news { text } }", {}),
        shows("Rain"),
    ),
    Row(
        "a figure",
        READERS,
        rest("GET", "posts", params={"h": '{"$aggregate": ["SUM:views"]}'}),
        ("{ postsAggregate { sum { views } } }", {}),
    ),
    Row(
        "groups",
        READERS,
        rest("GET", "posts", params={"h": '{"$groupby": ["title"]}'}),
        ("{ postsAggregate(groupBy: [title]) { group } }", {}),
        shows("First"),
    ),
    Row(
        "a count",
        READERS,
        rest("GET", "posts?count=true"),
        ("{ postsAggregate { count } }", {}),
    ),
    Row(
        "a page with its total",
        READERS,
        rest("GET", "posts?totals=true"),
        ("{ postsConnection { totalCount edges { node { title } } } }", {}),
    ),
    Row(
        "how the database answers",
        FULL,
        rest("GET", "posts?explain=true"),
        ("{ posts { title } }", {}),
        graphql_path="/graphql?explain=true",
    ),
    Row(
        "users",
        ADMINS,
        rest("GET", "users"),
        ("{ users { email } }", {}),
        shows("plain@example.com"),
    ),
)

SECRETS = (
    Row(
        "a field",
        KNOWING,
        rest("GET", f"posts/{POST}"),
        ("query($id: ID!) { postsById(id: $id) { secret } }", BY_ID),
        shows("beta"),
    ),
    Row(
        "a filter by a field",
        KNOWING,
        rest("GET", "posts", params={"q": '{"secret": "beta"}'}),
        ('{ posts(where: {secret: {eq: "beta"}}) { title } }', {}),
        shows("First"),
    ),
    Row(
        "a filter in REST's words by a field",
        KNOWING,
        rest("GET", "posts", params={"q": '{"secret": {"$gt": "alpha", "$lt": "beta2"}}'}),
        (
            "query($q: JSON) { posts(q: $q) { title } }",
            {"q": {"secret": {"$gt": "alpha", "$lt": "beta2"}}},
        ),
        shows("First"),
    ),
    Row(
        "a count by a field",
        KNOWING,
        rest("GET", "posts", params={"q": '{"secret": "beta"}', "totals": "true"}),
        (
            '{ postsConnection(where: {secret: {eq: "beta"}}) '
            "{ totalCount edges { node { title } } } }",
            {},
        ),
        shows("First"),
    ),
    Row(
        "an order by a field",
        KNOWING,
        rest("GET", "posts?sort=secret"),
        ("{ posts(orderBy: {secret: ASC}) { title } }", {}),
        in_order("Third", "First", "Draft"),
    ),
    Row(
        "a text filter by the words of a field",
        KNOWING,
        rest("GET", "posts?filter=hush"),
        ('{ posts(filter: "hush") { title } }', {}),
        shows("First"),
    ),
    Row(
        "groups by a field",
        KNOWING,
        rest("GET", "posts", params={"h": '{"$groupby": ["secret"]}'}),
        ("{ postsAggregate(groupBy: [secret]) { group } }", {}),
        shows("beta"),
    ),
    Row(
        "the greatest value of a field",
        KNOWING,
        rest("GET", "posts", params={"h": '{"$aggregate": ["MAX:secret"]}'}),
        ("{ postsAggregate { max { secret } } }", {}),
        shows("gamma"),
    ),
)
