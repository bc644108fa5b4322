"""A mail as somebody asks for it: read from a body, with everything that is wrong named at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from duetdb.app.service.errors import BadRequest, Invalid, LimitExceeded, ValidationFailed
from duetdb.app.service.mail.addresses import BadAddress, plain_address
from duetdb.app.service.mail.options import MailOptions
from duetdb.schema_gen.suggest import did_you_mean

_ID: Final = re.compile(r"[0-9a-f]{24}")
LONGEST: Final = 500
"""Characters of a subject or a name; a header has no room for more."""
_TEXTS: Final = ("subject", "company", "sendername", "template", "transport")
_KNOWN: Final = ("to", "html", "reply_to", "attachments", *_TEXTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail to one address; ``data`` is what a template is given, ``body`` in it the HTML."""

    to: str
    data: Mapping[str, Any]
    subject: str = ""
    company: str = ""
    sendername: str = ""
    template: str = ""
    transport: str = ""
    reply_to: str = ""
    attachments: Sequence[str] = ()
    """Ids of files, which may not be there."""


def read_mails(body: Any, options: MailOptions) -> Sequence[Mail]:
    """The mails of one object or of an array.

    Raises ``ValidationFailed`` with every mistake, those of an array with their
    index, ``LimitExceeded`` for too many and ``BadRequest`` for what is no object.
    """
    several = isinstance(body, list)
    given = body if several else [body]
    if not given or not all(isinstance(each, dict) for each in given):
        raise BadRequest("Send one mail as an object, or several as an array of objects.")
    if len(given) > options.mail_batch:
        raise LimitExceeded(
            f"One request sends at most {options.mail_batch:,} mails.",
            hint="Send them in several requests.",
        )
    invalid: list[Invalid] = []
    mails: list[Mail] = []
    for position, each in enumerate(given):
        reading = _Reading(each, position if several else None, options)
        mail = reading.mail()
        invalid += reading.invalid
        if mail is not None:
            mails.append(mail)
    if invalid:
        raise ValidationFailed(invalid)
    return mails


class _Reading:
    """One object being read; ``invalid`` is what is wrong with it so far."""

    def __init__(self, given: Mapping[str, Any], index: int | None, options: MailOptions) -> None:
        self.invalid: list[Invalid] = []
        self._given = given
        self._index = index
        self._options = options

    def mail(self) -> Mail | None:
        """The mail; None when anything is wrong."""
        for name in self._given.keys() - {*_KNOWN}:
            hint = did_you_mean(name, _KNOWN)
            self._wrong(name, f"Is not a property of a mail.{hint}")
        to = self._address("to", required=True)
        data = self._data()
        reply_to = self._address("reply_to", required=False)
        texts = {name: self._text(name) for name in _TEXTS}
        if texts["transport"].lower() not in ("", "gmail"):
            self._wrong("transport", "Must be empty or Gmail.")
        attachments = self._attachments()
        if self.invalid:
            return None
        return Mail(to=to, data=data, reply_to=reply_to, attachments=attachments, **texts)

    def _address(self, name: str, *, required: bool) -> str:
        value = self._given.get(name)
        if value in (None, ""):
            if required:
                self._wrong(name, "Is required.", "REQUIRED")
            return ""
        if not isinstance(value, str):
            self._wrong(name, "Must be a text with one e-mail address.")
            return ""
        try:
            return plain_address(value.strip(" "))
        except BadAddress as error:
            self._wrong(name, str(error), "REGEX")
            return ""

    def _data(self) -> Mapping[str, Any]:
        html = self._given.get("html")
        if html in (None, ""):
            self._wrong("html", "Is required.", "REQUIRED")
            return {}
        if isinstance(html, str):
            html = {"body": html}
        if not isinstance(html, dict):
            self._wrong("html", "Must be a text, or an object with the data of a template.")
            return {}
        body = html.get("body")
        if body is not None and not isinstance(body, str):
            self._wrong("html.body", "Must be a text.")
        elif not body and not self._given.get("template"):
            self._wrong("html.body", "Is required without a template.", "REQUIRED")
        return html

    def _text(self, name: str) -> str:
        value = self._given.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self._wrong(name, "Must be a text.")
            return ""
        if len(value) > LONGEST or not all(map(is_plain, value)):
            self._wrong(name, f"Must be one line of at most {LONGEST} characters.", "REGEX")
            return ""
        return value

    def _attachments(self) -> Sequence[str]:
        value = self._given.get("attachments")
        value = [] if value in (None, "") else value
        ids = [value] if isinstance(value, str) else value  # a form may have one
        most = self._options.mail_attachments
        if not isinstance(ids, list):
            self._wrong("attachments", "Must be a list of ids of files.")
            return []
        if len(ids) > most:
            self._wrong("attachments", f"Must be at most {most} files.")
            return []
        for number, each in enumerate(ids):
            if not (isinstance(each, str) and _ID.fullmatch(each)):
                self._wrong(f"attachments.{number}", "Must be the id of a file.")
        return ids

    def _wrong(self, field: str, message: str, code: str = "TYPE") -> None:
        self.invalid.append(Invalid(field, message, code, self._index))


def is_plain(character: str) -> bool:
    """Neither a control character nor anything that begins a new line, nor half a character."""
    code = ord(character)
    unseen = code < 32 or 127 <= code < 160 or code in (0x2028, 0x2029)
    return not unseen and not 0xD800 <= code < 0xE000
