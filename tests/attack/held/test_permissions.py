"""The admin's pages: each shows itself to whoever has the permission that it names, and to nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.admin import site
from django.db.models import Model

from access.models import Team
from access.roles.table import TEAM_ROLES, Role
from providers.models import Provider
from routing.models import Alias, Concept, Route, Rule, ScenarioRoute
from tests.attack.rig.rig import Rig
from tests.harness.configure import unique

_CONSOLE = {
    "/admin/console/explorer/": {"usage.view_requestlog"},
    "/admin/console/explorer.csv": {"usage.view_requestlog"},
    "/admin/console/health/": {"routing.view_healthstate"},
    "/admin/console/explain/": {"routing.view_route"},
}
_NOBODY = {"those who change something"}


def _models() -> list[type[Model]]:
    return sorted(site._registry, key=lambda model: model._meta.label)


def _pages() -> dict[str, set[str]]:
    """Every page, with the permissions of which one shows it."""
    pages = dict(_CONSOLE)
    provider = Provider.objects.earliest("pk")
    pages[f"/admin/console/providers/{provider.pk}/test/"] = _NOBODY
    pages[f"/admin/console/providers/{provider.pk}/models/"] = _NOBODY
    for model in _models():
        meta = model._meta
        folder, view = f"/admin/{meta.app_label}/{meta.model_name}/", f"{meta.app_label}.view_{meta.model_name}"
        pages[folder] = {view}
        pages[f"{folder}add/"] = _NOBODY
        row = model._default_manager.first()
        if row is not None:
            pages[f"{folder}{row.pk}/change/"] = {view}
            pages[f"{folder}{row.pk}/history/"] = {view}
            pages[f"{folder}{row.pk}/delete/"] = _NOBODY
    return pages


@pytest.fixture
def _rows(rig: Rig) -> Iterator[None]:
    """One row at least of everything that is configured."""
    answer = rig.client().post(rig.body(rig.script()))
    rig.rows.request(answer.request_id)
    route = Route.objects.earliest("pk")
    with rig.configure():
        made = [
            Alias.objects.create(pattern=unique("nowhere"), target=route.name),
            Rule.objects.create(name=unique("rule"), route=route, enabled=False),
            ScenarioRoute.objects.create(scenario="background", team=Team.objects.earliest("pk"), route=route),
            Concept.objects.create(name=unique("concept"), route=route, enabled=False),
        ]
    yield
    with rig.configure():
        for row in made:
            row.delete()


@pytest.mark.usefixtures("_rows")
def test_nobody_sees_a_page_without_signing_in_and_staff_without_permissions_only_the_home(rig: Rig) -> None:
    pages = _pages()
    assert len(pages) > 50
    with rig.anonymous() as browser:
        for page in pages:
            answer = browser.get(page)
            assert (answer.status_code, answer.headers.get("location", "")[:13]) == (302, "/admin/login/"), page
            assert browser.submit(page, _save="Save").status_code == 302, page
    with rig.signed_in() as browser:
        assert {page: browser.get(page).status_code for page in pages} == dict.fromkeys(pages, 403)
        posted = {page: browser.submit(page, post="yes", _save="Save").status_code for page in pages}
        assert {page: status for page, status in posted.items() if status not in (403, 405)} == {}
        home = browser.get("/admin/")
        assert home.status_code == 200
        assert rig.marks.found_in(home.content) == []


@pytest.mark.usefixtures("_rows")
def test_the_auditor_sees_every_page_and_changes_nothing_and_teams_see_none(rig: Rig) -> None:
    pages = _pages()
    with rig.with_role(Role.AUDITOR) as browser:
        answers = {page: browser.get(page) for page in pages}
        assert {page for page, answer in answers.items() if answer.status_code == 200} == {
            page for page, names in pages.items() if names is not _NOBODY
        }
        assert {page for page, answer in answers.items() if rig.marks.found_in(answer.content)} == set()
        for page in (page for page in pages if page.endswith(("/add/", "/change/", "/delete/", "/test/", "/models/"))):
            assert browser.submit(page, _save="Save", post="yes").status_code in (403, 405), page
        assert browser.submit("/admin/console/health/reset/").status_code == 403
    for role in TEAM_ROLES:
        with rig.with_role(role) as browser:
            for page in (*pages, "/admin/"):
                assert browser.get(page).headers.get("location", "")[:13] == "/admin/login/", page


@pytest.mark.slow
@pytest.mark.usefixtures("_rows")
def test_each_view_permission_shows_its_own_pages(rig: Rig) -> None:
    pages = _pages()
    permissions = {f"{model._meta.app_label}.view_{model._meta.model_name}" for model in _models()}
    for permission in sorted(permissions | {"routing.view_healthstate"}):
        with rig.signed_in(permission) as browser:
            seen = {page for page in pages if browser.get(page).status_code == 200}
            assert seen == {page for page, names in pages.items() if permission in names}, permission
            for page in seen:
                assert rig.marks.found_in(browser.get(page).content) == [], (permission, page)


@pytest.mark.slow
@pytest.mark.usefixtures("_rows")
def test_who_may_look_may_change_nothing(rig: Rig) -> None:
    pages = [page for page, names in _pages().items() if names is not _NOBODY and page.endswith("/change/")]
    names = {name for page in pages for name in _pages()[page]}
    with rig.signed_in(*sorted(names)) as browser:
        for page in pages:
            assert browser.submit(page, _save="Save").status_code == 403, page
            assert browser.submit(page.replace("change", "delete"), post="yes").status_code == 403, page
        for app, model in ((page.split("/")[2:4]) for page in pages):
            assert browser.get(f"/admin/{app}/{model}/add/").status_code == 403
