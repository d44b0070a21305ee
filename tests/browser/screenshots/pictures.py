"""The pictures: what is in them, and how they are taken.

The gateway, its database and its administrator are in a temporary folder and gone at the end. The rows are those of one
seed, up to this hour: two runs differ by their dates, and by what those change.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, sync_playwright

from access.models import Team
from providers.models import Credential, Model, Provider
from routing.models import Candidate, Route
from tests.browser.layout import settle
from tests.browser.steps import sign_in_by_form
from tests.harness import database, programs
from tests.harness.forms import PASSWORD
from tests.harness.gateway import ROOT, Gateway
from usage.models import RequestLog
from usage.reports import sessions
from usage.sample_data.site import FIRST_ID, TEAMS, site_of
from usage.statements.closing import close

FOLDER = ROOT / "docs"
SIZE = (1560, 1087)
ROWS, MONTHS, SEED = 40_000, 3, 1
NAME = "admin"


def _configure() -> None:
    """Make the teams, providers, models and routes that the sample rows name."""
    for number, name in enumerate(TEAMS):
        Team.objects.create(pk=FIRST_ID + number, name=name, cost_centre=f"CC-{4100 + number}", contact="a.moreau")
    site = site_of(SEED)
    for model in site.models:
        named = {"name": model.provider_name, "dialect": model.dialect, "base_url": "https://api.example.com"}
        provider, is_new = Provider.objects.get_or_create(pk=model.provider_id, defaults=named)
        if is_new:
            credential = Credential(provider=provider, name="main")
            credential.set_secret("a-secret-of-the-pictures")
            credential.save()
        Model.objects.create(pk=model.id, provider=provider, name=model.name.partition("/")[2])
    for route in site.routes:
        made = Route.objects.create(pk=route.id, name=route.name)
        for position, model in enumerate((route.first, route.next)):
            Candidate.objects.create(route=made, model_id=model.id, position=position)


def _fill() -> Iterator[tuple[str, str]]:
    """Make the rows; yields each picture's name and the path of its page."""
    _configure()
    call_command("generate_usage", rows=ROWS, months=MONTHS, seed=SEED, verbosity=0)
    owner = User.objects.create_superuser(NAME, "admin@example.com", PASSWORD)
    today = timezone.now().date().replace(day=1)
    last_month = (today - timedelta(days=1)).replace(day=1)
    (*_, statement) = close(FIRST_ID, last_month, owner.pk)
    recent = RequestLog.objects.filter(started_at__gte=timezone.now() - timedelta(days=7))
    request = recent.filter(attempts__gt=1, outcome="completed").exclude(session_id="").order_by("-cost", "id")[0]
    # The one with the most agents of those that are not too long for a picture.
    of_session = ("team_id", "key_id", "session_id")
    found = recent.exclude(session_id="").values(*of_session)
    found = found.annotate(requests=Count("id"), agents=Count("agent_id", distinct=True)).filter(requests__lt=60)
    chosen = found.order_by("-agents", "-requests", "session_id")[0]
    session = sessions.id_of(recent.filter(**{name: chosen[name] for name in of_session})[0])
    yield "home", "/admin/?range=30d"
    yield "requests", reverse("admin:usage_requestlog_changelist")
    yield "request", reverse("admin:usage_requestlog_change", args=[request.pk])
    yield "explorer", reverse("console:explorer") + "?range=30d&metric=cost&group=team&subgroup=model"
    yield "session", reverse("console:session", args=[session])
    yield "statement", reverse("console:statement", args=[statement.number])


def _take(page: Page, gateway: Gateway, path: str, file: Path) -> None:
    page.goto(gateway.base_url + path)
    settle(page)
    page.wait_for_load_state("networkidle")
    # Charts are as they are in the end.
    page.evaluate("() => Object.values(window.Chart?.instances ?? {}).forEach((chart) => chart.update('none'))")
    page.screenshot(path=file, animations="disabled", caret="hide")
    print(f"{file.relative_to(ROOT)}: {file.stat().st_size // 1000} kB")


def take_all() -> None:
    """Take all pictures, on the live database of tests, which is migrated and empty."""
    with database.live_connection():
        pictures = list(_fill())
    gateway = Gateway("screenshots", env={"LOG_LEVEL": "INFO"}).start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=programs.find("chromium"), args=["--no-sandbox"])
            width, height = SIZE
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
            sign_in_by_form(page, gateway, NAME)
            for name, path in pictures:
                _take(page, gateway, path, FOLDER / f"admin-{name}.png")
    finally:
        gateway.stop()
