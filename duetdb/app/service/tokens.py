"""The words of a document, by which the text filter finds it (SPEC 6.3)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from duetdb.app.service.query import Document
from duetdb.schema_gen.model import Collection

MAX_TOKENS = 64
"""Tokens kept of one document: index entries are what a searchable field costs."""

MAX_TOKEN_LENGTH = 64
"""Characters kept of one token, so that a text without spaces cannot double a document."""

_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> Iterator[str]:
    """The lower-case tokens of a text, in order, repeated ones included.

    Everything but Unicode letters and digits separates. A filter must be split
    by this same function, or its tokens are not those that were stored.
    """
    if not text.isascii():
        # One spelling of "é", or the accent alone would separate.
        text = unicodedata.normalize("NFC", text)
    for match in _WORD.finditer(text.lower()):
        yield match.group()[:MAX_TOKEN_LENGTH]


class Tokenizer:
    """Takes the tokens of one collection's documents from its searchable fields."""

    __slots__ = ("_paths", "roots")

    def __init__(self, collection: Collection) -> None:
        paths = [
            tuple(field.path.split("."))
            for field in collection.all_fields
            if field.searchable and field.type.text and field.is_stored
        ]
        self._paths = tuple(paths)
        self.roots = frozenset(path[0] for path in paths)
        """The top-level fields that the tokens come from; none: nothing is searchable."""

    def __bool__(self) -> bool:
        return bool(self._paths)

    def of(self, document: Document) -> list[str]:
        """The unique tokens of a stored document, at most ``MAX_TOKENS``, in field order."""
        found: dict[str, None] = {}
        for path in self._paths:
            for text in _texts(document, path):
                for word in words(text):
                    found[word] = None
                    if len(found) == MAX_TOKENS:
                        return list(found)
        return list(found)

    def apply(self, document: Document) -> None:
        """Sets ``_keywords`` and ``_tags``, if the collection has searchable fields."""
        if self._paths:
            tokens = self.of(document)
            document["_keywords"] = tokens
            document["_tags"] = " ".join(tokens)


def _texts(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    """The strings under a path, through lists on the way and at the end."""
    if isinstance(value, list):
        for each in value:
            yield from _texts(each, path)
    elif not path:
        if isinstance(value, str):
            yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _texts(value[path[0]], path[1:])
