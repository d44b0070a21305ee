"""Cutting a stream: who may, and what stands in the audit."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextInputWidget

from access.audit import lock, record
from proxysite.live import rows
from usage.journal.account import request_id_of
from usage.live.streams import Stream
from usage.models import RequestLog

CUT = "usage.cut_stream"
HAS_ENDED = "That stream has ended: there is nothing to cut."


class CutForm(forms.Form):
    """Why."""

    why = forms.CharField(
        label="Why",
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="For the audit. The client is not told.",
    )


def as_row(stream: Stream) -> RequestLog:
    """Returns a row with whose stream it is, for questions about rights."""
    return RequestLog(team_id=stream.team_id, owner_id=stream.owner_id)


def running(identity: UUID) -> Stream | None:
    """Returns a stream while it runs."""
    return None if RequestLog.objects.filter(pk=identity).exists() else rows.running(identity)


def cut_and_say(request: HttpRequest, stream: Stream, form: CutForm) -> None:
    """Cuts a stream, and tells whoever asked how that went."""
    if cut(stream, form.cleaned_data["why"]):
        messages.success(request, f"The stream of {stream.key or 'a key'} on {stream.route or 'no route'} was cut.")
    else:
        messages.warning(request, "No worker has cut the stream: it ended by itself meanwhile.")


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
