"""Typed filters: every operator on every kind of field, nested and in lists."""

from __future__ import annotations

from typing import Any

import pytest

from tests.files import insert_files
from tests.voice_graphql.conftest import Json, Voice

COVER = "5" * 24
ALPHA: Json = {
    "title": "Alpha",
    "isbn": "1",
    "pages": 100,
    "rating": 4.5,
    "price": 10.5,
    "inPrint": True,
    "published": "2001-01-01",
    "sold": "2020-05-06T07:08:09.123Z",
    "read-at": "20:36",
    "genre": "poetry",
    "tags": ["x", "y"],
    "scores": [1, 5],
    "print": {"city": "Oslo", "year": 1999, "size": {"height": 20.5}},
    "parts": [
        {"kind": "intro", "length": 3, "marks": [1, 2]},
        {"kind": "main", "length": 90, "marks": []},
    ],
    "about": {"a": 1},
    "place": {"type": "Point", "coordinates": [10, 60]},
    "cover": [COVER],
}
BETA: Json = {
    "title": "beta",
    "pages": 200,
    "rating": 3,
    "price": 7,
    "inPrint": False,
    "published": "2010-12-31",
    "sold": "2020-05-06T07:08:10Z",
    "read-at": "08:00:00",
    "genre": "prose",
    "tags": ["y", "z", "z"],
    "scores": [],
    "print": {"city": "Rome", "size": None},
    "parts": [{"kind": "main", "length": 10}],
}
GAMMA: Json = {"title": "Gamma", "pages": None, "price": None, "tags": None, "print": None}


@pytest.fixture
async def books(voice: Voice) -> Voice:
    """Alpha and beta, which have a value everywhere, and Gamma, which has none."""
    await insert_files(voice.database, COVER)
    await voice.insert("books", ALPHA, BETA, GAMMA)
    return voice


async def titles(voice: Voice, where: str, /, **variables: Any) -> str:
    """The first letters of what is found, in order of insertion."""
    declared = f"({variables.pop('declared')})" if variables else ""
    found = await voice.data(
        f"query{declared} {{ books(where: {where}) {{ title }} }}", **variables.get("given", {})
    )
    return "".join(each["title"][0] for each in found)


ONE_VALUE = [
    ("{}", "AbG"),
    # text
    ('{title: {eq: "Alpha"}}', "A"),
    ('{title: {eq: "alpha"}}', ""),
    ('{title: {ne: "Alpha"}}', "bG"),
    ('{title: {in: ["beta", "Gamma", "none"]}}', "bG"),
    ("{title: {in: []}}", ""),
    ("{title: {nin: []}}", "AbG"),
    ('{title: {nin: ["beta"]}}', "AG"),
    ('{title: {gt: "Gamma"}}', "b"),
    ('{title: {gte: "Gamma"}}', "bG"),
    ('{title: {lt: "Gamma"}}', "A"),
    ('{title: {lte: "Gamma"}}', "AG"),
    ('{title: {bt: ["B", "b~"]}}', "bG"),
    ('{title: {regex: "a$"}}', "AbG"),
    ('{title: {regex: "^[a-z]"}}', "b"),
    ('{title: {regex: "/^g/i"}}', "G"),
    ("{code: {eq: null}}", "AbG"),
    ('{isbn: {exists: true}, title: {regex: "p"}}', "A"),
    ("{isbn: {exists: false}}", "bG"),
    # integers
    ("{pages: {eq: 100}}", "A"),
    ('{pages: {eq: "100"}}', "A"),
    ("{pages: {eq: null}}", "G"),
    ("{pages: {ne: null}}", "Ab"),
    ("{pages: {ne: 100}}", "bG"),
    ("{pages: {in: [200, null]}}", "bG"),
    ("{pages: {nin: [200, null]}}", "A"),
    ("{pages: {gt: 100}}", "b"),
    ("{pages: {gte: 100, lt: 200}}", "A"),
    ("{pages: {bt: [100, 199]}}", "A"),
    ("{pages: {exists: true}}", "AbG"),
    # what no integer can be is equal to none
    ('{pages: {eq: "many"}}', ""),
    ("{pages: {eq: 1.5}}", ""),
    ("{pages: {eq: {a: 1}}}", ""),
    ("{pages: {gt: null}}", ""),
    # decimals
    ("{rating: {gt: 3}}", "A"),
    ("{rating: {lte: 3.0}}", "b"),
    ("{rating: {exists: false}}", "G"),
    ("{price: {eq: 10.50}}", "A"),
    ("{price: {bt: [7, 10.5]}}", "Ab"),
    ("{price: {lt: 10.5}}", "b"),
    ("{gross: {eq: 21}}", "A"),
    # booleans
    ("{inPrint: {eq: true}}", "A"),
    ("{inPrint: {ne: true}}", "bG"),
    ("{inPrint: {in: [false]}}", "b"),
    ("{inPrint: {exists: false}}", "G"),
    # dates and times
    ('{published: {eq: "2001-01-01"}}', "A"),
    ('{published: {eq: "2001-01-01T00:00:00.000Z"}}', "A"),
    ('{published: {gt: "2001-01-01"}}', "b"),
    ('{published: {bt: ["2001-01-01", "2010-12-31"]}}', "Ab"),
    ('{published: {lt: "$now"}}', "Ab"),
    ('{sold: {gt: "2020-05-06T07:08:09.123Z"}}', "b"),
    ('{sold: {gte: "2020-05-06T09:08:09.123+02:00"}}', "Ab"),
    ('{read_at: {eq: "20:36"}}', "A"),
    ('{read_at: {lt: "12:00"}}', "b"),
    ('{_created: {lte: "$now"}, _version: {eq: 1}}', "AbG"),
    # options
    ('{genre: {eq: "prose"}}', "b"),
    ('{genre: {in: ["prose", "poetry"]}}', "Ab"),
    ('{genre: {eq: "never an option"}}', ""),
    # JSON, places and media
    ("{about: {exists: true}}", "A"),
    ("{place: {exists: false}}", "bG"),
    (f'{{cover: {{eq: "{COVER}"}}}}', "A"),
    (f'{{cover: {{all: ["{COVER}"], size: 1}}}}', "A"),
    ("{cover: {exists: false}}", "bG"),
]


