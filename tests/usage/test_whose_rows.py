"""Every request's row says whose it is: owner, tags, client, agent, end user and configuration."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from access.models import Membership, Team
from access.tags import NO_TAGS, set_id
from routing.loading import revision
from routing.models import Rule
from tests.harness import speak
from tests.harness.call import Client, message
from tests.harness.configure import Key, Standing, make_key, make_route, unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream

pytestmark = pytest.mark.both_databases

HEADERS = {
    "user-agent": "claude-cli/2.1.332 (external, cli)",
    "x-claude-code-session-id": "s-whose",
    "x-claude-code-agent-id": "a-1",
    "x-claude-code-agent-type": "Explore",
    "x-claude-code-request-class": "subagent",
}


@pytest.fixture
def key(gateway: Gateway, orm: Rows) -> Key:
    owner, team = User.objects.create(username=unique("mia")), Team.objects.create(name=unique("team"))
    Membership.objects.create(user=owner, team=team)
    found = make_key(team, owner=owner, tags="night, ci", client_tags="project-*")
    gateway.wait_snapshot()
    return found


def test_a_row_has_the_owner_the_client_and_the_configuration(
    gateway: Gateway, key: Key, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(speak.chat_answer())
    body = message(standing.routes["openai_chat"].name, script.prompt, metadata={"user_id": "jane@example.com"})
    row = orm.request(Client(gateway.base_url, key.secret).post(body, headers=HEADERS).request_id)
    assert (row.outcome, row.owner_id, row.owner_name) == ("completed", key.row.owner_id, str(key.row.owner))
    assert (row.client_name, row.client_version, row.client) == ("claude-cli", "2.1.332", HEADERS["user-agent"])
    assert (row.session_id, row.agent_id, row.agent_type, row.request_class) == (
        "s-whose",
        "a-1",
        "Explore",
        "subagent",
    )
    assert (row.tags, row.tags_id) == (["ci", "night"], set_id(["ci", "night"]))
    assert len(row.end_user) == 32
    assert row.decision is not None
    assert {"tags", "agent_type", "request_class", "client_version"}.isdisjoint(row.decision["facts"])
    assert Client(gateway.base_url, key.secret).get("/v1/me").json["owner"] == {"name": row.owner_name}
    numbers = revision.numbers()
    assert (row.routing_revision, row.access_revision) == (numbers["routing"], numbers["access"])


def test_a_request_that_is_refused_has_what_is_known(gateway: Gateway, key: Key, orm: Rows) -> None:
    row = orm.request(Client(gateway.base_url, key.secret).post(b"{", headers=HEADERS).request_id)
    assert (row.outcome, row.owner_name, row.client_name) == ("refused", str(key.row.owner), "claude-cli")
    assert (row.session_id, row.agent_type, row.tags) == ("s-whose", "Explore", ["ci", "night"])
    assert row.access_revision is not None


def test_a_service_key_has_no_owner_and_a_request_without_tags_the_empty_set(client: Client, orm: Rows) -> None:
    row = orm.request(client.post(b"{").request_id)
    assert (row.owner_id, row.owner_name, row.tags, row.tags_id) == (None, "", [], NO_TAGS)


def test_tags_that_the_client_names_are_claims_and_go_no_further(
    gateway: Gateway, key: Key, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(speak.claude_answer())
    body = message(standing.routes["anthropic"].name, script.prompt)
    named = {**HEADERS, "x-gateway-tags": "project-x, secret, ci"}
    answer = Client(gateway.base_url, key.secret).post(body, headers=named)
    row = orm.request(answer.request_id)
    assert row.tags == ["ci", "night", "claimed:project-x"]
    assert row.tags_id == set_id(row.tags)
    assert answer.headers["x-gateway-ignored-tags"] == "not_allowed=1"
    assert row.decision is not None
    assert row.decision["ignored_tags"] == {"not_allowed": 1}
    assert "secret" not in str(row.decision)
    assert all("x-gateway-tags" not in seen.headers for seen in script.seen)


def test_where_the_key_counts_them_rules_see_them(
    gateway: Gateway, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    asked, other = (make_route([standing.models["openai_chat"]], yields=yields) for yields in (True, False))
    rule = Rule.objects.create(
        name=unique("rule"), route=other, conditions=[{"field": "tags", "operator": "has", "value": "project-seen"}]
    )
    counting, claiming = (make_key(client_tags="project-*", client_tags_count=counts) for counts in (True, False))
    gateway.wait_snapshot()
    try:
        script = upstream.script(*[speak.chat_answer()] * 2)
        body, named = message(asked.name, script.prompt), {"x-gateway-tags": "project-seen"}
        rows = [
            orm.request(Client(gateway.base_url, key.secret).post(body, headers=named).request_id)
            for key in (counting, claiming)
        ]
    finally:
        rule.delete()
    assert [(row.route_name, row.tags) for row in rows] == [
        (other.name, ["project-seen"]),
        (asked.name, ["claimed:project-seen"]),
    ]
