"""The set-up guide: shown until an own provider has answered, with steps from rows; a key; the newest request."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from access import audit
from access.keys import KeyRecord, caller
from access.models import ClientKey, Membership, Team
from access.roles.table import Role
from providers.models import Model, Provider
from proxysite.console.guide import key, steps
from routing.loading.load import load_keys
from routing.models import Candidate, Route
from tests.admin.history import request_row
from tests.admin.pages import form_of, links_of, text_of
from tests.permissions.people import person, signed_in

pytestmark = pytest.mark.django_db

HOME, GUIDE = "/admin/", "/admin/console/guide/"
KEY, NEWEST, HIDE = f"{GUIDE}key/", f"{GUIDE}newest/", f"{GUIDE}hide/"


def _demo() -> Provider:
    demo = Provider.objects.create(name="demo", dialect="openai_chat", base_url="http://127.0.0.1:1", is_demo=True)
    route = Route.objects.create(name="canned", is_default=True)
    Candidate.objects.create(route=route, model=Model.objects.create(provider=demo, name="m"))
    return demo


def _done(browser: Client) -> list[bool]:
    return [step.done for step in browser.get(HOME).context["guide"]["steps"]]


def test_the_steps_are_ticked_by_rows_and_not_by_the_demo(admin_client: Client) -> None:
    assert _done(admin_client) == [False] * 4
    demo = _demo()
    request_row(provider_id=demo.pk, provider_name="demo")
    assert _done(admin_client) == [False] * 4
    own = Provider.objects.create(name="own", dialect="openai_chat", base_url="http://127.0.0.1:9/v1", is_local=True)
    assert _done(admin_client) == [True, False, False, False]
    links = links_of(admin_client.get(HOME))
    assert links["Test it"] == f"/admin/console/providers/{own.pk}/test/"
    assert links["Add its models"] == f"/admin/console/providers/{own.pk}/models/"
    admin_client.post(f"/admin/console/providers/{own.pk}/test/", {"other": "m"})
    model = Model.objects.create(provider=own, name="m")
    assert _done(admin_client) == [True, True, True, False]
    Candidate.objects.create(route=Route.objects.create(name="r"), model=model)
    assert _done(admin_client) == [True] * 4


def test_the_first_answer_of_an_own_provider_ends_the_guide_on_home(admin_client: Client) -> None:
    demo = _demo()
    request_row(provider_id=demo.pk, provider_name="demo")
    request_row(outcome="refused")
    request_row(outcome="failed", provider_id=demo.pk + 1, provider_name="own")
    page = admin_client.get(HOME)
    assert page.context["guide"] is not None
    assert page.context["figures"]
    request_row(provider_id=demo.pk + 1, provider_name="own")
    assert admin_client.get(HOME).context["guide"] is None
    # It is found again in the menu of the account.
    assert links_of(admin_client.get(HOME))["Set-up guide"] == GUIDE
    assert "this gateway is set up" in text_of(admin_client.get(GUIDE))


def test_somebody_hides_it_for_themselves(admin_client: Client) -> None:
    assert admin_client.post(HIDE).headers["Location"] == HOME
    assert admin_client.get(HOME).context["guide"] is None
    assert signed_in(person(Role.ADMINISTRATOR)).get(HOME).context["guide"] is not None
    # Another person in the same browser.
    admin_client.force_login(person(Role.ADMINISTRATOR))
    assert admin_client.get(HOME).context["guide"] is not None


def test_one_click_makes_a_key_that_works_and_is_shown_once(admin_client: Client) -> None:
    _demo()
    answer = admin_client.post(KEY)
    text = text_of(answer)
    (secret,) = set(re.findall(r"sk-px-\w{20,}", answer.content.decode()))
    assert "no-store" in answer["Cache-Control"]
    made = ClientKey.objects.get()
    assert (str(made.team), made.owner) == ("Default team", None)
    assert f"export ANTHROPIC_AUTH_TOKEN={secret}" in text
    assert "canned" in text
    assert all(secret not in str(session.get_decoded()) for session in Session.objects.all())
    found = caller({"x-api-key": secret}, load_keys(), timezone.now().timestamp())
    assert isinstance(found, KeyRecord)
    # A second one has another name.
    assert admin_client.post(KEY).status_code == 200
    assert ClientKey.objects.count() == 2
    assert secret not in admin_client.get(GUIDE).content.decode()


def test_a_key_is_made_in_the_team_that_was_chosen_and_is_the_readers_own_in_theirs() -> None:
    blue, green = Team.objects.create(name="Blue"), Team.objects.create(name="Green")
    admin = person(Role.ADMINISTRATOR)
    Membership.objects.create(user=admin, team=green)
    browser = signed_in(admin)
    assert [team.name for team in browser.get(GUIDE).context["guide"]["teams"]] == ["Green", "Blue"]
    browser.post(KEY)
    browser.post(KEY, {"team": blue.pk})
    assert list(ClientKey.objects.order_by("pk").values_list("team__name", "owner")) == [
        ("Green", admin.pk),
        ("Blue", None),
    ]


def test_a_team_of_the_readers_own_is_offered_among_any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key, "_MOST_TEAMS", 2)
    teams = [Team.objects.create(name=name) for name in ("Blue", "Green", "Yellow")]
    admin = person(Role.ADMINISTRATOR)
    Membership.objects.create(user=admin, team=teams[2])
    browser = signed_in(admin)
    assert [team.name for team in browser.get(GUIDE).context["guide"]["teams"]] == ["Yellow", "Blue"]
    browser.post(KEY)
    assert ClientKey.objects.get().team == teams[2]


def test_no_other_team_gets_the_key_where_the_chosen_one_is_gone(admin_client: Client) -> None:
    Team.objects.create(name="Blue")
    gone = Team.objects.create(name="Green", enabled=False)
    for chosen in (gone.pk, "x", 10**30):
        refused = admin_client.post(KEY, {"team": chosen})
        assert refused.status_code == 409
        assert "choose another one" in text_of(refused)
    assert not ClientKey.objects.exists()


def test_a_test_of_another_provider_does_not_tick_the_step(admin_client: Client) -> None:
    tested, _ = (
        Provider.objects.create(name=name, dialect="openai_chat", base_url="http://127.0.0.1:9/v1", is_local=True)
        for name in ("own-2", "own")
    )
    admin_client.post(f"/admin/console/providers/{tested.pk}/test/", {"other": "m"})
    assert not _done(admin_client)[1]
    audit.record("provider tested", name="own (not saved)")
    assert _done(admin_client)[1]


def test_an_own_default_route_is_tried_first(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    _demo()
    own = Provider.objects.create(name="own", dialect="openai_chat", base_url="http://127.0.0.1:9/v1", is_local=True)
    model = Model.objects.create(provider=own, name="m")
    Route.objects.update(is_default=False)
    for name in ("a", "b"):
        route = Route.objects.create(name=name, is_default=name == "b")
        Candidate.objects.create(route=route, model=model)
        Candidate.objects.create(route=route, model=Model.objects.get(provider__is_demo=True))
    shown = admin_client.get(GUIDE).context["guide"]["routes"]
    assert [(one.name, one.is_demo) for one in shown] == [("b", False), ("a", False), ("canned", True)]
    monkeypatch.setattr(steps, "_MOST_ROUTES", 1)
    assert [one.name for one in steps.routes_to_try()] == ["b"]


def _newest(browser: Client, ago: timedelta = timedelta(minutes=1), **more: str) -> Any:
    return browser.get(NEWEST, {"since": str(int((timezone.now() - ago).timestamp() * 1000)), **more})


def test_the_newest_request_since_then_is_shown_with_its_figures(admin_client: Client) -> None:
    request_row(started_at=timezone.now() - timedelta(hours=1))
    assert _newest(admin_client).status_code == 204
    row = request_row(model_name="m", input_tokens=12, output_tokens=34, cost=2 * 10**9, duration_ms=321)
    found = _newest(admin_client)
    text = text_of(found)
    assert "Answered by m in 321 ms. It cost $0.002" in text
    assert "12 in, 34 out" in text
    assert links_of(found)["The request"] == f"/admin/usage/requestlog/{row}/change/"
    assert _newest(admin_client, shown=str(row)).status_code == 204
    for since in ("", "soon", "9" * 30, "-1"):
        assert admin_client.get(NEWEST, {"since": since}).status_code == 400


def test_a_look_is_one_query_of_an_index(
    admin_client: Client, admin_user: User, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    request_row()
    _newest(admin_client)
    # The session and the user come with every page, and what workers noted is a row of each at most. Once in five
    # seconds workers are told to go on noting.
    with django_assert_num_queries(4) as queries:
        assert _newest(admin_client).status_code == 200
    (of_rows,) = [query["sql"] for query in queries.captured_queries if "usage_requestlog" in query["sql"]]
    assert "LIMIT 1" in of_rows
    with django_assert_max_num_queries(60):
        admin_client.get(GUIDE)


def test_a_refusal_is_shown_with_its_reason_and_what_to_do(admin_client: Client) -> None:
    request_row(
        outcome="refused",
        http_status=503,
        error_message="No model of 'fast' can be called (it has no candidates).",
        sentence_code="no_usable_candidate",
        route_id=7,
        route_name="fast",
    )
    found = _newest(admin_client)
    text = text_of(found)
    assert "it has no candidates" in text
    assert "Give the route a candidate" in text
    assert links_of(found)["The route"] == "/admin/routing/route/7/change/"
    request_row(outcome="refused", sentence_code="no_usable_candidate", route_name="fast")
    assert links_of(_newest(admin_client))["Routes"] == "/admin/routing/route/"
    # Nothing is offered that the reader may not open.
    clerk = _newest(signed_in(person(None, "usage.view_requestlog")))
    assert "Give the route a candidate" in text_of(clerk)
    assert "Routes" not in links_of(clerk)


def test_the_next_step_is_the_button_and_a_test_is_not_waited_for(admin_client: Client) -> None:
    def following() -> str | None:
        guide = admin_client.get(HOME).context["guide"]
        return guide["next"].text if guide["next"] else None

    assert following() == "Add a provider"
    own = Provider.objects.create(name="own", dialect="openai_chat", base_url="http://127.0.0.1:9/v1", is_local=True)
    assert following() == "Add its models"
    model = Model.objects.create(provider=own, name="m")
    assert following() == "Route to them"
    Candidate.objects.create(route=Route.objects.create(name="r"), model=model)
    assert following() is None


def test_a_provider_that_was_tested_before_it_got_its_name_is_a_tested_one(admin_client: Client) -> None:
    page = form_of(admin_client.get("/admin/providers/provider/add/?preset=other-openai"))
    typed = page | {"base_url": "http://127.0.0.1:9/v1", "is_local": "on"}
    admin_client.post("/admin/console/providers/trial/", typed)
    admin_client.post("/admin/providers/provider/add/?preset=other-openai", typed | {"name": "house"})
    assert Provider.objects.get().name == "house"
    assert _done(admin_client)[:2] == [True, True]
    # One whose name begins alike is another one.
    Provider.objects.create(name="mi", dialect="openai_chat", base_url="http://127.0.0.1:8/v1", is_local=True)
    assert _done(admin_client)[:2] == [True, False]


def test_an_answer_without_a_cost_leads_to_the_prices(admin_client: Client) -> None:
    own = Provider.objects.create(name="own", dialect="openai_chat", base_url="https://example.com/v1")
    request_row(provider_id=own.pk, cost=None)
    assert links_of(_newest(admin_client))["Prices"] == "/admin/console/prices/"
    request_row(provider_id=own.pk, cost=1)
    assert "Prices" not in links_of(_newest(admin_client))
