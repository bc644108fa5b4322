"""Sizes of pictures: never enlarged, upright, without metadata, and gone with their picture."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import httpx
import pytest
from PIL import Image, ImageCms

from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.engine import Engine
from duetdb.app.service.limits import Limits
from duetdb.app.service.media.archive import Archive
from duetdb.app.service.media.gridfs import GridFS
from tests.media.test_archive import nothing_is_left, post
from tests.media.test_rights import served

GPS = 0x8825
ORIENTATION = 0x0112
RED = (255, 0, 0, 255)


def encoded(picture: Image.Image, kind: str, **how: Any) -> bytes:
    made = io.BytesIO()
    picture.save(made, kind, **how)
    return made.getvalue()


def picture(width: int, height: int, kind: str = "JPEG", orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[0x010F] = "Maker"
    exif.get_ifd(GPS)[1] = "N"
    return encoded(Image.new("RGB", (width, height), "red"), kind, exif=exif, comment=b"secret")


def opened(answer: httpx.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    made = Image.open(io.BytesIO(answer.content))
    assert Image.MIME[made.format or ""] == answer.headers["content-type"]
    return made


def colour(made: Image.Image) -> tuple[int, ...]:
    found = made.convert("RGBA").getpixel((made.width // 4, made.height // 4))
    assert isinstance(found, tuple)
    return found


def near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) <= 5 for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
@pytest.mark.parametrize(("size", "expected"), [("t", (128, 64)), ("w", (640, 320))])
async def test_pictures_have_sizes(
    app_client: httpx.AsyncClient, kind: str, size: str, expected: tuple[int, int]
) -> None:
    [id_] = await post(app_client, ("a", picture(1000, 500, kind)))
    answer = await app_client.get(f"/media/{id_}?s={size}")
    made = opened(answer)
    assert (made.size, near(colour(made), RED)) == (expected, True)
    assert made.format == ("PNG" if kind in ("PNG", "GIF") else "JPEG")
    assert not dict(made.getexif())
    assert {*made.info} <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive"} | {
        "progression"
    }
    assert answer.headers["etag"] == f'"{id_}.{size}"'
    assert answer.headers["vary"].startswith("Accept")
    assert (await app_client.get(f"/media/{id_}?s=o")).content == picture(1000, 500, kind)


@pytest.mark.parametrize("width", [50, 127, 128])
async def test_a_small_picture_is_not_enlarged_and_tells_nothing(
    app_client: httpx.AsyncClient, width: int
) -> None:
    [id_] = await post(app_client, ("a", picture(width, 40)))
    made = opened(await app_client.get(f"/media/{id_}?s=t"))
    assert made.size == (width, 40)
    assert not dict(made.getexif()) and "comment" not in made.info


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_a_turned_picture_is_upright(app_client: httpx.AsyncClient, kind: str) -> None:
    [id_] = await post(app_client, ("a", picture(1000, 500, kind, orientation=6)))
    assert opened(await app_client.get(f"/media/{id_}?s=t")).size == (128, 256)
    assert opened(await app_client.get(f"/media/{id_}?s=w")).size == (500, 1000)


async def test_a_large_photograph_keeps_its_shape(app_client: httpx.AsyncClient) -> None:
    [id_] = await post(app_client, ("a", picture(4001, 3001, orientation=8)))
    assert opened(await app_client.get(f"/media/{id_}?s=t")).size == (128, 171)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("image/avif,image/webp,image/apng,*/*;q=0.8", "AVIF"),
        ("image/webp,*/*;q=0.8", "WEBP"),
        ("image/avif;q=0, image/webp", "WEBP"),
        ("image/avif;q=0.5,image/webp;q=0.9", "WEBP"),
        ("image/avif;q=0.0,image/webp;q=0.000", "JPEG"),
        ("IMAGE/WEBP", "WEBP"),
        ("*/*", "JPEG"),
        ("image/*", "JPEG"),
        ("text/html", "JPEG"),
        ("image/webp;q=x;" + "x" * 9000, "WEBP"),
        ("", "JPEG"),
    ],
)
async def test_the_kind_is_one_that_is_asked_for(
    app_client: httpx.AsyncClient, accept: str, kind: str
) -> None:
    [id_] = await post(app_client, ("a.b.jpg", picture(1000, 500)))
    answer = await app_client.get(f"/media/{id_}?s=t", headers={"accept": accept})
    assert opened(answer).format == kind
    ending = {"JPEG": "jpg", "WEBP": "webp", "AVIF": "avif"}[kind]
    assert f'filename="a.b.{ending}"' in answer.headers["content-disposition"]


async def test_each_kind_is_kept_and_has_its_tag(
    app_client: httpx.AsyncClient, engine: Engine
) -> None:
    [id_] = await post(app_client, ("a", picture(1000, 500)))
    tags = set()
    for accept in ("*/*", "image/webp", "image/avif"):
        headers = {"accept": accept}
        answer = await app_client.get(f"/media/{id_}?s=t", headers=headers)
        tags.add(answer.headers["etag"])
        known = {**headers, "if-none-match": answer.headers["etag"]}
        again = await app_client.get(f"/media/{id_}?s=t", headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["vary"].startswith("Accept")
        part = await app_client.get(f"/media/{id_}?s=t", headers={**headers, "range": "bytes=-9"})
        assert (part.status_code, part.content) == (206, answer.content[-9:])
    assert len(tags) == await engine.database["_media.sizes"].count_documents({}) == 3


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "GIF"])
async def test_what_is_transparent_stays_so(app_client: httpx.AsyncClient, kind: str) -> None:
    clear = Image.new("RGBA", (1000, 500), (0, 0, 255, 255))
    clear.paste((0, 0, 0, 0), (0, 0, 500, 500))
    [id_] = await post(app_client, ("a", encoded(clear, kind)))
    for accept, made_kind in [("*/*", "PNG"), ("image/webp", "WEBP"), ("image/avif", "AVIF")]:
        made = opened(await app_client.get(f"/media/{id_}?s=t", headers={"accept": accept}))
        assert (made.format, colour(made)[3]) == (made_kind, 0)
        right = made.convert("RGBA").getpixel((100, 32))
        assert isinstance(right, tuple) and near(right, (0, 0, 255, 255))


def _palette() -> Image.Image:
    made = Image.new("P", (300, 200), 1)
    made.putpalette([0, 0, 0, 9, 90, 200])
    return made


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (encoded(Image.new("CMYK", (300, 200), (0, 255, 255, 0)), "JPEG"), RED),
        (encoded(Image.new("I;16", (300, 200), 40_000), "PNG"), (156, 156, 156, 255)),
        (encoded(Image.new("L", (300, 200), 77), "JPEG"), (77, 77, 77, 255)),
        (encoded(Image.new("1", (300, 200), 1), "PNG"), (255, 255, 255, 255)),
        (encoded(_palette(), "PNG"), (9, 90, 200, 255)),
        (encoded(Image.new("LA", (300, 200), (100, 255)), "PNG"), (100, 100, 100, 255)),
    ],
    ids=["cmyk", "sixteen-bits", "grey", "two-colours", "palette", "grey-with-alpha"],
)
async def test_all_kinds_of_pixels(
    app_client: httpx.AsyncClient, content: bytes, expected: tuple[int, ...]
) -> None:
    [id_] = await post(app_client, ("a", content))
    assert near(colour(opened(await app_client.get(f"/media/{id_}?s=t"))), expected)


def _swapped_profile() -> bytes:
    """A profile under which red is green and green is red: sRGB with two tags exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red + 4 : red + 12], profile[green + 4 : green + 12] = (
        profile[green + 4 : green + 12],
        profile[red + 4 : red + 12],
    )
    return bytes(profile)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
