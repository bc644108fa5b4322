"""Pictures that are small to send and large to decode, or broken in one place."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Final

from PIL import Image

from tests.media.corpus import chunk, picture, segment, with_chunk

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_END: Final = chunk(b"IEND", b"")


def bombs() -> Mapping[str, bytes]:
    """Pictures whose decoding costs much, or whose headers lie."""
    return {**_of_png(), **_of_jpeg(), **_of_gif(), **_of_others()}


def truncated() -> Iterator[tuple[str, bytes]]:
    """A picture of each format, cut in its signature, headers, blocks and data."""
    for kind in ("PNG", "JPEG", "GIF", "WEBP", "AVIF"):
        whole = picture(kind, (300, 200))
        places = {1, 2, 3, 4, 8, 12, 20, 29, 33, 40, len(whole) - 1, len(whole) - 12}
        places |= set(range(50, len(whole), max(len(whole) // 12, 1)))
        for place in sorted(places):
            yield f"{kind}-{place}", whole[:place]


def broken() -> Iterator[tuple[str, bytes]]:
    """A picture of each format with bytes turned over, all along."""
    for kind in ("PNG", "JPEG", "GIF", "WEBP", "AVIF"):
        whole = picture(kind, (300, 200))
        for place in range(5, len(whole), max(len(whole) // 25, 1)):
            turned = bytes(each ^ 0xFF for each in whole[place : place + 3])
            yield f"{kind}-{place}", whole[:place] + turned + whole[place + 3 :]


def _of_png() -> Mapping[str, bytes]:
    small = picture("PNG")
    rows = zlib.compressobj(9)
    packed = rows.compress(b"\0" * (1 + 50_000 // 8) * 50_000) + rows.flush()
    much = zlib.compress(b"\0" * 325_000_000, 9)
    return {
        "png-50000": _png(50_000, 50_000, packed),
        "png-9000": _png(9_000, 9_000, much, 8, 6),
        "png-most": _png(0x7FFFFFFF, 0x7FFFFFFF, zlib.compress(b"\0")),
        "png-lie": _png(50_000, 50_000, zlib.compress(b"\0")),
        "png-endless": _png(10, 10, much),
        "png-zero": _png(0, 0, zlib.compress(b"\0")),
        "png-negative": _png(0xFFFFFFFF, 1, zlib.compress(b"\0")),
        "png-1x60000": picture("PNG", (1, 60_000)),
        "png-60000x1": picture("PNG", (60_000, 1)),
        "png-text": with_chunk(small, b"zTXt", b"a\0\0" + much),
        "png-icc": with_chunk(small, b"iCCP", b"a\0\0" + much),
        "png-exif": with_chunk(small, b"eXIf", _exif(60_000)),
        "png-chunks": small[:33] + chunk(b"tEXt", b"a\0b") * 20_000 + small[33:],
        "png-length": small[:33] + b"\x7f\xff\xff\xffIDAT" + small[41:],
        "apng": with_chunk(small, b"acTL", struct.pack(">II", 0x7FFFFFFF, 0)),
    }


def _of_jpeg() -> Mapping[str, bytes]:
    small = picture("JPEG")
    turned = picture("JPEG", exif=_orientation(99))
    return {
        "jpeg-lie": _with_size(small, 65_500, 65_500),
        "jpeg-zero": _with_size(small, 0, 0),
        "jpeg-1x60000": picture("JPEG", (1, 60_000)),
        "jpeg-scans": _scans(6_000, 20_000),
        "jpeg-exif-loop": _jpeg_with(0xE1, b"Exif\0\0" + _looping_exif()),
        "jpeg-exif-large": _jpeg_with(0xE1, b"Exif\0\0" + _exif(5_000)),
        "jpeg-exif-noise": _jpeg_with(0xE1, b"Exif\0\0II*\0" + b"\xff" * 60_000),
        "jpeg-exif-many": small[:2] + segment(0xE1, b"Exif\0\0" + _exif(9)) * 5_000 + small[2:],
        "jpeg-orientation": turned,
        "jpeg-icc-noise": _jpeg_with(0xE2, b"ICC_PROFILE\0\1\1" + b"\xff" * 5_000),
        "jpeg-icc-missing": _jpeg_with(0xE2, b"ICC_PROFILE\0\x07\xff" + b"\0" * 500),
        "jpeg-cmyk": picture("JPEG", mode="CMYK"),
        "jpeg-cmyk-icc": picture("JPEG", mode="CMYK", icc_profile=b"\0" * 200),
        "jpeg-xmp": _jpeg_with(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"<x>" * 20_000),
        "jpeg-xmp-bomb": _jpeg_with(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + _LAUGHS),
        "jpeg-mpo": _jpeg_with(0xE2, b"MPF\0II*\0\x08\0\0\0" + b"\xff" * 200),
    }


def _of_gif() -> Mapping[str, bytes]:
    small = picture("GIF", (8, 8))
    # A frame: where it is, how large, and the codes of one pixel and the end.
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x08\x02\x04\x01\0"
    wide = b"\x2c" + struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0) + b"\x08\x02\x04\x01\0"
    far = b"\x2c" + struct.pack("<HHHHB", 65_000, 65_000, 500, 500, 0) + b"\x08\x02\x04\x01\0"
    return {
        "gif-frames": small[:-1] + frame * 20_000 + b";",
        "gif-screen": small[:6] + b"\xe0\x2e" * 2 + small[10:],
        "gif-screen-most": small[:6] + b"\xff\xff" * 2 + small[10:],
        "gif-wide": small[:-1] + wide + b";",
        "gif-first-wide": b"GIF89a\1\0\1\0\0\0\0" + wide + b";",
        "gif-far": small[:-1] + far * 100 + b";",
        "gif-comments": small[:-1] + b"\x21\xfe\x01a\0" * 100_000 + b";",
    }


def _of_others() -> Mapping[str, bytes]:
    webp, lossless = picture("WEBP"), picture("WEBP", lossless=True)
    avif = picture("AVIF")
    where, extent = lossless.index(b"VP8L"), avif.index(b"ispe")
    wide = struct.pack("<I", 16_382 | 16_382 << 14)
    moving = _moving("WEBP")
    canvas = moving.index(b"VP8X") + 12
    return {
        "webp-lie": lossless[: where + 9] + wide + lossless[where + 13 :],
        "webp-canvas": moving[:canvas] + b"\xdf\x2e\0" * 2 + moving[canvas + 6 :],
        "webp-canvas-most": moving[:canvas] + b"\xff\xff\xff" * 2 + moving[canvas + 6 :],
        "webp-exif": picture("WEBP", exif=b"Exif\0\0" + _exif(9_000)),
        "webp-length": webp[:4] + b"\xff\xff\xff\xff" + webp[8:],
        "avif-lie": avif[: extent + 8] + struct.pack(">II", 60_000, 60_000) + avif[extent + 16 :],
        "avif-box": b"\0\0\0\1ftyp\xff\xff\xff\xff\xff\xff\xff\xffavif" + avif[24:],
        "avif-1x6000": picture("AVIF", (1, 6_000)),
        "tiff": picture("TIFF"),
        "bmp-lie": picture("BMP")[:18] + b"\xff\xff\xff\x7f" * 2 + picture("BMP")[26:],
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(x) print\n",
        "xbm": b"#define a_width 60000\n#define a_height 60000\nstatic char a_bits[] = {0};",
        "empty": b"",
        "zero": b"\0",
    }


_LAUGHS: Final = b"<!DOCTYPE a [<!ENTITY a0 'x'>%s]><a>&a19;</a>" % b"".join(
    b"<!ENTITY a%d '%s'>" % (each, b"&a%d;" % (each - 1) * 10) for each in range(1, 20)
)


def _moving(kind: str) -> bytes:
    made = io.BytesIO()
    one, two = (Image.new("RGB", (9, 9), colour) for colour in ("red", "blue"))
    one.save(made, kind, save_all=True, append_images=[two])
    return made.getvalue()


def _png(width: int, height: int, packed: bytes, depth: int = 1, colours: int = 0) -> bytes:
    """A PNG of so many bits a channel, and of greys unless ``colours`` says RGBA by 6."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0))
    return _SIGNATURE + header + chunk(b"IDAT", packed) + _END


