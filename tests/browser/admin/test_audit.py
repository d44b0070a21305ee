"""The audit in a browser: what somebody did is found, and every page fits a phone and a desk."""

from __future__ import annotations

from playwright.sync_api import Page

from access.models import AuditEntry, Team
from tests.browser.layout import each_look, sticking_out
from tests.browser.steps import shows, sign_in
from tests.harness.configure import unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows


def test_the_pages_fit(visitor: Page, gateway: Gateway, administrator: str, orm: Rows) -> None:
    team = Team.objects.create(name=unique("renamed"))
    team.name, team.notes = unique("new-name"), "a note " * 40
    team.save()
    sign_in(visitor, gateway, administrator)
    entry = AuditEntry.objects.filter(object_type="access.team", object_id=str(team.pk)).latest("number")
    base = "/admin/access"
    pages = (f"{base}/auditentry/", f"{base}/auditentry/{entry.pk}/change/", f"{base}/team/{team.pk}/history/")
    for look in each_look(visitor, gateway, pages):
        shows(visitor, team.name)
        assert sticking_out(visitor) == [], look
    team.delete()
