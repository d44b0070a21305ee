"""The settings of django-unfold: the admin's title, style and sidebar.

Settings import this module, so it must not use the database or the apps before the first request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy


def _static(path: str) -> Callable[[HttpRequest], str]:
    return lambda request: static(path)


def _may(permissions: tuple[str, ...]) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perms(permissions)


def _page(title: str, icon: str, url: str, *permissions: str, **more: Any) -> dict[str, Any]:
    page: dict[str, Any] = {"title": title, "icon": icon, "link": reverse_lazy(url), **more}
    return {**page, "permission": _may(permissions)} if permissions else page


def _shows_rows(request: HttpRequest) -> bool:
    """Attempts are a tab of the requests."""
    return request.path.startswith(
        tuple(reverse(f"admin:usage_{row}_changelist") for row in ("requestlog", "attemptlog"))
    )


def _account(request: HttpRequest) -> list[dict[str, Any]]:
    links = [
        {"title": "My gateway", "link": reverse_lazy("my:index")},
        {"title": "Change password", "link": reverse_lazy("admin:password_change")},
    ]
    if request.user.has_perm("usage.view_requestlog"):
        links.insert(1, {"title": "Set-up guide", "link": reverse_lazy("console:guide")})
    return links


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Gateway",
    "SITE_HEADER": "Gateway",
    "SITE_SUBHEADER": "for the Claude Messages API",
    "SITE_SYMBOL": "alt_route",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _static("proxysite/favicon.svg")}],
    "SITE_URL": None,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "LOGIN": {"form": "proxysite.console.sign_in.SignInForm"},
    "ENVIRONMENT": "proxysite.console.notices.header_label",
    "DASHBOARD_CALLBACK": "proxysite.console.home.page.dashboard",
    "STYLES": [_static("proxysite/frame.css"), _static("proxysite/console.css"), _static("proxysite/guide.css")],
    "SCRIPTS": [_static("proxysite/frame.js"), _static("proxysite/console.js")],
    "ACCOUNT": {"navigation": _account},
    "SIDEBAR": {
        "show_search": False,
        "navigation": [
            {
                "title": "Console",
                "items": [
                    _page("Home", "monitoring", "admin:index"),
                    _page("Live", "stream", "console:live", "usage.view_requestlog"),
                    _page("Explorer", "query_stats", "console:explorer", "usage.view_requestlog"),
                    _page("Explain", "conversion_path", "console:explain", "routing.view_route"),
                    _page("Playground", "science", "console:playground", "access.use_playground"),
                    _page("Health", "monitor_heart", "console:health", "routing.view_healthstate"),
                ],
            },
            {
                "title": "Access",
                "items": [
                    _page("Teams", "groups", "admin:access_team_changelist", "access.view_team"),
                    _page("Invitations", "mail", "admin:access_invitation_changelist", "access.view_invitation"),
                    _page("Client keys", "key", "admin:access_clientkey_changelist", "access.view_clientkey"),
                    _page("Budgets", "savings", "admin:access_budget_changelist", "access.view_budget"),
                    _page(
                        "Requests for more",
                        "request_quote",
                        "admin:access_increaserequest_changelist",
                        "access.view_increaserequest",
                    ),
                    _page("Rate limits", "speed", "admin:access_ratelimit_changelist", "access.view_ratelimit"),
                    _page("Report tokens", "api", "admin:access_reporttoken_changelist", "access.view_reporttoken"),
                ],
            },
            {
                "title": "Providers",
                "items": [
                    _page("Providers", "dns", "admin:providers_provider_changelist", "providers.view_provider"),
                    _page("Models", "neurology", "admin:providers_model_changelist", "providers.view_model"),
                    _page("Prices", "payments", "console:prices", "providers.view_price", "providers.view_model"),
                ],
            },
            {
                "title": "Routing",
                "items": [
                    _page("Order of decisions", "account_tree", "console:routing", "routing.view_route"),
                    _page("Routes", "alt_route", "admin:routing_route_changelist", "routing.view_route"),
                    _page("Rules", "rule", "admin:routing_rule_changelist", "routing.view_rule"),
                    _page(
                        "Scenarios", "category", "admin:routing_scenarioroute_changelist", "routing.view_scenarioroute"
                    ),
                    _page("Concepts", "match_word", "admin:routing_concept_changelist", "routing.view_concept"),
                    _page("Aliases", "swap_horiz", "admin:routing_alias_changelist", "routing.view_alias"),
                ],
            },
            {
                "title": "Usage",
                "items": [
                    _page(
                        "Requests",
                        "receipt_long",
                        "admin:usage_requestlog_changelist",
                        "usage.view_requestlog",
                        active=_shows_rows,
                    ),
                    _page("Sessions", "forum", "console:sessions", "usage.view_requestlog"),
                    _page("Statements", "request_page", "console:statements", "usage.view_statement"),
                    _page("Invoices", "receipt", "console:invoices", "usage.view_reconciliation"),
                    _page("Chargeback", "sell", "console:chargeback", "usage.view_requestlog"),
                    _page("Rows set aside", "report", "admin:usage_setaside_changelist", "usage.view_setaside"),
                ],
            },
            {
                "title": "Site",
                "items": [
                    _page("State", "memory", "console:state", "state.view_worker"),
                    _page("Jobs", "work_history", "console:jobs", "state.view_job"),
                    _page("Configuration file", "difference", "console:configuration", "configuration.import"),
                    _page("Users", "person", "admin:auth_user_changelist", "auth.view_user"),
                    _page("Audit", "policy", "admin:access_auditentry_changelist", "access.view_auditentry"),
                    _page(
                        "Alert messages", "outbox", "admin:access_outboxmessage_changelist", "access.view_outboxmessage"
                    ),
                    _page("Webhooks", "webhook", "admin:access_webhook_changelist", "access.view_webhook"),
                ],
            },
            {
                "title": "Advanced",
                "collapsible": True,
                "items": [_page("Groups", "badge", "admin:auth_group_changelist", "auth.view_group")],
            },
        ],
    },
}
"""See https://unfoldadmin.com/docs/configuration/settings/."""


def _my_account(request: HttpRequest) -> list[dict[str, Any]]:
    links = [{"title": "Change password", "link": reverse_lazy("my:password_change")}]
    if request.user.is_active and request.user.is_staff:
        links.insert(0, {"title": "Administration", "link": reverse_lazy("admin:index")})
    return links


UNFOLD_MY: dict[str, Any] = {
    **UNFOLD,
    "SITE_SUBHEADER": "My gateway",
    "ENVIRONMENT": None,
    "DASHBOARD_CALLBACK": None,
    "STYLES": [*UNFOLD["STYLES"], _static("proxysite/my.css")],
    "ACCOUNT": {"navigation": _my_account},
    "SIDEBAR": {"show_search": False, "navigation": "proxysite.my.navigation.sidebar"},
}
"""The frame of the pages at /my/ (proxysite/my)."""
