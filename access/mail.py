"""Mail: a few lines of text to one person. Each mail is sent on a thread of its own with a time-out, so that a slow
mail server stops nothing but the mail."""

from __future__ import annotations

import logging
import smtplib
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final, NamedTuple

from django.conf import settings
from django.core.mail import EmailMessage

logger = logging.getLogger("gateway.mail")

_AT_ONCE: Final = 4
_WAIT_SECONDS = 15.0
"""How long a page waits for the mail server. Each step has settings.EMAIL_TIMEOUT, and there are several."""
_FOR_GOOD = 500
"""SMTP replies from then on do not change by themselves (RFC 5321, 4.2.1)."""
_slots = threading.BoundedSemaphore(_AT_ONCE)


class Attachment(NamedTuple):
    """A file that goes with a mail; `type` is its MIME type."""

    name: str
    content: bytes
    type: str


class NotSent(Exception):
    """The mail was not sent, as far as is known; the text says why, for a page."""


class AddressRefused(NotSent):
    """The mail server takes no mail for this address, now or later."""


class NoAnswer(NotSent):
    """The mail server did not answer in time: the mail may arrive all the same."""


def is_configured() -> bool:
    """Returns whether mails can be sent: a server, a sender, and the address that links begin with, which no header of
    a request decides."""
    return bool(settings.EMAIL_URL and settings.DEFAULT_FROM_EMAIL and settings.PUBLIC_URL)


def send(
    to: str, subject: str, text: str, seconds: float | None = None, attachments: Sequence[Attachment] = ()
) -> None:
    """Sends a mail and waits until the server has taken it, for at most `seconds`. Raises NotSent."""
    try:
        _start(to, subject, text, attachments).result(_WAIT_SECONDS if seconds is None else seconds)
    except TimeoutError:
        raise NoAnswer("The mail server did not answer in time. Perhaps the mail arrives all the same.") from None
    except smtplib.SMTPRecipientsRefused as error:
        for_good = all(code >= _FOR_GOOD for code, _ in error.recipients.values())
        raise (AddressRefused if for_good else NotSent)("The mail server refused this address.") from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise NotSent(f"The mail server did not take the mail ({type(error).__name__}).") from None


def send_soon(to: str, subject: str, text: str) -> None:
    """Sends a mail and waits for nothing; whether it was sent is in the log."""
    try:
        _start(to, subject, text)
    except NotSent as busy:
        logger.warning(str(busy))


def _start(to: str, subject: str, text: str, attachments: Sequence[Attachment] = ()) -> Future[None]:
    if not is_configured():
        raise NotSent("No mail server is set up (EMAIL_URL).")
    if not _slots.acquire(blocking=False):
        raise NotSent("Other mails are being sent. Try again in a moment.")
    sent: Future[None] = Future()
    # A header is one line.
    message = EmailMessage(" ".join(subject.split()), text, to=[to])
    for one in attachments:
        message.attach(one.name, one.content, one.type)
    # A daemon: a server that stops does not wait for a mail server.
    threading.Thread(target=_run, args=(sent, message), name="mail", daemon=True).start()
    return sent


def _run(sent: Future[None], message: EmailMessage) -> None:
    try:
        message.send()
    except Exception as error:  # noqa: BLE001
        # The log names the server's answer, neither recipients nor the text, which holds a link.
        code = getattr(error, "smtp_code", None)
        logger.warning("mail not sent", extra={"fields": {"error": type(error).__name__, "code": code}})
        sent.set_exception(error)
    else:
        sent.set_result(None)
    finally:
        _slots.release()
