"""The playground at ``/graphql`` and the page at ``/docs``, in a browser without the internet."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from hashlib import sha256

import httpx
import pytest

from duetdb.app.main import create_app
from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.browser import Page, browsing
from tests.conftest import RunningServer, make_settings

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
CITIES = {
    "fields": [
        {"name": "name", "type": "text", "description": "What its people call it."},
        {"name": "people", "type": "number"},
    ]
}
RESULT = ".result-window"
ASSETS = {
    "/graphql/assets/graphiql.min.css": "text/css; charset=utf-8",
    "/graphql/assets/playground.css": "text/css; charset=utf-8",
    "/graphql/assets/react.production.min.js": "text/javascript; charset=utf-8",
    "/graphql/assets/react-dom.production.min.js": "text/javascript; charset=utf-8",
    "/graphql/assets/graphiql.min.js": "text/javascript; charset=utf-8",
    "/graphql/assets/playground.js": "text/javascript; charset=utf-8",
    "/graphql/assets/example.js": "text/javascript; charset=utf-8",
    "/graphql/assets/storage.js": "text/javascript; charset=utf-8",
}


@pytest.fixture
def cities(server: RunningServer) -> RunningServer:
    """A server with one collection and one document."""
    with httpx.Client(base_url=server.url, headers=server.headers, trust_env=False) as client:
        assert client.put("/rest/cities/_meta", json=CITIES).status_code < 300
        assert client.post("/rest/cities", json={"name": "Graz", "people": 305314}).is_success
    return server


@pytest.fixture
def page() -> Iterator[Page]:
    with browsing() as tab:
        yield tab


def enter_key(page: Page, key: str) -> None:
    page.click("#key")
    page.write(key)
    page.click("#access button")


def assert_at_home(page: Page, server: RunningServer) -> None:
    """Nothing was asked of anyone else, and the console stayed empty."""
    assert [url for url in page.requested if not url.startswith(f"{server.url}/")] == []
    assert page.complaints == []


def test_a_query_runs_and_the_schema_explains_itself(cities: RunningServer, page: Page) -> None:
    page.open(f"{cities.url}/graphql")
    enter_key(page, cities.key)
    page.wait_for_text("cities(max: 5)", ".graphiql-query-editor")
    page.click(".graphiql-execute-button")
    page.wait_for_text('"name": "Graz"', RESULT)
    page.wait_for_text('"people": 305314', RESULT)

    page.click("[aria-label='Show Documentation Explorer']")
    page.click(".graphiql-doc-explorer a.graphiql-doc-explorer-type-name")
    page.wait_for_text("citiesById", ".graphiql-doc-explorer")
    assert_at_home(page, cities)


def test_a_query_of_ones_own_survives_the_key_and_a_reload(
    cities: RunningServer, page: Page
) -> None:
    page.open(f"{cities.url}/graphql")
    page.click(".graphiql-query-editor .CodeMirror-lines")
    page.press("a", 65, control=True)
    page.write("{ cities { people } }")
    page.wait_for("localStorage['graphiql:query'] === '{ cities { people } }'")
    enter_key(page, cities.key)
    page.click(".graphiql-execute-button")
    page.wait_for_text('"people": 305314', RESULT)
    assert '"name"' not in page.evaluate(f"document.querySelector('{RESULT}').innerText")

    page.open(f"{cities.url}/graphql")
    page.click(".graphiql-execute-button")
    page.wait_for_text('"people": 305314', RESULT)
    assert_at_home(page, cities)


def test_the_key_stays_in_the_tab(cities: RunningServer, page: Page) -> None:
    """Also one that is written under Headers, which the history would keep."""
    page.open(f"{cities.url}/graphql?apikey={cities.key}")
    page.wait_for_text("cities(max: 5)", ".graphiql-query-editor")
    assert page.evaluate("location.href") == f"{cities.url}/graphql"
    page.click(".graphiql-editor-tools-tabs button:nth-child(2)")
    page.click(".graphiql-editor-tool .graphiql-editor:not(.hidden) .CodeMirror-lines")
    page.write(f'{{"x-apikey": "{cities.key}", "x-request-id": "mine"}}')
    page.click(".graphiql-execute-button")
    page.wait_for_text('"name": "Graz"', RESULT)
    page.wait_for("'graphiql:queries' in localStorage")

    assert page.evaluate("({...sessionStorage})") == {"duetdb.key": cities.key}
    assert cities.key not in page.evaluate("JSON.stringify(localStorage)")
    assert_at_home(page, cities)


def test_a_wrong_key_is_said_beside_it(cities: RunningServer, page: Page) -> None:
    page.open(f"{cities.url}/graphql")
    enter_key(page, "a-key-that-nobody-ever-gave-out")
    page.wait_for_text("The key that was presented is not a key of this database.", "#note")


def test_the_page_may_ask_nobody_else(server: RunningServer, page: Page) -> None:
    """And the tests would notice it."""
    page.open(f"{server.url}/graphql")
    page.evaluate("fetch('http://elsewhere.test/').catch(() => { document.title = 'refused'; })")
    page.wait_for("document.title === 'refused'")
    assert [each for each in page.complaints if "Content Security Policy" in each]
    page.open("http://elsewhere.test/")
    assert "http://elsewhere.test/" in page.requested
    page.wait_for_text("ERR_NAME_NOT_RESOLVED")


def test_the_docs_show_the_operations(cities: RunningServer, page: Page) -> None:
    page.open(f"{cities.url}/docs")
    page.wait_for_text("Enter the full-access key")
    enter_key(page, cities.key)
    page.wait_for_text("/rest/cities/{id}", "#operations")

    page.click("#find")
    page.write("/rest/cities")
    page.wait_for_text("List cities", "#operations details:first-of-type")
    page.click("#operations summary")
    page.click("#operations details button")
    page.wait_for_text("Graz", "#operations pre")
    assert_at_home(page, cities)


async def test_the_page_is_for_browsers(app_client: httpx.AsyncClient) -> None:
    del app_client.headers["x-apikey"]
    page = await app_client.get("/graphql", headers=HTML)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["vary"] == "Accept, Origin"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert "://" not in page.text

    other = await app_client.get("/graphql", headers={"accept": "application/json"})
    assert other.headers["content-type"].startswith("application/")


async def test_it_can_be_turned_off(mongod: EmbeddedMongod) -> None:
    app = create_app(make_settings(mongod.uri, playground=False))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://duetdb") as client,
    ):
        page = await client.get("/graphql", headers=HTML)
        assert (page.status_code, page.json()["errors"][0]["extensions"]["status"]) == (401, 401)
        assert (await client.get("/graphql/assets/playground.js")).status_code == 404


@pytest.mark.parametrize(("path", "kind"), ASSETS.items())
async def test_an_asset_is_kept_by_the_browser(
    app_client: httpx.AsyncClient, path: str, kind: str
) -> None:
    del app_client.headers["x-apikey"]
    asset = await app_client.get(path)
    assert asset.status_code == 200
    assert asset.headers["content-type"] == kind
    assert asset.headers["x-content-type-options"] == "nosniff"
    assert asset.headers["cache-control"] == "no-cache"

    known = await app_client.get(path, headers={"if-none-match": asset.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    assert (await app_client.get(path, headers={"if-none-match": '"old"'})).status_code == 200
    assert (await app_client.post(path)).status_code == 405


async def test_the_page_names_the_digests_of_what_is_not_ours(
    app_client: httpx.AsyncClient,
) -> None:
    page = await app_client.get("/graphql", headers=HTML)
    named = re.findall(r'(?:src|href)="(/[^"]+)" integrity="sha256-([^"]+)"', page.text)
    assert len(named) == 4
    for path, digest in named:
        content = (await app_client.get(path)).content
        assert base64.b64encode(sha256(content).digest()).decode() == digest
