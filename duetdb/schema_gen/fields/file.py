"""``file``: files of any kind in the media archive."""

from __future__ import annotations

from duetdb.schema_gen.fields.media import MediaType


class File(MediaType):
    """A list of ids of files."""

    name = "file"
