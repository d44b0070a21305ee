"""What pages and files show of one statement."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec
from django.utils import timezone

from access.models import Team
from usage.rollups.accumulate import month_after
from usage.statements.models import Statement, StatementLine


class Sheet(msgspec.Struct, frozen=True):
    """A statement with its lines, those of its month apart from those of earlier ones, and what is not frozen: the
    team's contact, "" where it has none."""

    statement: Statement
    usage: list[StatementLine]
    others: list[StatementLine]
    contact: str

    @property
    def last_day(self) -> date:
        """The last day of the month."""
        return month_after(self.statement.month) - timedelta(days=1)

    @property
    def closed_at(self) -> datetime:
        """When it was closed, in TIME_ZONE."""
        return timezone.localtime(self.statement.closed_at, timezone.get_default_timezone())

    @property
    def usage_cost(self) -> Decimal:
        """The sum of the lines of its month."""
        return _cost(self.usage)

    @property
    def others_cost(self) -> Decimal:
        """The sum of the lines of earlier months."""
        return _cost(self.others)

    @property
    def unpriced(self) -> int:
        """The number of requests without a price."""
        return sum(line.unknown_cost for line in (*self.usage, *self.others))


def sheet_of(statement: Statement) -> Sheet:
    """Returns what is shown of a statement."""
    lines = list(statement.lines.all())
    team = Team.objects.filter(pk=statement.team_id).first()
    return Sheet(
        statement,
        [line for line in lines if line.kind == StatementLine.Kind.USAGE],
        [line for line in lines if line.kind != StatementLine.Kind.USAGE],
        "" if team is None else team.contact,
    )


def _cost(lines: list[StatementLine]) -> Decimal:
    return sum((line.cost for line in lines if line.cost is not None), start=Decimal(0))
