"""Whatever is sent, the answer is data or the client's own mistake, never a failure inside."""

from __future__ import annotations

import json
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.voice_graphql.conftest import AUTHORS, BOOKS, REVIEWS
from tests.voice_graphql.running import hand_driven

TOKENS = (
    '{ } ( ) [ ] : ! $ @ = | & ... , # " """ query mutation fragment on books authors title '
    "print city where orderBy max skip first after q eq in and or not null true false 1 -1 1.5 "
    '"x" "\\u0000" $a @skip @include if Books F __typename _extra _id booksById id '
    "booksConnection edges node pageInfo totalCount reviews author __schema types name"
).split()
KEYS = (
    "title pages tags parts print city size height author reviews name stars _id _extra kind "
    "eq ne in nin gt gte lt lte bt regex exists all size elemMatch and or not ASC length cover "
    "$in $or $and $nor $not $gt $regex $options $elemMatch $size $all $bt $exists $date $where "
    "$oid $numberLong $ref $ a.b author.name reviews.text tags.0 place about read_at published"
).split()
TEXTS = ["", "x", "$now", "$where", "(", "/x/i", "ASC", "DESC", "2020-01-01", "0" * 24, "9" * 30]
LIST = """query($where: BooksWhere, $q: JSON, $order: [BooksOrderBy!], $max: Int, $skip: Int) {
  books(where: $where, q: $q, orderBy: $order, max: $max, skip: $skip) { _id title _extra }
}"""
PAGE = """query($where: BooksWhere, $order: [BooksOrderBy!], $first: Int, $after: String) {
  booksConnection(where: $where, orderBy: $order, first: $first, after: $after) {
    edges { cursor node { title author { name } } }
  }
}"""
WRITE = """mutation($data: BooksInput!, $many: [BooksInput!]!, $id: ID!, $v: Long) {
  createBooks(data: $data) { _id print { city } _extra }
  createManyBooks(data: $many, validate: false) { _id tags parts { kind } _extra }
  updateBooks(id: $id, data: $data, ifVersion: $v) { _id title }
}"""
ROUND = settings(
    max_examples=250,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)

_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(TEXTS),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
)
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=3)), inner, max_size=3),
    ),
    max_leaves=8,
)
_objects = st.dictionaries(st.sampled_from(KEYS), _values, max_size=3)
_texts = st.one_of(st.none(), st.sampled_from(TEXTS))
_numbers = st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1), st.floats(-1e300, 1e300))


def _compared(value: st.SearchStrategy[Any], *more: str) -> st.SearchStrategy[Any]:
    """A comparison that the type of the field has, with values that need not fit."""
    several = st.lists(value, max_size=3)
    operators = dict.fromkeys(("eq", "ne", "gt", "gte", "lt", "lte"), value)
    operators |= {"in": several, "nin": several, "bt": st.lists(value, min_size=2, max_size=2)}
    operators |= {"exists": st.booleans(), "regex": _texts, "all": several, "size": _values}
    kept = {name: each for name, each in operators.items() if name not in ("regex", "all", "size")}
    kept |= {name: operators[name] for name in more}
    return st.dictionaries(st.sampled_from(sorted(kept)), st.none(), max_size=2).flatmap(
        lambda chosen: st.fixed_dictionaries({name: kept[name] for name in chosen})
    )


