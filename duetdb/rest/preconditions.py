"""Versions as entity tags, and what ``If-Match`` asks of them (SPEC 5, RFC 9110 13.1.1)."""

from __future__ import annotations

import re
from typing import Any

from duetdb.app.service.errors import BadRequest, NotFound, VersionMismatch
from duetdb.app.service.query import Filter, Match, Projection, Query
from duetdb.app.service.system_fields import version_of
from duetdb.rest.call import Call
from duetdb.schema_gen.model import Collection

_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*')
_VERSION = re.compile(r"0|[1-9]\d{0,17}")
_ONLY_VERSION = Projection(("_version",), include=True)


def etag(document: dict[str, Any]) -> str:
    """The entity tag of a stored document; one without a version counts as 0."""
    return f'"{version_of(document)}"'


async def expected_version(call: Call, collection: Collection, found: Filter) -> int | None:
    """The version that the write must find, None when any will do.

    ``found`` selects the document. Raises ``VersionMismatch`` when no tag of
    the header can hold, ``NotFound`` when there is no document, and
    ``BadRequest`` for a header that is not a list of entity tags.
    """
    if b"if-match" not in call.headers:
        return None
    header = _header(call)
    if header.strip() == "*":
        return None
    versions = _versions(header)
    if len(versions) == 1:
        return versions[0]
    current = await _current_version(call, collection, found)
    if current in versions:
        return current
    raise VersionMismatch(
        "The document has changed since it was read.",
        hint="Read it again, and send its new ETag in If-Match.",
    )


def refuse_tags(call: Call) -> None:
    """Raises ``BadRequest`` when a write of many documents is to hold only for one version."""
    if b"if-match" in call.headers and _header(call).strip() != "*":
        raise BadRequest(
            "If-Match is about one document, and this request about many.",
            hint='Leave it out, or put what must hold into q, such as {"_version": 3}.',
        )


async def _current_version(call: Call, collection: Collection, found: Filter) -> int:
    query = Query(
        collection=collection,
        filter=found,
        max=1,
        projection=_ONLY_VERSION,
        address=tuple(call.segments),
    )
    documents = await call.service.find(query, call.principal)
    if not documents:
        raise NotFound(f"There is no such document in {collection.name}.")
    return version_of(documents[0])


def _header(call: Call) -> str:
    lines = [value for name, value in call.scope["headers"] if name == b"if-match"]
    return b",".join(lines).decode("latin-1")


def _versions(header: str) -> list[int]:
    """The versions that strong tags of ours name; weak ones never match (RFC 9110 8.8.3.2)."""
    versions: list[int] = []
    position = 0
    while position < len(header) or not position:
        tag = _TAG.match(header, position)
        if tag is None or header[tag.end() : tag.end() + 1] not in ("", ","):
            raise BadRequest(
                "If-Match is not a list of entity tags.",
                hint='Send the ETag of the answer, quotes included: If-Match: "3".',
            )
        if not tag[1] and _VERSION.fullmatch(tag[2]):
            versions.append(int(tag[2]))
        position = tag.end() + 1
    return versions


def by_id(document_id: Any) -> Filter:
    return Match("_id", "eq", document_id)
