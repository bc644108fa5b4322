"""Variables inside of arguments, and those that were forgotten: they never widen what is meant."""

from __future__ import annotations

from tests.voice_graphql.conftest import Voice


async def test_variables_inside_data_may_be_absent(voice: Voice) -> None:
    """A field without its variable is not there, in JSON too; an element is null."""
    made = await voice.data(
        "mutation($t: String!, $n: Long, $e: JSON) { createBooks(data: {title: $t, pages: $n, "
        'tags: [$t, "b"], about: {x: $e, y: [$e]}, print: {year: $n, _extra: {z: $e}}}) '
        "{ title pages tags about print { year _extra } } }",
        t="t",
    )
    assert made == {
        "title": "t",
        "pages": None,
        "tags": ["t", "b"],
        "about": {"y": [None]},
        "print": {"year": None, "_extra": {}},
    }


async def test_parts_of_data_may_be_variables(voice: Voice) -> None:
    made = await voice.data(
        "mutation($p: Books_printInput, $a: BooksInput!, $e: JSON) { createManyBooks(data: [$a, "
        '{title: "b", print: $p, _extra: $e}]) { title print { city _extra } _extra } }',
        a={"title": "a"},
        p={"city": "Oslo", "_extra": {"x": 1}},
        e={"y": [{"z": 2}]},
    )
    assert made == [
        {"title": "a", "print": None, "_extra": {}},
        {"title": "b", "print": {"city": "Oslo", "_extra": {"x": 1}}, "_extra": {"y": [{"z": 2}]}},
    ]


async def test_defaults_of_variables(voice: Voice) -> None:
    made = await voice.data(
        'mutation($a: BooksInput! = {title: "d", read_at: "10:00", _extra: {x: [1, {y: null}]}}) '
        "{ createBooks(data: $a) { title read_at _extra } }"
    )
    assert made == {
        "title": "d",
        "read_at": "1970-01-01T10:00:00.000Z",
        "_extra": {"x": [1, {"y": None}]},
    }


async def test_a_forgotten_variable_inside_q_is_said(voice: Voice) -> None:
    await voice.insert("books", {"title": "a"}, {"title": "b"})
    query = "query($t: JSON) { books(q: {title: $t}) { title } }"
    assert await voice.data(query, t={"$gt": "a"}) == [{"title": "b"}]
    assert await voice.message(query) == "A variable inside of 'q' was not given."
    query = "query($n: JSON) { books(where: {tags: {size: {gte: $n}}}) { title } }"
    assert await voice.data(query, n=0) == []
    assert await voice.message(query) == "A variable inside of 'where' was not given."


async def test_a_forgotten_variable_deletes_nothing(voice: Voice) -> None:
    await voice.insert("books", {"title": "a"}, {"title": "b"})
    query = "mutation($w: BooksWhere, $t: String) { deleteManyBooks(where: {%s}) { modified } }"
    for where in ("not: $w, or: {title: {eq: $t}}", "title: {gte: $t}, not: {not: $w}"):
        for given in ({}, {"t": "a"}):
            assert "is not given" in await voice.message(query % where, **given)
    assert len(await voice.data("{ books { _id } }")) == 2
    where = {"title": {"eq": "b"}}
    assert await voice.data(query % "not: $w, title: {gte: $t}", w=where, t="a") == {"modified": 1}
