"""The engine of templates: a part of Jinja that can show values, choose and repeat.

It calls nothing, sets nothing and reaches nothing but the data that it is given, attributes of
Python objects neither. Each value that a template reads or makes passes a meter that looks at
the clock and at its size, so that no single step is long, and nothing grows.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from html import unescape
from typing import Any, Final, cast

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.nodes import Expr, Filter, Node
from jinja2.runtime import Context, LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

_LONGEST: Final = 200_000
"""Characters of a template."""
_MOST_PARTS: Final = 5_000
"""Names, constants, operations and pieces of text in it: reading them takes a quarter of a
second."""
_DEEPEST: Final = 40
_ROUNDS: Final = 10_000
"""Repetitions in one mail, of all loops together."""
_SECONDS: Final = 0.5
"""What one mail may take."""

_ALLOWED: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.Name),
    *(nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Compare, nodes.Operand),
    *(nodes.And, nodes.Or, nodes.Not, nodes.Add, nodes.Sub, nodes.Div, nodes.CondExpr),
    *(nodes.Keyword, nodes.Test, nodes.Tuple, nodes.List, nodes.Neg),
)
_FILTERS: Final = frozenset(
    "abs capitalize default d e escape first float int last length lower round striptags "
    "title trim upper".split()
)
_TESTS: Final = frozenset("defined undefined none string number mapping sequence".split())
_LOOP: Final = frozenset("index index0 revindex revindex0 first last length".split())
_TAGS: Final = re.compile(r"<!--.*?(?:-->|\Z)|<[^>]*+>?", re.DOTALL)


class BadTemplate(Exception):
    """The text is one sentence about the template, or about what it was given."""


class Meter:
    """What one mail may cost; ``longest`` is in characters."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._left = _ROUNDS
        self._until = time.monotonic() + _SECONDS

    def value(self, value: Any) -> Any:
        if isinstance(value, str) and len(value) > self._longest:
            raise BadTemplate(f"The mail is larger than {self._longest:,} bytes.")
        if time.monotonic() > self._until:
            raise BadTemplate("The template takes too long.")
        return value

    def each(self, items: Iterable[Any]) -> Iterator[Any]:
        for each in items:
            self._left -= 1
            if self._left < 0:
                raise BadTemplate(f"The template repeats more than {_ROUNDS:,} times.")
            yield self.value(each)


class _Engine(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset("+-/")

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """A property of an object, or an element of a list or text; never a Python attribute."""
        if isinstance(obj, Undefined):
            return obj  # it raises when it is shown, and names what was missing first
        readable = Mapping if isinstance(argument, str) else list | str
        if isinstance(obj, readable) and isinstance(argument, str | int):
            try:
                return obj[argument]  # type: ignore[index]
            except LookupError:
                pass
        return self.undefined(obj=obj, name=argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise BadTemplate(f"A template reckons with numbers alone ({operator}).")
        return super().call_binop(context, operator, left, right)


def _shown(value: Any) -> Any:
    if not isinstance(value, str | int | float | Undefined | None):
        raise BadTemplate("A template shows texts and numbers, not lists and objects.")
    return "" if value is None else value


def _striptags(text: Any) -> str:
    """The text without its tags; linear, which the engine's own is not."""
    return " ".join(unescape(_TAGS.sub("", str(text))).split())


def _round(number: float, precision: int = 0) -> float:
    """Rounds to so many places; the engine's own takes hours for a negative number of many."""
    if not 0 <= precision <= 20:
        raise BadTemplate("A template rounds to 0 to 20 places.")
    return round(float(number), precision)


_ENGINE: Final = _Engine(autoescape=True, undefined=StrictUndefined, finalize=_shown)
_ENGINE.globals.clear()
_ENGINE.filters |= {
    "striptags": _striptags,
    "round": _round,
    "_value": lambda value, meter: meter.value(value),
    "_each": lambda items, meter: meter.each(items),
}


def compiled(text: str) -> Any:
    """A template that is ready to be filled in, with a ``Meter`` as ``_meter`` in its data.

    Raises ``BadTemplate`` for what it may not hold.
    """
    if len(text) > _LONGEST:
        raise BadTemplate(f"A template has at most {_LONGEST:,} characters.")
    try:
        tree = _ENGINE.parse(text)
        if _checked(tree, 0) > _MOST_PARTS:
            raise BadTemplate(f"A template has at most {_MOST_PARTS:,} parts.")
        return _ENGINE.from_string(_Metered().visit(tree))
    except (TemplateError, SyntaxError) as error:
        said = error.message if isinstance(error, TemplateError) else error.msg
        raise BadTemplate(f"The template cannot be read: {said}.") from None
    except ValueError:
        raise BadTemplate("The template has a number of too many digits.") from None
    except RecursionError:
        raise BadTemplate("The template is nested too deeply.") from None


def _checked(node: Node, depth: int) -> int:
    """How many parts are below; raises ``BadTemplate`` for those that are not allowed."""
    if depth > _DEEPEST:
        raise BadTemplate("The template is nested too deeply.")
    parts = 0
    for each in node.iter_child_nodes():
        wrong = _wrong(each)
        if wrong:
            raise BadTemplate(f"A template {wrong} (line {each.lineno}).")
        parts += 1 + _checked(each, depth + 1)
    return parts


def _wrong(node: Node) -> str:
    """What is wrong with one node; empty if nothing is."""
    if not isinstance(node, _ALLOWED):
        return f"cannot use {type(node).__name__}"
    if isinstance(node, nodes.For) and node.recursive:
        return "cannot repeat itself"
    if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
        return f"has no filter {node.name!r}"
    if isinstance(node, nodes.Test) and node.name not in _TESTS:
        return f"has no test {node.name!r}"
    if isinstance(node, nodes.Name) and (node.name[0] == "_" or node.name == "self"):
        return f"has no name {node.name!r}"
    if isinstance(node, nodes.List) or (isinstance(node, nodes.Tuple) and node.ctx == "load"):
        constant = all(isinstance(each, nodes.Const) for each in node.items)
        return "" if constant else "has lists of constants alone"
    return ""


class _Metered(NodeTransformer):
    """Lets each value that is read or made pass the meter, and each loop be counted by it."""

    def visit_For(self, node: nodes.For) -> Node:
        self.generic_visit(node)
        node.iter = _filtered(cast(Expr, node.iter), "_each")
        return node

    def visit_Name(self, node: nodes.Name) -> Node:
        return _filtered(node, "_value") if node.ctx == "load" else node

    def _visit_value(self, node: Expr) -> Node:
        self.generic_visit(node)
        return _filtered(node, "_value")

    visit_Getattr = visit_Getitem = visit_Filter = _visit_value
    visit_Add = visit_Sub = visit_Div = _visit_value


def _filtered(value: Expr, name: str) -> Filter:
    meter = nodes.Name("_meter", "load")
    made = nodes.Filter(value, name, [meter], [], None, None)
    made.set_environment(_ENGINE)
    made.set_lineno(value.lineno)
    return made
