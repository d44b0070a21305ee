"""Template filters for figures, and tags for the lines to paste and the routes of a key."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.template.context import RequestContext
from django.utils.safestring import mark_safe

from access.connect import Setup, setups
from access.keys import allowed_pattern
from access.models import ClientKey
from proxysite.console.empty_lists import LESSONS, Lesson
from routing.models import Route
from usage.reports import amounts, formatting, times

register = template.Library()

register.filter("count", formatting.count)
register.filter("tokens", formatting.tokens)
register.filter("dollars", formatting.dollars)
register.filter("dollars_in_column", amounts.in_column)
register.filter("price_in_column", amounts.price)
register.filter("price", formatting.exact_dollars)
register.filter("distance", times.distance)
register.filter("milliseconds", formatting.milliseconds)
NOT_KNOWN = mark_safe(f'<span title="Not known, or not set">{formatting.UNKNOWN}</span>')  # noqa: S308
"""The one sign for what is not known, which says so."""


@register.filter
def known(value: Any) -> Any:
    """A value as it is; what is not known is a dash that says so. For text, not for attributes."""
    return NOT_KNOWN if value in (None, "") else value


@register.filter
def when(moment: datetime | None) -> Any:
    """`2026-11-30 14:47 (5 min ago)`; see usage/reports/times.py."""
    return times.when(moment) or NOT_KNOWN


@register.filter
def to_the_second(moment: datetime) -> str:
    """`2026-11-30 14:47:05`, for lists in which many rows are of one minute; `distance` stands below it."""
    return times.in_two_lines(moment)[0]


@register.filter
def words(name: str) -> str:
    """A name with spaces for underscores."""
    return str(name).replace("_", " ")


@register.filter
def fact(value: Any) -> str:
    """Formats a routing fact: yes or no, a number, or text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return formatting.count(value)
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


@register.filter
def css_percent(number: float) -> str:
    """A percentage in CSS syntax, independent of the page's number format."""
    return f"{number:.2f}%"


@register.simple_tag(takes_context=True)
def client_setups(context: RequestContext, key: ClientKey) -> tuple[Setup, ...]:
    """The lines to paste for each client, with `base_url`, `secret` and a route that the key may use."""
    return setups(context["base_url"], context["secret"], route_to_show(key))


def route_to_show(key: Any = None) -> str:
    """A route for the lines to paste: the first that a key may use, or a name that a route may get."""
    return next(iter(usable_routes(key)), "claude-sonnet-5-5")


@register.simple_tag
def usable_routes(key: Any = None) -> list[str]:
    """The names of the enabled routes that a key may use, the default route first."""
    pattern = allowed_pattern(key.allowed_routes) if key is not None else None
    names = Route.objects.filter(enabled=True).order_by("-is_default", "name").values_list("name", flat=True)
    return [name for name in names if pattern is None or pattern.fullmatch(name)]


@register.simple_tag
def lesson(options: Any) -> Lesson:
    """What a list is for, by the options of its model."""
    return LESSONS[options.label_lower]
