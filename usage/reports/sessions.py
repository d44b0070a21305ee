"""Sessions: the list of those seen in a range, and the turns of one with what changed on the way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

import msgspec
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact

from usage.models import RequestLog
from usage.reports.rows import reading
from usage.reports.rows import sessions as long_sessions
from usage.reports.rows.filters import REQUESTS, Chosen
from usage.rollups import accumulate
from usage.rollups.measures import ERRORS
from usage.rollups.models import SessionSummary

MOST_TURNS = 500


class Turn(msgspec.Struct, frozen=True):
    """One request: its start and length in percent of the session's time, and the known cost of the session up to it,
    None while none is known."""

    row: RequestLog
    left: float
    width: float
    cost: Decimal | None

    @property
    def failed(self) -> bool:
        """Whether its caller saw it fail."""
        return self.row.outcome in ERRORS


class Lane(msgspec.Struct, frozen=True):
    """The turns of one agent; `agent` is "" for the main one."""

    agent: str
    agent_type: str
    turns: list[Turn]


class Change(msgspec.Struct, frozen=True):
    """A turn of an agent that another model answered than the one before."""

    turn: Turn
    before: str
    after: str


class Session(msgspec.Struct, frozen=True):
    """A session with its turns in order. `left_out` tells that there are more turns, older than these."""

    summary: SessionSummary
    turns: list[Turn]
    left_out: bool

    def lanes(self) -> list[Lane]:
        """Returns a lane for each agent, the main one first, then by their first turn."""
        lanes: dict[str, Lane] = {}
        for turn in self.turns:
            agent = turn.row.agent_id
            if agent not in lanes:
                lanes[agent] = Lane(agent, turn.row.agent_type, [])
            lanes[agent].turns.append(turn)
        return sorted(lanes.values(), key=lambda lane: lane.agent != "")

    def changes(self) -> list[Change]:
        """Returns where the model of an agent changed, in order of time."""
        found = [
            Change(turn, before.row.model_name, turn.row.model_name)
            for lane in self.lanes()
            for before, turn in pairwise([turn for turn in lane.turns if turn.row.model_name])
            if before.row.model_name != turn.row.model_name
        ]
        return sorted(found, key=lambda change: change.turn.row.started_at)

    def failures(self) -> list[Turn]:
        """Returns the turns that their caller saw fail."""
        return [turn for turn in self.turns if turn.failed]


def id_of(row: RequestLog) -> UUID | None:
    """Returns the id of the session that a request belongs to, None for a request without a session."""
    if not row.session_id:
        return None
    return UUID(accumulate.identity((row.team_id, row.key_id, row.session_id)))


def session(summary: SessionSummary) -> Session:
    """Returns a session with its newest MOST_TURNS turns. Of one that is too long to be sorted, those of them that are
    among the newest reading.READ requests of its key."""
    of_key = {"team_id": summary.team_id, "key_id": summary.key_id}
    if long_sessions.is_long(summary.session_id):
        chosen = Chosen(REQUESTS, indexed=Q(**of_key), others=long_sessions.without_index(summary.session_id))
    else:
        # Of a key there may be far more rows than of the session.
        unindexed = (Exact(Coalesce(name, Value(-1)), -1 if of is None else of) for name, of in of_key.items())
        chosen = Chosen(REQUESTS, indexed=Q(*unindexed, session_id=summary.session_id))
    until = summary.last_seen + timedelta(microseconds=1)
    selection = reading.Selection(RequestLog.objects.all(), chosen, summary.first_seen, until)
    found = reading.page(selection, MOST_TURNS)
    return Session(summary, _placed(found.rows[::-1]), found.older is not None)


def seen(
    since: datetime, until: datetime, number: int, *, before: tuple[datetime, UUID] | None = None
) -> list[SessionSummary]:
    """Returns the sessions whose last request began in a range, the last one first. `before` is where a page ended."""
    rows = SessionSummary.objects.filter(last_seen__gte=since, last_seen__lt=until)
    if before is not None:
        moment, identity = before
        rows = rows.filter(last_seen__lte=moment).filter(Q(last_seen__lt=moment) | Q(id__lt=identity))
    return list(rows.order_by("-last_seen", "-id")[:number])


def _placed(rows: Sequence[RequestLog]) -> list[Turn]:
    if not rows:
        return []
    began = rows[0].started_at
    starts = [(row.started_at - began).total_seconds() * 1000 for row in rows]
    length = max(1.0, *(start + (row.duration_ms or 0) for start, row in zip(starts, rows, strict=True)))
    cost: Decimal | None = None
    turns = []
    for start, row in zip(starts, rows, strict=True):
        if row.cost is not None:
            cost = (cost or Decimal(0)) + row.cost
        width = 100 * (row.duration_ms or 0) / length
        turns.append(Turn(row, min(99.5, round(100 * start / length, 3)), round(width, 3), cost))
    return turns
