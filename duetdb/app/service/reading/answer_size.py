"""How large answers become, and how many questions they take.

A document counts wherever it stands. Related ones are read once, however many
refer to them, but shown every time: a few hundred that refer to each other in
circles would make billions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.limits import Limits
from duetdb.app.service.query import Document, Expansion, Query
from duetdb.app.service.stored_names import holders
from duetdb.schema_gen.field import Relation


@dataclass(slots=True)
class _Answer:
    """What the reads of one answer have taken so far."""

    documents: int = 0
    look_ups: int = 0


_answer: ContextVar[_Answer | None] = ContextVar("duetdb_answer", default=None)


@contextmanager
def one_answer() -> Iterator[None]:
    """All that is read inside, also by tasks begun inside, counts as one answer."""
    token = _answer.set(_Answer())
    try:
        yield
    finally:
        _answer.reset(token)


def check_size(limits: Limits, more: int = 0) -> None:
    """Raises ``LimitExceeded`` when the answer, with so many more documents, is too large."""
    answer = _answer.get() or _Answer()
    answer.documents += more
    if answer.documents > limits.answer_documents:
        raise LimitExceeded(
            f"The answer would show more than {limits.answer_documents:,} documents, related ones "
            "counted wherever they stand.",
            hint="Ask for fewer documents or relations, or raise DUETDB_ANSWER_DOCUMENTS.",
        )


def check_look_ups(limits: Limits, more: int) -> None:
    """Raises ``LimitExceeded`` for too many conditions on related documents."""
    answer = _answer.get() or _Answer()
    answer.look_ups += more
    if answer.look_ups > limits.related_conditions:
        raise LimitExceeded(
            f"The filters have more than {limits.related_conditions:,} conditions on related "
            "documents.",
            hint="Ask in several requests, or raise DUETDB_RELATED_CONDITIONS.",
        )


def check_shown(limits: Limits, documents: Sequence[Document], query: Query) -> None:
    """The same for the documents of an answer to ``query``, their expansions attached."""
    inside = query.expand or query.described
    below = _below([(each, 1) for each in documents], query) if inside else 0
    check_size(limits, len(documents) * query.projection.times + below)


def _below(level: Collection[tuple[Document, int]], query: Query) -> int:
    """How many are shown below documents that stand in so many places each.

    A file that is described counts as a document.
    """
    total = 0
    for media in query.described:
        *parents, _ = media.path.split(".")
        for document, places in level:
            shown = sum(len(holder.get(media.key) or ()) for holder in holders(document, parents))
            total += places * shown * query.projection.times
    for expansion in query.expand:
        times = expansion.query.projection.times
        deeper = expansion.query.expand or expansion.query.described
        below: dict[int, tuple[Document, int]] = {}
        for document, places in level:
            for attached in _attached(document, expansion):
                total += places * len(attached) * times
                for each in attached if deeper else ():
                    _, others = below.get(id(each), (each, 0))
                    below[id(each)] = each, others + places
        if below:
            total += _below(below.values(), expansion.query)
    return total


def _attached(document: Document, expansion: Expansion) -> Iterator[list[Document]]:
    """The lists that were put into one document."""
    field = expansion.field
    in_objects = field.relation is not Relation.CHILD and not expansion.reverse
    parents = field.path.split(".")[:-1] if in_objects else []
    for holder in holders(document, parents) if parents else (document,):
        yield holder.get(expansion.key) or []
