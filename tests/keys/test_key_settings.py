"""Settings about keys: refused with one sentence, shown without the secret."""

from __future__ import annotations

import pytest

from duetdb.app.setting_values import SettingsError
from duetdb.app.settings import Settings


def load(**variables: str) -> Settings:
    given = {f"DUETDB_{name.upper()}": value for name, value in variables.items()}
    return Settings.load({}, given, env_file=None)


@pytest.mark.parametrize(
    ("given", "listed"),
    [
        ("none", ()),
        ("*", ("*",)),
        ("loopback", ("loopback",)),
        (
            "https://a.example:443, http://B.example:8080,loopback",
            ("https://a.example", "http://b.example:8080", "loopback"),
        ),
    ],
)
def test_origins_of_users(given: str, listed: tuple[str, ...]) -> None:
    assert load(user_origins=given).listed_origins() == listed
    assert load().listed_origins() == ("loopback",)


@pytest.mark.parametrize("given", ["a.example", "https://a.example/", "https://a.example,null"])
def test_what_is_no_origin(given: str) -> None:
    with pytest.raises(SettingsError, match=r"^DUETDB_USER_ORIGINS: .* is no origin: write "):
        load(user_origins=given)


def test_a_pepper_is_long_and_secret() -> None:
    with pytest.raises(SettingsError, match=r"^DUETDB_KEY_PEPPER has 31 characters; it needs 32"):
        load(key_pepper="x" * 31)
    settings = load(key_pepper="x" * 32)
    assert settings.shown("key_pepper") == "********"
    assert "x" * 32 not in repr(settings)
