"""Templates: documents of the collection ``templates``, filled in by a sandboxed engine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import TemplateError
from markupsafe import Markup

from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.engine import Engine
from duetdb.app.service.lately import primary
from duetdb.app.service.mail.mail import LONGEST, is_plain
from duetdb.app.service.mail.sandbox import BadTemplate, Meter, compiled

COLLECTION: Final = "templates"
_DEFAULT: Final = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>{{ subject }}</title></head><body>
{{ body }}
{% if company or unsubscribelink %}<hr><p style="font-size:small;color:#666">{{ company }}
{% if unsubscribelink %}<a href="{{ unsubscribelink }}">Unsubscribe</a>{% endif %}</p>{% endif %}
</body></html>
"""


@dataclass(frozen=True, slots=True)
class Filled:
    subject: str
    html: str


class Template:
    """One template, compiled; raises ``BadTemplate`` for what it may not hold."""

    def __init__(self, html: str, subject: str, longest: int) -> None:
        self._longest = longest
        self._html = compiled(html)
        self._subject = compiled(subject)

    def fill(self, data: Mapping[str, Any]) -> Filled:
        """The mail for this data; ``body`` in it is HTML, everything else is text.

        Raises ``BadTemplate``.
        """
        values = {**data, "body": Markup(data.get("body") or "")}
        subject = Markup(self._rendered(self._subject, values)).unescape()
        plain = "".join(each if is_plain(each) else " " for each in subject)
        return Filled(" ".join(plain.split())[:LONGEST], self._rendered(self._html, values))

    def _rendered(self, template: Any, values: Mapping[str, Any]) -> str:
        parts: list[str] = []
        size = 0
        try:
            for part in template.generate({**values, "_meter": Meter(self._longest)}):
                size += len(part.encode())  # half a character is a ValueError
                if size > self._longest:
                    raise BadTemplate(f"The mail is larger than {self._longest:,} bytes.")
                parts.append(part)
        except TemplateError as error:
            raise BadTemplate(f"The template cannot be filled in: {error.message}.") from None
        except NameError:  # how the engine writes the number that is larger than all others
            raise BadTemplate("The template has a number that is too large.") from None
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError):
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
