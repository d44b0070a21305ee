"""Every form and every action of the admin leaves an entry. A page that is new has to be tried here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from access.audit import chain
from access.keys import new_key
from access.models import (
    Alert,
    AuditEntry,
    Budget,
    ClientKey,
    IncreaseRequest,
    Invitation,
    Membership,
    OutboxMessage,
    RateLimit,
    ReportToken,
    Team,
    Webhook,
)
from providers.models import Credential, Model, Provider
from routing.models import Alias, Candidate, Concept, Route, Rule, ScenarioRoute
from tests.admin.pages import form_of
from usage.models import SetAside

pytestmark = pytest.mark.django_db

ADDED: dict[str, Callable[[], dict[str, Any]]] = {
    "access.team": lambda: {"name": "New"},
    "access.clientkey": lambda: {"name": "new", "team": Team.objects.earliest("pk").pk},
    "access.webhook": lambda: {"name": "new", "url": "https://new.example/alerts", "kinds": [], "secret": "0" * 24},
    "access.reporttoken": lambda: {"name": "new"},
    "access.ratelimit": lambda: {"team": Team.objects.earliest("pk").pk, "measure": "models", "most": 7},
    "access.budget": lambda: {"team": Team.objects.earliest("pk").pk, "amount": "7.50", "period": "week"},
    "access.invitation": lambda: {"team": Team.objects.earliest("pk").pk, "role": "member"},
    "providers.provider": lambda: {"name": "new", "dialect": "openai_chat", "base_url": "https://new.example/v1"},
    "providers.model": lambda: {
        "name": "new",
        "provider": Provider.objects.earliest("pk").pk,
        "capabilities": [],
        "priced_for": [],
    },
    "routing.route": lambda: {"name": "new"},
    "routing.alias": lambda: {"pattern": "new", "target": "r"},
    "routing.scenarioroute": lambda: {"scenario": "background", "route": Route.objects.earliest("pk").pk},
    "routing.rule": lambda: {"name": "new", "route": Route.objects.earliest("pk").pk},
    "routing.concept": lambda: {"name": "new", "route": Route.objects.earliest("pk").pk},
    "auth.user": lambda: {"username": "new", "password1": "correct-horse-9", "password2": "correct-horse-9"},
    "auth.group": lambda: {"name": "new", "permissions": []},
}
"""What is filled in besides what the page offers."""
CHANGED: dict[str, dict[str, Any]] = {
    "access.team": {"name": "Changed"},
    "access.clientkey": {"name": "changed"},
    "access.reporttoken": {"enabled": ""},
    "access.ratelimit": {"most": 8},
    "access.budget": {"amount": "8.50"},
    "access.webhook": {"enabled": ""},
    "providers.provider": {"notes": "changed"},
    "providers.model": {"max_output": 7},
    "routing.route": {"notes": "changed"},
    "routing.alias": {"pattern": "changed"},
    "routing.scenarioroute": {"enabled": ""},
    "routing.rule": {"name": "changed"},
    "routing.concept": {"name": "changed"},
    "auth.user": {"email": "changed@corp.example"},
    "auth.group": {"name": "changed"},
}

READY_FOR: dict[tuple[str, str], dict[str, Any]] = {
    ("access.clientkey", "enable_selected"): {"disabled_at": timezone.now()},
    ("access.clientkey", "delete_selected"): {"revoked_at": timezone.now()},
    ("providers.model", "enable_selected"): {"enabled": False},
    ("routing.rule", "switch_on"): {"enabled": False},
}
"""What a row must be like for an action to change it, where that is not how it is made."""
ASKS: dict[tuple[str, str], dict[str, str]] = {("providers.model", "set_price"): {"apply": "1", "output": "41"}}
"""What is sent to actions that ask for more than whether to go on."""
WRITES = {("providers.model", "set_price"): "providers.price", ("providers.provider", "fetch_model_lists"): ""}
"""What an action changes that is not the row itself; a job is none of the rows that entries name."""


@pytest.fixture
def rows() -> dict[str, Any]:
    """A row of each model that the admin writes."""
    team = Team.objects.create(name="Search")
    new = new_key()
    provider = Provider.objects.create(name="mine", dialect="openai_chat", base_url="https://a.example/v1")
    Credential.objects.create(provider=provider, name="named", source="environment", variable="MINE_API_KEY")
    model = Model.objects.create(provider=provider, name="m")
    route = Route.objects.create(name="r")
    Candidate.objects.create(route=route, model=model)
    someone = User.objects.create_user("someone")
    Membership.objects.create(team=team, user=someone)
    soon = timezone.now() + timedelta(days=1)
    pager = Webhook.objects.create(name="pager", url="https://a.example/alerts", ciphertext="secret")
    return {
        "access.team": team,
        "access.clientkey": ClientKey.objects.create(team=team, name="CI", prefix=new.prefix, hash=new.hash),
        "access.webhook": pager,
        "access.outboxmessage": OutboxMessage.objects.create(
            alert=Alert.objects.create(once="1", kind="journal"),
            once="1",
            channel="mail",
            failed_at=timezone.now(),
            user=someone,
            webhook=pager,
        ),
        "access.reporttoken": ReportToken.objects.create(name="dashboard", prefix="rpt-abcd", hash="0" * 64),
        "access.ratelimit": RateLimit.objects.create(team=team, measure="requests", most=60),
        "access.budget": Budget.objects.create(team=team, amount=60),
        "access.increaserequest": IncreaseRequest.objects.create(
            user=someone, team=team, amount=5, budget=Budget.objects.create(team=team, amount=5, period="day")
        ),
        "access.invitation": Invitation.objects.create(team=team, hash="0" * 64, expires_at=soon),
        "providers.provider": provider,
        "providers.model": model,
        "routing.route": route,
        "routing.alias": Alias.objects.create(pattern="a", target="r"),
        "routing.scenarioroute": ScenarioRoute.objects.create(scenario="think", route=route),
        "routing.rule": Rule.objects.create(name="rule", route=route),
        "routing.concept": Concept.objects.create(name="sql", route=route),
        "usage.setaside": SetAside.objects.create(request_id="req_1", cause="why", payload={}),
        "auth.user": someone,
        "auth.group": Group.objects.create(name="nobody"),
    }


def _writable(verb: str, rows: dict[str, Any], root: User) -> set[str]:
    """The models whose pages let a superuser add, change or delete."""
    request = RequestFactory().get("/")
    request.user = root
    found = set()
    for model, page in admin.site._registry.items():
        label = model._meta.label_lower
        may = getattr(page, f"has_{verb}_permission")
        if may(request) if verb == "add" else may(request, rows.get(label)):
            found.add(label)
    return found


LEADS_ON = {("providers.model", "make_routes")}
"""Actions that only lead to a page, whose form is among those of tests.audit.forms."""


def _url(label: str, page: str, *args: Any) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_{page}", args=args)


def _new_entries(since: int) -> set[tuple[str, str]]:
    assert list(chain.faults()) == []
    found = AuditEntry.objects.filter(number__gt=since)
    assert {entry.person_name for entry in found} <= {"admin"}
    assert all(entry.origin.startswith("page admin:") for entry in found)
    return {(entry.object_type, entry.object_id) for entry in found}


def test_every_form_that_adds(admin_client: Client, admin_user: User, rows: dict[str, Any]) -> None:
    assert _writable("add", rows, admin_user) == set(ADDED)
    for label, fill in ADDED.items():
        model = type(rows[label])
        since, newest = AuditEntry.objects.count(), model.objects.latest("pk").pk
        # A new provider begins with a gallery; its last choice is the empty form.
        shown = admin_client.get(f"{_url(label, 'add')}?preset=blank")
        # An invitation's form is one of its own.
        form = (form_of(shown) if "adminform" in shown.context else {}) | fill()
        page = admin_client.post(_url(label, "add"), form)
        created = model.objects.latest("pk")
        assert created.pk > newest, (label, page.status_code, form)
        assert (label, str(created.pk)) in _new_entries(since), label


def test_every_form_that_changes(admin_client: Client, admin_user: User, rows: dict[str, Any]) -> None:
    # A row that was set aside and an invitation are shown; what may be done with one is a button.
    only_shown = {"usage.setaside", "access.invitation", "access.increaserequest", "access.outboxmessage"}
    assert _writable("change", rows, admin_user) - only_shown == set(CHANGED)
    for label, changes in CHANGED.items():
        since, url = AuditEntry.objects.count(), _url(label, "change", rows[label].pk)
        page = admin_client.post(url, form_of(admin_client.get(url)) | changes)
        assert page.status_code == 302, (label, page.context["errors"])
        assert (label, str(rows[label].pk)) in _new_entries(since), label


def test_every_page_that_deletes(admin_client: Client, admin_user: User, rows: dict[str, Any]) -> None:
    for label in _writable("delete", rows, admin_user) - {"access.invitation"}:
        row = rows[label]
        if label == "access.clientkey":
            ClientKey.objects.update(revoked_at=timezone.now())
        if not type(row).objects.filter(pk=row.pk).exists():
            # It went with another; that has been tested with the rows.
            continue
        since = AuditEntry.objects.count()
        page = admin_client.post(_url(label, "delete", row.pk), {"post": "yes"})
        assert page.status_code == 302, label
        assert (label, str(row.pk)) in _new_entries(since), label


def test_every_action_of_a_list(admin_client: Client, admin_user: User, rows: dict[str, Any]) -> None:
    request = RequestFactory().get("/")
    request.user = admin_user
    offered = [
        (model._meta.label_lower, action)
        for model, page in admin.site._registry.items()
        for action in page.get_actions(request)
    ]
    for label, action in offered:
        row = rows[label]
        with transaction.atomic():
            if (label, action) in READY_FOR:
                type(row).objects.filter(pk=row.pk).update(**READY_FOR[label, action])
            since = AuditEntry.objects.count()
            form = {"action": action, "_selected_action": [row.pk], "post": "yes", **ASKS.get((label, action), {})}
            assert admin_client.post(_url(label, "changelist"), form).status_code == 302, (label, action)
            if (label, action) in LEADS_ON:
                assert _new_entries(since) == set()
            elif (other := WRITES.get((label, action))) is not None:
                assert other in {kind for kind, _ in _new_entries(since)}, (label, action)
            else:
                assert (label, str(row.pk)) in _new_entries(since), (label, action)
            transaction.set_rollback(True)
    assert set(READY_FOR) <= set(offered)
