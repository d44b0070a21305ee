"""GET /v1/me: what a caller may know of its own key, and nothing of anybody else's."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from tests.admin.history import request_row
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import make_key, make_model, make_provider, make_route, unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.script import Reply
from tests.harness.upstream import Upstream
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
    assert me["team"] == {"name": key.row.team.name}
    assert me["routes"] == [mine.name]
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
