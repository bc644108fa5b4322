"""Every setting of the server in one frozen class, read once at start and passed by argument."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_type_hints

from dotenv import dotenv_values

from duetdb.app.service.identity.options import IdentityOptions
from duetdb.app.service.limits import Limits
from duetdb.app.service.mail.options import MailOptions
from duetdb.app.service.media.options import MediaOptions
from duetdb.app.service.options import is_loopback
from duetdb.app.service.origins import listed_origin
from duetdb.app.setting_checks import CHECKS
from duetdb.app.setting_values import SettingsError, check_range, convert
from duetdb.schema_gen.suggest import did_you_mean

PREFIX = "DUETDB_"

_SECRET = {"secret": True}
_LIMITS = frozenset(limit.name for limit in fields(Limits))
_IDENTITY = frozenset(option.name for option in fields(IdentityOptions))
_MAIL = frozenset(option.name for option in fields(MailOptions))
_MEDIA = frozenset(option.name for option in fields(MediaOptions))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(IdentityOptions, MailOptions, MediaOptions, Limits):
    """What an operator can set; options of identity, mail and media and the limits are part of it.

    Each field is the flag ``--its-name`` and the variable ``DUETDB_ITS_NAME``; the text below a
    field is its help. Flags win over the environment, the environment over ``.env``, and ``.env``
    over the default. An empty variable counts as not set.
    """

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = field(default=8000, metadata={"min": 0, "max": 65535})
    """TCP port to listen on; 0 takes a free one."""
    tls_cert: Path | None = None
    """PEM file with the certificate chain; with tls_key the server speaks HTTPS."""
    tls_key: Path | None = None
    """PEM file with the certificate's private key."""
    tls_self_signed: bool = False
    """Speak HTTPS with a certificate that the server makes itself; for development."""
    require_https: bool = True
    """Refuse requests of other machines that did not come by HTTPS."""
    hsts_seconds: int = field(default=31_536_000, metadata={"min": 0})
    """How long browsers shall ask this host by HTTPS only, said on HTTPS answers; 0: not said."""
    trusted_proxies: str | None = None
    """Addresses or networks, separated by commas, of proxies that say who the client is."""
    proxy_headers: Literal["x-forwarded", "forwarded"] = "x-forwarded"
    """The headers that they set: X-Forwarded-For and X-Forwarded-Proto, or Forwarded (RFC 7239)."""
    header_count: int = 100
    """Headers of one request."""
    header_bytes: int = 65_536
    """Bytes of the address and the headers of one request."""
    header_seconds: int = field(default=10, metadata={"max": 3600})
    """Seconds in which the headers of a request must arrive."""
    body_seconds: int = field(default=30, metadata={"max": 3600})
    """Seconds in which a body must arrive, and one more for each 10,000 bytes that did."""
    keep_alive_seconds: int = field(default=65, metadata={"max": 3600})
    """Seconds that a connection is kept for the next request."""
    rate_key: int = field(default=200, metadata={"min": 0})
    """Requests a second of a key that has no rate of its own, over 10 seconds; 0: any number."""
    rate_user: int = field(default=50, metadata={"min": 0})
    """Requests a second of one user, over 10 seconds; 0: any number."""
    rate_address: int = field(default=500, metadata={"min": 0})
    """Requests a second of one other machine's address, over 10 seconds; 0: any number."""
    rate_failures: int = field(default=30, metadata={"min": 0})
    """Wrong keys and tokens a minute after which an address must wait; 0: any number."""
    rate_storage: Literal["memory", "mongodb"] = "memory"
    """Where requests are counted: in each worker, or in the database for all workers together."""
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
        for check in CHECKS:
            check(settings)
        return settings

    def listed_origins(self) -> tuple[str, ...]:
        """The entries of ``user_origins``; raises ``ValueError``, which ``load`` has ruled out."""
        given = [each for each in self.user_origins.split(",") if each.strip() not in ("", "none")]
        return tuple(map(listed_origin, given))

    def limits(self) -> Limits:
        """The part that the service enforces."""
        return Limits(**{limit.name: getattr(self, limit.name) for limit in fields(Limits)})

    def identity(self) -> IdentityOptions:
        """The part that says how users prove who they are."""
        return IdentityOptions(**{name: getattr(self, name) for name in _IDENTITY})

    def mail(self) -> MailOptions:
        """The part that says how mail leaves."""
        return MailOptions(**{name: getattr(self, name) for name in _MAIL})

    def media(self) -> MediaOptions:
        """The part that says where files are kept."""
        return MediaOptions(**{name: getattr(self, name) for name in _MEDIA})

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
        if self.require_https or is_loopback(self.host) or self.speaks_tls:
            return ()
        return (
            f"Listening on {self.host} without TLS: keys and data cross the network in plain text. "
            "Set tls_cert and tls_key, or put a TLS proxy in front.",
        )

    @property
    def speaks_tls(self) -> bool:
        """Whether the server itself speaks HTTPS."""
        return self.tls_cert is not None or self.tls_self_signed

    def proxy_networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """``trusted_proxies``; raises ``ValueError`` for what is no address and no network."""
        given = (each.strip() for each in (self.trusted_proxies or "").split(","))
        return tuple(ipaddress.ip_network(each) for each in given if each)

    def check_reachable(self) -> None:
        """Raises ``SettingsError`` if a server would refuse everybody who can reach it."""
        if (
            self.require_https
            and not self.speaks_tls
            and not self.trusted_proxies
            and not is_loopback(self.host)
        ):
            raise SettingsError(
                f"Listening on {self.host} takes HTTPS: give a certificate with --tls-cert and "
                "--tls-key (or --tls-self-signed for development), or name the proxy that speaks "
                "HTTPS for the server with --trusted-proxies, or say --no-require-https if nobody "
                "else can read that network."
            )


def _group(setting: Field[Any]) -> int:
    if setting.name in _LIMITS:
        return 3
    return 2 if setting.name in _MAIL | _MEDIA else int(setting.name in _IDENTITY)


SETTINGS: Mapping[str, Field[Any]] = MappingProxyType(
    {
        setting.name: setting
        for setting in sorted(fields(Settings), key=_group)
        if setting.default is not MISSING
    }
)
"""The dataclass field of every setting, those of identity, mail and media and the limits last."""

TYPES: Mapping[str, Any] = MappingProxyType(
    {name: hint for name, hint in get_type_hints(Settings).items() if name in SETTINGS}
)


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
