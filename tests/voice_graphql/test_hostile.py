"""Bad input over GraphQL: a 4xx error with a sentence that says what to do, nothing is changed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from bson.raw_bson import RawBSONDocument

from tests.voice_graphql.conftest import Json, Voice

HEADERS = {"content-type": "application/json"}
LIST = "query($where: BooksWhere, $q: JSON) { books(where: $where, q: $q) { title } }"
CREATE = "mutation($data: BooksInput!) { createBooks(data: $data) { title } }"
UPDATE = "mutation($id: ID!, $data: BooksInput!) { updateBooks(id: $id, data: $data) { title } }"
DELETE = """mutation($ids: [ID!], $where: BooksWhere) {
  deleteManyBooks(ids: $ids, where: $where) { matched }
}"""
LONGEST = 1_200
"""Characters of a message: what was sent is quoted in part, if at all."""


@pytest.fixture
async def hostile(voice: Voice) -> AsyncIterator[Voice]:
    """The library with a book; at the end it must be what it was."""
    (ann,) = await voice.insert("authors", {"name": "Ann"})
    await voice.insert("books", {"title": "first", "isbn": "1", "author": ann, "pages": 7})
    before = await contents(voice)
    yield voice
    assert await contents(voice) == before
    assert (await voice.client.get("/readyz")).status_code == 200


async def contents(voice: Voice) -> dict[str, list[bytes]]:
    """Every byte of the collections."""
    return {
        name: [
            each.raw
            async for each in voice.database.get_collection(
                name, voice.database.codec_options.with_options(document_class=RawBSONDocument)
            ).find(sort=[("_id", 1)])
        ]
        for name in ("books", "authors", "reviews", "coins")
    }


def refused(answer: httpx.Response, *statuses: int) -> str:
    """The messages of an answer that did nothing, each an error of the client's own."""
    assert answer.status_code in (statuses or (200, 400)), answer.text[:500]
    body = answer.json()
    assert not any((body.get("data") or {}).values()), body
    for error in body["errors"]:
        assert error["message"].strip(), error
        assert len(error["message"]) <= LONGEST, error["message"][:100]
        assert error["extensions"]["code"] not in ("INTERNAL", "UNAVAILABLE"), error
        assert 400 <= error["extensions"]["status"] < 500, error
    return "\n".join(each["message"] for each in body["errors"])


async def refuses(voice: Voice, query: str, /, **variables: Any) -> str:
    """The messages of an operation that must be refused."""
    return refused(await voice.post(query, **variables))


async def test_bodies(hostile: Voice) -> None:
    for raw in (
        b'{"query": "{ books { title } }"',
        b"{'query': '{ books { title } }'}",
        b'{"query": "{ books { title } }", "variables": {"a": NaN}}',
        b'{"query": "{ books { title } }", "variables": {"a": 1e999}}',
        b'{"query": "{ books { title } }", "variables": {"a": 9223372036854775808}}',
        b'{"query": "{ books { title } }", "variables": {"a": "\\ud800"}}',
        b'{"query": "{ books { title } }", "variables": {"\\udfff": 1}}',
        b'{"query": "{ books { title } }", "variables": {"a": "\\u0000"}}',
        b'{"query": "{ books { ti\\u0000tle } }"}',
        b'{"query": "{ books { title } }", "variables": {"a": "\xff"}}',
        b'{"query": "{ books { title } }", "variables": ' + b"9" * 5000 + b"}",
        b'{"query": "{ books { title } }", "variables": {"a": ' + b"9" * 5000 + b"}}",
        b'{"query": "{ books { title } }", "variables": {"a": ' + b"[" * 100_000,
        b'{"query": "{ books { title } }", "variables": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
        b'{"query": "{ books { title } }", "operationName": "' + b"x" * 100_000 + b'"}',
        b'{"query": "{ books { title } }", "operationName": "\\u00e9\\ud83d\\ude00"}',
    ):
        answer = await hostile.client.post("/graphql", content=raw, headers=HEADERS)
        assert refused(answer), raw[:100]


