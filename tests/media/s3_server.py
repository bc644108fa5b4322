"""A real S3-compatible server on a loopback port."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import obstore
from obstore.store import S3Store

from tests.processes import clean_environment, free_port

CREDENTIALS = {"key": "an-access-key", "secret": "a-secret-access-key"}


@dataclass(slots=True)
class S3Server:
    """``url`` without a bucket in it; there is one called ``files``."""

    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def flags(self) -> dict[str, Any]:
        """The settings that name it."""
        return {
            "media_store": "s3",
            "media_s3_bucket": "files",
            "media_s3_endpoint": self.url,
            "media_s3_key": CREDENTIALS["key"],
            "media_s3_secret": CREDENTIALS["secret"],
        }

    def start(self) -> None:
        """Starts it empty, and makes the bucket."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            env=clean_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 30
        with httpx.Client(trust_env=False) as client:
            while True:
                try:
                    assert client.put(f"{self.url}/files").status_code == 200
                    return
                except httpx.TransportError:
                    assert time.monotonic() < until
                    time.sleep(0.05)

    def kill(self) -> None:
        """It is gone, and everything in it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.process = None

    def objects(self, folder: str) -> list[str]:
        """The names of the objects of one database, without its own."""
        bucket = S3Store(
            "files",
            config={
                "endpoint": self.url,
                "region": "us-east-1",
                "access_key_id": CREDENTIALS["key"],
                "secret_access_key": CREDENTIALS["secret"],
            },
            client_options={"allow_http": True},
        )
        found = [each["path"] for some in obstore.list(bucket, folder) for each in some]
        return sorted(each.removeprefix(f"{folder}/") for each in found)


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server that may be killed and started again on its port."""
    server = S3Server(free_port())
    server.start()
    try:
        yield server
    finally:
        server.kill()
