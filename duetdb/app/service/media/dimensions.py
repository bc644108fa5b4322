"""Width and height of WebP and AVIF, read from the beginning of a file without a decoder.

Their decoders want a file whole, and are no place to take hostile files to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

Size: TypeAlias = tuple[int, int]

_LARGEST: Final = 1 << 24
"""More pixels on a side than there are; MongoDB's integers end as well."""
_BRANDS: Final = frozenset((b"avif", b"avis"))
_HEAD: Final = 8
"""Bytes of a box before what is in it: four of its length and four of its name."""


def webp_size(start: bytes) -> Size | None:
    """Of the canvas (RFC 9649 sections 2.5 to 2.7); None for what is no WebP."""
    if start[:4] != b"RIFF" or start[8:12] != b"WEBP" or len(start) < 30:
        return None
    match start[12:16]:
        case b"VP8X":
            return 1 + _little(start[24:27]), 1 + _little(start[27:30])
        case b"VP8L" if start[20] == 0x2F:
            bits = _little(start[21:25])
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 " if start[23:26] == b"\x9d\x01\x2a":
            return _little(start[26:28]) & 0x3FFF, _little(start[28:30]) & 0x3FFF
    return None


def avif_size(start: bytes) -> Size | None:
    """Of the largest picture of those that are put together (ISO/IEC 23008-12, ``ispe``).

    None for what is no AVIF, or says it further behind.
    """
    boxes = _boxes(memoryview(start))
    name, brands = next(boxes, (b"", memoryview(b"")))
    found = {bytes(brands[at : at + 4]) for at in range(0, min(len(brands), 256), 4)}
    if name != b"ftyp" or not found & _BRANDS:
        return None
    sizes = [
        (int.from_bytes(each[4:8], "big"), int.from_bytes(each[8:12], "big"))
        for meta in _named(boxes, b"meta")
        for properties in _named(_boxes(meta[4:]), b"iprp")
        for container in _named(_boxes(properties), b"ipco")
        for each in _named(_boxes(container), b"ispe")
    ]
    sizes = [each for each in sizes if min(each) > 0 and max(each) < _LARGEST]
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _named(boxes: Iterator[tuple[bytes, memoryview]], name: bytes) -> Iterator[memoryview]:
    return (content for each, content in boxes if each == name)


def _boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """The boxes that lie behind each other, by name; the last one may be cut off."""
    at = 0
    while at + _HEAD <= len(data):
        length, head = int.from_bytes(data[at : at + 4], "big"), _HEAD
        if length == 1:  # the length is a long one, and follows
            length, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        length = length or len(data) - at
        if length < head:
            return
        yield bytes(data[at + 4 : at + 8]), data[at + head : at + length]
        at += length
