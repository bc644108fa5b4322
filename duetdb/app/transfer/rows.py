"""One row of a file that is being read: a document, or the reason why it is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class TransferError(ValueError):
    """The file as a whole cannot be read or written; the message is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Row:
    """``number`` counts documents from 1, ``line`` is where the document begins in the file.

    ``end`` is the position in bytes after it, for the progress bar. Exactly one
    of ``document`` and ``error`` is set.
    """

    number: int
    line: int
    end: int
    document: Mapping[str, Any] | None = None
    error: str | None = None
