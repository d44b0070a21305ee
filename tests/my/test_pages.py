"""What members and leads read: figures, failures with whom to ask, limits, routes with prices, and their team."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access.key_records import state_of
from access.models import ClientKey, Membership, Team
from providers.models import Price
from tests.admin.pages import text_of
from tests.harness.configure import make_model, make_provider, make_route
from tests.my.people import Group, make_group, make_key, use
from usage.rollups.models import DailyRollup

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def blue() -> Group:
    """A team."""
    return make_group("blue")


def test_the_first_page_says_what_was_used_and_what_limits(blue: Group, settings: Any) -> None:
    settings.MAX_REQUESTS_PER_KEY, settings.REVOKED_KEYS = 7, "cut"
    settings.MAX_JSON_VALUES, settings.MAX_JSON_DEPTH = 4321, 23
    browser = blue.browser("mia")
    page = text_of(browser.get("/my/"))
    for words in (
        "$0.25 this month", "2 this month", "1,200", "345",
        "blue key of mia was refused: messages is empty",
        "Whom to ask: blue-lea ( lea@blue.example ), lead of blue",
        "No rate limit is set for your keys together", "No budget is set",
    ):  # fmt: skip
        assert words in page, words
    limits = text_of(browser.get("/my/routes/"))
    for words in ("7 of each key", "32 MiB", "4,321", "23 levels", "answers under way are cut", "no budget is set"):
        assert words in limits, words
    assert "unlimited" not in (page + limits).lower()


def test_the_page_of_a_key_says_which_tags_its_clients_may_name(blue: Group) -> None:
    browser, key = blue.browser("mia"), blue.keys["mia"]
    path = f"/my/keys/{key.pk}/"
    assert "The header x-gateway-tags is ignored." in text_of(browser.get(path))
    for counts, words in ((False, "mark them as claims"), (True, "Rules see them.")):
        ClientKey.objects.filter(pk=key.pk).update(client_tags="project-*, ci", client_tags_count=counts)
        page = text_of(browser.get(path))
        assert "project-*, ci In the header x-gateway-tags: at most 10 of 40 characters" in page
        assert words in page


def test_a_lead_asks_the_owners(blue: Group) -> None:
    User.objects.create_superuser("ona", email="ona@example.com")
    page = text_of(blue.browser("lea").get("/my/"))
    assert "Whom to ask: ona ( ona@example.com ), owner of this gateway" in page


def test_unknown_figures_are_a_dash(blue: Group) -> None:
    user = User.objects.create_user("new")
    Membership.objects.create(team=blue.team, user=user)
    key = make_key(blue.team, "new key", user)
    use(key, input_tokens=None, output_tokens=None, cost=None)
    blue.people["new"] = user
    page = text_of(blue.browser("new").get("/my/usage/"))
    assert re.search(r"Cost —", page)
    assert re.search(r"Input tokens —", page)


def test_usage_is_by_model_and_key_and_for_a_team_by_member(blue: Group) -> None:
    page = text_of(blue.browser("mia").get("/my/usage/"))
    assert "model of blue key of mia" in page
    assert "blue-max" not in page
    page = text_of(blue.browser("lea").get(f"/my/teams/{blue.team.pk}/usage/?period=today"))
    for words in ("blue-mia", "blue-max", "service keys", "$1.00"):
        assert words in page, words
    assert "There are no requests in this period" in text_of(blue.browser("mia").get("/my/usage/?period=last"))


def test_what_was_renamed_has_its_newest_name(blue: Group) -> None:
    def shown() -> list[str]:
        page: Any = blue.browser("mia").get("/my/usage/?period=30")
        return [row[1] for row in page.context["tables"][-1].rows]

    key = blue.keys["mia"]
    key.name = "aa"
    key.save()
    use(key)
    assert shown() == ["aa"]
    DailyRollup.objects.filter(key_name="aa").update(starts_at=F("starts_at") + timedelta(hours=1))
    key.delete()
    assert shown() == ["aa"]


def test_a_request_tells_its_story(blue: Group) -> None:
    rows = {row.outcome: row for row in blue.requests("mia")}
    browser = blue.browser("mia")
    page = text_of(browser.get(f"/my/requests/{rows['refused'].pk}/"))
    assert "Refused after 1 ms: blue key of mia was refused: messages is empty" in page
    assert "Whom to ask: blue-lea" in page
    assert "No provider was called" in page
    page = text_of(browser.get(f"/my/requests/{rows['completed'].pk}/"))
    assert "Answered by model of blue key of mia in 1.2 s. It cost $0.25." in page
    assert "Whom to ask" not in page
    only = text_of(browser.get("/my/requests/?outcome=errors"))
    assert "Refused" in only.split("main", 1)[-1]
    assert "model of blue key of mia" not in only


def test_a_long_list_goes_on(blue: Group) -> None:
    for _ in range(30):
        use(blue.keys["mia"])
    browser = blue.browser("mia")
    seen: list[str] = []
    path = "/my/requests/?outcome=all"
    for _ in range(2):
        page = browser.get(path).content.decode()
        seen += re.findall(r"/my/requests/([0-9a-f-]{36})/", page)
        following = re.search(r'href="(\?[^"]*before=[^"]+)"', page)
        path = f"/my/requests/{following.group(1)}".replace("&amp;", "&") if following else ""
    assert (len(seen), len(set(seen)), path) == (62, 62, "")


def test_routes_are_those_of_the_keys_with_prices_in_force(blue: Group) -> None:
    provider = make_provider("openai_chat", "http://127.0.0.1:9/v1", name="secret-supplier")
    model = make_model(provider, prices={}, name="sonnet-model")
    Price.objects.create(model=model, input=Decimal(9), valid_until=timezone.now() - timedelta(days=1))
    Price.objects.create(
        model=model, input=Decimal(3), output=Decimal(15), valid_from=timezone.now() - timedelta(days=1)
    )
    make_route([model], name="sonnet")
    make_route([make_model(provider, prices={}, name="opus-model")], name="opus")
    make_route([model], name="gone", enabled=False)
    browser = blue.browser("mia")
    page = text_of(browser.get("/my/routes/"))
    assert "sonnet Try this sonnet-model $3.00 — — $15.00" in page
    assert "opus Try this opus-model — — — —" in page
    assert "gone" not in page
    assert "$9.00" not in page
    assert "secret-supplier" not in page
    blue.keys["mia"].allowed_routes = "opus"
    blue.keys["mia"].save()
    assert "sonnet-model" not in text_of(browser.get("/my/routes/"))


def test_keys_of_two_teams_with_one_name_are_two(blue: Group) -> None:
    model = make_model(make_provider("openai_chat", "http://127.0.0.1:9/v1"), prices={}, name="sonnet-model")
    for name in ("sonnet", "opus"):
        make_route([model], name=name)
    red = Team.objects.create(name="red")
    Membership.objects.create(team=red, user=blue.people["mia"])
    blue.keys["mia"].allowed_routes = "sonnet"
    blue.keys["mia"].save()
    make_key(red, blue.keys["mia"].name, blue.people["mia"], allowed_routes="opus")
    page = text_of(blue.browser("mia").get("/my/routes/"))
    assert "sonnet with blue key of mia of blue Try this sonnet-model" in page
    assert "opus with blue key of mia of red Try this sonnet-model" in page


def test_requests_of_a_deleted_key_stay_in_the_lists(blue: Group) -> None:
    mia = blue.people["mia"]
    blue.keys["mia"].delete()
    for name, path in (("mia", "/my/requests/"), ("lea", f"/my/teams/{blue.team.pk}/requests/?member={mia.pk}")):
        page = blue.browser(name).get(path).content.decode()
        assert len(set(re.findall(r"/my/requests/([0-9a-f-]{36})/", page))) == 2, name


def test_a_lead_removes_a_member_whose_keys_end(blue: Group) -> None:
    browser = blue.browser("lea")
    membership = Membership.objects.get(user=blue.people["mia"])
    path = f"/my/teams/{blue.team.pk}/members/{membership.pk}/remove/"
    assert "blue key of mia" in text_of(browser.get(path))
    assert Membership.objects.filter(pk=membership.pk).exists()
    page = text_of(browser.post(path, follow=True))
    assert "blue-mia is no member of blue any more" in page
    assert not Membership.objects.filter(pk=membership.pk).exists()
    key = blue.keys["mia"]
    key.refresh_from_db()
    assert state_of(key) == "revoked"
    assert "You belong to no team" in text_of(blue.browser("mia").get("/my/"))
    assert "$1.00" in text_of(browser.get(f"/my/teams/{blue.team.pk}/usage/"))


def test_a_lead_removes_neither_themselves_nor_another_lead(blue: Group) -> None:
    Membership.objects.filter(user=blue.people["max"]).update(role=Membership.Role.LEAD)
    browser = blue.browser("lea")
    for name in ("lea", "max"):
        membership = Membership.objects.get(user=blue.people[name])
        path = f"/my/teams/{blue.team.pk}/members/{membership.pk}/remove/"
        assert browser.post(path).status_code == 404
    assert blue.team.memberships.count() == 3


def test_the_team_page_lists_members_with_their_month(blue: Group) -> None:
    page = text_of(blue.browser("lea").get(f"/my/teams/{blue.team.pk}/"))
    assert re.search(r"blue-mia mia@blue.example member \d{4}-\d\d-\d\d \d\d:\d\d \([^)]+\) 1 2 \$0.2500 Remove", page)
    assert "blue-lea lea@blue.example lead" in page
    assert "service key" in page


def test_the_pages_of_a_large_team_ask_the_database_no_more_often(blue: Group) -> None:
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(path).status_code == 200
        return len(captured)

    browser = blue.browser("lea")
    paths = [f"/my/teams/{blue.team.pk}/{page}" for page in ("", "usage/", "requests/")]
    before = [queries(path) for path in paths]
    for number in range(10):
        user = User.objects.create_user(f"more-{number}")
        Membership.objects.create(team=blue.team, user=user)
        use(make_key(blue.team, f"more {number}", user))
    assert [queries(path) for path in paths] == before


def test_more_memberships_ask_for_a_person_s_permissions_no_more_often(blue: Group) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get("/my/").status_code == 200
        return sum("auth_permission" in query["sql"] for query in captured)

    browser = blue.browser("mia")
    before = questions()
    for number in range(3):
        Membership.objects.create(team=Team.objects.create(name=f"more {number}"), user=blue.people["mia"])
    assert questions() == before > 0
