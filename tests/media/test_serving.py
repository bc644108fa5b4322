"""Parts, conditions, headers and addresses of files, as request and answer (RFC 9110)."""

from __future__ import annotations

import asyncio
import socket
import unicodedata
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from bson import ObjectId

from duetdb.app.service.engine import Engine
from duetdb.app.service.media.archive import Archive
from tests.conftest import RunningServer
from tests.media.test_archive import nothing_is_left, picture, post

CONTENT = bytes(range(256)) * 3000
LENGTH = len(CONTENT)
LATER = timedelta(hours=1)


@pytest.fixture
async def file(app_client: httpx.AsyncClient) -> str:
    [id_] = await post(app_client, ("a.bin", CONTENT))
    return f"/media/{id_}"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes=260000-270000", 260_000, 270_001),
        ("bytes=767990-", 767_990, LENGTH),
        ("bytes=-10", LENGTH - 10, LENGTH),
        ("bytes=-99999999", 0, LENGTH),
        ("bytes=10-99999999999999999999999999", 10, LENGTH),
        ("BYTES= 1-2 ", 1, 3),
    ],
)
async def test_a_range_is_a_part(
    app_client: httpx.AsyncClient, file: str, asked: str, start: int, end: int
) -> None:
    answer = await app_client.get(file, headers={"range": asked})
    assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{LENGTH}"
    assert answer.headers["content-length"] == str(end - start)
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=0-1,4-5",
        "bytes=5-2",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=1",
        "bytes=--1",
        "items=0-1",
        "bytes=0-1" + " " * 300,
        "bytes=" + ",".join(["0-"] * 5000),
        "bytes=٣-",
    ],
)
async def test_a_range_that_is_none_is_the_whole(
    app_client: httpx.AsyncClient, file: str, asked: str
) -> None:
    answer = await app_client.get(file, headers=[(b"range", asked.encode())])
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert "content-range" not in answer.headers


@pytest.mark.parametrize("asked", [f"bytes={LENGTH}-", "bytes=99999999999999999999-", "bytes=-0"])
async def test_a_range_behind_the_end_is_416(
    app_client: httpx.AsyncClient, file: str, asked: str
) -> None:
    answer = await app_client.get(file, headers={"range": asked})
    assert (answer.status_code, answer.json()["name"]) == (416, "RangeNotSatisfiable")
    assert answer.headers["content-range"] == f"bytes */{LENGTH}"
    assert answer.headers["cache-control"] == "no-store"


async def test_an_empty_file_has_no_parts(app_client: httpx.AsyncClient) -> None:
    [id_] = await post(app_client, ("empty", b""))
    for headers, status in [({}, 200), ({"range": "bytes=-5"}, 200), ({"range": "bytes=0-"}, 416)]:
        assert (await app_client.get(f"/media/{id_}", headers=headers)).status_code == status


async def test_head_is_get_without_a_body(app_client: httpx.AsyncClient, file: str) -> None:
    get, head = await app_client.get(file), await app_client.head(file)
    ranged = await app_client.head(file, headers={"range": "bytes=0-1"})
    for each in (head, ranged):
        assert (each.status_code, each.content) == (200, b"")
        for name in ("content-length", "etag", "last-modified", "content-type", "accept-ranges"):
            assert each.headers[name] == get.headers[name]
    assert (await app_client.head(f"/media/{ObjectId()}")).status_code == 404


