"""`./gateway explain_route`: shows what the gateway would do with a request, and why. Sends and stores nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q
from django.utils import timezone

from configuration.explain import question, trial_rules
from configuration.explain.engine import explain
from configuration.explain.question import Question, Unexplainable
from configuration.explain.result import AttemptView, Explanation
from configuration.explain.samples import SAMPLES, sample
from routing.selection import COMPARED_OUTPUT
from routing.snapshot import Snapshot
from usage.journal.account import identity_of
from usage.models import RequestLog
from usage.reports import formatting


class Command(BaseCommand):
    """Explains as if every provider were healthy: only serving processes know their health."""

    help = "Explain which route a request would take, and what would be sent to each candidate."

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument(
            "--request", metavar="FILE", help="the JSON body of a POST /v1/messages; - for standard input"
        )
        what.add_argument("--logged", metavar="REQUEST_ID", help="a logged request, explained by its stored facts")
        what.add_argument("--sample", choices=[one.name for one in SAMPLES], help="a sample request")
        parser.add_argument("--key", default="", help="a client key by its name or prefix (default: any key)")
        parser.add_argument(
            "--header", action="append", default=[], metavar="NAME=VALUE", help="a request header; repeatable"
        )
        parser.add_argument(
            "--rule",
            action="append",
            default=[],
            metavar="JSON",
            help="a trial rule, checked before the saved ones; repeatable",
        )
        parser.add_argument("--tokens", type=int, help="number of prompt tokens to assume")
        parser.add_argument(
            "--output-tokens",
            type=int,
            default=COMPARED_OUTPUT,
            help="number of output tokens for the estimated cost (default 1000)",
        )
        parser.add_argument("--json", action="store_true", help="print the explanation as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            snapshot, warning = question.saved_snapshot()
            explanation = explain(_question(options, snapshot), snapshot, time.time())
        except Unexplainable as error:
            raise CommandError(str(error)) from error
        if warning:
            self.stderr.write(warning)
        if options["json"]:
            self.stdout.write(msgspec.json.format(msgspec.json.encode(explanation), indent=2).decode())
        else:
            self.stdout.write("\n".join(_lines(explanation)))


def _question(options: dict[str, Any], snapshot: Snapshot) -> Question:
    key = question.key_of(options["key"], snapshot)
    rules = [rule for source in options["rule"] for rule in trial_rules.parse(source)]
    more = {
        "tokens": options["tokens"],
        "output": options["output_tokens"],
        "rules": trial_rules.compile_rules(rules, snapshot),
    }
    if options["logged"]:
        row = RequestLog.objects.filter(Q(pk=identity_of(options["logged"]))).first()
        if row is None:
            raise Unexplainable("There is no logged request with this id.")
        return question.of_logged(row, key, **more)
    headers = question.headers_of("\n".join(header.replace("=", ": ", 1) for header in options["header"]))
    chosen = sample(options["sample"] or "")
    if chosen is None:
        return question.of_request(_read(options["request"]), headers, key, timezone.localtime(), **more)
    more["tokens"] = chosen.tokens if more["tokens"] is None else more["tokens"]
    return question.of_request(chosen.text.encode(), {**chosen.headers, **headers}, key, timezone.localtime(), **more)


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise Unexplainable(f"{name} cannot be read: {error.strerror}.") from error


def _lines(explanation: Explanation) -> Iterator[str]:
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
        yield from (f"     credential {name} is not used: {why}" for name, why in attempt.inactive)
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
