"""Bodies about web keys: read into what is stored, with every mistake named at once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

from duetdb.app.service.access.document_filter import USER
from duetdb.app.service.dates import now
from duetdb.app.service.errors import BadRequest, Invalid, ValidationFailed
from duetdb.app.service.filters.parse import parse_filter
from duetdb.app.service.keys.records import RIGHTS
from duetdb.app.service.keys.web_key import METHODS
from duetdb.app.service.limits import Limits
from duetdb.app.service.origins import listed_origin
from duetdb.schema_gen.field import Mismatch
from duetdb.schema_gen.fields.instants import read_instant
from duetdb.schema_gen.model import Collection, GraphQLNames, Schema
from duetdb.schema_gen.name_rules import text_mistake
from duetdb.schema_gen.problem import Problem
from duetdb.schema_gen.suggest import did_you_mean

DEFAULTS: Final[Mapping[str, Any]] = {
    "description": "",
    "origins": [],
    "methods": list(METHODS),
    "paths": [],
    "realtime": [],
    "filter": None,
    "readable": [],
    "writable": [],
    "expires": None,
    "rate": None,
}
"""What a key has that nobody gave it, or gave null."""

_LONGEST_DESCRIPTION: Final = 1_000
_LONGEST_ENTRY: Final = 500
_MOST_ENTRIES: Final = 500
_FASTEST: Final = 1_000_000
_EVENTS: Final = ("POST", "PUT", "DELETE", "*")
_ANY_COLLECTION: Final = Collection(name="", names=GraphQLNames("", ""))
_STARS: Final = re.compile(r"(?<!\*)\*(?!\*)|^\*\*$")
"""The stars that mean something: one inside of a part, or two that are the whole part."""

Entry: TypeAlias = Callable[[str], str]
"""Reads an entry of a list into the form that is stored; raises ``ValueError`` with a sentence."""


def rights_of(body: Any, limits: Limits) -> dict[str, Any]:
    """The rights that a body gives, in stored form: those that it names and no others.

    Raises ``BadRequest`` unless it is an object, and ``ValidationFailed`` with
    each mistake at its path, such as ``paths[2]``.
    """
    if not isinstance(body, Mapping):
        raise BadRequest(
            "The body must be a JSON object.",
            hint='Send what the key may do: {"paths":["/posts/**"],"methods":["GET"]}.',
        )
    reader = _Reader(limits)
    rights = {name: reader.read(name, value) for name, value in body.items()}
    if reader.problems:
        raise ValidationFailed(
            [Invalid(each.path, each.message, "TYPE") for each in reader.problems]
        )
    return rights


class _Reader:
    """Reads one body and collects its mistakes."""

    def __init__(self, limits: Limits) -> None:
        self.problems: list[Problem] = []
        self._limits = limits

    def read(self, name: str, value: Any) -> Any:
        """The stored form of a property; of one that has mistakes, anything."""
        if name not in RIGHTS:
            hint = did_you_mean(name, RIGHTS)
            sentence = f"Unknown property {ascii(name)[:60]}.{hint} Allowed: {', '.join(RIGHTS)}."
            return self._mistake(name, sentence)
        if value is None:
            return DEFAULTS[name]
        if name in _ENTRIES:
            return self._list(name, value)
        read: Callable[[Any], Any] = {
            "description": _description,
            "filter": self._filter,
            "expires": _expires,
            "rate": _rate,
        }[name]
        try:
            return read(value)
        except ValueError as error:
            return self._mistake(name, str(error))

    def _list(self, name: str, values: Any) -> list[str]:
        if not isinstance(values, list) or len(values) > _MOST_ENTRIES:
            sentence = f"'{name}' must be a list of at most {_MOST_ENTRIES} texts."
            self._mistake(name, sentence)
            return []
        return list(dict.fromkeys(self._entries(name, values)))

    def _entries(self, name: str, values: list[Any]) -> Iterator[str]:
        for index, value in enumerate(values):
            try:
                yield _ENTRIES[name](_text(value))
            except ValueError as error:
                self._mistake(f"{name}[{index}]", str(error))

    def _filter(self, value: Any) -> str | None:
        if not isinstance(value, Mapping):
            raise ValueError("'filter' must be a query object, as the parameter q is.")
        text = json.dumps(value)
        if f'"{USER}' in text:
            raise ValueError(f"A key is nobody's: '{USER}...' has no value in its filter.")
        try:
            # It holds for every collection, so it is read for one of which nothing is known.
            parse_filter(_ANY_COLLECTION, value, self._limits, Schema())
        except BadRequest as error:
            raise ValueError(f"{error.message} {error.hint or ''}".strip()) from None
        return text if value else None

    def _mistake(self, path: str, sentence: str) -> None:
        self.problems.append(Problem(path, sentence))


def _text(value: Any) -> str:
    mistake = text_mistake(value, _LONGEST_ENTRY) if value is not None else "must be a string."
    if mistake is not None:
        raise ValueError(f"This entry {mistake}")
    return str(value)


def _description(value: Any) -> str:
    mistake = text_mistake(value, _LONGEST_DESCRIPTION)
    if mistake is not None:
        raise ValueError(f"'description' {mistake}")
    return str(value)


def _expires(value: Any) -> datetime:
    sentence = "'expires' must be an instant such as 2030-12-31T23:59:00Z, or null for never."
    try:
        instant = read_instant(value, sentence)
    except Mismatch as error:
        raise ValueError(str(error)) from None
    if instant <= now():
        raise ValueError("'expires' is in the past: such a key would never be accepted.")
    return instant


def _rate(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _FASTEST:
        raise ValueError(
            f"'rate' must be requests a second, above 0 and up to {_FASTEST:,}; or null."
        )
    return float(value)


def _method(entry: str) -> str:
    method = entry.strip().upper()
    if method not in METHODS:
        hint = did_you_mean(method, METHODS)
        raise ValueError(f"{ascii(entry)[:60]} is no method.{hint} Allowed: {', '.join(METHODS)}.")
    return method


def _glob(entry: str) -> str:
    parts = entry.removeprefix("/").split("/")
    if parts[-1:] == [""]:
        parts.pop()
    shown = ascii(entry)[:100]
    if not parts or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{shown} is no path: write /posts, /posts/* or /posts/**.")
    if any(sign in entry for sign in "?#\\"):
        raise ValueError(f"{shown} must be a path alone, without ?, # and \\.")
    if any("*" in _STARS.sub("", part) for part in parts):
        raise ValueError(
            f"{shown} cannot be read: * stands for anything in one part of a path, ** alone "
            "between slashes for any number of parts."
        )
    if parts[0] == "rest" and len(parts) > 1:
        raise ValueError(f"{shown} begins with /rest: paths are below it, such as /posts/**.")
    return "/" + "/".join(parts)


def _event(entry: str) -> str:
    method, colon, collection = entry.partition(":")
    if not colon or not collection or method.strip().upper() not in _EVENTS:
        raise ValueError(
            f"{ascii(entry)[:100]} is no event: write METHOD:collection, where METHOD is one of "
            f"{', '.join(_EVENTS)}."
        )
    return f"{method.strip().upper()}:{collection.strip()}"


def _field(entry: str) -> str:
    if not entry or any(not part or part.startswith("$") for part in entry.split(".")):
        raise ValueError(f"{ascii(entry)[:100]} is no field: write its name or a dotted path.")
    return entry


_ENTRIES: Final[Mapping[str, Entry]] = {
    "origins": listed_origin,
    "methods": _method,
    "paths": _glob,
    "realtime": _event,
    "readable": _field,
    "writable": _field,
}
