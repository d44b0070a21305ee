"""What limits and budgets bind a key, a person or a team, shown on its page with the way to change them."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from access.models import Budget, RateLimit


def limits_of(row: Model, *names: str) -> SafeString:
    """Returns the rate limits that bind `row`, which is the value of the fields `names`, each with the link to its
    list, where a new one begins with the same field."""
    lines = ((name, (limit.amount for limit in RateLimit.objects.filter(**{name: row}))) for name in names)
    return _lines("admin:access_ratelimit_changelist", row, lines)


def budgets_of(row: Model, *names: str) -> SafeString:
    """Returns the budgets that bind `row` in the same way. What is spent of them stands in the list."""
    lines = ((name, map(_described, Budget.objects.filter(**{name: row}))) for name in names)
    return _lines("admin:access_budget_changelist", row, lines)


def _described(budget: Budget) -> str:
    models = f" for {', '.join(budget.model_names.split())}" if budget.model_names.strip() else ""
    kind = " (off)" if not budget.enabled else "" if budget.hard else " (only warns)"
    return f"{budget}{models}{kind}"


def _lines(page: str, row: Model, lines: Iterable[tuple[str, Iterable[str]]]) -> SafeString:
    url = reverse(page)
    return format_html_join("", "<div>{}</div>", ((_line(url, name, row, amounts),) for name, amounts in lines))


def _line(url: str, name: str, row: Model, found: Iterable[str]) -> SafeString:
    amounts = ", ".join(found) or "none"
    of = "each member: " if name == "members_of" else ""
    return format_html(
        '{}{} · <a class="text-link" href="{}?{}__id__exact={}">Change</a>', of, amounts, url, name, row.pk
    )
