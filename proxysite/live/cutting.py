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
from proxysite.live.samples import of_streams
from usage.journal.account import request_id_of
from usage.live.streams import Stream
from usage.models import RequestLog

CUT = "usage.cut_stream"
_HAS_ENDED = "That stream has ended: there is nothing to cut."
_UNKNOWN = "Whether that stream runs is not known: this process does not reach Redis. Try again in some seconds."


class CutForm(forms.Form):
    """Why."""

    why = forms.CharField(
        label="Why",
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="For the audit. The client is not told.",
    )


def running(identity: UUID) -> Stream | None:
    """Returns a stream while it runs."""
    return None if RequestLog.objects.filter(pk=identity).exists() else rows.running(identity)


def why_not_running() -> str:
    """Returns what to say of a stream that was not found to run."""
    return _HAS_ENDED if of_streams().are_whole() else _UNKNOWN


def cut_and_say(request: HttpRequest, stream: Stream, form: CutForm) -> None:
    """Cuts a stream, and tells whoever asked how that went."""
    which = f"The stream of {stream.key or 'a key'} on {stream.route or 'no route'}"
    if cut(stream, form.cleaned_data["why"]):
        messages.success(request, f"{which} was cut.")
    else:
        messages.warning(request, f"{which}: no worker has answered yet. One that does within a minute still cuts it.")


def cut(stream: Stream, why: str) -> bool:
    """Has the stream cut, and returns whether a worker has done it; it may still do so. The audit has an entry that it
    was asked for, in the same transaction, and one of what came of it."""
    identity = UUID(stream.id)
    about = {"key": stream.key, "team": stream.team, "route": stream.route, "why": why}
    changes = {name: value for name, value in about.items() if value}
    with transaction.atomic():
        lock()
        asked = rows.ask_to_cut(identity)
        record("stream cut asked for", name=request_id_of(identity), changes=changes)
    done = rows.wait_for_cut(asked)
    record("stream cut" if done else "stream cut not answered", name=request_id_of(identity), changes=changes)
    return done
