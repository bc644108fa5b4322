"""A file is replaced or deleted as it is known, or not at all: nobody loses what they never saw."""

from __future__ import annotations

from typing import Any, Never

from duetdb.app.service.errors import Conflict, NotFound
from duetdb.app.service.media.store import File, notes_of


def as_known(file: File) -> dict[str, Any]:
    """The filter that finds the document of a file for as long as its content is that one."""
    return {"_id": file["_id"], "metadata.content": notes_of(file).get("content")}


async def refuse_changed(files: Any, file: File, session: Any) -> Never:
    """Raises ``Conflict`` for a file of ``files`` that was replaced, ``NotFound`` if deleted."""
    if await files.find_one({"_id": file["_id"]}, {"_id": 1}, session=session) is None:
        raise no_such_file()
    raise Conflict("The file was replaced meanwhile.", hint="Look at it, try again.")


def no_such_file() -> NotFound:
    return NotFound("There is no such file in the media archive.")