_fields = {
    "title": _compared(_texts, "regex"),
    "pages": _compared(_values),
    "price": _compared(_numbers),
    "published": _compared(_values),
    "sold": _compared(_values),
    "tags": _compared(_texts, "regex", "all", "size"),
    "scores": _compared(_values, "all", "size"),
    "cover": _compared(_texts, "all", "size"),
    "_id": _compared(_texts),
    "print": st.fixed_dictionaries({"year": _compared(_values)}),
    "parts": st.fixed_dictionaries(
        {"elemMatch": st.fixed_dictionaries({"marks": _compared(_values, "size")})}
    ),
    "author": st.fixed_dictionaries({}, optional={"name": _compared(_texts, "regex")}),
    "reviews": st.fixed_dictionaries({}, optional={"stars": _compared(_values)}),
}
_where = st.recursive(
    st.fixed_dictionaries({}, optional=_fields),
    lambda inner: st.fixed_dictionaries(
        {}, optional={"and": st.lists(inner, max_size=2), "or": inner, "not": inner}
    ),
    max_leaves=3,
)
_data = st.dictionaries(
    st.sampled_from([each["name"] for each in BOOKS["fields"] if each["name"].isalpha()]).filter(
        lambda name: name not in ("gross", "reviews")
    ),
    _values,
    max_size=4,
)
_order = st.lists(
    st.dictionaries(
        st.sampled_from(["title", "pages", "_id", "sold"]),
        st.sampled_from(["ASC", "DESC"]),
        min_size=1,
        max_size=1,
    ),
    max_size=3,
)
_q = st.dictionaries(
    st.sampled_from(["title", "pages", "tags", "print.city", "author", "x", "parts.marks"]),
    st.one_of(_values, _compared(_values).map(lambda c: {f"${k}": v for k, v in c.items()})),
    max_size=2,
)
_variables = st.fixed_dictionaries(
    {},
    optional={
        "where": st.one_of(_where, _where, _objects, _values),
        "q": st.one_of(_q, _q, _objects, _values),
        "order": st.one_of(_order, _order, _order, _values),
        "max": st.integers(-1, 3),
        "skip": st.integers(-1, 3),
        "first": st.one_of(st.integers(-1, 3), _scalars),
        "after": _scalars,
        "data": st.one_of(_data, _data, _objects, _values),
        "many": st.one_of(st.lists(_data, max_size=2), _values),
        "id": _texts,
        "v": _scalars,
    },
)


def check(answer: httpx.Response) -> None:
    """Data, or errors of 4xx; the request as a whole may be refused as well."""
    assert answer.status_code in (200, 400), answer.text
    for error in answer.json().get("errors", ()):
        extensions = error["extensions"]
        assert extensions["code"] != "INTERNAL", error
        assert 400 <= extensions["status"] < 500, error
        assert error["message"].strip()


def test_texts_and_variables(mongod: EmbeddedMongod) -> None:
    with hand_driven(mongod) as (server, runner):
        client, run = server.voice.client, runner.run
        run(server.voice.define(AUTHORS, REVIEWS, BOOKS))
        (ann,) = run(server.voice.insert("authors", {"name": "Ann"}))
        run(server.voice.insert("books", {"title": "x", "tags": ["a"], "author": ann, "pages": 1}))

        def send(query: str, variables: Any) -> None:
            body = json.dumps({"query": query, "variables": variables})
            headers = {"content-type": "application/json"}
            check(run(client.post("/graphql", content=body, headers=headers)))

        @ROUND
        @given(st.lists(st.one_of(st.sampled_from(TOKENS), st.text(max_size=2)), max_size=25))
        def tokens(drawn: list[str]) -> None:
            send(" ".join(drawn), {})

        @ROUND
        @given(st.sampled_from([LIST, PAGE, WRITE]), st.data())
        def damaged(text: str, data: st.DataObject) -> None:
            words = text.split()
            for _ in range(data.draw(st.integers(1, 3))):
                place = data.draw(st.integers(0, len(words) - 1))
                words[place] = data.draw(st.sampled_from(TOKENS))
            send(" ".join(words), {"max": 1, "data": {"title": "x"}, "many": [], "id": "x"})

        @ROUND
        @given(st.sampled_from([LIST, PAGE, WRITE]), _variables)
        def variables(text: str, drawn: dict[str, Any]) -> None:
            send(text, {"data": {}, "many": [], "id": "x", **drawn})

        @ROUND
        @given(_values)
        def bodies(drawn: Any) -> None:
            headers = {"content-type": "application/json"}
            check(run(client.post("/graphql", content=json.dumps(drawn), headers=headers)))

        tokens()
        damaged()
        variables()
        bodies()
