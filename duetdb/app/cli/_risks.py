"""What deserves a second look in settings, keys and metadata, each as a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from duetdb.app.service.access.reach import ANYBODY, READING, Reach, Reached, reaches_everything
from duetdb.app.service.keys.web_key import WebKey
from duetdb.app.service.options import is_loopback
from duetdb.app.service.origins import ANYWHERE
from duetdb.app.settings import Settings
from duetdb.schema_gen.model import Audience, Schema
from duetdb.schema_gen.system import SYSTEM_DEFINITIONS, USERS

_PRIVILEGES: Final = frozenset(("roles", "active", "email_verified", "realtime"))
_LONG_KEY: Final = 32
_OTHERS: Final = SYSTEM_DEFINITIONS.keys() - {USERS}
_MINT: Final = "auth/jwt"


@dataclass(frozen=True, slots=True)
class Risk:
    """Something that is open, or may be. Serious ones make ``duetdb doctor`` fail."""

    where: str
    sentence: str
    serious: bool = True


def risks_of(
    settings: Settings, schema: Schema, keys: Iterable[WebKey], reaches: Iterable[Reach]
) -> Iterator[Risk]:
    """All risks, those of the settings first."""
    yield from _of_settings(settings)
    has_users = any((settings.passwords, settings.jwt_secret, *_public(settings)))
    for key in keys:
        yield from _of_key(key)
    for reach in reaches:
        if reach.audience is not Audience.USER or has_users:
            yield from _of_reach(reach, schema, settings)
    yield from _of_schema(schema)


def _public(settings: Settings) -> tuple[str | None, str | None]:
    return settings.jwt_public_key, settings.jwt_jwks_url


def _of_settings(settings: Settings) -> Iterator[Risk]:
    is_open = not is_loopback(settings.host)
    if is_open and not settings.require_https:
        yield Risk("require_https", "Keys and documents cross the network in plain text.")
    if is_open and settings.mongodb_uri is None and not settings.memory:
        yield Risk(
            "mongodb_uri", "The embedded database is for development and small sites.", False
        )
    if settings.memory:
        yield Risk("memory", "Everything is lost when the server stops.", False)
    if settings.introspection == "all":
        yield Risk("introspection", "Everybody who signs in may ask for the GraphQL schema.", False)
    if settings.api_key is not None and len(settings.api_key) < _LONG_KEY:
        yield Risk("api_key", f"The full-access key has fewer than {_LONG_KEY} characters.", False)
    if settings.trusted_proxies is not None and "/0" in settings.trusted_proxies:
        yield Risk("trusted_proxies", "Everybody may say which address a request comes from.")
    for name in ("rate_key", "rate_user", "rate_address", "rate_failures"):
        if getattr(settings, name) == 0:
            yield Risk(name, "There is no limit: keys can be guessed, or the server kept busy.")
    if settings.jwt_without_record:
        yield Risk("jwt_without_record", "Whoever the issuer lets in is a user here.", False)
    if settings.jwt_jwks_url is not None and settings.jwt_issuer is None:
        yield Risk("jwt_issuer", "Whoever the keys belong to may name any issuer.", False)
    if settings.registration:
        yield Risk("registration", "Anybody may become a user.", False)
    if ANYWHERE in settings.user_origins:
        yield Risk("user_origins", "Pages of every site may act for users who sign in.")


def _of_key(key: WebKey) -> Iterator[Risk]:
    where = f"key {key.id}"
    if any(each.strip("/") == _MINT for each in key.paths):
        yield Risk(
            where, "May sign tokens for every user: no page must carry it.", bool(key.origins)
        )
    if ANYWHERE in key.origins and key.methods - {READING}:
        yield Risk(where, "Pages of every site may write with it: name the origins.", False)
    if key.expires is None:
        yield Risk(where, "It never expires.", False)


def _of_reach(reach: Reach, schema: Schema, settings: Settings) -> Iterator[Risk]:
    if reach.audience is Audience.KEY and reaches_everything(reach, schema):
        yield Risk(reach.caller, "May read, change and delete every document there is.")
    for each in reach.collections:
        if schema.collections[each.collection].system:
            yield from _of_system(reach, each)
        elif reach.caller == ANYBODY and "DELETE" in each.methods and each.documents:
            sentence = f"May change and delete all of {each.collection!r}: it names no roles."
            yield Risk(reach.caller, sentence, settings.registration)  # then any user is anybody


def _of_system(reach: Reach, reached: Reached) -> Iterator[Risk]:
    """Nothing opens a system collection but its name, which may be meant."""
    told = _PRIVILEGES.intersection(reached.writable)
    if reached.collection not in _OTHERS and told:
        names = ", ".join(sorted(told))
        yield Risk(reach.caller, f"May write {names} of users, and with it give itself rights.")
    elif READING in reached.methods and reached.documents:
        yield Risk(reach.caller, f"May read all of the system collection {reached.collection!r}.")


def _of_schema(schema: Schema) -> Iterator[Risk]:
    for name, collection in sorted(schema.collections.items()):
        for each in collection.all_fields:
            if each.hidden and each.unique:
                sentence = (
                    "It is hidden and unique: who may write it can ask whether a value is taken."
                )
                yield Risk(f"{name}.{each.path}", sentence, False)
