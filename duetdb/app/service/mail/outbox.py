"""Mail as the interfaces see it: authorise, check, store, and wake whoever delivers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any, Final

from bson import ObjectId

from duetdb.app.service.dates import now
from duetdb.app.service.engine import Engine
from duetdb.app.service.errors import Invalid, LimitExceeded, TooManyRequests, ValidationFailed
from duetdb.app.service.events import Change, ChangeKind
from duetdb.app.service.mail.addresses import BadAddress, plain_address
from duetdb.app.service.mail.attachments import Attachments
from duetdb.app.service.mail.delivery import Delivery
from duetdb.app.service.mail.mail import Mail, read_mails
from duetdb.app.service.mail.options import MailOptions, sender_of
from duetdb.app.service.mail.queue import OUTBOUND, Message, Queue
from duetdb.app.service.mail.sandbox import BadTemplate
from duetdb.app.service.mail.templates import Filled, Template, Templates
from duetdb.app.service.mail.unsubscribes import Unsubscribes
from duetdb.app.service.media.archive import Archive
from duetdb.app.service.permits import Permits
from duetdb.app.service.principal import FULL_ACCESS, Principal, refusal
from duetdb.app.service.query import Document
from duetdb.app.service.service import Service
from duetdb.app.service.system_fields import stamp_created
from duetdb.app.service.writing.write_plan import WritePlans

PATH: Final = "/mail"
WARNING: Final = "No mail server is set, so mail is stored and not sent: set smtp_url."


class Outbox:
    """Every mail that leaves passes here, those about accounts included."""

    def __init__(
        self, engine: Engine, service: Service, archive: Archive, options: MailOptions
    ) -> None:
        self._engine = engine
        self._service = service
        self._options = options
        self._sender = sender_of(options)
        self._queue = Queue(engine, options.mail_lease_seconds)
        self._templates = Templates(engine, options.mail_bytes, service.limits.query_ms)
        self._plans = WritePlans()
        self._permits: Permits | None = None
        self.unsubscribes = Unsubscribes(engine, service, options.public_url)
        self._attachments = Attachments(archive, options)
        self._delivery: Delivery | None = None
        if options.smtp_url:
            self._delivery = Delivery(self._queue, self.unsubscribes, self._attachments, options)

    @property
    def sends(self) -> bool:
        """Whether there is a mail server; otherwise mail is stored."""
        return self._delivery is not None

    async def start(self) -> None:
        await self._queue.start()
        await self.unsubscribes.start()
        if not self._engine.in_memory:
            self._permits = await Permits.started(self._engine)
        if self._delivery is not None:
            self._delivery.start()

    async def stop(self) -> None:
        if self._delivery is not None:
            await self._delivery.stop()

    def admit(self, principal: Principal) -> None:
        """Raises unless the caller may send mail: a key must list ``/mail`` letter for letter."""
        if not principal.full and not principal.permissions.names("POST", PATH):
            raise refusal(principal)

    async def send(self, body: Any, principal: Principal) -> Sequence[Any]:
        """The ids of the copies, in order, when all mails are stored durably.

        ``body`` is one mail or a list. Raises what ``admit`` and ``read_mails``
        raise, ``ValidationFailed`` for templates too, and ``TooManyRequests``; nothing
        is stored then.
        """
        self.admit(principal)
        mails = read_mails(body, self._options)
        wrong = await self._attachments.wrong(mails, isinstance(body, list))
        if wrong:
            raise ValidationFailed(wrong)
        filled = await self._filled(mails, isinstance(body, list))
        await self._spend(principal, len(mails))
        unwanted = await self.unsubscribes.among(each.to for each in mails)
        copies: list[Document] = []
        messages: dict[Any, Message] = {}
        for mail, each in zip(mails, filled, strict=True):
            copy = self._copy(mail, each, principal)
            if mail.to.lower() in unwanted:
                copy["status"] = "skipped"
            elif self.sends:
                messages[copy["_id"]] = self._message(mail, each)
            copies.append(copy)
        await self._store(copies, messages, principal)
        return [each["_id"] for each in copies]

    async def send_token(self, to: str, subject: str, html: str) -> Any:
        """The id of the copy of a mail about an account, whose text is kept until it is sent.

        Without a mail server the text is in the copy, for whatever reads those.
        """
        mail = Mail(to=to, subject=subject, data={})
        copy = self._copy(mail, Filled(subject, "" if self.sends else html), FULL_ACCESS)
        copy["status"], copy["unsubscribelink"] = "queued", ""
        messages: dict[Any, Message] = {}
        if self.sends:
            try:
                address = plain_address(to)
            except BadAddress as error:
                copy["status"], copy["reason"] = "failed", str(error)
            else:
                mail = Mail(to=address, subject=subject, data={})
                message = self._message(mail, Filled(subject, html))
                messages[copy["_id"]] = {**message, "unsubscribe": "", "secret": True}
        await self._store([copy], messages, FULL_ACCESS)
        return copy["_id"]

    async def _store(
        self, copies: Sequence[Document], messages: Mapping[Any, Message], principal: Principal
    ) -> None:
        await self._queue.put(copies, messages)
        self._service.events.publish(
            Change(
                kind=ChangeKind.CREATED,
                collection=OUTBOUND,
                ids=tuple(each["_id"] for each in copies),
                documents=tuple(copies),
                principal=principal.name,
            )
        )
        if self._delivery is not None and messages:
            self._delivery.wake()

    async def _filled(self, mails: Sequence[Mail], several: bool) -> list[Filled]:
        known: dict[str, Template | str] = {}
        filled: list[Filled] = []
        invalid: list[Invalid] = []
        size, most = 0, self._service.limits.body_bytes
        began, seconds = time.monotonic(), self._options.mail_template_seconds
        for position, mail in enumerate(mails):
            index = position if several else None
            if time.monotonic() - began > seconds:
                raise _too_much(f"Templates take longer than {seconds} seconds.")
            if mail.template not in known:
                known[mail.template] = await self._template(mail.template)
            template = known[mail.template]
            if isinstance(template, str):
                invalid.append(Invalid("template", template, "TYPE", index))
                continue
            try:
                filled.append(await self._templates.fill(template, self._data(mail)))
                size += len(filled[-1].html)
            except BadTemplate as error:
                invalid.append(Invalid("html", str(error), "TYPE", index))
            if size > most:
                raise _too_much(f"The mails of one request have at most {most:,} characters.")
        if invalid:
            raise ValidationFailed(invalid)
        return filled

    async def _template(self, name: str) -> Template | str:
        """The template, or the sentence that says what is wrong with it."""
        try:
            found = await self._templates.find(name)
        except BadTemplate as error:
            return str(error)
        return found or f"There is no template {name!r} in the collection templates."

    def _data(self, mail: Mail) -> Mapping[str, Any]:
        return {
            **mail.data,
            "to": mail.to,
            "subject": mail.subject,
            "company": mail.company,
            "unsubscribelink": self.unsubscribes.link(mail.to),
        }

    async def _spend(self, principal: Principal, count: int) -> None:
        if principal.full or self._permits is None:
            return
        hourly, daily = self._options.mail_hourly, self._options.mail_daily
        for name, seconds, limit in (("hour", 3600, hourly), ("day", 86_400, daily)):
            if not limit:
                continue
            key = f"mail:{name}:{principal.id}"
            lease = await self._permits.lease(key, limit, seconds, count, whole=True)
            if lease.granted < count:
                raise TooManyRequests(
                    f"This key may send {limit:,} mails in one {name}.",
                    hint="Send the rest later, or raise mail_hourly and mail_daily.",
                    retry_after=int(lease.seconds) + 1,
                )

    def _copy(self, mail: Mail, filled: Filled, principal: Principal) -> Document:
        copy: Document = {
            "_id": ObjectId(),
            "to": mail.to,
            "from": self._sender,
            "subject": filled.subject,
            "company": mail.company,
            "transport": mail.transport,
            "unsubscribelink": self.unsubscribes.link(mail.to),
            "_dbname": self._engine.database.name,
            "body": filled.html,
            "status": "queued" if self.sends else "stored",
        }
        if mail.attachments:
            copy["attachments"] = [*mail.attachments]
        plan = self._plans.of(self._service.catalog.collection(OUTBOUND))
        plan.tokenizer.apply(copy)
        stamp_created(copy, principal, now())
        return copy

    def _message(self, mail: Mail, filled: Filled) -> Message:
        return {
            "to": mail.to,
            "subject": filled.subject,
            "html": filled.html,
            "sendername": mail.sendername,
            "reply_to": mail.reply_to,
            "attachments": [*mail.attachments],
            "unsubscribe": self.unsubscribes.link(mail.to),
            "message_id": f"<{token_hex(16)}@{self._sender.rpartition('@')[2]}>",
        }


def _too_much(sentence: str) -> LimitExceeded:
    return LimitExceeded(sentence, hint="Send the mails in several requests.")
