"""Which sampled values are provably ids of another collection, and which only look so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bson import ObjectId

MANY: Final = 10
"""Distinct values from which on an overlap with another field is worth a sentence."""
OVERLAP: Final = 0.9
OVERLAP_NAMED: Final = 0.5
"""The share of them that must occur there: half if the field is named after the collection."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What is known of a collection that values may refer to.

    ``documents`` is a bounded sample of it. ``ids`` are ids known to exist
    beside those: the caller looks up the values that ``candidate_ids`` gives
    and puts the ones it finds here, so that a relation can be proved although
    the sample does not hold the whole collection.
    """

    documents: Sequence[Mapping[str, Any]] = ()
    ids: frozenset[Any] = frozenset()

    def known_ids(self) -> frozenset[Any]:
        return self.ids | frozenset(hashable(d.get("_id") for d in self.documents))


class References:
    """Answers questions about values against all sampled collections; made once per inference."""

    def __init__(self, samples: Mapping[str, Sample]) -> None:
        self._ids = {name: sample.known_ids() for name, sample in samples.items()}
        self._columns = _columns(samples)

    def target(self, name: str, values: Iterable[Any]) -> str | None:
        """The one collection in which every value is an ``_id``, or None.

        An ObjectId is unique in the world and proves a relation by itself. A
        number or text that is some id by chance proves nothing, so there the
        field must also be named after the collection.
        """
        distinct = hashable(values)
        found = [each for each, ids in self._ids.items() if distinct and distinct <= ids]
        if len(found) != 1:
            return None
        certain = all(isinstance(value, ObjectId) for value in distinct)
        return found[0] if certain or _named_after(name, found[0]) else None

    def column(self, own: tuple[str, str], values: Iterable[Any]) -> str | None:
        """Another field, as ``collection.field``, that many of the values occur in, or None."""
        distinct = hashable(values)
        if len(distinct) < MANY:
            return None
        best, most = None, 0
        for column, others in self._columns.items():
            count = len(distinct & others)
            share = OVERLAP_NAMED if _named_after(own[1], column[0]) else OVERLAP
            # Either may be a small sample of what the other side refers to.
            enough = share * min(len(distinct), len(others))
            if column != own and count >= enough and count > most:
                best, most = column, count
        return None if best is None else ".".join(best)


def hashable(values: Iterable[Any]) -> frozenset[Any]:
    """The distinct values that can be ids: ObjectIds, texts and whole numbers."""
    return frozenset(
        value
        for value in values
        if isinstance(value, ObjectId | str | int) and not isinstance(value, bool) and value != ""
    )


def _columns(samples: Mapping[str, Sample]) -> dict[tuple[str, str], frozenset[Any]]:
    """The fields of all samples that nearly identify a document: what could be referred to."""
    found: dict[tuple[str, str], frozenset[Any]] = {}
    for collection, sample in samples.items():
        names = dict.fromkeys(key for document in sample.documents for key in document)
        for name in names:
            values = [d[name] for d in sample.documents if d.get(name) not in (None, "")]
            distinct = hashable(value for value in values if not isinstance(value, list | Mapping))
            if not name.startswith("_") and len(distinct) >= max(MANY, 0.9 * len(values)):
                found[collection, name] = distinct
    return found


def _named_after(field: str, collection: str) -> bool:
    """Whether ``countryId``, ``country_ids`` or ``countries`` names ``countries``."""
    words = field.lower().replace("-", "_")
    for suffix in ("_ids", "_id", "ids", "id"):
        if words.endswith(suffix) and words != suffix:
            words = words.removesuffix(suffix)
            break
    return _singular(words.rstrip("_")) == _singular(collection.lower().replace("-", "_"))


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word.removesuffix("ies") + "y"
    return word.removesuffix("es") if word.endswith("ses") else word.removesuffix("s")
