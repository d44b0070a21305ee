"""What people see of the limits that bind them, and what administrators set."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from access.models import AuditEntry, Budget, RateLimit, Team
from access.roles.scope import visible
from access.roles.table import Role
from tests.admin.pages import errors_of, form_of, text_of
from tests.permissions.people import a_key, person, signed_in

pytestmark = pytest.mark.django_db

ADD = "/admin/access/ratelimit/add/"


@pytest.fixture
def mia() -> User:
    return person(Role.MEMBER, name="mia", team="red")


def test_a_key_page_shows_every_limit_that_binds_it_and_whose_it_is(mia: User) -> None:
    team = Team.objects.get(name="red")
    key = a_key("red", mia)
    RateLimit.objects.create(key=key, measure="requests", most=60)
    RateLimit.objects.create(user=mia, measure="input_tokens", per="day", most=3_000_000)
    RateLimit.objects.create(team=team, measure="streams", per="once", most=4)
    RateLimit.objects.create(members_of=team, measure="output_tokens", most=8000)
    RateLimit.objects.create(team=Team.objects.create(name="blue"), measure="models", most=7)
    shown = text_of(signed_in(mia).get(reverse("my:key", args=[key.pk])))
    for words in (
        "60 for this key",
        "3,000,000 for all your keys together",
        "4 for all keys of red together",
        "8,000 for each member of red",
    ):
        assert words in shown
    assert "Model lists" not in shown
    routes = text_of(signed_in(mia).get(reverse("my:routes")))
    assert "4 for all keys of red together" in routes
    assert "for this key" not in routes


def test_everybody_sees_the_limits_that_bind_them_and_leads_those_of_the_teams_keys(mia: User) -> None:
    lead, leo = person(Role.LEAD, name="lead", team="red"), person(Role.MEMBER, name="leo", team="red")
    team, blue = Team.objects.get(name="red"), Team.objects.create(name="blue")
    made = {
        "mia's key": RateLimit.objects.create(key=a_key("red", mia), measure="requests", most=1),
        "mia": RateLimit.objects.create(user=mia, measure="requests", most=1),
        "red": RateLimit.objects.create(team=team, measure="requests", most=1),
        "members": RateLimit.objects.create(members_of=team, measure="requests", most=1),
        "blue": RateLimit.objects.create(team=blue, measure="requests", most=1),
    }

    def seen(reader: User) -> set[str]:
        rows = set(visible(reader, RateLimit.objects.all()))
        return {name for name, row in made.items() if row in rows}

    assert seen(mia) == {"mia's key", "mia", "red", "members"}
    assert seen(leo) == {"red", "members"}
    assert seen(lead) == {"mia's key", "red", "members"}
    assert seen(person(Role.AUDITOR, name="auditor")) == set(made)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, {"key"}),
        ({"team": True, "members_of": True}, {"members_of"}),
        ({"team": True, "measure": "streams"}, {"per"}),
        ({"team": True, "per": "once"}, {"per"}),
        ({"team": True, "most": "0"}, {"most"}),
        ({"team": True, "measure": "models"}, {"measure"}),
        ({"team": True, "leads_may_change": "on"}, {"leads_may_change"}),
    ],
)
def test_each_mistake_stands_beside_its_field(admin_client: Client, fields: dict[str, Any], wrong: set[str]) -> None:
    team = Team.objects.create(name="red")
    RateLimit.objects.create(team=team, measure="models", most=1)
    sent = {"measure": "requests", "per": "minute", "most": "60", **fields}
    sent = {name: team.pk if value is True else value for name, value in sent.items()}
    assert set(errors_of(admin_client.post(ADD, sent))) == wrong
    assert RateLimit.objects.count() == 1


def test_a_limit_is_made_from_the_page_of_whom_it_binds_and_audited(admin_client: Client) -> None:
    team = Team.objects.create(name="red")
    page = admin_client.get(f"/admin/access/team/{team.pk}/change/")
    listed = f"/admin/access/ratelimit/?members_of__id__exact={team.pk}"
    assert listed in page.content.decode()
    assert admin_client.get(listed).status_code == 200
    add = admin_client.get(f"{ADD}?_changelist_filters=members_of__id__exact%3D{team.pk}")
    form = {**form_of(add), "measure": "input_tokens", "per": "day", "most": "500000", "leads_may_change": "on"}
    assert admin_client.post(ADD, form).status_code == 302
    limit = RateLimit.objects.get()
    assert (limit.members_of, str(limit)) == (team, "500,000 input tokens a day, of each member of red")
    assert limit.leads_may_change
    entry = AuditEntry.objects.get(object_type="access.ratelimit")
    assert (entry.action, entry.object_name) == ("created", "red: input_tokens: day")
    assert "each member: 500,000 input tokens a day" in text_of(
        admin_client.get(f"/admin/access/team/{team.pk}/change/")
    )


@pytest.mark.parametrize("page", ["budget", "ratelimit"])
def test_whether_leads_may_change_one_is_asked_where_they_may(admin_client: Client, page: str) -> None:
    team = Team.objects.create(name="red")
    amount: dict[str, Any] = {"amount": 5} if page == "budget" else {"measure": "requests", "most": 5}
    kind: Any = Budget if page == "budget" else RateLimit
    for whom, asked in (("team", False), ("members_of", True)):
        row = kind.objects.create(**{whom: team}, **amount)
        form = form_of(admin_client.get(f"/admin/access/{page}/{row.pk}/change/"))
        assert ("initial-leads_may_change" in form) is asked


def test_a_team_gets_a_time_zone_from_a_list(admin_client: Client) -> None:
    team = Team.objects.create(name="red")
    url = f"/admin/access/team/{team.pk}/change/"
    page = admin_client.get(url)
    assert '<option value="Europe/Berlin">' in page.content.decode()
    assert admin_client.post(url, {**form_of(page), "time_zone": "Europe/Berlin"}).status_code == 302
    assert Team.objects.get().time_zone == "Europe/Berlin"
    assert set(errors_of(admin_client.post(url, {**form_of(page), "time_zone": "Europe/Nowhere"}))) == {"time_zone"}
