"""How far an installation is, from the rows that are there: nothing records it."""

from __future__ import annotations

import json

import msgspec
from django.db.models import Q
from django.urls import reverse

from access.models import AuditEntry
from access.permissions import Person, may
from providers.models import Model, Provider
from routing.models import Candidate
from usage.models import Outcome
from usage.rollups.models import DailyRollup

DEMO_NAME = "demo"
"""What the first start calls the demo: rows of a demo that was deleted have no more than this name."""
_MOST_ROUTES = 200


class Step(msgspec.Struct, frozen=True):
    """One step to an own provider, with a link to where it is done for those who may do it."""

    text: str
    note: str
    url: str
    done: bool
    is_optional: bool = False


class RouteToTry(msgspec.Struct, frozen=True):
    """A route that can be called now; `is_demo` where the demo alone answers it."""

    name: str
    is_demo: bool


def is_answered() -> bool:
    """Whether a provider that is not the demo has ever answered. Reads days and not requests: few rows, however many
    requests there were."""
    demos = list(Provider.objects.filter(is_demo=True).values_list("pk", flat=True))
    days = DailyRollup.objects.filter(overall=False, keyless=True, outcome=Outcome.COMPLETED, provider_id__isnull=False)
    return days.exclude(Q(provider_id__in=demos) | Q(provider_name=DEMO_NAME)).order_by().exists()


def steps(person: Person) -> list[Step]:
    """The steps to an own provider of which somebody may see how far they are, with links to those that are next."""
    own = Provider.objects.filter(enabled=True, is_demo=False)
    provider = own.order_by("-pk").first()
    models = Model.objects.filter(enabled=True, provider__in=own)
    routed = Candidate.objects.filter(enabled=True, route__enabled=True, model__in=models)
    found = [
        (
            "providers.view_provider",
            "providers.add_provider",
            Step(
                "Add a provider",
                "Its address and a credential.",
                reverse("admin:providers_provider_add"),
                bool(provider),
            ),
        )
    ]
    if provider is None:
        rest = [("providers.view_provider", "Test it"), ("providers.view_model", "Add its models")]
        rest.append(("routing.view_route", "Route to them"))
        found += [(view, view, Step(text, "", "", done=False)) for view, text in rest]
    else:
        found += _of(provider, models.exists(), routed.exists())
    return [
        step if may(person, act) else msgspec.structs.replace(step, url="")
        for view, act, step in found
        if may(person, view)
    ]


def _of(provider: Provider, has_models: bool, has_routes: bool) -> list[tuple[str, str, Step]]:
    # One that was tested before it was saved has no number in the audit, but its name and its address.
    this = Q(object_name=provider.name) | Q(object_name__startswith=f"{provider.name} (")
    this |= Q(changes__contains=json.dumps(provider.base_url))
    tested = AuditEntry.objects.filter(this, action="provider tested")
    return [
        (
            "providers.view_provider",
            "providers.use_credential",
            Step(
                "Test it",
                "One small request.",
                reverse("console:provider-test", args=[provider.pk]),
                tested.exists(),
                is_optional=True,
            ),
        ),
        (
            "providers.view_model",
            "providers.add_model",
            Step(
                "Add its models",
                "Tick them in the provider's own list.",
                reverse("console:provider-models", args=[provider.pk]),
                has_models,
            ),
        ),
        (
            "routing.view_route",
            "routing.add_route",
            Step(
                "Route to them",
                "A route is what clients name as their model.",
                reverse("admin:routing_route_add"),
                has_routes,
            ),
        ),
    ]


def routes_to_try() -> list[RouteToTry]:
    """The routes that can be called now: those of own providers first, of these the default route."""
    rows = Candidate.objects.filter(
        enabled=True, route__enabled=True, model__enabled=True, model__provider__enabled=True
    ).order_by("model__provider__is_demo", "-route__is_default", "route__name")
    found: dict[str, bool] = {}
    for name, is_demo in rows.values_list("route__name", "model__provider__is_demo")[: 10 * _MOST_ROUTES]:
        found.setdefault(name, is_demo)
    return [RouteToTry(name, is_demo) for name, is_demo in [*found.items()][:_MOST_ROUTES]]
