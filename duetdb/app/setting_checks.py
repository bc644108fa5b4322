"""Settings that do not go together, or that a server must not start with: one sentence each."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from duetdb.app.service.identity.material import check_options
from duetdb.app.service.mail.options import check_mail_options
from duetdb.app.service.media.options import check_media_options
from duetdb.app.service.options import BadOptions
from duetdb.app.setting_values import SettingsError

if TYPE_CHECKING:
    from duetdb.app.settings import Settings

_API_KEY_LENGTH: Final = 24
_PEPPER_LENGTH: Final = 32


def _check_api_key(settings: Settings) -> None:
    key = settings.api_key
    if key is None:
        return
    if len(key) < _API_KEY_LENGTH:
        raise SettingsError(
            f"{settings.origin_of('api_key')} has {len(key)} characters; a full-access key needs "
            f"{_API_KEY_LENGTH} or more. `openssl rand -hex 24` makes a good one."
        )
    if not key.isascii() or not key.isprintable() or {" ", ","} & {*key}:
        raise SettingsError(
            f"{settings.origin_of('api_key')} has characters that an HTTP header cannot carry as "
            "one value; use letters, digits and ASCII punctuation, but no comma."
        )


def _check_pepper(settings: Settings) -> None:
    pepper = settings.key_pepper
    if pepper is not None and len(pepper) < _PEPPER_LENGTH:
        raise SettingsError(
            f"{settings.origin_of('key_pepper')} has {len(pepper)} characters; it needs "
            f"{_PEPPER_LENGTH} or more. `openssl rand -hex 32` makes a good one."
        )


def _check_origins(settings: Settings) -> None:
    try:
        settings.listed_origins()
    except ValueError as error:
        raise SettingsError(f"{settings.origin_of('user_origins')}: {error}") from None


def _check_database(settings: Settings) -> None:
    name = settings.database
    if name in {"admin", "local", "config"}:
        raise SettingsError(
            f"{settings.origin_of('database')} is {name!r}, which MongoDB keeps for itself."
        )
    if not re.fullmatch(r'[^/\\. "$*<>:|?\x00]{1,63}', name):
        raise SettingsError(
            f"{settings.origin_of('database')} is {name!r}, which MongoDB does not take as a name: "
            "use 1 to 63 letters, digits, - and _."
        )


def _check_engine(settings: Settings) -> None:
    uri = settings.mongodb_uri
    if uri is not None and not uri.startswith(("mongodb://", "mongodb+srv://")):
        raise SettingsError(
            f"{settings.origin_of('mongodb_uri')} must begin with mongodb:// or mongodb+srv://."
        )
    if settings.memory and uri is not None:
        raise SettingsError("memory and mongodb_uri exclude each other: set one of them.")
    if settings.memory and settings.require_index:
        raise SettingsError("memory has no indexes to require: set memory or require_index.")
    if settings.memory and settings.workers > 1:
        raise SettingsError("memory works with one worker only: each would have its own data.")


def _check_tls(settings: Settings) -> None:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise SettingsError("tls_cert and tls_key belong together: set both or neither.")
    if settings.tls_cert is not None and settings.tls_self_signed:
        raise SettingsError("tls_cert and tls_self_signed exclude each other: set one of them.")
    for name in ("tls_cert", "tls_key"):
        path: Path | None = getattr(settings, name)
        if path is not None and not path.is_file():
            raise SettingsError(f"{settings.origin_of(name)}: there is no file {path}.")


def _check_proxies(settings: Settings) -> None:
    try:
        settings.proxy_networks()
    except ValueError as error:
        raise SettingsError(
            f"{settings.origin_of('trusted_proxies')}: {error}. Give addresses or networks, "
            "separated by commas, such as 10.0.0.7,192.168.0.0/24."
        ) from None


def _check_rates(settings: Settings) -> None:
    if settings.memory and settings.rate_storage == "mongodb":
        raise SettingsError("memory has no MongoDB to count in: set memory or rate_storage.")


def _check_pages(settings: Settings) -> None:
    if settings.page_default > settings.page_ceiling:
        raise SettingsError(
            f"page_default ({settings.page_default}) is larger than "
            f"page_ceiling ({settings.page_ceiling})."
        )


def _check_options(settings: Settings) -> None:
    try:
        check_options(settings.identity())
        check_mail_options(settings.mail())
        check_media_options(settings.media())
    except BadOptions as error:
        raise SettingsError(str(error)) from None


def _check_bucket(settings: Settings) -> None:
    if settings.memory and settings.media_s3_bucket is not None:
        raise SettingsError("memory loses what a bucket would keep: set memory or media_s3_bucket.")


CHECKS: Final[tuple[Callable[[Settings], None], ...]] = (
    _check_api_key,
    _check_pepper,
    _check_origins,
    _check_options,
    _check_bucket,
    _check_database,
    _check_engine,
    _check_tls,
    _check_proxies,
    _check_rates,
    _check_pages,
)
