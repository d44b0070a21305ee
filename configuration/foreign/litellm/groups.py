"""LiteLLM's model groups as routes: the entries of one name are its candidates, fallbacks come behind them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from configuration.file.schema import AliasEntry, CandidateEntry, RouteEntry
from configuration.foreign.conversion import Draft
from configuration.foreign.litellm.deployments import Deployment
from configuration.foreign.litellm.unsupported import LITELLM, ROUTER
from configuration.foreign.values import items, mapping, whole, word

_ORDERS = {
    "simple-shuffle": "weighted",
    "least-busy": "least_busy",
    "latency-based-routing": "fastest",
    "cost-based-routing": "cheapest",
    "usage-based-routing": "least_busy",
    "usage-based-routing-v2": "least_busy",
}
_ROUTER = frozenset(
    {
        *("routing_strategy", "fallbacks", "context_window_fallbacks", "default_fallbacks", "num_retries"),
        *("timeout", "stream_timeout", "model_group_alias", "routing_strategy_args", "enable_pre_call_checks"),
    }
)
_LITELLM = frozenset(
    {
        *("fallbacks", "context_window_fallbacks", "default_fallbacks", "num_retries", "request_timeout"),
        *("drop_params", "modify_params"),
    }
)
_MOST_WEIGHT, _MOST_RETRIES = 32_767, 10


def read(draft: Draft, value: Mapping[str, Any], deployments: list[Deployment], models: Mapping[str, str]) -> None:
    """Routes and aliases into the draft; `models` are `provider:model` by the place of an entry."""
    router, litellm = mapping(value.get("router_settings")), mapping(value.get("litellm_settings"))
    groups: dict[str, list[Deployment]] = defaultdict(list)
    for deployment in deployments:
        if deployment.place in models:
            groups[deployment.offered].append(deployment)
    behind = _behind(draft, router, litellm, groups)
    order = _order(draft, router)
    retries = min(whole(router.get("num_retries")) or whole(litellm.get("num_retries")), _MOST_RETRIES)
    for name, group in groups.items():
        # Who numbers the entries of a group wants them in that order.
        its_order = "sequence" if any(deployment.order for deployment in group) else order
        after = [models[each.place] for other in behind[name] for each in groups[other]]
        _route(draft, name, _own(group, models, its_order), after, its_order, retries)
    _aliases(draft, router.get("model_group_alias"), groups)
    draft.rest("router_settings", router, _ROUTER, ROUTER)
    draft.rest("litellm_settings", litellm, _LITELLM, LITELLM)


def _order(draft: Draft, router: Mapping[str, Any]) -> str:
    strategy = word(router.get("routing_strategy")) or "simple-shuffle"
    order = _ORDERS.get(strategy)
    if order is None:
        draft.lose("router_settings.routing_strategy", f"{strategy}: candidates are tried by chance, by weight.")
    elif strategy.startswith("usage-based"):
        draft.lose("router_settings.routing_strategy", f"{strategy}: the least busy candidate is tried first.")
    return order or "weighted"


def _own(group: list[Deployment], models: Mapping[str, str], order: str) -> list[CandidateEntry]:
    """The candidates of a group, each once: keys of one model at one server are a pool behind one candidate."""
    heavy = _weights(group)
    total: dict[str, float] = defaultdict(float)
    for deployment in sorted(group, key=lambda deployment: deployment.order):
        total[models[deployment.place]] += heavy[deployment.place]
    scale = max(1.0, max(total.values()) / _MOST_WEIGHT)
    return [
        CandidateEntry(model=model, weight=max(1, round(weight / scale)))
        if order == "weighted" and len(total) > 1
        else CandidateEntry(model=model)
        for model, weight in total.items()
    ]


def _weights(group: list[Deployment]) -> dict[str, float]:
    """How often each entry is taken: by its weight, else by its limits, as LiteLLM does; else all alike."""
    for field in ("weight", "rpm", "tpm"):
        found = {deployment.place: float(getattr(deployment, field)) for deployment in group}
        if any(found.values()):
            return found
    return {deployment.place: 1.0 for deployment in group}


def _route(draft: Draft, name: str, own: list[CandidateEntry], behind: list[str], order: str, retries: int) -> None:
    here = {candidate.model for candidate in own}
    after = [model for model in dict.fromkeys(behind) if model not in here]
    route = RouteEntry(name=name)
    candidates = list(own)
    if len(own) > 1 and order != "sequence" and (order == "weighted" or not after):
        route.order = order
        # Weight nothing: after all that have any.
        candidates += [CandidateEntry(model=model, weight=0) for model in after]
        if len(after) > 1:
            draft.lose(f"fallbacks of {name}", "they come after its own models, but in no order among themselves.")
    else:
        candidates += [CandidateEntry(model=model) for model in after]
        if len(own) > 1 and order != "sequence":
            draft.lose(f"fallbacks of {name}", f"with them its models are tried in sequence, not {order}.")
    route.candidates = candidates
    if retries and len(own) == 1:
        route.retries = retries
    needed = len(candidates) + (retries if len(own) == 1 else 0)
    if needed > 4:
        route.attempts = min(needed, 50)
    draft.configuration.routes.append(route)


def _behind(
    draft: Draft, router: Mapping[str, Any], litellm: Mapping[str, Any], groups: Mapping[str, Any]
) -> dict[str, list[str]]:
    """The groups behind each group: its fallbacks, those for long prompts, and those of all."""
    found: dict[str, list[str]] = defaultdict(list)
    for where, settings in (("router_settings", router), ("litellm_settings", litellm)):
        for kind in ("fallbacks", "context_window_fallbacks"):
            for number, entry in enumerate(items(settings.get(kind))):
                place = f"{where}.{kind}[{number}]"
                for name, others in mapping(entry).items():
                    for other in others if isinstance(others, list) else [others]:
                        if name == "*":
                            draft.lose(place, "fallbacks for every name: give them to each route.")
                        elif name not in groups or word(other) not in groups:
                            draft.lose(place, f"{name} → {_named(other)}: there is no such route.")
                        else:
                            found[name].append(other)
        for other in items(settings.get("default_fallbacks")):
            if word(other) in groups:
                for name in groups:
                    found[name].append(other)
            else:
                draft.lose(f"{where}.default_fallbacks", f"{_named(other)}: there is no such route.")
    return found


def _named(other: Any) -> str:
    return other if isinstance(other, str) else "an entry of its own"


def _aliases(draft: Draft, given: Any, groups: Mapping[str, Any]) -> None:
    for alias, told in mapping(given).items():
        target = word(mapping(told).get("model")) or word(told)
        if target in groups:
            draft.configuration.aliases.append(AliasEntry(pattern=alias, target=target))
        else:
            draft.lose(f"router_settings.model_group_alias.{alias}", f"{_named(target)}: there is no such route.")
