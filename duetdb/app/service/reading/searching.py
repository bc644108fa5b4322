"""Which filter documents hold a regular expression that has to be held against every text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PREFIX = re.compile(r"\^(?:[^\\^$.|?*+()\[\]{}]|\\[^0-9A-Za-z])+")


def is_prefix(condition: Mapping[str, Any]) -> bool:
    """Whether a ``$regex`` asks for the beginning of a text only, which is a range of an index."""
    pattern = condition["$regex"]
    return not condition.get("$options") and _PREFIX.fullmatch(pattern) is not None


def is_search(where: Mapping[str, Any]) -> bool:
    """Whether any pattern in the filter document is more than the beginning of a text."""
    return any(_searches(value) for value in where.values())


def _searches(value: Any) -> bool:
    if isinstance(value, dict):
        return ("$regex" in value and not is_prefix(value)) or is_search(value)
    return isinstance(value, list) and any(isinstance(e, dict) and is_search(e) for e in value)
