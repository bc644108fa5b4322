"""What an operation may cost: the documents that it could read, by the sizes of its pages.

Made once for each plan and evaluated for the variables of each request, before anything is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from duetdb.app.service.errors import LimitExceeded
from duetdb.app.service.limits import Limits

Given: TypeAlias = "int | str"
"""A number of documents as an argument says it, or the name of the variable that does."""

STORED_LIST = 10
"""References that a stored list is taken to hold, for lists of these have no pages."""


@dataclass(frozen=True, slots=True)
class Pages:
    """One list of an operation, read for each document of the list around it.

    Its size is the first of ``given`` that has a value, or else ``default``.
    """

    given: tuple[Given, ...]
    default: int
    inside: tuple[Pages, ...] = ()

    @property
    def constant(self) -> bool:
        """Whether no variable has a say."""
        own = all(isinstance(each, int) for each in self.given)
        return own and all(each.constant for each in self.inside)

    def documents(self, around: int, variables: Mapping[str, Any], most: int) -> int:
        """How many are read here and inside, ``most`` at each level, for so many documents."""
        here = min(around * self._size(variables), most)
        return here + sum(each.documents(here, variables, most) for each in self.inside)

    def _size(self, variables: Mapping[str, Any]) -> int:
        for each in self.given:
            value = each if isinstance(each, int) else variables.get(each)
            if isinstance(value, int):
                return max(value, 0)
            if isinstance(value, list):  # of documents to be written
                return len(value)
        return self.default


class Cost:
    """The documents that one plan could read; those of constant lists are counted once."""

    def __init__(self, lists: Sequence[Pages], limits: Limits) -> None:
        self._limits = limits
        self._varying = [each for each in lists if not each.constant]
        self._constant = self._documents([each for each in lists if each.constant], {})

    def check(self, variables: Mapping[str, Any]) -> None:
        """Raises ``LimitExceeded`` when the operation could read too many documents."""
        documents = self._constant
        if self._varying:
            documents += self._documents(self._varying, variables)
        most = self._limits.graphql_cost
        if documents > most:
            raise LimitExceeded(
                f"The operation could read {documents:,} documents, more than {most:,}.",
                hint="Give its lists a smaller 'max', or raise DUETDB_GRAPHQL_COST.",
            )

    def _documents(self, lists: Sequence[Pages], variables: Mapping[str, Any]) -> int:
        most = self._limits.level_documents
        return sum(each.documents(1, variables, most) for each in lists)
