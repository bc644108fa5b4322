"""The one place that lists the field types."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from duetdb.schema_gen.field import FieldType
from duetdb.schema_gen.fields.bool import Bool
from duetdb.schema_gen.fields.date import Date
from duetdb.schema_gen.fields.datetime import DateTime
from duetdb.schema_gen.fields.email import Email
from duetdb.schema_gen.fields.file import File
from duetdb.schema_gen.fields.float_number import FloatNumber
from duetdb.schema_gen.fields.geo import Geo
from duetdb.schema_gen.fields.html import Html
from duetdb.schema_gen.fields.image import Image
from duetdb.schema_gen.fields.json import Json
from duetdb.schema_gen.fields.money import Money
from duetdb.schema_gen.fields.number import Number
from duetdb.schema_gen.fields.object import Object
from duetdb.schema_gen.fields.option import Option
from duetdb.schema_gen.fields.text import Text
from duetdb.schema_gen.fields.time import Time

FIELD_TYPES: Mapping[str, FieldType] = MappingProxyType(
    {
        each.name: each
        for each in (
            Text(),
            Number(),
            FloatNumber(),
            Money(),
            Email(),
            Html(),
            Date(),
            DateTime(),
            Time(),
            Image(),
            File(),
            Bool(),
            Option(),
            Json(),
            Object(),
            Geo(),
        )
    }
)
"""Every type that metadata can name, by its id; relations are in ``fields.reference``."""
