"""What a regular expression can cost in a machine that tries one way after the other.

A pattern is seen as positions, its single characters, and the steps between them. Costs explode
where a repeat can take the same text in several ways, and grow by a power of the text's length
where several repeats in a row can share it out among them.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations, product
from math import log10
from typing import Final, NamedTuple

from duetdb.app.service.filters.regex_chars import ANY, mask_of
from duetdb.app.service.filters.regex_syntax import (
    Assertion,
    Chars,
    Either,
    Node,
    Repeat,
    Row,
)

_COPIES: Final = 6
"""A part that comes at most so often is written out; one that comes more often is a loop."""
_FIXED: Final = 64
"""Positions up to which a part that comes an exact number of times is written out."""
_POSITIONS: Final = 1_000
_WORK: Final = 20_000
"""Steps of the analysis itself, some milliseconds."""
_ENDLESS: Final = 3.0
"""Powers of ten: the ways that an endless repeat adds, on a text of 1,000 characters."""
_FEW: Final = 1.0
"""Powers of ten: how often a certain character comes in a text."""
_MOST: Final = 8.9
"""Powers of ten of ways; three endless repeats in a row are more."""
_DOTS: Final = (ANY, ANY & ~mask_of("\n"))


class Costly(Exception):
    """The pattern can take endless time; its text says why, in a part of a sentence."""


class TooLarge(Exception):
    """The pattern is too large to be judged."""


class _Part(NamedTuple):
    """Where a tree begins and ends; ``is_empty``: it may also take no text.

    ``ways`` are powers of ten: in how many ways it may take one text.
    """

    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()
    is_empty: bool = True
    ways: float = 0.0


class _Span(NamedTuple):
    """The positions ``begin`` to ``end`` (not included) of a part whose length varies."""

    begin: int
    end: int
    ways: float
    mask: int


def check_cost(tree: Node) -> None:
    """Raises ``Costly`` or ``TooLarge`` unless the pattern ends soon on every text."""
    machine = _Machine()
    whole = machine.build(tree)
    machine.check_loops()
    machine.check_rows(whole, _is_anchored(tree))
    for each in machine.looked_for:
        check_cost(Row((Assertion(begins=True), each, Assertion())))


def _is_anchored(node: Node) -> bool:
    """Whether a search tries the pattern at few places only; it is so for ``.*``, too."""
    if isinstance(node, Row):
        for part in node.parts:
            if _is_anchored(part):
                return True
            if not isinstance(part, Assertion):
                return False
        return False
    if isinstance(node, Either):
        return all(_is_anchored(part) for part in node.parts)
    if isinstance(node, Repeat):
        is_all = isinstance(node.part, Chars) and node.part.mask in _DOTS
        return is_all and node.least == 0 and node.most is None
    return isinstance(node, Assertion) and node.begins


class _Machine:
    """The positions of one pattern.

    ``_loops`` has for each the number of the outermost loop that it is in, 0 for
    none; ``_steps`` the positions that can follow it, and in how many ways each.
    """

    def __init__(self) -> None:
        self.looked_for: list[Node] = []
        self._masks: list[int] = []
        self._loops: list[int] = []
        self._steps: list[dict[int, int]] = []
        self._spans: list[_Span] = []
        self._asserted = 0
        self._work = 0

    def build(self, node: Node, loop: int = 0, is_outer: bool = True) -> _Part:
        """Adds the positions of a tree; ``is_outer``: it is inside of no varying part."""
        if isinstance(node, Chars):
            return self._position(node.mask, loop)
        if isinstance(node, Row):
            return self._row(node, loop, is_outer)
        if isinstance(node, Either):
            parts = [self.build(each, loop, is_outer) for each in node.parts]
            first = tuple(at for each in parts for at in each.first)
            last = tuple(at for each in parts for at in each.last)
            ways = max(each.ways for each in parts)
            return _Part(first, last, any(each.is_empty for each in parts), ways)
        if isinstance(node, Repeat):
            return self._repeat(node, loop, is_outer)
        self._asserted = len(self._masks)
        if node.around is not None:
            self.looked_for.append(node.around)
        return _Part()

    def _position(self, mask: int, loop: int) -> _Part:
        here = len(self._masks)
        if here == _POSITIONS:
            raise TooLarge
        self._masks.append(mask)
        self._loops.append(loop)
        self._steps.append({})
        return _Part((here,), (here,), False)

    def _connect(self, last: Iterable[int], first: Iterable[int]) -> None:
        for one, other in product(last, first):
            self._spend()
            self._steps[one][other] = self._steps[one].get(other, 0) + 1

    def _spend(self) -> None:
        self._work += 1
        if self._work > _WORK:
            raise TooLarge

    def _row(self, row: Row, loop: int, is_outer: bool) -> _Part:
        first, last, is_empty, ways = _Part()
        for part in row.parts:
            built = self.build(part, loop, is_outer)
            self._connect(last, built.first)
            first += built.first if is_empty else ()
            last = built.last + last if built.is_empty else built.last
            is_empty &= built.is_empty
            ways += built.ways
        return _Part(first, last, is_empty, ways)

    def _repeat(self, repeat: Repeat, loop: int, is_outer: bool) -> _Part:
        begin = len(self._masks)
        varies = repeat.least != repeat.most
        inner_is_outer = is_outer and not varies
        if repeat.most is not None and (repeat.most <= _COPIES or _is_short(repeat)):
            built = self._copies(repeat, repeat.most, loop, inner_is_outer)
        else:
            built = self._loop(repeat, loop, inner_is_outer)
        end = len(self._masks)
        if is_outer and varies and end > begin:
            mask = 0
            for each in self._masks[begin:end]:
                mask |= each
            self._spans.append(_Span(begin, end, built.ways, mask))
        return built

    def _copies(self, repeat: Repeat, most: int, loop: int, is_outer: bool) -> _Part:
        """The part written out, each copy beyond ``least`` only behind the one before."""
        first: tuple[int, ...] = ()
        last: tuple[int, ...] = ()
        ends: tuple[int, ...] = ()
        is_empty, ways = True, log10(most - repeat.least + 1)
        for number in range(1, most + 1):
            built = self.build(repeat.part, loop, is_outer)
            self._connect(last, built.first)
            first += built.first if is_empty else ()
            last = built.last + last if built.is_empty else built.last
            ends += built.last if number >= repeat.least or built.is_empty else ()
            is_empty &= built.is_empty
            ways += built.ways
        return _Part(first, ends, is_empty or repeat.least == 0, ways)

    def _loop(self, repeat: Repeat, loop: int, is_outer: bool) -> _Part:
        built = self.build(repeat.part, loop or len(self._masks) + 1, is_outer)
        if built.is_empty and built.first and repeat.most is not None:
            raise Costly("a part that may be empty is repeated a number of times")
        self._connect(built.last, built.first)
        ways = _ENDLESS
        if repeat.most is not None:
            ways = min(ways, log10(repeat.most - repeat.least + 1))
        return built._replace(is_empty=built.is_empty or repeat.least == 0, ways=ways)

    def check_loops(self) -> None:
        """Raises ``Costly`` if two ways lead through a loop on one text and meet again."""
        for here, loop in enumerate(self._loops):
            steps = self._steps[here].items() if loop else ()
            if any(ways > 1 and self._loops[at] == loop for at, ways in steps):
                raise Costly(_AMBIGUOUS)
        inside = [
            tuple(at for at in self._steps[here] if loop and self._loops[at] == loop)
            for here, loop in enumerate(self._loops)
        ]
        waiting = {pair for ways in set(inside) for pair in combinations(sorted(ways), 2)}
        seen: set[tuple[int, int]] = set()
        while waiting:
            one, other = pair = waiting.pop()
            self._spend()
            if pair in seen or not self._masks[one] & self._masks[other]:
                continue
            seen.add(pair)
            for after_one, after_other in product(inside[one], inside[other]):
                if after_one == after_other:
                    raise Costly(_AMBIGUOUS)
                waiting.add((min(after_one, after_other), max(after_one, after_other)))

    def check_rows(self, whole: _Part, is_anchored: bool) -> None:
        """Raises ``Costly`` if repeats in a row can share out one text in too many ways."""
        chains: list[tuple[_Span, float, int]] = []
        for span in sorted(self._spans):
            best, mask = span.ways, span.mask
            if not is_anchored:
                best += self._border(whole.first, 0, span, span.mask)
            for before, ways_before, mask_before in chains:
                shared = mask_before & span.mask
                ways = ways_before + span.ways
                if shared and ways > best:
                    exits = (at for at in range(*before[:2]) if self._masks[at] & shared)
                    steps = [at for each in exits for at in self._steps[each]]
                    border = self._border(steps, before.end, span, shared)
                    if border and ways + border - _ENDLESS > best:
                        best, mask = ways + border - _ENDLESS, shared
            if best > _MOST and not self._may_end(span, whole):
                raise Costly("repeats in a row can share out one text in many ways")
            chains.append((span, best, mask))

    def _border(self, begin: Iterable[int], after: int, span: _Span, shared: int) -> float:
        """Powers of ten: how often the border to the span can lie elsewhere in one text.

        As often as there are characters where the way there takes most of what
        is ``shared``; a few times where it takes little of it, such as the ``@``
        between two ``\\S+``; and never where it takes nothing of it.
        """
        if self._leads(begin, after, span, shared, broad=True):
            return _ENDLESS
        return _FEW if self._leads(begin, after, span, shared, broad=False) else 0.0

    def _leads(
        self, begin: Iterable[int], after: int, span: _Span, shared: int, broad: bool
    ) -> bool:
        waiting, seen = list(begin), set[int]()
        while waiting:
            here = waiting.pop()
            self._spend()
            if here in seen or not after <= here < span.end:
                continue
            seen.add(here)
            common = self._masks[here] & shared
            if common and here >= span.begin:
                return True
            if common and (not broad or common.bit_count() * 2 >= shared.bit_count()):
                waiting += self._steps[here]
        return False

    def _may_end(self, span: _Span, whole: _Part) -> bool:
        """Whether the pattern is complete in the span, so that nothing behind it can fail."""
        return self._asserted < span.end and any(
            span.begin <= each < span.end for each in whole.last
        )


_AMBIGUOUS: Final = "what it repeats can take one text in several ways"


def _is_short(repeat: Repeat) -> bool:
    """Whether a part that comes an exact number of times can be written out."""
    if repeat.least != repeat.most:
        return False
    return repeat.least * _size(repeat.part) <= _FIXED


def _size(node: Node) -> int:
    if isinstance(node, Repeat):
        return _size(node.part) * max(node.least, node.most or 1)
    if isinstance(node, Row | Either):
        return sum(_size(part) for part in node.parts)
    return isinstance(node, Chars)
