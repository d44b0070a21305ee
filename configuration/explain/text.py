"""Formats an explanation as plain text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from configuration.explain.result import AttemptView, Explanation
from usage.reports import formatting


def lines(explanation: Explanation) -> Iterator[str]:
    """The lines of an explanation, the outcome first."""
    yield from (f"! {notice}" for notice in explanation.notices)
    yield from _outcome(explanation)
    yield ""
    yield "Phases"
    for verdict in explanation.verdicts:
        mark = ">" if verdict.chose else " "
        yield f"{mark} {verdict.phase:14} {verdict.text or '(not reached)'}"
    yield ""
    yield f"Candidates, with the estimated cost for {formatting.count(explanation.output)} output tokens"
    yield from (f"  {how}" for how in explanation.how)
    for number, attempt in enumerate(explanation.attempts, 1):
        yield f"  {number}. {attempt.provider}: {attempt.model}  {formatting.dollars(attempt.cost)}"
    yield from (f"  dropped: {drop.candidate}: {drop.cause} ({drop.code})" for drop in explanation.dropped)
    yield from (f"  not tried: {name}: beyond the route's limit of attempts" for name in explanation.spare)
    yield ""
    yield "Facts"
    for name, value in explanation.facts.items():
        yield f"  {name:18} {'(not stored)' if value is None else msgspec.json.encode(value).decode()}"
    for number, attempt in enumerate(explanation.attempts, 1):
        yield ""
        yield from _upstream(number, attempt)


def _outcome(explanation: Explanation) -> Iterator[str]:
    if explanation.route:
        chosen = f"{explanation.phase}/{explanation.rule}" if explanation.rule else explanation.phase
        scenario = f", scenario {explanation.scenario}" if explanation.scenario else ""
        yield f"Route {explanation.route}, chosen by {chosen}{scenario}, for {explanation.key}"
    if explanation.refusal is not None:
        refusal = explanation.refusal
        yield f"Refused with HTTP {refusal.status} {refusal.type}: {refusal.message}"


def _upstream(number: int, attempt: AttemptView) -> Iterator[str]:
    yield f"Attempt {number}: {attempt.provider}: {attempt.model} ({attempt.dialect})"
    upstream = attempt.upstream
    if upstream is None:
        yield f"  {attempt.no_upstream}"
        return
    yield f"{upstream.method} {upstream.url}"
    yield from (f"{name}: {value}" for name, value in upstream.headers)
    yield ""
    yield msgspec.json.format(msgspec.json.encode(upstream.body), indent=2).decode()
    for code, meaning in upstream.fidelity:
        yield f"  {code}: {meaning}"
    if upstream.stops_matched_here:
        yield f"  Stop sequences that the gateway matches itself: {', '.join(map(repr, upstream.stops_matched_here))}"
