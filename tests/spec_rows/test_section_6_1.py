"""The table of query parameters, row by row (SPEC 6.1), and what says the same in GraphQL.

Rows that belong elsewhere: ``s``, ``download`` and ``key`` to the media archive, ``plainjs`` to the
JavaScript client, ``jwt``, ``rt-apikey``, ``lastEventId`` and ``r`` to realtime.
"""

from __future__ import annotations

import json

import httpx

from tests.files import described
from tests.spec_rows.rows import (
    ACME,
    ANN,
    BOB,
    CID,
    DAN,
    DAN_WITH_ALL,
    NORWAY,
    NOTES,
    NUMBERS,
    PEOPLE,
    PHOTO,
    Ask,
    Json,
    only,
)


def test_q(ask: Ask) -> None:
    assert ask.rest("people") == ask.rest("people?q={}") == PEOPLE
    assert ask.rest('people?q={"name":"Bob"}') == [BOB]
    assert ask.graphql('{ people(where: {name: {eq: "Bob"}}) { name } }') == [{"name": "Bob"}]
    query = "query ($q: JSON) { people(q: $q) { name } }"
    assert ask.graphql(query, q={"name": "Bob"}) == [{"name": "Bob"}]
    assert ask.graphql(query, q={}) == only(PEOPLE, "name")


def test_h(ask: Ask) -> None:
    """It overrides ``metafields``, ``max``, ``skip`` and ``sort``."""
    assert ask.rest("people?h={}") == PEOPLE
    assert ask.rest('people?max=3&h={"$max":1}') == [ANN]
    assert ask.rest('people?max=1&skip=0&h={"$skip":3}') == [DAN]
    assert ask.rest('people?max=1&sort=name&h={"$orderby":{"name":-1}}') == [DAN]
    assert ask.rest('people?q={"name":"Dan"}&metafields=true&h={"$metafields":false}') == [DAN]
    assert ask.rest('people?q={"name":"Dan"}&h={"$metafields":true}') == [DAN_WITH_ALL]


def test_filter(ask: Ask) -> None:
    """Searches; an empty one is none."""
    assert ask.rest("people?filter=bergen") == [ANN, BOB]
    assert ask.rest("people?filter=") == PEOPLE
    assert ask.graphql('{ people(filter: "bergen") { name } }') == only([ANN, BOB], "name")
    assert ask.graphql('{ people(filter: "") { name } }') == only(PEOPLE, "name")


def test_sort(ask: Ask) -> None:
    """By ``_id`` unless told otherwise; several fields, one after the other."""
    assert ask.rest("people") == sorted(PEOPLE, key=lambda each: str(each["_id"]))
    assert ask.rest("people?sort=age") == [DAN, BOB, ANN, CID]
    assert ask.rest("people?sort=_created") == [DAN, CID, BOB, ANN]
    assert ask.rest("people?sort=level&sort=age") == [DAN, BOB, ANN, CID]
    assert ask.rest("people?sort=level&sort=name&dir=1&dir=-1") == [DAN, BOB, CID, ANN]
    by_age = "{ people(orderBy: [{age: ASC}]) { name } }"
    assert ask.graphql(by_age) == only([DAN, BOB, ANN, CID], "name")
    by_both = "{ people(orderBy: [{level: ASC}, {name: DESC}]) { name } }"
    assert ask.graphql(by_both) == only([DAN, BOB, CID, ANN], "name")
    by_created = "{ people(orderBy: [{_created: ASC}]) { name } }"
    assert ask.graphql(by_created) == only([DAN, CID, BOB, ANN], "name")


def test_dir(ask: Ask) -> None:
    """1 rises, -1 falls, each for the ``sort`` at its place; anything else is 1."""
    assert ask.rest("people?sort=name&dir=1") == [ANN, BOB, CID, DAN]
    assert ask.rest("people?sort=name&dir=-1") == [DAN, CID, BOB, ANN]
    assert ask.rest("people?sort=level&dir=-1&sort=name") == [ANN, CID, BOB, DAN]
    assert ask.rest("people?sort=level&sort=name&dir=-1&dir=-1") == [CID, ANN, BOB, DAN]
    for junk in ("{sortDir}", "desc", "0", "2", ""):
        assert ask.rest(f"people?sort=name&dir={junk}") == [ANN, BOB, CID, DAN]
    falling = "{ people(orderBy: [{name: DESC}]) { name } }"
    assert ask.graphql(falling) == only([DAN, CID, BOB, ANN], "name")


def test_skip(ask: Ask) -> None:
    assert ask.rest("people?skip=0") == PEOPLE
    assert ask.rest("people?skip=3") == [DAN]
    assert ask.rest("people?skip=4") == []
    assert ask.graphql("{ people(skip: 3) { name } }") == [{"name": "Dan"}]


