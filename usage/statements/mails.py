"""Which mails there are with statements, and to whom each goes. proxysite.alerts sends them."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from access import audit
from access.models import Membership, Team
from access.tags import tags_of
from usage.rollups.accumulate import local_day
from usage.statements.models import Statement, StatementMail, StatementSchedule

QUEUED, AGAIN = "statement mailed", "sent again"
"""What the audit calls it: by the schedule, and by somebody."""
NOBODY = "The team has neither a contact with an e-mail address nor a lead with one. Enter a contact on its page."


TAKEN_BACK = "Taken back: it was sent again, and this was no recipient any more."


class NoAddress(Exception):
    """Nobody is left to send a mail to; the text says why."""


class Recipient(msgspec.Struct, frozen=True):
    """A lead, or an address."""

    person_id: int | None = None
    address: str = ""

    @property
    def key(self) -> str:
        """Names the recipient, without the address of a person."""
        return self.address.lower() if self.person_id is None else f"person:{self.person_id}"


def queue_new() -> int:
    """Queues the mails of statements that were closed since mails are on, and have none yet; returns how many
    statements. Months that were long over when mails were switched on are left out. Raises django.db.Error."""
    schedule = StatementSchedule.objects.first()
    if schedule is None or not schedule.mails or schedule.mails_since is None:
        return 0
    first = local_day(schedule.mails_since.timestamp()).replace(day=1)
    first = (first - timedelta(days=1)).replace(day=1)
    new = Statement.objects.filter(closed_at__gte=schedule.mails_since, month__gte=first, mails=None)
    return sum(queue(statement) > 0 for statement in new.order_by("number"))


def queue(statement: Statement, sent_by: int | None = None) -> int:
    """Queues a statement for each of its recipients; returns how many. `sent_by` is the user who has it sent, once more
    where it was sent before; without it is sent once. Where nobody has an address, that is written in place of a mail.
    """
    found = recipients(statement)
    rows = [_row(statement, one, sent_by) for one in found]
    if not rows:
        rows = [_row(statement, Recipient(), sent_by, failed_at=timezone.now(), error=NOBODY)]
    with transaction.atomic():
        # Whoever queues the same statement meanwhile waits here.
        audit.lock()
        before = set(StatementMail.objects.filter(statement=statement).values_list("once", flat=True))
        if sent_by is not None:
            names = _hasten(statement, {one.key for one in found})
            rows = [row for row in rows if _name(row.person_id, row.address) not in names]
            for row in rows:
                row.once = f"{row.once}:{len(before)}"
            audit.record(AGAIN, statement, {"mails": len(found)})
        rows = [row for row in rows if row.once not in before]
        StatementMail.objects.bulk_create(rows)
        if rows and found and sent_by is None:
            audit.record(QUEUED, statement, {"mails": len(rows)})
    return len(found)


def _hasten(statement: Statement, keys: set[str]) -> set[str]:
    """Has mails that wait tried at once, and takes back those for others than `keys`: an address that was corrected
    meanwhile. Returns whom those that wait are for."""
    waiting = {
        row.pk: _name(row.person_id, row.address)
        for row in StatementMail.objects.filter(statement=statement, next_try_at__isnull=False)
    }
    others = [pk for pk, name in waiting.items() if name not in keys]
    StatementMail.objects.filter(pk__in=waiting.keys() - others).update(next_try_at=timezone.now())
    # One that is being sent now is not stopped any more.
    free = Q(lease_until=None) | Q(lease_until__lte=timezone.now())
    StatementMail.objects.filter(free, pk__in=others).update(next_try_at=None, error=TAKEN_BACK)
    return set(waiting.values())


def recipients(statement: Statement) -> list[Recipient]:
    """Returns who gets a statement: the team's contact if it is an address, else its leads who have one; and those who
    get all. Each address is there once."""
    team = Team.objects.filter(pk=statement.team_id).first()
    found: dict[str, Recipient] = {}
    if team is not None and is_address(team.contact):
        found[team.contact.lower()] = Recipient(address=team.contact)
    elif team is not None:
        found |= {lead.email.lower(): Recipient(person_id=lead.pk) for lead in _leads(team.pk)}
    schedule = StatementSchedule.objects.first()
    for address in tags_of(schedule.recipients) if schedule is not None else ():
        found.setdefault(address.lower(), Recipient(address=address))
    return list(found.values())


def address_of(message: StatementMail) -> str:
    """Returns where a mail goes: a lead's address of today. Raises NoAddress."""
    if message.person_id is None and message.address:
        return message.address
    leads = [lead for lead in _leads(message.statement.team_id) if lead.pk == message.person_id]
    if not leads:
        raise NoAddress("The person does not lead the team any more, or has no address.")
    return leads[0].email


def not_sent(rows: QuerySet[StatementMail]) -> set[int]:
    """Returns the numbers of statements of which the last mail to somebody was given up, by their mails."""
    failed: dict[int, dict[str, bool]] = {}
    for row in rows.order_by("pk"):
        of_statement = failed.setdefault(row.statement_id, {})
        # Where nobody had an address, somebody may have one since.
        of_statement.pop("", None)
        of_statement[_name(row.person_id, row.address)] = row.failed_at is not None
    return {number for number, each in failed.items() if any(each.values())}


def is_address(text: str) -> bool:
    """Returns whether a text is one e-mail address."""
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _leads(team_id: int) -> list[User]:
    members = Membership.objects.filter(team=team_id, role=Membership.Role.LEAD, user__is_active=True)
    return [one.user for one in members.select_related("user").order_by("user_id") if one.user.email]


def _name(person_id: int | None, address: str) -> str:
    return Recipient(person_id, address).key


def _row(statement: Statement, to: Recipient, sent_by: int | None, **fields: object) -> StatementMail:
    values = {"next_try_at": timezone.now(), "again_at": None, **fields}
    if "failed_at" in fields:
        values["next_try_at"] = None
    return StatementMail(
        statement=statement,
        once=f"{statement.number}:{to.key}",
        person_id=to.person_id,
        address=to.address,
        sent_by=sent_by,
        **values,
    )
