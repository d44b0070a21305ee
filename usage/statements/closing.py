"""Closes the months of a team: the only place that writes statements."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from access import audit
from access.audit import chain
from access.database import snapshot
from usage.statements import checking, drafts
from usage.statements.drafts import Draft
from usage.statements.models import ExchangeRate, Statement, StatementLine

logger = logging.getLogger("gateway.statements")

CLOSED = "statement closed"
"""What the audit calls it."""


class NotClosed(Exception):
    """A team's month could not be closed; the log says why."""


@contextmanager
def one_team(team_id: int, until: date) -> Iterator[None]:
    """Raises NotClosed for what fails with one team, and writes it to the log: others may go on.

    Raises django.db.Error where the database is away.
    """
    try:
        yield
    except (DatabaseError, ArithmeticError, ValueError) as error:
        if isinstance(error, DatabaseError) and not connection.is_usable():
            raise
        fields = {"team": team_id, "month": f"{until:%Y-%m}", "cause": f"{type(error).__name__}: {error}"}
        logger.error("a month of a team could not be closed", extra={"fields": fields})
        raise NotClosed from error


def close(team_id: int, until: date, closed_by: int | None = None) -> Iterator[Statement]:
    """Closes a team's months that are over, in order, to the one that begins on the day `until`; yields the new
    statements. Each is written in a transaction of its own, so this may be stopped and repeated. Months that another
    process closes meanwhile are not yielded. Raises django.db.Error."""
    while True:
        with snapshot():
            span = drafts.next_span(team_id)
            if span is None or span.month > until or span.ends_at > timezone.now():
                return
            draft = drafts.draft(team_id, span)
        written = _write(draft, closed_by)
        if written is not None:
            yield written


def _write(draft: Draft, closed_by: int | None) -> Statement | None:
    """Writes a statement; None if the team has another last statement by now than the draft follows."""
    with transaction.atomic():
        # One closes at a time, and their numbers have no gaps: all wait for the audit here, which has an entry of each.
        audit.lock()
        last = drafts.last_statement(draft.team_id)
        if (None if last is None else last.number) != draft.after:
            return None
        before = Statement.objects.order_by("-number").first()
        rate = ExchangeRate.objects.filter(month=draft.span.month).first()
        statement = Statement(
            number=1 if before is None else before.number + 1,
            team_id=draft.team_id,
            team_name=draft.team_name,
            cost_centre=draft.cost_centre,
            month=draft.span.month,
            zone=draft.span.zone,
            starts_at=draft.span.starts_at,
            ends_at=draft.span.ends_at,
            closed_at=timezone.now(),
            closed_by=closed_by,
            line_count=len(draft.lines),
            total=sum((line.cost for line in draft.lines if line.cost is not None), start=Decimal(0)),
            currency="" if rate is None else rate.currency,
            rate=None if rate is None else rate.rate,
            previous=chain.START if before is None else before.hash,
        )
        for line in draft.lines:
            line.statement = statement
        statement.hash = checking.hash_of(statement, draft.lines)
        statement.save(force_insert=True)
        StatementLine.objects.bulk_create(draft.lines, batch_size=50)
        audit.record(CLOSED, statement, {"total": str(statement.total), "hash": statement.hash})
        return statement
