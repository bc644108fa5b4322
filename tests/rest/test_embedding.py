"""``.html`` and ``.js`` in a browser: shown as they are, and embedded where the script stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest

from tests.browser import Page, browsing
from tests.conftest import KEY, RunningServer

EVIL = "</script><img src=x onerror=alert(1)>\u2028<b>bold</b>"
CITIES = {"fields": [{"name": "name", "type": "text"}]}


@pytest.fixture
def cities(server: RunningServer) -> str:
    """The address of a list that holds one hostile text."""
    with httpx.Client(base_url=server.url, headers=server.headers, trust_env=False) as client:
        assert client.put("/rest/cities/_meta", json=CITIES).status_code == 200
        assert client.post("/rest/cities", json={"name": EVIL}).status_code == 201
    return f"{server.url}/rest/cities"


@pytest.fixture
def page() -> Iterator[Page]:
    with browsing() as tab:
        yield tab


@contextmanager
def another_site(markup: str) -> Iterator[str]:
    """The address of a page on another origin."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(markup.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as site:
        serving = Thread(target=site.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{site.server_port}/"
        finally:
            site.shutdown()
            serving.join()


def test_a_script_puts_the_table_where_it_stands(cities: str, page: Page) -> None:
    url = f"{cities}.js?apikey={KEY}"
    with another_site(f"<body><h1>x</h1><script src='{url}'></script><p>y</p></body>") as site:
        page.open(site)
        page.wait_for("document.querySelectorAll('table').length === 1")
        names = page.evaluate("[...document.body.children].map(each => each.tagName)")
        assert names == ["H1", "SCRIPT", "TABLE", "P"]
        assert page.evaluate("document.querySelector('td:last-child').textContent") == EVIL
        assert without_icon(page.requested) == [site, url]
    assert page.complaints == []


def test_a_page_shows_the_table_in_its_style(cities: str, page: Page) -> None:
    url = f"{cities}.html?apikey={KEY}"
    page.open(url)
    assert page.evaluate("document.querySelector('td:last-child').textContent") == EVIL
    style = "getComputedStyle(document.querySelector('td')).borderTopStyle"
    assert page.evaluate(style) == "solid"
    assert page.evaluate("document.querySelectorAll('img, b').length") == 0
    assert without_icon(page.requested) == [url]


def without_icon(urls: list[str]) -> list[str]:
    """What was asked for, save what browsers ask every site for."""
    return [each for each in urls if not each.endswith("/favicon.ico")]
