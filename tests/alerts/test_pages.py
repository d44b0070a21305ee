"""Where alerts are seen, and the pages of webhooks and messages."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from access.models import Alert, AuditEntry, OutboxMessage, Team, Webhook
from access.outbox import alerts
from access.outbox.models import Kind
from providers import secrets
from proxysite.alerts.sending import send_next
from tests.admin.pages import errors_of, form_of, text_of
from tests.alerts.conftest import SECRET, make_webhook
from tests.alerts.servers import Receiver
from tests.alerts.test_raising import finding
from tests.my.people import browser_of

pytestmark = pytest.mark.django_db

ADD = reverse("admin:access_webhook_add")
CONFIRMED = {"_form_submitted": "on"}


def _of(name: str) -> Client:
    return browser_of(User.objects.get(username=name))


def _filled(browser: Client, **fields: Any) -> dict[str, Any]:
    values = {"name": "pager", "url": "https://ops.example/alerts", "secret": SECRET, "kinds": []}
    return form_of(browser.get(ADD)) | values | fields


def test_a_webhook_is_made_and_its_secret_is_never_shown(team: Team) -> None:
    browser = _of("owen")
    assert browser.post(ADD, _filled(browser, kinds=["budget", "journal"])).status_code == 302
    webhook = Webhook.objects.get()
    assert (webhook.kinds, secrets.decrypt(webhook.ciphertext), webhook.enabled) == ("budget, journal", SECRET, True)
    url = reverse("admin:access_webhook_change", args=[webhook.pk])
    page = browser.get(url)
    assert SECRET not in page.content.decode()
    assert webhook.ciphertext not in page.content.decode()
    # Another change keeps the secret and the kinds; no kind ticked is all of them.
    assert browser.post(url, form_of(page) | {"name": "other"}).status_code == 302
    stored = Webhook.objects.get()
    assert (stored.name, stored.kinds, stored.ciphertext) == ("other", "budget, journal", webhook.ciphertext)
    assert browser.post(url, form_of(browser.get(url)) | {"kinds": []}).status_code == 302
    assert Webhook.objects.get().kinds == ""
    entries = AuditEntry.objects.filter(object_type="access.webhook")
    assert not any(SECRET in entry.changes or "gAAAA" in entry.changes for entry in entries)
    assert "all" in text_of(browser.get(reverse("admin:access_webhook_changelist")))


@pytest.mark.parametrize(
    ("fields", "field", "error"),
    [
        ({"secret": ""}, "secret", "Enter the secret"),
        ({"secret": "short"}, "secret", "at least 24 characters"),
        ({"secret": f"{SECRET} x"}, "secret", "white space"),
        ({"url": "ftp://ops.example/"}, "url", "begins with https://"),
        ({"url": "https://me:secret@ops.example/"}, "url", "Remove user, password"),
        ({"url": "http://127.0.0.1:9/"}, "url", "switch “local” on"),
        ({"url": "http://169.254.169.254/", "is_local": "on"}, "url", "blocked"),
        ({"kinds": ["weather"]}, "kinds", "weather"),
    ],
)
def test_a_webhook_that_cannot_work_is_refused(team: Team, fields: dict[str, Any], field: str, error: str) -> None:
    browser = _of("owen")
    errors = errors_of(browser.post(ADD, _filled(browser, **fields)))
    assert any(error in text for text in errors[field]), errors
    assert not Webhook.objects.exists()


def test_a_test_says_what_the_server_answered(team: Team, receiver: Receiver) -> None:
    webhook = make_webhook(receiver.url)
    url, page = (reverse(f"admin:access_webhook_{name}", args=[webhook.pk]) for name in ("test", "change"))
    browser = _of("owen")
    assert "Send a test" in text_of(browser.get(page))
    assert browser.post(url, CONFIRMED).status_code == 200
    ((status, body),) = receiver.received
    assert (status, body["type"]) == (200, "test")
    assert "took the test" in text_of(browser.get(page))
    receiver.status = 500
    browser.post(url, CONFIRMED)
    assert "HTTP 500" in text_of(browser.get(page))
    assert AuditEntry.objects.filter(action="tested", person_name="owen").count() == 2


def test_messages_are_listed_and_those_that_failed_are_sent_again(team: Team, receiver: Receiver) -> None:
    webhook = make_webhook(receiver.url)
    Webhook.objects.update(enabled=False)
    make_webhook(receiver.url, name="good")
    Webhook.objects.update(enabled=True)
    alerts.raise_all([finding()], timezone.now())
    Webhook.objects.filter(pk=webhook.pk).update(enabled=False)
    while send_next("me"):
        pass
    browser = _of("owen")
    listed = reverse("admin:access_outboxmessage_changelist")
    text = text_of(browser.get(listed))
    for part in (
        "Rows wait",
        "webhook pager",
        "webhook good",
        "owen",
        "failed",
        "sent",
        "on pages",
        "The webhook is off.",
    ):
        assert part in text
    failed, good = (OutboxMessage.objects.get(webhook__name=name) for name in ("pager", "good"))
    narrowed = text_of(browser.get(f"{listed}?state=failed&kind=journal"))
    assert ("webhook pager" in narrowed, "webhook good" in narrowed) == (True, False)
    for row, offered in ((failed, True), (good, False)):
        page = text_of(browser.get(reverse("admin:access_outboxmessage_change", args=[row.pk])))
        assert ("Send again" in page, "Rows wait." in page) == (offered, True)
    assert "could not be sent" in text_of(browser.get(reverse("admin:index")))
    form = {"action": "send_selected_again", "_selected_action": [failed.pk, good.pk]}
    assert "1 of 2 are sent again" in text_of(browser.post(listed, form, follow=True))
    entry = AuditEntry.objects.get(action="sent again")
    assert (entry.object_type, entry.object_id, entry.person_name) == ("access.outboxmessage", str(failed.pk), "owen")
    Webhook.objects.update(enabled=True)
    while send_next("me"):
        pass
    assert [status for status, _ in receiver.received] == [200, 200]
    assert "could not be sent" not in text_of(browser.get(reverse("admin:index")))


def test_open_alerts_are_on_the_pages_of_whom_they_concern(team: Team) -> None:
    mia = User.objects.get(username="mia")
    about = finding(
        once="budget:1", kind=Kind.BUDGET, subject="Budget of mia", text="The budget\nof mia.", for_site=False,
        people=(mia.pk,), teams=(team.pk,), whose=mia.pk,
    )  # fmt: skip
    dead = finding(once="dead:1", kind=Kind.DEAD_WORKER, text="A worker is dead.")
    alerts.raise_all([about, dead], timezone.now())
    my = {name: text_of(_of(name).get(reverse("my:index"))) for name in ("mia", "lea", "owen")}
    assert {name: "Budget of mia" in text for name, text in my.items()} == {"mia": True, "lea": True, "owen": False}
    assert "A worker is dead." not in "".join(my.values())
    home = text_of(_of("owen").get(reverse("admin:index")))
    assert ("A worker is dead." in home, "Budget of mia" in home) == (True, False)
    # Somebody who works in the admin sees what concerns them there, too.
    User.objects.filter(username="lea").update(is_staff=True)
    home = text_of(_of("lea").get(reverse("admin:index")))
    assert ("The budget" in home, "A worker is dead." in home) == (True, False)
    alerts.end_others("", [], timezone.now())
    for name in ("mia", "lea"):
        assert "Budget of mia" not in text_of(_of(name).get(reverse("my:index")))
    assert "A worker is dead." not in text_of(_of("owen").get(reverse("admin:index")))


def test_an_erased_person_is_in_no_alert(team: Team) -> None:
    mia = User.objects.get(username="mia")
    values = {"kind": Kind.BUDGET, "for_site": False, "teams": (team.pk,)}
    alerts.raise_all(
        [
            finding(once="budget:1", subject="Budget of mia", people=(mia.pk,), whose=mia.pk, **values),
            # About something else, and names them.
            finding(once="budget:2", subject="Budget of the key 'mia laptop'", **values),
            finding(once="budget:3", subject="Budget of team Blue", **values),
        ],
        timezone.now(),
    )
    call_command("erase_person", "mia")
    assert [alert.subject for alert in Alert.objects.all()] == ["Budget of team Blue"]
    assert not OutboxMessage.objects.filter(subject__contains="mia").exists()
