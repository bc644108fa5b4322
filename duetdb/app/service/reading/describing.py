"""Metadata of the files that documents name, attached with one database call for each level."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bson import ObjectId

from duetdb.app.service.media.metadata import FILES, metadata_of
from duetdb.app.service.query import Described, Document
from duetdb.app.service.reading.ids import check_number
from duetdb.app.service.reading.source import Source
from duetdb.app.service.stored_names import holders

_FIELDS = {"chunkSize": 0, "metadata.uploadid": 0, "metadata.content": 0}
"""What is not told of a file."""


async def describe(
    documents: Iterable[Document], described: Iterable[Described], source: Source
) -> None:
    """Attaches the metadata of files to the documents of one level, in place.

    Where a document holds no value nothing is attached. Objects may be shared
    between those that name the same file. Raises ``LimitExceeded`` for more files
    than a level may have.
    """
    documents = list(documents)
    places: list[tuple[Document, str, list[Any]]] = []
    for each in described:
        *parents, name = each.path.split(".")
        for document in documents:
            for holder in holders(document, parents):
                stored = holder.get(name)
                if stored is not None:
                    ids = stored if isinstance(stored, list) else [stored]
                    places.append((holder, each.key, ids))
    files = await _files([id_ for _, _, ids in places for id_ in ids], source)
    for holder, key, ids in places:
        holder[key] = [_shown(each, files) for each in ids]


def _shown(id_: Any, files: dict[ObjectId, Document]) -> Any:
    """An id of nothing stays, so that a document may be sent back as it was read."""
    return files.get(id_, id_) if isinstance(id_, ObjectId) else id_


async def _files(ids: Iterable[Any], source: Source) -> dict[ObjectId, Document]:
    unique = list(dict.fromkeys(each for each in ids if isinstance(each, ObjectId)))
    if not unique:
        return {}
    check_number(len(unique), "files", source.limits)
    found = await source.find(FILES, {"_id": {"$in": unique}}, _FIELDS, limit=len(unique))
    return {each["_id"]: metadata_of(each, source.database_name) for each in found}
