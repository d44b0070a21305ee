"""Pages that only a POST makes: confirmations, the page between an action and what it does, forms with errors, and the
differences of a file. They have no address of their own, so that the URLconf does not list them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from django.db.models import Model as Row
from django.urls import reverse
from playwright.sync_api import Page

from access.models import Budget, ClientKey, Team
from providers.models import Model, Provider
from routing.models import Route
from tests.browser.layout import settle
from tests.browser.sweep.look import look
from tests.browser.visits import Visits
from tests.harness.gateway import Gateway

_SEND = """
([fields, button]) => {
  const forms = [...document.querySelectorAll("main form")];
  const form = forms.find((one) => one.method === "post" && (!button || one.querySelector(button)));
  for (const [name, values] of Object.entries(fields)) {
    for (const field of [...form.elements].filter((one) => one.name === name)) field.disabled = true;
    for (const value of values) {
      form.append(Object.assign(document.createElement("input"), {type: "hidden", name, value}));
    }
  }
  HTMLFormElement.prototype.submit.call(form);
}
"""
"""Sends a form past the browser's own checks, with these values in place of those that it has."""
_FILE = b"version: 1\nroutes: [{name: r, display_name: Another}, {name: beside, candidates: [{model: 'mine:m'}]}]\n"
_NOT_AN_ADDRESS = "nobody at example"


class Posted(msgspec.Struct, frozen=True):
    """A page behind the form at a path: the fields that are sent, and words that only that page has. `button` is what
    the form has, where the page has several forms."""

    path: str
    words: str
    fields: dict[str, Sequence[object]] = {}
    button: str = ""

    @property
    def name(self) -> str:
        """What the page is called in a report."""
        return f"{self.path} sent: {self.words}"

    def open(self, page: Page, gateway: Gateway) -> None:
        """Opens the form and sends it. Fails if another page comes."""
        page.goto(gateway.base_url + self.path)
        settle(page)
        fields = {name: [str(value) for value in values] for name, values in self.fields.items()}
        with page.expect_navigation():
            page.evaluate(_SEND, [fields, self.button])
        settle(page)
        assert self.words in page.locator("body").inner_text(), (self.path, page.locator("main").inner_text())


def of_site() -> list[Posted]:
    """Returns those of the admin and the console, as an owner makes them."""
    model = Model.objects.earliest("pk").pk
    return [
        _action(Provider, "delete_selected", "Are you sure"),
        _action(ClientKey, "delete_selected", "Disable or revoke"),
        _action(Model, "set_price", "price"),
        _action(Route, "delete_selected", "Are you sure"),
        Posted("/admin/access/team/add/", "This field is required"),
        Posted("/admin/access/invitation/add/", "valid email", {"email": [_NOT_AN_ADDRESS]}),
        Posted("/admin/access/budget/add/", "required"),
        Posted("/admin/auth/user/add/", "required"),
        Posted(f"/admin/providers/model/{model}/change/", "required", {"name": [""]}),
        Posted("/admin/routing/rule/add/", "required"),
        Posted("/admin/password_change/", "required"),
    ]


def of_lead() -> list[Posted]:
    """Returns those of /my/, as the lead of the team Search makes them."""
    team = Team.objects.get(name="Search").pk
    budget = Budget.objects.filter(members_of=team)[0].pk
    return [
        Posted("/my/keys/add/", "This field is required", {"name": [""]}),
        Posted(f"/my/teams/{team}/invite/", "valid email", {"email": [_NOT_AN_ADDRESS]}),
        Posted(f"/my/teams/{team}/invite/", "Pass the link on"),
        Posted(f"/my/teams/{team}/budgets/add/", "This field is required"),
        Posted(reverse("my:team-budget-change", args=[team, budget]), "required", {"amount": [""]}),
        Posted("/my/keys/add/", "Copy the key now", {"name": ["One more"]}),
        Posted("/my/password_change/", "required"),
    ]


def faults(visits: Visits, page: Page, gateway: Gateway, chosen: Iterable[Posted]) -> dict[str, list[str]]:
    """Returns what is wrong with each page, as `look` has it."""
    found: dict[str, list[str]] = {}
    for one in chosen:
        one.open(page, gateway)
        found |= look(visits, page, one.name)
    return found


def differences(visits: Visits, page: Page, gateway: Gateway) -> dict[str, list[str]]:
    """Returns what is wrong with the differences of a configuration file."""
    page.goto(f"{gateway.base_url}/admin/console/configuration/")
    settle(page)
    page.locator("input[type=file]").set_input_files({"name": "c.yaml", "mimeType": "text/yaml", "buffer": _FILE})
    page.get_by_role("button", name="Show what it changes").click()
    page.get_by_role("button", name="Apply these changes").wait_for()
    return look(visits, page, "differences of a configuration file")


def _action(model: type[Row], action: str, words: str) -> Posted:
    """The page that an action of a list shows before it does anything, for all rows of the list."""
    meta = model._meta
    ids: list[object] = [row.pk for row in model._default_manager.all()[:20]]
    path = f"/admin/{meta.app_label}/{meta.model_name}/"
    return Posted(path, words, {"action": [action], "_selected_action": ids}, "[name=_selected_action]")
