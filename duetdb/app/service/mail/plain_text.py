"""The plain text of a mail, made from its HTML: for readers that show no HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

_BLOCKS: Final = frozenset(
    "address article blockquote div dl dt dd footer form h1 h2 h3 h4 h5 h6 header hr li main nav "
    "ol p pre section table tr ul".split()
)
_UNSEEN: Final = frozenset("head script style template title".split())
_SPACE: Final = re.compile(r"[ \t\r\n\f]+")
_BEGINNING: Final = re.compile(r"[ \t]*\n[ \t]*")
_GAP: Final = re.compile(r"\n{3,}")


def plain_text(html: str) -> str:
    """What a person would read, a link's address behind its text in brackets."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = _BEGINNING.sub("\n", "".join(reader.parts))
    return _GAP.sub("\n\n", lines).strip() + "\n"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "br":
            self.parts.append("\n")
        elif tag in _BLOCKS:
            self.parts.append("\n- " if tag == "li" else "\n\n" if tag == "p" else "\n")
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self.parts)))
        elif tag == "img":
            self.parts.append(dict(attrs).get("alt") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in _BLOCKS:
            self.parts.append("\n")
        elif tag in ("td", "th"):
            self.parts.append(" ")
        elif tag == "a" and self._links:
            target, start = self._links.pop()
            said = "".join(self.parts[start:]).strip()
            if target and target not in (said, f"mailto:{said}"):
                self.parts.append(f" ({target})")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(_SPACE.sub(" ", data))
