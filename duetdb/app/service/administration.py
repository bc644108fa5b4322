"""What the holder of the full-access key may administer, as the interfaces are given it."""

from __future__ import annotations

from dataclasses import dataclass

from duetdb.app.service.audit.audit import Audit
from duetdb.app.service.keys.key_admin import KeyAdmin
from duetdb.app.service.schema.admin import SchemaAdmin


@dataclass(frozen=True, slots=True)
class Administration:
    """Each part checks for itself who asks."""

    schema: SchemaAdmin
    keys: KeyAdmin
    audit: Audit
