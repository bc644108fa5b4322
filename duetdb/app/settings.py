"""Every setting of the server in one frozen class, read once at start and passed by argument."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_type_hints

from dotenv import dotenv_values

from duetdb.app.service.limits import Limits
from duetdb.app.service.origins import listed_origin
from duetdb.app.setting_values import SettingsError, check_range, convert
from duetdb.schema_gen.suggest import did_you_mean

PREFIX = "DUETDB_"
API_KEY_LENGTH = 24
PEPPER_LENGTH = 32

_SECRET = {"secret": True}
_LIMITS = frozenset(limit.name for limit in fields(Limits))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Limits):
    """What an operator can set, the service's limits included.

    Each field is the flag ``--its-name`` and the variable ``DUETDB_ITS_NAME``; the text below a
    field is its help. Flags win over the environment, the environment over ``.env``, and ``.env``
    over the default. An empty variable counts as not set.
    """

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = field(default=8000, metadata={"min": 0, "max": 65535})
    """TCP port to listen on; 0 takes a free one."""
    tls_certificate: Path | None = None
    """PEM file with the certificate chain; with tls_key the server speaks HTTPS."""
    tls_key: Path | None = None
    """PEM file with the certificate's private key."""
    workers: int = field(default=1, metadata={"max": 256})
    """Server processes."""
    shutdown_timeout: int = field(default=10, metadata={"max": 3600})
    """Seconds that requests in flight are given to finish when the server stops."""
    data: Path = Path(".duetdb")
    """Folder of the embedded database."""
    mongod: Path | None = None
    """The mongod program of the embedded database; otherwise found on PATH or as a package."""
    mongodb_uri: str | None = field(default=None, repr=False, metadata=_SECRET)
    """A MongoDB replica set, sharded cluster or Atlas to use instead of the embedded database."""
    database: str = "duetdb"
    """Name of the database in MongoDB."""
    memory: bool = False
    """Keep everything in memory and lose it at the end; for trials without a mongod."""
    demo: bool = False
    """Load sample data when the database is empty."""
    infer: bool = False
    """Propose and apply metadata for collections that have documents and no metadata."""
    api_key: str | None = field(default=None, repr=False, metadata=_SECRET)
    """The full-access key, 24 characters or more; otherwise generated once."""
    key_pepper: str | None = field(default=None, repr=False, metadata=_SECRET)
    """The secret under which keys are hashed, 32 characters or more; otherwise one is made and
    kept in the database."""
    user_origins: str = "loopback"
    """Origins of the pages that may act for users who sign in, separated by commas; also
    loopback, * for anywhere, none."""
    playground: bool = True
    """Serve the GraphQL playground to browsers."""
    introspection: Literal["all", "keys", "off"] = field(
        default="keys", metadata={"words": {"true": "keys", "false": "off"}}
    )
    """Who may ask for the GraphQL schema: the keys, all (users as well), or with off nobody."""
    persisted_only: bool = False
    """Carry out only GraphQL operations that are registered, but for the full-access key."""
    access_log: bool = True
    """Log one line for each request."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important log lines to print."""

    origins: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({}), repr=False, compare=False
    )

    @classmethod
    def load(
        cls,
        flags: Mapping[str, object],
        environ: Mapping[str, str],
        env_file: Path | None = Path(".env"),
    ) -> Settings:
        """Settings from their sources, each flag by field name and None when not given.

        Raises ``SettingsError`` with one sentence on the first setting that is unknown or bad.
        """
        values: dict[str, Any] = {}
        origins: dict[str, str] = {}
        for name, raw, origin in _sources(flags, environ, env_file):
            if name not in values:
                metadata = SETTINGS[name].metadata
                raw = metadata.get("words", {}).get(str(raw).lower(), raw)
                values[name] = convert(origin, TYPES[name], raw)
                check_range(origin, values[name], metadata)
                origins[name] = origin
        settings = cls(**values, origins=MappingProxyType(origins))
        for check in _CHECKS:
            check(settings)
        return settings

    def listed_origins(self) -> tuple[str, ...]:
        """The entries of ``user_origins``; raises ``ValueError``, which ``load`` has ruled out."""
        given = [each for each in self.user_origins.split(",") if each.strip() not in ("", "none")]
        return tuple(map(listed_origin, given))

    def limits(self) -> Limits:
        """The part that the service enforces."""
        return Limits(**{limit.name: getattr(self, limit.name) for limit in fields(Limits)})

    def origin_of(self, name: str) -> str:
        """Where a setting's value comes from: a flag, a variable, the .env file or the default."""
        return self.origins.get(name, "default")

    def shown(self, name: str) -> str:
        """A setting's value for people: as one would write it, secrets masked."""
        value = getattr(self, name)
        if name == "mongodb_uri" and value is not None:
            return _mask_uri(value)
        if SETTINGS[name].metadata.get("secret") and value is not None:
            return "********"
        return _written(value)

    def to_environment(self) -> dict[str, str]:
        """Variables from which ``load`` makes these settings again, for worker processes."""
        return {
            PREFIX + name.upper(): _written(getattr(self, name))
            for name, setting in SETTINGS.items()
            if name in self.origins or getattr(self, name) != setting.default
        }

    def warnings(self) -> tuple[str, ...]:
        """Sentences about settings that work but deserve a second look."""
        if is_loopback(self.host) or self.tls_certificate is not None:
            return ()
        return (
            f"Listening on {self.host} without TLS: keys and data cross the network in plain text. "
            "Set tls_certificate and tls_key, or put a TLS proxy in front.",
        )