async def test_conditions_in_their_order(app_client: httpx.AsyncClient, file: str) -> None:
    first = await app_client.get(file)
    etag, modified = first.headers["etag"], first.headers["last-modified"]
    before = format_datetime(parsedate_to_datetime(modified) - LATER, usegmt=True)
    after = format_datetime(parsedate_to_datetime(modified) + LATER, usegmt=True)
    rows: list[tuple[dict[str, str], int]] = [
        ({"if-none-match": etag}, 304),
        ({"if-none-match": f'"x" , W/{etag}'}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": '"x"'}, 200),
        ({"if-none-match": "x" * 8000}, 200),
        ({"if-none-match": '"x"', "if-modified-since": after}, 200),
        ({"if-modified-since": modified}, 304),
        ({"if-modified-since": after}, 304),
        ({"if-modified-since": before}, 200),
        ({"if-modified-since": "yesterday"}, 200),
        ({"if-modified-since": "Mon, 99 Jan 99999 00:00:00 GMT"}, 200),
        ({"if-match": etag}, 200),
        ({"if-match": f'"x", {etag}'}, 200),
        ({"if-match": "*"}, 200),
        ({"if-match": f"W/{etag}"}, 412),
        ({"if-match": '"x"'}, 412),
        ({"if-match": etag, "if-unmodified-since": before}, 200),
        ({"if-match": '"x"', "if-none-match": etag}, 412),
        ({"if-unmodified-since": modified}, 200),
        ({"if-unmodified-since": before}, 412),
        ({"if-match": etag, "if-none-match": etag, "range": "bytes=0-1"}, 304),
        ({"if-match": '"x"', "range": "bytes=0-1"}, 412),
        ({"range": "bytes=0-1", "if-range": etag}, 206),
        ({"range": "bytes=0-1", "if-range": f"W/{etag}"}, 200),
        ({"range": "bytes=0-1", "if-range": '"x"'}, 200),
        ({"range": "bytes=0-1", "if-range": before}, 200),
        ({"range": "bytes=0-1", "if-range": after}, 200),
    ]
    for method in ("GET", "HEAD"):
        for headers, status in rows:
            answer = await app_client.request(method, file, headers=headers)
            expected = 200 if (method, status) == ("HEAD", 206) else status
            assert answer.status_code == expected, (method, headers)
            if status == 304:
                assert (answer.content, answer.headers["etag"]) == (b"", etag)
                assert answer.headers["cache-control"] == "public, max-age=86400"
            if status == 412 and method == "GET":
                assert answer.json()["name"] == "VersionMismatch"


async def test_a_part_by_date_once_the_second_is_over(
    app_client: httpx.AsyncClient, engine: Engine, file: str
) -> None:
    modified = (await app_client.get(file)).headers["last-modified"]
    await engine.database["_media.files"].update_many(
        {}, {"$set": {"uploadDate": parsedate_to_datetime(modified) - LATER}}
    )
    date = (await app_client.get(file)).headers["last-modified"]
    answer = await app_client.get(file, headers={"range": "bytes=0-1", "if-range": date})
    assert (answer.status_code, answer.content) == (206, CONTENT[:2])


async def test_pages_of_any_site_may_show_and_read_files(
    app_client: httpx.AsyncClient, file: str
) -> None:
    headers = {"origin": "https://elsewhere.example", "x-apikey": ""}
    for path, status in [(file, 200), ("/media/none", 404)]:
        answer = await app_client.get(path, headers=headers)
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == "https://elsewhere.example"
    answer = await app_client.get(file, headers=headers)
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "Content-Range" in answer.headers["access-control-expose-headers"]
    listed = await app_client.get("/media", headers={**headers, "x-apikey": "no key at all"})
    assert "access-control-allow-origin" not in listed.headers


async def test_a_download_is_asked_for(app_client: httpx.AsyncClient) -> None:
    await post(app_client, ("für dich.png", picture()))
    for query, how in [
        ("download=true", "attachment"),
        ("download=1", "attachment"),
        ("download=false", "inline"),
    ]:
        answer = await app_client.get(f"/media/f%C3%BCr%20dich.png?{query}")
        name = f"{how}; filename=\"f_r dich.png\"; filename*=UTF-8''f%C3%BCr%20dich.png"
        assert answer.headers["content-disposition"] == name


@pytest.mark.parametrize(
    "name",
    [
        "with space.bin",
        "ünï 日本 🦆.bin",
        "50%.bin",
        "a%2Fb.bin",
        "?q=1&x#y.bin",
        "meta",
        "x" * 150,
        "0123456789abcdef01234567",
        "_media",
    ],
)
async def test_names_are_found_as_they_were_sent(app_client: httpx.AsyncClient, name: str) -> None:
    [id_] = await post(app_client, (name, b"content"))
    address = f"/media/{quote(name, safe='')}"
    assert (await app_client.get(address)).content == b"content"
    assert [each["_id"] for each in (await app_client.get(f"{address}/meta")).json()] == [id_]
    assert (await app_client.delete(address)).json() == {"result": [id_]}


async def test_an_id_is_no_name_of_another_file(app_client: httpx.AsyncClient) -> None:
    [id_] = await post(app_client, ("first", b"first"))
    [other] = await post(app_client, (id_, b"second"))
    assert (await app_client.get(f"/media/{id_}")).content == b"first"
    assert (await app_client.get(f"/media/{id_.upper()}")).content == b"first"
    assert (await app_client.get(f"/media/{other}")).content == b"second"


async def test_a_name_is_the_same_in_other_unicode(app_client: httpx.AsyncClient) -> None:
    await post(app_client, ("é.bin", b"content"))
    asked = quote(unicodedata.normalize("NFD", "é.bin"))
    assert (await app_client.get(f"/media/{asked}")).content == b"content"


async def test_what_is_no_name_is_not_found(server: RunningServer) -> None:
    names = ["a/b", "a%2Fb", "%2e%2e", "%2e%2e%2fetc", "%00", "%ff%fe", "x" * 9000, "%20", "a//b"]
    for name in [*names, ".", "..", "a/meta/b"]:
        for method in (b"GET", b"HEAD"):
            path = f"/media/{name}".encode()
            status = await asyncio.to_thread(_status, server, method, path)
            assert status == 404, path


async def test_the_list_is_at_both_addresses(app_client: httpx.AsyncClient) -> None:
    [id_] = await post(app_client, ("a", b"a"))
    for path in ("/media", "/media/"):
        assert [each["_id"] for each in (await app_client.get(path)).json()] == [id_]


async def test_the_list_has_pages(app_client: httpx.AsyncClient) -> None:
    ids = [(await post(app_client, (f"{number}", b"a")))[0] for number in range(5)][::-1]
    answer = await app_client.get("/media?skip=1&max=2")
    assert [each["_id"] for each in answer.json()] == ids[1:3]
    assert answer.headers["x-pagination"] == '{"count":2,"skip":1,"max":2}'
    answer = await app_client.get("/media?skip=3&max=10&totals=true")
    assert [each["_id"] for each in answer.json()["data"]] == ids[3:]
    assert answer.json()["totals"] == {"count": 2, "skip": 3, "max": 10, "total": 5}
    for query in ("max=0", "max=x", "skip=-1", "skip=1e3", "max=99999999999999"):
        assert (await app_client.get(f"/media?{query}")).status_code == 400


@pytest.mark.parametrize("size", ["o", "", "x", "tw", "128"])
async def test_what_is_no_size_is_the_original(app_client: httpx.AsyncClient, size: str) -> None:
    [id_] = await post(app_client, ("a.png", picture()))
    answer = await app_client.get(f"/media/{id_}", params={"s": size})
    assert (answer.status_code, answer.content) == (200, picture())
    assert "Accept" not in answer.headers["vary"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/media/a", "GET, HEAD, DELETE"),
        ("PATCH", "/media/a", "GET, HEAD, DELETE"),
        ("PATCH", "/media/a?replace=true", "GET, HEAD, DELETE, PUT"),
        ("POST", "/media/a", "GET, HEAD, DELETE"),
        ("PUT", "/media?replace=true", "GET, HEAD, POST"),
        ("DELETE", "/media", "GET, HEAD, POST"),
        ("DELETE", "/media/a/meta", "GET, HEAD"),
        ("OPTIONS", "/media/a", "GET, HEAD, DELETE"),
        ("TRACE", "/media", "GET, HEAD, POST"),
    ],
)
async def test_other_methods_are_405(
    app_client: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    answer = await app_client.request(method, path, content=b"a")
    assert (answer.status_code, answer.json()["status"]) == (405, 405)
    assert answer.headers["allow"] == allowed


async def test_another_content_under_the_same_id(
    app_client: httpx.AsyncClient, engine: Engine
) -> None:
    [id_] = await post(app_client, ("a.png", picture()))
    old = await app_client.get(f"/media/{id_}?s=t")
    first = await app_client.get(f"/media/{id_}")
    sent = {"any": ("b.gif", picture("GIF"))}
    answer = await app_client.put("/media/a.png?replace=true", files=sent)
    assert (answer.status_code, answer.json()["ids"]) == (200, [id_])
    now = await app_client.get(f"/media/{id_}", headers={"if-none-match": first.headers["etag"]})
    assert (now.status_code, now.content) == (200, picture("GIF"))
    assert now.headers["content-type"] == "image/gif"
    new = await app_client.get(f"/media/{id_}?s=t")
    assert new.headers["etag"] not in (old.headers["etag"], now.headers["etag"])
    assert await engine.database["_media.sizes"].count_documents({}) == 1
    [meta] = (await app_client.get(f"/media/{id_}/meta")).json()
    assert (meta["_id"], meta["origname"], meta["mediatype"]) == (id_, "a.png", "image/gif")
    await app_client.delete(f"/media/{id_}")
    await nothing_is_left(engine)


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([("a", ("a", b"a")), ("b", ("b", b"b"))], 400),
        ([("a", (None, b"a"))], 400),
        ([("a", ("a", b"x" * 70 * 1024 * 1024))], 413),
    ],
    ids=["two", "none", "large"],
)
async def test_what_is_not_one_file_replaces_nothing(
    app_client: httpx.AsyncClient, engine: Engine, files: list[object], status: int
) -> None:
    [id_] = await post(app_client, ("a.png", picture()))
    answer = await app_client.put(f"/media/{id_}?replace=true", files=files)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert (await app_client.get(f"/media/{id_}")).content == picture()
    await app_client.delete(f"/media/{id_}")
    await nothing_is_left(engine)


