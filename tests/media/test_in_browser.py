"""A browser runs nothing of what is stored, and a page of another site uploads and shows."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import httpx
import pytest
from PIL import Image
from pymongo import MongoClient

from duetdb.app.mongo.embedded import EmbeddedMongod
from tests.access.test_in_browser import site
from tests.browser import Page, browsing
from tests.conftest import RunningServer, make_settings, running_server
from tests.media.corpus import STYLE, Sample, samples
from tests.media.front import Front, front

XML: Final = frozenset(("svg", "foreign", "xhtml", "xml"))


def may_run(sample: Sample) -> bool:
    """Whether a browser could make anything of it under the type that is declared."""
    match sample.declared:
        case "text/html" | "text/javascript":
            return True
        case "application/xhtml+xml":
            return sample.label in XML
        case "text/css":
            return sample.label == "css"
    return False


WAYS: Final = """
const attack = (base, count) => {
  window.ran = [];
  addEventListener('message', event => ran.push(String(event.data)));
  const add = (tag, given) =>
    document.body.append(Object.assign(document.createElement(tag), given));
  for (let place = 0; place < count; place++) {
    const at = way => `${base[place]}?way=${way}`;
    add('iframe', {src: at('iframe')});
    add('object', {data: at('object')});
    add('object', {data: at('object-html'), type: 'text/html'});
    add('embed', {src: at('embed')});
    add('img', {src: at('img')});
    add('script', {src: at('script'), charset: 'iso-8859-1'});
    add('script', {src: at('module'), type: 'module'});
    add('link', {href: at('link'), rel: 'stylesheet'});
    const worker = new Worker(at('worker'));
    worker.onmessage = event => ran.push(String(event.data));
    navigator.serviceWorker.register(at('service')).then(() => ran.push('RAN service'), () => 0);
  }
};
"""
"""What a page of the same origin can do with an address so that something runs in it."""
NUMBER: Final = WAYS.count("at('")
ACTIVE: Final = frozenset(
    "html html-late html-blank html-bom html-utf16 html-utf16-be svg foreign xhtml xml js css"
    " pdf-js bmp-js zip-html gif-header gif-js jpeg-js jpeg-html png-html webp-html avif-html"
    " gif-html service".split()
)
"""What runs in the same page when it is served as its sender calls it."""


@pytest.fixture
def page() -> Iterator[Page]:
    with browsing() as tab:
        tab.call("Browser.setDownloadBehavior", behavior="deny")
        yield tab


@pytest.fixture
def unlimited(mongod: EmbeddedMongod) -> Iterator[RunningServer]:
    """A server of which one address may ask as much as it likes."""
    settings = make_settings(mongod.uri, rate_address=0, rate_key=0)
    with running_server(settings) as running:
        yield running
    with MongoClient[dict[str, Any]](settings.mongodb_uri) as client:
        client.drop_database(settings.database)


def attack(page: Page, site: Front, addresses: Sequence[str]) -> None:
    """Lets a page do everything with all addresses, and returns when all were answered."""
    page.open(f"{site.url}/")
    site.answered.clear()
    page.evaluate(f"{WAYS} attack({json.dumps(addresses)}, {len(addresses)})")
    until = time.monotonic() + 60
    while len([each for each in site.answered if "?way=" in each]) < NUMBER * len(addresses):
        assert time.monotonic() < until, len(site.answered)
        time.sleep(0.05)


def ran(page: Page) -> set[str]:
    """The labels of what ran in the page so far, and ``css`` when its style is taken in."""
    style = f"getComputedStyle(document.documentElement).getPropertyValue({json.dumps(STYLE)})"
    heard = set(page.evaluate("ran")) | {"RAN css" for _ in page.evaluate(style)}
    return {each.removeprefix("RAN ") for each in heard}


def test_nothing_that_is_stored_runs(page: Page, unlimited: RunningServer) -> None:
    every = [each for each in samples() if may_run(each)]
    with front(unlimited.url, every) as site:
        attack(page, site, [f"/naive/{place}" for place in range(len(every))])
        until = time.monotonic() + 30
        while missing := ACTIVE - ran(page):
            assert time.monotonic() < until, missing
            time.sleep(0.2)

        addresses = [f"/media/{each}" for each in stored(unlimited, every)]
        attack(page, site, addresses)
        time.sleep(3)  # what was loaded last may run now
        assert ran(page) == set()
        page.complaints.clear()
        for each in addresses:
            page.call("Page.navigate", url=f"{unlimited.url}{each}")
            page.wait_for("document.readyState === 'complete'")
        assert not [each for each in page.complaints if "RAN" in each]


def stored(server: RunningServer, every: Sequence[Sample]) -> list[str]:
    """The ids of the samples, as the archive stores them."""
    ids: list[str] = []
    with httpx.Client(base_url=server.url, headers=server.headers, trust_env=False) as client:
        for start in range(0, len(every), 50):
            some = every[start : start + 50]
            files = [("any", (each.name, each.content, each.declared)) for each in some]
            answer = client.post("/media", files=files)
            assert answer.status_code == 201, answer.text
            ids += answer.json()["ids"]
    return ids


UPLOAD: Final = """
window.answer = undefined;
(async () => {
  const drawn = Object.assign(document.createElement('canvas'), {width: 1000, height: 500});
  const brush = drawn.getContext('2d');
  brush.fillStyle = 'rgb(200, 30, 90)';
  brush.fillRect(0, 0, 1000, 500);
  const form = new FormData();
  form.append('picture', await new Promise(done => drawn.toBlob(done, 'image/png')), 'mine.png');
  const headers = {'x-apikey': KEY};
  const sent = await fetch(`${SERVER}/media`, {method: 'POST', headers, body: form});
  const {ids} = await sent.json();
  const made = await fetch(`${SERVER}/rest/albums`, {
    method: 'POST',
    headers: {...headers, 'content-type': 'application/json'},
    body: JSON.stringify({name: 'First', photos: ids}),
  });
  return {sent: sent.status, made: made.status, album: (await made.json())._id};
})().catch(error => String(error)).then(found => { window.answer = found; });
0
"""
SHOW: Final = """
window.answer = undefined;
(async () => {
  const headers = {'x-apikey': KEY};
  const album = await (await fetch(`${SERVER}/rest/albums/${ALBUM}`, {headers})).json();
  const show = async size => {
    const image = new Image();
    image.crossOrigin = 'anonymous';
    image.src = `${SERVER}/media/${album.photos[0]}${size}`;
    document.body.append(image);
    await image.decode();
    const canvas = document.createElement('canvas');
    const brush = canvas.getContext('2d');
    brush.drawImage(image, 0, 0);
    const [red, green, blue] = brush.getImageData(20, 20, 1, 1).data;
    return [image.naturalWidth, image.naturalHeight, red, green, blue];
  };
  return [await show('?s=t'), await show('?s=w'), await show('')];
})().catch(error => String(error)).then(found => { window.answer = found; });
0
"""


def told(page: Page, script: str, **given: str) -> Any:
    """What the script of the page leaves in ``answer``; the names in it stand for texts."""
    for name, text in given.items():
        script = f"globalThis.{name} = {json.dumps(text)};{script}"
    page.evaluate(script)
    page.wait_for("window.answer !== undefined")
    return page.evaluate("window.answer")


def test_a_page_of_another_site_uploads_and_shows(page: Page, server: RunningServer) -> None:
    with (
        site() as friend,
        site() as stranger,
        httpx.Client(base_url=server.url, headers=server.headers, trust_env=False) as admin,
    ):
        fields = [{"name": "name", "type": "text"}, {"name": "photos", "type": "image"}]
        assert admin.put("/rest/albums/_meta", json={"fields": fields}).is_success
        web = {"origins": [friend], "methods": ["GET", "POST"], "paths": ["/albums/**", "/media"]}
        key = admin.post("/rest/_keys", json=web).json()["key"]

        page.open(friend)
        answer = told(page, UPLOAD, SERVER=server.url, KEY=key)
        album = answer.pop("album")
        assert answer == {"sent": 201, "made": 201}
        small, medium, original = told(page, SHOW, SERVER=server.url, KEY=key, ALBUM=album)
        assert (small[:2], medium[:2], original[:2]) == ([128, 64], [640, 320], [1000, 500])
        for shown in (small, medium, original):
            assert all(abs(a - b) < 4 for a, b in zip(shown[2:], (200, 30, 90), strict=True))
        assert page.complaints == []

        [id_] = admin.get(f"/rest/albums/{album}").json()["photos"]
        with Image.open(io.BytesIO(admin.get(f"/media/{id_}").content)) as stored:
            assert (stored.size, stored.format) == ((1000, 500), "PNG")

        page.open(stranger)
        assert "Failed to fetch" in told(page, UPLOAD, SERVER=server.url, KEY=key)
        assert [each["_id"] for each in admin.get("/media").json()] == [id_]
