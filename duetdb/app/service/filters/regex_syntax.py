"""Reads the regular expressions of MongoDB (those of PCRE) into trees, as far as costs go.

A tree says which characters can stand where and what is repeated; what is matched in the end,
captured or asserted is of no interest here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from duetdb.app.service.filters.regex_chars import (
    ANY,
    CLASSES,
    OTHERS,
    POSIX,
    PROPERTIES,
    both_cases,
    complement,
    mask_of,
    span,
)

_DEEPEST: Final = 30
_MOST: Final = 65535


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of a set."""

    mask: int


@dataclass(frozen=True, slots=True)
class Row:
    """All parts, one after the other; of none: the empty text."""

    parts: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Either:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """``least`` to ``most`` times; ``most`` None: without an end."""

    part: Node
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Assertion:
    """A condition on the place, which takes no text; ``ahead`` is what it looks for around it."""

    begins: bool = False
    """It holds only at the beginning of a text or line."""
    around: Node | None = None


Node: TypeAlias = "Chars | Row | Either | Repeat | Assertion"


class Unreadable(Exception):
    """Its text says in a part of a sentence what is wrong with a pattern, or not taken."""


def read_pattern(text: str, options: str) -> Node:
    """The tree of a pattern with option letters out of ``imsx``; raises ``Unreadable``."""
    reader = _Reader(text, frozenset(options))
    tree = reader.alternatives()
    if reader.at < len(text):
        raise Unreadable("a ')' closes nothing")
    return tree


