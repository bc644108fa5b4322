"""Who is asking: every service method takes one of these, and none has a default."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A caller whose credentials were verified.

    ``name`` is what ``_createdby`` and ``_changedby`` record: an e-mail address,
    or ``api`` for keys (SPEC 3.2). ``full`` is the full-access key's right to
    everything, schema administration and delete by query included.
    """

    name: str
    full: bool = False


FULL_ACCESS = Principal(name="api", full=True)
"""The holder of the full-access key, and the operator's own command line."""

ANONYMOUS = Principal(name="anonymous")
"""A caller who presented nothing."""
