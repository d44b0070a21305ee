"""Loading while configuration is being written: what one query sees and the one before did not."""

from __future__ import annotations

import pytest

from providers.models import Model, Provider
from routing.loading import load

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_a_provider_that_appears_between_two_queries_waits_for_the_next_load(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider.objects.create(name="new", dialect="openai_chat", base_url="https://example.com/v1")
    Model.objects.create(provider=provider, name="m")
    with monkeypatch.context() as before:
        before.setattr(load, "_providers", dict)
        assert load.load_snapshot({}).candidates == {}
    assert set(load.load_snapshot({}).candidates) == {("new", "m")}
