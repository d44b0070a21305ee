"""Routing among much configuration, request by request: how long facts and decide() hold up a worker, for MICRO.

500 routes, 2,000 rules of mixed kinds, 5,000 keys, 300 aliases and 200 concepts. Times are CPU of this thread.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from access.keys import KeyRecord, Keys, caller, hash_key
from benchmarks.bodies import coding_agent
from benchmarks.workloads import Figure
from providers.config import ModelConfig, ProviderConfig
from routing.engine import decide
from routing.facts.request_facts import Moment, RequestFacts, TokenRatios, gather
from routing.rules.aliases import AliasIndex, make_alias
from routing.rules.buckets import RuleConfig, RuleIndex, make_rule
from routing.rules.concepts import ConceptConfig, ConceptIndex, words_of
from routing.rules.conditions import parse_conditions
from routing.snapshot import CandidateConfig, RouteConfig, ScenarioConfig, Snapshot

_ROUTES, _RULES, _KEYS, _ALIASES, _CONCEPTS, _TEAMS = 500, 2_000, 5_000, 300, 200, 40
_ROUNDS, _REQUESTS = 5, 2_000
_BAR = 300.0
_MOMENT = Moment.of(datetime(2026, 11, 25, 10, 30, tzinfo=UTC))
_CAN = frozenset({"tools", "images", "thinking", "structured_output"})
_PROVIDER = ProviderConfig(id=1, name="mock", dialect="openai_chat", base_url="http://127.0.0.1")
_HEADERS = {"user-agent": "claude-cli/2.1.330 (external, cli)", "x-claude-code-session-id": "s-1", "accept": "*/*"}
_SENTENCES = ("Now fix the failing test in topic 17.", "Explain the lock.", "Write it in topic 190 style, please.")


def measure() -> list[Figure]:
    """decide() and the facts, p50 and p99."""
    dice = random.Random(7)
    snapshot = _snapshot(dice)
    keys = list(snapshot.keys.values())
    asked = [_facts(dice, number) for number in range(_REQUESTS)]
    secrets = [_secret(dice.randrange(_KEYS)) for _ in asked]
    callers = [dice.choice(keys) for _ in asked]
    body = coding_agent("route-001", "", stream=True)
    request, ratios = msgspec.json.decode(body), TokenRatios()

    def decision(number: int) -> None:
        decide(asked[number], callers[number], snapshot)

    def with_key(number: int) -> None:
        caller({"x-api-key": secrets[number]}, snapshot.keys, 0.0)

    def facts(number: int) -> None:
        gather(request, _HEADERS, len(body), ratios, key=callers[number], now=_MOMENT)

    return [
        *_spread("decide", "decide() among 500 routes, 2,000 rules", decision, len(asked)),
        *_spread("key", "a key found among 5,000", with_key, len(asked)),
        *_spread("facts", "the facts of a 200 KB request", facts, 400),
    ]


def _spread(key: str, what: str, run: Callable[[int], None], count: int) -> list[Figure]:
    """p50 and p99 over `count` runs: the middle one of a few rounds, so that one interruption is no figure."""
    rounds = [_percentiles(run, count) for _ in range(_ROUNDS)]
    return [
        Figure(
            f"{key} {name}",
            f"{what} ({name})",
            sorted(values)[_ROUNDS // 2],
            "µs",
            _BAR if name == "p99" else None,
            rounds=list(values),
        )
        for name, values in zip(("p50", "p99"), zip(*rounds, strict=True), strict=True)
    ]


def _percentiles(run: Callable[[int], None], count: int) -> tuple[float, float]:
    gc.collect()
    taken = []
    for number in range(count):
        began = time.thread_time_ns()
        run(number)
        taken.append((time.thread_time_ns() - began) / 1e3)
    taken.sort()
    return taken[count // 2], taken[count * 99 // 100]


def _secret(number: int) -> str:
    return f"sk-px-{number:032}"


def _snapshot(dice: random.Random) -> Snapshot:
    models = [ModelConfig(id=n, provider_id=1, name=f"model-{n}", capabilities=_CAN) for n in range(50)]
    every = [CandidateConfig(id=n, provider=_PROVIDER, model=model) for n, model in enumerate(models)]
    names = [f"route-{number:03d}" for number in range(_ROUTES)]
    routes = {
        name: RouteConfig(n, name, name, "", tuple(dice.sample(every, 3)), yields=n % 2 == 0, sticky=n % 3 == 0)
        for n, name in enumerate(names)
    }
    return Snapshot(
        keys=Keys(
            KeyRecord(
                id=n, name=f"key-{n}", prefix="sk-px-", hash=hash_key(_secret(n)), team_id=n % _TEAMS, team_name="t"
            )
            for n in range(_KEYS)
        ),
        routes=routes,
        default_route=routes[names[0]],
        candidates={("mock", each.model.name): each for each in every},
        aliases=AliasIndex(
            [make_alias(f"alias-{n}-*" if n % 2 else f"*-alias-{n}", dice.choice(names)) for n in range(_ALIASES)]
        ),
        scenarios={(name, None): ScenarioConfig(routes[names[-1]]) for name in ("image", "long_context")},
        rules=RuleIndex([_rule(dice, rank, dice.choice(names)) for rank in range(_RULES)]),
        concepts=ConceptIndex(
            [
                ConceptConfig(f"c{n}", words_of(f"topic {n}", f"subject {n}, matter {n}"), dice.choice(names), n % 100)
                for n in range(_CONCEPTS)
            ]
        ),
    )


def _rule(dice: random.Random, rank: int, route: str) -> RuleConfig:
    """One of many kinds: most look for one value, some for a size or a pattern, a few can only be asked one by one."""
    kinds: tuple[Sequence[tuple[str, str, Any]], ...] = (
        [("key", "is", f"key-{dice.randrange(_KEYS)}"), ("thinking", "is", True)],
        [("header.x-project", "is", f"project-{rank}")],
        [("tags", "has", f"tag-{rank}"), ("weekday", "in", ["mon", "tue"])],
        [("model", "matches", f"claude-*-{rank}")],
        [("model", "is", f"gpt-{rank}"), ("images", "is", True)],
        [("tokens", "at_least", 1_000 + 400 * rank), ("tools", "has", f"tool-{rank}")],
        [("tokens", "more_than", 300_000 + rank)],
        [("time", "in", f"{rank % 24:02d}:00-{rank % 24:02d}:10"), ("stream", "is", False)],
        [("text", "contains", f"ticket {rank}")] if rank % 10 == 0 else [("metadata.user", "is", f"user-{rank}")],
        [("client_version", "less_than", f"1.{rank}"), ("client", "is", "curl")],
    )
    written = [{"field": field, "operator": operator, "value": value} for field, operator, value in kinds[rank % 10]]
    team = rank % _TEAMS if rank % 4 == 0 else None
    return make_rule(rank, f"rule-{rank}", rank, parse_conditions(written), team_id=team, route=route)


def _facts(dice: random.Random, number: int) -> RequestFacts:
    """Requests of a team's day: names of routes, of aliases and of nothing, short and long, with tools and without."""
    names = (
        f"route-{dice.randrange(_ROUTES):03d}",
        f"x-alias-{dice.randrange(_ALIASES)}",
        "claude-sonnet-5-5-20261021",
    )
    return RequestFacts(
        request_model=names[number % 3],
        streamed=True,
        input_estimate=dice.choice((200, 20_000, 55_000, 150_000)),
        session_id=f"session-{number % 50}",
        client="claude-cli/2.1.330 (external, cli)",
        client_kind="claude-code",
        client_version="2.1.330",
        max_tokens=32_000,
        thinks=number % 2 == 0,
        tools=tuple(f"Tool{n}" for n in range(24)),
        text=dice.choice(_SENTENCES) * dice.choice((1, 40)),
        key=f"key-{dice.randrange(_KEYS)}",
        team="t",
        tags=("ci",),
        clock="10:30",
        weekday="wed",
        headers=_HEADERS,
    )
