"""What of documents one caller may write: the rest stays as it is, and nothing is told of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from duetdb.app.service.errors import Forbidden, Invalid, ValidationFailed
from duetdb.app.service.query import Document
from duetdb.app.service.stored_names import CurrentPaths
from duetdb.app.service.system_fields import PARENT_FIELDS
from duetdb.schema_gen.field import MISSING
from duetdb.schema_gen.model import Collection

_NO_OBJECT = "What is stored there is no object."
_NO_TARGET = "Does not fit the relation."


class Remit:
    """The rights in one narrowed collection, as a writer needs them."""

    def __init__(self, collection: Collection) -> None:
        assert collection.narrowing is not None
        self._collection = collection
        self._writable = collection.rights.writable
        self._visible = collection.narrowing.visible
        self._paths = CurrentPaths(collection.whole)

    def check_link(self, before: Document, after: Document) -> None:
        """Raises ``Forbidden`` where a document gets another parent, and the caller gives none."""
        if self._writable.has_whole(PARENT_FIELDS[0]):
            return
        if any(str(before.get(name)) != str(after.get(name)) for name in PARENT_FIELDS):
            raise not_within_rights()

    def takes_whole(self, names: Iterable[str] | None) -> bool:
        """Whether nothing has to stay at these dotted names; None means the whole document."""
        if names is None or self._writable.is_everything:
            return self._writable.is_everything
        return all(self._writable.has_whole(self._paths.of(each)) for each in names)

    def kept(self, before: Document, after: Document) -> tuple[Document, list[Invalid]]:
        """The changed document with all that may not be written as it was before.

        An object around it is merged. Lists keep their elements: which of two lists
        is which element of the other nobody could say. What else was stored where
        an object is sent, is an error.
        """
        if self._writable.is_everything:
            return after, []
        keeping = _Keeping(self)
        return keeping.object(before, after, ""), keeping.invalid

    def share(self, path: str) -> tuple[bool, bool]:
        """Whether all, and whether some of what is at a path may be written."""
        return self._writable.has_whole(path), self._writable.has(path)

    def below(self, path: str, name: str) -> str:
        return self._paths.below(path, name)

    def missed(
        self, before: Iterable[Invalid], after: Iterable[Invalid], names: Iterable[str] | None
    ) -> list[Invalid]:
        """What is missing after a change of ``names``, of everything if that is None.

        Left out is what the caller neither sees nor has changed, or would tell it
        that there was an object or none.
        """
        old = {each.field for each in before}
        changed = None if names is None else [*map(self._paths.of, names)]
        return [each for each in after if self._is_due(each, old, changed)]

    def _is_due(self, problem: Invalid, old: set[str], changed: list[str] | None) -> bool:
        path = self._paths.of(problem.field)
        if not self._writable.has(path):
            # A part that others write, of an object that the caller has made.
            return problem.field not in old and self._visible.has(path.rpartition(".")[0])
        if changed is None or self._visible.has(path):
            return True
        return any(path == each or path.startswith(f"{each}.") for each in changed)

    def told(self, error: ValidationFailed) -> ValidationFailed | Forbidden:
        """What the caller is told in place of ``error``.

        Fields that it may neither write nor see have no part in it, and where
        nothing is left, it cannot write such a document at all.
        """
        invalid = [self._worded(each) for each in error.invalid if self._is_known(each)]
        return ValidationFailed(invalid) if invalid else not_within_rights()

    def _is_known(self, problem: Invalid) -> bool:
        path = self._paths.of(problem.field)
        field = self._collection.whole.by_path.get(path)
        is_sent = field is None or field.formula is None
        return self._visible.has(path) or (is_sent and self._writable.has(path))

    def _worded(self, problem: Invalid) -> Invalid:
        """Without the name of a collection that there is not for the caller."""
        path = self._paths.of(problem.field)
        field = self._collection.whole.by_path.get(path)
        if problem.code != "TYPE" or field is None or field.relation is None:
            return problem
        seen = self._collection.by_path.get(path)
        return problem if seen and seen.collection else replace(problem, message=_NO_TARGET)


def remit_of(collection: Collection) -> Remit | None:
    """None for callers that may do everything."""
    return None if collection.narrowing is None else Remit(collection)


@contextmanager
def within_rights(collection: Collection) -> Iterator[None]:
    """Whatever validation says inside, what is told of it is what the caller may know."""
    try:
        yield
    except ValidationFailed as error:
        remit = remit_of(collection)
        if remit is None:
            raise
        raise remit.told(error) from None


def not_within_rights() -> Forbidden:
    """The one refusal for documents as they would come to be, whatever is against them."""
    return Forbidden(
        "This caller may not store such a document.",
        hint="It would be one that only others may write; ask for a key or a role that may.",
    )


class _Keeping:
    """Puts back into a changed document what was there; ``invalid`` is where it cannot."""

    def __init__(self, remit: Remit) -> None:
        self._remit = remit
        self.invalid: list[Invalid] = []

    def object(self, before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Document:
        found: Document = {}
        for name in dict.fromkeys((*after, *before)):
            old, new = before.get(name, MISSING), after.get(name, MISSING)
            if path or name[:1] != "_":
                new = self._value(old, new, self._remit.below(path, name))
            if new is not MISSING:
                found[name] = new
        return found

    def _value(self, old: Any, new: Any, path: str) -> Any:
        whole, part = self._remit.share(path)
        if whole:
            return new
        if not part:
            return old
        return self._merged(old, new, path)

    def _merged(self, old: Any, new: Any, path: str) -> Any:
        """A value of which a part may be written."""
        if old is new or old is None or old is MISSING:
            return new  # what it holds beyond the caller's part are defaults
        if isinstance(old, dict) and (new is MISSING or isinstance(new, dict)):
            return self.object(old, {} if new is MISSING else new, path)
        if isinstance(old, list) and isinstance(new, list):
            kept = [self._merged(*pair, path) for pair in zip(old, new, strict=False)]
            return [*kept, *(old[len(new) :] or new[len(old) :])]
        if isinstance(new, dict | list):
            self.invalid.append(Invalid(path, _NO_OBJECT, "TYPE"))
        return old
