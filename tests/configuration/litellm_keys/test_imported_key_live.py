"""A client goes on with its LiteLLM key after an import: a running gateway takes it, its row names the key, and its
budget and limits hold."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import call_command

from access.models import ClientKey, Team
from tests.configuration.litellm_keys.dumps import KEYS, TEAMS, copied, key, team
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream


@pytest.mark.both_databases
def test_a_litellm_key_streams(
    tmp_path: Path, orm: Rows, gateway: Gateway, standing: Standing, upstream: Upstream
) -> None:
    name, route = unique("backend"), standing.routes["openai_chat"].name
    live, blocked = f"sk-{unique('live')}", f"sk-{unique('blocked')}"
    keys = [
        key(live, key_alias="laptop", team_id="t", models=[route]),
        key(blocked, key_alias="old", team_id="t", blocked=True),
    ]
    dump = tmp_path / "dump.sql"
    dump.write_text(copied({TEAMS: [team("t", name)], KEYS: keys}))
    client = Client(gateway.base_url, live)
    assert "unknown" in client.post(message(route)).error(401, "authentication_error")
    call_command("import_litellm_keys", str(dump), "--write", stdout=io.StringIO())
    try:
        gateway.wait_snapshot()
        script = upstream.script(speak.answer("openai_chat"))
        answer = client.post(message(route, script.prompt))
        answer.stream()
        row = orm.request(answer.request_id)
        assert (row.team_name, row.key_name, row.key_prefix) == (name, "laptop", f"sk-...{live[-4:]}")
        other = standing.routes["anthropic"].name
        assert client.post(message(other)).status == 404
        refused = Client(gateway.base_url, blocked).post(message(route))
        assert "disabled" in refused.error(403, "permission_error")
    finally:
        ClientKey.objects.filter(team__name=name).delete()
        Team.objects.filter(name=name).delete()


@pytest.mark.both_databases
def test_what_a_litellm_key_may_spend_holds(
    tmp_path: Path, orm: Rows, gateway: Gateway, standing: Standing, upstream: Upstream
) -> None:
    name, route = unique("backend"), standing.routes["openai_chat"].name
    limited, poor = f"sk-{unique('limited')}", f"sk-{unique('poor')}"
    keys = [
        key(limited, key_alias="limited", team_id="t", rpm_limit=1),
        key(poor, key_alias="poor", team_id="t", max_budget=0.01, budget_duration="30d"),
    ]
    dump = tmp_path / "dump.sql"
    dump.write_text(copied({TEAMS: [team("t", name)], KEYS: keys}))
    call_command("import_litellm_keys", str(dump), "--write", stdout=io.StringIO())
    try:
        gateway.wait_snapshot()
        client = Client(gateway.base_url, limited)
        client.post(message(route, upstream.script(speak.answer("openai_chat")).prompt)).stream()
        assert "1 request a minute for this client key" in client.post(message(route)).error(429, "rate_limit_error")
        # 1,000 tokens of an answer at 15 dollars a million are more than a cent.
        refused = Client(gateway.base_url, poor).post(message(route))
        assert "$0.01" in refused.error(429, "billing_error")
        assert refused.headers["anthropic-ratelimit-unified-overage-period"] == "monthly"
    finally:
        ClientKey.objects.filter(team__name=name).delete()
        Team.objects.filter(name=name).delete()
