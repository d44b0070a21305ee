"""Alerts while the database is away, which is when rows wait: the outbox cannot be written, so they are sent at once,
to those who were owners when the database last answered. Each host sends one of each kind and level."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User

from access import mail
from access.models import Webhook
from access.outbox import alerts
from access.outbox.alerts import Finding
from access.tags import tags_of
from proxysite.alerts import sending

logger = logging.getLogger("gateway.alerts")

FILE = "alerts-sent.json"
"""In DATA_DIR, for the workers of a host: what was sent, with its level and when."""
REMEMBERED_SECONDS = 86_400.0


class Direct:
    """Call `learn` while the database answers."""

    def __init__(self) -> None:
        self._addresses: list[str] = []
        self._webhooks: list[Webhook] = []

    def learn(self) -> None:
        """Notes whom to alert. Raises django.db.Error."""
        owners = User.objects.filter(is_superuser=True, is_active=True).exclude(email="")
        self._addresses = list(owners.values_list("email", flat=True)) if mail.is_configured() else []
        self._webhooks = list(Webhook.objects.filter(enabled=True))

    def send(self, finding: Finding) -> None:
        """Sends an alert, unless this host has sent it. What fails is in the log, and not tried again."""
        with _sent() as sent:
            level, _ = sent.get(finding.once, (0, 0.0))
            if level >= finding.level:
                return
            sent[finding.once] = (finding.level, time.time())
        for address in self._addresses:
            try:
                sending.send_mail(address, finding.subject, alerts.mail_text(finding))
            except sending.NotSent as error:
                _log(finding, "mail", error)
        body = alerts.body_of(finding, f"alert_{finding.once}_{int(time.time())}")
        for webhook in self._webhooks:
            if not webhook.kinds or finding.kind in tags_of(webhook.kinds):
                try:
                    sending.send_webhook(webhook, body)
                except sending.NotSent as error:
                    _log(finding, "webhook", error)


def was_sent(finding: Finding) -> bool:
    """Returns whether this host has sent an alert by itself within the time in which it is the same one."""
    if not _path().exists():
        return False
    with _sent() as sent:
        level, at = sent.get(finding.once, (0, 0.0))
    return level >= finding.level and time.time() - at < finding.quiet


def _log(finding: Finding, channel: str, error: sending.NotSent) -> None:
    fields = {"alert": finding.kind.value, "channel": channel, "cause": str(error)}
    logger.error("an alert could not be sent while the database is away", extra={"fields": fields})


def _path() -> Path:
    return Path(settings.DATA_DIR) / FILE


def _read(text: str) -> dict[str, tuple[int, float]]:
    try:
        return {once: (level, at) for once, (level, at) in json.loads(text or "{}").items()}
    except ValueError:
        # A worker died while it wrote: at worst an alert goes out once more.
        logger.warning("the file of the alerts that this host sent cannot be read: it begins anew")
        return {}


@contextmanager
def _sent() -> Iterator[dict[str, tuple[int, float]]]:
    """Yields what was sent, behind a lock of the file; changes are written at the end. Raises OSError."""
    descriptor = os.open(_path(), os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        before = _read(file.read())
        now = {once: (level, at) for once, (level, at) in before.items() if time.time() - at < REMEMBERED_SECONDS}
        yield now
        if now != before:
            file.seek(0)
            file.truncate()
            file.write(json.dumps(now))
