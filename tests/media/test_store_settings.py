"""What an operator may say of the store of files, and what is said of a bucket that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from duetdb.app.mongo.embedded import EmbeddedMongod
from duetdb.app.service.media import options
from duetdb.app.setting_values import SettingsError
from duetdb.app.settings import Settings
from tests.conftest import make_settings
from tests.media.s3_server import CREDENTIALS, S3Server
from tests.processes import ServerProcess, free_port, run_cli

BUCKET = {"media_store": "s3", "media_s3_bucket": "files"}


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"media_store": "disk"}, "--media-store cannot be 'disk'"),
        ({"media_store": "s3"}, "media_store s3 needs media_s3_bucket, where files are put."),
        ({**BUCKET, "media_s3_key": "a"}, "media_s3_key and media_s3_secret belong together"),
        ({**BUCKET, "media_s3_secret": "a"}, "media_s3_key and media_s3_secret belong together"),
        ({**BUCKET, "media_s3_endpoint": "s3.example.com"}, "media_s3_endpoint must be like"),
        ({**BUCKET, "media_s3_endpoint": "ftp://a"}, "media_s3_endpoint must be like"),
        ({**BUCKET, "media_s3_endpoint": "https://a/b"}, "media_s3_endpoint must be like"),
        ({**BUCKET, "media_s3_endpoint": "https://a:x"}, "media_s3_endpoint must be like"),
        ({**BUCKET, "memory": True}, "memory loses what a bucket would keep"),
    ],
)
def test_settings_that_do_not_go_together(flags: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        Settings.load(flags, {}, env_file=None)


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "find_spec", lambda name: None)
    with pytest.raises(
        SettingsError, match=r"needs the package obstore.*pip install 'duetdb\[s3\]'"
    ):
        Settings.load(BUCKET, {}, env_file=None)


def test_credentials_are_shown_to_nobody() -> None:
    given = {**BUCKET, "media_s3_key": CREDENTIALS["key"], "media_s3_secret": CREDENTIALS["secret"]}
    settings = Settings.load(given, {}, env_file=None)
    assert (settings.shown("media_s3_key"), settings.shown("media_s3_secret")) == ("********",) * 2
    assert CREDENTIALS["secret"] not in repr(settings) + repr(settings.media())
    shown = run_cli(
        "config", "show", environment={f"DUETDB_{k.upper()}": v for k, v in given.items()}
    )
    assert shown.returncode == 0
    assert CREDENTIALS["key"] not in shown.stdout
    assert CREDENTIALS["secret"] not in shown.stdout


@contextmanager
def refusing() -> Iterator[str]:
    """The address of a store that refuses everybody."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(403)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def refusal_of(settings: Settings) -> str:
    """What ``serve`` says on standard error when it does not start."""
    done = run_cli("serve", "--port", str(free_port()), environment=settings.to_environment())
    assert done.returncode != 0
    return done.stderr


def test_a_bucket_that_is_not_there_stops_the_start(mongod: EmbeddedMongod, s3: S3Server) -> None:
    settings = make_settings(mongod.uri, **{**s3.flags, "media_s3_bucket": "others"})
    assert "The store of files has no such media_s3_bucket." in refusal_of(settings)


def test_credentials_that_are_refused_stop_the_start(mongod: EmbeddedMongod, s3: S3Server) -> None:
    with refusing() as url:
        settings = make_settings(mongod.uri, **{**s3.flags, "media_s3_endpoint": url})
        assert "refuses this bucket to these credentials" in refusal_of(settings)


def test_a_store_that_is_away_does_not_stop_the_start(mongod: EmbeddedMongod, s3: S3Server) -> None:
    away = {**s3.flags, "media_s3_endpoint": f"http://127.0.0.1:{free_port()}"}
    settings = make_settings(mongod.uri, **away)
    server = ServerProcess(environment=settings.to_environment())
    server.start()
    try:
        assert "duetdb: The store of files cannot be reached just now." in server.logged
    finally:
        assert server.stop() == 0


def test_files_may_be_larger_than_2_gb() -> None:
    flags = {"media_file_bytes": "10000000000", "media_upload_bytes": "1099511627776"}
    limits = Settings.load(flags, {}, env_file=None).limits()
    assert (limits.media_file_bytes, limits.media_upload_bytes) == (10**10, 2**40)
