"""The sidebar of /my/: one's own pages, and one for each team that the person leads."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse

from proxysite.my import scope


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Returns the groups of links; UNFOLD_MY's SIDEBAR."""
    groups = [
        _group(
            "Mine",
            _item("My gateway", "home", reverse("my:index")),
            _item("Keys", "key", reverse("my:keys")),
            _item("Usage", "monitoring", reverse("my:usage")),
            _item("Budgets", "account_balance_wallet", reverse("my:budgets")),
            _item("Requests", "receipt_long", reverse("my:requests")),
            _item("Live", "stream", reverse("my:live")),
            _item("Routes and limits", "alt_route", reverse("my:routes")),
            _item("Playground", "science", reverse("my:playground")),
        )
    ]
    teams = list(scope.led_teams(request.user)) if isinstance(request.user, User) else []
    for team in teams:
        groups.append(
            _group(
                heading(team.name),
                _item("Members and keys", "groups", reverse("my:team", args=[team.pk]), exact=request.path),
                _item("Usage", "monitoring", reverse("my:team-usage", args=[team.pk])),
                _item("Budgets", "account_balance_wallet", reverse("my:team-budgets", args=[team.pk])),
                _item("Statements", "request_page", reverse("my:team-statements", args=[team.pk])),
                _item("Requests", "receipt_long", reverse("my:team-requests", args=[team.pk])),
            )
        )
    return groups


def heading(name: str) -> str:
    """Returns what a team's pages are called; a name that says "team" says it once."""
    return name if "team" in name.lower().split() else f"Team {name}"


def _group(title: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "items": list(items)}


def _item(title: str, icon: str, link: str, *, exact: str | None = None) -> dict[str, Any]:
    item: dict[str, Any] = {"title": title, "icon": icon, "link": link}
    # Unfold marks every link that the page's path begins with.
    return item if exact is None else {**item, "active": link == exact}
