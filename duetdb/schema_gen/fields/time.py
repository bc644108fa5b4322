"""``time``: a time of day, as an instant on 1970-01-01."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from duetdb.schema_gen.fields.instants import InstantType


class Time(InstantType):
    """A time of day in UTC; of an instant, its time."""

    name = "time"
    graphql = "Time"
    sentence = "Must be a time such as 20:36 or 20:36:00.000Z."
    example = "1970-01-01T20:36:00.000Z"

    def read(self, value: Any) -> datetime:
        if isinstance(value, time):
            value = value.isoformat()
        if isinstance(value, str) and _is_time(value):
            value = f"1970-01-02T{value.strip()}"
        return super().read(value)

    def cut(self, instant: datetime) -> datetime:
        return instant.replace(year=1970, month=1, day=1)


def _is_time(text: str) -> bool:
    return text.strip()[2:3] == ":"
