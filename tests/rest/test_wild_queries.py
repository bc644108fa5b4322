"""Query strings as they are found in the wild (SPEC 6.6): each answers as the clean one does.

They go over a bare socket, because a client for HTTP would clean them.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.conftest import KEY, make_settings, running_server
from tests.rest.conftest import COMPANIES, NOTES, PEOPLE

PERSONS = [
    {"name": "Ann", "age": 30, "tags": ["a b", "c"], "address": {"city": "Oslo"}},
    {"name": "Bob O'Neil & Sons", "age": 1, "address": {"city": "São Paulo"}},
    {"name": "C+D", "age": 31, "net chg": 2},
]


@pytest.fixture(scope="module")
def url(mongod: EmbeddedMongod) -> Iterator[httpx.URL]:
    """A server with three people; nothing here changes them."""
    settings = make_settings(mongod.uri)
    with running_server(settings) as server:
        with httpx.Client(
            base_url=server.url, headers=server.headers, trust_env=False, timeout=30
        ) as client:
            metadata = {"collections": [COMPANIES, NOTES, PEOPLE]}
            assert client.put("/rest/_meta", json=metadata).status_code == 200
            assert client.post("/rest/people", json=PERSONS).status_code == 201
        yield httpx.URL(server.url)


def ask(url: httpx.URL, target: str | bytes) -> tuple[int, bytes, bytes]:
    """Status, body and X-Pagination of the answer to a request line with this target."""
    raw = target if isinstance(target, bytes) else target.encode()
    with socket.create_connection((url.host, url.port), timeout=30) as client:
        client.sendall(b"GET " + raw + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n")
        client.sendall(f"x-apikey: {KEY}\r\n\r\n".encode())
        received = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    lines = dict(line.partition(b": ")[::2] for line in head.split(b"\r\n")[1:])
    return int(head.split(b" ")[1]), body, lines.get(b"x-pagination", b"")


def clean(**parameters: Any) -> str:
    """The query as a careful client writes it."""
    pairs = [
        f"{name}={quote(each, safe='')}"
        for name, value in parameters.items()
        for each in (value if isinstance(value, list) else [value])
    ]
    return "/rest/people?" + "&".join(pairs)


OLD = clean(q='{"age": {"$gt": 1}}')
BOTH = clean(q='{"age":{"$gt":1}}', sort="name", dir="-1")
ALL = "/rest/people"
TOTALS = clean(totals="true")
NAMED = clean(q='{"name":"Bob O\'Neil & Sons"}')
PLUS = clean(q='{"name":"C+D"}')
CITY = clean(q='{"address.city":"São Paulo"}')
SPACED = clean(q='{"tags":"a b"}')
PAGE = clean(h='{"$orderby":{"name":-1},"$max":2}')

WILD: dict[str, tuple[str | bytes, str]] = {
    "raw braces and quotes": ('/rest/people?q={"age":{"$gt":1}}', OLD),
    "everything raw but the spaces": ('/rest/people?q={"age":%20{"$gt":%201}}', OLD),
    "everything encoded": (
        "/rest/people?%71=" + "".join(f"%{each:02x}" for each in b'{"age":{"$gt":1}}'),
        OLD,
    ),
    "encoded in capitals": ("/rest/people?q=%7B%22age%22%3A%7B%22%24gt%22%3A1%7D%7D", OLD),
    "the dollar encoded alone": ('/rest/people?q={"age":{"%24gt":1}}', OLD),
    "+ for a space": ('/rest/people?q={"age":+{"$gt":+1}}', OLD),
    "+1 in JSON": ('/rest/people?q={"age":+{"$gt":+1}}&max=+2', f"{OLD}&max=2"),
    "a line break and spaces before q": ('/rest/people?%0A%20%20q={"age":{"$gt":1}}', OLD),
    "line breaks and indents inside q": (
        '/rest/people?q={%0D%0A%20%20"age":%20{%0A%09"$gt":%201%0A}}%0A',
        OLD,
    ),
    "? and & at once": ('/rest/people?&q={"age":{"$gt":1}}', OLD),
    "& at the end": ('/rest/people?q={"age":{"$gt":1}}&', OLD),
    "& twice": ('/rest/people?&&q={"age":{"$gt":1}}&&max=', OLD),
    "a slash before ?": ('/rest/people/?q={"age":{"$gt":1}}', OLD),
    "a slash and &": ("/rest/people/?&totals=true", TOTALS),
    "&totals": ("/rest/people?&totals=true", TOTALS),
    "totals in capitals": ("/rest/people?totals=TRUE", TOTALS),
    "totals repeated": ("/rest/people?totals=false&totals=true", TOTALS),
    "q repeated": ('/rest/people?q={"name":"x"}&q={"age":{"$gt":1}}', OLD),
    "sort and dir as pairs": ('/rest/people?sort=name&q={"age":{"$gt":1}}&dir=-1', BOTH),
    "an empty filter": ("/rest/people?filter=", ALL),
    "everything empty": ("/rest/people?q=&h=&sort=&dir=&skip=&max=&filter=&groupby=", ALL),
    "hints as a list": ("/rest/people?h=[]", ALL),
    "hints without hints": ("/rest/people?h={}", ALL),
    "q as a list": ("/rest/people?q=[]", ALL),
    "q without conditions": ("/rest/people?q={}", ALL),
    "null for q and h": ("/rest/people?q=null&h=null", ALL),
    "a template that was not filled in": ("/rest/people?dir={sortDir}", ALL),
    "another": ("/rest/people?skip={skip}&max={max}&dir=undefined", ALL),
    "numbers that are none": ("/rest/people?skip=NaN&max=undefined", ALL),
    "unknown parameters": ("/rest/people?_=1700000000&callback=x&idtype=y", ALL),
    "a name without a value": ("/rest/people?metafield&flatten", ALL),
    "nothing behind ?": ("/rest/people?", ALL),
    "the key repeated": (f"/rest/people?apikey={KEY}", ALL),
    "an encoded name of the collection": ("/rest/%70eople", ALL),
    "a raw apostrophe": ('/rest/people?q={"name":"Bob%20O\'Neil%20%26%20Sons"}', NAMED),
    "a plus sign that is meant": ('/rest/people?q={"name":"C%2BD"}', PLUS),
    "+ inside of a text": ('/rest/people?q={"tags":"a+b"}', SPACED),
    "%20 inside of a text": ('/rest/people?q={"tags":"a%20b"}', SPACED),
    "UTF-8, encoded": ('/rest/people?q={"address.city":"S%C3%A3o%20Paulo"}', CITY),
    "UTF-8 as JSON escapes it": ('/rest/people?q={"address.city":"S\\u00e3o%20Paulo"}', CITY),
    "hints with raw signs": ('/rest/people?h={"$orderby":{"name":-1},"$max":2}', PAGE),
    "hints with + and breaks": (
        '/rest/people?h=%0A{"$orderby":+{"name":+-1},%0A"$max":+2}',
        PAGE,
    ),
    "a fragment encoded": ("/rest/people?x=%23y", ALL),
    "duplicate keys in q": ('/rest/people?q={"age":5,"age":{"$gt":1}}', OLD),
}


@pytest.mark.parametrize("name", WILD)
def test_a_wild_query_answers_as_the_clean_one(url: httpx.URL, name: str) -> None:
    wild, careful = WILD[name]
    answer = ask(url, wild)
    assert answer[0] == 200, answer[1]
    assert answer == ask(url, careful)


def test_the_clean_ones_differ(url: httpx.URL) -> None:
    """So that agreeing with one of them means something."""
    answers = [ask(url, each) for each in (OLD, BOTH, ALL, TOTALS, NAMED, PLUS, PAGE)]
    assert len(set(answers)) == len(answers)
    assert all(status == 200 and body != b"[]" for status, body, _ in answers)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/rest/people?q={", 400),
        ("/rest/people?q=%7B", 400),
        ("/rest/people?q='{}'", 400),
        ("/rest/people?q={age:1}", 400),
        ("/rest/people?h={", 400),
        ("/rest/people?q=%FF", 400),
        ("/rest/people?q=%ZZ", 400),
        ("/rest/people?" + "a&" * 1001, 400),
    ],
)
def test_what_means_nothing_is_a_400_with_a_hint(url: httpx.URL, target: str, status: int) -> None:
    found, body, _ = ask(url, target)
    assert found == status
    assert b'"hint":' in body
