"""Groups, figures and different values of many documents, computed by the database."""

from __future__ import annotations

from typing import Any, TypeAlias

from duetdb.app.service.engine import Engine
from duetdb.app.service.grouping import Aggregate, Distinct, Group
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import Document
from duetdb.app.service.reading.source import Source

Keyed: TypeAlias = tuple[tuple[Any, ...], Document]
"""The keys of a document, and the document."""


class Aggregator:
    """Executes questions about many documents; who may ask them was decided before.

    All methods raise ``BadQuery`` and ``LimitExceeded`` for questions that the
    database refuses or that take too long, and ``Unavailable`` without it.
    """

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self._source = Source(engine, limits)

    async def aggregate(self, aggregate: Aggregate) -> list[Group]:
        raise NotImplementedError

    async def keyed(self, aggregate: Aggregate) -> list[Keyed]:
        raise NotImplementedError

    async def distinct(self, distinct: Distinct) -> list[Any]:
        raise NotImplementedError

    async def count_distinct(self, distinct: Distinct) -> int:
        raise NotImplementedError
