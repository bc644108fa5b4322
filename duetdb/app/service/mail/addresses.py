"""Addresses of mail: exactly one, in the form that every mail server takes."""

from __future__ import annotations

from typing import Final

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

_LONGEST: Final = 254


class BadAddress(ValueError):
    """The text is one sentence."""


def plain_address(text: str) -> str:
    """One address in ASCII, an international domain in its encoded form.

    Raises ``BadAddress`` for what is none, for several, and for letters before the @
    that most mail servers do not take.
    """
    found = _read(text).ascii_email
    if found is None:
        raise BadAddress("Has letters before the @ that mail servers do not take: use ASCII there.")
    return found


def readable_address(text: str) -> str:
    """An address as people spell it, an international domain in its own letters.

    Raises ``BadAddress``.
    """
    return _read(text).normalized


def folded(text: str) -> str:
    """What all spellings of an address have in common: lower case, and an encoded domain."""
    try:
        return plain_address(text.strip()).lower()
    except BadAddress:
        return text.lower()


def _read(text: str) -> ValidatedEmail:
    wrong = BadAddress("Must be exactly one e-mail address such as name@example.com.")
    if not text.isprintable() or len(text) > _LONGEST or {*" ,;<>"} & {*text}:
        raise wrong
    try:
        return validate_email(
            text, check_deliverability=False, globally_deliverable=False, strict=True
        )
    except EmailNotValidError:
        raise wrong from None