def _jpeg_with(marker: int, data: bytes) -> bytes:
    small = picture("JPEG")
    return small[:2] + segment(marker, data) + small[2:]


def _with_size(jpeg: bytes, width: int, height: int) -> bytes:
    place = jpeg.index(b"\xff\xc0")
    return jpeg[: place + 5] + struct.pack(">HH", height, width) + jpeg[place + 9 :]


def _scans(side: int, number: int) -> bytes:
    """A progressive JPEG with so many scans more, each of which says "nothing here" of all blocks.

    A scan has about 50 bytes, and a decoder goes through every block for it.
    """
    jpeg = picture("JPEG", (side, side), "L", progressive=True)
    # One code of one bit: the next 16,384 blocks, and as many more as the next 14 bits say.
    table = segment(0xC4, b"\x10\1" + b"\0" * 15 + b"\xe0")
    runs = (side // 8 + 1) ** 2 // 30_000 + 1
    bits = "011111010101010" * runs
    bits += "1" * (-len(bits) % 8)
    codes = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    scan = segment(0xDA, b"\1\1\0\1\x3f\0") + codes
    return jpeg[:-2] + table + scan * number + b"\xff\xd9"


def _orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def _exif(entries: int) -> bytes:
    """A directory with so many texts of 50,000 bytes, all of them the same ones."""
    texts = [struct.pack("<HHII", tag, 2, 50_000, 8) for tag in range(entries)]
    return b"II*\0\x08\0\0\0" + struct.pack("<H", entries) + b"".join(texts) + b"\0" * 4


def _looping_exif() -> bytes:
    """A directory that names itself as the next one, as the one of the camera and of the place."""
    own = [struct.pack("<HHII", tag, 4, 1, 8) for tag in (0x8769, 0x8825, 0xA005)]
    return b"II*\0\x08\0\0\0" + struct.pack("<H", 3) + b"".join(own) + struct.pack("<I", 8)