async def test_colours_are_those_of_the_profile(app_client: httpx.AsyncClient, mode: str) -> None:
    content = encoded(Image.new(mode, (300, 200), "red"), "PNG", icc_profile=_swapped_profile())
    [id_] = await post(app_client, ("a", content))
    made = opened(await app_client.get(f"/media/{id_}?s=t"))
    assert near(colour(made), (0, 255, 0, 255))
    assert "icc_profile" not in made.info


async def test_a_broken_profile_changes_nothing(app_client: httpx.AsyncClient) -> None:
    for profile in (b"none", b"\xff" * 4000, _swapped_profile()[:200]):
        content = encoded(Image.new("RGB", (300, 200), "red"), "PNG", icc_profile=profile)
        [id_] = await post(app_client, ("a", content))
        assert near(colour(opened(await app_client.get(f"/media/{id_}?s=t"))), RED)


async def test_a_photograph_with_more_pictures_behind_it_is_a_jpeg(
    app_client: httpx.AsyncClient,
) -> None:
    more = [Image.new("RGB", (100, 50), "blue")]
    content = encoded(
        Image.new("RGB", (3000, 1500), "red"), "MPO", save_all=True, append_images=more
    )
    [id_] = await post(app_client, ("a.jpg", content))
    answer = await app_client.get(f"/media/{id_}")
    assert (answer.headers["content-type"], answer.content) == ("image/jpeg", content)
    assert answer.headers["content-disposition"].startswith("inline")
    made = opened(await app_client.get(f"/media/{id_}?s=t"))
    assert (made.size, made.format, near(colour(made), RED)) == ((128, 64), "JPEG", True)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "AVIF", "PNG"])
