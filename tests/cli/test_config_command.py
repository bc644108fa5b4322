"""``duetdb config show``: every setting, its value, and where that comes from."""

from __future__ import annotations

from pathlib import Path

from duetdb.app.settings import SETTINGS
from tests.processes import run_cli

KEY = "a-key-that-the-operator-chose"


def shown(*flags: str, folder: Path, **environment: str) -> dict[str, tuple[str, str]]:
    """By setting, its value and its origin as they are printed."""
    done = run_cli("config", "show", *flags, folder=folder, environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    return {name: (value, origin) for name, value, origin in lines}


def test_every_setting_is_there_once(tmp_path: Path) -> None:
    found = shown(folder=tmp_path)
    assert list(found) == list(SETTINGS)
    assert {origin for _, origin in found.values()} == {"default"}
    assert found["port"] == ("8000", "default")
    assert found["api_key"] == ("-", "default")
    assert found["memory"] == ("false", "default")


def test_the_strongest_source_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DUETDB_PORT=1\nDUETDB_WORKERS=2\nDUETDB_DATABASE=filed\n")
    found = shown(
        "--port", "5", "--no-playground", folder=tmp_path, DUETDB_PORT="3", DUETDB_WORKERS="4"
    )
    assert found["port"] == ("5", "--port")
    assert found["workers"] == ("4", "DUETDB_WORKERS")
    assert found["database"] == ("filed", "DUETDB_DATABASE in .env")
    assert found["playground"] == ("false", "--playground")
    assert found["host"] == ("127.0.0.1", "default")


def test_secrets_are_masked(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"DUETDB_API_KEY={KEY}\n")
    uri = "mongodb://ann:hush@db.example/?tlsCertificateKeyFilePassword=quiet"
    done = run_cli("config", "show", "--mongodb-uri", uri, folder=tmp_path)
    for secret in (KEY, "hush", "quiet"):
        assert secret not in done.stdout + done.stderr
    found = shown("--mongodb-uri", uri, folder=tmp_path)
    assert found["api_key"] == ("********", "DUETDB_API_KEY in .env")
    assert found["mongodb_uri"] == (
        "mongodb://ann:********@db.example/?tlsCertificateKeyFilePassword=***",
        "--mongodb-uri",
    )


def test_it_touches_nothing(tmp_path: Path) -> None:
    shown("--data", "here", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
