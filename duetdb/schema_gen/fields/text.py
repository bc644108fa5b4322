"""``text``: a string; one line, several or Markdown."""

from __future__ import annotations

from duetdb.schema_gen.fields.strings import StringType


class Text(StringType):
    """Any string without NUL and lone surrogates."""

    name = "text"
