"""From row to snapshot: which rows are loaded, in which order, and what is noted of the others."""

from __future__ import annotations

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from providers.models import Credential, Model, Provider
from routing.loading import load
from routing.loading.load import load_snapshot
from routing.models import Alias, Candidate, Route, Rule
from tests.routing.loading.test_loaded_fields import EXAMPLES, PLAIN

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_the_default_route_is_the_one_that_says_so() -> None:
    for name in ("first", "second", "third"):
        Route.objects.create(name=name, is_default=name == "second")
    loaded = load_snapshot({})
    assert loaded.default_route is loaded.routes["second"]


def test_a_candidate_that_cannot_be_called_is_kept_with_the_cause() -> None:
    provider = Provider.objects.create(name="p", dialect="openai_chat", base_url="https://example.com/v1")
    route = Route.objects.create(name="r")
    for name in ("on", "off"):
        model = Model.objects.create(provider=provider, name=name, enabled=name == "on")
        Candidate.objects.create(route=route, model=model)
    loaded = load_snapshot({}).routes["r"]
    assert [one.name for one in loaded.candidates] == ["p: on"]
    assert loaded.dropped == (("p: off", "the model is switched off"),)


@EXAMPLES
@given(places=st.lists(st.integers(0, 100), min_size=3, max_size=3, unique=True))
def test_rows_are_loaded_in_their_order(places: list[int]) -> None:
    with transaction.atomic():
        made = sorted(places)
        provider = Provider.objects.create(name="p", dialect="openai_chat", base_url="https://example.com/v1")
        route = Route.objects.create(name="r")
        for place in places:
            model = Model.objects.create(provider=provider, name=str(place))
            Candidate.objects.create(route=route, model=model, position=place)
            Alias.objects.create(pattern=str(place), target="r", position=place)
            Rule.objects.create(name=str(place), route=route, priority=place)
            credential = Credential(provider=provider, name=str(place), position=place)
            credential.set_secret(PLAIN)
            credential.save()
        loaded = load_snapshot({})
        assert [one.model.name for one in loaded.routes["r"].candidates] == list(map(str, made))
        assert [one.name for one in loaded.providers[provider.pk].credentials] == list(map(str, made))
        assert [one.pattern for one in loaded.aliases.aliases] == list(map(str, made))
        in_rank = sorted(loaded.rules.rules, key=lambda rule: rule.rank)
        assert [rule.name for rule in in_rank] == list(map(str, reversed(made)))
        transaction.set_rollback(True)


def test_a_provider_that_appears_between_two_queries_waits_for_the_next_load(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider.objects.create(name="new", dialect="openai_chat", base_url="https://example.com/v1")
    Model.objects.create(provider=provider, name="m")
    with monkeypatch.context() as before:
        before.setattr(load, "_providers", dict)
        assert load_snapshot({}).candidates == {}
    assert set(load_snapshot({}).candidates) == {("new", "m")}
