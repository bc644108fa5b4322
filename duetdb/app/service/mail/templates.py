"""Templates: documents of the collection ``templates``, filled in by a sandboxed engine.

A template may show values, choose and repeat. It can call nothing, set nothing
and reach no other template, and what it repeats is counted and timed: what it
costs is bounded by the size of the request.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.nodes import Node
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.lately import primary

COLLECTION: Final = "templates"
_LONGEST: Final = 200_000
"""Characters of a template."""
_ROUNDS: Final = 10_000
"""Repetitions in one mail, of all loops together."""
_SECONDS: Final = 0.5
"""What one mail may take."""

_ALLOWED: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.Name),
    *(nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Compare, nodes.Operand),
    *(nodes.And, nodes.Or, nodes.Not, nodes.Add, nodes.Sub, nodes.Div, nodes.CondExpr),
    *(nodes.Concat, nodes.Keyword, nodes.Test, nodes.Tuple, nodes.List, nodes.Neg),
)
_FILTERS: Final = frozenset(
    "abs capitalize default d e escape first float int last length lower round striptags "
    "title trim upper".split()
)
_TESTS: Final = frozenset("defined undefined none string number mapping sequence".split())
_COUNTED: Final = "_counted"

_DEFAULT: Final = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>{{ subject }}</title></head><body>
{{ body }}
{% if company or unsubscribelink %}<hr><p style="font-size:small;color:#666">{{ company }}
{% if unsubscribelink %}<a href="{{ unsubscribelink }}">Unsubscribe</a>{% endif %}</p>{% endif %}
</body></html>
"""


class BadTemplate(Exception):
    """The text is one sentence about the template, or about what it was given."""


@dataclass(frozen=True, slots=True)
class Filled:
    subject: str
    html: str


class Template:
    """One template, compiled; raises ``BadTemplate`` for what it may not hold."""

    def __init__(self, html: str, subject: str, longest: int) -> None:
        self._longest = longest
        self._html = _compiled(html)
        self._subject = _compiled(subject)

    def fill(self, data: Mapping[str, Any]) -> Filled:
        """The mail for this data; ``body`` in it is HTML, everything else is text.

        Raises ``BadTemplate``.
        """
        values = {**data, "body": Markup(data.get("body") or "")}
        subject = Markup(self._rendered(self._subject, values)).unescape()
        return Filled(" ".join(subject.split())[:500], self._rendered(self._html, values))

    def _rendered(self, compiled: Any, values: Mapping[str, Any]) -> str:
        parts: list[str] = []
        size = 0
        meter = _Meter()
        try:
            for part in compiled.generate({**values, "_meter": meter}):
                size += len(part.encode("utf-8", "surrogatepass"))
                if size > self._longest:
                    raise BadTemplate(f"The mail is larger than {self._longest:,} bytes.")
                parts.append(part)
        except TemplateError as error:
            raise BadTemplate(f"The template cannot be filled in: {error.message}.") from None
        except (TypeError, ValueError, ArithmeticError, RecursionError):
            raise BadTemplate("The template does not fit the data that it was given.") from None
        return "".join(parts)


class Templates:
    """Finds templates by name, and fills them in beside the event loop, two at a time."""

    def __init__(self, engine: Engine, longest: int, query_ms: int) -> None:
        self._stored = primary(engine, COLLECTION)
        self._longest = longest
        self._query_ms = query_ms
        self._turns = asyncio.Semaphore(2)
        self._default = Template(_DEFAULT, "{{ subject }}", longest)

    async def find(self, name: str) -> Template | None:
        """The template of that name, the default one for no name, or None.

        Raises ``BadTemplate`` for one that cannot be used.
        """
        if not name:
            return self._default
        with translate_driver_errors():
            found = await self._stored.find_one({"name": name}, max_time_ms=self._query_ms)
        if found is None:
            return None
        html, subject = found.get("html"), found.get("subject") or "{{ subject }}"
        if not isinstance(html, str) or not isinstance(subject, str):
            raise BadTemplate(f"The template {name!r} has no html, or a subject that is no text.")
        async with self._turns:
            return await asyncio.to_thread(Template, html, subject, self._longest)

    async def fill(self, template: Template, data: Mapping[str, Any]) -> Filled:
        """As ``Template.fill``."""
        async with self._turns:
            return await asyncio.to_thread(template.fill, data)


class _Meter:
    def __init__(self) -> None:
        self._left = _ROUNDS
        self._until = time.monotonic() + _SECONDS

    def of(self, items: Iterable[Any]) -> Iterator[Any]:
        for each in items:
            self._left -= 1
            if self._left < 0 or time.monotonic() > self._until:
                raise BadTemplate(f"The template repeats more than {_ROUNDS:,} times.")
            yield each


_ENGINE: Final = ImmutableSandboxedEnvironment(autoescape=True, undefined=StrictUndefined)
_ENGINE.globals.clear()
_ENGINE.filters[_COUNTED] = lambda items, meter: meter.of(items)


def _compiled(text: str) -> Any:
    if len(text) > _LONGEST:
        raise BadTemplate(f"A template has at most {_LONGEST:,} characters.")
    try:
        tree = _ENGINE.parse(text)
        _check(tree)
        for each in tree.find_all(nodes.For):
            each.iter = nodes.Filter(
                each.iter, _COUNTED, [nodes.Name("_meter", "load")], [], None, None
            ).set_lineno(each.lineno)
        tree.set_environment(_ENGINE)
        return _ENGINE.from_string(tree)
    except TemplateError as error:
        raise BadTemplate(f"The template cannot be read: {error.message}.") from None
    except RecursionError:
        raise BadTemplate("The template is nested too deeply.") from None


def _check(node: Node) -> None:
    """Raises ``BadTemplate`` for anything but showing, choosing and repeating."""
    for each in node.iter_child_nodes():
        if not isinstance(each, _ALLOWED):
            raise BadTemplate(f"A template cannot use {type(each).__name__} (line {each.lineno}).")
        if isinstance(each, nodes.For) and each.recursive:
            raise BadTemplate(f"A template cannot repeat itself (line {each.lineno}).")
        if isinstance(each, nodes.Filter) and each.name not in _FILTERS:
            raise BadTemplate(f"A template has no filter {each.name!r} (line {each.lineno}).")
        if isinstance(each, nodes.Test) and each.name not in _TESTS:
            raise BadTemplate(f"A template has no test {each.name!r} (line {each.lineno}).")
        if isinstance(each, nodes.Name) and (each.name[0] == "_" or each.name == "self"):
            raise BadTemplate(f"A template has no name {each.name!r} (line {each.lineno}).")
        _check(each)
