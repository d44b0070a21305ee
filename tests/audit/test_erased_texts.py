"""What people wrote about something else does not name an erased person either."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from access.models import AuditEntry, Budget, IncreaseRequest, Team, Webhook
from access.roles.table import Role
from providers.models import Provider
from routing.models import Route
from tests.configuration.importing import looked_at, read
from tests.permissions.people import person, signed_in
from usage.reports.explore.models import SavedView

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture
def mia() -> User:
    """Somebody with a name and an address."""
    return User.objects.create_user("miaiam", email="mia@corp.example")


def test_texts_keep_what_else_they_say(mia: User) -> None:
    team = Team.objects.create(name="Search", contact="Mia@corp.example", notes="Ask miaiam, or the budget office.")
    other = Team.objects.create(name="Support", contact="miaiamine@corp.example")
    provider = Provider.objects.create(
        name="mine", dialect="openai_chat", base_url="https://example.com/v1", notes="Key from mia@corp.example"
    )
    route = Route.objects.create(name="fast", notes="miaiam tests it")
    asked = IncreaseRequest.objects.create(
        budget=Budget.objects.create(team=team, amount=5),
        user=User.objects.create_user("boris"),
        amount=1,
        reason="miaiam's project",
    )
    call_command("erase_person", "miaiam")
    for row in (team, other, provider, route, asked):
        row.refresh_from_db()
    erased = f"deleted user {mia.pk}"
    assert (team.contact, other.contact) == ("", "miaiamine@corp.example")
    assert team.notes == f"Ask {erased}, or the budget office."
    assert provider.notes == f"Key from {erased}"
    assert route.notes == f"{erased} tests it"
    assert asked.reason == f"{erased}'s project"
    assert not [entry.changes for entry in AuditEntry.objects.all() if re.search(r"\bmiaiam\b", entry.changes)]
    call_command("audit", "--verify")


def test_differences_of_imports_keep_what_else_they_say(mia: User) -> None:
    browser = signed_in(person(Role.OWNER))
    job, page = looked_at(browser, "version: 1\nteams:\n- {name: Search, contact: Mia@corp.example, notes: miaiam's}\n")
    assert "miaiam" in page
    call_command("erase_person", "miaiam")
    page = read(browser, job)
    assert "mia@corp.example" not in page.lower()
    assert f"deleted user {mia.pk}&#x27;s" in page
    assert "Search" in page


def test_what_must_be_changed_by_hand_is_listed(mia: User, capsys: Any) -> None:
    hook = Webhook.objects.create(name="pager", url="https://example.com/miaiam")
    Webhook.objects.create(name="other", url="https://example.com/miaiamine")
    call_command("erase_person", "miaiam")
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines() if "by hand" in line] == [
        f"The address of webhook {hook.pk} still names them"
    ]
    hook.url = "https://example.com/pager"
    hook.save()
    call_command("erase_person", f"deleted user {mia.pk}", "--also", "miaiam")
    assert "by hand" not in capsys.readouterr().out
    assert not [entry.changes for entry in AuditEntry.objects.all() if re.search(r"\bmiaiam\b", entry.changes)]


def test_views_that_somebody_else_saved_name_them_no_more(mia: User) -> None:
    boris = User.objects.create_user("boris")
    names = ("Cost of miaiam", "Cost of mia@corp.example", "Cost of miaiamine")
    views = [SavedView.objects.create(name=name, query="?range=7d", owner=boris) for name in names]
    call_command("erase_person", "miaiam")
    for view in views:
        view.refresh_from_db()
    first, second, other = views
    erased = f"deleted user {mia.pk}"
    assert (first.name, second.name) == (f"view {first.pk} of {erased}", f"view {second.pk} of {erased}")
    assert other.name == "Cost of miaiamine"
