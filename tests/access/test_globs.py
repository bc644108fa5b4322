"""Path globs of web keys (SPEC 2.3)."""

from __future__ import annotations

import time

import pytest

from duetdb.app.service.access.globs import Glob
from duetdb.app.service.access.permissions import ANY_ID


@pytest.mark.parametrize(
    ("pattern", "address", "matches"),
    [
        ("/customers/**", ("customers",), True),
        ("/customers/**", ("customers", "1"), True),
        ("/customers/**", ("customers", "1", "notes", "2"), True),
        ("customers/**", ("customers", "1"), True),
        ("/customers/**", ("customersx",), False),
        ("/customers", ("customers",), True),
        ("/customers/", ("customers",), True),
        ("/customers", ("customers", "1"), False),
        ("/customers/*", ("customers",), False),
        ("/customers/*", ("customers", "1"), True),
        ("/customers/*", ("customers", "1", "notes"), False),
        ("/customers/*/notes", ("customers", "1", "notes"), True),
        ("/customers/1/notes", ("customers", "2", "notes"), False),
        ("/cust*", ("customers",), True),
        ("/cust*", ("users",), False),
        ("/*/x", ("a/b", "x"), True),
        ("/**", ("customers", "1"), True),
        ("/**/notes", ("customers", "1", "notes"), True),
        ("/a.c", ("abc",), False),
        ("/A", ("a",), False),
        ("", ("customers",), False),
        ("/a/*-*", ("a", "1-2"), True),
        ("/a/*-*", ("a", "-"), True),
        ("/a/*-*", ("a", "12"), False),
        ("/a/x*y*z", ("a", "xyyz"), True),
        ("/a/x*y*z", ("a", "x\ny\nz"), True),
        ("/a/x*y*z", ("a", "xz"), False),
        ("/a/x*y*z", ("a", "xzy"), False),
        ("/a/1*1", ("a", "1"), False),
        ("/a/*ab*b", ("a", "ab"), False),
        ("/a/*ab*b", ("a", "xabab"), True),
    ],
)
def test_a_pattern_holds_for_an_address(
    pattern: str, address: tuple[str, ...], matches: bool
) -> None:
    assert Glob(pattern).matches(address) is matches


@pytest.mark.parametrize("name", ["users", "email_outbound", "system_log", "_keys", "_collections"])
@pytest.mark.parametrize("pattern", ["/**", "/*", "/*/**", "/u*", "/_*", "/**/**"])
def test_stars_do_not_mean_system_collections(pattern: str, name: str) -> None:
    assert not Glob(pattern).matches((name,))
    assert not Glob(pattern).could_match((name,))


def test_system_collections_are_meant_by_their_names() -> None:
    assert Glob("/users/**").matches(("users", "1"))
    assert not Glob("/users/**").matches(("email_outbound",))


@pytest.mark.parametrize(
    ("pattern", "certain", "possible"),
    [
        ("/posts/**", True, True),
        ("/posts/*", True, True),
        ("/posts/5f*", False, True),
        ("/posts/7", False, True),
        ("/posts", False, False),
    ],
)
def test_an_id_that_is_not_known_yet(pattern: str, certain: bool, possible: bool) -> None:
    glob = Glob(pattern)
    assert glob.matches(("posts", ANY_ID)) is certain
    assert glob.could_match(("posts", ANY_ID)) is possible


def test_an_address_cannot_make_a_pattern_slow() -> None:
    """Who holds a key chooses the address: a text of dashes has many ways to be divided by it."""
    glob = Glob("/posts/*-*-*-*-x")
    begun = time.perf_counter()
    assert not glob.matches(("posts", "-" * 60_000))
    assert time.perf_counter() - begun < 0.05
