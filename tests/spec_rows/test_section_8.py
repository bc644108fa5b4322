"""The update operators, row by row (SPEC 8), and the arguments that do the same in GraphQL."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.spec_rows.rows import Ask, Json


def put(ask: Ask, stored: Json, body: Json) -> Json:
    """What PUT makes of a new article that holds ``stored``; not its title and system fields."""
    answer = ask.rest(f"articles/{ask.article(**stored)}", "PUT", body)
    return {name: value for name, value in answer.items() if name[:1] != "_" and name != "title"}


def update(ask: Ask, stored: Json, arguments: str, selection: str) -> Any:
    """What the mutation makes of a new article that holds ``stored``."""
    text = f"mutation ($id: ID!) {{ updateArticles(id: $id, {arguments}) {{ {selection} }} }}"
    return ask.graphql(text, id=ask.article(**stored))


def test_inc(ask: Ask) -> None:
    """Adds a number, to 0 where there is none; numbers may be texts."""
    assert put(ask, {"followers": 2}, {"$inc": {"followers": 1}}) == {"followers": 3}
    assert put(ask, {"followers": 2}, {"$inc": {"followers": -5}}) == {"followers": -3}
    assert put(ask, {}, {"$inc": {"followers": 1}}) == {"followers": 1}
    assert put(ask, {"followers": 2}, {"$inc": {"followers": "1"}}) == {"followers": 3}
    assert put(ask, {"stats": {"views": 1, "shares": 2}}, {"$inc": {"stats.views": 1}}) == {
        "stats": {"views": 2, "shares": 2}
    }
    three = {"followers": 3}
    assert update(ask, {"followers": 2}, "inc: {followers: 1}", "followers") == three
    assert update(ask, {"followers": 8}, "inc: {followers: -5}", "followers") == three
    assert update(ask, {}, "inc: {followers: 3}", "followers") == three
    assert update(ask, {"followers": 2}, 'inc: {followers: "1"}', "followers") == three
    inside = update(ask, {"stats": {"views": 1}}, "inc: {stats: {views: 1}}", "stats { views }")
    assert inside == {"stats": {"views": 2}}


def test_push(ask: Ask) -> None:
    """Appends to a list, which is made where there is none."""
    both = {"comments": ["x", "y"]}
    assert put(ask, {"comments": ["x"]}, {"$push": {"comments": "y"}}) == both
    assert put(ask, {}, {"$push": {"comments": "x"}}) == {"comments": ["x"]}
    assert put(ask, {}, {"$push": {"comments": {"$each": ["x", "y"]}}}) == both
    mark = {"by": "Ann", "stars": 5}
    assert put(ask, {}, {"$push": {"marks": mark}}) == {"marks": [mark]}
    assert update(ask, {"comments": ["x"]}, 'push: {comments: "y"}', "comments") == both
    assert update(ask, {}, 'push: {comments: ["x", "y"]}', "comments") == both
    pushed = update(ask, {}, 'push: {marks: {by: "Ann", stars: 5}}', "marks { by stars }")
    assert pushed == {"marks": [mark]}


def test_pull(ask: Ask) -> None:
    """Removes all equal elements; an object those that hold what it holds."""
    rest = {"comments": ["y"]}
    assert put(ask, {"comments": ["x", "y", "x"]}, {"$pull": {"comments": "x"}}) == rest
    assert put(ask, {"comments": ["y"]}, {"$pull": {"comments": "x"}}) == rest
    several = {"$pull": {"comments": {"$in": ["x", "z"]}}}
    assert put(ask, {"comments": ["x", "y", "z"]}, several) == rest
    marks = [{"by": "Ann", "stars": 5}, {"by": "Bob", "stars": 5}, {"by": "Ann", "stars": 1}]
    bobs = {"marks": [{"by": "Bob", "stars": 5}]}
    assert put(ask, {"marks": marks}, {"$pull": {"marks": {"by": "Ann"}}}) == bobs
    assert update(ask, {"comments": ["x", "y", "x"]}, 'pull: {comments: "x"}', "comments") == rest
    assert update(ask, {"comments": [*"xyz"]}, 'pull: {comments: ["x", "z"]}', "comments") == rest
    pulled = update(ask, {"marks": marks}, 'pull: {marks: {by: "Ann"}}', "marks { by stars }")
    assert pulled == bobs


def test_add_to_set(ask: Ask) -> None:
    """Appends what is not there yet."""
    both = {"comments": ["x", "y"]}
    assert put(ask, {"comments": ["x", "y"]}, {"$addToSet": {"comments": "x"}}) == both
    assert put(ask, {"comments": ["x"]}, {"$addToSet": {"comments": "y"}}) == both
    several = {"$addToSet": {"comments": {"$each": ["x", "y", "y"]}}}
    assert put(ask, {"comments": ["x"]}, several) == both
    added = update(ask, {"comments": ["x"]}, 'addToSet: {comments: ["x", "y", "y"]}', "comments")
    assert added == both


def test_pop(ask: Ask) -> None:
    """-1 removes the first element, 1 the last."""
    three = {"comments": ["x", "y", "z"]}
    assert put(ask, three, {"$pop": {"comments": -1}}) == {"comments": ["y", "z"]}
    assert put(ask, three, {"$pop": {"comments": 1}}) == {"comments": ["x", "y"]}
    assert update(ask, three, "pop: {comments: -1}", "comments") == {"comments": ["y", "z"]}
    assert update(ask, three, "pop: {comments: 1}", "comments") == {"comments": ["x", "y"]}


def test_unset(ask: Ask) -> None:
    two = {"followers": 2, "likes": 3}
    assert put(ask, two, {"$unset": {"likes": ""}}) == {"followers": 2}
    assert put(ask, {"stats": {"views": 1, "shares": 2}}, {"$unset": {"stats.views": ""}}) == {
        "stats": {"shares": 2}
    }
    found = update(ask, two, 'unset: ["likes"]', "followers likes")
    assert found == {"followers": 2, "likes": None}


def test_set(ask: Ask) -> None:
    """As a plain property; inside of an object what is not named stays."""
    assert put(ask, {"followers": 2}, {"$set": {"followers": 3}}) == {"followers": 3}
    both = {"stats": {"views": 9, "shares": 2}}
    assert put(ask, {"stats": {"views": 1, "shares": 2}}, {"$set": {"stats.views": 9}}) == both
    set_ = "set: {stats: {views: 9}}"
    stored = {"stats": {"views": 1, "shares": 2}}
    assert update(ask, stored, set_, "stats { views shares }") == both


def test_rename(ask: Ask) -> None:
    assert put(ask, {"likes": 3}, {"$rename": {"likes": "followers"}}) == {"followers": 3}
    assert put(ask, {"old": 3}, {"$rename": {"old": "new"}}) == {"new": 3}
    arguments = 'rename: [{from: "likes", to: "followers"}]'
    found = update(ask, {"likes": 3}, arguments, "followers likes")
    assert found == {"followers": 3, "likes": None}


def test_min_and_max(ask: Ask) -> None:
    """Take the lesser or the greater of the two, or what is given where there is nothing."""
    both = {"$min": {"followers": 1}, "$max": {"likes": 5}}
    assert put(ask, {"followers": 2, "likes": 3}, both) == {"followers": 1, "likes": 5}
    assert put(ask, {"followers": 0, "likes": 9}, both) == {"followers": 0, "likes": 9}
    assert put(ask, {}, both) == {"followers": 1, "likes": 5}
    arguments = "min: {followers: 1}, max: {likes: 5}"
    found = update(ask, {"followers": 2, "likes": 3}, arguments, "followers likes")
    assert found == {"followers": 1, "likes": 5}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_put_and_patch(ask: Ask, method: str) -> None:
    id_ = ask.article(followers=2)
    changed = ask.rest(f"articles/{id_}", method, {"$inc": {"followers": 1}})
    assert changed["followers"] == 3


def test_concurrent_increments_are_not_lost(ask: Ask) -> None:
    id_ = ask.article(followers=0, base=0)
    mutation = "mutation ($id: ID!) { updateArticles(id: $id, inc: {base: 1}) { base } }"

    def once(number: int) -> None:
        if number % 2:
            ask.rest(f"articles/{id_}", "PUT", {"$inc": {"followers": 1}})
        else:
            ask.graphql(mutation, id=id_)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(once, range(40)))
    stored = ask.rest(f"articles/{id_}?metafields=true")
    assert (stored["followers"], stored["base"], stored["_version"]) == (20, 20, 41)
    assert stored["double"] == 40


REFUSED: list[tuple[str, Json, str]] = [
    ("$inc", {"nick": 1}, "inc: {_extra: {nick: 1}}"),
    ("$push", {"nick": "y"}, 'push: {_extra: {nick: "y"}}'),
]


@pytest.mark.parametrize(("operator", "operand", "arguments"), REFUSED)
def test_what_is_no_number_or_no_list(
    ask: Ask, operator: str, operand: Json, arguments: str
) -> None:
    """``$inc`` and ``$push`` on it are 400, and nothing is changed."""
    id_ = ask.article(nick="x", followers=1)
    body = {operator: operand, "followers": 5}
    error = ask.refused(f"articles/{id_}", "PUT", body)
    assert (error["name"], error["status"]) == ("ValidationError", 400)
    assert [(each["field"], each["message"][1]) for each in error["list"]] == [("nick", "TYPE")]
    text = (
        "mutation ($id: ID!) "
        f"{{ updateArticles(id: $id, data: {{followers: 5}}, {arguments}) {{ _id }} }}"
    )
    refused = ask.graphql_refused(text, id=id_)
    assert (refused["status"], refused["list"]) == (400, error["list"])
    stored = ask.rest(f"articles/{id_}?metafields=true")
    assert (stored["nick"], stored["followers"], stored["_version"]) == ("x", 1, 1)


def test_operators_and_plain_properties(ask: Ask) -> None:
    body = {"$inc": {"followers": 1}, "$push": {"comments": "y"}, "likes": 7}
    after = {"followers": 3, "comments": ["x", "y"], "likes": 7}
    stored = {"followers": 2, "comments": ["x"]}
    assert put(ask, stored, body) == after
    arguments = 'data: {likes: 7}, inc: {followers: 1}, push: {comments: "y"}'
    assert update(ask, stored, arguments, "followers comments likes") == after


def test_what_the_server_keeps_is_refreshed(ask: Ask) -> None:
    """``_version``, ``_changed``, ``_changedby``, words and computed fields."""
    shown = "_version _created _changed _changedby _keywords _tags double"
    text = (
        "mutation ($id: ID!) "
        f'{{ updateArticles(id: $id, inc: {{base: 1}}, push: {{comments: "new"}}) {{ {shown} }} }}'
    )
    for by_graphql in (False, True):
        id_ = ask.article(base=1, comments=["old"])
        time.sleep(0.002)  # dates are of milliseconds
        if by_graphql:
            after = ask.graphql(text, id=id_)
        else:
            body = {"$inc": {"base": 1}, "$push": {"comments": "new"}}
            after = ask.rest(f"articles/{id_}?metafields=true", "PUT", body)
        assert after["_version"] == 2
        assert after["_created"] < after["_changed"]
        assert after["_changedby"] == "api"
        assert (after["_keywords"], after["_tags"]) == (["a", "old", "new"], "a old new")
        assert after["double"] == 4


def test_the_answer_is_the_full_record(ask: Ask) -> None:
    """With the audit fields, as of any PUT (5.5)."""
    id_ = ask.article(followers=2, nick="x")
    answer = ask.rest(f"articles/{id_}", "PUT", {"$inc": {"followers": 1}})
    stored = ask.rest(f"articles/{id_}?metafields=true")
    audit = ("_created", "_changed", "_createdby", "_changedby")
    assert answer == {
        "_id": id_,
        "title": "a",
        "followers": 3,
        "nick": "x",
        **{name: stored[name] for name in audit},
    }


def test_update_by_query(ask: Ask) -> None:
    """An extension: what the query selects is changed, each document as PATCH of it would."""
    ids = [ask.article(title="many", followers=number) for number in range(3)]
    ids.append(ask.article(title="many", nick="x", followers=9))
    query = "articles/*?q=" + '{"title":"many","followers":{"$gt":0}}'
    answer = ask.rest(query, "PATCH", {"$inc": {"followers": 10, "nick": 1}})
    (failed,) = answer["failed"]
    assert answer == {"matched": 3, "modified": 2, "failed": [failed]}
    assert failed["_id"] == ids[3]
    text = """mutation {
      updateManyArticles(
        where: {title: {eq: "many"}, followers: {lt: 12}}
        inc: {followers: 10, _extra: {nick: 1}}
      ) { matched modified failed { id message } }
    }"""
    error = {"id": ids[3], "message": failed["message"]}
    assert ask.graphql(text) == {"matched": 3, "modified": 2, "failed": [error]}
    after = ask.rest('articles?q={"title":"many"}')
    assert [each["followers"] for each in after] == [10, 21, 12, 9]
