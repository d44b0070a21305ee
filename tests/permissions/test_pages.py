"""The matrix of permissions: everybody at every page of the site, at every action of a list, with objects of others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import transaction
from django.template.response import SimpleTemplateResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from tests.permissions import expected, expected_actions, expected_my
from tests.permissions.people import person, signed_in
from tests.permissions.site import PEOPLE, Page, everybody, is_in, make_rows, pages

pytestmark = pytest.mark.django_db

_UNDECIDED = ("login", "logout")
"""Pages for everybody, which end or begin a session."""
_TOUCHED = {"sessions.Session", "access.SignInLimit", "access.AuditEntry", "access.AuditHead", "admin.LogEntry"}
"""Tables that a refused request may write to."""


def _expected() -> dict[str, tuple[str, str, str]]:
    """Page -> who sees it, who sends its form, and the permission that is enough."""
    found = {}
    for line in (line for table in (expected, expected_my) for line in table.PAGES.strip().splitlines()[1:]):
        *name, sees, sends, permission = line.split()
        found[" ".join(name)] = (sees, sees if sends == "=" else sends, permission)
    return found


@pytest.fixture(autouse=True)
def _not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may see a page is decided before it is drawn."""
    monkeypatch.setattr(SimpleTemplateResponse, "rendered_content", "")


@pytest.fixture
def people() -> dict[str, User | None]:
    """Everybody, on a site with a row of everything."""
    make_rows()
    return everybody()


def _asked(reader: User | None) -> Iterator[Page]:
    return (page for page in pages(reader) if not page.name.endswith(_UNDECIDED))


def _everything() -> dict[str, Any]:
    return {
        model._meta.label: sorted(map(str, model._default_manager.values_list()))
        for model in apps.get_models()
        if model._meta.label not in _TOUCHED
    }


def test_every_page_stands_in_the_table(people: dict[str, User | None]) -> None:
    assert {str(page) for page in _asked(people["m"])} == set(_expected())


@pytest.mark.parametrize("letter", PEOPLE)
def test_everybody_gets_in_where_the_table_says_and_changes_nothing_elsewhere(
    letter: str, people: dict[str, User | None]
) -> None:
    browser, table = signed_in(people[letter]), _expected()
    before = _everything()
    seen: dict[str, tuple[bool, bool]] = {}
    for page in _asked(people[letter]):
        sees = is_in(browser.get(page.url))
        with transaction.atomic():
            sends = is_in(browser.post(page.url))
            transaction.set_rollback(sends and letter != "r")
        seen[str(page)] = (sees, sends)
    wanted = {name: (letter in sees, letter in sends) for name, (sees, sends, _) in table.items()}
    assert {name: got for name, got in seen.items() if got != wanted[name]} == {}
    assert {label for label, rows in _everything().items() if rows != before[label]} == set()


def test_a_permission_given_by_itself_opens_its_pages_and_no_other_does() -> None:
    make_rows()
    one, all_but_one = person(None, "usage.view_requestlog"), person(None, "usage.view_requestlog")
    everything = {f"{one.content_type.app_label}.{one.codename}": one for one in Permission.objects.all()}
    wrong = {}
    browser, other = signed_in(one), signed_in(all_but_one)
    for page in _asked(None):
        names = _expected()[str(page)][2]
        if names == "-":
            continue
        app = names.partition(".")[0]
        given = [everything[f"{app}.{name}"] for name in names.removeprefix(f"{app}.").split("+")]
        one.user_permissions.set(given)
        let_in = is_in(browser.get(page.url))
        shut_out = []
        for permission in given:
            lacking = {permission.codename, permission.codename.replace("view_", "change_")}
            all_but_one.user_permissions.set([p for p in everything.values() if p.codename not in lacking])
            shut_out.append(not is_in(other.get(page.url)))
        if not let_in or not all(shut_out):
            wrong[str(page)] = (let_in, shut_out)
    assert wrong == {}


def test_the_actions_of_each_list_are_offered_to_whom_the_table_says(people: dict[str, User | None]) -> None:
    wanted = {tuple(line.split()[:2]): line.split()[2] for line in expected_actions.ACTIONS.strip().splitlines()[1:]}
    found: dict[tuple[str, ...], str] = {}
    for model, page in admin.site._registry.items():
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        for letter in "oars":
            request = RequestFactory().get("/")
            request.user = people[letter]  # type: ignore[assignment]
            for action in page.get_actions(request):
                found[label, action] = found.get((label, action), "") + letter
    assert found == wanted


def test_an_action_that_is_not_offered_does_nothing(people: dict[str, User | None]) -> None:
    reader = signed_in(people["r"])
    before = _everything()
    for model in admin.site._registry:
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        rows = [str(row.pk) for row in model._default_manager.all()]
        for line in expected_actions.ACTIONS.strip().splitlines()[1:]:
            if line.split()[0] == label:
                sent = {"action": line.split()[1], "_selected_action": rows, "post": "yes"}
                assert reader.post(reverse(f"admin:{label}_changelist"), sent).status_code in (200, 302, 403)
    assert _everything() == before


def test_a_client_key_opens_no_page(people: dict[str, User | None]) -> None:
    for key in ("sk-px-abcd", "Bearer sk-px-abcd"):
        browser = Client(headers={"x-api-key": key, "authorization": key})
        for page in ("/admin/", "/my/", "/admin/console/explorer.csv"):
            assert not is_in(browser.get(page))
