"""The text filter of a caller who may not see every field that the stored words come from.

What decides are the words of the fields that it may see, made here as a write
makes them. The index on the stored words finds the documents to look at.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import Any

from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.query import (
    EVERYTHING,
    Filter,
    Match,
    Or,
    Projection,
    Query,
    Words,
)
from duetdb.app.service.reading.guarding import Guard, both
from duetdb.app.service.reading.projections import projection_of
from duetdb.app.service.reading.selecting import guard_of
from duetdb.app.service.reading.source import Source
from duetdb.app.service.reading.translate import to_mongo
from duetdb.app.service.stored_names import under_new_names
from duetdb.app.service.tokens import MAX_TOKENS, Tokenizer


async def found_by(words: Words, query: Query, source: Source) -> Filter:
    """The ids that ``words`` stand for among what ``query``, its guard settled, may see.

    One database call. Raises ``LimitExceeded`` for more than an ``$in`` list may
    hold; how many were looked at decides on nothing.
    """
    tokenizer = Tokenizer(query.collection)
    if not words.tokens:
        return EVERYTHING
    if not tokenizer:
        return Or(())
    seen = replace(
        query, projection=Projection(tuple(tokenizer.roots), include=True), expand=(), order=()
    )
    collection, limits, ids = query.collection, source.limits, list[Any]()
    batches = source.stream(
        collection.name,
        both(guard_of(query.guard, collection), _candidates(words, query)),
        projection_of(seen),
        [],
        milliseconds=limits.query_ms,
    )
    async with aclosing(batches):
        async for batch in batches:
            under_new_names(batch, collection)
            ids += [each["_id"] for each in batch if _matches(words, tokenizer.of(each))]
            if len(ids) > limits.in_values:
                raise LimitExceeded(
                    f"The text filter holds for more than {limits.in_values} documents of "
                    f"'{collection.name}'.",
                    hint="Narrow it, or raise DUETDB_IN_VALUES.",
                )
    return Match("_id", "in", ids)


def _candidates(words: Words, query: Query) -> Guard:
    """Documents with the words anywhere, and those of which not every word was kept."""
    stored = to_mongo(words, query.collection.whole)
    return Guard({"$or": [stored, {f"_keywords.{MAX_TOKENS - 1}": {"$exists": True}}]})


def _matches(words: Words, own: list[str]) -> bool:
    return all(any(each.startswith(token) for each in own) for token in words.tokens)
