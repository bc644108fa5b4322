"""Sets of characters as bit masks, and those that regular expressions have names for.

There is a bit for each ASCII character; all others share 128 bits by their numbers.
"""

from __future__ import annotations

from typing import Final

ASCII: Final = (1 << 128) - 1
OTHERS: Final = ASCII << 128
ANY: Final = ASCII | OTHERS


def mask_of(characters: str) -> int:
    found = 0
    for each in characters:
        found |= 1 << _bit(ord(each))
    return found


def _bit(code: int) -> int:
    return code if code < 128 else 128 + code % 128


def span(first: int, last: int) -> int:
    """All characters from one to another, by their numbers."""
    found = 0
    if first < 128:
        found = (1 << min(last, 127) + 1) - (1 << first)
    if last >= 128:
        begins = max(first, 128)
        if last - begins >= 127:
            return found | OTHERS
        for code in range(begins, last + 1):
            found |= 1 << _bit(code)
    return found


_DIGITS: Final = span(48, 57)
UPPER: Final = span(65, 90)
LOWER: Final = span(97, 122)
_LETTERS: Final = UPPER | LOWER
_WORD: Final = _DIGITS | _LETTERS | mask_of("_")
_SPACE: Final = mask_of(" \t\n\r\f\v")
_LINE: Final = mask_of("\n\r\f\v")
_PUNCTUATION: Final = span(33, 126) & ~(_DIGITS | _LETTERS)

CLASSES: Final = {
    "d": _DIGITS,
    "w": _WORD,
    "s": _SPACE,
    "h": mask_of(" \t") | OTHERS,
    "v": _LINE | OTHERS,
    "R": _LINE | OTHERS,
    "D": ANY & ~_DIGITS,
    "W": ANY & ~_WORD,
    "S": ANY & ~_SPACE,
    "H": ANY & ~mask_of(" \t"),
    "V": ANY & ~_LINE,
    "N": ANY & ~mask_of("\n"),
    "X": ANY,
}
POSIX: Final = {
    "alpha": _LETTERS,
    "digit": _DIGITS,
    "alnum": _LETTERS | _DIGITS,
    "upper": UPPER,
    "lower": LOWER,
    "space": _SPACE,
    "blank": mask_of(" \t"),
    "punct": _PUNCTUATION,
    "xdigit": _DIGITS | mask_of("abcdefABCDEF"),
    "word": _WORD,
    "cntrl": span(0, 31) | mask_of("\x7f"),
    "graph": span(33, 126),
    "print": span(32, 126),
    "ascii": ASCII,
}
PROPERTIES: Final = {
    "L": _LETTERS,
    "Lu": UPPER,
    "Ll": LOWER,
    "N": _DIGITS,
    "Nd": _DIGITS,
    "P": _PUNCTUATION,
    "S": _PUNCTUATION,
    "Z": mask_of(" "),
    "Zs": mask_of(" "),
}
"""Kinds of Unicode characters, those in ASCII; of all others each kind may hold any."""


def complement(mask: int) -> int:
    """All characters but these; of bits that several share none is excluded."""
    return (ASCII & ~mask) | OTHERS


def both_cases(mask: int) -> int:
    upper, lower = mask & UPPER, mask & LOWER
    return mask | upper << 32 | lower >> 32 | (OTHERS if mask & OTHERS else 0)
