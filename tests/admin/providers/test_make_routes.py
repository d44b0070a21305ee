"""Routes for models: the page says what will become of each name, and that is what is made."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from access.models import AuditEntry
from providers.config import ProviderConfig
from providers.model_list import ListedModel
from providers.models import Model, Provider
from providers.outbound.model_lists import NoModelList
from proxysite.console.providers import pages, routes
from proxysite.quickstart.presets import CLAUDE
from routing.models import Candidate, Route
from tests.admin.pages import staff, text_of

pytestmark = pytest.mark.django_db

URL = "/admin/console/models/routes/"
LISTED = "anthropic/claude-sonnet-5.5"


@pytest.fixture
def models(provider: Provider) -> list[Model]:
    return [Model.objects.create(provider=provider, name=name) for name in ("big", "small", "with space")]


def _url(models: list[Model]) -> str:
    return f"{URL}?{'&'.join(f'model={model.pk}' for model in models)}"


def _candidates(name: str) -> list[str]:
    return [candidate.model.name for candidate in Route.objects.get(name=name).candidates.order_by("position")]


def _demo() -> Route:
    demo = Provider.objects.create(name="demo", dialect="openai_chat", base_url="http://127.0.0.1:9/v1", is_demo=True)
    route = Route.objects.create(name=CLAUDE[1], is_default=True)
    Candidate.objects.create(route=route, model=Model.objects.create(provider=demo, name="demo"))
    return route


def test_an_empty_site_gets_routes_claudes_names_and_a_default(admin_client: Client, models: list[Model]) -> None:
    page = admin_client.get(_url(models))
    assert text_of(page).count("A new route.") == 2 + len(CLAUDE)
    assert "A route's name has no spaces." in text_of(page)
    sent = {"own": "on", "claude": str(models[0].pk), "default": "on"}
    answer = admin_client.post(_url(models), sent, follow=True)
    assert "These routes now lead to your models: big , small , claude-opus-5-5" in text_of(answer)
    assert set(Route.objects.values_list("name", flat=True)) == {"big", "small", *CLAUDE}
    assert [_candidates(name) for name in ("small", CLAUDE[0])] == [["small"], ["big"]]
    default = Route.objects.get(is_default=True)
    assert (default.name, default.yields) == (CLAUDE[1], True)
    assert not Route.objects.get(name="big").yields
    assert AuditEntry.objects.filter(action="created", object_type="routing.route").count() == 6


def test_the_demo_goes_behind_and_a_real_candidate_stays_before(admin_client: Client, models: list[Model]) -> None:
    _demo()
    busy = Route.objects.create(name="small")
    Candidate.objects.create(route=busy, model=models[0], position=3)
    text = text_of(admin_client.get(_url(models)))
    assert "The model is tried first; the demo stays behind it." in text
    assert "The model is tried last, when the candidates that are there fail." in text
    for _ in range(2):
        admin_client.post(_url(models), {"own": "on", "claude": str(models[1].pk), "default": "on"})
        assert _candidates(CLAUDE[1]) == ["small", "demo"]
        assert _candidates("small") == ["big", "small"]
    assert Route.objects.get(is_default=True).name == CLAUDE[1]
    # Once a real model answers there, nobody else becomes the default, and Claude's names stay where they are.
    page = admin_client.get(_url(models))
    assert "default" not in page.context["form"].fields
    assert page.context["form"].fields["claude"].initial == ""


def test_one_name_at_two_providers_is_one_route_with_both(admin_client: Client, models: list[Model]) -> None:
    second = Provider.objects.create(name="second", dialect="openai_chat", base_url="https://second.example/v1")
    both = [models[0], Model.objects.create(provider=second, name="big")]
    text = text_of(admin_client.get(_url(both)))
    assert text.count("A new route.") == 1 + len(CLAUDE)
    assert text.count("The model is tried last") == 1
    answer = admin_client.post(_url(both), {"own": "on", "claude": ""}, follow=True)
    assert "These routes now lead to your models: big ." in text_of(answer)
    found = Candidate.objects.filter(route__name="big").order_by("position")
    assert list(found.values_list("model__provider__name", "position")) == [(models[0].provider.name, 0), ("second", 1)]


def test_a_model_named_like_one_of_claudes_names_is_planned_once(admin_client: Client, provider: Provider) -> None:
    named = [Model.objects.create(provider=provider, name=name) for name in CLAUDE]
    planned = admin_client.get(_url(named)).context["planned"]
    # Each name leads to its own model, and then to the one that all of Claude's names lead to.
    assert [(each.name, each.model.name, each.is_new, each.place) for each in planned] == [
        *((name, name, True, "") for name in CLAUDE),
        *((name, CLAUDE[0], False, "last") for name in CLAUDE[1:]),
    ]
    admin_client.post(_url(named), {"own": "on", "claude": str(named[0].pk), "default": "on"})
    assert [_candidates(name) for name in CLAUDE] == [[CLAUDE[0]], *([name, CLAUDE[0]] for name in CLAUDE[1:])]
    for route in Route.objects.all():
        positions = list(route.candidates.values_list("position", flat=True))
        assert len(set(positions)) == len(positions)
    assert Route.objects.get(is_default=True).name == CLAUDE[1]


def test_looking_again_changes_nothing(admin_client: Client, models: list[Model]) -> None:
    page = admin_client.post(_url(models), {"claude": "", "look": "1"})
    assert "Nothing: tick one of the two" in text_of(page)
    assert not Route.objects.exists()
    assert admin_client.get(URL)["Location"] == "/admin/providers/model/"
    assert admin_client.post(_url(models), {"own": "on", "claude": "999999"}).status_code == 200
    assert not Route.objects.exists()


def test_it_takes_every_permission(models: list[Model]) -> None:
    for missing in routes.PERMISSIONS:
        rest = [permission for permission in routes.PERMISSIONS if permission != missing]
        assert staff("access.view_team", *rest).post(_url(models), {"own": "on"}).status_code == 403
    assert not Route.objects.exists()
    assert staff(*routes.PERMISSIONS).get(_url(models)).status_code == 200


def test_the_list_of_models_has_the_action(admin_client: Client, models: list[Model]) -> None:
    ticked = [str(model.pk) for model in models[:2]]
    answer = admin_client.post("/admin/providers/model/", {"action": "make_routes", "_selected_action": ticked})
    assert answer["Location"] == f"{URL}?model={ticked[0]}&model={ticked[1]}"


class _Listing:
    """What the provider answers, and how often it was asked."""

    def __init__(self) -> None:
        self.asked, self.fails = 0, False

    async def __call__(self, provider: ProviderConfig) -> list[ListedModel]:
        self.asked += 1
        if self.fails:
            raise NoModelList("This provider's models cannot be listed.")
        return [ListedModel(LISTED, 1000, 50, capabilities=("tools", "structured_output"))]


@pytest.fixture
def listing(monkeypatch: pytest.MonkeyPatch) -> _Listing:
    found = _Listing()
    monkeypatch.setattr(pages, "model_list", found)
    return found


def test_models_that_are_added_go_on_to_their_routes(
    admin_client: Client, provider: Provider, listing: _Listing
) -> None:
    url = f"/admin/console/providers/{provider.pk}/models/"
    assert "tools, structured output" in text_of(admin_client.get(url))
    assert "Nothing was added: tick models" in text_of(admin_client.post(url, {}))
    answer = admin_client.post(url, {"name": LISTED, "names": "by-hand \n\nby-hand", "routes": "1"})
    rows = list(Model.objects.order_by("pk"))
    assert answer["Location"] == _url(rows)
    assert [row.name for row in rows] == [LISTED, "by-hand"]
    assert rows[0].capabilities == ["tools", "structured_output"]
    # Without the button, or without the permissions, the list of models is next.
    assert admin_client.post(url, {"names": "another"})["Location"].startswith("/admin/providers/model/")


def test_ticked_models_are_kept_where_the_list_cannot_be_fetched_again(
    admin_client: Client, provider: Provider, listing: _Listing
) -> None:
    url = f"/admin/console/providers/{provider.pk}/models/"
    listing.fails = True
    page = admin_client.post(url, {"name": LISTED, "names": "by-hand", "routes": "1"})
    assert not Model.objects.exists()
    text = text_of(page)
    assert "Nothing was added: the list of models could not be fetched again." in text
    assert "This provider's models cannot be listed." in text
    assert re.search(rf'name="name" value="{LISTED}" checked', page.content.decode())
    assert re.search(r"<textarea[^>]*>by-hand</textarea>", page.content.decode())
    listing.fails = False
    admin_client.post(url, {"name": LISTED, "names": "by-hand"})
    assert set(Model.objects.values_list("name", flat=True)) == {LISTED, "by-hand"}


def test_typed_names_alone_need_no_list(admin_client: Client, provider: Provider, listing: _Listing) -> None:
    listing.fails = True
    url = f"/admin/console/providers/{provider.pk}/models/"
    assert "cannot be listed" in text_of(admin_client.get(url))
    asked = listing.asked
    assert admin_client.post(url, {"names": "by-hand"}).status_code == 302
    assert Model.objects.get().name == "by-hand"
    assert listing.asked == asked
