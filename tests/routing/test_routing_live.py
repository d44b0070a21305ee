"""Routing as clients of a running gateway meet it: tags, names, headers, refusals, and what the row stores."""

from __future__ import annotations

from typing import Any

import pytest

from routing.models import Alias, Rule, ScenarioRoute
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Standing, make_key, make_model, make_provider, make_route, unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.both_databases

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "eA=="}}


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("answers_as", ["asked", "real"])
def test_the_model_in_the_answer(
    answers_as: str, stream: bool, gateway: Gateway, client: Client, upstream: Upstream, orm: Rows
) -> None:
    model = make_model(make_provider("openai_chat", f"{upstream.base_url}/openai_chat/v1"))
    route = make_route([model], answers_as=answers_as)
    gateway.wait_snapshot()
    script = upstream.script(openai_chat=[speak.chat_answer()])
    answer = client.post(message(route.name, script.prompt, stream=stream))
    received = answer.stream().message if stream else answer.json
    assert received is not None
    assert received["model"] == (route.name if answers_as == "asked" else model.name)
    assert orm.request(answer.request_id).request_model == route.name


def test_a_rule_of_ones_team_leads_elsewhere_and_the_row_says_why(
    gateway: Gateway, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    key = make_key(shows_routing=True, tags="ci, night")
    elsewhere = make_route([standing.models["second"]])
    named = make_route([standing.models["first"]], yields=True)
    rule = Rule.objects.create(
        name=unique("rule"),
        team=key.row.team,
        route=elsewhere,
        conditions=[
            {"field": "images", "operator": "is", "value": True},
            {"field": "tags", "operator": "has", "value": "night"},
        ],
    )
    gateway.wait_snapshot()
    script = upstream.script(first=[speak.chat_answer("plain")], second=[speak.chat_answer("seen")] * 1)
    asking = client.with_key(key.secret)
    body = message(named.name, [{"type": "text", "text": script.prompt}, IMAGE])
    answer = asking.post(body)
    assert answer.stream().text == "seen"
    assert answer.headers["x-gateway-route"] == elsewhere.name
    provider, model = standing.models["second"].provider.name, standing.models["second"].name
    assert answer.headers["x-gateway-decision"] == f"rules/{rule.name} -> {provider}:{model}; attempt 1 of 1"
    row = orm.request(answer.request_id)
    assert (row.phase, row.rule, row.route_name) == ("rules", rule.name, elsewhere.name)
    assert row.decision is not None
    assert row.decision["facts"]["images"] is True
    assert script.prompt not in str(row.decision)
    assert ["rules", f"the rule {rule.name} holds and leads to {elsewhere.name}"] in row.decision["reasons"]
    # Without the image the rule does not hold, and others' keys see nothing of how they are routed.
    assert asking.post(message(named.name, script.prompt)).stream().text == "plain"
    script = upstream.script(first=[speak.chat_answer("plain")])
    other = client.post(
        {**body, "messages": [{"role": "user", "content": [{"type": "text", "text": script.prompt}, IMAGE]}]}
    )
    assert other.stream().text == "plain"
    assert not [name for name in other.headers if name in {"x-gateway-route", "x-gateway-decision"}]


def test_a_subagent_tag_chooses_and_is_not_sent(
    gateway: Gateway, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    model = standing.models["second"]
    script = upstream.script(second=[speak.chat_answer("from the agent")])
    tag = f"<CCR-SUBAGENT-MODEL>{model.provider.name},{model.name}</CCR-SUBAGENT-MODEL>"
    answer = client.post(message(standing.routes["first"].name, script.prompt, system=f"{tag}You help."))
    assert answer.stream().text == "from the agent"
    assert script.seen[0].body["messages"][0] == {"role": "system", "content": "You help."}
    assert orm.request(answer.request_id).phase == "subagent_tag"


def test_an_alias_is_live_within_a_second(
    gateway: Gateway, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    prefix = unique("gpt")
    Alias.objects.create(pattern=f"{prefix}-*", target=standing.routes["second"].name)
    gateway.wait_snapshot()
    script = upstream.script(second=[speak.chat_answer()])
    assert client.post(message(f"{prefix.upper()}-4o", script.prompt)).stream().complete
    # The model list tells what the same name means, as Claude's own does of aliases.
    assert client.get(f"/v1/models/{prefix}-4o").json["id"] == standing.routes["second"].name
    client.get(f"/v1/models/{prefix}").error(404, "not_found_error")


def test_what_no_model_can_do_is_a_request_of_the_clients(gateway: Gateway, client: Client, orm: Rows) -> None:
    blind = make_model(make_provider("openai_chat", "http://127.0.0.1:9/v1"), capabilities=["tools"])
    route = make_route([blind])
    gateway.wait_snapshot()
    answer = client.post(message(route.name, [{"type": "text", "text": "Look"}, IMAGE]))
    text = answer.error(400, "invalid_request_error")
    assert "it reads no images" in text
    row = orm.request(answer.request_id)
    assert (row.outcome, row.error_code, row.attempts) == ("refused", "no_capable_candidate", 0)
    assert row.decision is not None
    assert row.decision["dropped"] == [[f"{blind.provider.name}: {blind.name}", "it reads no images"]]


def test_a_scenario_of_ones_team(
    gateway: Gateway, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    key = make_key()
    ScenarioRoute.objects.create(scenario="think", team=key.row.team, route=standing.routes["second"])
    gateway.wait_snapshot()
    thinking: dict[str, Any] = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    script = upstream.script(second=[speak.chat_answer()])
    answer = client.with_key(key.secret).post(message(unique("nobody"), script.prompt, **thinking))
    assert answer.stream().complete
    row = orm.request(answer.request_id)
    assert (row.phase, row.rule) == ("scenarios", "think")
    assert row.decision is not None
    assert row.decision["scenario"] == "think"
