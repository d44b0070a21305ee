"""Statements leave by mail with their files: by schedule and on demand, tried again, and with a record of each."""

from __future__ import annotations

import csv
from datetime import date, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from access.models import AuditEntry, Team
from proxysite.alerts.sending import send_next
from tests.admin.pages import staff, text_of
from tests.alerts.servers import MailServer
from tests.usage.added import store
from tests.usage.dated import day, request
from tests.usage.statements.pdf_text import text_of_pdf
from usage.statements import mails, schedule
from usage.statements.closing import close
from usage.statements.models import ExchangeRate, Statement, StatementMail, StatementSchedule

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

LIST = "/admin/console/statements/"


def _last_month() -> date:
    return (timezone.now().date().replace(day=1) - timedelta(days=1)).replace(day=1)


@pytest.fixture
def used(team: Team) -> Team:
    """The team Blue with usage of last month, and a second currency for it."""
    month = _last_month()
    ExchangeRate.objects.create(month=month, currency="EUR", rate=Decimal("0.5"))
    fields: dict[str, Any] = {"team_id": team.pk, "team_name": "Blue", "provider_name": "mine"}
    store([request(day(f"{month:%Y-%m}-10T10:00:00"), model_name="opus", cost=3 * 10**12, **fields)])
    return team


def _set(browser: Client, **form: str) -> str:
    return text_of(browser.post(reverse("console:statements-schedule"), form, follow=True))


def _work(now: datetime | None = None) -> None:
    """What the worker with the lease does."""
    schedule.close_due(now or timezone.now())
    mails.queue_new()
    while send_next("me"):
        pass


def _file(mail: EmailMessage, kind: str) -> bytes:
    (part,) = (one for one in mail.iter_attachments() if one.get_content_type() == kind)
    content = part.get_content()
    return content if isinstance(content, bytes) else content.encode()


def test_a_month_is_closed_and_mailed_with_its_files(admin_client: Client, used: Team, mail_server: MailServer) -> None:
    page = _set(admin_client, day="1", mails="on", recipients="billing@example.com,  boss@example.com")
    assert "Each month is closed on day 1 of the next one in the team's time zone, and mailed to" in page
    _work()
    _work()
    statement = Statement.objects.get()
    for address in ("lea@example.com", "billing@example.com", "boss@example.com"):
        (mail,) = mail_server.to(address)
    assert mail["subject"] == f"Statement No. 1: Blue, {statement.month:%B %Y}, $3.00"
    assert mail["to"] == "boss@example.com"
    text = mail.get_body().get_content()  # type: ignore[union-attr]
    assert "Total: $3.00 (EUR 1.50 at 0.5 for a dollar)" in text
    assert "/my/" not in text
    (lead,) = mail_server.to("lea@example.com")
    link = f"https://gateway.example.com/my/teams/{used.pk}/statements/1/"
    assert link in lead.get_body().get_content()  # type: ignore[union-attr]
    paper = text_of_pdf(_file(mail, "application/pdf"))
    assert "Total $3.00" in paper
    assert statement.hash in paper
    (line,) = csv.DictReader(_file(mail, "text/csv").decode().splitlines())
    assert (line["statement"], line["model"], line["cost_usd"]) == ("1", "opus", "3.000000000000")
    page = text_of(admin_client.get(reverse("console:statement", args=[1])))
    for part in ("lea (lead) sent", "billing@example.com sent", "Send again"):
        assert part in page


def test_a_month_that_somebody_closes_is_mailed_too(admin_client: Client, used: Team, mail_server: MailServer) -> None:
    assert "Somebody closes months here" in _set(admin_client, mails="on")
    _work()
    assert not Statement.objects.exists()
    admin_client.post(reverse("console:statements-close"), {"month": f"{_last_month():%Y-%m}"})
    _work()
    assert len(mail_server.to("lea@example.com")) == 1


def test_a_refused_address_is_shown_and_sent_again(admin_client: Client, used: Team, mail_server: MailServer) -> None:
    (statement,) = close(used.pk, _last_month())
    url = reverse("console:statement-send", args=[statement.number])
    mail_server.refused["lea@example.com"] = "550 no such user"
    assert "goes to 1 address now" in text_of(admin_client.post(url, follow=True))
    _work()
    assert "not sent: The mail server refused this address." in text_of(
        admin_client.get(reverse("console:statement", args=[1]))
    )
    assert "mail not sent" in text_of(admin_client.get(LIST, {"month": f"{statement.month:%Y-%m}"}))
    mail_server.refused.clear()
    admin_client.post(url)
    admin_client.post(url)
    _work()
    assert len(mail_server.to("lea@example.com")) == 1
    assert [one.sent_at is None for one in StatementMail.objects.order_by("pk")] == [True, False]
    assert "mail not sent" not in text_of(admin_client.get(LIST, {"month": f"{statement.month:%Y-%m}"}))
    assert AuditEntry.objects.filter(action="sent again", object_id="1").count() == 3


