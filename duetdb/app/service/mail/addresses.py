"""Addresses of mail: exactly one, in the form that every mail server takes."""

from __future__ import annotations

from typing import Final

from email_validator import EmailNotValidError, validate_email

_LONGEST: Final = 254


class BadAddress(ValueError):
    """The text is one sentence."""


def plain_address(text: str) -> str:
    """One address in ASCII, an international domain in its encoded form.

    Raises ``BadAddress`` for what is none, for several, and for letters before the @
    that most mail servers do not take.
    """
    if not text.isprintable() or len(text) > _LONGEST or {*" ,;<>"} & {*text}:
        raise BadAddress("Must be exactly one e-mail address such as name@example.com.")
    try:
        found = validate_email(text, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise BadAddress("Must be exactly one e-mail address such as name@example.com.") from None
    if found.ascii_email is None:
        raise BadAddress("Has letters before the @ that mail servers do not take: use ASCII there.")
    return found.ascii_email
