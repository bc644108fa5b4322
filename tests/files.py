"""Files of the media archive by their documents alone, for tests that need ids and no bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

Json = dict[str, Any]

UPLOADED = datetime(2024, 2, 29, 8, 30, 15, tzinfo=UTC)


async def insert_files(database: Any, *ids: str, **about: Any) -> None:
    """Puts the documents of files with these ids where uploads put them."""
    await database["_media.files"].insert_many([file_of(each, **about) for each in ids])


def file_of(id_: str, **about: Any) -> Json:
    """The document of a picture, 30 pixels wide and 20 high."""
    return {
        "_id": ObjectId(id_),
        "length": 1234,
        "chunkSize": 255 * 1024,
        "uploadDate": UPLOADED,
        "filename": "0" * 32 + "a.png",
        "metadata": {
            "origname": "a.png",
            "createdby": "api",
            "uploadid": "1" * 32,
            "mediatype": "image/png",
            "width": 30,
            "height": 20,
            "exif": {"Make": "Duet"},
            **about,
        },
    }


def described(id_: str, database: str) -> Json:
    """What is told of such a file, as both interfaces write it."""
    return {
        "_id": id_,
        "_created": "2024-02-29T08:30:15.000Z",
        "_createdby": "api",
        "app": database,
        "origname": "a.png",
        "file": "0" * 32 + "a.png",
        "mediatype": "image/png",
        "exif": {"Make": "Duet"},
        "filesize": 1234,
        "width": 30,
        "height": 20,
    }
