"""``datetime``: an instant in UTC, to the millisecond."""

from __future__ import annotations

from datetime import datetime

from duetdb.schema_gen.fields.instants import InstantType


class DateTime(InstantType):
    """An instant of the years 1 to 9999."""

    name = "datetime"
    graphql = "DateTime"
    sentence = "Must be a date and time such as 2016-10-11T20:36:00Z, of the years 1 to 9999."
    example = "2016-10-11T20:36:00.000Z"

    def cut(self, instant: datetime) -> datetime:
        return instant
