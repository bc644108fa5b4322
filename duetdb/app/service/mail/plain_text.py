"""The plain text of a mail, made from its HTML: for readers that show no HTML.

What it is given may be anything, so each character is looked at a fixed number of
times: patterns that could go back are possessive, and what is not closed ends the text.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Final

_BLOCKS: Final = frozenset(
    "address article blockquote div dl dt dd footer form h1 h2 h3 h4 h5 h6 header hr main nav "
    "ol pre section table tr ul".split()
)
_UNSEEN: Final = {
    name: re.compile(rf"</{name}\b", re.IGNORECASE)
    for name in ("head", "script", "style", "template", "title")
}
_TAG: Final = re.compile(r"""<(/?)([a-zA-Z][a-zA-Z0-9]*+)((?:[^"'>]++|"[^"]*+"|'[^']*+')*+)>""")
_LOOSE_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*+)([^>]*+)>")
_TARGET: Final = re.compile(
    r"""\b(?:href|alt)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""", re.IGNORECASE
)
_GAP: Final = re.compile(r"\n{3,}")


def plain_text(html: str) -> str:
    """What a person would read, a link's address behind its text in brackets."""
    reader = _Reader(html)
    reader.read()
    lines = "".join(reader.parts).split("\n")
    return _GAP.sub("\n\n", "\n".join(" ".join(each.split()) for each in lines)).strip() + "\n"


class _Reader:
    """Goes through a text once; ``parts`` are what there is to be read so far."""

    def __init__(self, html: str) -> None:
        self.parts: list[str] = []
        self._html = html
        self._tag = _TAG
        self._link: tuple[str, int] | None = None

    def read(self) -> None:
        html, position = self._html, 0
        while position < len(html):
            start = html.find("<", position)
            end = len(html) if start < 0 else start
            self.parts.append(" ".join(unescape(f".{html[position:end]}.").split())[1:-1])
            position = end if start < 0 else self._markup(start)

    def _markup(self, start: int) -> int:
        """Reads what begins with ``<``; the answer is where the text goes on."""
        html = self._html
        if html.startswith("<!--", start):
            return self._after("-->", start + 4)
        if html.startswith(("<!", "<?"), start):
            return self._after(">", start)
        if not (html[start + 1 : start + 2].isalpha() or html.startswith("</", start)):
            self.parts.append("<")
            return start + 1
        found = self._tag.match(html, start)
        if found is None:  # a quotation mark that is not closed is none from here on
            self._tag = _LOOSE_TAG
            found = self._tag.match(html, start)
        if found is None:
            return self._after(">", start)
        closing, name, attributes = found[1], found[2].lower(), found[3]
        unseen = None if closing else _UNSEEN.get(name)
        if unseen is not None:
            end = unseen.search(html, found.end())
            return len(html) if end is None else end.start()
        (self._close if closing else self._open)(name, attributes)
        return found.end()

    def _after(self, end: str, start: int) -> int:
        found = self._html.find(end, start)
        return len(self._html) if found < 0 else found + len(end)

    def _open(self, name: str, attributes: str) -> None:
        if name == "p":
            self.parts.append("\n\n")
        elif name == "br" or name in _BLOCKS:
            self.parts.append("\n")
        elif name == "li":
            self.parts.append("\n- ")
        elif name == "a":
            self._link = _target(attributes), len(self.parts)
        elif name == "img":
            self.parts.append(_target(attributes))

    def _close(self, name: str, _attributes: str) -> None:
        if name == "p":
            self.parts.append("\n\n")
        elif name in _BLOCKS:
            self.parts.append("\n")
        elif name in ("td", "th"):
            self.parts.append(" ")
        elif name == "a" and self._link is not None:
            target, start = self._link
            self._link = None
            said = "".join(self.parts[start:]).strip()
            if target and target not in (said, f"mailto:{said}"):
                self.parts.append(f" ({target})")


def _target(attributes: str) -> str:
    """Where a link leads, or what is said in place of a picture."""
    found = _TARGET.search(attributes)
    return unescape(found[found.lastindex or 0]) if found else ""
