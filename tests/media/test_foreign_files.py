"""Files that other GridFS clients have put into the bucket, and what they may say of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from gridfs import AsyncGridFSBucket

from duetdb.app.service.engine import Engine
from tests.media.test_archive import nothing_is_left, picture


async def test_what_other_programs_put_into_the_bucket_is_a_download(
    app_client: httpx.AsyncClient, engine: Engine
) -> None:
    bucket = AsyncGridFSBucket(engine.database, "_media")
    id_ = await bucket.upload_from_stream("other.png", picture())
    for path in (f"/media/{id_}", "/media/other.png", f"/media/{id_}?s=t"):
        answer = await app_client.get(path)
        assert (answer.status_code, answer.content) == (200, picture())
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
    [meta] = (await app_client.get("/media/other.png/meta")).json()
    assert (meta["_id"], meta["origname"], meta["mediatype"]) == (str(id_), "other.png", None)
    sent = {"any": ("b.gif", picture("GIF"))}
    assert (await app_client.put(f"/media/{id_}?replace=true", files=sent)).status_code == 200
    assert (await app_client.get(f"/media/{id_}")).content == picture("GIF")
    await app_client.delete(f"/media/{id_}")
    await nothing_is_left(engine)


@pytest.mark.parametrize(
    ("filename", "plain", "mediatype"),
    [
        ("a\r\nx-b: c\0.png", "a__x-b: c_.png", "image/png"),
        ("b.html", "b.html", "text/html"),
        ("c", "c", "text/x\r\nx-b: c"),
        ("d", "d", "image/☃"),
        ("e", "e", 5),
    ],
)
async def test_what_other_programs_say_of_a_file_is_checked_as_well(
    app_client: httpx.AsyncClient, engine: Engine, filename: str, plain: str, mediatype: object
) -> None:
    bucket = AsyncGridFSBucket(engine.database, "_media")
    about = {"mediatype": mediatype}
    id_ = await bucket.upload_from_stream(filename, picture(), metadata=about)
    shown = mediatype == "image/png"
    answer = await app_client.get(f"/media/{id_}")
    assert (answer.status_code, answer.content) == (200, picture())
    assert answer.headers["content-type"] == ("image/png" if shown else "application/octet-stream")
    how = "inline" if shown else "attachment"
    named = f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
    assert answer.headers["content-disposition"] == named


@pytest.mark.parametrize("about", ["text", {"mediatype": "image/png", "width": "9", "height": 9}])
async def test_other_programs_may_note_anything_of_a_file(
    app_client: httpx.AsyncClient, engine: Engine, about: object
) -> None:
    id_ = await AsyncGridFSBucket(engine.database, "_media").upload_from_stream("a", picture())
    await engine.database["_media.files"].update_one({}, {"$set": {"metadata": about}})
    path, sent = f"/media/{id_}", {"any": ("b.gif", picture("GIF"))}
    assert (await app_client.get(f"{path}?s=t")).content == picture()
    assert (await app_client.get(f"{path}/meta")).json()[0]["origname"] == "a"
    assert (await app_client.put(f"{path}?replace=true", files=sent)).status_code == 200
    assert (await app_client.get(path)).content == picture("GIF")
    assert (await app_client.get(f"{path}/meta")).json()[0]["origname"] == "a"
    assert (await app_client.delete(path)).status_code == 200
    await nothing_is_left(engine)


@pytest.mark.parametrize(
    "change",
    [
        {"$unset": {"length": 1}},
        {"$set": {"length": "9"}},
        {"$set": {"chunkSize": 0}},
        {"$unset": {"chunkSize": 1}},
        {"$unset": {"uploadDate": 1}},
    ],
)
async def test_what_is_no_file_of_gridfs_is_not_found(
    app_client: httpx.AsyncClient, engine: Engine, change: dict[str, Any]
) -> None:
    id_ = await AsyncGridFSBucket(engine.database, "_media").upload_from_stream("a", picture())
    await engine.database["_media.files"].update_one({}, change)
    for path in (f"/media/{id_}", "/media/a", f"/media/{id_}?s=t"):
        answer = await app_client.get(path)
        assert (answer.status_code, answer.json()["status"]) == (404, 404)
    assert (await app_client.delete(f"/media/{id_}")).status_code == 404
    sent = {"any": ("b.gif", picture("GIF"))}
    assert (await app_client.put(f"/media/{id_}?replace=true", files=sent)).status_code == 404
    for path in ("/media", f"/media/{id_}/meta"):  # what is known of it is told
        assert [each["_id"] for each in (await app_client.get(path)).json()] == [str(id_)]
