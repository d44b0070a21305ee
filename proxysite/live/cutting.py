"""Cutting a stream: who may, and what stands in the audit."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from access.audit import lock, record
from access.permissions import Person, may
from proxysite.live import rows
from usage.journal.account import request_id_of
from usage.live.streams import Stream
from usage.models import RequestLog

CUT = "usage.cut_stream"


def may_cut(person: Person, stream: Stream) -> bool:
    """Returns whether the person may cut this stream: administrators any, leads those of their teams."""
    return may(person, CUT, RequestLog(team_id=stream.team_id, owner_id=stream.owner_id))


def cut(stream: Stream, why: str) -> bool:
    """Has the stream cut, with an audit entry, and returns whether it was: it may have ended meanwhile."""
    with transaction.atomic():
        lock()
        identity = UUID(stream.id)
        asked = rows.ask_to_cut(identity)
        told = {"key": stream.key, "team": stream.team, "route": stream.route, "why": why}
        record(
            "stream cut", name=request_id_of(identity), changes={name: value for name, value in told.items() if value}
        )
    return rows.wait_for_cut(asked)
