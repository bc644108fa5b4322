"""What the rows are about: a few documents, each written as REST shows it, and two ways to ask.

A test that writes does so in ``articles``; everything else stays as it is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

Json = dict[str, Any]


def _id(number: int) -> str:
    return f"{number:024x}"


NORWAY: Json = {"_id": _id(1), "name": "Norway"}

ACME: Json = {"_id": _id(2), "name": "Acme", "city": "Oslo", "country": [NORWAY]}
BETA: Json = {"_id": _id(3), "name": "Beta", "city": "Bergen"}

PHOTO = _id(9)

BOB: Json = {
    "_id": _id(12),
    "name": "Bob",
    "email": "bob@example.com",
    "age": 20,
    "salary": 3100,
    "active": True,
    "born": "1990-07-01T00:00:00.000Z",
    "level": "junior",
    "tags": ["red"],
    "scores": [5],
    "address": {"city": "Bergen", "street": "Kong Oscars gate 1"},
    "company": [BETA],
}
ANN: Json = {
    "_id": _id(11),
    "name": "Ann",
    "email": "ann@example.com",
    "age": 30,
    "salary": 4200.5,
    "active": True,
    "born": "1990-05-17T00:00:00.000Z",
    "seen": "2024-02-29T08:30:15.000Z",
    "level": "senior",
    "tags": ["red", "green"],
    "scores": [3, 9],
    "address": {"city": "Oslo", "street": "P.O. Box 460"},
    "route": [{"stop": "Oslo", "km": 0}, {"stop": "Bergen", "km": 460}],
    "company": [ACME],
    "friends": [BOB],
    "photo": [PHOTO],
    "net chg": 1.5,
    "nick": "Annie",
}
CID: Json = {
    "_id": _id(13),
    "name": "Cid",
    "age": 40,
    "salary": 5000,
    "active": False,
    "born": "1991-05-17T00:00:00.000Z",
    "level": "senior",
    "tags": [],
    "address": {"city": "Oslo"},
    "company": [ACME],
}
DAN: Json = {"_id": _id(14), "name": "Dan", "age": None}
PEOPLE = [ANN, BOB, CID, DAN]
"""In the order in which they were inserted."""


def _of_ann(number: int, text: str) -> Json:
    parent = {"_parent_id": ANN["_id"], "_parent_def": "people", "_parent_field": "notes"}
    return {"_id": _id(number), "text": text, **parent}


NOTES = [_of_ann(21, "Call her"), _of_ann(22, "Call back")]
"""Children of Ann; nobody else has any."""

NUMBERS: list[Json] = [{"_id": _id(100 + n), "n": n} for n in range(1001)]
"""One more than a page holds."""


def system(document: Mapping[str, Any]) -> Json:
    """The system fields that are stored with a document; who has the higher id is older."""
    when = f"2024-01-{30 - int(document['_id'], 16) % 20:02}T12:00:00.000Z"
    return {
        "_created": when,
        "_changed": when,
        "_createdby": "api",
        "_changedby": "api",
        "_version": 1,
    }


DAN_WITH_ALL = {**DAN, **system(DAN), "_keywords": ["dan"], "_tags": "dan"}
"""What is shown of him with ``metafields=true``."""

DOCUMENTS: Mapping[str, list[Json]] = {
    "countries": [NORWAY],
    "companies": [ACME, BETA],
    "people": PEOPLE,
    "notes": NOTES,
    "numbers": NUMBERS,
}
"""By collection, referenced ones before those that refer to them."""


def _field(name: str, type_: str, **more: Any) -> Json:
    return {"name": name, "type": type_, **more}


def _object(name: str, *fields: Json, **more: Any) -> Json:
    return _field(name, "object", fields=list(fields), **more)


_PEOPLE_FIELDS = [
    _field("name", "text", required=True),
    _field("email", "email", unique=True),
    _field("age", "number"),
    _field("salary", "money"),
    _field("active", "bool"),
    _field("born", "date"),
    _field("seen", "datetime"),
    _field("level", "option", options=["junior", "senior"]),
    _field("tags", "text", multiple=True),
    _field("scores", "number", multiple=True),
    _object("address", _field("city", "text"), _field("street", "text")),
    _object("route", _field("stop", "text"), _field("km", "number"), multiple=True),
    _field("company", "companies", relation="one"),
    _field("friends", "people", relation="many"),
    _field("notes", "notes", relation="child"),
    _field("photo", "image"),
    _field("net chg", "float_number"),
]
_ARTICLE_FIELDS = [
    _field("title", "text", required=True),
    _field("followers", "number"),
    _field("likes", "number"),
    _field("base", "number"),
    _field("double", "number", formula="{{base}} * 2"),
    _field("comments", "text", multiple=True),
    _field("body", "html"),
    _field("secret", "text", hidden=True),
    _object("stats", _field("views", "number"), _field("shares", "number")),
    _object("marks", _field("by", "text"), _field("stars", "number"), multiple=True),
]
METADATA: list[Json] = [
    {"name": "countries", "fields": [_field("name", "text")]},
    {
        "name": "companies",
        "fields": [
            _field("name", "text", required=True),
            _field("city", "text"),
            _field("country", "countries", relation="one"),
        ],
    },
    {"name": "people", "fields": _PEOPLE_FIELDS},
    {"name": "notes", "fields": [_field("text", "text")]},
    {"name": "numbers", "fields": [_field("n", "number")]},
    {"name": "articles", "fields": _ARTICLE_FIELDS},
]


@dataclass(frozen=True)
class Ask:
    """Asks one server; ``client`` holds the key and the address."""

    client: httpx.Client

    def send(self, path: str, method: str = "GET", body: Any = None) -> httpx.Response:
        """The answer to a request below ``/rest/``, whatever it is."""
        content = {} if body is None else {"json": body}
        return self.client.request(method, f"/rest/{path}", **content)

    def rest(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """The body of an answer that says yes."""
        answer = self.send(path, method, body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def refused(self, path: str, method: str = "GET", body: Any = None) -> Json:
        """The body of an answer that says no; its ``status`` is that of the answer."""
        answer = self.send(path, method, body)
        error: Json = answer.json()
        assert answer.status_code == error["status"] >= 400, answer.text
        return error

    def graphql(self, text: str, /, **variables: Any) -> Any:
        """What the only root field of an operation answers."""
        (value,) = self._answer(text, variables, "errors")["data"].values()
        return value

    def graphql_refused(self, text: str, /, **variables: Any) -> Json:
        """The only error of an operation: its message and extensions in one."""
        (error,) = self._answer(text, variables, "no errors")["errors"]
        return {"message": error["message"], **error["extensions"]}

    def _answer(self, text: str, variables: Json, unwanted: str) -> Json:
        answer = self.client.post("/graphql", json={"query": text, "variables": variables})
        body: Json = answer.json()
        assert answer.status_code == 200, body
        assert ("errors" in body) == (unwanted == "no errors"), body
        return body

    def article(self, **values: Any) -> str:
        """The id of a new document in ``articles``, titled ``a``."""
        made: Json = self.rest("articles", "POST", {"title": "a", **values})
        return str(made["_id"])


def only(documents: list[Json], *names: str) -> list[Json]:
    """The documents with these properties alone; null where there is none, as GraphQL has it."""
    return [{name: each.get(name) for name in names} for each in documents]
