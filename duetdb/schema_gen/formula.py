"""Computed fields: a small expression language over the fields of one document.

    {{salary}} * 1.25
    {{first name}} + " " + upper({{last}})
    if({{stock}} > 0, {{price}}, 0)

Numbers are exact decimals. There is nothing to call but ``FUNCTIONS``, nothing
to loop with and nothing to reach outside of the document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any, TypeAlias

from bson.decimal128 import Decimal128

from duetdb.schema_gen.suggest import did_you_mean

LONGEST = 1000
"""Characters of a formula."""
_DEEPEST = 40
_TEXT_LONGEST = 100_000
_CONTEXT = Context(prec=34, Emax=6144, Emin=-6143)

Value: TypeAlias = "Decimal | str | bool"
Node: TypeAlias = Callable[[Mapping[str, Any]], Value]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<name>\{\{[^{}]*\}\})
      | (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)
      | (?P<text>"[^"]*"|'[^']*')
      | (?P<word>[A-Za-z_]+)
      | (?P<sign><=|>=|==|!=|<>|[-+*/%()<>=,])
    )""",
    re.VERBOSE,
)


class _NoValueError(Exception):
    """An operand is null or an operation has no result: the field is left out."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A parsed formula; equal to another with the same text."""

    source: str
    names: tuple[str, ...] = field(compare=False)
    """The dotted field names that it reads, each once."""
    node: Node = field(compare=False, repr=False)

    def evaluate(self, document: Mapping[str, Any]) -> Value | None:
        """The value over a stored document; None if an operand is null or there is no result."""
        try:
            with localcontext(_CONTEXT):
                return self.node(document)
        except (_NoValueError, ArithmeticError, ValueError):
            return None


def parse_formula(text: str) -> Formula:
    """Parses a formula; raises ``ValueError`` with a sentence that says where it is wrong."""
    if len(text) > LONGEST:
        raise ValueError(f"A formula may have at most {LONGEST} characters.")
    parser = _Parser(_tokens(text))
    node = parser.comparison(0)
    parser.expect_end()
    return Formula(text, tuple(dict.fromkeys(parser.names)), node)


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None or found.lastgroup is None:
            at = text[position : position + 10].strip()
            raise ValueError(f"The formula cannot be read at {at!a}.")
        tokens.append((found.lastgroup, found[found.lastgroup]))
        position = found.end()
    return tokens


def _number(value: Value) -> Decimal:
    if isinstance(value, Decimal):
        return value
    raise _NoValueError


def _text(value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value.normalize(), "f") if value else "0"


def _truth(value: Value) -> bool:
    return value if isinstance(value, bool) else bool(value)


