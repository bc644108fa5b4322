"""Ids on the wire: each id type takes its own and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from bson.objectid import ObjectId

from duetdb.schema_gen.model import IdType
from duetdb.schema_gen.values import empty, parse_id
from tests.schema_gen.build_one import collection

HEX = "5F0000000000000000000001"


@pytest.mark.parametrize(
    ("id_type", "value", "stored"),
    [
        (IdType.OBJECT_ID, HEX, ObjectId(HEX)),
        (IdType.OBJECT_ID, ObjectId(HEX), ObjectId(HEX)),
        (IdType.OBJECT_ID, "x" * 24, None),
        (IdType.OBJECT_ID, HEX + "\n", None),
        (IdType.OBJECT_ID, 5, None),
        (IdType.OBJECT_ID, None, None),
        (IdType.STRING, "NO", "NO"),
        (IdType.STRING, HEX, HEX),
        (IdType.STRING, "", None),
        (IdType.STRING, "a\0", None),
        (IdType.STRING, "\ud800", None),
        (IdType.STRING, 5, None),
        (IdType.STRING, "x" * 513, None),
        (IdType.NUMBER, "-5", -5),
        (IdType.NUMBER, 5, 5),
        (IdType.NUMBER, 5.0, 5),
        (IdType.NUMBER, "2.5", 2.5),
        (IdType.NUMBER, True, None),
        (IdType.NUMBER, "9" * 19, None),
        (IdType.NUMBER, "9" * 5000, None),
        (IdType.NUMBER, float("nan"), None),
        (IdType.NUMBER, "five", None),
        (IdType.NUMBER, [5], None),
    ],
)
def test_an_id_is_read_as_its_collection_stores_it(
    id_type: IdType, value: Any, stored: Any
) -> None:
    found = parse_id(collection(idType=str(id_type)), value)
    assert found == stored
    assert type(found) is type(stored)


@pytest.mark.parametrize(("value", "expected"), [(None, 1), ("", 1), ([], 1), (0, 0), (False, 0)])
def test_null_and_nothing_are_empty_but_zero_is_not(value: Any, expected: int) -> None:
    assert empty(value) is bool(expected)
