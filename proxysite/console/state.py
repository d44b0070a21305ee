"""What the admin's home says about the gateway's own condition: the snapshot, the checks, the demo, the first steps."""

from __future__ import annotations

from datetime import datetime

import msgspec
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from access.models import ClientKey
from providers.models import Model, Provider
from proxysite import checks
from proxysite.console.health import troubles
from routing.loading import store
from routing.models import Route
from streaming import runtime
from usage.models import SetAside

_NAMED = 3


class Notice(msgspec.Struct, frozen=True):
    """A sentence or two with a tone: error, warning or info; and where to go about it."""

    tone: str
    text: str
    url: str = ""
    link: str = ""


class Step(msgspec.Struct, frozen=True):
    """One of the first steps, and whether it is done."""

    text: str
    url: str
    done: bool


def snapshot_notice() -> Notice | None:
    """The configuration saved last could not be loaded; the one before it is in use."""
    status = store.status()
    if status.error is None:
        return None
    broken = f"The configuration saved last is broken: {status.error.rstrip('.')}."
    if status.loaded_at is None:
        return Notice("error", f"{broken} None was loaded before it, so every request fails until it is corrected.")
    since = datetime.fromtimestamp(status.loaded_at, timezone.get_default_timezone())
    day = "" if since.date() == timezone.localdate() else f"{since:%Y-%m-%d} "
    return Notice("error", f"{broken} The one of {day}{since:%H:%M} is still in use.")


def accounting_notices() -> list[Notice]:
    """What is wrong with this worker's usage accounts, and rows that the database refused."""
    serving = runtime.current()
    found = [] if serving is None else [Notice("error", text) for text in serving.warnings()]
    if SetAside.objects.exists():
        found.append(
            Notice(
                "error",
                "The database refused some usage rows; they are set aside with the cause.",
                reverse("admin:usage_setaside_changelist"),
                "Look at them",
            )
        )
    return found


def health_notice() -> Notice | None:
    """Who is not called at the moment because it failed."""
    found = troubles()
    if not found:
        return None
    named = "; ".join(f"{line.name} ({line.cause})" if line.cause else line.name for line in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return Notice(
        "warning", f"Left alone for a while after failures: {named}{more}.", reverse("console:health"), "Health"
    )


def notices() -> list[Notice]:
    """Everything an administrator should act on, the most urgent first."""
    broken = snapshot_notice()
    found = [] if broken is None else [broken]
    messages = [
        *checks.encryption_key(None),
        *checks.debug_in_public(None),
        *checks.provider_enabled(None, ["default"]),
    ]
    found += [Notice("warning", f"{message.msg} {message.hint or ''}".strip()) for message in messages]
    found += accounting_notices()
    unwell = health_notice()
    if unwell is not None:
        found.append(unwell)
    if demo_in_use():
        found.append(
            Notice(
                "info",
                "The demo upstream is in use: routes that lead to it get canned answers. "
                "Add a provider of your own, put its models into the routes, and switch the demo off.",
                reverse("admin:providers_provider_add"),
                "Add a provider",
            )
        )
    return found


def demo_names() -> set[str]:
    """The names of the demo providers, to mark their lines in tables."""
    return set(Provider.objects.filter(is_demo=True).values_list("name", flat=True))


def demo_in_use() -> bool:
    """Whether an enabled route leads to the demo."""
    return Route.objects.filter(
        enabled=True,
        candidates__enabled=True,
        candidates__model__enabled=True,
        candidates__model__provider__enabled=True,
        candidates__model__provider__is_demo=True,
    ).exists()


def first_steps() -> list[Step]:
    """From nothing to the first request."""
    now = timezone.now()
    live = ClientKey.objects.filter(revoked_at__isnull=True, team__enabled=True).exclude(expires_at__lte=now)
    return [
        Step(
            "Add a provider with its address and its credential",
            reverse("admin:providers_provider_add"),
            Provider.objects.filter(enabled=True).exists(),
        ),
        Step(
            "Give it a model",
            reverse("admin:providers_model_add"),
            Model.objects.filter(enabled=True, provider__enabled=True).exists(),
        ),
        Step(
            "Make a route that leads to the model",
            reverse("admin:routing_route_add"),
            Route.objects.filter(enabled=True, candidates__enabled=True).exists(),
        ),
        Step(
            "Make a client key; its page shows the lines to paste", reverse("admin:access_clientkey_add"), live.exists()
        ),
    ]


def header_label(request: HttpRequest) -> list[str] | None:
    """The label at the top of every admin page, when something stands out."""
    if not request.user.is_authenticated:
        return None
    if snapshot_notice() is not None:
        return ["configuration broken", "danger"]
    return ["debug", "warning"] if settings.DEBUG else None
