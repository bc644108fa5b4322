"""Texts that were prepared once and may be asked again, bounded in the memory that they take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Generic, TypeVar

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionSetNode,
)

T = TypeVar("T")

_MOST: Final = 1_000_000
"""What all kept texts weigh together: a character of a text takes about 100 bytes of memory."""
_SHARE: Final = 10
"""A text that weighs more than this part of all is not kept."""
_FIELD: Final = 12
"""What a field of a plan weighs, in characters of a text."""


class KeptTexts(Generic[T]):
    """What was made of texts; the oldest goes first."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[T, int]] = {}
        self._weight = 0

    def get(self, text: str) -> T | None:
        found = self._kept.get(text)
        return None if found is None else found[0]

    def keep(self, text: str, made: T, fields: int) -> None:
        """Keeps what was made of a text, whose plans have so many fields."""
        weight = len(text) + _FIELD * fields
        if text in self._kept or weight > _MOST // _SHARE:
            return
        self._kept[text] = made, weight
        self._weight += weight
        while self._weight > _MOST:
            _, gone = self._kept.pop(next(iter(self._kept)))
            self._weight -= gone


def fields_of(
    selected: SelectionSetNode | None, fragments: Mapping[str, FragmentDefinitionNode]
) -> int:
    """How many fields a selection has, each fragment counted wherever it is used."""
    return _count(selected, fragments, {})


def _count(
    selected: SelectionSetNode | None,
    fragments: Mapping[str, FragmentDefinitionNode],
    known: dict[str, int],
) -> int:
    total = 0
    for each in selected.selections if selected is not None else ():
        if isinstance(each, FragmentSpreadNode):
            name = each.name.value
            if name not in known:
                known[name] = _count(fragments[name].selection_set, fragments, known)
            total += known[name]
        elif isinstance(each, FieldNode | InlineFragmentNode):
            total += isinstance(each, FieldNode) + _count(each.selection_set, fragments, known)
    return total
