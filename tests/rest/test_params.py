"""Query strings as clients really write them (SPEC 6.6)."""

from __future__ import annotations

import pytest

from duetdb.app.service.errors import BadQuery
from duetdb.rest.params import Params


def test_nothing_is_given() -> None:
    assert not Params(b"")
    assert not Params(b"&")
    assert Params(b"").last("q") == ""
    assert Params(b"").json("q") is None


def test_an_ampersand_may_come_first() -> None:
    assert Params(b"&totals=true").flag("totals")


def test_names_repeat_and_the_last_value_wins() -> None:
    params = Params(b"sort=a&sort=b&max=1&max=2")
    assert params.all("sort") == ["a", "b"]
    assert params.last("max") == "2"


@pytest.mark.parametrize(
    "query",
    [
        b'q={"age": {"$gt": 30}}',
        b"q=%7B%22age%22%3A%7B%22%24gt%22%3A30%7D%7D",
        b'q={"age":+{"$gt":+30}}',
        b'q=%0A%20{"age":%0A{"$gt":30}}',
        b'%0A%20q={"age":{"$gt":30}}',
        b'q={"age":1}&q={"age":{"$gt":30}}',
    ],
)
def test_json_survives_every_spelling(query: bytes) -> None:
    assert Params(query).json("q") == {"age": {"$gt": 30}}


def test_text_beyond_ascii_may_be_raw_or_encoded() -> None:
    assert Params('q=["Åsa"]'.encode()).json("q") == ["Åsa"]
    assert Params(b"q=[%22%C3%85sa%22]").json("q") == ["Åsa"]


@pytest.mark.parametrize("query", [b"q={", b"q=%FF", b"q={a:1}", b'q={"n":NaN}', b"a&" * 1001])
def test_what_cannot_be_read_is_refused_with_a_hint(query: bytes) -> None:
    with pytest.raises(BadQuery) as caught:
        Params(query).json("q")
    assert caught.value.hint


def test_an_equals_sign_may_be_in_a_value() -> None:
    assert Params(b'q={"a":"b=c"}').json("q") == {"a": "b=c"}
