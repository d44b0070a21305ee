"""Raises alerts, once each, with a message for everybody whom one concerns, and ends those that do not hold any more.

Several workers may raise the same alert at the same moment: the database lets one of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from access import mail
from access.models import Alert, Membership, OutboxMessage, Webhook
from access.outbox.models import Kind
from access.tags import tags_of

QUIET_SECONDS = 3600.0
"""An alert that begins again so soon after its end is the same one: nobody gets another message."""
UNSEEN_SECONDS = 120.0
"""An alert about one worker ends when no worker has found it to hold for so long."""
RETENTION = timedelta(days=90)
"""How long alerts that ended are kept, with their messages."""

_Channel = OutboxMessage.Channel


class Finding(msgspec.Struct, frozen=True):
    """What is worth an alert. It concerns `people`, the leads of `teams`, and with `for_site` the owners; where a team
    has no lead, the owners too.

    `level` is the threshold that was passed: a higher one is another message, a lower one is not. `quiet` is how long
    after its end it may begin again without another message, in seconds. `data` is for programs.
    """

    once: str
    kind: Kind
    subject: str
    text: str
    data: dict[str, Any]
    level: int = 1
    people: tuple[int, ...] = ()
    teams: tuple[int, ...] = ()
    whose: int | None = None
    for_site: bool = False
    quiet: float = QUIET_SECONDS


def raise_all(findings: Sequence[Finding], now: datetime) -> int:
    """Raises the alerts that are not open yet, and notes that the others still hold; returns how many messages there
    are to send. Raises django.db.Error."""
    if not findings:
        return 0
    known = {alert.once: alert for alert in Alert.objects.filter(once__in=[one.once for one in findings])}
    held = [alert.pk for one in findings if _holds(alert := known.get(one.once), one) and alert is not None]
    if held:
        Alert.objects.filter(pk__in=held).update(seen_at=now)
    return sum(_raise(one, known.get(one.once), now) for one in findings if not _holds(known.get(one.once), one))


def are_open() -> bool:
    """Returns whether there are alerts that have not ended. Raises django.db.Error."""
    return Alert.objects.filter(ended_at=None).exists()


def end_others(prefix: str, findings: Iterable[Finding], now: datetime) -> None:
    """Ends the open alerts whose `once` begins with `prefix` and that were not found again."""
    others = Alert.objects.filter(ended_at=None, once__startswith=prefix)
    others.exclude(once__in=[one.once for one in findings]).update(ended_at=now)


def end_unseen(prefix: str, now: datetime) -> None:
    """Ends the open alerts whose `once` begins with `prefix` and that no worker has found lately."""
    unseen = Alert.objects.filter(ended_at=None, once__startswith=prefix)
    unseen.filter(seen_at__lt=now - timedelta(seconds=UNSEEN_SECONDS)).update(ended_at=now)


def forget_old(now: datetime) -> None:
    """Deletes alerts that ended long ago, with their messages."""
    Alert.objects.filter(ended_at__lt=now - RETENTION).delete()


def open_for(person: User) -> QuerySet[Alert]:
    """Returns the open alerts that concern a person."""
    theirs = OutboxMessage.objects.filter(user=person, alert__ended_at=None).values("alert_id")
    return Alert.objects.filter(pk__in=theirs)


def own_alerts(person: User) -> list[Alert]:
    """Returns the open alerts that are about a person or their teams, and not about the gateway itself."""
    return list(open_for(person).filter(for_site=False).order_by("-began_at"))


def people_of(finding: Finding) -> list[User]:
    """Returns whom an alert concerns: active accounts, each once."""
    who = Q(pk__in=finding.people)
    if finding.teams:
        leads = Membership.objects.filter(
            team__in=finding.teams, role=Membership.Role.LEAD, user__is_active=True
        ).values_list("user_id", flat=True)
        who |= Q(pk__in=list(leads))
        if not leads:
            who |= Q(is_superuser=True)
    if finding.for_site:
        who |= Q(is_superuser=True)
    return list(User.objects.filter(who, is_active=True).order_by("pk"))


def _holds(alert: Alert | None, finding: Finding) -> bool:
    return alert is not None and alert.ended_at is None and alert.level == finding.level


def _raise(finding: Finding, alert: Alert | None, now: datetime) -> int:
    with transaction.atomic():
        if alert is None:
            alert, new = Alert.objects.get_or_create(
                once=finding.once,
                defaults={"kind": finding.kind, "whose_id": finding.whose, "for_site": finding.for_site}
                | _fields(finding, now),
            )
            return _write_messages(alert, finding) if new else 0
        resumed = alert.ended_at is not None and now - alert.ended_at < timedelta(seconds=finding.quiet)
        quiet = finding.level <= alert.level if alert.ended_at is None else resumed and finding.level <= alert.level
        # Whoever changes the row as it was read is the one that raises it.
        same = Alert.objects.filter(pk=alert.pk, episode=alert.episode, level=alert.level, ended_at=alert.ended_at)
        if not same.update(**_fields(finding, now), episode=alert.episode + (not quiet)) or quiet:
            return 0
        alert.refresh_from_db()
        return _write_messages(alert, finding)


def _fields(finding: Finding, now: datetime) -> dict[str, Any]:
    return {
        "level": finding.level,
        "subject": finding.subject[:200],
        "text": finding.text,
        "began_at": now,
        "seen_at": now,
        "ended_at": None,
    }


def _write_messages(alert: Alert, finding: Finding) -> int:
    """Writes the messages of an episode, in the transaction that begins it; returns how many are to be sent."""
    mails = mail.is_configured()
    rows = []
    for person in people_of(finding):
        channel = _Channel.MAIL if mails and person.email else _Channel.PAGE
        rows.append(_message(alert, f"person:{person.pk}", channel, mail_text(finding), user=person))
    body = body_of(finding, f"alert_{alert.pk}_{alert.episode}")
    for webhook in Webhook.objects.filter(enabled=True):
        if not webhook.kinds or finding.kind in tags_of(webhook.kinds):
            rows.append(_message(alert, f"webhook:{webhook.pk}", _Channel.WEBHOOK, body, webhook=webhook))
    OutboxMessage.objects.bulk_create(rows, ignore_conflicts=True)
    return sum(row.next_try_at is not None for row in rows)


def _message(alert: Alert, whom: str, channel: str, text: str, **to: Any) -> OutboxMessage:
    now = timezone.now()
    return OutboxMessage(
        alert=alert,
        once=f"{alert.pk}:{alert.episode}:{whom}",
        channel=channel,
        subject=alert.subject,
        text=text,
        created_at=now,
        next_try_at=None if channel == _Channel.PAGE else now,
        **to,
    )


def mail_text(finding: Finding) -> str:
    """Returns the text of a mail. Owners see more in the admin, others on their own pages."""
    page = "admin/" if finding.for_site else "my/"
    footer = f"{settings.PUBLIC_URL}/{page}\n\nThe gateway at {settings.PUBLIC_URL} sends this once.\n"
    return f"{finding.text}\n\n{footer}"


def body_of(finding: Finding, identity: str) -> str:
    """Returns what webhooks get: docs/alerts.md describes it."""
    return _body(identity, finding.kind.value, finding.level, finding.subject, finding.text, finding.data)


def test_body() -> str:
    """Returns what a webhook gets when somebody tests it."""
    text = "Somebody tests this webhook on its page in the admin. Nothing is wrong."
    return _body(f"test_{timezone.now().timestamp():.0f}", "test", 1, "A test of this webhook", text, {})


def _body(identity: str, kind: str, level: int, subject: str, text: str, data: dict[str, Any]) -> str:
    return json.dumps(
        {
            "id": identity,
            "type": kind,
            "created_at": timezone.now().isoformat(),
            "gateway": settings.PUBLIC_URL,
            "level": level,
            "subject": subject,
            "text": text,
            "data": data,
        },
        ensure_ascii=False,
    )
