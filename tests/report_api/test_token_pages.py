"""The pages of report tokens: a secret is shown once, and what a token reads does not grow."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from access.models import AuditEntry, ReportToken, Team
from access.report_tokens.tokens import token_of
from access.roles.table import Role
from tests.admin.pages import errors_of, form_of, staff, text_of
from tests.permissions.people import person, signed_in
from tests.report_api.test_tokens import made

pytestmark = pytest.mark.django_db

LIST = "/admin/access/reporttoken/"


def _secrets(text: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"rpt-[0-9A-Za-z]{49}", text)))


def test_a_secret_is_shown_once() -> None:
    administrator = person(Role.ADMINISTRATOR)
    browser = signed_in(administrator)
    form = form_of(browser.get(f"{LIST}add/")) | {"name": "Grafana"}
    page = browser.post(f"{LIST}add/", form)
    (secret,) = _secrets(page.content.decode())
    assert page["Cache-Control"].startswith("no-store, private")
    assert page["Referrer-Policy"] == "no-referrer"
    assert f"Authorization: Bearer {secret}" in text_of(page)
    token = token_of(secret)
    assert (token.name, token.created_by, token.team) == ("Grafana", administrator, None)
    again = browser.post(f"{LIST}add/", form)
    assert "already exists" in str(errors_of(again)["name"])
    for url in (LIST, f"{LIST}{token.pk}/change/", f"{LIST}{token.pk}/history/", "/admin/access/auditentry/"):
        assert secret not in browser.get(url).content.decode()
    entry = AuditEntry.objects.get(object_type="access.reporttoken")
    assert (entry.action, entry.person_name, '"hash": [null, "set"]' in entry.changes) == (
        "created", str(administrator), True,
    )  # fmt: skip


def test_a_list_shows_who_made_a_token_and_when_it_was_used(admin_client: Client) -> None:
    mia = person(Role.ADMINISTRATOR, name="mia")
    team = Team.objects.create(name="Blue")
    made(name="Sheet", team=team, created_by=mia, last_used_at=timezone.now())
    made(name="Old", expires_at=timezone.now() - timedelta(days=1))
    text = text_of(admin_client.get(LIST))
    assert re.search(r"Sheet rpt-\w{4}… Blue active never 20\d\d-\d\d-\d\d \d\d:\d\d \(now\) mia", text)
    assert re.search(
        r"Old rpt-\w{4}… all teams expired 20\d\d-\d\d-\d\d \d\d:\d\d \(1 day ago\) never a user who was deleted", text
    )
    mia.is_active = False
    mia.save()
    assert "mia (disabled)" in text_of(admin_client.get(LIST))


def test_what_a_token_reads_stays_as_it_is(admin_client: Client) -> None:
    team = Team.objects.create(name="Blue")
    _, token = made(team=team)
    url = f"{LIST}{token.pk}/change/"
    form = form_of(admin_client.get(url))
    assert admin_client.post(url, {**form, "team": "", "name": "Other"}).status_code == 302
    token.refresh_from_db()
    assert (token.name, token.team) == ("Other", team)
    past = {"expires_at_0": "2020-01-01", "expires_at_1": "00:00"}
    assert "This time has passed" in str(errors_of(admin_client.post(url, form | past))["expires_at"])


def test_nobody_makes_a_token_that_reads_more_than_they_may() -> None:
    one = staff("access.add_reporttoken", "access.view_reporttoken", "usage.view_requestlog")
    assert one.get(f"{LIST}add/").status_code == 403
    assert ReportToken.objects.count() == 0
    all_of_it = ("access.add_reporttoken", "usage.view_requestlog", "usage.view_statement")
    assert staff(*all_of_it).get(f"{LIST}add/").status_code == 200