def test_a_server_that_is_away_is_tried_again(admin_client: Client, used: Team, mail_server: MailServer) -> None:
    (statement,) = close(used.pk, _last_month())
    mail_server.refused["lea@example.com"] = "451 try later"
    mails.queue(statement, User.objects.get(username="admin").pk)
    _work()
    row = StatementMail.objects.get()
    assert row.tries == 1
    assert row.next_try_at is not None
    page = text_of(admin_client.get(reverse("console:statement", args=[1])))
    assert "is tried again after: The mail server refused this address." in page
    mail_server.refused.clear()
    StatementMail.objects.update(next_try_at=timezone.now())
    _work()
    assert len(mail_server.to("lea@example.com")) == 1


def test_sent_again_it_leaves_for_the_recipients_of_today_alone(
    admin_client: Client, used: Team, mail_server: MailServer
) -> None:
    Team.objects.update(contact="typo@example.com")
    (statement,) = close(used.pk, _last_month())
    mail_server.refused["typo@example.com"] = "451 try later"
    mails.queue(statement)
    _work()
    Team.objects.update(contact="blue@example.com")
    mail_server.refused.clear()
    url = reverse("console:statement-send", args=[1])
    admin_client.post(url)
    _work()
    assert not mail_server.to("typo@example.com")
    assert len(mail_server.to("blue@example.com")) == 1
    page = text_of(admin_client.get(reverse("console:statement", args=[1])))
    assert "typo@example.com not sent: Taken back" in page
    assert "mail not sent" not in text_of(admin_client.get(LIST, {"month": f"{statement.month:%Y-%m}"}))


def test_a_team_without_any_address(admin_client: Client, used: Team, mail_server: MailServer) -> None:
    User.objects.filter(username="lea").update(email="")
    _set(admin_client, day="1", mails="on")
    _work()
    assert "The team has neither a contact" in text_of(admin_client.get(reverse("console:statement", args=[1])))
    Team.objects.update(contact="blue@example.com")
    admin_client.post(reverse("console:statement-send", args=[1]))
    _work()
    assert len(mail_server.to("blue@example.com")) == 1


def test_who_leads_the_team_no_more_gets_nothing(used: Team, mail_server: MailServer) -> None:
    (statement,) = close(used.pk, _last_month())
    mails.queue(statement)
    used.memberships.filter(user__username="lea").delete()
    _work()
    assert not mail_server.mails
    assert StatementMail.objects.get().error.startswith("The person does not lead the team any more")


def test_somebody_who_is_erased_is_named_by_no_mail(used: Team, mail_server: MailServer) -> None:
    (statement,) = close(used.pk, _last_month())
    Team.objects.update(contact="Lea@example.com")
    mails.queue(statement)
    call_command("erase_person", "lea")
    _work()
    assert not mail_server.mails
    assert "lea@" not in str(StatementMail.objects.values_list("address", "once", "error")).lower()


def test_without_a_mail_server_the_page_says_what_to_set(admin_client: Client, used: Team) -> None:
    list(close(used.pk, _last_month()))
    page = _set(admin_client, day="", mails="on")
    assert "No mail is sent: set EMAIL_URL, DEFAULT_FROM_EMAIL and PUBLIC_URL" in page
    text = text_of(admin_client.post(reverse("console:statement-send", args=[1]), follow=True))
    assert "set EMAIL_URL" in text
    assert not StatementMail.objects.exists()


@pytest.mark.parametrize("form", [{"day": "29"}, {"day": "0"}, {"recipients": "billing@example.com, nobody"}])
def test_a_schedule_that_is_wrong_is_not_saved(admin_client: Client, form: dict[str, str]) -> None:
    response = admin_client.post(reverse("console:statements-schedule"), form)
    assert response.status_code == 400
    assert not StatementSchedule.objects.exists()


def test_who_may_only_look_sees_the_schedule_and_changes_nothing(admin_client: Client, used: Team) -> None:
    _set(admin_client, day="3")
    browser = staff("usage.view_statement")
    text = text_of(browser.get(LIST))
    assert "Each month is closed on day 3" in text
    assert "Save" not in text
    assert browser.post(reverse("console:statements-schedule"), {"day": "4"}).status_code == 403
    assert browser.post(reverse("console:statement-send", args=[1])).status_code == 403
