"""The home, the sidebar, lists and filters show what the reader may see: by role, and by permissions one by one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from access.models import ClientKey, Team
from access.roles.table import Role
from providers.models import Provider
from routing.health.keys import provider_key
from routing.models import HealthState, Route
from tests.admin.history import attempt_row, request_row
from tests.admin.pages import errors_of, form_of, links_of, text_of
from tests.permissions.people import a_key, person, signed_in
from usage.models import SetAside

pytestmark = pytest.mark.django_db

HEALTH, ASIDE = "Not called for now", "The database refused some usage rows"


def _home(browser: Client) -> str:
    return text_of(browser.get("/admin/"))


def test_a_notice_is_shown_to_those_whom_it_concerns() -> None:
    provider = Provider.objects.create(name="a-secret-provider", dialect="openai_chat", base_url="http://127.0.0.1:9")
    now = timezone.now()
    until = now + timedelta(hours=1)
    HealthState.objects.create(
        key=provider_key(provider.pk), state="open", since=now, changed_at=now, until=until, cause="why"
    )
    SetAside.objects.create(request_id="req_1", cause="why", payload={})

    def seen(*permissions: str) -> list[bool]:
        home = _home(signed_in(person(None, *permissions)))
        return [HEALTH in home, ASIDE in home, provider.name in home]

    assert seen("usage.view_requestlog") == [False, False, False]
    assert seen("routing.view_healthstate") == [True, False, True]
    assert seen("usage.view_setaside") == [False, True, False]
    for role in (Role.OWNER, Role.ADMINISTRATOR, Role.AUDITOR):
        home = _home(signed_in(person(role)))
        assert [HEALTH in home, ASIDE in home] == [True, True]


def test_the_guide_links_to_what_the_reader_may_do() -> None:
    def steps(role: Role | None, *permissions: str) -> list[str]:
        found = links_of(signed_in(person(role, *permissions)).get("/admin/"))
        return sorted(address for address in found.values() if address.endswith("/add/"))

    assert steps(Role.ADMINISTRATOR) == ["/admin/providers/provider/add/"]
    assert steps(Role.AUDITOR) == []
    auditor, limited = person(Role.AUDITOR), ("usage.view_requestlog", "access.view_clientkey", "access.add_clientkey")
    assert "Add a provider" in _home(signed_in(auditor))
    assert "Make a key" not in _home(signed_in(auditor))
    assert steps(None, *limited) == []
    clerk = _home(signed_in(person(None, *limited)))
    assert "Add a provider" not in clerk
    assert "Make a key" in clerk
    # With figures to show, who can do nothing of it is not kept from them.
    request_row()
    assert "Add a provider" not in _home(signed_in(auditor))
    assert "Add a provider" in _home(signed_in(person(Role.ADMINISTRATOR)))


def test_who_may_see_nothing_is_led_to_their_own_pages() -> None:
    stranger = person(None)
    stranger.is_staff = True
    stranger.save()
    home = signed_in(stranger).get("/admin/")
    assert "You may see nothing here" in text_of(home)
    assert links_of(home)["My gateway"] == "/my/"
    member = signed_in(person(Role.MEMBER))
    for page in ("/admin/", "/admin/access/team/", "/admin/console/explorer/"):
        assert member.get(page, follow=True).redirect_chain[-1][0] == "/my/", page


def test_filters_offer_rows_that_the_reader_may_see() -> None:
    a_key("Search")
    a_key("Support")
    with_teams = signed_in(person(None, "access.view_clientkey", "access.view_team")).get("/admin/access/clientkey/")
    without = signed_in(person(None, "access.view_clientkey")).get("/admin/access/clientkey/")
    assert {"Search", "Support"} <= set(links_of(with_teams))
    assert not {"Search", "Support"} & set(links_of(without))


def test_attempts_stand_on_a_request_for_those_who_may_see_attempts() -> None:
    row = request_row(team_id=Team.objects.create(name="Search").pk)
    attempt_row(row, provider_name="who answered", credential_name="first")
    page = f"/admin/usage/requestlog/{row}/change/"
    assert "who answered" not in text_of(signed_in(person(None, "usage.view_requestlog")).get(page))
    for reader in (person(Role.AUDITOR), person(None, "usage.view_requestlog", "usage.view_attemptlog")):
        assert "who answered" in text_of(signed_in(reader).get(page))


def test_the_number_of_keys_is_shown_to_those_who_may_see_keys() -> None:
    a_key("Search")
    assert "Client keys" not in text_of(signed_in(person(None, "access.view_team")).get("/admin/access/team/"))
    assert "Client keys" in text_of(signed_in(person(Role.AUDITOR)).get("/admin/access/team/"))


def _chosen_from(browser: Client, page: str) -> dict[str, set[str]]:
    """The choices of the form of a client key, by field."""
    form = browser.get(page).context["adminform"].form
    fields = {name: form.fields[name] for name in ("team", "owner", "routes") if name in form.fields}
    return {name: {str(label) for value, label in field.choices if value} for name, field in fields.items()}


def test_the_form_of_a_key_offers_what_the_reader_may_see_and_takes_nothing_else() -> None:
    mia, route = person(Role.MEMBER, name="mia"), Route.objects.create(name="secret-route")
    key, team = a_key("Search", mia), Team.objects.get(name="Search")
    add, change = "/admin/access/clientkey/add/", f"/admin/access/clientkey/{key.pk}/change/"
    everything = {"team": {"Search"}, "owner": {"mia (Search)"}, "routes": {"secret-route"}}
    assert _chosen_from(signed_in(person(Role.ADMINISTRATOR)), add) == everything
    keys = ("access.view_clientkey", "access.add_clientkey", "access.change_clientkey")
    clerk = signed_in(person(None, *keys))
    assert _chosen_from(clerk, add) == {"team": set(), "owner": set(), "routes": set()}
    # The owner of the key stands in its row, and stays.
    assert _chosen_from(clerk, change) == {"owner": {"mia"}, "routes": set()}
    assert clerk.post(change, {**form_of(clerk.get(change)), "name": "renamed"}).status_code == 302
    assert ClientKey.objects.get().owner == mia
    some = signed_in(person(None, *keys, "access.view_team", "auth.view_user"))
    assert _chosen_from(some, add) == {"team": {"Search"}, "owner": {"mia"}, "routes": set()}
    forged = {"name": "new", "team": team.pk, "owner": mia.pk, "routes": [route.name]}
    assert set(errors_of(clerk.post(add, {**form_of(clerk.get(add)), **forged}))) == {"team", "owner", "routes"}
    assert ClientKey.objects.count() == 1
