"""The context of the page of a list: rows, chips of the filters, the histogram above them, links to what is beside."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from access.permissions import may
from access.roles.scope import visible
from proxysite.console import ranges
from proxysite.console.jobs.asking import may_ask
from proxysite.console.ranges import Range
from usage.admin.requests import columns
from usage.admin.requests.columns import Shown
from usage.admin.requests.question import PLACES, UTC_DAYS, Question
from usage.reports import formatting
from usage.reports.rows import choices, reading
from usage.reports.rows.filters import ATTEMPTS, REQUESTS
from usage.reports.rows.histogram import Bar, Histogram, histogram
from usage.rollups.models import SessionSummary

PER_PAGE: Final = 50


def context(request: HttpRequest, question: Question) -> dict[str, Any]:
    """Returns the context of `usage/requests/list.html`. Without rows where the URL cannot be read."""
    found: dict[str, Any] = {
        "question": question,
        "tabs": tabs(request, question),
        "ranges": ranges.widget(question.range, question.parameters, (*PLACES, UTC_DAYS), question.range_error),
        "filters": [
            {"name": each.name, "title": each.title, "url": f"choices/{question.url(of=each.name)}"}
            for each in question.kind.filters.values()
            if each.listed
        ],
        "is_requests": question.kind is REQUESTS,
        "kept": [
            (name, value)
            for name, values in question.parameters.lists()
            if name not in (*PLACES, "q")
            for value in values
        ],
        "q": question.parameters.get("q", ""),
        "error": question.error,
    }
    ignored = [each.name for each in question.ignored()]
    selection = question.selection(request.user)
    if selection is None:
        return found
    assert question.range is not None
    assert question.chosen is not None
    only = selection.rows.only(*columns.columns(question.kind))
    page = reading.page(
        reading.Selection(only, selection.chosen, selection.since, selection.until),
        PER_PAGE, older=question.older, newer=question.newer,
    )  # fmt: skip
    lines = columns.shown(question.kind, page.rows, request.user)
    bars = histogram(question.chosen, selection.since, selection.until)
    return found | {
        "rows": page.rows,
        "groups": _by_session(request, lines) if question.by_session else [{"lines": lines}],
        "chips": _chips(question, page.rows),
        "clear_url": question.url(drop=(*question.chosen.values, "q", "group")),
        "newest_url": question.url() if question.older or question.newer else "",
        "newer_url": question.url(newer=page.newer) if page.newer else "",
        "older_url": question.url(older=page.older) if page.older else "",
        "searched_to": _moment(page.searched_to),
        "read": formatting.count(reading.READ),
        "histogram": None if bars is None else _drawn(question, bars),
        "group_url": question.url(drop=["group"]) if question.by_session else question.url(group="session"),
        "export_url": f"export/{question.url(drop=['group', *ignored])}",
        "prepare_url": f"prepare/{question.url(drop=['group', *ignored])}" if may_ask(request.user) else "",
        "ignored": ", ".join(each.title for each in question.ignored()),
        "heed_url": question.url(drop=ignored),
    }


def tabs(request: HttpRequest, question: Question) -> list[dict[str, Any]]:
    """Returns links to both lists, with the same range and the filters that both have, to those who may see both."""
    both = (("Requests", REQUESTS, "requestlog"), ("Attempts", ATTEMPTS, "attemptlog"))
    return [
        {
            "title": title,
            "link": reverse(f"admin:usage_{name}_changelist")
            + (question.among(kind) if kind is not question.kind else question.url(drop=["q", "group"])),
            "active": kind is question.kind,
        }
        for title, kind, name in both
        if may(request.user, f"usage.view_{name}")
    ]


def _chips(question: Question, rows: list[Any]) -> list[dict[str, str]]:
    """Returns the filters that are chosen, each with the URL without it. What is gone has the name that rows have."""
    assert question.chosen is not None
    found = [
        {
            "title": each.title,
            "text": label,
            "url": question.without(name, value),
        }
        for name, values in question.chosen.values.items()
        for each in [question.kind.filters[name]]
        for value, label in choices.labels_of(each, values, rows).items()
    ]
    if question.chosen.search:
        found.append({"title": "id", "text": question.chosen.search, "url": question.url(drop=["q"])})
    return found


def _drawn(question: Question, found: Histogram) -> dict[str, Any]:
    """Returns the histogram: each bar with its height in percent, that of its red part, and the URL of its span."""
    busiest = max(found.bars, key=lambda bar: bar.requests)
    worst = max(found.bars, key=lambda bar: bar.failures)
    highest = max(busiest.requests, 1)
    counted = "attempts" if question.kind is ATTEMPTS else "requests"
    return {
        "bars": [
            {
                "url": question.within(Range(bar.since, bar.until)),
                "title": _title(bar, counted, in_days=found.in_days),
                "height": round(100 * bar.requests / highest, 1),
                "red": round(100 * bar.failures / bar.requests, 1) if bar.requests else 0,
            }
            for bar in found.bars
        ],
        "summary": f"{len(found.bars)} bars, each of a {'day' if found.in_days else 'quarter hour'}. "
        + (f"Most {counted}: {_title(busiest, counted, in_days=found.in_days)}. " if busiest.requests else "")
        + (f"Most failed or refused: {_title(worst, counted, in_days=found.in_days)}." if worst.failures else ""),
        "first": _moment(found.bars[0].since, in_days=found.in_days),
        "last": _moment(found.bars[-1].since if found.in_days else found.bars[-1].until, in_days=found.in_days),
        "requests": formatting.count(found.requests),
        "counted": counted,
        "failures": formatting.count(found.failures),
        "cost": formatting.dollars(found.cost),
        "ignored": ", ".join(found.ignored),
    }


def _title(bar: Bar, counted: str, *, in_days: bool) -> str:
    failed = f", {formatting.count(bar.failures)} failed or refused" if bar.failures else ""
    return f"{_moment(bar.since, in_days=in_days)}: {formatting.count(bar.requests)} {counted}{failed}"


def _by_session(request: HttpRequest, lines: list[Shown]) -> list[dict[str, Any]]:
    """Returns the rows of the page by session, in the order of the newest of each; those without one stay by
    themselves."""
    order = {line.session: at for at, line in reversed(list(enumerate(lines)))}
    ordered = sorted(lines, key=lambda line: order[line.session])
    known = _sessions(request, [name for name in order if name])
    return [
        {"session": session, "summary": known.get(session, ""), "lines": list(of)}
        for session, of in groupby(ordered, key=lambda line: line.session)
    ]


def _sessions(request: HttpRequest, names: list[str]) -> dict[str, str]:
    """Returns what is known of whole sessions, in words: a session has a summary for each key."""
    summaries = visible(request.user, SessionSummary.objects.filter(session_id__in=names))
    totals: dict[str, list[Any]] = {}
    for session, requests, errors, cost in summaries.values_list("session_id", "requests", "errors", "cost"):
        total = totals.setdefault(session, [0, 0, None])
        total[0] += requests
        total[1] += errors
        total[2] = cost if total[2] is None else total[2] + (cost or 0)
    return {
        session: f"{formatting.count(requests)} requests, {formatting.count(errors)} failed or refused, "
        f"{formatting.dollars(cost)}"
        for session, (requests, errors, cost) in totals.items()
    }


def _moment(moment: Any, *, in_days: bool = False) -> str:
    if moment is None:
        return ""
    local = timezone.localtime(moment, timezone.get_default_timezone())
    return f"{local:%Y-%m-%d}" if in_days else f"{local:%Y-%m-%d %H:%M}"
