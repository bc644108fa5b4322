"""Who may do what in the media archive (SPEC 2.3); the bytes of a file are for everybody."""

from __future__ import annotations

from duetdb.app.service.principal import Principal, refusal
from duetdb.app.service.schema.catalog import Catalog


class MediaRights:
    """``by_post``: whoever may POST documents to some collection may POST files as well."""

    def __init__(self, catalog: Catalog, *, by_post: bool) -> None:
        self._catalog = catalog
        self._by_post = by_post

    def admit(self, principal: Principal, method: str) -> None:
        """Raises unless the caller may use the method on ``/media``.

        A web key must name ``/media`` or ``/media/**`` itself, for no other star stands for it.
        Users have no such list: they upload what their documents hold, and no more.
        """
        named = principal.permissions.names
        if principal.full or named(method, "/media") or named(method, "/media/**"):
            return
        if not (method == "POST" and self._by_post and self._posts(principal)):
            raise refusal(principal)

    def _posts(self, principal: Principal) -> bool:
        rights = principal.permissions.rights
        collections = self._catalog.schema.collections.values()
        return any("POST" in rights(each).methods for each in collections)
