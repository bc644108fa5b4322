"""Patterns of fields, which anybody's metadata may hold and anybody's text may meet."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import regex

from duetdb.schema_gen.field import PatternMismatch

MATCH_SECONDS: Final = 0.02
"""How long one text may be held against a pattern: some patterns never end on some texts."""

PatternError: Final[type[Exception]] = regex.error


@lru_cache(maxsize=4096)
def compile_pattern(pattern: str) -> Any:
    """The pattern, ready; raises ``PatternError`` when it cannot be read."""
    return regex.compile(pattern)


def found(pattern: str, value: str) -> bool:
    """Whether the pattern is found in the text; ``PatternMismatch`` when that takes too long."""
    try:
        return compile_pattern(pattern).search(value, timeout=MATCH_SECONDS) is not None
    except TimeoutError:
        raise PatternMismatch(f"It takes too long to match the pattern '{pattern}'.") from None