SETTINGS: Mapping[str, Field[Any]] = MappingProxyType(
    {
        setting.name: setting
        for setting in sorted(fields(Settings), key=lambda field: field.name in _LIMITS)
        if setting.default is not MISSING
    }
)
"""The dataclass field of every setting, the limits last."""

TYPES: Mapping[str, Any] = MappingProxyType(
    {name: hint for name, hint in get_type_hints(Settings).items() if name in SETTINGS}
)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _sources(
    flags: Mapping[str, object], environ: Mapping[str, str], env_file: Path | None
) -> list[tuple[str, object, str]]:
    """All given settings as (name, raw value, origin), the strongest source first."""
    given: list[tuple[str, object, str]] = []
    for name, raw in flags.items():
        if name not in SETTINGS:
            raise SettingsError(f"There is no setting {name!r}.{did_you_mean(name, SETTINGS)}")
        if raw is not None:
            given.append((name, raw, f"--{name.replace('_', '-')}"))
    given += _variables(environ, "{}")
    given += _variables(_read_env_file(env_file), f"{{}} in {env_file}")
    return given


def _variables(environ: Mapping[str, str | None], origin: str) -> list[tuple[str, object, str]]:
    known = {PREFIX + name.upper(): name for name in SETTINGS}
    given: list[tuple[str, object, str]] = []
    for variable, raw in environ.items():
        if not variable.startswith(PREFIX):
            continue
        if variable not in known:
            hint = did_you_mean(variable, known)
            raise SettingsError(f"There is no setting {origin.format(variable)}.{hint}")
        if raw:
            given.append((known[variable], raw, origin.format(variable)))
    return given


def _read_env_file(path: Path | None) -> Mapping[str, str | None]:
    if path is None or not path.is_file():
        return {}
    try:
        return dotenv_values(path, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {path} cannot be read: {error}.") from None


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _mask_uri(uri: str) -> str:
    """The URI without its password and without options that carry credentials."""
    masked = re.sub(r"(://[^:/@]*):.*@", r"\1:********@", uri)
    return re.sub(r"(?i)([?&](?:[^=&]*password|authMechanismProperties)=)[^&]*", r"\1***", masked)


def _check_api_key(settings: Settings) -> None:
    key = settings.api_key
    if key is None:
        return
    if len(key) < API_KEY_LENGTH:
        raise SettingsError(
            f"{settings.origin_of('api_key')} has {len(key)} characters; a full-access key needs "
            f"{API_KEY_LENGTH} or more. `openssl rand -hex 24` makes a good one."
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError(
            f"{settings.origin_of('api_key')} has characters that an HTTP header cannot carry; "
            "use letters, digits and ASCII punctuation."
        )


def _check_pepper(settings: Settings) -> None:
    pepper = settings.key_pepper
    if pepper is not None and len(pepper) < PEPPER_LENGTH:
        raise SettingsError(
            f"{settings.origin_of('key_pepper')} has {len(pepper)} characters; it needs "
            f"{PEPPER_LENGTH} or more. `openssl rand -hex 32` makes a good one."
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
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise SettingsError("tls_certificate and tls_key belong together: set both or neither.")
    for name in ("tls_certificate", "tls_key"):
        path: Path | None = getattr(settings, name)
        if path is not None and not path.is_file():
            raise SettingsError(f"{settings.origin_of(name)}: there is no file {path}.")


def _check_pages(settings: Settings) -> None:
    if settings.page_default > settings.page_ceiling:
        raise SettingsError(
            f"page_default ({settings.page_default}) is larger than "
            f"page_ceiling ({settings.page_ceiling})."
        )


_CHECKS: tuple[Callable[[Settings], None], ...] = (
    _check_api_key,
    _check_pepper,
    _check_origins,
    _check_database,
    _check_engine,
    _check_tls,
    _check_pages,
)
