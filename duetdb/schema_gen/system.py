"""The system collections that exist in every database (SPEC 1)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

USERS: Final = "users"
"""Where the records of users are, unless a setting names another collection."""


def _collection(name: str, description: str, *fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "fields": list(fields),
        "graphqlName": "".join(word.capitalize() for word in name.split("_")),
    }


def _fields(kind: str, *names: str) -> list[dict[str, Any]]:
    return [{"name": name, "type": kind} for name in names]


_ALL = (
    _collection(
        USERS,
        "People who sign in through an external identity provider.",
        {"name": "email", "type": "email", "unique": True},
        {"name": "email_verified", "type": "bool"},
        *_fields("text", "name", "given_name", "family_name", "picture"),
        {"name": "roles", "type": "text", "multiple": True, "searchable": False},
        {"name": "active", "type": "bool", "default": True},
        {"name": "realtime", "type": "JSON"},
    ),
    _collection(
        "system_jobs",
        "Scheduled jobs.",
        *_fields("text", "script", "description", "crontab"),
        {"name": "active", "type": "bool"},
    ),
    _collection(
        "system_log", "What jobs and hooks logged.", *_fields("text", "status", "logstring")
    ),
    _collection(
        "email_outbound",
        "Copies of sent mails.",
        *_fields("text", "to", "status", "transport", "from", "subject", "company"),
        *_fields("text", "unsubscribelink", "tracking-status", "reason"),
        {"name": "attachments", "type": "text", "multiple": True, "searchable": False},
        *_fields("JSON", "track"),
        *_fields("html", "body"),
        *_fields("datetime", "tracking-date"),
    ),
    _collection(
        "email_inbound",
        "Received mails.",
        *_fields("text", "from", "subject"),
        *_fields("html", "body"),
    ),
    _collection(
        "email_unsubscribed",
        "Addresses that want no more mail.",
        *_fields("email", "to"),
    ),
)

SYSTEM_DEFINITIONS: Mapping[str, dict[str, Any]] = MappingProxyType(
    {definition["name"]: definition for definition in _ALL}
)
"""Their metadata by name; stored metadata of the same name takes its place."""
