"""Stored ids that documents can be found and told apart by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.limits import Limits


def usable(values: Iterable[Any]) -> list[Any]:
    """The ids among stored values, in their order.

    What was written beside us may hold anything. Null is no id, and what Python
    cannot tell apart by its hash (objects, lists, patterns, decimals) is left
    out as well: none of these is the ``_id`` of a collection that relations know.
    """
    return [each for each in values if each is not None and _has_hash(each)]


def check_number(number: int, what: str, limits: Limits) -> None:
    """Raises ``LimitExceeded`` when one level of an answer has more than fits in memory."""
    if number > limits.level_documents:
        raise LimitExceeded(
            f"More than {limits.level_documents} {what} belong to this page.",
            hint="Ask for fewer documents, or for fewer related ones of each.",
        )


def _has_hash(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