TEXTS = [
    "{",
    "}",
    "{}",
    "{ books }",
    "{ books {} }",
    "{ books { } }",
    "{ title }",
    "query { books { title } } }",
    "mutation { books { title } }",
    "subscription { books { title } }",
    "{ books { title { x } } }",
    "{ books(where: ) { title } }",
    "{ books(nope: 1) { title } }",
    "{ books(max: $m) { title } }",
    "query($m: Nope) { books(max: $m) { title } }",
    "query($m: Books) { books(max: $m) { title } }",
    "query($m: String) { books(max: $m) { title } }",
    "query($m: Int, $m: Int) { books(max: $m) { title } }",
    'query($m: Int = "x") { books(max: $m) { title } }',
    "query($m: [[[[[[[Int]]]]]]]) { books(max: $m) { title } }",
    "query($unused: Int) { books { title } }",
    "{ books { title @nope } }",
    "{ books { title @include } }",
    "{ books { title @include(if: null) } }",
    '{ books { title @include(if: "yes") } }',
    "{ books { title @skip(if: true) @skip(if: true) } }",
    "{ books { a: title a: pages } }",
    "{ books { ...F } }",
    "fragment F on Books { title }",
    "{ books { ...F } } fragment F on Nope { title }",
    "{ books { ...F } } fragment F on Authors { name }",
    "{ books { ...F } } fragment F on Books { ...F }",
    "{ books { ...F } } fragment F on Books { title ...G } fragment G on Books { ...F }",
    "{ books { ...F } } fragment F on BooksWhere { title }",
    "{ books { ...F } } fragment F on Books { title } fragment F on Books { pages }",
    "query A { __typename } query A { __typename }",
    "{ __typename } query A { __typename }",
    "type T { x: Int }",
    "{ books { title } } type T { x: Int }",
    "extend type Query { x: Int }",
    "{ booksById(id: null) { title } }",
    "{ booksById { title } }",
    "{ booksById(id: 1.5) { title } }",
    "{ booksById(id: {a: 1}) { title } }",
    "{ books(max: 99999999999999999999) { title } }",
    "{ books(max: 1e3) { title } }",
    "{ books(skip: -1) { title } }",
    '{ books(where: "x") { title } }',
    "{ books(where: [{}, {}]) { title } }",
    "{ books(where: {rating: {eq: 1e999}}) { title } }",
    "{ books(where: {pages: {eq: 9223372036854775808}}) { title } }",
    "{ books(where: {pages: {eq: " + "9" * 5000 + "}}) { title } }",
    "{ books(q: {pages: " + "9" * 5000 + "}) { title } }",
    "{ books(q: {pages: 9223372036854775808}) { title } }",
    "{ books(q: {rating: 1e999}) { title } }",
    "{ books(max: " + "9" * 5000 + ") { title } }",
    '{ books(where: {title: {eq: "\\uD800"}}) { title } }',
    '{ books(where: {title: {eq: "\\u{110000}"}}) { title } }',
    '{ books(where: {title: {regex: "\\u0000"}}) { title } }',
    '{ books(where: {title: {regex: "' + "(a+)" * 200 + '"}}) { title } }',
    '{ books(where: {title: {regex: "[" }}) { title } }',
    '{ books(where: {title: {eq: "' + "\x07" + '"}}) { title } x }',
    '{ books(where: {title: {eq: "unclosed}}) { title } }',
    "{ booksConnection(first: 1, last: 1) { totalCount } }",
    '{ booksConnection(after: "x") { edges { cursor } } }',
    "{ __type(name: 1) { name } }",
    "{ __schema }",
    "{ __typename(a: 1) }",
    "mutation { createBooks { title } }",
    "mutation { createBooks(data: null) { title } }",
    "mutation { createBooks(data: [{}]) { title } }",
    "mutation { createBooks(data: {nope: 1}) { title } }",
    'mutation { createBooks(data: {title: "x", pages: 9223372036854775808}) { title } }',
    'mutation { createBooks(data: {title: "x", pages: ' + "9" * 5000 + "}) { title } }",
    'mutation { createBooks(data: {title: "x", rating: 1e999}) { title } }',
    'mutation { createBooks(data: {title: "\\u0000"}) { title } }',
    'mutation { createBooks(data: {title: "x", _extra: {a: "\\u0000"}}) { title } }',
    'mutation { createBooks(data: {title: "x", _extra: {a: 1e999}}) { title } }',
    'mutation { createBooks(data: {title: "x", _extra: {a: 9223372036854775808}}) { title } }',
    "mutation { createManyBooks(data: null) { title } }",
    "mutation { createManyBooks(data: [null]) { title } }",
    'mutation { createManyBooks(data: [{title: "x"}, null]) { title } }',
    "mutation { updateBooks(id: null, data: {}) { title } }",
    'mutation { updateBooks(id: "x") { title } }',
    "mutation { updateManyBooks(data: {pages: 1}) { matched } }",
    "mutation { updateManyBooks(where: {}) { matched } }",
    'mutation { updateManyBooks(where: {}, set: {_extra: {_id: "x"}}) { matched } }',
    'mutation { updateManyBooks(where: {}, unset: ["$x", "title"]) { matched } }',
    'mutation { updateManyBooks(where: {}, rename: [{from: "title", to: "$t"}]) { matched } }',
    'mutation { updateManyBooks(where: {}, inc: {_extra: {"a": 1}}) { matched } }',
    "mutation { updateManyBooks(where: {title: {}}, inc: {pages: 1}) { matched } }",
    "mutation($w: BooksWhere) { updateManyBooks(where: $w, inc: {pages: 1}) { matched } }",
    "{ booksAggregate }",
    "{ booksAggregate { sum } }",
    "{ booksAggregate(groupBy: [$x]) { count } }",
    '{ booksAggregate(groupBy: ["title"]) { count } }',
    "{ booksAggregate(having: {nope: {eq: 1}}) { count } }",
    "{ booksAggregate(having: {count: {regex: 1}}) { count } }",
    '{ booksAggregate(having: {min: {title: {regex: "(a+)+$"}}}) { count } }',
    '{ booksAggregate(timeZone: "\u0000") { count } }',
    '{ booksAggregate(groupBy: sold_DAY, timeZone: "$title") { count } }',
    '{ booksAggregate(groupBy: sold_DAY, timeZone: "../../../etc/passwd") { count } }',
    "mutation { deleteManyBooks { matched } }",
    "mutation { deleteManyBooks(ids: [null]) { matched } }",
    "mutation { deleteManyBooks(where: {nope: {eq: 1}}) { matched } }",
    "mutation { deleteManyBooks(where: {title: null}) { matched } }",
    "mutation($w: BooksWhere) { deleteManyBooks(where: $w) { matched } }",
    "mutation($t: StringComparison) { deleteManyBooks(where: {not: {title: {}}}) { matched } a: "
    "deleteManyBooks(where: {title: $t, nope: 1}) { matched } }",
]


