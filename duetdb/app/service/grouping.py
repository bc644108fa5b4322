"""Questions about many documents at once, as frozen values: groups, measures, distinct values.

``Query`` says which documents are meant: its filter, order, skip and max come
before the grouping (SPEC 7.6). With ``max`` None all that match are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from duetdb.app.service.query import EVERYTHING, Filter, Hop, Query


@dataclass(frozen=True, slots=True)
class Place:
    """A value in a document: a dotted stored path, in the documents that ``hops`` lead to."""

    path: str
    hops: tuple[Hop, ...] = ()


class DatePart(StrEnum):
    """A number out of a date, the same in every year: ``$MONTH:f`` is 1 to 12 (SPEC 7.6)."""

    YEAR = "YEAR"
    MONTH = "MONTH"
    DAY = "DAY"
    HOUR = "HOUR"
    MINUTE = "MIN"
    SECOND = "SEC"


class DateBucket(StrEnum):
    """A span of time, named by the instant at which it begins."""

    YEAR = "YEAR"
    MONTH = "MONTH"
    WEEK = "WEEK"
    DAY = "DAY"
    HOUR = "HOUR"
    MINUTE = "MINUTE"
    SECOND = "SECOND"


@dataclass(frozen=True, slots=True)
class DateFormat:
    """A date as text; ``text`` in the tokens of moment.js, ``YYYY-MM`` for example."""

    text: str


@dataclass(frozen=True, slots=True)
class Key:
    """What documents are grouped by: a value, or what ``date`` makes of one in ``zone``.

    A list is one key as a whole. Several values behind a relation are a list,
    one is itself, and none is null. A value that is no date has no part, bucket
    or format: its key is null. So is the format of a date outside the years 1 to
    9999, which no calendar has. ``zone`` is an IANA name or an offset.
    """

    place: Place
    date: DatePart | DateBucket | DateFormat | None = None
    zone: str = "UTC"


class Function(StrEnum):
    COUNT = "count"
    """Documents; it has no place."""
    COUNT_DISTINCT = "countDistinct"
    """Different values, null aside; the elements of lists."""
    SUM = "sum"
    """Of the numbers, list elements included; what is no number is skipped. Of none: 0.

    As the database adds: 64-bit sums that overflow go on as doubles, a Decimal128
    makes the sum one, and with a NaN it is NaN.
    """
    AVG = "avg"
    """Of the same numbers, each as heavy as any other. Of none: null."""
    MIN = "min"
    """The least value, list elements included, null and missing ones aside. Of none: null.

    In the order of the database: numbers before texts, and NaN before all numbers.
    """
    MAX = "max"
    LEAST = "least"
    """The document with the least value (the lower id of equals); null without one.

    Of a list its least element counts, for ``GREATEST`` its greatest.
    """
    GREATEST = "greatest"
    """The document with the greatest value (the lower id of equals); null without one."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of each group. ``place`` is None for ``COUNT`` alone."""

    function: Function
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class GroupOrder:
    """An order of groups: by ``k0`` (the first key), ``m1`` (the second measure), and so on."""

    name: str
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """Groups of the documents of ``query``, with their measures, computed by the database.

    Without ``keys`` there is one group, also of no documents. ``having`` is a
    filter on measures under their names (``m0``). Groups come in ``order``,
    completed by their keys. With ``max`` None more groups than the page ceiling
    are an error, else the first ``max`` are answered. ``as_text`` groups by the
    text that a key has as a name in JSON (SPEC 7.6: null is "null", lists are
    joined by commas), so that 1 and "1" are one group. Texts of numbers and of
    dates, also those that a ``DateFormat`` makes, are ordered as these and not
    by their letters.

    The documents of ``LEAST`` and ``GREATEST`` have the projection and the
    expansions of ``query``; one document may be in several places.
    """

    query: Query
    keys: tuple[Key, ...] = ()
    measures: tuple[Measure, ...] = ()
    having: Filter = EVERYTHING
    order: tuple[GroupOrder, ...] = ()
    max: int | None = None
    as_text: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """One group: the values of its keys and of its measures, in the order of the question."""

    keys: tuple[Any, ...]
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distinct:
    """The different values at ``place`` of the documents that ``query`` matches.

    Lists give their elements; a missing value gives none, null is one. The
    values come in order; ``skip`` and ``max`` of the query are about them.
    """

    query: Query
    place: Place
    descending: bool = False
