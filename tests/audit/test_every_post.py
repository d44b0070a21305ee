"""Every button and form beside the admin's own leaves an entry. Pages come from the URLconf: one that takes a POST and
stands in no table here fails the test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from access.audit import chain
from access.models import AuditEntry
from providers.model_list import ListedModel
from proxysite.console.providers import pages as providers
from tests.audit.forms import READS, WRITES, Sent
from tests.permissions import site
from tests.permissions.people import signed_in

pytestmark = pytest.mark.django_db
_LABELS = "|".join(f"{one._meta.app_label}_{one._meta.model_name}" for one in admin.site._registry)
_OF_ROWS = re.compile(f"admin:({_LABELS})_(add|change|delete|history|changelist)")
"""The admin's own pages, which are in test_every_write."""


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch, settings: Any) -> dict[str, User | None]:
    """Everybody, on a site with a row of everything, mail, and a provider that lists a model."""
    settings.EMAIL_URL, settings.DEFAULT_FROM_EMAIL = "smtp://127.0.0.1", "gateway@example.com"
    settings.PUBLIC_URL = "https://gateway.example.com"

    async def listed(provider: Any) -> list[ListedModel]:
        return [ListedModel(name="listed")]

    monkeypatch.setattr(providers, "model_list", listed)
    monkeypatch.setattr(providers, "_configuration", lambda provider: provider)
    site.make_rows()
    return site.everybody()


def _posted(browser: Client, person: User | None) -> Iterator[tuple[site.Page, int]]:
    """What each page of the site answers to an empty form."""
    for page in site.pages(person):
        if not _OF_ROWS.fullmatch(page.name) and not page.name.endswith(("login", "logout")):
            with transaction.atomic():
                yield page, browser.post(page.url).status_code
                transaction.set_rollback(page.name not in READS)


def _everything() -> dict[str, Any]:
    touched = {"sessions.Session", "access.AuditEntry", "access.AuditHead"}
    return {
        model._meta.label: sorted(map(str, model._default_manager.values_list()))
        for model in apps.get_models()
        if model._meta.label not in touched
    }


def test_every_page_that_takes_a_form_stands_in_a_table(people: dict[str, User | None]) -> None:
    browsers = {letter: signed_in(people[letter]) for letter in "ol"}
    before = _everything()
    answers = [answer for letter, browser in browsers.items() for answer in _posted(browser, people[letter])]
    refuse = {page.name for page, status in answers if status == 405}
    tried = {page.name for page, _ in answers}
    written = {sent.page.split()[0] for sent in WRITES if not sent.page.endswith(("login", "logout"))}
    assert tried - refuse == READS | written
    assert not READS & written
    assert _everything() == before


@pytest.mark.parametrize("sent", WRITES, ids=lambda sent: f"{sent.page} by {sent.by}")
def test_every_form_leaves_its_entries(sent: Sent, people: dict[str, User | None]) -> None:
    person = people[sent.by]
    browser = signed_in(person)
    sent.before(browser, person)
    (url,) = (page.url for page in site.pages(person) if str(page) == sent.page)
    form = sent.form(person) if callable(sent.form) else sent.form
    since = AuditEntry.objects.count()
    answer = browser.post(url, {"_form_submitted": "on", **form})
    assert answer.status_code in {200, 302}, answer
    found = list(AuditEntry.objects.filter(number__gt=since))
    assert {f"{entry.action} {entry.object_type}".strip() for entry in found} == sent.entries
    assert all(entry.origin.startswith("page ") for entry in found)
    if person is not None:
        assert {entry.person_id for entry in found} == {person.pk}
    assert list(chain.faults()) == []
