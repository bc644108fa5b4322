"""Where files are kept; each option is a setting of the same name."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from duetdb.app.service.options import BadOptions

_SECRET: Final[dict[str, Any]] = {"secret": True}


@dataclass(frozen=True, kw_only=True)
class MediaOptions:
    media_store: Literal["gridfs", "s3"] = "gridfs"
    """Where the bytes of new files go: into the database, or to an S3-compatible store."""
    media_s3_bucket: str | None = None
    """The bucket; files that were put there are read from it with gridfs as well."""
    media_s3_endpoint: str | None = None
    """Where the store is, such as https://s3.example.com; otherwise Amazon's in the region."""
    media_s3_region: str = "us-east-1"
    """The region of the bucket."""
    media_s3_key: str | None = field(default=None, repr=False, metadata=_SECRET)
    """The access key id; without it the AWS_ variables or the role of the machine are used."""
    media_s3_secret: str | None = field(default=None, repr=False, metadata=_SECRET)
    """The secret access key that belongs to it."""


def check_media_options(options: MediaOptions) -> None:
    """Raises ``BadOptions`` before anything starts."""
    if (options.media_s3_key is None) != (options.media_s3_secret is None):
        raise BadOptions("media_s3_key and media_s3_secret belong together: set both.")
    if options.media_s3_endpoint is not None and not _is_site(options.media_s3_endpoint):
        raise BadOptions("media_s3_endpoint must be like https://s3.example.com, no more.")
    if options.media_s3_bucket is None:
        if options.media_store == "s3":
            raise BadOptions("media_store s3 needs media_s3_bucket, where files are put.")
        return
    if find_spec("obstore") is None:
        raise BadOptions(
            "media_s3_bucket needs the package obstore, which pip install 'duetdb[s3]' brings."
        )


def _is_site(url: str) -> bool:
    try:
        parts = urlsplit(url)
        valid_port = parts.port != 0
    except ValueError:
        return False
    plain = parts.path in ("", "/") and not parts.query and not parts.fragment
    return valid_port and plain and parts.scheme in ("http", "https") and bool(parts.hostname)
