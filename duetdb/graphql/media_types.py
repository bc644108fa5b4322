"""What a client accepts (GraphQL over HTTP, section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from duetdb.app.http.failures import NotAcceptable

GRAPHQL = "application/graphql-response+json; charset=utf-8"


class MediaType(Enum):
    """The two forms of an answer; they differ in when the status may say what went wrong."""

    JSON = "application/json"
    GRAPHQL = "application/graphql-response+json"


_OFFERED = {
    b"application/graphql-response+json": MediaType.GRAPHQL,
    b"application/json": MediaType.JSON,
    b"application/*": MediaType.JSON,
    b"*/*": MediaType.JSON,
}


def answer_type(accept: bytes | None) -> MediaType:
    """The form that the client likes best; JSON when it does not say.

    Raises ``NotAcceptable`` when it accepts neither.
    """
    if accept is None or accept == b"*/*" or not accept.strip():
        return MediaType.JSON
    best, most = None, 0.0
    for media, quality in _ranges(accept):
        offered = _OFFERED.get(media)
        if offered is not None and quality > most:
            best, most = offered, quality
    if best is None:
        raise NotAcceptable(
            "None of the media types in Accept can be sent.",
            hint="Accept application/graphql-response+json or application/json.",
        )
    return best


def prefers_html(accept: bytes | None) -> bool:
    """Whether this is a browser that opens the address, not a program that asks."""
    if accept is None or b"text/html" not in accept:
        return False
    ranges = dict(_ranges(accept))
    html = ranges.get(b"text/html", 0.0)
    named = [ranges.get(each.value.encode(), 0.0) for each in MediaType]
    return html > 0 and html >= max(named)


def _ranges(accept: bytes) -> Iterator[tuple[bytes, float]]:
    for each in accept.lower().split(b","):
        media, *parameters = (part.strip() for part in each.split(b";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition(b"=")
            if name.strip() == b"q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
        yield media, quality
