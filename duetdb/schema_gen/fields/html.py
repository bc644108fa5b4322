"""``html``: rich text, stored exactly as it was sent."""

from __future__ import annotations

from duetdb.schema_gen.fields.strings import StringType


class Html(StringType):
    """Rich text as HTML; never searched unless its field says so."""

    name = "html"
    unique = False
