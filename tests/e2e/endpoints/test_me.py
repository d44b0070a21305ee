"""GET /v1/me: what a caller may know of its own key, and nothing of anybody else's."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from access.key_records import load_keys
from access.models import Budget
from tests.admin.history import request_row
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import make_key, make_model, make_provider, make_route, unique
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.script import Reply
from tests.harness.upstream import Upstream
from usage.budgets import windows
from usage.budgets.models import BudgetWindow
from usage.reports.query import this_month

USED = {"input_tokens": 20, "cache_read_tokens": 10, "cache_write_tokens": 5, "output_tokens": 7}


def _me(gateway: Gateway, secret: str) -> Any:
    answer = Client(gateway.base_url, secret).get("/v1/me")
    assert answer.status == 200, answer.raw
    assert answer.headers["content-type"] == "application/json"
    return answer.json


@pytest.mark.both_databases
def test_a_key_learns_who_it_is_and_what_it_may_use(orm: Rows, gateway: Gateway, upstream: Upstream) -> None:
    model = make_model(make_provider("anthropic", f"{upstream.base_url}/me"))
    mine, others = (make_route([model], name=unique(word)) for word in ("mine", "others"))
    expires = datetime(2099, 1, 2, 3, 4, 5, tzinfo=UTC)
    key = make_key(allowed_routes=f"{mine.name}\nno-such-route", expires_at=expires)
    gateway.wait_snapshot()
    me = _me(gateway, key.secret)
    assert me["key"] == {"name": key.row.name, "prefix": key.row.prefix, "expires_at": "2099-01-02T03:04:05Z"}
    assert me["owner"] is None
    assert me["team"] == {"name": key.row.team.name}
    assert me["routes"] == [mine.name]
    assert me["requests_per_worker"] == 1000
    assert others.name not in str(me)
    assert key.row.hash not in str(me)
    fresh = me["usage"]["today"]
    assert (fresh["requests"], fresh["input_tokens"], fresh["cost_usd"], me["errors"]) == (0, None, None, [])


@pytest.mark.both_databases
def test_usage_is_the_keys_own_of_today_and_this_month(orm: Rows, gateway: Gateway, upstream: Upstream) -> None:
    prices = {"input": Decimal("0.123457"), "output": Decimal("75.000001"), "cache_read": Decimal("0.000001")}
    route = make_route([make_model(make_provider("openai_chat", f"{upstream.base_url}/me/v1"), prices)])
    key, neighbour = make_key(), make_key()
    gateway.wait_snapshot()
    script = upstream.script(Reply([speak.chat_text("x"), speak.chat_end(prompt=1_234_567, cached=3, output=98_765)]))
    for caller in (key, neighbour):
        client = Client(gateway.base_url, caller.secret)
        orm.request(client.post(message(route.name, script.prompt)).request_id)
    month = this_month().start
    before = {"key_id": key.row.pk, "key_name": key.row.name, "cost": 10**12, **USED}
    request_row(started_at=month - timedelta(seconds=1), **before)
    request_row(started_at=month, **before)
    me = _me(gateway, key.secret)
    answered = 1_234_564 * Decimal("0.123457") + 3 * Decimal("0.000001") + 98_765 * Decimal("75.000001")
    cost = answered / 1_000_000
    first_is_today = timezone.localdate() == timezone.localtime(month).date()
    today, this = me["usage"]["today"], me["usage"]["month"]
    assert (today["requests"], this["requests"]) == (2 if first_is_today else 1, 2)
    assert Decimal(this["cost_usd"]) == cost + 1
    assert Decimal(today["cost_usd"]) == cost + (1 if first_is_today else 0)
    assert (this["input_tokens"], this["output_tokens"]) == (1_234_564 + 20, 98_765 + 7)
    assert (this["cache_read_input_tokens"], this["cache_creation_input_tokens"]) == (13, 5)
    assert datetime.fromisoformat(this["since"]) == month


@pytest.mark.both_databases
def test_every_budget_that_binds_says_what_is_left_and_when_it_resets(
    orm: Rows, gateway: Gateway, upstream: Upstream
) -> None:
    prices = {"input": Decimal(2), "output": Decimal(4)}
    route = make_route([make_model(make_provider("openai_chat", f"{upstream.base_url}/me/v1"), prices)])
    key, neighbour = make_key(), make_key()
    Budget.objects.create(team=key.row.team, amount=50, period="day", hard=False)
    Budget.objects.create(key=key.row, amount=Decimal("0.5"), period="total", model_names="*")
    Budget.objects.create(key=neighbour.row, amount=1)
    gateway.wait_snapshot()
    before = _me(gateway, key.secret)["budgets"]
    assert [one["spent_usd"] for one in before] == ["0.000000000000"] * 2
    assert [one["left_usd"] for one in before] == ["0.500000000000", "50.000000000000"]
    # As the first request under a budget does.
    windows.ensure(load_keys()[key.row.hash].budgets, time.time())
    script = upstream.script(Reply([speak.chat_text("x"), speak.chat_end(prompt=100_000, cached=0, output=10_000)]))
    orm.request(Client(gateway.base_url, key.secret).post(message(route.name, script.prompt)).request_id)
    # What the worker had drawn and the request did not need.
    until(lambda: not BudgetWindow.objects.filter(key_id=key.row.pk, drawn__gt=0).exists())
    own, pool = _me(gateway, key.secret)["budgets"]
    assert own == {
        "of": "key", "for": f"of the key {key.row.name!r}", "period": "total", "hard": True, "models": ["*"],
        "limit_usd": "0.500000000000", "spent_usd": "0.240000000000", "left_usd": "0.260000000000", "resets_at": None,
    }  # fmt: skip
    assert (pool["of"], pool["for"], pool["hard"], pool["models"]) == ("team", f"of team {key.row.team}", False, [])
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    assert datetime.fromisoformat(pool["resets_at"]) == midnight
    BudgetWindow.objects.filter(budget_id=Budget.objects.get(key=key.row).pk).update(
        raised=Decimal(1), drawn=Decimal("0.25"), spent=Decimal("0.5")
    )
    (own, _) = _me(gateway, key.secret)["budgets"]
    assert (own["limit_usd"], own["left_usd"]) == ("1.500000000000", "0.750000000000")


def test_the_last_ten_errors_are_listed_newest_first(orm: Rows, gateway: Gateway) -> None:
    key = make_key()
    gateway.wait_snapshot()
    client = Client(gateway.base_url, key.secret)
    refused = [client.post(message(unique("no-such-model"))).request_id for _ in range(11)]
    orm.of_key(key, len(refused))
    request_row(key_id=key.row.pk)
    errors = _me(gateway, key.secret)["errors"]
    assert [error["request_id"] for error in errors] == refused[:0:-1]
    row = orm.request(refused[-1])
    newest = errors[0]
    assert (newest["type"], newest["status"], newest["outcome"]) == ("not_found_error", 404, "refused")
    assert newest["model"] == row.request_model
    assert abs(datetime.fromisoformat(newest["created_at"]) - row.started_at) < timedelta(seconds=1)


def test_it_is_asked_with_get_and_a_key_and_leaves_no_row(orm: Rows, gateway: Gateway) -> None:
    key = make_key()
    gateway.wait_snapshot()
    client = Client(gateway.base_url, key.secret)
    Client(gateway.base_url, "sk-px-wrong").get("/v1/me").error(401, "authentication_error")
    client.post({}, path="/v1/me").error(405, "invalid_request_error")
    me = _me(gateway, key.secret)
    time.sleep(0.3)
    assert _me(gateway, key.secret)["usage"] == me["usage"]
    assert me["usage"]["today"]["requests"] == 0
