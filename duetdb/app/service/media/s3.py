"""Bytes in an S3-compatible store: each chunk of a content is an object of its own.

Each object is put whole by one request, so that nothing is ever there in part: a multi-part
upload whose worker dies stays in the bucket, unseen and paid for, and obstore can neither list
such uploads nor end those of others.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import obstore
import structlog
from bson import ObjectId
from obstore.exceptions import BaseError
from obstore.store import S3Store

from duetdb.app.service.errors import DuetError, NotFound, Unavailable
from duetdb.app.service.media.options import MediaOptions
from duetdb.app.service.media.store import File, content_of, store_name_of
from duetdb.app.service.options import BadOptions

if TYPE_CHECKING:
    from obstore.store import S3Config  # which is there for type checkers alone

_log = structlog.get_logger(__name__)

_REQUEST: Final = timedelta(seconds=30)
_CONNECT: Final = timedelta(seconds=3)
_CHECK_SECONDS: Final = 5
_RETRIES: Final = 3
_RETRYING: Final = timedelta(seconds=10)
_STATUS: Final = re.compile(r"status code: (\d+)")
_WRONG: Final = {
    "403": "The store of files refuses this bucket to these credentials: see media_s3_bucket, "
    "media_s3_key and media_s3_secret.",
    "404": "The store of files has no such media_s3_bucket.",
}
_LONGEST: Final = 300
_AGAIN: Final = 5
"""Seconds after which a client may try again what the store did not take."""


class S3:
    """The objects ``<folder>/<content id>/<number of chunk>`` of a bucket."""

    name = "s3"
    chunk = 1024 * 1024

    def __init__(self, options: MediaOptions, folder: str) -> None:
        config: S3Config = {"region": options.media_s3_region}
        if options.media_s3_endpoint is not None:
            config["endpoint"] = options.media_s3_endpoint.rstrip("/")
        if options.media_s3_key is not None and options.media_s3_secret is not None:
            config["access_key_id"] = options.media_s3_key
            config["secret_access_key"] = options.media_s3_secret
        self._folder = folder
        self._bucket = S3Store(
            options.media_s3_bucket,
            config=config,
            client_options={
                "allow_http": config.get("endpoint", "").startswith("http://"),
                "connect_timeout": _CONNECT,
                "timeout": _REQUEST,
            },
            retry_config={"max_retries": _RETRIES, "retry_timeout": _RETRYING},
        )

    async def start(self) -> None:
        """There is nothing to make ready; what the store does not take is 503."""

    async def stop(self) -> None:
        """Its connections close by themselves."""

    async def check(self) -> None:
        """Raises ``BadOptions`` when the bucket is refused or missing, and ``Unavailable``."""
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                await obstore.list_with_delimiter_async(self._bucket, self._folder)
        except (BaseError, OSError) as error:  # a timeout is an OSError
            # For a list obstore says what was wrong in its text alone.
            found = _STATUS.search(str(error))
            if found is None or found[1] not in _WRONG:
                raise _unreachable() from error
            raise BadOptions(_WRONG[found[1]]) from None

    async def put(self, content: ObjectId, number: int, data: bytes) -> None:
        with _translated_errors():
            await obstore.put_async(
                self._bucket, self._path(content, number), data, use_multipart=False
            )

    def holds(self, file: File) -> bool:
        return store_name_of(file) == self.name

    async def read(self, file: File, start: int, end: int) -> AsyncIterator[bytes]:
        size, content = file["chunkSize"], content_of(file)
        while start < end:
            number, offset = divmod(start, size)
            wanted = min(size - offset, end - start)
            with _translated_errors(missing=_gone):
                data = await obstore.get_range_async(
                    self._bucket, self._path(content, number), start=offset, length=wanted
                )
            if len(data) != wanted:
                raise _gone()
            yield bytes(data)
            start += wanted

    async def remove(self, contents: Iterable[ObjectId]) -> None:
        with _translated_errors():
            for content in contents:
                folder = f"{self._folder}/{content}"
                async for objects in obstore.list(self._bucket, folder, chunk_size=1000):
                    await obstore.delete_async(self._bucket, [each["path"] for each in objects])

    def _path(self, content: ObjectId, number: int) -> str:
        return f"{self._folder}/{content}/{number}"


@contextmanager
def _translated_errors(missing: Callable[[], DuetError] | None = None) -> Iterator[None]:
    """``missing`` is the error for an object that is not there."""
    try:
        yield
    except (BaseError, OSError) as error:
        if missing is not None and isinstance(error, FileNotFoundError):
            raise missing() from error
        _log.warning("media_store_failed", reason=str(error).partition("\n")[0][:_LONGEST])
        raise _unreachable() from error


def _gone() -> NotFound:
    return NotFound("The file was deleted while it was read.")


def _unreachable() -> Unavailable:
    return Unavailable(
        "The store of files cannot be reached just now.",
        hint="Try again in a moment.",
        retry_after=_AGAIN,
    )
