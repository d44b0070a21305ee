"""The pages of statements: what administrators close, and what they and others read."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from access.models import AuditEntry, Membership, Team
from tests.admin.pages import links_of, staff, text_of
from tests.usage.added import store
from tests.usage.dated import day, request
from usage.models import RequestLog
from usage.rollups import rebuild
from usage.statements.models import ExchangeRate, Statement

pytestmark = pytest.mark.django_db

LIST = "/admin/console/statements/"


@pytest.fixture
def team() -> Team:
    """A team that used two models in March and one in April."""
    team = Team.objects.create(name="Search", cost_centre="CC-4711", contact="billing@example.com")
    for month, model, cost in ((3, "opus", 2), (3, "haiku", 1), (4, "opus", 4)):
        fields: dict[str, Any] = {"team_id": team.pk, "team_name": "Search", "provider_name": "mine"}
        store([request(day(f"2026-0{month}-10T10:00:00"), model_name=model, cost=cost * 10**12, **fields)])
    return team


def _post(browser: Client, name: str, **form: str) -> Any:
    return browser.post(reverse(f"console:statements-{name}"), form, follow=True)


def test_a_month_is_closed_and_read(admin_client: Client, team: Team) -> None:
    text = text_of(admin_client.get(LIST, {"month": "2026-03"}))
    assert "Search" in text
    assert "CC-4711" in text
    assert "0 of 1 closed" in text
    assert "$3.00 so far" in text

    text = text_of(_post(admin_client, "close", month="2026-03"))
    assert "Closed 1 statement." in text
    assert "1 of 1 closed" in text
    statement = Statement.objects.get()
    assert statement.closed_by == User.objects.get(username="admin").pk
    links = links_of(admin_client.get(LIST, {"month": "2026-03"}))
    page = text_of(admin_client.get(links[f"No. {statement.number}"]))
    for part in ("Search, March 2026", "$3.00", "CC-4711", "billing@example.com", "opus", "haiku", "by admin"):
        assert part in page
    assert statement.hash in page


def test_closing_a_month_closes_the_open_ones_before_it(admin_client: Client, team: Team) -> None:
    text = text_of(_post(admin_client, "close", month="2026-04", team=str(team.pk)))
    assert "Closed 2 statements, 1 of them for earlier months." in text
    assert "nothing to close" in text_of(_post(admin_client, "close", month="2026-04"))


def test_late_usage_is_on_the_page_of_the_next_statement(admin_client: Client, team: Team) -> None:
    _post(admin_client, "close", month="2026-03")
    store([request(day("2026-03-31T10:00:00"), team_id=team.pk, model_name="late-model", cost=5 * 10**12)])
    _post(admin_client, "close", month="2026-04")
    text = text_of(admin_client.get(reverse("console:statement", args=[2])))
    assert "Late usage and corrections of earlier months" in text
    assert "late-model" in text
    assert "late usage of March 2026" in text
    assert "$9.00" in text


def test_the_present_month_is_open(admin_client: Client, team: Team) -> None:
    store([request(timezone.now(), team_id=team.pk, team_name="Search", cost=1)])
    month = f"{timezone.now():%Y-%m}"
    assert "open until" in text_of(admin_client.get(LIST, {"month": month}))
    _post(admin_client, "close", month=month)
    assert not Statement.objects.filter(month=date.fromisoformat(f"{month}-01")).exists()


def test_a_second_currency_until_the_month_is_closed(admin_client: Client, team: Team) -> None:
    wrong = admin_client.post(reverse("console:statements-rate"), {"month": "2026-03", "currency": "EURO", "rate": "0"})
    assert wrong.status_code == 400
    assert not ExchangeRate.objects.exists()
    _post(admin_client, "rate", month="2026-03", currency="eur", rate="0.915")
    assert ExchangeRate.objects.get().rate == Decimal("0.915")
    _post(admin_client, "close", month="2026-03")
    assert "EUR 2.74 at 0.915 for a dollar" in text_of(admin_client.get(reverse("console:statement", args=[1])))
    text = text_of(_post(admin_client, "rate", month="2026-03", currency="USD", rate="1"))
    assert "closed with the rate that they have" in text
    assert ExchangeRate.objects.get().currency == "EUR"
    _post(admin_client, "rate", month="2026-05", currency="EUR", rate="0.9")
    _post(admin_client, "rate", month="2026-05")
    assert ExchangeRate.objects.count() == 1


def test_files_have_exact_amounts(admin_client: Client, team: Team) -> None:
    _post(admin_client, "close", month="2026-04")
    for url, number in (
        (reverse("console:statement-csv", args=[1]), 2),
        (reverse("console:statements-csv") + "?month=2026-03", 2),
        (reverse("console:statements-csv") + "?month=2026-05", 0),
    ):
        text = b"".join(admin_client.get(url)).decode()
        rows = list(csv.DictReader(text.splitlines()))
        assert len(rows) == number
        assert sum(Decimal(row["cost_usd"]) for row in rows) == (3 if number else 0)
    assert AuditEntry.objects.filter(action="usage exported").count() == 3


def test_who_may_only_look_closes_nothing(team: Team) -> None:
    browser = staff("usage.view_statement")
    text = text_of(browser.get(LIST, {"month": "2026-03"}))
    assert "Close" not in text.replace("closed", "")
    assert _post(browser, "close", month="2026-03").status_code == 403
    assert staff().get(LIST).status_code == 403


def test_a_lead_reads_the_teams_statements_and_a_member_does_not(admin_client: Client, team: Team) -> None:
    _post(admin_client, "close", month="2026-03")
    store([request(day("2026-03-31T10:00:00"), team_id=team.pk, model_name="late-model", cost=10**11)])
    RequestLog.objects.filter(model_name="opus", started_at__lt=day("2026-04-01")).update(cost=Decimal("1.5"))
    list(rebuild.rebuild(None, None, check=False))
    _post(admin_client, "close", month="2026-04")
    for name, role in (("lea", "lead"), ("mia", "member")):
        Membership.objects.create(team=team, user=User.objects.create_user(name), role=role)
    browser = Client()
    browser.force_login(User.objects.get(username="lea"))
    page = browser.get(reverse("my:team-statements", args=[team.pk]))
    assert "March 2026" in text_of(page)
    text = text_of(browser.get(links_of(page)["No. 2"]))
    for part in ("Search, April 2026", "late-model", "correction of March 2026", "-$0.5000", "$3.60"):
        assert part in text
    exported = AuditEntry.objects.filter(action="usage exported")
    paper = browser.get(reverse("my:team-statement-pdf", args=[team.pk, 2]))
    assert (paper["Content-Type"], exported.get().person_name) == ("application/pdf", "lea")
    browser.force_login(User.objects.get(username="mia"))
    for name in ("team-statement", "team-statement-pdf"):
        assert browser.get(reverse(f"my:{name}", args=[team.pk, 2])).status_code == 404


@pytest.mark.parametrize("month", ["2026", "2026-13", "0001-01", "x"])
def test_a_month_that_is_none(admin_client: Client, month: str) -> None:
    assert admin_client.get(LIST, {"month": month}).status_code == 404
