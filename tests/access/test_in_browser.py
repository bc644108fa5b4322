"""Pages of two sites, in a browser: one that a web key allows, and one that it does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from tests.browser import Page, browsing
from tests.conftest import RunningServer

CITIES = {
    "fields": [
        {"name": "name", "type": "text", "required": True},
        {"name": "people", "type": "number"},
        {"name": "mayor", "type": "text", "hidden": True},
    ]
}
DONE = "window.answer !== undefined"


class _Empty(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><link rel=icon href=data:,><title>site</title>"
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: the test's own words are enough."""


@contextmanager
def site() -> Iterator[str]:
    """The origin of a site of its own, with an empty page."""
    # A browser opens connections in advance, on which a single thread would wait for a minute.
    with ThreadingHTTPServer(("127.0.0.1", 0), _Empty) as serving:
        serving.block_on_close = False
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{serving.server_address[1]}"
        finally:
            serving.shutdown()
            thread.join()


@pytest.fixture
def page() -> Iterator[Page]:
    with browsing() as tab:
        yield tab


def asked(page: Page, url: str, key: str, method: str = "GET", body: Any = None) -> Any:
    """What a script of the page gets: status, headers and JSON, or that it may not read it."""
    options: dict[str, Any] = {"method": method, "headers": {"x-apikey": key}}
    if body is not None:
        options["headers"]["content-type"] = "application/json"
        options["body"] = json.dumps(body)
    page.evaluate(
        f"window.answer = undefined; fetch({json.dumps(url)}, {json.dumps(options)})"
        ".then(async r => ({status: r.status, pages: r.headers.get('x-pagination'),"
        " body: await r.json()})).catch(e => String(e)).then(a => { window.answer = a; }); 0"
    )
    page.wait_for(DONE)
    return page.evaluate("window.answer")


def test_pages_read_and_write_where_the_key_allows_it(server: RunningServer, page: Page) -> None:
    with (
        site() as friend,
        site() as stranger,
        httpx.Client(base_url=server.url, headers=server.headers, trust_env=False) as admin,
    ):
        assert admin.put("/rest/cities/_meta", json=CITIES).is_success
        graz = {"name": "Graz", "people": 305314, "mayor": "Ann"}
        assert admin.post("/rest/cities", json=graz).status_code == 201
        made = admin.post(
            "/rest/_keys",
            json={"origins": [friend], "methods": ["GET", "POST"], "paths": ["/cities/**"]},
        )
        assert made.status_code == 201, made.text
        key = made.json()["key"]
        cities, graphql = f"{server.url}/rest/cities", f"{server.url}/graphql"

        page.open(friend)
        listed = asked(page, cities, key)
        assert listed["status"] == 200
        assert [(each["name"], "mayor" in each) for each in listed["body"]] == [("Graz", False)]
        assert listed["pages"] is not None
        query = {"query": "{ cities { name people } }"}
        assert asked(page, graphql, key, "POST", query) == {
            "status": 200,
            "pages": None,
            "body": {"data": {"cities": [{"name": "Graz", "people": 305314}]}},
        }
        assert asked(page, cities, key, "POST", {"name": "Wien"})["status"] == 201
        wrong = asked(page, cities, key, "POST", {"people": "many"})
        assert wrong["status"] == 400
        assert {each["field"] for each in wrong["body"]["list"]} == {"name", "people"}
        assert asked(page, f"{cities}/1", key, "DELETE")["status"] == 403
        assert asked(page, f"{server.url}/rest/users", key)["status"] == 403

        page.open(stranger)
        for url, method, body in (
            (cities, "GET", None),
            (cities, "POST", {"name": "Linz"}),
            (graphql, "POST", query),
        ):
            assert "Failed to fetch" in asked(page, url, key, method, body)
        assert admin.get("/rest/cities", params={"count": "true"}).json()["totals"]["count"] == 2
