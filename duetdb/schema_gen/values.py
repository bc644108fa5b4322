"""Values on the wire and in storage, one at a time; ``shape`` is for whole documents."""

from __future__ import annotations

from typing import Any

from duetdb.schema_gen.field import Field
from duetdb.schema_gen.ids import stored_id
from duetdb.schema_gen.model import Collection
from duetdb.schema_gen.shape import coerce, empty
from duetdb.schema_gen.well_formed import well_formed

__all__ = [
    "coerce",
    "empty",
    "fits",
    "parse_id",
    "well_formed",
]


def fits(field: Field, stored: Any) -> bool:
    """Whether a stored value can be shown as the field's type; null always can.

    A single id fits a relation although we always write lists: data from before
    us has it so.
    """
    if stored is None:
        return True
    kind = field.type
    if not field.is_list:
        return kind.fits(stored)
    if isinstance(stored, list):
        return all(map(kind.fits, stored))
    return field.relation is not None and kind.fits(stored)


def parse_id(collection: Collection, value: Any) -> Any | None:
    """The stored ``_id`` that a wire value means, None when it cannot be one."""
    return stored_id(collection.id_type, value)