def test_max(ask: Ask) -> None:
    """1000 unless given; larger ones up to a ceiling, above it 400; what is none is 1000."""
    assert ask.rest("people?max=2") == [ANN, BOB]
    assert ask.rest("numbers") == NUMBERS[:1000]
    assert ask.rest("numbers?max=1001") == ask.rest("numbers?max=10000") == NUMBERS
    assert "max is at most 10,000" in ask.refused("numbers?max=10001")["message"]
    for junk in ("0", "-1", "NaN", "x", "1.5", ""):
        assert ask.rest(f"numbers?max={junk}") == NUMBERS[:1000]
    assert ask.graphql("{ people(max: 2) { name } }") == only([ANN, BOB], "name")
    assert ask.graphql("{ numbers { n } }") == only(NUMBERS[:1000], "n")
    assert ask.graphql("{ numbers(max: 10000) { n } }") == only(NUMBERS, "n")
    error = ask.graphql_refused("{ numbers(max: 10001) { n } }")
    assert (error["status"], error["message"]) == (400, "'max' is at most 10,000.")


def test_max_of_streams(ask: Ask) -> None:
    """They have neither default nor ceiling."""
    lines = ask.send("numbers.ndjson").text.splitlines()
    assert [json.loads(each) for each in lines] == NUMBERS
    assert len(ask.send("numbers.csv").text.splitlines()) == 1 + 1001
    assert len(ask.send("numbers.ndjson?max=10001").text.splitlines()) == 1001
    assert len(ask.send("numbers.ndjson?max=7").text.splitlines()) == 7


def test_totals(ask: Ask) -> None:
    assert ask.rest("people?totals=true&max=1") == {
        "data": [ANN],
        "totals": {"total": 4, "count": 1, "skip": 0, "max": 1},
    }


def test_count(ask: Ask) -> None:
    """With totals: no data, only counts."""
    assert ask.rest("people?totals=true&count=true") == {
        "data": [],
        "totals": {"total": 4, "count": 4, "skip": 0, "max": 1000},
    }


def test_metafields(ask: Ask) -> None:
    """It adds the system fields, which can be selected in GraphQL."""
    assert ask.rest('people?q={"name":"Dan"}') == [DAN]
    assert ask.rest('people?q={"name":"Dan"}&metafields=true') == [DAN_WITH_ALL]
    asked = "_id _created _changed _createdby _changedby _version _keywords _tags name age"
    found = ask.graphql(f'{{ people(where: {{name: {{eq: "Dan"}}}}) {{ {asked} }} }}')
    assert found == [DAN_WITH_ALL]


def test_groupby(ask: Ask) -> None:
    assert ask.rest("people?groupby=level") == {
        "null": [DAN],
        "junior": [BOB],
        "senior": [ANN, CID],
    }
    assert ask.graphql("{ peopleAggregate(groupBy: [level]) { group count } }") == [
        {"group": {"level": None}, "count": 1},
        {"group": {"level": "junior"}, "count": 1},
        {"group": {"level": "senior"}, "count": 2},
    ]


def test_aggregate(ask: Ask) -> None:
    """``FUNC:field``, and several of them."""
    assert ask.rest("people?aggregate=SUM:age") == {"SUM age": 90}
    assert ask.rest("people?aggregate=SUM:age&aggregate=COUNT:") == {"SUM age": 90, "COUNT ": 4}
    found = ask.graphql("{ peopleAggregate { count sum { age } } }")
    assert found == [{"count": 4, "sum": {"age": 90}}]