@pytest.mark.parametrize("size", ["o", "t"])
async def test_a_file_is_there_while_it_is_replaced(
    app_client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    [id_] = await post(app_client, ("a.png", picture()))
    path, sent = f"/media/{id_}?replace=true", {"any": ("b.gif", picture("GIF"))}
    find = Archive.find

    async def late(archive: Archive, name: str) -> dict[str, Any]:
        file = await find(archive, name)
        monkeypatch.setattr(Archive, "find", find)
        assert (await app_client.put(path, files=sent)).status_code == 200
        return file

    monkeypatch.setattr(Archive, "find", late)
    answer = await app_client.get(f"/media/{id_}", params={"s": size})
    assert answer.status_code == 200
    assert answer.content == (await app_client.get(f"/media/{id_}", params={"s": size})).content


async def test_a_file_whose_bytes_are_lost_is_not_found(
    app_client: httpx.AsyncClient, engine: Engine
) -> None:
    [id_] = await post(app_client, ("a.png", picture()))
    await engine.database["_media.chunks"].delete_many({})
    assert (await app_client.get(f"/media/{id_}")).status_code == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_change_may_be_of_one_content_only(
    app_client: httpx.AsyncClient, method: str
) -> None:
    [id_] = await post(app_client, ("a.png", picture()))
    path, sent = f"/media/{id_}?replace=true", {"any": ("b.gif", picture("GIF"))}
    for etag, status in [('"x"', 412), (f'"{id_}"', 200)]:
        headers = {"if-match": etag}
        answer = await app_client.request(method, path, files=sent, headers=headers)
        assert answer.status_code == status
        if status == 412:
            assert (await app_client.get(path)).content == picture()


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_change_may_be_of_what_is_not_there_only(
    app_client: httpx.AsyncClient, method: str
) -> None:
    [id_] = await post(app_client, ("a.png", picture()))
    path, sent = f"/media/{id_}?replace=true", {"any": ("b.gif", picture("GIF"))}
    for tags, status in [("*", 412), (f'"x", W/"{id_}"', 412), ('"x"', 200)]:
        headers = {"if-none-match": tags}
        answer = await app_client.request(method, path, files=sent, headers=headers)
        assert answer.status_code == status
        if status == 412:
            assert (await app_client.get(path)).content == picture()


async def test_nothing_is_made_by_a_replacement(
    app_client: httpx.AsyncClient, engine: Engine
) -> None:
    sent = {"any": ("b.gif", picture("GIF"))}
    answer = await app_client.put(f"/media/{ObjectId()}?replace=true", files=sent)
    assert answer.status_code == 404
    await nothing_is_left(engine)


async def test_a_file_that_goes_while_it_is_sent_is_cut_off(
    server: RunningServer, engine: Engine
) -> None:
    content = b"x" * 40_000_000
    async with httpx.AsyncClient(base_url=server.url, headers=server.headers) as client:
        [id_] = await post(client, ("a.bin", content))
        async with client.stream("GET", f"/media/{id_}") as answer:
            assert answer.headers["content-length"] == str(len(content))
            pieces = answer.aiter_raw()
            await anext(pieces)
            assert (await client.delete(f"/media/{id_}")).status_code == 200
            with pytest.raises(httpx.RemoteProtocolError):
                async for _ in pieces:
                    pass
        assert (await client.get(f"/media/{id_}")).status_code == 404


def _status(server: RunningServer, method: bytes, path: bytes) -> int:
    """The status that an address gets which is sent as it is."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        head = b"%s %s HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
        connection.sendall(head % (method, path))
        received = b""
        while piece := connection.recv(65_536):
            received += piece
    return int(received.split(b" ", 2)[1])
