"""Notices about the gateway itself: configuration, checks, usage accounts, health and the demo."""

from __future__ import annotations

from datetime import datetime

import msgspec
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from providers.models import Provider
from proxysite import checks
from proxysite.console.health import unhealthy_lines
from routing.loading import store
from routing.models import Route
from streaming import runtime
from usage.models import SetAside

_NAMED = 3


class Notice(msgspec.Struct, frozen=True):
    """A message with a tone (error, warning or info) and a link to where it can be resolved."""

    tone: str
    text: str
    url: str = ""
    link: str = ""


def snapshot_notice() -> Notice | None:
    """The saved configuration that could not be loaded, if any."""
    status = store.status()
    if status.error is None:
        return None
    broken = f"The saved configuration is broken: {status.error.rstrip('.')}."
    if status.loaded_at is None:
        return Notice("error", f"{broken} There is no earlier one, so every request fails until it is corrected.")
    since = datetime.fromtimestamp(status.loaded_at, timezone.get_default_timezone())
    day = "" if since.date() == timezone.localdate() else f"{since:%Y-%m-%d} "
    return Notice("error", f"{broken} The configuration of {day}{since:%H:%M} is still in use.")


def accounting_notices() -> list[Notice]:
    """Problems of this worker's usage accounts, and rows that the database refused."""
    serving = runtime.current()
    found = [] if serving is None else [Notice("error", text) for text in serving.warnings()]
    if SetAside.objects.exists():
        found.append(
            Notice(
                "error",
                "The database refused some usage rows. They are set aside with the cause.",
                reverse("admin:usage_setaside_changelist"),
                "Review",
            )
        )
    return found


def health_notice() -> Notice | None:
    """The providers that are not called for now because of failures, if any."""
    found = unhealthy_lines()
    if not found:
        return None
    named = "; ".join(
        f"{line.name} ({why})" if (why := ", ".join(filter(None, (line.cause, line.whom)))) else line.name
        for line in found[:_NAMED]
    )
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return Notice(
        "warning", f"Not called for now after repeated failures: {named}{more}.", reverse("console:health"), "Health"
    )


def notices() -> list[Notice]:
    """Everything that an administrator should act on, the most urgent first."""
    broken = snapshot_notice()
    found = [] if broken is None else [broken]
    messages = [
        *checks.encryption_key(None),
        *checks.debug_in_public(None),
        *checks.provider_enabled(None, ["default"]),
    ]
    found += [Notice("warning", f"{message.msg} {message.hint or ''}".strip()) for message in messages]
    found += accounting_notices()
    unhealthy = health_notice()
    if unhealthy is not None:
        found.append(unhealthy)
    if demo_in_use():
        found.append(
            Notice(
                "info",
                "The demo upstream is in use: its routes return canned answers. "
                "Add a provider, use its models in the routes, and disable the demo provider.",
                reverse("admin:providers_provider_add"),
                "Add a provider",
            )
        )
    return found


def demo_names() -> set[str]:
    """The names of the demo providers, which are marked in tables."""
    return set(Provider.objects.filter(is_demo=True).values_list("name", flat=True))


def demo_in_use() -> bool:
    """Whether an enabled route uses the demo."""
    return Route.objects.filter(
        enabled=True,
        candidates__enabled=True,
        candidates__model__enabled=True,
        candidates__model__provider__enabled=True,
        candidates__model__provider__is_demo=True,
    ).exists()


def header_label(request: HttpRequest) -> list[str] | None:
    """The label at the top of every admin page, if any; UNFOLD's ENVIRONMENT."""
    if not request.user.is_authenticated:
        return None
    if snapshot_notice() is not None:
        return ["configuration broken", "danger"]
    return ["debug", "warning"] if settings.DEBUG else None
