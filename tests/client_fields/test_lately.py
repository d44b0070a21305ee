"""The names that clients lost: counted in memory, within bounds, and added up in the database by every worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection

from providers import dropped_fields
from providers.client_fields import lately
from providers.models import DroppedField, Provider
from routing.models import Revision
from tests.client_fields.servers import candidate, send


@pytest.fixture(autouse=True)
def _nothing_noted() -> Iterator[None]:
    lately.taken()
    yield
    lately.taken()


def test_what_no_administrator_could_allow_is_not_noted() -> None:
    lately.note(1, ["top_a", "MODEL", "n", "stream_options", "not a name", "<b>", "x" * 65, "ü", "options.num_gpu"])
    lately.note(1, ["top_a"])
    assert lately.taken() == {(1, "top_a"): 2, (1, "options.num_gpu"): 1}
    assert lately.taken() == {}


def test_no_client_makes_the_memory_grow() -> None:
    for number in range(1000):
        lately.note(1, [f"field_{number}_{other}" for other in range(1000)])
    assert len(lately.taken()) == 200
    send(candidate("chat"), {f"field_{number}": 1 for number in range(100_000)})
    assert len(lately.taken()) == 16


@pytest.mark.django_db
@pytest.mark.both_databases
def test_workers_add_up_and_the_oldest_names_go() -> None:
    provider = Provider.objects.create(name="p", dialect="openai_chat", base_url="https://example.com/v1")
    gone = provider.pk + 1
    before = dict(Revision.objects.values_list("scope", "number"))
    for names in (["top_a", "top_b"], ["top_a"]):
        lately.note(provider.pk, names)
        lately.note(gone, names)
        dropped_fields.store()
    assert sorted(DroppedField.objects.values_list("provider", "name", "times")) == [
        (provider.pk, "top_a", 2),
        (provider.pk, "top_b", 1),
    ]
    lately.note(provider.pk, ["top_b"])
    dropped_fields.store()
    for number in range(29):
        lately.note(provider.pk, [f"new_{number}"])
    dropped_fields.store()
    rows = DroppedField.objects.filter(provider=provider)
    assert (rows.count(), rows.filter(name="top_b").exists(), rows.filter(name="top_a").exists()) == (30, True, False)
    # No worker loads its configuration again for this.
    assert dict(Revision.objects.values_list("scope", "number")) == before


@pytest.mark.django_db
def test_the_database_away_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any) -> None:
        raise DatabaseError

    monkeypatch.setattr(dropped_fields, "_store", away)
    monkeypatch.setattr(connection, "close", lambda: None)
    lately.note(1, ["top_a"])
    dropped_fields.store()
    assert lately.taken() == {}
