"""Explains a question with the functions that decide about live traffic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from asgiref.sync import async_to_sync

from access.keys import AccessDenied, check_in_force
from configuration.explain.question import Question
from configuration.explain.result import AttemptView, Explanation, Refusal, Verdict
from configuration.explain.trial_rules import with_trial_rules
from configuration.explain.upstream_preview import NoUpstream, platform_label, preview_upstream
from providers.config import CredentialConfig
from routing import engine
from routing.decision import Decision, Reason, RouteRefused
from routing.facts.content import without_subagent_tags
from routing.facts.request_facts import RequestFacts
from routing.health import Caller, CallerHealth, Health
from routing.phases import PHASES
from routing.rules.conditions import FIELDS
from routing.selection import AllHealthy, estimated_cost
from routing.snapshot import CandidateConfig, RouteConfig, Snapshot
from streaming import custom_router
from streaming.ingress.claude import preview
from usage.money import to_dollars


def explain(question: Question, snapshot: Snapshot, now: float, health: Health | None = None) -> Explanation:
    """Explains a request at `now` (POSIX seconds); without `health` every provider counts as healthy.

    Call it from a thread without an event loop: `health` belongs to the loop of the server.
    """
    decided = async_to_sync(_decide)(question, with_trial_rules(snapshot, question.rules), now, health)
    reasons, route, decision = decided.reasons, decided.route, decided.decision
    dropped = decision.dropped if decision is not None else decided.refused.dropped if decided.refused else ()
    attempts = () if decision is None else decision.attempts
    listed = {*(candidate.name for candidate in attempts), *(drop.candidate for drop in dropped)}
    return Explanation(
        key=f"{question.key.name} ({question.key.prefix}…)" if question.key.prefix else question.key.name,
        team=question.key.team_name,
        facts=_facts(decided.facts, question),
        verdicts=_verdicts(reasons, decided.phase),
        route=route.name if route is not None else "",
        phase=decided.phase,
        rule=decided.rule,
        scenario=decided.scenario,
        refusal=None if decided.refused is None else _refusal(decided.refused),
        how=tuple(reason.text for reason in reasons if reason.phase == "candidates"),
        attempts=tuple(
            _attempt(candidate, question, decided.facts, now, credential)
            for candidate, credential in zip(attempts, decided.credentials, strict=True)
        ),
        dropped=dropped,
        spare=tuple(c.name for c in route.candidates if c.name not in listed) if route and attempts else (),
        output=question.output,
        notices=(*_key_notices(question, now), *decided.notices),
    )


class _Decided(msgspec.Struct):
    """The decision, with everything that led to it."""

    facts: RequestFacts
    reasons: tuple[Reason, ...] = ()
    route: RouteConfig | None = None
    phase: str = ""
    rule: str = ""
    scenario: str = ""
    decision: Decision | None = None
    refused: RouteRefused | None = None
    credentials: tuple[CredentialConfig | None, ...] = ()
    notices: tuple[str, ...] = ()


async def _decide(question: Question, snapshot: Snapshot, now: float, health: Health | None) -> _Decided:
    decided = _Decided(question.facts)
    seen = None if health is None else CallerHealth(health, Caller(question.key.id))
    custom = custom_router.load()
    try:
        if custom.is_on and engine.is_undecided(decided.facts, question.key, snapshot):
            decided.facts = msgspec.structs.replace(decided.facts, chosen=await custom.choose(decided.facts))
            decided.notices = () if custom.trouble is None else (custom.trouble,)
        chosen = engine.choose(decided.facts, question.key, snapshot)
        choice = chosen.choice
        decided.route, decided.phase = choice.route, chosen.phase
        decided.rule, decided.scenario = choice.rule, choice.scenario
        decision = engine.decide(decided.facts, question.key, snapshot, seen or AllHealthy(), now)
    except RouteRefused as error:
        decided.refused, decided.reasons = error, error.reasons
        return decided
    decided.decision, decided.reasons = decision, decision.reasons
    decided.credentials = tuple(_credential(candidate, decided.facts, seen) for candidate in decision.attempts)
    if health is not None:
        decided.notices += tuple(_off_for_others(decision, health))
    return decided


def _off_for_others(decision: Decision, health: Health) -> Iterator[str]:
    """The candidates that this key may use and others may not."""
    for candidate in decision.attempts:
        why = health.why_cooling(candidate)
        if why:
            yield f"{candidate.name} is cooling down for others, not for this key: {why}."


def _credential(
    candidate: CandidateConfig, facts: RequestFacts, health: CallerHealth | None
) -> CredentialConfig | None:
    if health is not None:
        return health.credential(candidate, facts.session_id)
    return candidate.provider.credentials[0] if candidate.provider.credentials else None


def _attempt(
    candidate: CandidateConfig, question: Question, facts: RequestFacts, now: float, credential: CredentialConfig | None
) -> AttemptView:
    provider = candidate.provider
    cost = estimated_cost(candidate, facts, now, question.output)
    view = AttemptView(
        provider=provider.name,
        model=candidate.model.name,
        dialect=provider.dialect,
        platform=platform_label(provider),
        credential="" if credential is None else credential.name,
        inactive=provider.inactive,
        is_demo=provider.is_demo,
        cost=None if cost is None else to_dollars(cost).normalize(),
    )
    if not question.upstream:
        return view
    if question.request is None:
        return msgspec.structs.replace(
            view, no_upstream="The text of a logged request is not stored, so its upstream request cannot be shown."
        )
    # As before a live request is sent.
    request = without_subagent_tags(question.request) if facts.subagent_tag else question.request
    try:
        return msgspec.structs.replace(
            view, upstream=preview_upstream(candidate, request, question.headers, facts, credential, question.key)
        )
    except NoUpstream as error:
        return msgspec.structs.replace(view, no_upstream=str(error))


def _verdicts(reasons: tuple[Reason, ...], chose: str) -> tuple[Verdict, ...]:
    texts = {reason.phase: reason.text for reason in reasons}
    return tuple(Verdict(phase, texts.get(phase, ""), phase == chose) for phase, _ in PHASES)


def _refusal(error: RouteRefused) -> Refusal:
    rejection = preview.of_routing(error)
    return Refusal(rejection.status, rejection.type, rejection.message)


def _key_notices(question: Question, now: float) -> tuple[str, ...]:
    try:
        check_in_force(question.key, now)
    except AccessDenied as error:
        return (f"This key is currently rejected: {error.message}",)
    return ()


def _facts(facts: RequestFacts, question: Question) -> dict[str, Any]:
    """The facts by their names in conditions, and the others that the phases use."""
    shown = {name: None if name in question.unknown else field.read(facts) for name, field in FIELDS.items()}
    more = {"thinking_budget": facts.thinking_budget, "subagent_tag": facts.subagent_tag, "chosen": facts.chosen}
    shown |= {name: value for name, value in more.items() if value}
    shown |= {f"header.{name}": value for name, value in sorted(facts.headers.items())}
    shown |= {f"metadata.{name}": value for name, value in sorted(facts.metadata.items())}
    return shown
