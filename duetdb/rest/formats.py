"""The formats that a list can be asked for in, by the suffix of its address (SPEC 6.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from duetdb.app.http.failures import NotAcceptable
from duetdb.schema_gen.model import Schema


@dataclass(frozen=True, slots=True)
class Format:
    """One format; ``ranges`` are what ``Accept`` may say to mean it."""

    suffix: str
    content_type: str
    ranges: frozenset[bytes]
    is_stream: bool = False


def _format(suffix: str, content_type: str, *others: str, is_stream: bool = False) -> Format:
    media = content_type.partition(";")[0]
    names = (media, media.partition("/")[0] + "/*", *others)
    return Format(suffix, content_type, frozenset(each.encode() for each in names), is_stream)


JSON: Final = _format("json", "application/json; charset=utf-8")
HTML: Final = _format("html", "text/html; charset=utf-8")
SCRIPT: Final = _format("js", "text/javascript; charset=utf-8", "application/javascript")
CSV: Final = _format("csv", "text/csv; charset=utf-8; header=present", is_stream=True)
NDJSON: Final = _format(
    "ndjson", "application/x-ndjson; charset=utf-8", "application/ndjson", is_stream=True
)
FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {each.suffix: each for each in (JSON, HTML, SCRIPT, CSV, NDJSON)}
)

_ALWAYS: Final = frozenset((b"*/*", b"application/*", b"application/json", b"text/javascript"))
_LISTS: Final = (1, 3)
"""Parts of the paths of lists: a collection, or a child list of one document."""


def asked_format(segments: list[str], schema: Schema) -> tuple[list[str], Format | None]:
    """The path without a suffix, and the format that the suffix names; None without one.

    A collection whose own name ends like a suffix is meant by that name.
    """
    if len(segments) not in _LISTS:
        return segments, None
    name, dot, suffix = segments[-1].rpartition(".")
    form = FORMATS.get(suffix)
    if not dot or form is None or name.startswith("_"):
        return segments, None
    whole = segments[0]
    if len(segments) == 1 and (whole in schema.collections or whole in schema.quarantined):
        return segments, None
    return [*segments[:-1], name], form


def check_accept(accept: bytes | None, form: Format) -> None:
    """SPEC 5: 406 only when nothing in ``Accept`` could mean JSON or the format."""
    if accept is None or accept == b"*/*" or not accept.strip():
        return
    for each in accept.lower().split(b","):
        media, *parameters = (part.strip() for part in each.split(b";"))
        meant = media in _ALWAYS or media in form.ranges
        if meant and not any(_is_zero(each) for each in parameters):
            return
    media_type = form.content_type.partition(";")[0]
    raise NotAcceptable(
        f"This address answers in {media_type} only.", hint=f"Send Accept: {media_type}, or */*."
    )


def _is_zero(parameter: bytes) -> bool:
    name, _, value = parameter.partition(b"=")
    return name.strip() == b"q" and value.strip().rstrip(b"0") in (b"", b"0.", b".")
