"""Patterns that are quick on short texts only are kept from long ones.

Nothing stops the database inside of one text, and ``x*y`` takes it seconds on
100,000 times ``x``, and hours on ten million. A pattern that may try much at
each character gets a beginning: it looks at no text of more than so many
characters, and goes through the others as one attempt, because the database
gives up on an attempt after ten million steps.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import inf, log10
from typing import Final, NamedTuple

from duetdb.app.service.filters.regex_syntax import Assertion, Chars, Either, Node, Repeat, Row

_QUICK: Final = log10(500)
"""Powers of ten: the steps at one character with which a text of 16 MB takes seconds."""
_LINES: Final = re.compile(r"\(\?[a-z-]*m")
_SPACED: Final = re.compile(r"\(\?[a-z]*x[a-z]*\)")


class _Work(NamedTuple):
    """Powers of ten of the ways that a part can take a text, and its greatest length.

    ``endless`` is how many repeats without an end a text goes through, which
    ``ways`` and ``length`` leave out.
    """

    ways: float = 0.0
    length: float = 0.0
    endless: float = 0.0


def kept_short(pattern: str, options: str, tree: Node, most: int) -> str:
    """The pattern, or if it is not quick everywhere one for texts of at most ``most`` characters.

    ``tree`` is what was read from the pattern with its option letters.
    """
    work = _work(_until_found(tree))
    steps = work.ways + log10(max(work.length, 1))
    if work.endless <= _is_tried_once(pattern, options, tree) and steps <= _QUICK:
        return pattern
    # Where spaces and comments are allowed, one may hide what follows on its line.
    end = "\n" if "x" in options or _SPACED.match(pattern) else ""
    return rf"\A(?![\s\S]{{{most + 1}}})[\s\S]*?(?:{pattern}{end})"


def _until_found(node: Node) -> Node:
    """The part that may fail: of a repeat at the end, the text that it must have."""
    if isinstance(node, Row) and node.parts:
        return Row((*node.parts[:-1], _until_found(node.parts[-1])))
    if isinstance(node, Either):
        return Either(tuple(map(_until_found, node.parts)))
    return Repeat(node.part, node.least, node.least) if isinstance(node, Repeat) else node


def _is_tried_once(pattern: str, options: str, tree: Node) -> bool:
    """Whether a search tries the pattern at the beginning only; ``.*`` is tried in each line."""
    if pattern.startswith(".*") and not isinstance(tree, Either):
        return True
    has_lines = "m" in options or _LINES.search(pattern) is not None
    return _begins(tree) and not has_lines


def _begins(node: Node) -> bool:
    if isinstance(node, Row):
        return bool(node.parts) and _begins(node.parts[0])
    if isinstance(node, Either):
        return all(map(_begins, node.parts))
    return isinstance(node, Assertion) and node.begins


def _work(node: Node) -> _Work:
    if isinstance(node, Chars):
        return _Work(length=1)
    if isinstance(node, Row):
        parts = [_work(part) for part in node.parts]
        return _Work(*(sum(each) for each in zip(*parts, strict=True))) if parts else _Work()
    if isinstance(node, Either):
        return _of_either([_work(part) for part in node.parts])
    if isinstance(node, Repeat):
        return _of_repeat(node, _work(node.part))
    return _Work() if node.around is None else _work(node.around)


def _of_either(parts: Sequence[_Work]) -> _Work:
    return _Work(
        max(each.ways for each in parts) + log10(len(parts)),
        max(each.length for each in parts),
        max(each.endless for each in parts),
    )


def _of_repeat(repeat: Repeat, part: _Work) -> _Work:
    if repeat.most is None:
        return part._replace(endless=inf if part.endless else 1)
    ways = log10(repeat.most - repeat.least + 1) + repeat.most * part.ways
    return _Work(ways, repeat.most * part.length, repeat.most * part.endless)