async def test_texts(hostile: Voice) -> None:
    for text in TEXTS:
        assert refused(await hostile.post(text)), text[:200]


async def test_by_get(hostile: Voice) -> None:
    """The characters that JSON cannot bring come this way; in a comparison they find nothing."""
    for raw in (
        '{ books(where: {title: {regex: "\0"}}) { title } }',
        "\0{ books { title } }",
        "{ books { title\ufeff\0 } }",
    ):
        assert refused(await hostile.client.get("/graphql?query=" + quote(raw))), raw
    for raw in ("%ED%A0%80", "%FF", "%7Bbooks%7Btitle%7D%7D&variables=%7B%22a%22:NaN%7D"):
        assert refused(await hostile.client.get("/graphql?query=" + raw)), raw
    null = quote('{ books(where: {title: {eq: "\0"}}) { title } }')
    answer = await hostile.client.get("/graphql?query=" + null)
    assert answer.json() == {"data": {"books": []}}


async def test_deep_and_long(hostile: Voice) -> None:
    deep = 2_400
    for text in (
        "{ books " + "{ author " * deep + "}" * deep + "}",
        "{ books(q: " + "[" * deep + "]" * deep + ") { title } }",
        "{ books(q: " + "{a: " * 1_600 + "1" + "}" * 1_600 + ") { title } }",
        "{ books(where: " + "{not: " * 1_600 + "{}" + "}" * 1_600 + ") { title } }",
        "{ books(where: " + "{not: " * 30 + "{}" + "}" * 30 + ") { title } }",
        "query($m: " + "[" * deep + "Int" + "]" * deep + ") { books { title } }",
        "{ books { " + "... { " * 1_600 + "title" + "}" * 1_600 + "} }",
        'mutation { createBooks(data: {title: "x", _extra: {a: '
        + "[" * 60
        + "]" * 60
        + "}}) { title } }",
        'mutation { createBooks(data: {title: "x", about: '
        + "[" * deep
        + "]" * deep
        + "}) { title } }",
        "{ " + "x" * 1_000_000 + " }",
        "{ books { " + "x" * 1_000_000 + " } }",
        "{ books(where: {title: {eq: 1" + "1" * 1_000_000 + "}}) { title } }",
        "query " + "x" * 1_000_000 + " { x }",
        "#" + "x" * 10_000_000 + "\n{ nope }",
        '{ nope(a: """' + "x\n" * 1_000_000 + '""") }',
        "{ books { " + "title " * 4_000 + "} }",
        "{ books { title " + "author { name } " * 900 + "} }",
        "{" * 4_000,
        "query(" + "$a: Int " * 1_000 + ") { books { title } }",
        "{ books { ..." + "F" * 100_000 + " } }",
        " ".join(f"fragment F{n} on Books {{ ...F{n + 1} }}" for n in range(700))
        + " fragment F700 on Books { title } { books { ...F0 } }",
    ):
        assert refused(await hostile.post(text)), text[:80]


