"""Whether statements are as they were closed: hashes that hold each other, numbers without gaps, sums of lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC
from decimal import Decimal
from typing import Any

from access.audit import chain
from access.models import AuditEntry
from usage.money import to_pico
from usage.statements.models import Statement, StatementLine

_OF_LINE = (
    "position", "kind", "provider_name", "model_name", "requests", "unknown_cost", "input_tokens", "cache_read_tokens",
    "cache_write_tokens", "output_tokens",
)  # fmt: skip


def hash_of(statement: Statement, lines: Iterable[StatementLine]) -> str:
    """Returns the hash of a statement from its other fields and its lines, in their order."""
    moments = (statement.starts_at, statement.ends_at, statement.closed_at)
    return chain.digest(
        statement.previous,
        statement.number,
        statement.team_id,
        statement.team_name,
        statement.cost_centre,
        statement.month.isoformat(),
        statement.zone,
        *(moment.astimezone(UTC).isoformat() for moment in moments),
        statement.closed_by,
        statement.line_count,
        _pico(statement.total),
        statement.currency,
        _pico(statement.rate),
        [
            [*(getattr(line, name) for name in _OF_LINE), line.month.isoformat(), _pico(line.cost)]
            for line in lines
        ],
    )  # fmt: skip


def faults() -> Iterator[str]:
    """Yields a sentence for each thing that is wrong. It asks several times: call it in a snapshot."""
    previous, number = chain.START, 0
    for statement in Statement.objects.order_by("number").prefetch_related("lines").iterator(200):
        if statement.number != number + 1:
            yield f"Statements {number + 1} to {statement.number - 1} are missing."
        elif statement.previous != previous:
            yield f"Statement {statement.number} does not follow the statement before it."
        lines = list(statement.lines.all())
        costs = (line.cost for line in lines if line.cost is not None)
        if len(lines) != statement.line_count:
            yield f"Statement {statement.number} should have {statement.line_count} lines, and has {len(lines)}."
        elif hash_of(statement, lines) != statement.hash:
            yield f"Statement {statement.number} or one of its lines was changed."
        elif sum(costs, start=Decimal(0)) != statement.total:
            yield f"The lines of statement {statement.number} do not add up to its total."
        previous, number = statement.hash, statement.number
    yield from _against_audit(previous, number)


def _against_audit(last_hash: str, last_number: int) -> Iterator[str]:
    """The audit has an entry of each, which nobody removes with the last statements."""
    entry = AuditEntry.objects.filter(object_type=Statement._meta.label_lower).order_by("-number").first()
    if entry is None:
        return
    known: Any = chain.noted(entry.changes).get("hash")
    if entry.object_id != str(last_number):
        yield f"The last statement is {last_number or 'missing'}, and by the audit it is {entry.object_id}."
    elif known != last_hash:
        yield f"Statement {last_number} has another hash than its entry {entry.number} in the audit."


def _pico(amount: Any) -> int | None:
    return None if amount is None else to_pico(amount)
