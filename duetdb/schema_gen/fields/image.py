"""``image``: images in the media archive."""

from __future__ import annotations

from duetdb.schema_gen.fields.media import MediaType


class Image(MediaType):
    """A list of ids of images."""

    name = "image"
