"""Model lists that a job fetches: what is new, what is not listed and what failed, with nothing added."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.urls import reverse

from access.roles.table import Role
from providers.model_list import ListedModel
from providers.models import Model, Provider
from proxysite.state.jobs import fetches
from proxysite.state.models import Job
from routing.models import Candidate, Route
from tests.admin.secrets.carrying import HostileServer
from tests.permissions.people import person, signed_in

LIST, START = reverse("admin:providers_provider_changelist"), reverse("console:job-start", args=["fetch_model_lists"])


@pytest.fixture
def server() -> Iterator[HostileServer]:
    """A provider's server, which lists the model `m`."""
    with HostileServer() as server:
        yield server


def _provider(name: str, base_url: str, *models: str, enabled: bool = True) -> Provider:
    row = Provider.objects.create(
        name=name, dialect="openai_chat", base_url=f"{base_url}/v1", is_local=True, enabled=enabled
    )
    for model in models:
        Model.objects.create(provider=row, name=model)
    return row


def _text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", answer.content.decode()).split())


def _run() -> Job:
    call_command("run_jobs", verbosity=0)
    return Job.objects.latest("pk")


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_all_enabled_providers_are_asked_and_nothing_is_added(
    server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetches, "AT_ONCE", 2)
    one = _provider("one", server.url)
    two = _provider("two", server.url, "m", "retired")
    _provider("three", "http://127.0.0.1:9", "m")
    _provider("off", server.url, enabled=False)
    Candidate.objects.create(route=Route.objects.create(name="fast"), model=Model.objects.get(name="retired"))
    before = sorted(Model.objects.values_list("pk", "name"))
    browser = signed_in(person(Role.ADMINISTRATOR))
    browser.post(START)
    job = _run()
    assert (job.state, job.done, job.total, job.unit) == ("done", 3, 3, "providers"), job.error
    assert job.result == ["3 providers asked: 1 new, 1 not listed, 1 not fetched. Nothing was added."]
    assert len(server.received) == 2
    page = browser.get(reverse("console:job", args=[job.pk]))
    text = _text(page)
    assert "1 listed: 1 new, 0 not in the list." in text
    assert "Configured here and not in its list retired in fast" in text
    assert "The list could not be fetched" in text
    for provider in (one, two):
        assert reverse("console:provider-models", args=[provider.pk]) in page.content.decode()
    assert sorted(Model.objects.values_list("pk", "name")) == before
    # A reader who may add nothing has no link to where models are added; one who sees no providers sees none here.
    auditor = signed_in(person(Role.AUDITOR)).get(reverse("console:job", args=[job.pk]))
    assert "retired" in _text(auditor)
    assert reverse("console:provider-models", args=[one.pk]) not in auditor.content.decode()
    assert "retired" not in _text(signed_in(person(None, "state.view_job")).get(reverse("console:job", args=[job.pk])))


@pytest.mark.django_db(transaction=True)
def test_the_list_of_providers_starts_it_for_those_that_are_ticked(server: HostileServer) -> None:
    _provider("one", server.url)
    ticked = [_provider("two", server.url).pk, _provider("off", server.url, enabled=False).pk]
    browser = signed_in(person(Role.OWNER))
    answer: Any = browser.post(LIST, {"action": "fetch_model_lists", "_selected_action": ticked})
    assert answer.url == reverse("console:job", args=[Job.objects.get().pk])
    job = _run()
    text = _text(browser.get(answer.url))
    assert len(server.received) == 1
    assert "The provider is disabled. Enable it, save it, and try again." in text
    Provider.objects.filter(name="two").delete()
    assert reverse("console:provider-models", args=[ticked[0]]) not in browser.get(answer.url).content.decode()
    assert job.options == {"providers": ticked}
    # Those that are gone are not all that are enabled.
    Provider.objects.filter(pk__in=ticked).delete()
    gone: Any = browser.post(LIST, {"action": "fetch_model_lists", "_selected_action": ticked}, follow=True)
    assert "The providers that you ticked are gone." in _text(gone)
    assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_name_that_is_listed_with_the_tag_latest_is_no_other_model(server: HostileServer) -> None:
    provider = _provider("one", server.url, "m")
    listed = [ListedModel("m:latest"), ListedModel("other:latest")]
    found = fetches._compared(provider, listed)
    assert (found.new, found.unlisted) == (["other:latest"], [])


@pytest.mark.django_db(transaction=True)
def test_it_takes_the_right_to_use_credentials_when_asked_for_and_when_run(server: HostileServer) -> None:
    _provider("one", server.url)
    rights = ["state.view_job", "state.add_job", "providers.view_provider"]
    lacking = signed_in(person(None, *rights))
    assert lacking.post(START).status_code == 403
    assert "Fetch model lists" not in _text(lacking.get(reverse("console:jobs")))
    assert "Rebuild rollups" in _text(lacking.get(reverse("console:jobs")))
    asker = person(None, *rights, fetches.PERMISSION)
    assert signed_in(asker).post(START).status_code == 302
    User.objects.filter(pk=asker.pk).update(is_active=False)
    job = _run()
    assert (job.state, job.error) == ("failed", "Whoever asked for it may not use credentials any more.")
    assert server.received == []
