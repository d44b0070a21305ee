"""What a page shows of one statement."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from usage.rollups.accumulate import month_after
from usage.statements.models import Statement, StatementLine


def shown(statement: Statement) -> dict[str, Any]:
    """Returns what templates need of a statement: its lines, those of its month apart from those of earlier ones."""
    lines = list(statement.lines.all())
    usage = [line for line in lines if line.kind == StatementLine.Kind.USAGE]
    others = [line for line in lines if line.kind != StatementLine.Kind.USAGE]
    return {
        "statement": statement,
        "last_day": month_after(statement.month) - timedelta(days=1),
        "usage": usage,
        "usage_cost": sum((line.cost or 0 for line in usage), start=Decimal(0)),
        "others": others,
        "others_cost": sum((line.cost or 0 for line in others), start=Decimal(0)),
        "unpriced": sum(line.unknown_cost for line in lines),
    }
