"""Notices about the gateway itself: configuration, checks, usage accounts, health and the demo. Each names the
permission of those whom it concerns."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from msgspec import structs

from access.models import Alert, OutboxMessage
from access.outbox.alerts import own_alerts
from access.outbox.models import Kind
from access.permissions import Person, may
from providers.models import Provider
from proxysite.checks import deployment
from proxysite.state.circuits import unhealthy_lines
from routing.loading import store
from routing.models import Route
from streaming import runtime
from usage.models import SetAside
from usage.statements import mails
from usage.statements.models import StatementMail

_NAMED = 3
_FAILED_LATELY = timedelta(days=7)


class Notice(msgspec.Struct, frozen=True):
    """A message with a tone (error, warning or info), the permission that it takes to see it, and a link to where it
    can be resolved, which takes `link_permission`."""

    tone: str
    text: str
    permission: str
    url: str = ""
    link: str = ""
    link_permission: str = ""


def snapshot_notice() -> Notice | None:
    """The saved configuration that could not be loaded, if any."""
    status = store.status()
    if status.error is None:
        return None
    broken = f"The saved configuration is broken: {status.error.rstrip('.')}."
    if status.loaded_at is None:
        text = f"{broken} There is no earlier one, so every request fails until it is corrected."
        return Notice("error", text, "routing.view_route")
    since = datetime.fromtimestamp(status.loaded_at, timezone.get_default_timezone())
    day = "" if since.date() == timezone.localdate() else f"{since:%Y-%m-%d} "
    text = f"{broken} The configuration of {day}{since:%H:%M} is still in use."
    return Notice("error", text, "routing.view_route")


def accounting_notices() -> list[Notice]:
    """Problems of this worker's usage accounts, and rows that the database refused."""
    serving = runtime.current()
    found = []
    if serving is not None:
        found = [Notice("error", text, "usage.view_requestlog") for text in serving.warnings()]
    if SetAside.objects.exists():
        found.append(
            Notice(
                "error",
                "The database refused some usage rows. They are set aside with the cause.",
                "usage.view_setaside",
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
        "warning",
        f"Not called for now after repeated failures: {named}{more}.",
        "routing.view_healthstate",
        reverse("console:health"),
        "Health",
    )


def alert_notices() -> list[Notice]:
    """Alerts about the gateway that have no other notice, and messages about alerts that could not be sent.

    A process of pages has no usage accounts of its own, so it shows the workers' alerts about theirs.
    """
    serving = runtime.current()
    kinds = [Kind.DEAD_WORKER, *([Kind.JOURNAL] if serving is not None and serving.pages_only else [])]
    ours = Alert.objects.filter(kind__in=kinds, ended_at=None)
    found = [Notice("warning", alert.text, "access.view_alert") for alert in ours]
    failed = OutboxMessage.objects.filter(failed_at__gte=timezone.now() - _FAILED_LATELY).count()
    if failed:
        number = "One message" if failed == 1 else f"{failed} messages"
        found.append(
            Notice(
                "warning",
                f"{number} about alerts could not be sent in the last 7 days.",
                "access.view_outboxmessage",
                f"{reverse('admin:access_outboxmessage_changelist')}?state=failed",
                "Review",
            )
        )
    return found


def statement_notices() -> list[Notice]:
    """Mails with statements that were given up."""
    failed = StatementMail.objects.filter(failed_at__gte=timezone.now() - _FAILED_LATELY)
    lately = StatementMail.objects.filter(statement__in=failed.values("statement"))
    numbers = sorted(mails.not_sent(lately))
    if not numbers:
        return []
    named = ", ".join(f"No. {number}" for number in numbers[:_NAMED]) + (" and more" if len(numbers) > _NAMED else "")
    return [
        Notice(
            "warning",
            f"Statements could not be mailed in the last 7 days: {named}.",
            "usage.view_statement",
            reverse("console:statement", args=[numbers[0]]),
            "Review",
        )
    ]


def notices(person: Person, *, guided: bool = False) -> list[Notice]:
    """Everything that somebody should act on or know, the most urgent first. `guided`: the set-up guide stands below,
    which says what to do about the demo."""
    own = [Notice("warning", alert.text, "") for alert in own_alerts(person)] if isinstance(person, User) else []
    return _for_everybody(person, _all() + ([] if guided else _demo_notices())) + own


def _for_everybody(person: Person, found: list[Notice]) -> list[Notice]:
    return [
        notice if not notice.link_permission or may(person, notice.link_permission) else structs.replace(notice, url="")
        for notice in found
        if may(person, notice.permission)
    ]


def _all() -> list[Notice]:
    broken = snapshot_notice()
    found = [] if broken is None else [broken]
    messages = [
        *deployment.encryption_key(None),
        *deployment.debug_in_public(None),
        *deployment.provider_enabled(None, ["default"]),
    ]
    found += [
        Notice("warning", f"{message.msg} {message.hint or ''}".strip(), "providers.view_provider")
        for message in messages
    ]
    found += accounting_notices()
    found += [*alert_notices(), *statement_notices()]
    unhealthy = health_notice()
    if unhealthy is not None:
        found.append(unhealthy)
    return found


def _demo_notices() -> list[Notice]:
    if not demo_in_use():
        return []
    if not Provider.objects.filter(enabled=True, is_demo=False).exists():
        return [
            Notice(
                "info",
                "The demo upstream is in use: its routes return canned answers. "
                "Add a provider, use its models in the routes, and disable the demo provider.",
                "providers.view_provider",
                reverse("admin:providers_provider_add"),
                "Add a provider",
                "providers.add_provider",
            )
        ]
    demo = Provider.objects.filter(enabled=True, is_demo=True).order_by("pk").values_list("pk", flat=True)[0]
    return [
        Notice(
            "info",
            "The demo upstream is in use beside your own providers: its routes return canned answers. Disable it once "
            "nobody tries it any more.",
            "providers.view_provider",
            reverse("admin:providers_provider_change", args=[demo]),
            "The demo's provider",
            "providers.change_provider",
        )
    ]


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
