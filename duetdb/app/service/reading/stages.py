"""What a pipeline does with whole documents, before it makes something else of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

Stage: TypeAlias = Mapping[str, Any]

_OF_DOCUMENTS = frozenset(("$match", "$geoNear", "$unset", "$sort", "$skip", "$limit"))


def where_of(pipeline: Sequence[Stage]) -> Mapping[str, Any]:
    """The filter that it begins with."""
    first = pipeline[0] if pipeline else {}
    where: Mapping[str, Any] = first.get("$match") or first.get("$geoNear", {}).get("query", {})
    return where


def sort_of(pipeline: Sequence[Stage]) -> list[tuple[str, int]]:
    """The order of the documents; that of groups and of computed values is none."""
    return next((list(each["$sort"].items()) for each in _begin(pipeline) if "$sort" in each), [])


def _begin(pipeline: Sequence[Stage]) -> Iterator[Stage]:
    for stage in pipeline:
        if stage.keys().isdisjoint(_OF_DOCUMENTS):
            return
        yield stage
