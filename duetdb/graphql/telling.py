"""Who is told of the schema itself: by introspection, and by suggestions in errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from duetdb.schema_gen.model import Audience

Introspection: TypeAlias = Literal["all", "keys", "off"]
"""Who may ask for the schema: everybody who may ask for anything, the keys alone, nobody."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What one kind of caller is told of the schema that is made for it."""

    introspection: bool
    suggestions: bool


def telling(audience: Audience, setting: Introspection) -> Telling:
    """Suggestions are for those who write the front end: the holders of the full-access key."""
    asks = setting == "all" or (setting == "keys" and audience is not Audience.USER)
    return Telling(introspection=asks, suggestions=asks and audience is Audience.FULL)