async def test_fragments_that_multiply(hostile: Voice) -> None:
    """Each is written once and spread twice by the one before: 600 bytes, half a million fields."""
    bomb = "{ authors { ...F0 } } fragment F18 on Authors { name } " + " ".join(
        f"fragment F{n} on Authors {{ a: mentor {{ ...F{n + 1} }} b: mentor {{ ...F{n + 1} }} }}"
        for n in range(18)
    )
    assert "selects more than 2,000 fields" in refused(await hostile.post(bomb))
    repeated = "{ books { " + " ".join(f"p{n}: print {{ ...F }}" for n in range(20)) + " } } "
    cities = " ".join(f"a{n}: city" for n in range(100))
    repeated += f"fragment F on Books_print {{ {cities} }}"
    assert "selects more than 2,000 fields" in refused(await hostile.post(repeated))
    wide = "{ authors { " + " ".join(f"a{n}: name" for n in range(200)) + " } }"
    assert "errors" not in (await hostile.answer(wide))


async def test_introspection_that_multiplies(hostile: Voice) -> None:
    """A few lines could ask for the whole schema a thousand times."""
    for text in (
        "{ __schema { " + " ".join(f"a{n}: types {{ name }}" for n in range(101)) + " } }",
        "{ " + " ".join(f"a{n}: __schema {{ types {{ name }} }}" for n in range(101)) + " }",
        "{ __schema { " + " ".join(f"a{n}: types {{ ...F }}" for n in range(10)) + " } } "
        "fragment F on __Type { ...G a: fields { ...H } b: fields { ...H } } "
        "fragment G on __Type { interfaces { name } c: fields { name } } "
        "fragment H on __Field { d: args { name } e: args { name } f: args { name } }",
    ):
        assert "100 lists" in refused(await hostile.post(text))
    deep = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
    assert "Maximum introspection depth" in refused(await hostile.post(deep))
    many = "{ __schema { " + " ".join(f"a{n}: types {{ name }}" for n in range(100)) + " } }"
    assert "errors" not in await hostile.answer(many)


Q: list[Any] = [
    *("x", 7, True, [], [{}], ["title"]),
    *({"$where": "sleep(1000)"}, {"$expr": {"$gt": ["$pages", 1]}}, {"$jsonSchema": {}}),
    *({"$comment": "x"}, {"$text": {"$search": "x"}}, {"$function": {}}, {"$sampleRate": 1}),
    *({"title": {"$where": "1"}}, {"title": {"$function": {"body": "1"}}}, {"$or": {}}),
    *({"title": {"$elemMatch": {"$where": "1"}}}, {"$nor": [{"$where": "1"}]}, {"$or": [1]}),
    *({"title": {"$not": {"$expr": 1}}}, {"title": {"$type": 2}}, {"title": {"$mod": [1, 2]}}),
    *({"title": {"$geoWithin": {}}}, {"title": {"$near": {}}}, {"title": {"$bitsAllSet": 1}}),
    *(
        {"title": {"$regex": {}}},
        {"title": {"$regex": "a", "$options": "e"}},
        {"title": {"$in": 1}},
    ),
    *({"title": {"$gt": 1, "x": 2}}, {"$title": 1}, {"a..b": 1}, {".a": 1}, {"a.": 1}, {"": 1}),
    *({"title.$": 1}, {"title.$[]": 1}, {"a": {"b": {"$gt": 1, "$where": 1}}}, {"$date": "x"}),
    *({"published": {"$gt": {"$date": "x"}}}, {"published": {"$gt": {"$date": {}}}}),
    *({"title": {"$size": "x"}}, {"title": {"$exists": "x"}}, {"title": {"$bt": [1]}}),
    *({"title": {"$in": ["x"] * 10_001}}, {"$or": [{"title": "x"}] * 600}, {"$and": "x"}),
    *({"x" * 10_000 + ".$where": 1}, {".".join("a" * 300): 1}, {"title": {"$regex": "a" * 501}}),
]


