"""update_prices: a diff against the list of public prices; only --apply writes, and what was in force stays."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from genai_prices.data_snapshot import get_snapshot, set_custom_snapshot

from access.audit.models import AuditHead
from providers.models import Model, Provider
from providers.pricing.price_list import listed_price
from providers.pricing.prices import Price
from proxysite.quickstart.presets import PRESETS

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.usefixtures("library")]

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.fixture
def provider() -> Provider:
    return Provider.objects.create(name="ours", dialect="openai_chat", base_url="https://api.maker.example/v1")


def _run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("update_prices", *arguments, stdout=out)
    return out.getvalue()


def _rows() -> list[dict[str, Any]]:
    return [dict(row) for row in Price.objects.order_by("id").values()]


def test_the_list_is_read_in_our_words() -> None:
    found = listed_price("ours", "https://api.maker.example/v1", "plain", NOW)
    assert found is not None
    assert found.amounts == {
        "input": Decimal(3),
        "output": Decimal(15),
        "cache_read": Decimal("0.3"),
        "cache_write_5m": Decimal("0.041667"),
        "cache_write_1h": Decimal(6),
        "per_request": Decimal("0.005"),
        "per_web_search": Decimal("0.01"),
    }


@pytest.mark.parametrize(
    ("moment", "amount"), [(NOW - timedelta(hours=12, microseconds=1), 1), (NOW - timedelta(hours=12), 2)]
)
def test_a_dated_price_is_the_one_of_the_moment(moment: datetime, amount: int) -> None:
    found = listed_price("ours", "https://api.maker.example/v1", "dated", moment)
    assert found is not None
    assert found.amounts == {"input": Decimal(amount), "output": Decimal(amount)}


@pytest.mark.parametrize(("name", "why"), [("tiered", "length"), ("nightly", "time of day"), ("images", "tokens")])
def test_what_is_not_one_figure_is_not_taken(name: str, why: str, provider: Provider) -> None:
    model = Model.objects.create(provider=provider, name=name)
    text = _run("--apply")
    assert f"{model}\n  not applied: " in text
    assert why in text
    assert not Price.objects.exists()


@pytest.mark.parametrize(
    ("name", "base_url", "known"),
    [
        ("ours", "https://api.maker.example/v1", True),
        ("maker", "http://127.0.0.1:9/proxy", True),
        ("makers", "http://127.0.0.1:9/proxy", False),
        ("ours", "https://other.example/?https://api.maker.example", False),
    ],
)
def test_a_provider_is_known_by_its_address_or_its_exact_name(name: str, base_url: str, known: bool) -> None:
    assert (listed_price(name, base_url, "plain", NOW) is not None) is known


def test_without_apply_it_only_tells(provider: Provider) -> None:
    model = Model.objects.create(provider=provider, name="plain")
    Price.objects.create(model=model, input=Decimal(3), output=Decimal(12), cache_read=Decimal("0.3"))
    Model.objects.create(provider=provider, name="nobody-lists-me")
    demo = Provider.objects.create(name="demo", dialect="openai_chat", base_url=provider.base_url, is_demo=True)
    Model.objects.create(provider=demo, name="plain")
    rows = _rows()
    text = _run()
    lines = [line.split() for line in text.splitlines()]
    assert ["output", "12", "->", "15"] in lines
    assert ["cache_write_1h", "none", "->", "6"] in lines
    assert not any(line[:1] == ["input"] for line in lines)
    assert "1 to update, 0 as listed, 0 not applied, 1 not in the list." in text
    assert "--apply" in text
    assert _rows() == rows


def test_apply_ends_the_old_prices_and_begins_new_ones_at_one_moment(provider: Provider) -> None:
    model = Model.objects.create(provider=provider, name="dated")
    old = Price.objects.create(model=model, input=Decimal(9), output=Decimal(2), per_web_search=Decimal("0.5"))
    later = timezone.now() + timedelta(days=30)
    scheduled = Price.objects.create(model=model, valid_from=later, input=Decimal(7))
    Price.objects.filter(pk=old.pk).update(valid_until=later - timedelta(days=1))
    before = timezone.now()
    assert "1 updated" in _run("--apply")
    ended = Price.objects.get(pk=old.pk)
    (new,) = Price.objects.exclude(pk__in=[old.pk, scheduled.pk])
    assert (ended.input, ended.output, ended.per_web_search) == (Decimal(9), Decimal(2), Decimal("0.5"))
    assert ended.valid_until is not None
    assert before <= ended.valid_until <= timezone.now()
    assert (new.valid_from, new.valid_until) == (ended.valid_until, later - timedelta(days=1))
    assert (new.input, new.output, new.per_web_search) == (Decimal(2), Decimal(2), Decimal("0.5"))
    for price in Price.objects.all():
        price.full_clean()
    rows = _rows()
    assert "0 updated, 1 as listed" in _run("--apply")
    assert _rows() == rows


def test_prices_are_compared_under_the_lock_that_every_write_takes(provider: Provider) -> None:
    Model.objects.create(provider=provider, name="plain")
    with CaptureQueriesContext(connection) as queries:
        _run("--apply")
    tables = [AuditHead._meta.db_table, Price._meta.db_table]
    first = [next(at for at, query in enumerate(queries) if table in query["sql"]) for table in tables]
    assert first == sorted(first)


class _Depths(io.StringIO):
    """An output that notes how many transactions are open at each write."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[int] = set()

    def write(self, text: str) -> int:
        self.seen.add(len(connection.savepoint_ids))
        return super().write(text)


