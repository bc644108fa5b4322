"""Files of the media archive that go with mails: named by id, read when the mail is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from duetdb.app.service.errors import DuetError, Invalid, NotFound
from duetdb.app.service.mail.mail import Mail
from duetdb.app.service.mail.message import Attachment
from duetdb.app.service.mail.options import MailOptions
from duetdb.app.service.mail.smtp import NotNow, Refused
from duetdb.app.service.media.archive import Archive


class Attachments:
    """What may be attached: all files, because anybody may fetch one whose id he knows."""

    def __init__(self, archive: Archive, options: MailOptions) -> None:
        self._archive = archive
        self._most = options.mail_attachment_bytes

    async def wrong(self, mails: Sequence[Mail], several: bool) -> list[Invalid]:
        """The mistakes in what these mails attach, by one query."""
        asked = {each for mail in mails for each in mail.attachments}
        files = await self._archive.described(asked) if asked else {}
        return [
            wrong
            for position, mail in enumerate(mails)
            for wrong in self._wrong(mail, files, position if several else None)
        ]

    def _wrong(
        self, mail: Mail, files: Mapping[str, Mapping[str, Any]], index: int | None
    ) -> list[Invalid]:
        missing = [
            Invalid(f"attachments.{number}", f"There is no file {each!r}.", "TYPE", index)
            for number, each in enumerate(mail.attachments)
            if each not in files
        ]
        size = 0 if missing else sum(files[each]["filesize"] for each in mail.attachments)
        if size > self._most:
            return [Invalid("attachments", self._too_large(), "TYPE", index)]
        return missing

    async def read(self, ids: Sequence[str]) -> list[Attachment]:
        """The files; raises ``Refused`` if one is gone or they are too large now, and ``NotNow``
        while their store cannot be reached."""
        found: list[Attachment] = []
        left = self._most
        for each in ids:
            try:
                file = await self._archive.find_whole(each)
            except NotFound:
                raise Refused(f"The attached file {each} is not there any more.") from None
            except DuetError as error:
                raise _unread(each, error) from None
            about = self._archive.metadata(file)
            left -= about["filesize"]
            if left < 0:
                raise Refused(self._too_large())
            try:
                data = await self._content(file, about["filesize"])
            except DuetError as error:  # a file that is replaced just now is not there either
                raise _unread(each, error) from None
            found.append(Attachment(about["origname"] or "", about["mediatype"] or "", data))
        return found

    async def _content(self, file: Mapping[str, Any], size: int) -> bytes:
        if not size:
            return b""
        return b"".join([each async for each in self._archive.content(file, 0, size)])

    def _too_large(self) -> str:
        return f"The files of one mail have at most {self._most:,} bytes together."


def _unread(id_: str, error: DuetError) -> NotNow:
    return NotNow(f"The attached file {id_} cannot be read just now: {error.message}")