def _operand(value: Any) -> Value:
    """A stored value as an operand."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        number = Decimal(repr(value))
    elif isinstance(value, Decimal128):
        number = value.to_decimal()
    elif isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds") + "Z"
    else:
        raise _NoValueError
    if not number.is_finite():
        raise _NoValueError
    return number


def _look_up(path: str) -> Node:
    names = path.split(".")

    def node(document: Mapping[str, Any]) -> Value:
        value: Any = document
        for name in names:
            if not isinstance(value, Mapping):
                raise _NoValueError
            value = value.get(name)
        return _operand(value)

    return node


def _add(left: Value, right: Value) -> Value:
    if isinstance(left, Decimal) and isinstance(right, Decimal):
        return left + right
    joined = _text(left) + _text(right)
    if len(joined) > _TEXT_LONGEST:
        raise _NoValueError
    return joined


def _modulo(left: Value, right: Value) -> Value:
    # As in mathematics and spreadsheets, the result has the sign of the divisor.
    divisor = _number(right)
    rest = _number(left) % divisor
    return rest + divisor if rest and (rest < 0) != (divisor < 0) else rest


def _compare(sign: str, left: Value, right: Value) -> bool:
    if type(left) is not type(right):
        if sign in ("==", "!="):
            return sign == "!="
        raise _NoValueError
    equal, less = left == right, left < right  # type: ignore[operator]
    outcome = {"==": equal, "!=": not equal, "<": less, ">": not less and not equal}
    return outcome.get(sign, less or equal if sign == "<=" else not less)


_OPERATIONS: Mapping[str, Callable[[Value, Value], Value]] = {
    "+": _add,
    "-": lambda left, right: _number(left) - _number(right),
    "*": lambda left, right: _number(left) * _number(right),
    "/": lambda left, right: _number(left) / _number(right),
    "%": _modulo,
}
_SPELLINGS = {"=": "==", "<>": "!="}


def _rounded(number: Value, digits: Value = Decimal(0)) -> Value:
    places = int(_number(digits))
    if not -30 <= places <= 30:
        raise _NoValueError
    return _number(number).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def _least(*values: Value) -> Value:
    return min(map(_number, values))


def _greatest(*values: Value) -> Value:
    return max(map(_number, values))


FUNCTIONS: Mapping[str, tuple[int, int, Callable[..., Value]]] = {
    "abs": (1, 1, lambda a: abs(_number(a))),
    "ceil": (1, 1, lambda a: _number(a).to_integral_value(ROUND_CEILING)),
    "floor": (1, 1, lambda a: _number(a).to_integral_value(ROUND_FLOOR)),
    "round": (1, 2, _rounded),
    "min": (1, 20, _least),
    "max": (1, 20, _greatest),
    "length": (1, 1, lambda a: Decimal(len(_text(a)))),
    "lower": (1, 1, lambda a: _text(a).lower()),
    "upper": (1, 1, lambda a: _text(a).upper()),
    "trim": (1, 1, lambda a: _text(a).strip()),
}
"""Name: fewest and most arguments, and the function. ``if`` and ``coalesce`` are lazy, so apart."""
_LAZY = {"if": (3, 3), "coalesce": (1, 20)}


def _if(parts: list[Node]) -> Node:
    condition, then, otherwise = parts
    return lambda document: (then if _truth(condition(document)) else otherwise)(document)


def _coalesce(parts: list[Node]) -> Node:
    def node(document: Mapping[str, Any]) -> Value:
        for each in parts:
            try:
                return each(document)
            except (_NoValueError, ArithmeticError):
                continue
        raise _NoValueError

    return node


class _Parser:
    """Recursive descent: comparison < sum < product < sign < atom."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens
        self.position = 0
        self.names: list[str] = []

    def comparison(self, depth: int) -> Node:
        if depth > _DEEPEST:
            raise ValueError("The formula is nested too deeply.")
        left = self._sum(depth)
        sign = self._sign("==", "!=", "<", ">", "<=", ">=", "=", "<>")
        if sign is None:
            return left
        right = self._sum(depth)
        spelled = _SPELLINGS.get(sign, sign)
        return lambda document: _compare(spelled, left(document), right(document))

    def _sum(self, depth: int) -> Node:
        return self._chain(lambda: self._product(depth), "+", "-")

    def _product(self, depth: int) -> Node:
        return self._chain(lambda: self._signed(depth), "*", "/", "%")

    def _chain(self, operand: Callable[[], Node], *signs: str) -> Node:
        first = operand()
        rest: list[tuple[Callable[[Value, Value], Value], Node]] = []
        while (sign := self._sign(*signs)) is not None:
            rest.append((_OPERATIONS[sign], operand()))
        if not rest:
            return first

        def node(document: Mapping[str, Any]) -> Value:
            value = first(document)
            for operation, each in rest:
                value = operation(value, each(document))
            return value

        return node

    def _signed(self, depth: int) -> Node:
        negative = False
        while (sign := self._sign("-", "+")) is not None:
            negative ^= sign == "-"
        atom = self._atom(depth)
        return (lambda document: -_number(atom(document))) if negative else atom

    def _atom(self, depth: int) -> Node:
        if self.position == len(self.tokens):
            raise ValueError("The formula ends where a value is expected.")
        kind, text = self.tokens[self.position]
        self.position += 1
        if kind == "name":
            path = text[2:-2].strip()
            self.names.append(path)
            return _look_up(path)
        if kind == "word":
            return self._word(text, depth)
        if kind in ("number", "text"):
            constant: Value = Decimal(text) if kind == "number" else text[1:-1]
            return lambda document: constant
        if text == "(":
            inner = self.comparison(depth + 1)
            self._close()
            return inner
        raise ValueError(f"The formula has '{text}' where a value is expected.")

    def _word(self, word: str, depth: int) -> Node:
        if word in ("true", "false"):
            truth = word == "true"
            return lambda document: truth
        allowed = [*FUNCTIONS, *_LAZY]
        if word not in allowed:
            raise ValueError(
                f"The formula has an unknown word '{word}'.{did_you_mean(word, allowed)} Fields are"
                f" written as {{{{name}}}}; the functions are {', '.join(sorted(allowed))}."
            )
        if self._sign("(") is None:
            raise ValueError(f"The function '{word}' needs arguments in parentheses.")
        arguments = [self.comparison(depth + 1)]
        while self._sign(",") is not None:
            arguments.append(self.comparison(depth + 1))
        self._close()
        return _call(word, arguments)

    def _close(self) -> None:
        if self._sign(")") is None:
            raise ValueError("The formula lacks a closing parenthesis.")

    def _sign(self, *signs: str) -> str | None:
        if self.position < len(self.tokens):
            kind, text = self.tokens[self.position]
            if kind == "sign" and text in signs:
                self.position += 1
                return text
        return None

    def expect_end(self) -> None:
        if self.position < len(self.tokens):
            raise ValueError(f"The formula should end before '{self.tokens[self.position][1]}'.")


def _call(word: str, arguments: list[Node]) -> Node:
    fewest, most = _LAZY[word] if word in _LAZY else FUNCTIONS[word][:2]
    if not fewest <= len(arguments) <= most:
        wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
        raise ValueError(f"The function '{word}' takes {wanted} arguments, not {len(arguments)}.")
    if word == "if":
        return _if(arguments)
    if word == "coalesce":
        return _coalesce(arguments)
    function = FUNCTIONS[word][2]
    return lambda document: function(*[each(document) for each in arguments])