async def test_of_an_animation_it_is_the_first_frame(
    app_client: httpx.AsyncClient, kind: str
) -> None:
    frames = [Image.new("RGB", (300, 200), each) for each in ("red", "blue", "green")]
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    [id_] = await post(app_client, ("a", content))
    made = opened(await app_client.get(f"/media/{id_}?s=t", headers={"accept": "image/webp"}))
    assert (getattr(made, "n_frames", 1), near(colour(made), RED)) == (1, True)


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


async def test_a_size_that_comes_after_its_picture_went_is_not_kept(
    app_client: httpx.AsyncClient, engine: Engine
) -> None:
    archive = Archive(engine, Limits(), GridFS(engine))
    [id_] = await post(app_client, ("a", picture(1000, 500)))
    before = await archive.find(id_)
    sent = {"any": ("a", picture(300, 200))}
    assert (await app_client.put(f"/media/{id_}?replace=true", files=sent)).status_code == 200
    replaced = await archive.find(id_)
    sizes = engine.database["_media.sizes"]
    await archive.keep_size(before, f"{id_}.t", {"data": b"old"})
    assert await sizes.count_documents({}) == 0
    await archive.keep_size(replaced, "new.t", {"data": b"new"})
    assert await sizes.count_documents({}) == 1
    await app_client.delete(f"/media/{id_}")
    await archive.keep_size(replaced, "new.t", {"data": b"new"})
    assert await sizes.count_documents({}) == 0


async def test_deleting_while_sizes_are_made_leaves_nothing(
    app_client: httpx.AsyncClient, engine: Engine
) -> None:
    for _ in range(5):
        [id_] = await post(app_client, ("a", picture(1000, 500)))
        asked = [app_client.get(f"/media/{id_}?s={size}") for size in ("t", "w")]
        *made, gone = await asyncio.gather(*asked, app_client.delete(f"/media/{id_}"))
        assert {each.status_code for each in made} <= {200, 404}
        assert gone.status_code == 200
        await nothing_is_left(engine)
        assert await engine.database["_media.sizes"].count_documents({}) == 0


def _lying() -> bytes:
    """A WebP that says to be small in front and has 81 million pixels behind."""
    large = encoded(Image.new("RGB", (9000, 9000)), "WEBP", quality=1)
    extended = b"\0\0\0\0" + (99).to_bytes(3, "little") * 2
    chunk = b"VP8X" + len(extended).to_bytes(4, "little") + extended + large[12:]
    return b"RIFF" + (len(chunk) + 4).to_bytes(4, "little") + b"WEBP" + chunk


