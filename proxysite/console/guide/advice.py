"""What to do about a request that failed, by the code of the gateway's sentence about it (docs/sentences.md)."""

from __future__ import annotations

from typing import Final

import msgspec
from django.urls import reverse

from usage.models import Outcome, RequestLog


class Advice(msgspec.Struct, frozen=True):
    """A sentence, and the page where it is done: `permission` is what it takes to open it."""

    text: str
    link: str = ""
    url: str = ""
    permission: str = ""


_CREDENTIAL = "Correct the provider's credential, test it, and send the request again."
_ADDRESS = "Check the provider's address and test it, then send the request again."
_LATER = "Send the request again in a moment. A second candidate on the route takes over while a provider is busy."
_CANDIDATES = "Give the route a candidate that is enabled and can do what the request asks for."
_TEXTS: Final = {
    "provider_rejects_credential": (_CREDENTIAL, "provider"),
    "provider_no_credential": (_CREDENTIAL, "provider"),
    "provider_denies_permission": (_CREDENTIAL, "provider"),
    "provider_requires_payment": ("The account at the provider has to be paid. Nothing here is wrong.", "provider"),
    "provider_model_missing": ("Correct the model's name, or the provider's address.", "provider"),
    "provider_unreachable": (_ADDRESS, "provider"),
    "provider_connect_timeout": (_ADDRESS, "provider"),
    "provider_connection_refused": (_ADDRESS, "provider"),
    "provider_host_unknown": (_ADDRESS, "provider"),
    "provider_tls_failed": (_ADDRESS, "provider"),
    "provider_url_invalid": (_ADDRESS, "provider"),
    "provider_redirects": (_ADDRESS, "provider"),
    "provider_not_http": (_ADDRESS, "provider"),
    "provider_overloaded": (_LATER, "route"),
    "provider_rate_limit": (_LATER, "route"),
    "no_such_route": ("Name one of the routes as the model, or make a route of that name.", "routes"),
    "route_disabled": ("Enable the route.", "route"),
    "no_usable_candidate": (_CANDIDATES, "route"),
    "no_capable_candidate": (_CANDIDATES, "route"),
    "no_healthy_candidate": ("Health says why its candidates are not called now.", "health"),
    "key_without_routes": ("Let the key use a route that is enabled.", "key"),
    "route_forbidden": ("Let the key use the route, or name another one.", "key"),
    "budget_used_up": ("Raise the budget, or wait until it resets.", "budgets"),
    "minute_limit": ("Raise the limit, or wait.", "limits"),
    "day_limit": ("Raise the limit, or wait.", "limits"),
    "streams_limit": ("Raise the limit, or wait until other requests have ended.", "limits"),
    "model_unpriced": ("Enter the model's price.", "models"),
}
"""code -> what to do, and where."""
_OTHERWISE = "The page of the request shows each attempt and what the provider answered."


def price_advice(row: RequestLog) -> Advice | None:
    """What to do about an answer whose cost is unknown, None where it is known."""
    if row.cost is not None or row.outcome != Outcome.COMPLETED or row.provider_id is None:
        return None
    return Advice(
        "Its model has no price: budgets and reports leave it out.",
        "Prices",
        reverse("console:prices"),
        "providers.view_price",
    )


def advice(row: RequestLog) -> Advice:
    """Returns what to do about a request that failed."""
    text, place = _TEXTS.get(row.sentence_code, (_OTHERWISE, ""))
    return msgspec.structs.replace(_place(row, place), text=text)


def _place(row: RequestLog, place: str) -> Advice:
    of_row = {
        "provider": ("The provider", "admin:providers_provider_change", row.provider_id, "providers.view_provider"),
        "route": ("The route", "admin:routing_route_change", row.route_id, "routing.view_route"),
        "key": ("The key", "admin:access_clientkey_change", row.key_id, "access.view_clientkey"),
    }
    if place in of_row:
        link, name, pk, permission = of_row[place]
        if pk is not None:
            return Advice("", link, reverse(name, args=[pk]), permission)
        # A request that was refused before a candidate was chosen names none.
        place = f"{place}s"
    lists = {
        "providers": ("Providers", "admin:providers_provider_changelist", "providers.view_provider"),
        "keys": ("Client keys", "admin:access_clientkey_changelist", "access.view_clientkey"),
        "routes": ("Routes", "admin:routing_route_changelist", "routing.view_route"),
        "models": ("Models", "admin:providers_model_changelist", "providers.view_model"),
        "budgets": ("Budgets", "admin:access_budget_changelist", "access.view_budget"),
        "limits": ("Rate limits", "admin:access_ratelimit_changelist", "access.view_ratelimit"),
        "health": ("Health", "console:health", "routing.view_healthstate"),
    }
    if place in lists:
        link, name, permission = lists[place]
        return Advice("", link, reverse(name), permission)
    return Advice("")
