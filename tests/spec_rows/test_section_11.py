"""The media archive, row by row (SPEC 11)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.spec_rows.rows import Ask


def encoded(width: int, height: int) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(made, "PNG")
    return made.getvalue()


PICTURE = encoded(1000, 500)


@pytest.fixture
def client(ask: Ask) -> httpx.Client:
    return ask.client


@pytest.fixture
def uploaded(client: httpx.Client) -> Iterator[Any]:
    """The answer to an upload of a picture and a text, which are deleted afterwards."""
    files = [("first", ("row.png", PICTURE, "image/png")), ("x", ("row.txt", b"text"))]
    answer = client.post("/media", files=files)
    assert answer.status_code == 201, answer.text
    yield answer.json()
    for each in answer.json()["ids"]:
        client.delete(f"/media/{each}")


def test_get_needs_no_key(client: httpx.Client, uploaded: Any) -> None:
    """By id or file name: the bytes with their content type, kept by clients for 24 h."""
    for name in (uploaded["ids"][0], "row.png"):
        answer = httpx.get(f"{client.base_url}/media/{name}", trust_env=False)
        assert (answer.status_code, answer.content) == (200, PICTURE)
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["cache-control"] == "public, max-age=86400"


@pytest.mark.parametrize(("size", "width"), [("t", 128), ("w", 640), ("o", 1000), (None, 1000)])
def test_sizes(client: httpx.Client, uploaded: Any, size: str | None, width: int) -> None:
    """A thumbnail 128 px wide, 640 px for the web, the original."""
    parameters = {"s": size} if size else {}
    answer = client.get(f"/media/{uploaded['ids'][0]}", params=parameters)
    assert Image.open(io.BytesIO(answer.content)).size == (width, width // 2)


def test_sizes_never_enlarge_and_are_for_pictures(client: httpx.Client, uploaded: Any) -> None:
    """11.4: what is small stays so, and what is no picture is its original."""
    assert client.get("/media/row.txt?s=t").content == b"text"
    [small] = client.post("/media", files={"a": ("small.png", encoded(20, 10))}).json()["ids"]
    answer = client.get(f"/media/{small}?s=w")
    assert Image.open(io.BytesIO(answer.content)).size == (20, 10)
    client.delete(f"/media/{small}")


def test_download(client: httpx.Client, uploaded: Any) -> None:
    """As an attachment."""
    answer = client.get("/media/row.png?download=true")
    assert answer.headers["content-disposition"].startswith('attachment; filename="row.png"')


def test_post(uploaded: Any) -> None:
    """Any part name, one or more files: ids in the order of upload."""
    assert uploaded["msg"] == "OK"
    assert len(uploaded["uploadid"]) == 32 and int(uploaded["uploadid"], 16)
    assert [len(each) for each in uploaded["ids"]] == [24, 24]


def test_meta(client: httpx.Client, uploaded: Any) -> None:
    """11.3, by id or file name: a list with one object."""
    for name in (uploaded["ids"][0], "row.png"):
        answer = client.get(f"/media/{name}/meta")
        [meta] = answer.json()
        assert answer.status_code == 200
        assert (meta["_id"], meta["origname"]) == (uploaded["ids"][0], "row.png")
        assert (meta["mediatype"], meta["exif"]) == ("image/png", {})
        assert len(meta["file"]) == 32 + len("row.png") and meta["file"].endswith("row.png")
        assert (meta["filesize"], meta["width"], meta["height"]) == (len(PICTURE), 1000, 500)
        assert meta.keys() >= {"_created", "_createdby", "app"}


def test_put(client: httpx.Client, uploaded: Any) -> None:
    """Not implemented: 405."""
    assert client.put("/media/row.png", content=PICTURE).status_code == 405


def test_delete(client: httpx.Client, uploaded: Any) -> None:
    """By id or file name: the id."""
    for name, id_ in zip(("row.png", uploaded["ids"][1]), uploaded["ids"], strict=True):
        answer = client.delete(f"/media/{name}")
        assert (answer.status_code, answer.json()) == (200, {"result": [id_]})
        assert client.get(f"/media/{id_}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/media"), ("GET", "/media/row.png/meta"), ("DELETE", "/media/row.png")],
)
def test_all_but_the_bytes_needs_a_key(
    client: httpx.Client, uploaded: Any, method: str, path: str
) -> None:
    """POST, DELETE, meta."""
    answer = httpx.request(method, f"{client.base_url}{path}", trust_env=False)
    assert (answer.status_code, answer.json()["name"]) == (401, "Unauthenticated")
    assert client.get("/media/row.png").content == PICTURE


def test_no_file(client: httpx.Client) -> None:
    """11.2: 400."""
    answer = client.post("/media", files={"a": (None, b"text")})
    assert (answer.status_code, answer.json()["status"]) == (400, 400)


def test_the_newest_of_a_name(client: httpx.Client, uploaded: Any) -> None:
    """11.4: several uploads of one file name."""
    [newer] = client.post("/media", files={"a": ("row.txt", b"newer")}).json()["ids"]
    assert client.get("/media/row.txt").content == b"newer"
    client.delete(f"/media/{newer}")
    assert client.get("/media/row.txt").content == b"text"


def test_list(client: httpx.Client, uploaded: Any) -> None:
    """With a key, the newest first."""
    listed = [each["_id"] for each in client.get("/media?max=2").json()]
    assert sorted(listed) == sorted(uploaded["ids"])
