"""``duetdb mail``: mails that have failed, and another try for them.

    duetdb mail failed         what has failed, each with the reason, the oldest first
    duetdb mail retry ID ...   these are sent again, by the `_id` of their copies
    duetdb mail retry --all    all are sent again

A mail that has failed is kept for 30 days. One about an account is not: ask for it anew. Running
servers follow within a second.
"""

from __future__ import annotations

import argparse

from bson import ObjectId

from duetdb.app.cli._session import Session, in_session
from duetdb.app.cli._watch import counted
from duetdb.app.service.driver_errors import translate_driver_errors
from duetdb.app.service.errors import BadRequest
from duetdb.app.service.mail.queue import Queue
from duetdb.app.settings import Settings

SUMMARY = "show mails that have failed, and send them again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = __doc__
    parser.add_argument("action", choices=["failed", "retry"], help="see above")
    parser.add_argument("id", nargs="*", help="the _id of a copy in email_outbound")
    parser.add_argument("--all", action="store_true", help="send all again")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Do what ``action`` names; the status is 1 if nothing could be sent again."""

    async def work(session: Session) -> int:
        queue = Queue(session.engine, settings.mail_lease_seconds)
        with translate_driver_errors():
            if arguments.action == "failed":
                return await _failed(queue)
            return await _retry(queue, arguments)

    return in_session(settings, work)


async def _failed(queue: Queue) -> int:
    count = 0
    async for each in queue.dead():
        count += 1
        to = each.get("message", {}).get("to", "(about an account)")
        print(f"{each['_id']}  {to}  {each['reason']}")
    if not count:
        print("No mail has failed.")
    return 0


async def _retry(queue: Queue, arguments: argparse.Namespace) -> int:
    if bool(arguments.id) == arguments.all:
        raise BadRequest("Name mails by their _id, as `duetdb mail failed` shows it, or say --all.")
    ids = None if arguments.all else [_id(each) for each in arguments.id]
    count = await queue.retry(ids)
    print(f"{counted(count, 'mail')} will be sent again.")
    return 0 if count or arguments.all else 1


def _id(text: str) -> ObjectId:
    if not ObjectId.is_valid(text):
        raise BadRequest(f"{text[:100]!r} is not the _id of a mail.")
    return ObjectId(text)
