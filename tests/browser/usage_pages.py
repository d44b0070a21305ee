"""Every page of usage with something to show, from the URLconf: a new page is among them without a word here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.contrib.auth.models import User
from django.core.management import call_command
from django.urls import reverse
from playwright.sync_api import Page

from access.roles.table import Role
from providers.models import Provider
from tests.browser import axe
from tests.browser.layout import each_look, sticking_out
from tests.browser.visits import Visits
from tests.harness.forms import PASSWORD
from tests.harness.gateway import Gateway
from tests.permissions import site
from tests.permissions.people import a_key, person, signed_in
from usage.invoices import drafts
from usage.models import Outcome, RequestLog
from usage.rollups.models import SessionSummary

OTHERS = (
    "front", "admin:access_", "admin:app_list", "admin:auth_", "admin:autocomplete", "admin:jsi18n",
    "admin:password_change", "admin:providers_", "admin:routing_", "admin:search", "admin:view_on_site",
    "admin_password_reset", "console:explain", "console:provider-", "people:",
)  # fmt: skip
"""How the names of pages begin that are about configuration and people."""
OF_USAGE = "admin:access_reporttoken_"
"""How the names of those begin that are about usage all the same."""


def fill() -> tuple[User, User]:
    """Makes rows of everything and three months of samples; returns an owner and a lead, who sign in with PASSWORD."""
    site.make_rows()
    call_command("generate_usage", rows=400, months=3, verbosity=0)
    owner, lead = person(Role.OWNER), person(Role.LEAD)
    key = a_key("Search", lead)
    site.used(key)
    site.asked_for(key, lead)
    provider = Provider.objects.get()
    drafts.put(owner.pk, (provider.pk, provider.name), "november.csv", b"date,model,cost\n2026-10-31,m,5\n")
    for user in (owner, lead):
        user.set_password(PASSWORD)
        user.save()
    return owner, lead


def pages(reader: User, *beginnings: str) -> dict[str, str]:
    """Returns the paths of those pages that somebody may open, by name; one object of each kind that a page is of."""
    browser = signed_in(reader)
    found: dict[str, str] = {}
    for page in site.pages(reader):
        is_other = page.name.startswith(OTHERS) and not page.name.startswith(OF_USAGE)
        if page.name in found or is_other or not page.name.startswith(beginnings):
            continue
        answer = browser.get(page.url)
        if answer.status_code == 200 and b"</html>" in b"".join(answer):
            found[page.name] = page.url
    return found


def richer() -> Iterator[str]:
    """Yields further pages of the admin, which show what the plain ones lack."""
    requests = RequestLog.objects.order_by("-id")
    for row in (
        requests.filter(attempts__gt=1, outcome=Outcome.COMPLETED)[0],
        requests.filter(outcome=Outcome.REFUSED)[0],
    ):
        yield reverse("admin:usage_requestlog_change", args=[row.pk])
    longest = SessionSummary.objects.order_by("-requests")[0]
    yield reverse("console:session", args=[longest.pk])
    yield "/admin/?range=30d&metric=requests&group=team"
    yield "/admin/usage/requestlog/?range=30d&group=session"
    yield "/admin/usage/requestlog/?range=30d&outcome__exact=failed&outcome__exact=refused"
    yield "/admin/console/explorer/?range=30d&metric=tokens&group=team&subgroup=model"
    yield "/admin/console/explorer/?range=7d&metric=error_rate&group=provider"


def faults(visits: Visits, page: Page, gateway: Gateway, paths: Iterable[str]) -> dict[str, list[str]]:
    """Return what is wrong with pages, by path, width and theme: elements, rules of axe-core, and complaints."""
    found = {}
    for look in each_look(page, gateway, list(paths)):
        if wrong := [*sticking_out(page), *axe.serious(page), *visits.complaints]:
            found[look] = wrong
        visits.complaints.clear()
    return found
