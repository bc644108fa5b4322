"""Addresses and methods, without a database."""

from __future__ import annotations

import pytest

from duetdb.app.http.failures import NotAcceptable
from duetdb.app.service.errors import BadRequest, NotFound
from duetdb.rest import app
from duetdb.rest.formats import CSV, HTML, JSON, NDJSON, SCRIPT, Format, asked_format, check_accept
from duetdb.rest.preconditions import _versions
from duetdb.schema_gen.model import Collection, GraphQLNames, Schema


def path_of(raw: str) -> list[str]:
    return app.segments_of({"type": "http", "path": "", "raw_path": raw.encode()})


def test_a_slash_at_the_end_is_ignored() -> None:
    assert path_of("/rest/people/") == path_of("/rest/people") == ["people"]


def test_segments_are_decoded_after_they_are_split() -> None:
    assert path_of("/rest/kit%20codes/a%2Fb") == ["kit codes", "a/b"]


@pytest.mark.parametrize(
    ("raw", "resource"),
    [
        ("/rest/people", app.COLLECTION),
        ("/rest/people/*", app.EVERY_DOCUMENT),
        ("/rest/people/1", app.DOCUMENT),
        ("/rest/people/1/notes", app.CHILD_LIST),
        ("/rest/people/1/notes/2", app.CHILD),
        ("/rest/_meta", app.DATABASE_META),
        ("/rest/people/_meta", app.COLLECTION_META),
        ("/rest/people/_meta/infer", app.COLLECTION_INFER),
        ("/rest/_swagger.json", app.SWAGGER),
        ("/openapi.json", app.OPENAPI),
    ],
)
def test_each_address_has_its_resource(raw: str, resource: object) -> None:
    assert app.resource_of(path_of(raw)) is resource


@pytest.mark.parametrize("raw", ["/rest", "/rest/", "/rest/a/b/c/d/e"])
def test_other_addresses_hold_nothing(raw: str) -> None:
    with pytest.raises(NotFound):
        app.resource_of(path_of(raw))


@pytest.mark.parametrize(
    "accept",
    [
        None,
        b"",
        b"*/*",
        b"application/json",
        b"application/*;q=0.5",
        b"text/html, text/javascript",
        b"text/html,application/xhtml+xml,*/*;q=0.8",
        b"APPLICATION/JSON; charset=utf-8",
    ],
)
def test_json_is_acceptable(accept: bytes | None) -> None:
    check_accept(accept, JSON)


@pytest.mark.parametrize(
    "accept", [b"text/html", b"application/xml", b"application/json;q=0", b"*/*; q=0.0"]
)
def test_json_is_not_acceptable(accept: bytes) -> None:
    with pytest.raises(NotAcceptable):
        check_accept(accept, JSON)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (b"text/html", HTML),
        (b"text/*;q=0.1", HTML),
        (b"text/csv", CSV),
        (b"application/json", CSV),
        (b"application/javascript", SCRIPT),
        (b"application/x-ndjson", NDJSON),
        (b"application/ndjson", NDJSON),
        (b"*/*", NDJSON),
    ],
)
def test_the_requested_format_is_acceptable(accept: bytes, form: Format) -> None:
    check_accept(accept, form)


@pytest.mark.parametrize(
    ("accept", "form"), [(b"text/csv", HTML), (b"text/html", CSV), (b"text/csv;q=0", CSV)]
)
def test_another_format_is_not_acceptable(accept: bytes, form: Format) -> None:
    with pytest.raises(NotAcceptable):
        check_accept(accept, form)


@pytest.mark.parametrize(
    ("raw", "segments", "form"),
    [
        ("/rest/people", ["people"], None),
        ("/rest/people.json", ["people"], JSON),
        ("/rest/people.csv/", ["people"], CSV),
        ("/rest/kit%20codes%2Ehtml", ["kit codes"], HTML),
        ("/rest/people/1/notes.ndjson", ["people", "1", "notes"], NDJSON),
        ("/rest/a.b.js", ["a.b"], SCRIPT),
        ("/rest/people.xml", ["people.xml"], None),
        ("/rest/people.CSV", ["people.CSV"], None),
        ("/rest/.csv", [""], CSV),
        ("/rest/people/1.csv", ["people", "1.csv"], None),
        ("/rest/people/1/notes/2.csv", ["people", "1", "notes", "2.csv"], None),
        ("/rest/prices.csv", ["prices.csv"], None),
        ("/rest/prices.csv.csv", ["prices.csv"], CSV),
        ("/rest/broken.csv", ["broken.csv"], None),
        ("/rest/_swagger.json", ["_swagger.json"], None),
        ("/rest/_meta.json", ["_meta.json"], None),
        ("/openapi.json", ["_openapi.json"], None),
    ],
)
def test_a_suffix_is_a_format(raw: str, segments: list[str], form: Format | None) -> None:
    """Unless the whole is the name of a collection, quarantined or not."""
    prices = Collection(name="prices.csv", names=GraphQLNames("prices", "Prices"))
    schema = Schema(collections={"prices.csv": prices}, quarantined={"broken.csv": ("Why.",)})
    assert asked_format(path_of(raw), schema) == (segments, form)


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        ('"3"', [3]),
        (' "3" , "4"', [3, 4]),
        ('W/"3"', []),
        ('W/"3", "5"', [5]),
        ('"abc"', []),
        ('"03"', []),
        ('"a,b", "2"', [2]),
    ],
)
def test_only_strong_tags_of_ours_name_versions(header: str, versions: list[int]) -> None:
    assert _versions(header) == versions


@pytest.mark.parametrize("header", ["3", '"3', '"3" "4"', "*,*", "", '"3";'])
def test_a_header_that_is_no_list_of_tags_is_refused(header: str) -> None:
    with pytest.raises(BadRequest):
        _versions(header)
