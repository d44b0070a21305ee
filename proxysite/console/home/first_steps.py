"""The steps from an empty installation to the first request."""

from __future__ import annotations

import msgspec
from django.urls import reverse
from django.utils import timezone

from access.models import ClientKey
from access.permissions import Person, may
from providers.models import Model, Provider
from routing.models import Route


class Step(msgspec.Struct, frozen=True):
    """One of the first steps, with a link to where it is done for those who may do it."""

    text: str
    url: str
    done: bool


def first_steps(person: Person) -> list[Step]:
    """The steps from an empty installation to the first request, of which somebody may see how far they are."""
    return [
        step if may(person, f"{app}.add_{model}") else msgspec.structs.replace(step, url="")
        for (app, model), step in _all_steps().items()
        if may(person, f"{app}.view_{model}")
    ]


def _all_steps() -> dict[tuple[str, str], Step]:
    now = timezone.now()
    live = ClientKey.objects.filter(revoked_at__isnull=True, team__enabled=True).exclude(expires_at__lte=now)
    return {
        ("providers", "provider"): Step(
            "Add a provider with its base URL and credential",
            reverse("admin:providers_provider_add"),
            Provider.objects.filter(enabled=True).exists(),
        ),
        ("providers", "model"): Step(
            "Add a model to it",
            reverse("admin:providers_model_add"),
            Model.objects.filter(enabled=True, provider__enabled=True).exists(),
        ),
        ("routing", "route"): Step(
            "Create a route with the model as a candidate",
            reverse("admin:routing_route_add"),
            Route.objects.filter(enabled=True, candidates__enabled=True).exists(),
        ),
        ("access", "clientkey"): Step(
            "Create a client key; its page shows the lines to paste",
            reverse("admin:access_clientkey_add"),
            live.exists(),
        ),
    }
