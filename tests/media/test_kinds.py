"""What a file is, by its beginning and without a decoder."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image

from duetdb.app.service.media.dimensions import avif_size, webp_size
from duetdb.app.service.media.kinds import UNKNOWN, kind_of
from tests.media.test_sizes import encoded

NOISE = Image.frombytes("RGB", (700, 500), os.urandom(1_050_000))
EXIF = Image.Exif()
EXIF[0x010F] = "Maker"


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": EXIF}),
        ("AVIF", {}),
        ("AVIF", {"exif": EXIF}),
        ("AVIF", {"save_all": True, "append_images": [NOISE]}),
        ("JPEG", {}),
        ("PNG", {}),
        ("GIF", {}),
    ],
)
def test_a_picture_is_known_by_its_first_kilobyte(kind: str, how: dict[str, Any]) -> None:
    content = encoded(NOISE, kind, **how)
    for start in (content, content[:1024]):
        found = kind_of(start, "text/html")
        assert (found.mediatype, found.width, found.height) == (f"image/{kind.lower()}", 700, 500)


@pytest.mark.parametrize("exif", [EXIF.tobytes(), b"Exif\0\0nonsense", b""])
def test_exif_is_told_where_it_can_be_read(exif: bytes) -> None:
    found = kind_of(encoded(NOISE, "JPEG", exif=exif), "")
    assert found.mediatype == "image/jpeg"
    assert found.exif == ({"Make": "Maker"} if exif == EXIF.tobytes() else {})


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_a_beginning_that_is_cut_off_is_no_picture(kind: str) -> None:
    content = encoded(NOISE.resize((30, 20)), kind)
    sizes = {webp_size(content[:end]) or avif_size(content[:end]) for end in range(len(content))}
    assert sizes == {None, (30, 20)}


@given(some.binary(max_size=200))
def test_whatever_is_behind_a_signature_is_read_without_an_error(behind: bytes) -> None:
    for start in (b"RIFF\0\0\0\0WEBPVP8 ", b"RIFF\0\0\0\0WEBPVP8L", b"RIFF\0\0\0\0WEBPVP8X"):
        size = webp_size(start + behind)
        assert size is None or min(size) >= 0
    head = b"\0\0\0\x0cftypavif"
    for box in (b"", b"\0\0\0\0meta\0\0\0\0\0\0\0\0iprp\0\0\0\0ipco"):
        size = avif_size(head + box + behind)
        assert size is None or 0 < min(size) <= max(size) < 1 << 24


@pytest.mark.parametrize(
    ("declared", "kept"),
    [
        ("text/plain; charset=utf-8", "text/plain"),
        ("APPLICATION/PDF", "application/pdf"),
        ("video/mp4", "video/mp4"),
        ("application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"),
        ("text/html", UNKNOWN),
        ("text/javascript", UNKNOWN),
        ("application/ecmascript", UNKNOWN),
        ("text/css", UNKNOWN),
        ("text/xml", UNKNOWN),
        ("image/svg+xml", UNKNOWN),
        ("image/png", UNKNOWN),
        ("application/xhtml+xml", UNKNOWN),
        ("application/wasm", UNKNOWN),
        ("multipart/related", UNKNOWN),
        ("message/rfc822", UNKNOWN),
        ("text/plain\r\nx: y", UNKNOWN),
        ("text/plain\n", "text/plain"),
        ("video/" + "x" * 200, UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_a_declared_type_is_kept_if_no_page_can_take_it_in(declared: str, kept: str) -> None:
    assert kind_of(b"<script>", declared).mediatype == kept
