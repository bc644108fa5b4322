"""What goes over the wire: a message with a plain text beside its HTML.

The standard library writes the headers and refuses line breaks in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from duetdb.app.service.mail.plain_text import plain_text


def message_bytes(message: Mapping[str, Any], sender: str) -> bytes:
    """A stored message as it is sent; the same each time that it is tried, but for its date."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(display_name=message["sendername"], addr_spec=sender)
    mail["To"] = Address(addr_spec=message["to"])
    mail["Subject"] = message["subject"]
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = message["message_id"]
    if message["reply_to"]:
        mail["Reply-To"] = Address(addr_spec=message["reply_to"])
    if message["unsubscribe"]:
        mail["List-Unsubscribe"] = f"<{message['unsubscribe']}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(plain_text(message["html"]), cte="quoted-printable")
    mail.add_alternative(message["html"], subtype="html", cte="quoted-printable")
    return mail.as_bytes()
