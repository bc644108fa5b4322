"""Which regular expressions may be asked by: those that come to an end on every text.

Databases match by trying one way after the other, and nothing stops them inside of one text.
So what could go on for ever is refused here, before anything is sent, and what could take
long is kept from long texts.
"""

from __future__ import annotations

from functools import lru_cache

from duetdb.app.service.errors import BadQuery
from duetdb.app.service.filters.regex_cost import Costly, TooLarge, check_cost
from duetdb.app.service.filters.regex_reach import kept_short
from duetdb.app.service.filters.regex_syntax import Unreadable, read_pattern

_SHOWN = 60
_REMEDY = (
    "Begin it with '^', and let each repeated part begin or end with a character that nothing "
    "else in it takes: (\\w+ )* and not (\\w+ ?)*."
)


def safe_pattern(pattern: str, options: str, most: int) -> str:
    """The pattern as it may be sent: one that could take long looks at ``most`` characters at most.

    Raises ``BadQuery`` if it cannot be read or could take endless time.
    """
    sent, reason, hint = _judged(pattern, options, most)
    if reason:
        shown = pattern if len(pattern) <= _SHOWN else f"{pattern[:_SHOWN]}..."
        raise BadQuery(f"'$regex' cannot be '{shown}': {reason}.", hint=hint)
    return sent


@lru_cache(maxsize=1024)
def _judged(pattern: str, options: str, most: int) -> tuple[str, str, str | None]:
    """The pattern to be sent; or why it is refused, and what to do about it."""
    try:
        tree = read_pattern(pattern, options)
        check_cost(tree)
    except Unreadable as reason:
        return "", str(reason), None
    except Costly as reason:
        return "", f"it could take endless time, because {reason}", _REMEDY
    except TooLarge:
        return "", "it is too large to tell how long it takes", "Use a shorter one."
    return kept_short(pattern, options, tree, most), "", None
