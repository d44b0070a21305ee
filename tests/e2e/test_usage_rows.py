"""Usage rows: one per request that passed authentication, right to the last pico-dollar, and never a 0 for unknown."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest

from access.models import ClientKey
from providers.models import Provider
from providers.pricing.prices import Price
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, make_key, make_model, make_provider, make_route, unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.script import Reply
from tests.harness.upstream import Upstream
from usage.models import AttemptLog, RequestLog

REPORTED = {"openai_chat": ("up", "", ""), "anthropic": ("claude-up", "", "")}


@pytest.mark.both_databases
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic"])
def test_every_column_of_a_completed_request(
    dialect: str, stream: bool, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    began = datetime.now(UTC)
    reply = speak.answer(dialect)
    reply.headers = {**reply.headers, "x-request-id": "up-77", "request-id": "up-77"}
    script = upstream.script(reply)
    route, model = standing.routes[dialect], standing.models[dialect]
    answer = client.post(
        message(route.name, script.prompt, stream=stream),
        headers={"x-claude-code-session-id": "session-9", "x-claude-code-agent-id": "agent-3", "user-agent": "cli/9.1"},
    )
    ended = datetime.now(UTC)
    assert answer.status == 200
    row = orm.request(answer.request_id)
    (attempt,) = orm.attempts(row)
    key = standing.key.row
    assert (row.team_id, row.team_name, row.key_id, row.key_name, row.key_prefix) == (
        key.team_id, key.team.name, key.pk, key.name, key.prefix,
    )  # fmt: skip
    assert (row.route_id, row.route_name, row.request_model) == (route.pk, route.name, route.name)
    assert (row.session_id, row.agent_id, row.client, row.streamed) == ("session-9", "agent-3", "cli/9.1", stream)
    assert row.phase
    assert row.decision is not None
    for record in (row, attempt):
        assert (record.provider_id, record.provider_name) == (model.provider_id, model.provider.name)
        assert (record.model_id, record.model_name) == (model.pk, model.name)
        assert (record.outcome, record.http_status, record.stop_reason) == ("completed", 200, "end_turn")
        assert (record.error_type, record.error_code) == ("", "")
        assert (record.input_tokens, record.cache_read_tokens, record.output_tokens) == (20, 10, 7)
        assert record.id.version == 7
        assert record.provider_cost is None
        assert record.duration_ms is not None
        assert record.time_to_first_token_ms is not None
        assert 0 <= record.time_to_first_token_ms <= record.duration_ms
        assert began <= record.started_at <= ended
    # 20 x 3 + 10 x 0.3 + 7 x 15 dollars a million; Claude also reports 5 tokens written to cache at 3.75.
    written = Decimal("0.00001875") if dialect == "anthropic" else Decimal(0)
    assert row.cache_write_tokens == (5 if dialect == "anthropic" else None)
    assert row.cost == attempt.cost == Decimal("0.000168") + written
    assert (attempt.number, attempt.dialect, attempt.credential_name) == (1, dialect, "main")
    assert attempt.upstream_request_id == "up-77"
    connected, headers, first = attempt.time_to_connect_ms, attempt.time_to_headers_ms, attempt.time_to_first_token_ms
    assert connected is not None
    assert headers is not None
    assert connected <= headers <= (first or 0)
    assert (attempt.reported_model, attempt.service_tier, attempt.region) == REPORTED[dialect]
    assert answer.request_id == f"req_{row.id.hex}"


def test_the_session_is_found_in_the_metadata_too(
    client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(speak.chat_answer())
    session = str(uuid4())
    user_id = json.dumps({"device_id": "ab" * 32, "account_uuid": "", "session_id": session})
    body = message(standing.routes["openai_chat"].name, script.prompt, metadata={"user_id": user_id})
    row = orm.request(client.post(body).request_id)
    assert (row.session_id, row.agent_id) == (session, "")


def test_odd_prices_are_exact(orm: Rows, gateway: Gateway, client: Client, upstream: Upstream) -> None:
    provider = make_provider("openai_chat", f"{upstream.base_url}/prices/v1")
    prices = {"input": Decimal("0.123457"), "output": Decimal("75.000001"), "cache_read": Decimal("0.000001")}
    dear = make_model(provider, prices)
    unpriced = make_model(provider, {})
    routes = [make_route([model]) for model in (dear, unpriced)]
    gateway.wait_snapshot()
    end = speak.chat_end(prompt=1_234_567, cached=1_000_003, output=98_765)
    script = upstream.script(Reply([speak.chat_text("x"), end]))
    rows = [orm.request(client.post(message(route.name, script.prompt)).request_id) for route in routes]
    expected = 234_564 * Decimal("0.123457") + 1_000_003 * Decimal("0.000001") + 98_765 * Decimal("75.000001")
    assert rows[0].cost == expected / 1_000_000
    assert [row.price_id for row in rows] == [Price.objects.get(model=dear).pk, None]
    assert (rows[1].cost, rows[1].output_tokens) == (None, 98_765)


def test_what_nobody_reports_is_counted_here_and_zero_is_zero(
    client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    silent = upstream.script(Reply([speak.chat_text("x"), speak.chat_chunk({}, "stop"), b"data: [DONE]\n\n"]))
    row = orm.request(client.post(message(standing.routes["openai_chat"].name, silent.prompt)).request_id)
    assert row.outcome == "completed"
    assert (row.cache_read_tokens, row.output_tokens, row.estimated) == (None, 1, True)
    assert "usage_estimated" in (row.fidelity or [])
    estimate = row.input_tokens or 0
    assert 20 <= estimate <= 60
    assert row.cost == (estimate * 3 + 15) / Decimal(1_000_000)
    exact = upstream.script(Reply([speak.chat_text("x"), speak.chat_end(prompt=5, cached=0, output=1)]))
    row = orm.request(client.post(message(standing.routes["openai_chat"].name, exact.prompt)).request_id)
    assert (row.input_tokens, row.cache_read_tokens, row.output_tokens, row.estimated) == (5, 0, 1, False)


def test_one_row_per_message_and_none_for_anything_else(
    orm: Rows, gateway: Gateway, standing: Standing, upstream: Upstream
) -> None:
    key = make_key()
    gateway.wait_snapshot()
    client = Client(gateway.base_url, key.secret)
    route = standing.routes["openai_chat"].name
    nobody = Client(gateway.base_url, "sk-px-wrong")
    unauthenticated = unique("nobody-asks-for")
    nobody.post(message(unauthenticated))
    for path in ("/v1/models", "/v1/nothing", "/healthz", "/readyz", "/api/hello"):
        client.get(path)
    client.post({"model": route, "messages": [{"role": "user", "content": "x"}]}, path="/v1/messages/count_tokens")
    good = upstream.script(speak.chat_answer())
    bad = upstream.script(speak.refusal("openai_chat", 500, "broken"))
    answers = [
        client.post(message(route, good.prompt)),
        client.post(message(route, good.prompt, stream=False)),
        client.post(message(route, bad.prompt)),
        client.post(message("no-such-route")),
        client.post(b"{"),
    ]
    rows = orm.of_key(key, len(answers))
    assert [row.request_id for row in rows] == [answer.request_id for answer in answers]
    assert [row.outcome for row in rows] == ["completed", "completed", "failed", "refused", "refused"]
    assert rows[3].request_model == "no-such-route"
    assert not RequestLog.objects.filter(request_model=unauthenticated).exists()


@pytest.mark.both_databases
def test_history_survives_every_deletion(orm: Rows, gateway: Gateway, upstream: Upstream) -> None:
    key = make_key()
    provider = make_provider("openai_chat", f"{upstream.base_url}/gone/v1")
    route = make_route([make_model(provider)])
    gateway.wait_snapshot()
    script = upstream.script(speak.chat_answer())
    caller = Client(gateway.base_url, key.secret)
    row = orm.request(caller.post(message(route.name, script.prompt)).request_id)
    key_id, provider_id, team = key.row.pk, provider.pk, key.row.team
    ClientKey.objects.get(pk=key_id).delete()
    team.delete()
    Provider.objects.get(pk=provider_id).delete()
    kept = RequestLog.objects.get(pk=row.pk)
    assert (kept.key_id, kept.key_name, kept.team_name) == (key_id, key.row.name, team.name)
    assert (kept.provider_id, kept.provider_name, kept.cost) == (provider_id, provider.name, row.cost)
    assert AttemptLog.objects.filter(request_log_id=row.pk).count() == 1
    gateway.wait_snapshot()
    caller.post(message(route.name)).error(401, "authentication_error")


def test_as_text_a_request_is_one_line_at_info(
    hasty_gateway: Gateway, hasty_client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(speak.refusal("openai_chat", 529, "busy"))
    answer = hasty_client.post(message(standing.routes["chain"].name, script.prompt))
    orm.request(answer.request_id)
    hasty_gateway.wait_logged(answer.request_id, 0)
    (line,) = [line for line in hasty_gateway.logs().splitlines() if answer.request_id in line]
    for pair in (
        "attempts=2",
        "outcome=failed",
        "status=529",
        f"key={standing.key.row.prefix}",
        "error=overloaded_error",
    ):
        assert pair in line
    assert "output_tokens" not in line


def test_the_log_has_one_line_per_request_with_its_figures(
    client: Client, gateway: Gateway, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(speak.claude_answer())
    answer = client.post(message(standing.routes["anthropic"].name, script.prompt))
    row = orm.request(answer.request_id)
    records = gateway.records(answer.request_id)
    (line,) = [record for record in records if record["level"] == "INFO"]
    assert line["key"] == standing.key.row.prefix
    assert line["route"] == standing.routes["anthropic"].name
    assert line["phase"] == row.phase
    assert (line["provider"], line["model"]) == (row.provider_name, row.model_name)
    assert (line["attempts"], line["outcome"], line["status"]) == (1, "completed", 200)
    assert (line["input_tokens"], line["output_tokens"]) == (20, 7)
    assert line["time_to_first_token_ms"] == row.time_to_first_token_ms
    steps = [record["message"] for record in records if record["level"] == "DEBUG"]
    assert steps == ["routing decision", "upstream called", "upstream answered", "stream started"]
