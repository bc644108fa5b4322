"""Settings: precedence, refusals in one sentence, and what is shown of secrets."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from duetdb.app.service.limits import Limits
from duetdb.app.service.options import is_loopback
from duetdb.app.setting_values import SettingsError
from duetdb.app.settings import SETTINGS, Settings

KEY = "k" * 24


def load(
    flags: dict[str, object] | None = None,
    environ: dict[str, str] | None = None,
    env_file: Path | None = None,
) -> Settings:
    return Settings.load(flags or {}, environ or {}, env_file)


def refusal(flags: dict[str, object] | None = None, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load(flags, environ)
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith((".", "?"))
    return sentence


def test_flags_win_over_environment_over_file_over_default(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("DUETDB_PORT=1\nDUETDB_WORKERS=2\nDUETDB_DATABASE=filed\nOTHER=x\n")
    environ = {"DUETDB_PORT": "3", "DUETDB_WORKERS": "4", "HOME": "/"}

    settings = load({"port": "5", "host": None}, environ, env_file)

    assert (settings.port, settings.workers, settings.database) == (5, 4, "filed")
    assert settings.origin_of("port") == "--port"
    assert settings.origin_of("workers") == "DUETDB_WORKERS"
    assert settings.origin_of("database") == f"DUETDB_DATABASE in {env_file}"
    assert settings.origin_of("host") == "default"


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load(environ={"DUETDB_API_KEY": "", "DUETDB_PORT": ""}) == Settings()


def test_every_limit_is_a_setting() -> None:
    values = {each.name: 7 if type(each.default) is int else True for each in fields(Limits)}
    environ = {f"DUETDB_{name.upper()}": str(value) for name, value in values.items()}
    assert load(environ=environ).limits() == Limits(**values)


def test_every_setting_has_a_type_that_text_can_be() -> None:
    for name, setting in SETTINGS.items():
        if isinstance(setting.default, int):
            assert getattr(load({name: str(setting.default).lower()}), name) == setting.default


@pytest.mark.parametrize("text", ["true", "1", "YES", "On"])
def test_true_has_several_spellings(text: str) -> None:
    assert load(environ={"DUETDB_MEMORY": text}).memory is True


def test_an_unknown_variable_refuses_with_the_nearest_name() -> None:
    assert refusal(environ={"DUETDB_PROT": "1"}) == (
        "There is no setting DUETDB_PROT. Did you mean 'DUETDB_PORT'?"
    )


def test_an_unknown_name_in_the_file_refuses_and_names_the_file(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("DUETDB_DATABSE=x\n")
    with pytest.raises(SettingsError, match=r"DUETDB_DATABSE in .*\.env\. Did you mean"):
        load(env_file=env_file)


def test_a_file_that_is_not_text_refuses(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_bytes(b"\xff\xfe\x00DUETDB")
    with pytest.raises(SettingsError, match="cannot be read"):
        load(env_file=env_file)


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("port", "eighty", "whole number"),
        ("port", "65536", "from 0 to 65535"),
        ("port", "9" * 5000, "whole number"),
        ("port", "٣", "whole number"),
        ("workers", "0", "from 1 to"),
        ("workers", "1.5", "whole number"),
        ("body_bytes", "-1", "from 1 to"),
        ("memory", "maybe", "true or false"),
        ("log_level", "infos", "Did you mean 'info'?"),
        ("log_level", "xyz", "one of debug, info, warning, error"),
        ("introspection", "everybody", "one of all, keys, off"),
        ("database", "admin", "keeps for itself"),
        ("database", "a b", "does not take as a name"),
        ("database", "x" * 64, "does not take as a name"),
        ("mongodb_uri", "localhost:27017", "begin with mongodb://"),
        ("host", "", "needs a value"),
    ],
)
def test_a_bad_value_refuses(name: str, value: str, part: str) -> None:
    assert part in refusal({name: value})


def test_a_short_key_refuses_without_printing_it() -> None:
    sentence = refusal(environ={"DUETDB_API_KEY": "too-short-secret"})
    assert "DUETDB_API_KEY has 16 characters" in sentence
    assert "too-short-secret" not in sentence


def test_a_key_that_no_header_can_carry_refuses() -> None:
    assert "HTTP header" in refusal({"api_key": "ключ" * 8})
    assert "but no comma" in refusal({"api_key": "abcdefghijkl,mnopqrstuvwx"})


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        ({"memory": True, "mongodb_uri": "mongodb://h"}, "exclude each other"),
        ({"memory": True, "workers": 2}, "one worker"),
        ({"tls_key": "/nowhere"}, "both or neither"),
        ({"tls_key": "/nowhere", "tls_cert": "/nowhere"}, "no file"),
        ({"tls_self_signed": True, "tls_key": "/nowhere", "tls_cert": "/nowhere"}, "exclude each"),
        ({"memory": True, "rate_storage": "mongodb"}, "no MongoDB to count in"),
        ({"trusted_proxies": "10.0.0.1, proxy.example"}, "does not appear to be"),
        ({"trusted_proxies": "10.0.0.1/8"}, "has host bits set"),
        ({"page_default": 10, "page_ceiling": 5}, "larger than"),
    ],
)
def test_settings_that_do_not_go_together_refuse(flags: dict[str, object], part: str) -> None:
    assert part in refusal(flags)


def test_secrets_are_masked_wherever_settings_are_shown() -> None:
    uri = "mongodb://ann:p@ss:w@h1,h2/x?tlsCertificateKeyFilePassword=hush&w=1"
    settings = load({"api_key": KEY, "mongodb_uri": uri})
    assert settings.shown("api_key") == "********"
    assert settings.shown("mongodb_uri") == (
        "mongodb://ann:********@h1,h2/x?tlsCertificateKeyFilePassword=***&w=1"
    )
    assert KEY not in repr(settings) and "p@ss" not in repr(settings)


def test_the_environment_carries_settings_to_workers_unchanged(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("DUETDB_PORT=9000\n")
    flags = {"api_key": KEY, "memory": True, "port": "8000", "data": "a b", "playground": False}
    settings = load(flags, env_file=env_file)

    assert load(environ=settings.to_environment(), env_file=env_file) == settings
    connected = replace(settings, memory=False, mongodb_uri="mongodb://%2Fs.sock/?a=b")
    assert load(environ=connected.to_environment(), env_file=env_file) == connected


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_needs_no_warning(host: str) -> None:
    assert is_loopback(host)
    assert load({"host": host}).warnings() == ()


OUTSIDE = pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org"])


@OUTSIDE
def test_a_host_that_others_reach_needs_https(host: str) -> None:
    assert not is_loopback(host)
    settings = load({"host": host})
    assert settings.warnings() == ()
    with pytest.raises(SettingsError) as caught:
        settings.check_reachable()
    assert str(caught.value) == (
        f"Listening on {host} takes HTTPS: give a certificate with --tls-cert and --tls-key (or "
        "--tls-self-signed for development), or name the proxy that speaks HTTPS for the server "
        "with --trusted-proxies, or say --no-require-https if nobody else can read that network."
    )


@OUTSIDE
def test_each_of_the_ways_out_lets_it_start(host: str) -> None:
    for flags in ({"tls_self_signed": True}, {"trusted_proxies": "10.0.0.1"}):
        settings = load({"host": host, **flags})
        settings.check_reachable()
        assert settings.warnings() == ()
    settings = load({"host": host, "require_https": False})
    settings.check_reachable()
    assert "without TLS" in settings.warnings()[0]


def test_networks_of_proxies_are_read() -> None:
    settings = load({"trusted_proxies": " 10.0.0.7, 192.168.0.0/24,2001:db8::/32 "})
    assert [str(each) for each in settings.proxy_networks()] == [
        *("10.0.0.7/32", "192.168.0.0/24", "2001:db8::/32")
    ]
    assert load().proxy_networks() == ()