def test_a_reader_of_the_differences_holds_up_nobody(provider: Provider) -> None:
    Model.objects.create(provider=provider, name="plain")
    depth = len(connection.savepoint_ids)
    for arguments, opens in (([], False), (["--apply"], True)):
        out = _Depths()
        with CaptureQueriesContext(connection) as queries:
            call_command("update_prices", *arguments, stdout=out)
        assert "cache_write_1h" in out.getvalue()
        assert out.seen == {depth}, arguments
        assert any(query["sql"].startswith("SAVEPOINT") for query in queries) is opens


def test_first_prices_hold_since_ever_and_after_a_gap_from_now(provider: Provider) -> None:
    fresh, gap = (Model.objects.create(provider=provider, name=name) for name in ("plain", "dated"))
    Price.objects.create(model=gap, valid_until=NOW - timedelta(days=200), input=Decimal(1))
    later = timezone.now() + timedelta(days=3)
    Price.objects.create(model=gap, valid_from=later, input=Decimal(5))
    _run("--apply", "--model", "dated")
    assert not fresh.prices.exists()
    _run("--apply", "--provider", "ours")
    first = fresh.prices.get()
    assert (first.valid_from, first.valid_until, first.per_request) == (None, None, Decimal("0.005"))
    now = gap.prices.in_force(timezone.now()).get()
    assert now.valid_from is not None
    assert (now.valid_until, now.input) == (later, Decimal(2))


def test_the_list_as_it_ships_knows_the_models_that_quickstart_makes() -> None:
    set_custom_snapshot(None)
    assert len(get_snapshot().providers) > 10
    found = {
        (preset.name, model.name): listed_price(preset.name, preset.base_url, model.name, timezone.now())
        for preset in PRESETS
        for model in preset.models
    }
    own = {(preset.name, model.name) for preset in PRESETS for model in preset.models if model.prices}
    # One that the list has learnt by now needs no price of ours.
    assert {name for name, known in found.items() if known is None} == own
    opus = found["anthropic", "claude-opus-5-5"]
    assert opus is not None
    assert {
        "input",
        "output",
        "cache_read",
        "cache_write_5m",
        "cache_write_1h",
        "per_web_search",
    } <= opus.amounts.keys()
