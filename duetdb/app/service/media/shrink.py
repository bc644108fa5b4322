"""Makes a smaller picture: the program of the processes that ``resizer`` starts.

Decoders are where hostile pictures break things, so they run in processes that hold no secrets,
have bounded memory and may die. A job is a line of JSON and the bytes of a picture on stdin, the
answer a line of JSON and the bytes of the smaller one on stdout. At the end of stdin it ends.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, BinaryIO, Final

from PIL import Image, ImageCms, ImageOps

TYPES: Final[Mapping[str, str]] = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "GIF": "image/gif",
}
_SAVING: Final[Mapping[str, Mapping[str, Any]]] = {
    "JPEG": {"quality": 82, "optimize": True, "progressive": True},
    "PNG": {"optimize": True},
    "WEBP": {"quality": 80, "method": 4},
    "AVIF": {"quality": 63, "speed": 8},
}
_DRAFT: Final = 2
"""JPEGs are decoded at the smallest scale that is at least so many times what is wanted."""


def main() -> None:
    """Does jobs until stdin ends; ``argv`` has the most bytes of memory and of an answer."""
    memory, most = map(int, sys.argv[1:])
    _bound_memory(memory)
    Image.MAX_IMAGE_PIXELS = None  # each job says how many there may be
    take, give = sys.stdin.buffer, sys.stdout.buffer
    while line := take.readline():
        job = json.loads(line)
        made, mediatype = _attempt(take, job)
        made = made if len(made) <= most else b""
        head = {"length": len(made), "mediatype": mediatype}
        give.write(json.dumps(head).encode() + b"\n" + made)
        give.flush()


def _attempt(take: BinaryIO, job: Mapping[str, Any]) -> tuple[bytes, str]:
    """The smaller picture and its media type; no bytes where there is none."""
    content = take.read(job["length"])
    try:
        return smaller(content, job["width"], job["format"], job["pixels"])
    except Exception:  # whatever a decoder finds wrong with it, there is no smaller one
        return b"", ""


def smaller(content: bytes, width: int, form: str, pixels: int) -> tuple[bytes, str]:
    """The picture upright, at most ``width`` wide, in sRGB and without metadata; its media type.

    ``form`` is AVIF, WEBP or empty: then it is PNG for what came as PNG or GIF or is transparent,
    and JPEG for the rest. Of an animation it is the first frame. Raises for what cannot be decoded
    to its end, and for more than ``pixels``.
    """
    with Image.open(io.BytesIO(content), formats=tuple(TYPES)) as picture:
        source = "JPEG" if picture.format == "MPO" else picture.format  # MPO: several JPEGs
        if picture.width * picture.height > pixels:
            raise ValueError("too many pixels")
        profile = picture.info.get("icc_profile")
        shortest = min(picture.size)  # a picture on its side is as wide as it is high
        if source == "JPEG" and shortest > _DRAFT * width:
            scale = _DRAFT * width / shortest
            picture.draft(None, (int(picture.width * scale), int(picture.height * scale)))
        picture.load()
        _turn_upright(picture)
        plain = _plain(_narrowed(_plain_grey(picture), width), profile)
    clear = plain.mode == "RGBA"
    form = form or ("PNG" if clear or source in ("PNG", "GIF") else "JPEG")
    written = io.BytesIO()
    plain.save(written, form, **_SAVING[form])
    return written.getvalue(), TYPES[form]


def _turn_upright(picture: Image.Image) -> None:
    with suppress(Exception):  # a broken block of EXIF makes no broken picture
        ImageOps.exif_transpose(picture, in_place=True)


def _narrowed(picture: Image.Image, width: int) -> Image.Image:
    if picture.mode in ("1", "P", "PA"):  # between the numbers of colours there are no colours
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    if picture.width <= width:
        return picture
    height = max(1, round(picture.height * width / picture.width))
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3)


def _plain_grey(picture: Image.Image) -> Image.Image:
    """16 bits a grey pixel as 8; a plain conversion would cut off all that is brighter than 255."""
    if picture.mode.startswith("I"):
        return picture.point(lambda value: value / 256).convert("L")
    return picture


def _plain(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """The pixels alone, as RGB or RGBA, their colours by the profile those of sRGB."""
    clear = picture.has_transparency_data
    shown = picture.convert("RGBA") if clear and picture.mode not in ("RGBA", "LA") else picture
    converted = _in_srgb(shown, profile) if profile else None
    if converted is None:
        converted = shown.convert("RGBA" if clear else "RGB")
    elif clear:
        converted.putalpha(shown.getchannel("A"))
    bare = Image.new(converted.mode, converted.size)
    bare.paste(converted)
    return bare


def _in_srgb(picture: Image.Image, profile: bytes) -> Image.Image | None:
    """The opaque picture in sRGB; None when the profile is broken or for other colours."""
    opaque = picture.convert({"RGBA": "RGB", "LA": "L"}.get(picture.mode, picture.mode))
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(opaque, source, srgb, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _bound_memory(most: int) -> None:
    """Where the system can: the process then fails at its own picture, not the machine."""
    try:
        import resource
    except ImportError:
        return
    os.nice(10)  # requests come first
    limit = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
    try:
        resource.setrlimit(limit, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ValueError, OSError):
        return


if __name__ == "__main__":
    main()
