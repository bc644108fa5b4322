"""Sizes of pictures: never enlarged, upright, without EXIF, and gone with their picture."""

from __future__ import annotations

import asyncio
import io

import httpx
import pytest
from PIL import Image

from duetdb.app.service.engine import Engine
from tests.media.test_archive import nothing_is_left, post


def picture(width: int, height: int, kind: str = "JPEG", orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Maker"
    made = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(made, kind, exif=exif)
    return made.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
@pytest.mark.parametrize(("size", "expected"), [("t", (128, 64)), ("w", (640, 320))])
async def test_pictures_have_sizes(
    app_client: httpx.AsyncClient, kind: str, size: str, expected: tuple[int, int]
) -> None:
    [id_] = await post(app_client, ("a", picture(1000, 500, kind)))
    answer = await app_client.get(f"/media/{id_}?s={size}")
    with Image.open(io.BytesIO(answer.content)) as made:
        assert made.size == expected
        assert Image.MIME[made.format or ""] == answer.headers["content-type"]
        assert not dict(made.getexif())
    assert answer.headers["etag"] == f'"{id_}.{size}"'
    assert (await app_client.get(f"/media/{id_}?s=o")).content == picture(1000, 500, kind)


async def test_a_small_picture_is_not_enlarged(app_client: httpx.AsyncClient) -> None:
    [id_] = await post(app_client, ("a", picture(50, 40)))
    answer = await app_client.get(f"/media/{id_}?s=w")
    assert Image.open(io.BytesIO(answer.content)).size == (50, 40)


async def test_a_turned_picture_is_upright(app_client: httpx.AsyncClient) -> None:
    [id_] = await post(app_client, ("a", picture(1000, 500, orientation=6)))
    answer = await app_client.get(f"/media/{id_}?s=t")
    assert Image.open(io.BytesIO(answer.content)).size == (128, 256)


async def test_a_size_is_made_once_and_goes_with_its_picture(
    app_client: httpx.AsyncClient, engine: Engine
) -> None:
    [id_] = await post(app_client, ("a", picture(1000, 500)))
    answers = await asyncio.gather(*(app_client.get(f"/media/{id_}?s=t") for _ in range(20)))
    assert len({each.content for each in answers}) == 1
    assert await engine.database["_media.sizes"].count_documents({}) == 1
    await app_client.delete(f"/media/{id_}")
    assert await engine.database["_media.sizes"].count_documents({}) == 0
    await nothing_is_left(engine)


@pytest.mark.parametrize(
    "content",
    [b"text", picture(1000, 500)[:2000], picture(9000, 9000, "PNG"), picture(6000, 2, "PNG")],
    ids=["text", "truncated", "bomb", "ratio"],
)
async def test_without_a_size_the_original_comes(
    app_client: httpx.AsyncClient, content: bytes
) -> None:
    [id_] = await post(app_client, ("a", content))
    answer = await app_client.get(f"/media/{id_}?s=t")
    assert (answer.status_code, answer.content) == (200, content)


async def test_a_body_that_announces_too_much_is_not_read(app_client: httpx.AsyncClient) -> None:
    headers = {"content-type": "multipart/form-data; boundary=b", "content-length": "999999999"}
    answer = await app_client.post("/media", content=b"", headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (413, 413)
