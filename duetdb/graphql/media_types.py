"""What a client accepts (GraphQL over HTTP, section 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum

from duetdb.app.http.failures import NotAcceptable

GRAPHQL = "application/graphql-response+json; charset=utf-8"


class MediaType(Enum):
    """The two forms of an answer; they differ in when the status may say what went wrong."""

    JSON = "application/json"
    GRAPHQL = "application/graphql-response+json"


_NAMED = {kind.value.encode(): kind for kind in MediaType}
_ANY = (b"application/*", b"*/*")


def accepted(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The header ``Accept``, which may come in several lines; empty when it does not come."""
    return b",".join([value for name, value in headers if name == b"accept"])


def answer_type(accept: bytes) -> MediaType | None:
    """The form that the client likes best; None when it accepts neither.

    A range that names a form goes before one that only covers it. Of two that
    are liked alike the one named first is taken, and JSON if none is named.
    """
    if accept == b"*/*" or not accept.strip():
        return MediaType.JSON
    given = dict(_ranges(accept))

    def liked(kind: MediaType) -> float:
        ranges = (kind.value.encode(), *_ANY)
        return next((given[each] for each in ranges if each in given), 0.0)

    named = [_NAMED[each] for each in given if each in _NAMED]
    best = max([*named, *MediaType], key=liked)
    return best if liked(best) > 0 else None


def not_acceptable() -> NotAcceptable:
    """The refusal of a client that accepts neither."""
    return NotAcceptable(
        "None of the media types in Accept can be sent.",
        hint="Accept application/graphql-response+json or application/json.",
    )


def prefers_html(accept: bytes) -> bool:
    """Whether this is a browser that opens the address, not a program that asks."""
    if b"text/html" not in accept:
        return False
    ranges = dict(_ranges(accept))
    html = ranges.get(b"text/html", 0.0)
    named = [ranges.get(each, 0.0) for each in _NAMED]
    return html > 0 and html >= max(named)


def _ranges(accept: bytes) -> Iterator[tuple[bytes, float]]:
    for each in accept.lower().split(b","):
        media, *parameters = (part.strip() for part in each.split(b";"))
        pairs = (parameter.partition(b"=") for parameter in parameters)
        weights = [_weight(value) for name, _, value in pairs if name.strip() == b"q"]
        yield media, weights[0] if weights else 1.0


def _weight(text: bytes) -> float:
    """From 0 to 1; what is no weight counts as 0."""
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
