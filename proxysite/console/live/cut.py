"""The form that asks before a stream is cut."""

from __future__ import annotations

from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from proxysite.live import cutting


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(("usage.view_requestlog", cutting.CUT), raise_exception=True)
def page(request: HttpRequest, request_log_id: UUID) -> HttpResponse:
    """Shows a stream and asks; a POST cuts it."""
    stream = cutting.running(request_log_id)
    if stream is None:
        messages.info(request, cutting.why_not_running())
        return redirect("console:live")
    form = cutting.CutForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        cutting.cut_and_say(request, stream, form)
        return redirect("console:live")
    context = {
        **admin.site.each_context(request),
        "title": "Cut a stream",
        "stream": stream,
        "form": form,
        "back_url": reverse("console:live"),
    }
    return TemplateResponse(request, "console/live_cut.html", context)
