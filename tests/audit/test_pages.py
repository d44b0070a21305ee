"""The audit's pages: who reads them, what they show, and that nobody writes."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access.admin import audit
from access.audit import chain, record
from access.models import AuditEntry, SiteRole, Team

pytestmark = pytest.mark.django_db

LIST = "/admin/access/auditentry/"


def _browser(role: str) -> Client:
    user = User.objects.create_user(f"the {role}", is_staff=True, is_superuser=role == "owner")
    if role in {"administrator", "auditor"}:
        SiteRole.objects.create(user=user, role=role)
    browser = Client(REMOTE_ADDR="203.0.113.7")
    browser.force_login(user)
    return browser


def _file(browser: Client, query: str) -> str:
    answer: Any = browser.get(f"{LIST}export/{query}")
    return b"".join(answer.streaming_content).decode()


@pytest.fixture
def team(admin_client: Client) -> Team:
    """A team that somebody made and renamed in the admin."""
    form = {"name": "Search", "enabled": "on", "notes": "=cmd()", "memberships-TOTAL_FORMS": 0}
    form["memberships-INITIAL_FORMS"] = 0
    assert admin_client.post("/admin/access/team/add/", form, REMOTE_ADDR="203.0.113.9").status_code == 302
    team = Team.objects.get()
    assert admin_client.post(f"/admin/access/team/{team.pk}/change/", form | {"name": "Find"}).status_code == 302
    return team


@pytest.mark.parametrize("role", ["owner", "administrator", "auditor"])
def test_who_reads_everything(team: Team, role: str) -> None:
    browser = _browser(role)
    page = browser.get(LIST).content.decode()
    assert "Search" in page
    assert "203.0.113.9" in page
    entry = AuditEntry.objects.filter(object_type="access.team").latest("number")
    shown = browser.get(f"{LIST}{entry.pk}/change/").content.decode()
    assert "Find" in shown
    assert "admin:access_team_change" in shown
    history = browser.get(f"/admin/access/team/{team.pk}/history/").content.decode()
    assert "203.0.113.9" in history
    assert "Find" in history
    assert f"kind=access.team&amp;object_id__exact={team.pk}" in history


def test_who_reads_nothing(team: Team) -> None:
    browser = _browser("nobody")
    for url in (LIST, f"{LIST}export/", f"{LIST}{AuditEntry.objects.latest('number').pk}/change/"):
        assert browser.get(url).status_code in {302, 403}


def test_nobody_writes(team: Team) -> None:
    browser = _browser("owner")
    number = AuditEntry.objects.latest("number").pk
    hashes = list(AuditEntry.objects.values_list("hash", flat=True))
    for url in (f"{LIST}add/", f"{LIST}{number}/delete/"):
        assert browser.get(url).status_code == 403
        assert browser.post(url, {"post": "yes"}).status_code == 403
    assert browser.post(f"{LIST}{number}/change/", {"action": "other"}).status_code == 403
    browser.post(LIST, {"action": "delete_selected", "_selected_action": [number], "post": "yes"})
    assert list(AuditEntry.objects.values_list("hash", flat=True)) == hashes
    assert list(chain.faults()) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"created", "changed"}),
        ("?action=created&kind=access.team", {"created"}),
        ("?kind=access.clientkey", set()),
        ("?q=Find", {"changed"}),
        ("?at_from=2000-01-01&at_to=2000-01-02", set()),
        ("?at_from=2000-01-01&kind=access.team", {"created", "changed"}),
        ("?person=none&kind=access.team", set()),
    ],
)
def test_filters_and_export(team: Team, query: str, expected: set[str]) -> None:
    browser = _browser("auditor")
    assert browser.get(f"{LIST}{query}").status_code == 200
    text = _file(browser, query)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["action"] for row in rows if row["kind"] == "access.team"} == expected
    assert AuditEntry.objects.latest("number").action == "audit exported"


def test_an_export_holds_no_formula() -> None:
    Team.objects.create(name="=cmd()")
    text = _file(_browser("owner"), "")
    assert "'=cmd()" in text
    assert ",=cmd()" not in text


ODD = [
    "p=2", "p=x", "p=-1", "o=99", "o=1", "o=x", "e=1", "all=", "foo=bar", "number__gt=x", "at__year=x", "at__gte=x",
    "person=²", f"person={'9' * 40}", "kind=none&kind=x", "action=", "at_from=x", "at_to=0000-00-00",
    "at_from=9999-12-31", "at_to=9999-12-31", "object_id__exact=%F0%9F%92%A9",
    "object_id__exact=x&object_id__exact=y", "q=%00", "q=%22",
    "q=%25_%5C", "_to_field=x", "_popup=1", "_facets=1", "salt=x", "hash__startswith=0",
]  # fmt: skip


@pytest.mark.both_databases
def test_odd_filters_are_refused_and_break_nothing() -> None:
    browser = _browser("auditor")
    for query in ODD:
        since = AuditEntry.objects.latest("number").number
        assert browser.get(f"{LIST}?{query}").status_code in {200, 302, 400}, query
        answer = browser.get(f"{LIST}export/?{query}")
        exported = AuditEntry.objects.filter(number__gt=since).exists()
        assert (answer.status_code, exported) in {(200, True), (400, False)}, query


@pytest.mark.both_databases
def test_an_export_holds_everything_and_is_read_as_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_BLOCK", 10)
    for number in range(35):
        record("tried", name=f"thing {number}")
    browser = _browser("auditor")
    with CaptureQueriesContext(connection) as before:
        answer: Any = browser.get(f"{LIST}export/?action=tried")
    with CaptureQueriesContext(connection) as reading:
        lines = [line for block in answer.streaming_content for line in block.decode().splitlines()]
    assert [line.split(",")[9] for line in lines[1:]] == [f"thing {number}" for number in reversed(range(35))]
    assert len(reading) == 5
    assert not [one for one in before if one["sql"].endswith("LIMIT 10")]


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "[" * 100_000, '{"rows": [1, [1, "x", "y"]]}'], ids=range(5))
def test_an_entry_that_somebody_made_unreadable_hides_no_other(text: str) -> None:
    record("tried", name="a readable thing")
    entry = AuditEntry.objects.create(number=1000, at=timezone.now(), action="tried", changes=text)
    browser = _browser("auditor")
    assert "a readable thing" in browser.get(LIST).content.decode()
    assert browser.get(f"{LIST}{entry.pk}/change/").status_code == 200
