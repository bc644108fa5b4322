"""One mistake in a metadata body."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """``path`` points at the mistake (``fields[2].type``).

    ``message`` is the whole sentence: what is wrong, a near name where there is
    one, and what is allowed.
    """

    path: str
    message: str
