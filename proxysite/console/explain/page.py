"""The Explain page: shows what the gateway would do with a request, a logged one or a sample, and why."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from configuration.explain import question
from configuration.explain.engine import explain
from configuration.explain.question import Unexplainable
from configuration.explain.result import Explanation, UpstreamView
from configuration.explain.samples import SAMPLES, sample
from proxysite.console.explain.form import ExplainForm
from routing.health import Health
from routing.rules.conditions import FIELDS, OPERATORS
from routing.selection import COMPARED_OUTPUT
from streaming import runtime
from usage.journal.account import identity_of
from usage.models import RequestLog

LONGEST_TEXT = 2000
"""Characters of one text that the page shows; the command prints everything."""

_FIELDS = [
    *((name, field.meaning, ", ".join(OPERATORS[field.kind])) for name, field in FIELDS.items()),
    ("header.<name>", "a header", ", ".join(OPERATORS["text"])),
    ("metadata.<name>", "a field of metadata", ", ".join(OPERATORS["text"])),
]


@sensitive_post_parameters("body", "headers")
@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("routing.view_route", raise_exception=True)
def page(request: HttpRequest) -> HttpResponse:
    """The form, and the explanation of what was submitted."""
    context = {**admin.site.each_context(request), "title": "Explain", "samples": SAMPLES}
    try:
        snapshot, warning = question.saved_snapshot()
    except Unexplainable as error:
        return TemplateResponse(request, "console/explain.html", {**context, "warning": str(error)})
    now = timezone.localtime()
    serving = runtime.current()
    ratios = None if serving is None else serving.ratios
    data = request.POST if request.method == "POST" else _linked(request)
    first = SAMPLES[0]
    initial = {"body": first.text, "headers": first.header_lines}
    form = ExplainForm(request, snapshot, data, now=now, ratios=ratios, initial=initial)
    context |= {"form": form, "warning": warning, "sample": request.GET.get("sample", ""), "fields": _FIELDS}
    if form.is_bound and form.is_valid():
        health = Health() if serving is None else serving.health
        ignore_health = form.cleaned_data["ignore_health"]
        explanation = explain(form.question, snapshot, time.time(), None if ignore_health else health)
        context |= {"explanation": explanation, "shown": shown(explanation), "may_see_upstream": form.question.upstream}
    return TemplateResponse(request, "console/explain.html", context)


def shown(explanation: Explanation) -> dict[str, Any]:
    """The parts of an explanation that a template cannot format itself: facts and upstream bodies."""
    return {
        "facts": [(name, _fact(value)) for name, value in explanation.facts.items()],
        "attempts": [(view, _pretty(view.upstream)) for view in explanation.attempts],
    }


def _linked(request: HttpRequest) -> QueryDict | None:
    """The form data of a link to a sample, a route or a logged request; None without one."""
    chosen = sample(request.GET.get("sample", ""))
    route = request.GET.get("route", "")[:160]
    logged = request.GET.get("logged", "")
    data = QueryDict(mutable=True)
    data["output"] = str(COMPARED_OUTPUT)
    if chosen is not None:
        data.update({"body": chosen.text, "headers": chosen.header_lines})
        data["tokens"] = "" if chosen.tokens is None else str(chosen.tokens)
    elif route:
        first = SAMPLES[0]
        body = {**msgspec.json.decode(first.text), "model": route}
        data["body"] = msgspec.json.format(msgspec.json.encode(body), indent=2).decode()
        data["headers"] = first.header_lines
    elif logged and "\0" not in logged and request.user.has_perm("usage.view_requestlog"):
        data["logged"] = logged
        # The key of the request, if it still exists and the user may see it.
        key = RequestLog.objects.filter(Q(pk=identity_of(logged))).values_list("key_id", flat=True).first()
        data["key"] = str(key) if key is not None and request.user.has_perm("access.view_clientkey") else ""
    else:
        return None
    return data


def _fact(value: Any) -> str:
    if value is None:
        return "— (not stored)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    return _shortened(str(value)) or "—"


def _pretty(upstream: UpstreamView | None) -> str:
    if upstream is None:
        return ""
    return msgspec.json.format(msgspec.json.encode(_shortened(upstream.body)), indent=2).decode()


def _shortened(value: Any) -> Any:
    """The value with every long text cut, followed by the number of characters left out."""
    if isinstance(value, str):
        rest = len(value) - LONGEST_TEXT
        return value if rest <= 0 else f"{value[:LONGEST_TEXT]}… ({rest:,} more characters)"
    if isinstance(value, dict):
        return {name: _shortened(part) for name, part in value.items()}
    return [_shortened(part) for part in value] if isinstance(value, list) else value
