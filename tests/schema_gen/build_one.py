"""Short ways to a field and to a schema."""

from __future__ import annotations

from typing import Any

from duetdb.schema_gen.build import build_schema
from duetdb.schema_gen.field import Field
from duetdb.schema_gen.field_body import parse_bodies
from duetdb.schema_gen.model import Collection, Schema


def field(kind: str = "text", **body: Any) -> Field:
    """One parsed field called ``f``."""
    (found,) = parse_bodies([{"name": "f", "type": kind, **body}])
    return found


def schema(previous: Schema | None = None, **definitions: Any) -> Schema:
    """A schema of collections given as lists of fields or as whole bodies."""
    bodies = {
        name: body if isinstance(body, dict) else {"fields": body}
        for name, body in definitions.items()
    }
    return build_schema(bodies, version=1, previous=previous)


def collection(*fields: dict[str, Any], **body: Any) -> Collection:
    """A collection called ``things``."""
    built = schema(things={"fields": list(fields), **body})
    assert not built.quarantined, built.quarantined
    return built.collections["things"]
