"""The bench's data: 1,000 authors, 100,000 posts and 200,000 comments, the same at every run."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo import MongoClient

AUTHORS, POSTS, COMMENTS = 1_000, 100_000, 200_000
_START = datetime(2024, 1, 1)
LAST_CREATED = datetime(2025, 1, 1)
"""Later than every generated document: what the bench itself posted."""
_TEXT = """river stone market light engine garden winter signal paper bridge copper harbour letter
window morning planet carbon forest mirror silver thread valley captain summer lantern"""
_WORDS = _TEXT.split()

DEFINITIONS: list[dict[str, Any]] = [
    {
        "name": "authors",
        "fields": [
            {"name": "name", "type": "text", "required": True, "searchable": False},
            {"name": "email", "type": "email", "searchable": False},
            {"name": "born", "type": "date"},
            {"name": "bio", "type": "text", "searchable": False},
        ],
    },
    {
        "name": "posts",
        "fields": [
            {"name": "title", "type": "text", "required": True},
            {"name": "body", "type": "text", "searchable": False},
            {"name": "views", "type": "number", "indexed": True},
            {"name": "rating", "type": "float_number"},
            {"name": "published", "type": "datetime"},
            {"name": "tags", "type": "text", "multiple": True, "searchable": False},
            {"name": "author", "type": "authors", "relation": "one", "indexed": True},
            {"name": "comments", "type": "comments", "relation": "child"},
        ],
    },
    {
        "name": "comments",
        "fields": [
            {"name": "text", "type": "text", "required": True, "searchable": False},
            {"name": "stars", "type": "number"},
        ],
    },
]


def tokens(title: str) -> list[str]:
    """The search tokens of a title, as the server keeps them (alphanumeric words, lower case)."""
    return list(dict.fromkeys(title.lower().split()))


def post(chance: random.Random, author: ObjectId) -> dict[str, Any]:
    """The plain properties of one post."""
    return {
        "title": " ".join(chance.choices(_WORDS, k=5)),
        "body": " ".join(chance.choices(_WORDS, k=40)),
        "views": chance.randrange(1_000_000),
        "rating": round(chance.random() * 5, 2),
        "published": _START + timedelta(seconds=chance.randrange(60_000_000)),
        "tags": chance.sample(_WORDS, 3),
        "author": [author],
    }


def _system(number: int) -> dict[str, Any]:
    created = _START + timedelta(seconds=number)
    return {
        "_created": created,
        "_changed": created,
        "_createdby": "api",
        "_changedby": "api",
        "_version": 1,
    }


def load(uri: str, database: str) -> None:
    """Fills the three collections; takes about ten seconds."""
    chance = random.Random(7)
    with MongoClient[dict[str, Any]](uri, directConnection=True) as client:
        db = client[database]
        authors = [
            {
                "_id": ObjectId(),
                "name": f"{chance.choice(_WORDS)} {chance.choice(_WORDS)}",
                "email": f"author{number}@example.org",
                "born": datetime(1960 + number % 40, 1 + number % 12, 1 + number % 28),
                "bio": " ".join(chance.choices(_WORDS, k=20)),
                **_system(number),
            }
            for number in range(AUTHORS)
        ]
        db.authors.insert_many(authors)
        ids: list[ObjectId] = []
        for start in range(0, POSTS, 5_000):
            batch = []
            for number in range(start, start + 5_000):
                made = post(chance, chance.choice(authors)["_id"])
                keywords = tokens(made["title"])
                batch.append(
                    {
                        "_id": ObjectId(),
                        **made,
                        **_system(number),
                        "_keywords": keywords,
                        "_tags": " ".join(keywords),
                    }
                )
            ids.extend(each["_id"] for each in batch)
            db.posts.insert_many(batch)
        for start in range(0, COMMENTS, 10_000):
            db.comments.insert_many(
                {
                    "_id": ObjectId(),
                    "text": " ".join(chance.choices(_WORDS, k=10)),
                    "stars": chance.randrange(6),
                    "_parent_id": ids[number // 2] if number % 4 else ids[number % 2_000],
                    "_parent_def": "posts",
                    "_parent_field": "comments",
                    **_system(number),
                }
                for number in range(start, start + 10_000)
            )
