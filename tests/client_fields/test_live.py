"""Over HTTP: what a client adds changes neither who is asked nor what the row says, and what is dropped is shown."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from providers.models import DroppedField
from tests.client_fields.test_table import FIELDS
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, make_key, make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.speakers import SPEAKERS
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.both_databases

FIDELITY = "x-gateway-fidelity"


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_no_field_makes_a_request_that_costs_nothing(
    stream: bool, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    """Against a server that leaves usage out where it is not asked for, as OpenAI does."""
    script = upstream.script(speak.chat_answer())
    asked = message(standing.routes["openai_chat"].name, script.prompt, stream=stream)
    answer = client.post({**asked, "stream_options": {"include_usage": False}})
    assert answer.status == 200
    assert script.seen[0].body["stream_options"] == {"include_usage": True}
    row = orm.request(answer.request_id)
    assert (row.input_tokens, row.cache_read_tokens, row.output_tokens, row.estimated) == (20, 10, 7, False)
    assert row.cost == Decimal("0.000168")  # 20 at 3, 10 at 0.3, 7 at 15 dollars a million
    assert row.fidelity == ["client_field_dropped"]
    assert answer.headers[FIDELITY] == "client_field_dropped"


@pytest.mark.parametrize("dialect", SPEAKERS)
def test_what_is_asked_upstream_is_what_the_row_says(
    dialect: str, client: Client, gateway: Gateway, upstream: Upstream, orm: Rows
) -> None:
    """Forty and more fields of all vendors in one request: one model, its limit, its price."""
    provider = make_provider(dialect, f"{upstream.base_url}/everything{SPEAKERS[dialect].prefix}")
    model = make_model(provider, {"input": Decimal(1), "output": Decimal(2)}, max_output=50)
    route = make_route([model])
    gateway.wait_snapshot()
    script = upstream.script(speak.answer(dialect))
    answer = client.post({**message(route.name, script.prompt), **{name: value for name, value, _ in FIELDS}})
    assert answer.status == 200
    (seen,) = script.seen
    row = orm.request(answer.request_id)
    names = {name.casefold() for name in seen.body}
    assert (model.name in seen.path, seen.body.get("model", model.name)) == ("model" not in names, row.model_name)
    assert row.model_name == model.name
    assert not {"models", "provider", "n", "previous_response_id"} & names
    assert '"dear"' not in seen.raw.decode()
    assert "99999" not in seen.raw.decode()
    fresh, cached, output = speak.counts(dialect)
    assert (row.input_tokens, row.cache_read_tokens or 0, row.output_tokens) == (fresh, cached or 0, output)
    prompt = fresh + (cached or 0) + (row.cache_write_tokens or 0)
    assert row.cost == Decimal(prompt + 2 * output) / 1_000_000
    assert "client_field_dropped" in (row.fidelity or [])


def test_a_count_is_filtered_like_a_request(client: Client, gateway: Gateway, upstream: Upstream, orm: Rows) -> None:
    provider = make_provider("anthropic", f"{upstream.base_url}/counted")
    route = make_route([make_model(provider)])
    gateway.wait_snapshot()
    script = upstream.script(speak.reply("anthropic"))
    asked = message(route.name, script.prompt, MODEL="dear", provider={"order": ["dear"]}, mcp_servers=[{"url": "x"}])
    client.post(asked, path="/v1/messages/count_tokens")
    (seen,) = script.seen
    assert seen.path.endswith("/count_tokens")
    assert not {"MODEL", "provider", "mcp_servers"} & seen.body.keys()


def test_names_dropped_lately_stand_where_an_administrator_can_allow_them(
    client: Client, gateway: Gateway, upstream: Upstream, orm: Rows
) -> None:
    provider = make_provider("openai_chat", f"{upstream.base_url}/lately/v1")
    route = make_route([make_model(provider)])
    gateway.wait_snapshot()
    script = upstream.script(speak.chat_answer(), speak.chat_answer(), speak.chat_answer())
    added: dict[str, Any] = {"top_a": 0.2, "reasoning": {"exclude": True}, "MODEL": "dear", "no name": 1}
    for _ in range(2):
        client.post({**message(route.name, script.prompt), **added})
    rows = DroppedField.objects.filter(provider=provider)
    until(lambda: sorted(rows.values_list("name", "times")) == [("reasoning", 2), ("top_a", 2)])
    provider.client_fields = ["top_a", "reasoning.exclude"]
    provider.save()
    gateway.wait_snapshot()
    answer = client.post({**message(route.name, script.prompt), **added})
    body = script.seen[2].body
    assert (body["top_a"], body["reasoning"], "MODEL" in body) == (0.2, {"exclude": True}, False)
    assert orm.request(answer.request_id).fidelity == ["client_field_dropped"]


def test_a_fallback_needs_the_row_and_the_key(client: Client, gateway: Gateway, upstream: Upstream, orm: Rows) -> None:
    provider = make_provider("anthropic", f"{upstream.base_url}/falling")
    model = make_model(provider, priced_for=["fallbacks"])
    same, dear = make_model(provider), make_model(provider, {"input": Decimal(99), "output": Decimal(99)})
    route = make_route([model])
    narrow = make_key(allowed_routes=route.name)
    gateway.wait_snapshot()
    script = upstream.script(*[speak.claude_answer() for _ in range(3)])
    one, another = ({"fallbacks": [{"model": name}]} for name in (same.name, dear.name))
    for key, fields in ((None, one), (None, another), (narrow.secret, one)):
        asking = client if key is None else Client(gateway.base_url, key)
        answer = asking.post({**message(route.name, script.prompt), **fields})
        passes = "fallbacks" in script.seen[-1].body
        assert passes is (key is None and fields is one)
        assert orm.request(answer.request_id).fidelity == ([] if passes else ["unpriced_dropped"])
