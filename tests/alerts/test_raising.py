"""Each alert goes out once: for its episode, at its level, to whom it concerns."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from access.models import Alert, Membership, OutboxMessage, Team
from access.outbox import alerts
from access.outbox.alerts import Finding
from access.outbox.models import Kind
from tests.alerts.conftest import make_webhook
from tests.alerts.servers import MailServer
from tests.harness.patience import PATIENCE

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def finding(**fields: Any) -> Finding:
    """Something about the gateway."""
    values = {
        "once": "journal:host",
        "kind": Kind.JOURNAL,
        "subject": "Rows wait",
        "text": "Rows wait.",
        "data": {"bytes": 7},
        "for_site": True,
        **fields,
    }
    return Finding(**values)


def to_send() -> list[str]:
    """Takes whom new messages are for, and their channel."""
    rows = OutboxMessage.objects.filter(error="").order_by("pk").select_related("user", "webhook")
    found = [f"{row.channel} {row.user or row.webhook}" for row in rows]
    rows.update(error="seen")
    return found


def test_an_alert_goes_out_once_until_it_ends(team: Team, mail_server: MailServer) -> None:
    now = timezone.now()
    assert alerts.raise_all([finding()], now) == 1
    assert to_send() == ["mail owen"]
    for seconds in (30, 60):
        assert alerts.raise_all([finding()], now + timedelta(seconds=seconds)) == 0
    assert to_send() == []
    assert Alert.objects.get().seen_at == now + timedelta(seconds=60)
    alerts.end_others("journal:", [finding()], now)
    assert Alert.objects.get().ended_at is None
    alerts.end_others("journal:", [], now)
    assert Alert.objects.get().ended_at == now
    # It begins again: soon, which is the same episode, and much later.
    assert alerts.raise_all([finding()], now + timedelta(minutes=59)) == 0
    assert Alert.objects.get().ended_at is None
    alerts.end_others("journal:", [], now)
    assert alerts.raise_all([finding()], now + timedelta(minutes=61)) == 1
    assert to_send() == ["mail owen"]


def test_a_higher_level_is_another_message_and_a_lower_one_is_not(team: Team, mail_server: MailServer) -> None:
    now = timezone.now()
    sent = [alerts.raise_all([finding(level=level)], now) for level in (50, 90, 90, 50, 90)]
    assert sent == [1, 1, 0, 0, 1]
    assert Alert.objects.get().level == 90


def test_an_alert_about_one_worker_ends_when_none_sees_it(team: Team) -> None:
    now = timezone.now()
    alerts.raise_all([finding()], now)
    alerts.end_unseen("journal:", now + timedelta(seconds=alerts.UNSEEN_SECONDS - 1))
    assert Alert.objects.get().ended_at is None
    alerts.end_unseen("journal:", now + timedelta(seconds=alerts.UNSEEN_SECONDS + 1))
    assert Alert.objects.get().ended_at is not None


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        ({"for_site": True}, {"owen"}),
        ({"people": ("mia",), "teams": ("Blue",)}, {"mia", "lea"}),
        ({"teams": ("Blue",)}, {"lea"}),
        ({"people": ("lea",), "teams": ("Blue",)}, {"lea"}),
        # Nobody leads this one.
        ({"people": ("mia",), "teams": ("Red",)}, {"mia", "owen"}),
        ({"people": ("gone",), "teams": ("Blue",)}, {"lea"}),
    ],
)
def test_whom_an_alert_concerns(team: Team, of: dict[str, Any], expected: set[str]) -> None:
    Team.objects.create(name="Red")
    User.objects.create_user("gone", is_active=False)
    names = dict(User.objects.values_list("username", "pk"))
    teams = dict(Team.objects.values_list("name", "pk"))
    fields = {
        "for_site": False,
        **of,
        "people": tuple(names[one] for one in of.get("people", ())),
        "teams": tuple(teams[one] for one in of.get("teams", ())),
    }
    assert {user.username for user in alerts.people_of(finding(**fields))} == expected


def test_a_lead_who_left_gets_nothing_of_the_team(team: Team) -> None:
    Membership.objects.filter(user__username="lea").delete()
    concerned = alerts.people_of(finding(for_site=False, teams=(team.pk,)))
    assert [user.username for user in concerned] == ["owen"]


def test_who_has_no_address_sees_it_on_pages_alone(team: Team, mail_server: MailServer) -> None:
    User.objects.create_superuser("olga")
    alerts.raise_all([finding()], timezone.now())
    assert to_send() == ["mail owen", "page olga"]
    olga, mia = User.objects.get(username="olga"), User.objects.get(username="mia")
    assert [alert.subject for alert in alerts.open_for(olga)] == ["Rows wait"]
    assert not alerts.open_for(mia)
    alerts.end_others("journal:", [], timezone.now())
    assert not alerts.open_for(olga)


def test_without_a_mail_server_everybody_sees_it_on_pages(team: Team) -> None:
    assert alerts.raise_all([finding()], timezone.now()) == 0
    assert to_send() == ["page owen"]


def test_webhooks_get_the_kinds_that_they_are_for(team: Team) -> None:
    make_webhook("http://127.0.0.1/all", name="all")
    make_webhook("http://127.0.0.1/one", name="one", kinds="key_expires, journal")
    make_webhook("http://127.0.0.1/other", name="other", kinds="budget")
    make_webhook("http://127.0.0.1/off", name="off", enabled=False)
    alerts.raise_all([finding()], timezone.now())
    rows = OutboxMessage.objects.filter(channel="webhook").order_by("webhook__name")
    assert [row.webhook and row.webhook.name for row in rows] == ["all", "one"]
    (body,) = {row.text for row in rows}
    sent = json.loads(body)
    assert datetime.fromisoformat(sent.pop("created_at")).tzinfo is not None
    assert sent.pop("id").startswith("alert_")
    assert sent == {
        "type": "journal",
        "gateway": "",
        "level": 1,
        "subject": "Rows wait",
        "text": "Rows wait.",
        "data": {"bytes": 7},
    }


def test_old_alerts_are_forgotten_with_their_messages(team: Team) -> None:
    now = timezone.now()
    alerts.raise_all([finding(), finding(once="journal:other")], now)
    alerts.end_others("journal:", [finding()], now)
    alerts.forget_old(now + alerts.RETENTION - timedelta(seconds=1))
    assert Alert.objects.count() == 2
    alerts.forget_old(now + alerts.RETENTION + timedelta(seconds=1))
    assert Alert.objects.get().once == "journal:host"
    assert OutboxMessage.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_the_same_moment_raise_it_once(team: Team) -> None:
    now, together = timezone.now(), Barrier(4)

    def work(level: int) -> int:
        try:
            together.wait(PATIENCE)
            return alerts.raise_all([finding(level=level)], now)
        finally:
            connection.close()

    make_webhook("http://127.0.0.1/all")
    for level in (1, 2):
        with ThreadPoolExecutor(4) as workers:
            assert sum(workers.map(work, [level] * 4)) == 1
    assert OutboxMessage.objects.filter(channel="webhook").count() == 2
    assert OutboxMessage.objects.filter(user__username="owen").count() == 2
