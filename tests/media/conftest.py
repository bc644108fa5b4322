"""What tests of the stores share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.media.s3_server import S3Server, s3_server


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """An S3-compatible server with an empty bucket ``files``."""
    with s3_server() as server:
        yield server
