"""The update operators, row by row (SPEC 8), and what is said to those that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.conftest import make_settings, running_server
from tests.rest.update_rows import ROWS

FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text", "required": True, "searchable": False},
    {"name": "followers", "type": "number"},
    {"name": "score", "type": "float_number"},
    {"name": "price", "type": "money"},
    {"name": "born", "type": "date"},
    {"name": "comments", "type": "text", "multiple": True, "searchable": False},
    {"name": "days", "type": "date", "multiple": True},
    {"name": "colours", "type": "option", "options": ["red", "green"], "multiple": True},
    {"name": "codes", "type": "text", "regex": "^[a-z]+$", "multiple": True, "searchable": False},
    {"name": "stats", "type": "object", "fields": [{"name": "views", "type": "number"}]},
    {
        "name": "items",
        "type": "object",
        "multiple": True,
        "fields": [
            {"name": "name", "type": "text", "required": True, "searchable": False},
            {"name": "price", "type": "money"},
        ],
    },
    {"name": "editor", "type": "people", "relation": "one"},
    {"name": "readers", "type": "people", "relation": "many"},
    {"name": "extra", "type": "JSON"},
    {"name": "notes", "type": "notes", "relation": "child"},
    {"name": "double", "type": "number", "formula": "{{never}} * 2"},
    {"name": "never", "type": "number"},
]
COLLECTIONS: list[dict[str, Any]] = [
    {"name": "measured", "fields": FIELDS},
    # Without a formula, and without something required inside, MongoDB can do by itself
    # what `measured` is read for.
    {"name": "plain", "fields": [f for f in FIELDS if f["name"] not in ("double", "items")]},
    {"name": "closed", "strict": True, "fields": FIELDS[:6]},
    {
        "name": "sealed",
        "strict": True,
        "fields": [f for f in FIELDS if f["name"] in ("stats", "items", "extra")],
    },
    {"name": "people", "fields": [{"name": "name", "type": "text"}]},
    {
        "name": "notes",
        "fields": [{"name": "text", "type": "text"}, {"name": "n", "type": "number"}],
    },
    {
        "name": "texts",
        "fields": [
            {"name": "words", "type": "text", "multiple": True},
            {"name": "n", "type": "number"},
        ],
    },
]


@pytest.fixture(scope="module")
def client(mongod: EmbeddedMongod) -> Iterator[httpx.Client]:
    """A server for the whole module, each test with documents of its own."""
    settings = make_settings(mongod.uri)
    with running_server(settings) as server, MongoClient[Any](mongod.uri) as direct:
        with httpx.Client(
            base_url=server.url, headers=server.headers, trust_env=False, timeout=60
        ) as client:
            answer = client.put("/rest/_meta", json={"collections": COLLECTIONS})
            assert answer.status_code == 200, answer.text
            yield client
        direct.drop_database(settings.database)


@pytest.fixture(params=["plain", "measured"])
def collection(request: pytest.FixtureRequest) -> str:
    """Written by MongoDB alone where that is possible, or always read first."""
    name: str = request.param
    return name


def article(client: httpx.Client, collection: str, **values: Any) -> str:
    """The address of a new document."""
    made = insert(client, collection, {"title": "a", **values})
    return f"/rest/{collection}/{made['_id']}"


def insert(client: httpx.Client, path: str, body: Any) -> Any:
    answer = client.post(f"/rest/{path}", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.parametrize(("stored", "body", "after"), ROWS)
def test_each_operator(
    client: httpx.Client,
    collection: str,
    stored: dict[str, Any],
    body: dict[str, Any],
    after: dict[str, Any],
) -> None:
    path = article(client, collection, **stored)
    answer = client.put(path, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == '"2"'
    assert own(answer.json()) == {"title": "a", **after}
    assert set(answer.json()) >= {"_id", "_created", "_changed", "_createdby", "_changedby"}
    read = client.get(path)
    assert own(read.json()) == {"title": "a", **after}


def own(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name[:1] != "_"}


COMMENTS = ("comments.x", "comments.0.0")
REFUSED: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"$inc": {"title": 1}}, {"title": "TYPE"}),
    ({"$inc": {"born": 1}}, {"born": "TYPE"}),
    ({"$inc": {"followers": "x"}}, {"followers": "TYPE"}),
    ({"$inc": {"followers": 1.5}}, {"followers": "TYPE"}),
    ({"$inc": {"followers": True, "score": None}}, {"followers": "TYPE", "score": "TYPE"}),
    ({"$inc": {"followers": 2**63 - 1}}, {"followers": "TYPE"}),
    ({"$inc": {"likes": 1}}, {"likes": "TYPE"}),
    ({"$inc": {"price": 0.001}}, {"price": "TYPE"}),
    ({"$push": {"title": "x"}}, {"title": "TYPE"}),
    ({"$push": {"likes": "x"}}, {"likes": "TYPE"}),
    ({"$pull": {"likes": "x"}}, {"likes": "TYPE"}),
    ({"$pop": {"likes": 1}}, {"likes": "TYPE"}),
    ({"$addToSet": {"stats": "x"}}, {"stats": "TYPE"}),
    ({"$push": {"comments": 5}}, {"comments": "TYPE"}),
    ({"$push": {"comments": None}}, {"comments": "TYPE"}),
    ({"$push": {"comments": ["a", "b"]}}, {"comments": "TYPE"}),
    ({"$push": {"colours": "blue"}}, {"colours": "TYPE"}),
    ({"$addToSet": {"codes": {"$each": ["a", "B"]}}}, {"codes": "REGEX"}),
    ({"$push": {"days": "someday"}}, {"days": "TYPE"}),
    ({"$set": {"codes.0": "B"}}, {"codes.0": "REGEX"}),
    ({"$max": {"followers": "x"}}, {"followers": "TYPE"}),
    ({"$max": {"comments": "x"}}, {"comments": "TYPE"}),
    ({"$min": {"likes": 5}}, {"likes": "TYPE"}),
    ({"$min": {"extra": True}}, {"extra": "TYPE"}),
    ({"$unset": {"title": ""}}, {"title": "REQUIRED"}),
    ({"$rename": {"title": "other"}}, {"title": "REQUIRED"}),
    ({"$rename": {"likes": "followers"}}, {"likes": "TYPE"}),
    ({"$unset": {"comments.0": ""}}, {"comments.0": "TYPE"}),
    ({"$inc": {"followers.x": 1}}, {"followers.x": "TYPE"}),
    ({"$inc": {"likes.x": 1}}, {"likes.x": "TYPE"}),
    ({"$set": {"comments.9": "x"}}, {"comments.9": "TYPE"}),
    ({"$max": {"days.0": "2020-01-01"}}, {"days.0": "TYPE"}),
    ({"days.0": "2020-01-01"}, {"days.0": "TYPE"}),
    ({"$rename": {"likes": "codes.0"}}, {"likes": "TYPE"}),
    ({"$set": {"comments.x": "y", "comments.0.0": "z"}}, dict.fromkeys(COMMENTS, "TYPE")),
    ({"$push": {"a..b": 1, "a." + "b." * 60: 1}}, {"a..b": "TYPE", "a." + "b." * 60: "TYPE"}),
    ({"$push": {"new": {"a": {"$where": 1}}}}, {"new": "TYPE"}),
    ({"$set": {"new": {"$where": 1}}}, {"new": "TYPE"}),
    ({"$inc": {"a.$[].b": 1, "": 1}}, {"a.$[].b": "TYPE", "": "TYPE"}),
    ({"$push": {"readers": "0" * 24}}, {"readers": "TYPE"}),
    ({"$push": {"readers": "nobody"}}, {"readers": "TYPE"}),
    ({"followers": "x", "$inc": {"score": "y"}}, {"followers": "TYPE", "score": "TYPE"}),
]


@pytest.mark.parametrize(("body", "faults"), REFUSED)
def test_what_does_not_fit_is_a_validation_error_with_the_field(
    client: httpx.Client, collection: str, body: dict[str, Any], faults: dict[str, str]
) -> None:
    path = article(client, collection, followers=1, comments=["x"], likes="text")
    before = (client.get(f"{path}?metafields=true")).json()
    answer = client.put(path, json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["name"] == "ValidationError"
    found = {each["field"]: each["message"][1] for each in answer.json()["list"]}
    assert found == faults
    assert all(each["message"][0].endswith((".", "?")) for each in answer.json()["list"])
    assert (client.get(f"{path}?metafields=true")).json() == before


MALFORMED: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"$incr": {"followers": 1}}, ("'$incr'", "Did you mean '$inc'?")),
    ({"$INC": {"followers": 1}}, ("'$INC'", "Did you mean '$inc'?")),
    ({"$where": "sleep(1)"}, ("'$where'",)),
    ({"$": 1}, ("'$'",)),
    ({"$currentDate": {"born": True}}, ("'$currentDate'",)),
    ({"$bit": {"followers": {"or": 1}}}, ("'$bit'",)),
    ({"$setOnInsert": {"a": 1}}, ("'$setOnInsert'",)),
    ({"$inc": 5}, ("'$inc' takes an object",)),
    ({"$unset": ["followers"]}, ("'$unset' takes an object",)),
    ({"$push": {"comments": {"$each": ["x"], "$slice": 2}}}, ("'$push'", "comments", "'$slice'")),
    ({"$push": {"comments": {"$each": ["x"], "$sort": 1}}}, ("'$sort'",)),
    ({"$addToSet": {"comments": {"$position": 0}}}, ("'$position'",)),
    ({"$push": {"new": {"$where": "1"}}}, ("'$push' on 'new' does not take '$where'",)),
    ({"$push": {"comments": {"$eac": ["x"]}}}, ("Did you mean '$each'?",)),
    ({"$push": {"comments": {"$each": "x"}}}, ("must be a list",)),
    ({"$pull": {"comments": {"$gt": "a"}}}, ("'$pull' on 'comments' does not take '$gt'",)),
    ({"$pull": {"comments": {"$in": "x"}}}, ("must be a list",)),
    ({"$pop": {"comments": 2}}, ("'$pop' on 'comments' takes 1 or -1",)),
    ({"$pop": {"comments": True}}, ("takes 1 or -1",)),
    ({"$rename": {"followers": 5}}, ("'$rename' on 'followers' takes the new name",)),
    ({"$inc": {"followers": 1}, "$set": {"followers": 2}}, ("'$inc' on 'fol", "'$set' on 'fol")),
    ({"followers": 2, "$inc": {"followers": 1}}, ("by 'followers'", "'$inc' on 'followers'")),
    ({"stats": {}, "$inc": {"stats.views": 1}}, ("by 'stats'", "'$inc' on 'stats.views'")),
    ({"$unset": {"stats": 1}, "$inc": {"stats.views": 1}}, ("'$unset' on 'stats'", "stats.views")),
    ({"$push": {"comments": "x"}, "comments.0": "y"}, ("'$push' on 'comments'", "'comments.0'")),
    ({"$rename": {"likes": "score"}, "$inc": {"score": 1}}, ("'$rename' on 'score'", "'$inc'")),
    ({"$rename": {"likes": "likes"}}, ("'$rename' on 'likes'",)),
    ({"$rename": {"likes": "likes.inner"}}, ("'likes.inner'",)),
]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(("body", "said"), MALFORMED)
def test_what_is_no_operation_is_named(
    client: httpx.Client, method: str, body: dict[str, Any], said: tuple[str, ...]
) -> None:
    path = article(client, "plain", followers=1, comments=["x"], likes="text")
    before = (client.get(f"{path}?metafields=true")).json()
    answer = client.request(method, path, json={"score": 5, **body})
    assert answer.status_code == 400, answer.text
    assert answer.json()["name"] == "BadRequest"
    assert all(each in answer.json()["message"] for each in said), answer.text
    assert answer.json()["hint"]
    assert (client.get(f"{path}?metafields=true")).json() == before


def test_an_unknown_operator_is_told_all_that_there_are(client: httpx.Client) -> None:
    path = article(client, "plain")
    answer = client.patch(path, json={"$push": {"comments": "x"}, "$pushAll": {}})
    assert answer.json() == {
        "name": "BadRequest",
        "message": "'$pushAll' is not an update operator. Did you mean '$push'?",
        "status": 400,
        "hint": "Allowed: $inc, $push, $pull, $addToSet, $pop, $unset, $set, $rename, $min, $max.",
    }


def test_operators_are_not_for_new_documents(client: httpx.Client) -> None:
    answer = client.post("/rest/plain", json={"title": "a", "$inc": {"followers": 1}})
    assert answer.status_code == 400
    assert "'$inc'" in answer.json()["message"]


def test_system_and_computed_fields_are_not_reached(client: httpx.Client) -> None:
    path = article(client, "measured", never=2, followers=1)
    before = (client.get(f"{path}?metafields=true")).json()
    assert before["double"] == 4
    body = {
        "$inc": {"_version": 5, "never": 1},
        "$set": {"_created": "1999-01-01", "_createdby": "me", "double": 9},
        "$push": {"_keywords": "x", "notes": {"text": "x"}},
        "$unset": {"_changed": 1, "_id": 1},
        "$rename": {"followers": "_secret", "_changedby": "by"},
    }
    assert (client.put(path, json=body)).status_code == 200
    after = (client.get(f"{path}?metafields=true")).json()
    assert after["_version"] == 2
    assert (after["never"], after["double"], after["followers"]) == (3, 6, 1)
    same = ("_id", "_created", "_createdby", "_keywords", "_changedby")
    assert [after[name] for name in same] == [before[name] for name in same]
    assert not {"by", "_secret", "notes"} & set(after)
    answer = client.put(path, json={"$set": {"_id": "0" * 24}})
    assert (answer.status_code, answer.json()["name"]) == (400, "BadRequest")
    assert (client.put(path, json={"$set": {"_id": after["_id"]}})).status_code == 200


def test_lists_of_objects(client: httpx.Client) -> None:
    path = article(client, "measured", items=[{"name": "a", "price": 1}])
    answer = client.put(path, json={"$push": {"items": {"name": "b", "price": "2.50"}}})
    assert answer.json()["items"] == [{"name": "a", "price": 1}, {"name": "b", "price": 2.5}]
    answer = client.put(path, json={"$push": {"items": {"$each": [{"price": "x"}]}}})
    assert {each["field"]: each["message"][1] for each in answer.json()["list"]} == {
        "items.name": "REQUIRED",
        "items.price": "TYPE",
    }
    answer = client.put(path, json={"$inc": {"items.1.price": 0.25}})
    assert answer.json()["items"][1]["price"] == 2.75
    answer = client.put(path, json={"$unset": {"items.0.name": ""}})
    assert answer.json()["list"][0]["field"] == "items.0.name"
    assert answer.json()["list"][0]["message"][1] == "REQUIRED"
    answer = client.put(path, json={"$inc": {"items.price": 1}})
    assert answer.json()["list"][0]["field"] == "items.price"
    answer = client.put(path, json={"$pull": {"items": {"price": "2.75"}}})
    assert answer.json()["items"] == [{"name": "a", "price": 1}]


def test_references_are_ids_that_exist(client: httpx.Client) -> None:
    ann, bob = insert(client, "people", [{"name": "Ann"}, {"name": "Bob"}])
    path = article(client, "plain", readers=[ann["_id"]])
    answer = client.put(path, json={"$push": {"readers": {"_id": bob["_id"], "name": "?"}}})
    assert [each["name"] for each in answer.json()["readers"]] == ["Ann", "Bob"]
    client.delete(f"/rest/people/{ann['_id']}")
    # Who is gone is not asked for again, and may be taken out.
    answer = client.put(path, json={"$addToSet": {"readers": bob["_id"]}})
    assert answer.status_code == 200, answer.text
    answer = client.put(path, json={"$pull": {"readers": ann["_id"]}})
    assert [each["name"] for each in answer.json()["readers"]] == ["Bob"]
    answer = client.put(path, json={"$push": {"editor": bob["_id"]}})
    assert [each["name"] for each in answer.json()["editor"]] == ["Bob"]
    answer = client.put(path, json={"$push": {"editor": bob["_id"]}})
    assert answer.json()["list"][0]["field"] == "editor"
    answer = client.put(path, json={"$rename": {"title": "editor"}})
    assert {each["field"] for each in answer.json()["list"]} == {"title"}


def test_strict_collections_know_their_fields(client: httpx.Client) -> None:
    path = article(client, "closed")
    for body in ({"$inc": {"followrs": 1}}, {"$rename": {"followers": "followrs"}}):
        answer = client.put(path, json=body)
        assert answer.status_code == 400
        assert "Did you mean 'followers'?" in answer.json()["list"][0]["message"][0]
    assert (client.put(path, json={"$inc": {"followers": 1}})).json()["followers"] == 1


@pytest.mark.parametrize("field", ["stats", "items"])
def test_strict_collections_know_what_is_inside(client: httpx.Client, field: str) -> None:
    inside = {"views": 1, "name": "x"}
    extra = {key: inside[key] for key in inside if (key == "views") == (field == "stats")}
    path = f"/rest/sealed/{insert(client, 'sealed', {'extra': {**extra, 'seen': 2}})['_id']}"
    answer = client.put(path, json={"$rename": {"extra": field}})
    assert answer.status_code == 400
    assert "There is no field of this name." in answer.json()["list"][0]["message"][0]
    assert client.put(path, json={"$unset": {"extra.seen": 1}}).status_code == 200
    answer = client.put(path, json={"$rename": {"extra": field}})
    assert answer.json()[field] == (extra if field == "stats" else [extra])


def test_forms_send_operators_as_json_text(client: httpx.Client) -> None:
    path = article(client, "plain", followers=1)
    answer = client.put(path, data={"$inc": '{"followers": "2"}', "score": "1.5"})
    assert answer.status_code == 200, answer.text
    assert own(answer.json()) == {"title": "a", "followers": 3, "score": 1.5}


def test_if_match_holds_for_operators(client: httpx.Client, collection: str) -> None:
    path = article(client, collection)
    body = {"$inc": {"followers": 1}}
    answer = client.put(path, json=body, headers={"if-match": '"1"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    answer = client.put(path, json=body, headers={"if-match": '"1"'})
    assert answer.status_code == 412
    assert (client.put(f"/rest/{collection}/{'0' * 24}", json=body)).status_code == 404
    assert (client.get(path)).json()["followers"] == 1


def test_children_take_operators(client: httpx.Client) -> None:
    path = article(client, "plain")
    child = insert(client, f"{path.removeprefix('/rest/')}/notes", {"text": "x"})
    for method in ("PUT", "PATCH"):
        address = f"{path}/notes/{child['_id']}"
        answer = client.request(method, address, json={"$inc": {"n": 1}, "text": method})
        assert answer.status_code == 200, answer.text
    assert (answer.json()["n"], answer.json()["text"]) == (2, "PATCH")
    assert answer.json()["_parent_id"] == child["_parent_id"]
    other = article(client, "plain")
    answer = client.put(f"{other}/notes/{child['_id']}", json={"$inc": {"n": 1}})
    assert answer.status_code == 404


def test_keywords_follow_operators(client: httpx.Client) -> None:
    made = insert(client, "texts", {"words": ["Red"]})
    path = f"/rest/texts/{made['_id']}?metafields=true"
    answer = client.put(path, json={"$push": {"words": "Green"}, "$inc": {"n": 1}})
    assert (answer.json()["_keywords"], answer.json()["_tags"]) == (["red", "green"], "red green")
    assert (client.put(path, json={"$unset": {"words": 1}})).json()["_keywords"] == []


def test_no_increment_is_lost(client: httpx.Client, collection: str) -> None:
    path = article(client, collection, followers=0)
    body = {"$inc": {"followers": 1}, "$push": {"comments": "x"}}
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: client.put(path, json=body), range(50)))
    assert [each.status_code for each in answers] == [200] * 50
    assert {each.json()["followers"] for each in answers} == set(range(1, 51))
    after = client.get(f"{path}?metafields=true").json()
    assert (after["followers"], len(after["comments"]), after["_version"]) == (50, 50, 51)