LISTS = [
    ('{tags: {eq: "y"}}', "Ab"),
    ('{tags: {ne: "x"}}', "bG"),
    ('{tags: {in: ["x", "z"]}}', "Ab"),
    ('{tags: {nin: ["x", "z"]}}', "G"),
    ('{tags: {gt: "y"}}', "b"),
    ('{tags: {regex: "^z"}}', "b"),
    ('{tags: {all: ["y", "z"]}}', "b"),
    ("{tags: {all: []}}", ""),
    ("{tags: {size: 2}}", "A"),
    ("{tags: {size: {gte: 2}}}", "Ab"),
    ("{tags: {size: {gt: 2, lt: 9}}}", "b"),
    ("{tags: {size: 0}}", ""),
    ("{scores: {size: 0}}", "b"),
    ("{scores: {size: {eq: 2}}}", "A"),
    ("{scores: {size: {in: [1, 2]}}}", "A"),
    ("{scores: {gt: 1, lt: 5}}", "A"),
    ("{scores: {elemMatch: {gt: 1, lt: 5}}}", ""),
    ("{scores: {elemMatch: {gte: 5}}}", "A"),
    ('{scores: {elemMatch: {in: ["5", 7]}}}', "A"),
    ('{tags: {elemMatch: {regex: "x"}}}', "A"),
    ("{tags: {exists: true}}", "AbG"),
    ("{scores: {exists: false}}", "G"),
    ("{tags: {eq: null}}", "G"),
    ('{parts: {elemMatch: {kind: {eq: "main"}}}}', "Ab"),
    ('{parts: {elemMatch: {kind: {eq: "main"}, length: {gt: 50}}}}', "A"),
    ('{parts: {elemMatch: {kind: {eq: "intro"}, length: {gt: 50}}}}', ""),
    ("{parts: {elemMatch: {marks: {size: 2}}}}", "A"),
    ("{parts: {elemMatch: {marks: {elemMatch: {gt: 1}}}}}", "A"),
    ('{parts: {elemMatch: {or: [{kind: {eq: "intro"}}, {length: {eq: 10}}]}}}', "Ab"),
    ('{parts: {elemMatch: {not: {kind: {eq: "main"}}}}}', "A"),
    ("{parts: {elemMatch: {}}}", "Ab"),
    ("{parts: {size: 1}}", "b"),
    ("{parts: {size: {gte: 1}}}", "Ab"),
    ("{parts: {exists: false}}", "G"),
]


OBJECTS = [
    ('{print: {city: {eq: "Oslo"}}}', "A"),
    ('{print: {city: {ne: "Oslo"}}}', "bG"),
    ("{print: {year: {exists: true}}}", "A"),
    ("{print: {size: {height: {gt: 20}}}}", "A"),
    ("{print: {size: {height: {eq: null}}}}", "bG"),
    ('{print: {or: [{city: {eq: "Rome"}}, {year: {eq: 1999}}]}}', "Ab"),
    ('{print: {not: {city: {eq: "Rome"}}}}', "AG"),
    ('{print: {and: [{city: {eq: "Oslo"}}, {size: {not: {height: {gt: 30}}}}]}}', "A"),
    ('{print: {city: {in: ["Oslo", "Rome"]}, year: {lt: 2000}}}', "A"),
]


