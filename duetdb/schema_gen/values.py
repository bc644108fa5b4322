"""Values on the wire and in storage: the functions that the service and the interfaces call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duetdb.schema_gen.field import Field
from duetdb.schema_gen.ids import stored_id
from duetdb.schema_gen.model import Collection
from duetdb.schema_gen.shape import Problem, Rules, Shape, coerce, empty
from duetdb.schema_gen.well_formed import well_formed

__all__ = [
    "Problem",
    "Rules",
    "Shape",
    "coerce",
    "coerce_fields",
    "empty",
    "fits",
    "parse_id",
    "well_formed",
]


def coerce_fields(
    fields: tuple[Field, ...],
    document: Mapping[str, Any],
    *,
    strict: bool = False,
    prefix: str = "",
    check_required: bool = True,
    partial: bool = False,
    validate: bool = True,
) -> tuple[dict[str, Any], list[Problem]]:
    """The stored form of ``document`` and all of its problems: ``(path, code, message)``.

    For many documents of one collection use ``collection.shape.coerce``, which
    is the same with the fields compiled once.
    """
    rules = Rules(strict, check_required, partial, validate)
    return Shape(fields).coerce(document, rules, prefix)


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
