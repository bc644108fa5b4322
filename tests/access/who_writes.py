"""Writes and administration: the requests, and who may make them."""

from __future__ import annotations

from tests.access.who_row import (
    ADMINS,
    BY_ID,
    FULL,
    INSERTERS,
    KNOWING,
    USERS,
    WRITERS,
    Row,
    rest,
    shows,
)
from tests.access.who_server import OTHER, POST, THIRD, Json

_NEW: Json = {"title": "New", "published": True}
_CHILD: Json = {"text": "New", "published": True}
_HERE: Json = {"_parent_id": POST, "_parent_def": "posts", "_parent_field": "comments"}

WRITING = (
    Row(
        "an insert for every user",
        USERS,
        rest("POST", "news", json={"text": "Snow"}),
        ('mutation { createNews(data: {text: "Snow"}) { _id } }', {}),
        changes=True,
    ),
    Row(
        "an insert",
        INSERTERS,
        rest("POST", "posts", json=_NEW),
        ("mutation($data: PostsInput!) { createPosts(data: $data) { _id } }", {"data": _NEW}),
        changes=True,
    ),
    Row(
        "an insert of several",
        INSERTERS,
        rest("POST", "posts", json=[_NEW, _NEW]),
        (
            "mutation($data: [PostsInput!]!) { createManyPosts(data: $data) { _id } }",
            {"data": [_NEW, _NEW]},
        ),
        changes=True,
    ),
    Row(
        "an insert that a filter keeps back",
        INSERTERS - {"filtered"},
        rest("POST", "posts", json={"title": "New", "published": False}),
        ('mutation { createPosts(data: {title: "New", published: false}) { _id } }', {}),
        changes=True,
    ),
    Row(
        "an insert of a child",
        WRITERS,
        rest("POST", f"posts/{POST}/comments", json=_CHILD),
        (
            "mutation($data: CommentsInput!) { createComments(data: $data) { _id } }",
            {"data": {**_CHILD, **_HERE}},
        ),
        changes=True,
    ),
    Row(
        "an update",
        WRITERS,
        rest("PATCH", f"posts/{POST}", json={"title": "Newer"}),
        ('mutation($id: ID!) { updatePosts(id: $id, data: {title: "Newer"}) { _id } }', BY_ID),
        changes=True,
    ),
    Row(
        "an update by an operator",
        WRITERS,
        rest("PATCH", f"posts/{POST}", json={"$inc": {"views": 1}}),
        ("mutation($id: ID!) { updatePosts(id: $id, inc: {views: 1}) { _id } }", BY_ID),
        changes=True,
    ),
    Row(
        "an update of what a filter keeps back",
        WRITERS - {"filtered"},
        rest("PATCH", f"posts/{OTHER}", json={"title": "Newer"}),
        (
            'mutation($id: ID!) { updatePosts(id: $id, data: {title: "Newer"}) { _id } }',
            {"id": OTHER},
        ),
        shows(OTHER),
        changes=True,
    ),
    Row(
        "a replacement",
        WRITERS,
        rest("PUT", f"posts/{POST}", json=_NEW),
        (
            "mutation($id: ID!, $data: PostsInput!) { replacePosts(id: $id, data: $data) { _id } }",
            {**BY_ID, "data": _NEW},
        ),
        changes=True,
    ),
    Row(
        "a deletion",
        WRITERS,
        rest("DELETE", f"posts/{POST}"),
        ("mutation($id: ID!) { deletePosts(id: $id) { _id } }", BY_ID),
        changes=True,
    ),
    Row(
        "a deletion of several",
        WRITERS,
        rest("DELETE", "posts/*", json=[POST, THIRD]),
        (
            "mutation($ids: [ID!]!) { deleteManyPosts(ids: $ids) { matched } }",
            {"ids": [POST, THIRD]},
        ),
        changes=True,
    ),
    Row(
        "a deletion of what a filter finds",
        FULL,
        rest("DELETE", "posts/*", params={"q": '{"title": "First"}'}),
        ('mutation { deleteManyPosts(where: {title: {eq: "First"}}) { matched } }', {}),
        changes=True,
    ),
    Row(
        "an update of what a filter finds",
        FULL,
        rest("PATCH", "posts/*", params={"q": '{"title": "First"}'}, json={"views": 9}),
        (
            'mutation { updateManyPosts(where: {title: {eq: "First"}}, data: {views: 9}) '
            "{ matched } }",
            {},
        ),
        changes=True,
    ),
    Row(
        "an insert of a user",
        ADMINS,
        rest("POST", "users", json={"email": "new@example.com"}),
        ('mutation { createUsers(data: {email: "new@example.com"}) { _id } }', {}),
        changes=True,
    ),
)

WRITTEN_SECRETS = (
    Row(
        "a secret in what a write answers",
        KNOWING & WRITERS,
        rest("PATCH", f"posts/{POST}", json={"views": 4}),
        ("mutation($id: ID!) { updatePosts(id: $id, data: {views: 4}) { secret } }", BY_ID),
        shows("beta"),
        changes=True,
    ),
    Row(
        "a write of a field",
        KNOWING & WRITERS,
        rest("PATCH", f"posts/{POST}", json={"secret": "told"}),
        ('mutation($id: ID!) { updatePosts(id: $id, data: {secret: "told"}) { _id } }', BY_ID),
        changes=True,
    ),
    Row(
        "a write of a field as an undeclared one",
        KNOWING & WRITERS,
        rest("PATCH", f"posts/{POST}", json={"$set": {"secret": "told"}}),
        (
            "mutation($id: ID!, $data: PostsInput!) { updatePosts(id: $id, data: $data) { _id } }",
            {"id": POST, "data": {"_extra": {"secret": "told"}}},
        ),
        changes=True,
    ),
    Row(
        "a move of a field to one that is shown",
        KNOWING & WRITERS,
        rest("PATCH", f"posts/{POST}", json={"$rename": {"secret": "title"}}),
        (
            'mutation($id: ID!) { updatePosts(id: $id, rename: [{from: "secret", to: "title"}]) '
            "{ _id } }",
            BY_ID,
        ),
        changes=True,
    ),
)

ADMINISTRATION = (
    Row("all metadata", FULL, rest("GET", "_meta")),
    Row("metadata", FULL, rest("GET", "posts/_meta")),
    Row("a proposal of metadata", FULL, rest("POST", "posts/_meta/infer")),
    Row("keys", FULL, rest("GET", "_keys"), ("{ keys { _id } }", {})),
    Row("the description of everything", FULL, rest("GET", "_swagger.json")),
)