BROKEN = {
    "text": b"text",
    "truncated": encoded(Image.effect_noise((1000, 500), 50), "JPEG")[:20_000],
    "truncated-png": encoded(Image.effect_noise((300, 200), 50), "PNG")[:20_000],
    "many-pixels": encoded(Image.new("1", (9000, 9000)), "PNG"),
    "ratio": picture(6000, 2, "PNG"),
    "lying": _lying(),
    "lying-png": encoded(Image.new("1", (9000, 9000)), "PNG").replace(
        (9000).to_bytes(4, "big") * 2, (90).to_bytes(4, "big") * 2
    ),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
async def test_without_a_size_the_original_comes(
    app_client: httpx.AsyncClient, content: bytes
) -> None:
    [id_] = await post(app_client, ("a", content))
    for size in ("t", "w"):
        answer = await app_client.get(f"/media/{id_}?s={size}")
        assert (answer.status_code, answer.content) == (200, content)
        assert answer.headers["etag"] == f'"{id_}"'
        assert answer.headers["vary"].startswith("Accept")


async def test_what_cannot_be_made_is_not_tried_each_time(
    app_client: httpx.AsyncClient, engine: Engine
) -> None:
    [id_] = await post(app_client, ("a", BROKEN["truncated"]))
    sizes = engine.database["_media.sizes"]
    made = []
    for _ in range(2):
        assert (await app_client.get(f"/media/{id_}?s=t")).content == BROKEN["truncated"]
        [kept] = await sizes.find().to_list(None)
        made.append(kept["made"])
    assert made[0] == made[1] and "data" not in kept


async def test_limits_of_pictures_are_settings(mongod: EmbeddedMongod) -> None:
    small = picture(1000, 500)
    for name, limit in [("media_pixels", 400_000), ("media_ratio", 1)]:
        async with served(mongod, **{name: limit}) as client:
            [id_] = await post(client, ("a", small))
            assert (await client.get(f"/media/{id_}?s=t")).content == small, name
            [id_] = await post(client, ("a", picture(500, 500)))
            assert opened(await client.get(f"/media/{id_}?s=t")).size == (128, 128), name


async def test_the_memory_for_a_size_is_a_setting(mongod: EmbeddedMongod) -> None:
    large, small = picture(4000, 3000, "PNG"), picture(200, 100, "PNG")
    async with served(mongod, media_resize_bytes=50_000_000) as client:
        [one, other] = await post(client, ("a", large), ("b", small))
        assert (await client.get(f"/media/{one}?s=t")).content == large
        assert opened(await client.get(f"/media/{other}?s=t")).size == (128, 64)


async def test_too_many_that_wait_are_told_when_to_come_again(mongod: EmbeddedMongod) -> None:
    async with served(mongod, media_resizing=1, media_resize_waiting=1) as client:
        ids = await post(client, *((f"{n}", picture(1000, 500 + n)) for n in range(6)))
        answers = await asyncio.gather(*(client.get(f"/media/{each}?s=t") for each in ids))
        assert sorted(each.status_code for each in answers) == [200, 200, 503, 503, 503, 503]
        refused = next(each for each in answers if each.status_code == 503)
        assert (refused.json()["name"], refused.headers["retry-after"]) == ("Unavailable", "2")
        assert refused.headers["cache-control"] == "no-store"
        again = [(await client.get(f"/media/{each}?s=t")).status_code for each in ids]
        assert again == [200] * 6


async def test_a_body_that_announces_too_much_is_not_read(app_client: httpx.AsyncClient) -> None:
    headers = {"content-type": "multipart/form-data; boundary=b", "content-length": "999999999"}
    answer = await app_client.post("/media", content=b"", headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (413, 413)