CONNECTIVES = [
    ('{and: [{title: {eq: "beta"}}, {pages: {eq: 200}}]}', "b"),
    ('{and: {title: {eq: "beta"}}}', "b"),
    ('{or: [{title: {eq: "beta"}}, {pages: {eq: 100}}]}', "Ab"),
    ('{or: {title: {eq: "beta"}}}', "b"),
    ('{not: {title: {eq: "beta"}}}', "AG"),
    ("{not: {}}", ""),
    ("{and: [{}, {}]}", "AbG"),
    ("{and: []}", "AbG"),
    ("{or: []}", ""),
    ('{or: [{title: {eq: "beta"}}, {}]}', "AbG"),
    ('{title: {regex: "a"}, not: {or: [{pages: {eq: 100}}, {pages: {eq: null}}]}}', "b"),
    ("{not: {not: {not: {pages: {eq: 100}}}}}", "bG"),
    ('{or: [{tags: {eq: "x"}}, {and: [{pages: {gt: 1}}, {inPrint: {eq: false}}]}]}', "Ab"),
    ("{and: [{pages: {gt: 100}}, {pages: {lt: 300}}], pages: {ne: 0}}", "b"),
]


@pytest.mark.parametrize("cases", [ONE_VALUE, LISTS, OBJECTS, CONNECTIVES])
async def test_what_is_found(books: Voice, cases: list[tuple[str, str]]) -> None:
    assert {where: await titles(books, where) for where, _ in cases} == dict(cases)


async def test_values_and_parts_may_be_variables(books: Voice) -> None:
    async def found(declared: str, where: str, **given: Any) -> str:
        return await titles(books, where, declared=declared, given=given)

    assert await found("$n: Long", "{pages: {gt: $n}}", n=100) == "b"
    assert await found("$n: Long", "{pages: {gt: $n}}", n="100") == "b"
    assert await found("$n: Long = 100", "{pages: {gt: $n}}") == "b"
    assert await found("$w: BooksWhere", "$w", w={"pages": {"eq": 100}}) == "A"
    assert await found("$w: BooksWhere", "$w", w=None) == "AbG"
    assert await found("$w: BooksWhere", "$w") == "AbG"
    assert await found("$w: [BooksWhere!]", "{or: $w}", w=[{"pages": {"eq": 100}}, {}]) == "AbG"
    assert await found("$t: [String]", "{title: {in: $t}}", t=["beta"]) == "b"
    assert await found("$t: String", '{title: {in: [$t, "beta"]}}', t="Gamma") == "bG"
    assert await found("$n: Long", "{pages: {eq: $n}}", n=None) == "G"
    assert await found("$c: LongComparison", "{pages: $c}", c={"in": [100]}) == "A"
    # A variable that is not given leaves its operator out; the others stand.
    assert await found("$n: Long, $m: Long", "{pages: {gte: $n, lte: $m}}", m=100) == "A"


REFUSED = [
    ("{pages: {}}", "The comparison of 'pages' is empty."),
    ("{pages: null}", "'pages' is compared with nothing."),
    ("{or: null}", "'or' is compared with nothing."),
    ("{print: null}", "'print' is compared with nothing."),
    ("{author: null}", "'author' is compared with nothing."),
    ('{price: {eq: "10.5"}}', "Float cannot represent"),
    ('{tags: {eq: ["x"]}}', "String cannot represent"),
    ("{inPrint: {eq: 1}}", "Boolean cannot represent"),
    ("{about: {eq: 1}}", "not to include unknown field 'eq'"),
    ("{nope: {eq: 1}}", "not to include unknown field 'nope'"),
    ("{print: {}}", "The comparison of 'print' is empty."),
    ("{tags: {elemMatch: {}}}", "elemMatch"),
    ("{tags: {elemMatch: null}}", "elemMatch"),
    ("{tags: {size: -1}}", "size"),
    ('{tags: {size: "many"}}', "size"),
    ('{tags: {size: {regex: "x"}}}', "operator 'regex'"),
    ("{tags: {size: null}}", "size"),
    ("{tags: {size: 1.5}}", "size"),
    ('{title: {regex: "("}}', "a '(' is not closed"),
    ("{title: {regex: null}}", "regex"),
    ("{pages: {bt: [1]}}", "bt"),
    ("{pages: {bt: [1, 2, 3]}}", "bt"),
    ("{pages: {bt: null}}", "bt"),
    ("{pages: {in: null}}", "in"),
    ("{pages: {exists: null}}", "exists"),
    ("{_id: {eq: {a: 1}}}", "ID cannot represent"),
]


async def test_a_filter_that_means_nothing_is_refused(books: Voice) -> None:
    """Never everything, never a failure inside: one sentence that names what is wrong."""
    for where, said in REFUSED:
        message = await books.message(f"{{ books(where: {where}) {{ title }} }}")
        assert said in message, where
        assert "$" not in message, where
