"""Sends what waits in the outbox: mails through Django, webhooks through the guarded client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured

from access import mail
from access.mail import Attachment
from access.models import OutboxMessage, Webhook
from access.outbox import queue
from access.outbox.models import Queued
from providers import secrets
from providers.outbound.downloads import FetchFailed, post
from proxysite.alerts.signature import HEADER, signature
from usage.statements import mails
from usage.statements.models import StatementMail

MAIL_SECONDS = 30.0
WEBHOOK_SECONDS = 10.0
"""How long a worker waits for a server."""


class NotSent(Exception):
    """A message was not sent; `for_good`: trying again changes nothing."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good


def have_messages() -> bool:
    """Returns whether there is something to send, now or later. Raises django.db.Error."""
    return queue.has_any((OutboxMessage, StatementMail))


def send_next(holder: str) -> bool:
    """Sends the message that has waited longest; returns False when there is none. Raises django.db.Error."""
    message: Queued | None = queue.claim(holder, OutboxMessage) or queue.claim(holder, StatementMail)
    if message is None:
        return False
    try:
        _send(message)
    except NotSent as error:
        queue.not_sent(message, str(error), for_good=error.for_good)
    else:
        queue.sent(message)
    return True


def send_mail(to: str, subject: str, text: str, attachments: Sequence[Attachment] = ()) -> None:
    """Sends one mail. Raises NotSent."""
    try:
        mail.send(to, subject, text, MAIL_SECONDS, attachments)
    except mail.NotSent as error:
        raise NotSent(str(error), for_good=isinstance(error, mail.AddressRefused)) from error


def send_webhook(webhook: Webhook, body: str) -> None:
    """Posts one signed body. Raises NotSent."""
    try:
        secret = secrets.decrypt(webhook.ciphertext)
    except (secrets.UnreadableSecret, ImproperlyConfigured) as error:
        raise NotSent(f"The webhook's secret cannot be read: {error}.") from error
    content = body.encode()
    headers = {HEADER: signature(secret, int(time.time()), content)}
    try:
        asyncio.run(post(webhook.url, content, headers, seconds=WEBHOOK_SECONDS, local=webhook.is_local))
    except FetchFailed as error:
        raise NotSent(f"The webhook was not reached: {error.reason}.") from error


def _send(message: Queued) -> None:
    if isinstance(message, StatementMail):
        _send_statement(message)
    elif isinstance(message, OutboxMessage):
        _send_alert(message)


def _send_statement(message: StatementMail) -> None:
    """Writes the mail as it is sent: text and files come from the statement, which does not change."""
    # Modules of pages, which a worker may never need.
    from proxysite.console.statements.files import mail_of

    try:
        to = mails.address_of(message)
    except mails.NoAddress as error:
        raise NotSent(str(error), for_good=True) from error
    send_mail(to, *mail_of(message))


def _send_alert(message: OutboxMessage) -> None:
    if message.channel == OutboxMessage.Channel.WEBHOOK:
        if message.webhook is None or not message.webhook.enabled:
            raise NotSent("The webhook is off.", for_good=True)
        send_webhook(message.webhook, message.text)
        return
    person = message.user
    if person is None or not person.is_active or not person.email:
        raise NotSent("The person has no address any more.", for_good=True)
    send_mail(person.email, message.subject, message.text)
