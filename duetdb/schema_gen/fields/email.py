"""``email``: one e-mail address."""

from __future__ import annotations

import re

from duetdb.schema_gen.field import Mismatch
from duetdb.schema_gen.fields.strings import StringType

_LONGEST = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets
_PART = r'[^\s@.<>()\[\],;:\\"]+'
_ADDRESS = re.compile(rf"{_PART}(?:\.{_PART})*@{_PART}(?:\.{_PART})+")


class Email(StringType):
    """An address ``local@domain.tld``; letters of all scripts are allowed."""

    name = "email"
    format = "email"

    def check(self, value: str) -> None:
        if len(value) > _LONGEST or not _ADDRESS.fullmatch(value):
            raise Mismatch("Must be an e-mail address such as name@example.com.")
