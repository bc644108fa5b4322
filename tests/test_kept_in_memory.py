"""What is remembered between requests is small, however large the questions are."""

from __future__ import annotations

import pytest

from duetdb.app.service.errors import BadQuery
from duetdb.app.service.query import Projection, Query
from duetdb.app.service.reading import projections, zones
from tests.sales import SALES


def test_large_projections_are_not_kept() -> None:
    for number, kept in ((50, 1), (51, 0), (2_000, 0)):
        projections._kept_reading.cache_clear()
        paths = tuple(f"f{n}" for n in range(number))
        query = Query(collection=SALES, projection=Projection(paths, include=True))
        assert projections.projection_of(query) == dict.fromkeys(("_id", *paths), 1)
        assert projections._kept_reading.cache_info().currsize == kept


def test_long_names_of_zones_are_not_kept() -> None:
    zones._is_known.cache_clear()
    for zone, kept in (("x" * 101, 0), ("x" * 1_000_000, 0), ("x" * 100, 1)):
        with pytest.raises(BadQuery, match="There is no time zone 'xxx"):
            zones.check_zone(zone)
        assert zones._is_known.cache_info().currsize == kept
