"""An explanation matches live traffic: facts, verdicts, candidates with their causes, refusals."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from configuration.explain import question
from configuration.explain.engine import explain
from configuration.explain.question import Unexplainable
from configuration.explain.samples import SAMPLES, Sample
from providers.errors import ErrorKind, UpstreamError
from routing.facts import request_facts
from routing.health import Caller, CallerHealth, Health
from routing.models import ScenarioRoute
from routing.phases import PHASES
from tests.explain.questions import NOW, explanation_of, provider, request_body, verdicts
from tests.routing.builders import ANYONE, candidate, concept, make_snapshot, restricted, route, rule
from usage.cost import Prices
from usage.models import RequestLog

SCENARIOS = {name: name for name in ScenarioRoute.Scenario.values}
LEADS_TO = {
    "chat": "default", "code": "default", "image": "image", "search": "web_search", "thinking": "think",
    "long": "long_context", "subagent": "subagent", "structured": "background",
}  # fmt: skip


def custom(known: request_facts.RequestFacts) -> str:
    """A custom callable for the settings."""
    return "chosen" if known.text == "mine" else "nowhere"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: str(sample.name))
def test_every_sample_is_a_request_of_its_kind(sample: Sample) -> None:
    snapshot = make_snapshot(*(route(name) for name in SCENARIOS), scenarios=SCENARIOS)
    found = explanation_of(sample.body, snapshot, headers=sample.header_lines, tokens=sample.tokens)
    assert found.refusal is None
    assert (found.scenario, found.route) == (LEADS_TO[sample.name],) * 2
    assert found.facts["structured_output"] is (sample.name == "structured")


def test_every_phase_is_asked_until_one_chooses() -> None:
    snapshot = make_snapshot(route("a"), route("b"), default="a", rules=(rule(0, "b", ("text", "is", "hi")),))
    found = explanation_of(request_body(), snapshot, key=ANYONE)
    assert [verdict.phase for verdict in found.verdicts] == [name for name, _ in PHASES]
    assert (found.route, found.phase, found.rule) == ("b", "rules", "rule-0")
    assert [verdict.phase for verdict in found.verdicts if verdict.chose] == ["rules"]
    texts = verdicts(found)
    assert "no route, alias or provider" in texts["name"]
    assert "rule-0" in texts["rules"]
    assert {texts[phase] for phase in ("scenarios", "custom", "concepts", "default_route")} == {""}
    assert (found.key, found.team) == ("mia (sk-px-ab…)", "red")


def test_facts_have_the_names_that_conditions_have() -> None:
    request = request_body("m", "words", metadata={"user_id": "u-1", "tier": 3}, tools=[{"name": "Bash"}])
    found = explanation_of(
        request, make_snapshot(route("m")), key=ANYONE, headers="User-Agent: curl/8\nX-Tier: gold"
    ).facts
    assert {name: found[name] for name in ("model", "text", "tools", "tags", "client", "time", "weekday")} == {
        "model": "m", "text": "words", "tools": ("Bash",), "tags": ("ci",), "client": "curl", "time": "10:30",
        "weekday": "wed",
    }  # fmt: skip
    assert (found["header.x-tier"], found["metadata.tier"]) == ("gold", 3)


def test_candidates_are_taken_dropped_with_a_cause_or_left_over() -> None:
    blind, first, second = candidate("blind", provider(), "tools"), candidate("first"), candidate("second")
    gone = (("gone: model", "the model is switched off"),)
    mine = route("mine", blind, first, second, max_attempts=1, dropped=gone)
    picture = [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]
    found = explanation_of(request_body("mine", picture), make_snapshot(mine))
    assert [attempt.model for attempt in found.attempts] == ["first"]
    assert {lost.candidate: lost.code for lost in found.dropped} == {
        "gone: model": "unusable",
        "there: blind": "no_images",
    }
    assert found.spare == ("openrouter: second",)
    assert found.how == ("in the order of the route",)


@pytest.mark.parametrize(
    ("asked", "key", "status", "message"),
    [
        ("nothing", ANYONE, 404, "There is no model 'nothing' here."),
        ("blind", restricted("gone"), 404, "may not use 'blind'. It may use: gone. Ask an administrator"),
        ("blind", restricted("other"), 403, "The client key sk-px-cd… of the team 'red' may use no model"),
        ("nothing", restricted("other"), 403, "of the team 'red' may use no model of this gateway. Ask"),
        ("blind", ANYONE, 400, "it calls no tools"),
        ("gone", ANYONE, 503, "Ask an administrator"),
    ],
)
def test_a_refusal_is_the_one_that_the_client_would_get(asked: str, key: Any, status: int, message: str) -> None:
    blind = route("blind", candidate("blind", provider(), "images"))
    gone = msgspec.structs.replace(route("gone", dropped=(("x: y", "the model is switched off"),)), candidates=())
    found = explanation_of(request_body(asked, tools=[{"name": "Bash"}]), make_snapshot(blind, gone), key=key)
    assert found.refusal is not None
    assert found.refusal.status == status
    assert message in found.refusal.message
    assert found.attempts == ()
    assert found.route == ("" if status in (403, 404) else asked)
    assert verdicts(found)["subagent_tag"]


def test_a_rejected_key_is_noted_and_explained_all_the_same() -> None:
    revoked = msgspec.structs.replace(ANYONE, revoked=True)
    found = explanation_of(request_body("mine"), make_snapshot(route("mine")), key=revoked)
    assert len(found.attempts) == 1
    assert "was revoked" in found.notices[0]


def test_costs_are_those_of_as_many_tokens_as_are_asked_for() -> None:
    prices = (Prices(input=3_000_000, output=15_000_000),)
    mine = make_snapshot(route("mine", candidate("dear", provider(), prices=prices), candidate("unknown")))
    dear, unknown = explanation_of(request_body("mine"), mine, tokens=1_000_000, output=2000).attempts
    assert (dear.cost, unknown.cost) == (Decimal("3.03"), None)
    assert explanation_of(request_body("mine"), mine, tokens=0).attempts[0].cost == Decimal("0.015")


@pytest.mark.parametrize(("tokens", "found"), [(59_999, "b"), (60_000, "a"), (60_001, "a")])
def test_a_threshold_can_be_tried_to_the_token(tokens: int, found: str) -> None:
    snapshot = make_snapshot(route("a"), route("b"), default="b", scenarios={"long_context": "a"})
    assert explanation_of(request_body(), snapshot, tokens=tokens).route == found


def test_trial_rules_come_before_the_saved_ones_in_their_own_order() -> None:
    names = ("saved", "one", "two", "scene")
    saved = rule(0, "saved", ("stream", "is", False))
    snapshot = make_snapshot(*map(route, names), rules=(saved,), scenarios={"think": "scene"})
    never = '{"conditions": [{"field": "model", "operator": "is", "value": "x"}], "route": "one"}'
    always = '{"conditions": [], "route": "two", "name": "mine"}'
    assert explanation_of(request_body(), snapshot).route == "saved"
    assert explanation_of(request_body(), snapshot, rules=never).route == "saved"
    found = explanation_of(request_body(), snapshot, rules=f'[{never}, {always}, {{"route": "one"}}]')
    assert (found.route, found.rule) == ("two", "mine")
    assert explanation_of(request_body(), snapshot, rules='{"scenario": "think"}').route == "scene"
    assert explanation_of(request_body(), snapshot).route == "saved"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Write a list of rules, such as"),
        ('{"route": "a", "when": 1}', "unknown field `when`"),
        ('{"conditions": []}', "trial rule 1: Write either a route or a scenario"),
        ('{"route": "a", "scenario": "think"}', "either a route or a scenario"),
        ('[{"route": "a"}, {"route": "no"}]', "trial rule 2: There is no route 'no'. Existing routes: a."),
        ('{"scenario": "no"}', "There is no scenario 'no'. Existing scenarios: image"),
        ('{"route": "a", "conditions": [{"field": "no", "operator": "is"}]}', "There is no field 'no'"),
        ('{"route": "a", "conditions": [{"field": "tokens", "operator": "is", "value": "x"}]}', "needs a number"),
        ('{"route": "a", "conditions": "x"}', "Write a list such as"),
    ],
)
def test_an_invalid_rule_is_an_error_that_says_what_to_write(text: str, message: str) -> None:
    with pytest.raises(Unexplainable, match=r".") as caught:
        explanation_of(request_body(), make_snapshot(route("a")), rules=text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b'{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}', "max_tokens: Field required"),
        (b'{"model": "m", "max_tokens": 1, "messages": []}', "at least one message"),
    ],
)
def test_a_request_that_the_gateway_would_reject_has_its_error(body: bytes, message: str) -> None:
    with pytest.raises(Unexplainable, match="HTTP 400") as caught:
        question.of_request(body, {}, ANYONE, NOW)
    assert message in str(caught.value)


def test_headers_lose_the_clients_secrets_and_want_a_colon() -> None:
    lines = "X-API-Key: sk-px-mine\nAuthorization: Bearer sk-px-mine\nCookie: a=b\n\n anthropic-beta : a,b "
    assert question.headers_of(lines) == {"anthropic-beta": "a,b"}
    with pytest.raises(Unexplainable, match="one header per line"):
        question.headers_of("no colon")


def test_the_custom_callable_is_asked_where_a_live_request_would_ask_it(settings: Any) -> None:
    settings.CUSTOM_ROUTER = "tests.explain.test_engine.custom"
    snapshot = make_snapshot(route("chosen"), route("named"), route("rest"), default="rest")
    found = explanation_of(request_body(text="mine"), snapshot)
    assert (found.route, found.phase, found.facts["chosen"]) == ("chosen", "custom", "chosen")
    assert "chosen" not in explanation_of(request_body("named", "mine"), snapshot).facts
    assert explanation_of(request_body(text="other"), snapshot).route == "rest"


def test_health_counts_unless_it_is_to_be_ignored() -> None:
    health, failing, healthy = Health(), candidate("failing", provider()), candidate("healthy")
    for _ in range(5):
        tracker = health.begin(failing, failing.provider.credentials[0])
        tracker.ended(UpstreamError(ErrorKind.SERVER, "no", status=500))
    snapshot = make_snapshot(route("mine", failing, healthy))
    found = explanation_of(request_body("mine"), snapshot, health=health)
    assert [attempt.model for attempt in found.attempts] == ["healthy"]
    assert [(lost.candidate, lost.code) for lost in found.dropped] == [("there: failing", "cooling_down")]
    assert "it is tried again in" in found.dropped[0].cause
    ignoring = explanation_of(request_body("mine"), snapshot)
    assert [(attempt.model, attempt.credential) for attempt in ignoring.attempts] == [
        ("failing", "main"),
        ("healthy", ""),
    ]


def test_a_candidate_that_is_off_for_one_key_is_explained_for_each() -> None:
    health, failing, healthy = Health(), candidate("failing", provider()), candidate("healthy")
    mia, tom = (msgspec.structs.replace(ANYONE, id=identity) for identity in (11, 12))
    for body in range(1, 6):
        seen = CallerHealth(health, Caller(mia.id, body))
        seen.begin(failing, seen.credential(failing)).ended(UpstreamError(ErrorKind.SERVER, "no", status=500))
    snapshot = make_snapshot(route("mine", failing, healthy))
    hers = explanation_of(request_body("mine"), snapshot, key=mia, health=health)
    assert [attempt.model for attempt in hers.attempts] == ["healthy"]
    assert "it failed recently for this client key; it is tried again in" in hers.dropped[0].cause
    his = explanation_of(request_body("mine"), snapshot, key=tom, health=health)
    assert [attempt.model for attempt in his.attempts] == ["failing", "healthy"]
    assert his.notices == (
        "there: failing is cooling down for others, not for this key: it failed recently for some client keys only.",
    )


def test_a_logged_request_is_explained_by_its_stored_facts() -> None:
    request = request_body("m", "the words", tools=[{"name": "Bash"}, {"name": "Read"}], thinking={"type": "adaptive"})
    headers = {"user-agent": "claude-cli/2.1.330", "x-claude-code-agent-id": "a1"}
    headers |= {"x-claude-code-agent-type": "Explore", "x-claude-code-request-class": "subagent"}
    known = request_facts.gather(
        request, headers, len(msgspec.json.encode(request)), key=ANYONE, now=request_facts.Moment.of(NOW)
    )
    row = RequestLog(
        request_model="m", agent_id="a1", client="claude-cli/2.1.330", key_name="mia", team_name="red", streamed=False,
        tags=["ci", "claimed:x"], agent_type="Explore", request_class="subagent",
        decision=msgspec.json.decode(msgspec.json.encode({"facts": request_facts.stored_facts(known)})),
    )  # fmt: skip
    snapshot = make_snapshot(
        route("m", yields=True), route("s"), scenarios={"subagent": "s"}, concepts=(concept("words", "m"),)
    )
    found = explain(question.of_logged(row, ANYONE), snapshot, NOW.timestamp())
    live = explanation_of(request, snapshot, key=ANYONE, headers="\n".join(f"{k}: {v}" for k, v in headers.items()))
    assert (found.route, found.scenario) == (live.route, live.scenario) == ("s", "subagent")
    unknown = {"text": None, "tools": None}
    assert found.facts == {name: value for name, value in live.facts.items() if "." not in name} | unknown
    assert found.attempts[0].upstream is None
    assert "The text of a logged request is not stored" in found.attempts[0].no_upstream
    # Rows of earlier versions have these in their decision.
    assert row.decision is not None
    earlier = {"tags": ["ci"], "agent_type": "Explore", "request_class": "subagent", "client_version": "2.1.330"}
    row.tags, row.agent_type, row.request_class = None, "", ""
    row.decision["facts"] |= earlier
    assert explain(question.of_logged(row, ANYONE), snapshot, NOW.timestamp()).facts == found.facts
    with pytest.raises(Unexplainable, match="logged before routing facts were stored"):
        question.of_logged(RequestLog(decision={"reasons": []}), ANYONE)
    with pytest.raises(Unexplainable, match="stored facts of this request cannot be read"):
        question.of_logged(RequestLog(request_model="m", decision={"facts": {"images": "maybe"}}), ANYONE)
