"""``date``: a day, as midnight UTC."""

from __future__ import annotations

from datetime import datetime

from duetdb.schema_gen.fields.instants import InstantType


class Date(InstantType):
    """A day of the years 1 to 9999; of an instant, its day in UTC."""

    name = "date"
    graphql = "Date"
    sentence = "Must be a date such as 2016-10-11, of the years 1 to 9999."
    example = "2016-10-11T00:00:00.000Z"

    def cut(self, instant: datetime) -> datetime:
        return instant.replace(hour=0, minute=0, second=0, microsecond=0)
