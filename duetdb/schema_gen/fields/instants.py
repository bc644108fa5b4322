"""The common ground of date, datetime and time: reading instants in UTC."""

from __future__ import annotations

from abc import abstractmethod
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from bson.datetime_ms import DatetimeMS
from bson.errors import InvalidBSON

from duetdb.schema_gen.field import Comparison, Field, FieldType, Mismatch

_LONGEST = 64


def read_instant(value: Any, sentence: str) -> datetime:
    """The naive UTC datetime, cut to milliseconds, of a wire value.

    Accepts ISO 8601 texts (date alone, ``Z``, offsets; no offset means UTC),
    ``{"$date": text}`` and Python's own dates. Raises ``Mismatch(sentence)`` for
    everything else and for instants outside of the years 1 to 9999.
    """
    if isinstance(value, dict) and len(value) == 1:
        value = value.get("$date")
    try:
        if isinstance(value, str):
            instant = _parse(value)
        elif isinstance(value, datetime):
            instant = value
        elif isinstance(value, date):
            instant = datetime(value.year, value.month, value.day)
        elif isinstance(value, DatetimeMS):
            instant = value.as_datetime()
        else:
            raise Mismatch(sentence)
        if instant.tzinfo is not None:
            instant = instant.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, InvalidBSON):
        raise Mismatch(sentence) from None
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def _parse(text: str) -> datetime:
    text = text.strip()
    if len(text) > _LONGEST or not text.isascii():
        raise ValueError(text)
    return datetime.fromisoformat(text.upper())


class InstantType(FieldType):
    """A BSON date, shown as ``YYYY-MM-DDTHH:MM:SS.mmmZ``."""

    bson = ("date",)
    comparison = Comparison.ORDER
    unique = True

    sentence: ClassVar[str]
    """What to tell a writer whose value is none."""
    example: ClassVar[str]
    """A wire value of the type."""

    def coerce(self, value: Any, field: Field) -> datetime:
        return self.cut(self.read(value))

    def read(self, value: Any) -> datetime:
        """The instant of a wire value; raises ``Mismatch``."""
        return read_instant(value, self.sentence)

    @abstractmethod
    def cut(self, instant: datetime) -> datetime:
        """Leaves of an instant what the type keeps."""

    def fits(self, stored: Any) -> bool:
        # A date out of Python's range is decoded as DatetimeMS and can be shown as well.
        return isinstance(stored, datetime | DatetimeMS)

    def openapi(self, field: Field) -> dict[str, Any]:
        return {"type": "string", "format": "date-time", "examples": [self.example]}