async def test_queries_that_are_not_allowed(hostile: Voice) -> None:
    for q in Q:
        assert await refuses(hostile, LIST, q=q), q
    for where in ("x", 7, [], {"$where": 1}, {"title": 7}, {"title": {"$eq": 1}}, {"or": [None]}):
        assert await refuses(hostile, LIST, where=where), where
        assert await refuses(hostile, DELETE, where=where), where
    assert await refuses(hostile, LIST, where={"title": {"in": ["x"] * 10_001}})
    assert await refuses(hostile, LIST, where={"or": [{"title": {"eq": "x"}}] * 600})
    assert await refuses(hostile, DELETE, ids=[{}])
    assert await refuses(hostile, DELETE, ids=[1.5])


DATA: list[Any] = [
    *(None, "x", 7, [], [{}], {"title": None}, {"title": "x", "nope": 1}, {"$set": {"title": "x"}}),
    *({"title": {"$gt": ""}}, {"title": "x", "about": {"$set": 1}}, {"title": "x", "print": [1]}),
    *({"title": "x", "pages": 1e19}, {"title": "x", "pages": "9223372036854775808"}),
    *(
        {"title": "x", "price": 1e300},
        {"title": "x", "price": "NaN"},
        {"title": "x", "rating": "x"},
    ),
    *({"title": "x", "published": "99999-01-01"}, {"title": "x", "published": -1e300}),
    *({"title": "x", "published": "0000-01-01"}, {"title": "x", "sold": "2020-13-45T00:00:00Z"}),
    *(
        {"title": "x", "read_at": "25:61"},
        {"title": "x", "author": "zz"},
        {"title": "x", "author": 1},
    ),
    *({"title": "x", "author": {"$gt": ""}}, {"title": "x", "editors": [[[]]]}),
    *({"title": "x", "place": {"type": "Blob"}}, {"title": "x", "inPrint": "maybe"}),
    *({"title": "x", "_extra": each} for each in ("x", 1, [], [{}])),
    *(
        {"title": "x", "_extra": each}
        for each in (
            {"$set": 1},
            {"a": {"$where": "1"}},
            {"a": {"b.c": 1}},
            {"a": {"": 1}},
            {"": 1},
            {"a": [[[{"$x": 1}]]]},
            {"x" * 20_000: {"$": 1}},
        )
    ),
    *({"title": "x", "print": {"_extra": each}} for each in ({"$x": 1}, {"a.b": 1}, {"": 1}, 7)),
]


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


async def test_data(hostile: Voice) -> None:
    (book,) = await hostile.data("{ books { _id } }")
    for data in [*DATA, {"title": "x", "_extra": {"a": nested(60)}}, {"about": nested(900)}]:
        assert await refuses(hostile, CREATE, data=data), data
        assert await refuses(hostile, UPDATE, id=book["_id"], data=data), data
    for extra in ({"a.$": 1}, {"a..b": 1}, {".": 1}, {"$a.b": 1}, {"print.$x": 1}, {"isbn.x": 1}):
        assert await refuses(hostile, UPDATE, id=book["_id"], data={"_extra": extra}), extra
    assert await refuses(hostile, UPDATE, id=book["_id"], data={"_extra": {"_id": "0" * 24}})


async def test_system_fields_and_odd_names_do_no_harm(voice: Voice) -> None:
    """System fields are dropped as in REST; names that mean something elsewhere are only names."""
    odd: Json = {"__proto__": {"x": 1}, "constructor": 1, "toString": "x", "hasOwnProperty": None}
    forged: Json = {"_id": "0" * 24, "_version": 99, "_created": 0, "_createdby": "root", "_x": 1}
    await voice.data(CREATE, data={"title": "x", "_extra": {**odd, **forged}})
    (book,) = await voice.data("{ books { _id _version _createdby _extra } }")
    kept = {name: each for name, each in odd.items() if name != "__proto__"}
    assert book["_extra"] == kept
    assert (book["_version"], book["_createdby"]) == (1, "api")
    assert book["_id"] != "0" * 24
    aliased = await voice.data("{ books { __proto__: title constructor: title _id2: _id } }")
    assert aliased == [{"__proto__": "x", "constructor": "x", "_id2": book["_id"]}]
    await voice.data(UPDATE, id=book["_id"], data={"_extra": {"_version": 7, "_mock": True}})
    assert await voice.data("{ books { _version _mock } }") == [{"_version": 2, "_mock": None}]


async def test_an_escaped_backslash_is_no_null_byte(voice: Voice) -> None:
    text = "C:\\u0000 is a folder"
    assert '"C:\\\\u0000' in json.dumps(text)
    await voice.data(CREATE, data={"title": text})
    assert await voice.data(LIST, where={"title": {"eq": text}}) == [{"title": text}]
