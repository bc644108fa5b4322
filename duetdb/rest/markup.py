"""Answers as plain markup, to be read or embedded: ``.html`` and ``.js`` (SPEC 6.1).

They are made from the JSON answer, so they show what it shows. Every text of
the database is escaped, and nothing in the markup has an attribute, so nothing
in it can be a link, a script or a style.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import Any, Final

from duetdb.app.http.responses import JsonBytes
from duetdb.app.http.streaming import Streaming
from duetdb.app.service.encoding import dumps
from duetdb.rest.formats import HTML, SCRIPT, Format

_MOST_COLUMNS: Final = 100
"""Columns of a table; what else a document holds stands in one more."""

_STYLE: Final = (
    "body{font:14px sans-serif;margin:2em}table{border-collapse:collapse}"
    "th,td{border:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:top}"
)
_HASH: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox"
)
_PAGE: Final = (
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
    "<style>{style}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{content}\n</body>\n</html>\n"
)
_SCRIPT: Final = b'document.currentScript.insertAdjacentHTML("afterend",%b);\n'
_IN_SCRIPTS: Final = {
    sign: f"\\u{ord(sign):04x}".encode() for sign in ("<", ">", "&", "\u2028", "\u2029")
}
"""What could end a script element, or a string in older browsers, as JSON also writes it."""


async def rendered(
    answer: JsonBytes | Streaming, form: Format, title: str
) -> JsonBytes | Streaming:
    """The answer in the format that was asked for; those that are ready are left as they are."""
    if form not in (HTML, SCRIPT) or isinstance(answer, Streaming):
        return answer
    make = _page if form is HTML else _script
    # In a thread, because a full page of documents takes longer than others should wait.
    content = await asyncio.to_thread(make, answer.content, title)
    headers = {"content-type": form.content_type}
    if form is HTML:
        headers["content-security-policy"] = _POLICY
    else:  # it is made for <script> on other sites, and read there by nothing but that
        headers["cross-origin-resource-policy"] = "cross-origin"
    answer.replace(content, headers)
    return answer


def _page(content: bytes, title: str) -> bytes:
    return _PAGE.format(title=escape(title), style=_STYLE, content=_markup(content)).encode()


def _script(content: bytes, _title: str) -> bytes:
    """A script that writes the markup behind its own element."""
    text = dumps(_markup(content))
    for sign, escaped in _IN_SCRIPTS.items():
        text = text.replace(sign.encode(), escaped)
    return _SCRIPT % text


def _markup(content: bytes) -> str:
    """The answer as markup; numbers keep the digits that they have in JSON."""
    return "".join(_answer(json.loads(content, parse_float=str, parse_int=str)))


def _answer(body: Any) -> Iterator[str]:
    match body:
        case []:
            yield "<p>Nothing.</p>"
        case list() if all(isinstance(each, dict) for each in body):
            yield from _table(body)
        case {"data": list() as data, "totals": dict() as totals}:
            yield from _answer(data)
            yield from _value(totals)
        case _:
            yield from _value(body)


def _table(documents: list[dict[str, Any]]) -> Iterator[str]:
    """A row for each document, a column for each property that any of them has."""
    names = dict.fromkeys(name for each in documents for name in each)
    columns = list(names)[:_MOST_COLUMNS]
    others = set(names).difference(columns)
    yield "<table>\n<thead>"
    yield _row("th", (*columns, "...") if others else columns)
    yield "</thead>\n<tbody>\n"
    for each in documents:
        yield "<tr>"
        for name in columns:
            yield from _cell(each.get(name))
        if others:
            yield from _cell({name: value for name, value in each.items() if name in others})
        yield "</tr>\n"
    yield "</tbody>\n</table>"


def _cell(value: Any) -> Iterator[str]:
    yield "<td>"
    yield from _value(value)
    yield "</td>"


def _value(value: Any) -> Iterator[str]:
    """Objects are tables of names and values, lists are lists; null and nothing are empty."""
    match value:
        case dict() if value:
            yield from _pairs(value)
        case list() if value:
            yield from _items(value)
        case bool():
            yield "true" if value else "false"
        case str():
            yield escape(value, quote=True)


def _pairs(value: Mapping[str, Any]) -> Iterator[str]:
    yield "<table>"
    for name, each in value.items():
        yield f"<tr><th>{escape(name)}</th>"
        yield from _cell(each)
        yield "</tr>"
    yield "</table>"


def _items(value: Iterable[Any]) -> Iterator[str]:
    yield "<ul>"
    for each in value:
        yield "<li>"
        yield from _value(each)
        yield "</li>"
    yield "</ul>"


def _row(tag: str, names: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(each)}</{tag}>" for each in names) + "</tr>"
