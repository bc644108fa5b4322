"""Which regular expressions may be asked by: those that come to an end on every text.

Databases match by trying one way after the other, and nothing stops them inside of one text.
So what could go on for ever is refused here, before anything is sent.
"""

from __future__ import annotations

from functools import lru_cache

from duetdb.app.service.errors import BadQuery
from duetdb.app.service.filters.regex_cost import Costly, TooLarge, check_cost
from duetdb.app.service.filters.regex_syntax import Unreadable, read_pattern

_SHOWN = 60
_REMEDY = (
    "Begin it with '^', and let each repeated part begin or end with a character that nothing "
    "else in it takes: (\\w+ )* and not (\\w+ ?)*."
)


def check_pattern(pattern: str, options: str) -> None:
    """Raises ``BadQuery`` for a pattern that cannot be read or could take endless time."""
    fault = _fault(pattern, options)
    if fault is not None:
        shown = pattern if len(pattern) <= _SHOWN else f"{pattern[:_SHOWN]}..."
        reason, hint = fault
        raise BadQuery(f"'$regex' cannot be '{shown}': {reason}.", hint=hint)


@lru_cache(maxsize=1024)
def _fault(pattern: str, options: str) -> tuple[str, str | None] | None:
    """Why a pattern is refused, and what to do about it; None for a good one."""
    try:
        check_cost(read_pattern(pattern, options))
    except Unreadable as reason:
        return str(reason), None
    except Costly as reason:
        return f"it could take endless time, because {reason}", _REMEDY
    except TooLarge:
        return "it is too large to tell how long it takes", "Use a shorter one."
    return None
