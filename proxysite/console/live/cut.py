"""The form that asks before a stream is cut."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from unfold.widgets import UnfoldAdminTextInputWidget

from proxysite.live import cutting, rows
from usage.live.streams import Stream
from usage.models import RequestLog


class CutForm(forms.Form):
    """Why."""

    why = forms.CharField(
        label="Why",
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="For the audit. The client is not told.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(("usage.view_requestlog", cutting.CUT), raise_exception=True)
def page(request: HttpRequest, request_log_id: UUID) -> HttpResponse:
    """Shows a stream and asks; a POST cuts it."""
    back = HttpResponseRedirect(reverse("console:live"))
    stream = running(request_log_id)
    if stream is None:
        messages.info(request, "That stream has ended: there is nothing to cut.")
        return back
    if not cutting.may_cut(request.user, stream):
        raise PermissionDenied
    form = CutForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if cutting.cut(stream, form.cleaned_data["why"]):
            messages.success(request, f"The stream of {stream.key or 'a key'} on {stream.route or 'no route'} was cut.")
        else:
            messages.warning(request, "No worker has cut the stream: it ended by itself meanwhile.")
        return back
    context = {**admin.site.each_context(request), "title": "Cut a stream", "stream": stream, "form": form}
    return TemplateResponse(request, "console/live_cut.html", context)


def running(identity: UUID) -> Stream | None:
    """Returns the stream while it runs."""
    return None if RequestLog.objects.filter(pk=identity).exists() else rows.running(identity)