_SIGNS: Final = {"a": "\a", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_PLACES: Final = frozenset("bBAzZGK")
_NEEDS_MORE: Final = frozenset("luLUNoC")
_INNER_FLAGS: Final = frozenset("imsx-")


class _Reader:
    """One pass over a pattern, from the left."""

    def __init__(self, text: str, flags: frozenset[str]) -> None:
        self.at = 0
        self._text = text
        self._flags = flags
        self._depth = 0

    def alternatives(self) -> Node:
        """Up to the end of the group or text; flags set inside end there."""
        flags = self._flags
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Unreadable(f"groups stand more than {_DEEPEST} levels inside each other")
        parts = [self._row()]
        while self._take("|"):
            parts.append(self._row())
        self._flags = flags
        self._depth -= 1
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _row(self) -> Node:
        parts: list[Node] = []
        while self.at < len(self._text) and self._text[self.at] not in "|)":
            if self._is_ignored():
                continue
            parts.append(self._repeated(self._atom()))
        return parts[0] if len(parts) == 1 else Row(tuple(parts))

    def _is_ignored(self) -> bool:
        """Whether a space or comment was passed, which option x allows."""
        here = self._text[self.at]
        if "x" not in self._flags or not (here.isspace() or here == "#"):
            return False
        end = self._text.find("\n", self.at) if here == "#" else self.at
        self.at = len(self._text) if end < 0 else end + 1
        return True

    def _repeated(self, atom: Node) -> Node:
        while self.at < len(self._text):
            if self._is_ignored():
                continue
            bounds = self._bounds()
            if bounds is None:
                break
            self.at += self._peek() in ("?", "+")
            atom = Repeat(atom, *bounds)
        return atom

    def _bounds(self) -> tuple[int, int | None] | None:
        simple = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(self._peek())
        if simple is not None:
            self.at += 1
            return simple
        end = self._text.find("}", self.at)
        if self._peek() != "{" or end < 0:
            return None
        least, comma, most = self._text[self.at + 1 : end].partition(",")
        if not _is_count(least) or (most and not _is_count(most)):
            return None
        self.at = end + 1
        if not comma:
            return int(least), int(least)
        if most and int(most) < int(least):
            raise Unreadable(f"{{{least},{most}}} counts backwards")
        return int(least), int(most) if most else None

    def _atom(self) -> Node:
        here = self._text[self.at]
        self.at += 1
        if here == "(":
            return self._group()
        if here == "[":
            return Chars(self._class())
        if here == "\\":
            return self._escaped()
        if here == ".":
            return Chars(ANY if "s" in self._flags else ANY & ~mask_of("\n"))
        if here in "^$":
            return Assertion(begins=here == "^")
        if here in "*+?":
            raise Unreadable(f"nothing stands before '{here}'")
        return Chars(self._folded(mask_of(here)))

    def _group(self) -> Node:
        if self._peek() == "*":
            raise Unreadable("'(*' is not taken here")
        if not self._take("?"):
            return self._closed(self.alternatives())
        for begin in ("=", "!", "<=", "<!"):
            if self._take(begin):
                return Assertion(around=self._closed(self.alternatives()))
        if self._take(":") or self._take(">"):
            return self._closed(self.alternatives())
        if self._take("#"):
            self.at = self._find(")") + 1
            return Row()
        for begin, end in (("P<", ">"), ("<", ">"), ("'", "'")):
            if self._take(begin):
                self.at = self._find(end) + 1
                return self._closed(self.alternatives())
        return self._flagged()

    def _flagged(self) -> Node:
        """``(?i)``, which holds to the end of the group, or ``(?i:...)``."""
        begin = self.at
        while self._peek() and self._peek() in _INNER_FLAGS:
            self.at += 1
        on, _, off = self._text[begin : self.at].partition("-")
        before, self._flags = self._flags, (self._flags | set(on)) - set(off)
        if self._take(")"):
            return Row()
        if not self._take(":"):
            raise Unreadable(f"'(?{self._text[begin : begin + 2]}' is not taken here")
        inner = self._closed(self.alternatives())
        self._flags = before
        return inner

    def _closed(self, inner: Node) -> Node:
        if not self._take(")"):
            raise Unreadable("a '(' is not closed")
        return inner

    def _escaped(self) -> Node:
        letter = self._letter()
        if letter in CLASSES:
            return Chars(CLASSES[letter])
        if letter in _PLACES:
            return Assertion(begins=letter in "AG")
        if letter == "Q":
            end = self._text.find("\\E", self.at)
            quoted = self._text[self.at : end if end >= 0 else None]
            self.at = len(self._text) if end < 0 else end + 2
            return Row(tuple(Chars(self._folded(mask_of(each))) for each in quoted))
        if letter == "E":
            return Row()
        if letter in "gk" or letter in "123456789":
            raise Unreadable(f"'\\{letter}' refers back to a group, which is not taken here")
        return Chars(self._folded(self._single(letter)))

    def _letter(self) -> str:
        if self.at >= len(self._text):
            raise Unreadable("it ends in a backslash")
        self.at += 1
        return self._text[self.at - 1]

    def _single(self, letter: str) -> int:
        """The character or kind of characters behind a backslash, in a class or not."""
        if letter in "pP":
            return self._property(letter == "P")
        code = self._code(letter)
        return span(code, code)

    def _code(self, letter: str) -> int:
        if letter == "x":
            return self._hexadecimal()
        if letter == "0":
            begin = self.at
            while self.at < begin + 2 and self._peek() and self._peek() in "01234567":
                self.at += 1
            return int(self._text[begin : self.at] or "0", 8)
        if letter == "c":
            return ord(self._letter().upper()) ^ 64
        if letter in _NEEDS_MORE:
            raise Unreadable(f"'\\{letter}' is not taken here")
        return ord(_SIGNS.get(letter, letter))

    def _hexadecimal(self) -> int:
        begin, end = self.at, self.at
        if self._take("{"):
            begin, end = self.at, self._find("}")
            self.at = end + 1
        else:
            while end < min(begin + 2, len(self._text)) and self._text[end].isalnum():
                end += 1
            self.at = end
        try:
            return int(self._text[begin:end] or "0", 16)
        except ValueError:
            raise Unreadable("'\\x' takes a hexadecimal number") from None

    def _property(self, is_negative: bool) -> int:
        name = self._letter()
        if name == "{":
            end = self._find("}")
            name = self._text[self.at : end]
            self.at = end + 1
        if name.startswith("^"):
            name, is_negative = name[1:], not is_negative
        found = PROPERTIES.get(name)
        if found is None:
            return ANY
        return (complement(found) if is_negative else found) | OTHERS

    def _class(self) -> int:
        """What stands between brackets; the first of them has been read."""
        is_negative = self._take("^")
        found, begin = 0, self.at
        while self._peek() != "]" or self.at == begin:
            mask, first = self._member()
            if first is not None and self._is_range():
                self.at += 1
                _, last = self._member()
                if last is None or last < first:
                    raise Unreadable("a range in brackets goes backwards")
                mask = span(first, last)
            found |= mask
        self.at += 1
        found = self._folded(found)
        return complement(found) if is_negative else found

    def _is_range(self) -> bool:
        return self._peek() == "-" and self._text[self.at + 1 : self.at + 2] not in ("", "]")

    def _member(self) -> tuple[int, int | None]:
        """A mask, and the number of the character where it is one, which can begin a range."""
        if self.at >= len(self._text):
            raise Unreadable("a '[' is not closed")
        here = self._letter()
        if here == "[" and self._take(":"):
            return self._posix(), None
        if here != "\\":
            return mask_of(here), ord(here)
        letter = self._letter()
        if letter in CLASSES and letter not in "RX":
            return CLASSES[letter], None
        if letter in "pP":
            return self._property(letter == "P"), None
        if letter in "QE":
            return 0, None
        code = 8 if letter == "b" else self._in_class(letter)
        return span(code, code), code

    def _in_class(self, letter: str) -> int:
        """There are no groups to refer to in brackets: digits are octal numbers."""
        if letter not in "1234567":
            return self._code(letter)
        self.at -= 1
        return self._code("0")

    def _posix(self) -> int:
        end = self._text.find(":]", self.at)
        name = self._text[self.at : end] if end >= 0 else ""
        found = POSIX.get(name.removeprefix("^"))
        if found is None:
            raise Unreadable(f"'[:{name[:20]}:]' is no class of characters")
        self.at = end + 2
        return complement(found) if name.startswith("^") else found

    def _folded(self, mask: int) -> int:
        return both_cases(mask) if "i" in self._flags else mask

    def _peek(self) -> str:
        return self._text[self.at : self.at + 1]

    def _take(self, sign: str) -> bool:
        found = self._text.startswith(sign, self.at)
        if found:
            self.at += len(sign)
        return found

    def _find(self, sign: str) -> int:
        found = self._text.find(sign, self.at)
        if found < 0:
            raise Unreadable(f"a '{sign}' is missing")
        return found


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) <= _MOST