def test_format(ask: Ask) -> None:
    """``.json`` as without; ``.html`` plain markup of all fields; ``.js`` a script to embed."""
    plain = ask.send("people")
    assert ask.send("people.json").content == plain.content
    page = ask.send("people.html")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    every = {name for each in PEOPLE for name in each}
    assert all(f"<th>{name}</th>" in page.text for name in every)
    assert "<td>Ann</td>" in page.text
    script = ask.send("people.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.text.startswith("document.currentScript.insertAdjacentHTML(")
    markup = json.loads(script.text.partition('"afterend",')[2].removesuffix(");\n"))
    assert "<td>Ann</td>" in markup


def test_apikey(ask: Ask) -> None:
    key = ask.client.headers["x-apikey"]
    with httpx.Client(base_url=ask.client.base_url, trust_env=False) as stranger:
        assert stranger.get("/rest/people").status_code == 401
        assert stranger.get("/rest/people?apikey=wrong").status_code == 403
        assert stranger.get(f"/rest/people?apikey={key}").json() == PEOPLE
        query = {"query": "{ people { name } }"}
        answer = stranger.post(f"/graphql?apikey={key}", json=query)
        assert answer.json() == {"data": {"people": only(PEOPLE, "name")}}


def test_fetchchildren(ask: Ask) -> None:
    """Child lists under the names of their fields, in lists and in one document."""
    assert ask.rest("people?fetchchildren=true&max=2") == [
        {**ANN, "notes": NOTES},
        {**BOB, "notes": []},
    ]
    assert ask.rest(f"people/{ANN['_id']}?fetchchildren=true") == {**ANN, "notes": NOTES}
    texts = only(NOTES, "text")
    found = ask.graphql("{ people(max: 2) { notes { text } } }")
    assert found == [{"notes": texts}, {"notes": []}]
    query = "query ($id: ID!) { peopleById(id: $id) { notes { text } } }"
    assert ask.graphql(query, id=ANN["_id"]) == {"notes": texts}


def test_referencedby(ask: Ask) -> None:
    """All documents that refer to this one, of any collection."""
    assert ask.rest(f"companies/{ACME['_id']}?referencedby=true") == [ANN, CID]
    assert ask.rest(f"people/{BOB['_id']}?referencedby=true") == [ANN]
    assert ask.rest(f"countries/{NORWAY['_id']}?referencedby=true") == [ACME]
    assert ask.rest(f"people/{DAN['_id']}?referencedby=true") == []
    query = "query ($id: ID!) { companiesById(id: $id) { peopleByCompany { name } } }"
    assert ask.graphql(query, id=ACME["_id"]) == {"peopleByCompany": only([ANN, CID], "name")}


def test_idtolink(ask: Ask) -> None:
    """Ids of media and references become addresses; in GraphQL media have theirs anyway."""
    here = str(ask.client.base_url).rstrip("/")
    links = {
        "company": [f"{here}/rest/companies/{ACME['_id']}"],
        "friends": [f"{here}/rest/people/{BOB['_id']}"],
        "photo": [f"{here}/media/{PHOTO}"],
    }
    path = f"people/{ANN['_id']}?idtolink=true"
    assert ask.rest(path) == {**ANN, **links}
    assert ask.rest("people?idtolink=true&max=1") == [{**ANN, **links}]
    children = [f"{here}/rest/notes/{each['_id']}" for each in NOTES]
    assert ask.rest(f"{path}&fetchchildren=true") == {**ANN, **links, "notes": children}
    assert ask.client.get(links["company"][0]).json() == ACME
    found = ask.graphql("{ people(max: 1) { photo { _id url } } }")
    assert found == [{"photo": [{"_id": PHOTO, "url": f"/media/{PHOTO}"}]}]


def test_fetchmediadata(ask: Ask) -> None:
    """What is known of files in place of their ids; GraphQL has it in the same fields."""
    database = ask.client.get("/rest/_meta").json()["name"]
    (shown,) = ask.rest("people?fetchmediadata=true&max=1")
    assert shown == {**ANN, "photo": [described(PHOTO, database)]}
    assert ask.rest(f"people/{ANN['_id']}?fetchmediadata=true") == shown
    fields = " ".join(shown["photo"][0])
    found = ask.graphql(f"{{ people(max: 1) {{ photo {{ {fields} }} }} }}")
    assert found == [{"photo": shown["photo"]}]


def test_flatten(ask: Ask) -> None:
    """Deep properties at the root, beside what was there."""
    assert ask.rest("people?flatten=true&skip=2") == [
        {
            **CID,
            "address_city": "Oslo",
            "company_0__id": ACME["_id"],
            "company_0_name": "Acme",
            "company_0_city": "Oslo",
            "company_0_country_0__id": NORWAY["_id"],
            "company_0_country_0_name": "Norway",
        },
        DAN,
    ]
    here = str(ask.client.base_url).rstrip("/")
    link = f"{here}/rest/companies/{ACME['_id']}"
    assert ask.rest(f"people/{CID['_id']}?flatten=true&idtolink=true") == {
        **CID,
        "address_city": "Oslo",
        "company": [link],
        "company_0": link,
    }


def test_validate(ask: Ask) -> None:
    """Only of POST: ``false`` skips what is required, of which type and of which pattern."""
    wrong: list[Json] = [{"followers": "many"}]
    error = ask.refused("articles", "POST", wrong)
    codes = {each["field"]: each["message"][1] for each in error["list"]}
    assert codes == {"title": "REQUIRED", "followers": "TYPE"}
    (made,) = ask.rest("articles?validate=false", "POST", wrong)
    assert made["followers"] == "many"
    query = (
        "mutation ($data: [ArticlesInput!]!, $validate: Boolean) "
        "{ createManyArticles(data: $data, validate: $validate) { title followers _extra } }"
    )
    refused = ask.graphql_refused(query, data=wrong)
    assert refused["list"] == error["list"]
    assert ask.graphql(query, data=wrong, validate=False) == [
        {"title": None, "followers": None, "_extra": {"followers": "many"}}
    ]


def test_unknown_parameters(ask: Ask) -> None:
    """They are ignored, ``idtype`` too."""
    assert ask.rest("people?idtype=x&unknown=true&_=1") == PEOPLE
