"""Converts LiteLLM's model groups to routes: entries of one name become candidates, followed by the fallbacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from configuration.file.schema import AliasEntry, CandidateEntry, RouteEntry
from configuration.foreign.conversion import Conversion
from configuration.foreign.litellm.deployments import Deployment
from configuration.foreign.litellm.unsupported import LITELLM, ROUTER
from configuration.foreign.values import items, mapping, stripped, whole_number

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
_MAX_WEIGHT, _MAX_RETRIES = 32_767, 10


def read(
    conversion: Conversion, value: Mapping[str, Any], deployments: list[Deployment], models: Mapping[str, str]
) -> None:
    """Adds routes and aliases; `models` are `provider:model` by the place of an entry."""
    router, litellm = mapping(value.get("router_settings")), mapping(value.get("litellm_settings"))
    groups: dict[str, list[Deployment]] = defaultdict(list)
    for deployment in deployments:
        if deployment.place in models:
            groups[deployment.offered].append(deployment)
    fallbacks = _fallbacks(conversion, router, litellm, groups)
    order = _order(conversion, router)
    several = [name for name, group in groups.items() if len({models[each.place] for each in group}) > 1]
    retries = _retries(conversion, router, litellm, several)
    for name, group in groups.items():
        # A group with numbered entries is meant to be tried in that order.
        its_order = "sequence" if any(deployment.order for deployment in group) else order
        after = [models[each.place] for other in fallbacks[name] for each in groups[other]]
        _route(conversion, name, _own_candidates(group, models, its_order), after, its_order, retries)
    _aliases(conversion, router.get("model_group_alias"), groups)
    conversion.skip_unknown("router_settings", router, _ROUTER, ROUTER)
    conversion.skip_unknown("litellm_settings", litellm, _LITELLM, LITELLM)


def _retries(conversion: Conversion, router: Mapping[str, Any], litellm: Mapping[str, Any], several: list[str]) -> int:
    """The retries of every route with one candidate of its own; notes what becomes of the number elsewhere."""
    given = whole_number(router.get("num_retries"))
    place = "router_settings.num_retries" if given else "litellm_settings.num_retries"
    given = given or whole_number(litellm.get("num_retries"))
    if given > _MAX_RETRIES:
        conversion.skip(place, f"{given} is more than a route allows: {_MAX_RETRIES} retries.")
    if given and several:
        conversion.skip(
            place,
            f"Routes with several models of their own try the next one instead of retrying: {', '.join(several)}.",
        )
    return min(given, _MAX_RETRIES)


def _order(conversion: Conversion, router: Mapping[str, Any]) -> str:
    strategy = stripped(router.get("routing_strategy")) or "simple-shuffle"
    order = _ORDERS.get(strategy)
    if order is None:
        conversion.skip(
            "router_settings.routing_strategy",
            f"{strategy} is not supported: candidates are chosen at random by weight.",
        )
    elif strategy.startswith("usage-based"):
        conversion.skip(
            "router_settings.routing_strategy", f"{strategy} is not supported: the least busy candidate is tried first."
        )
    return order or "weighted"


def _own_candidates(group: list[Deployment], models: Mapping[str, str], order: str) -> list[CandidateEntry]:
    """The candidates of a group, each once: the keys of one model at one server form one pool of credentials."""
    weights = _weights(group)
    total: dict[str, float] = defaultdict(float)
    for deployment in sorted(group, key=lambda deployment: deployment.order):
        total[models[deployment.place]] += weights[deployment.place]
    scale = max(1.0, max(total.values()) / _MAX_WEIGHT)
    return [
        CandidateEntry(model=model, weight=max(1, round(weight / scale)))
        if order == "weighted" and len(total) > 1
        else CandidateEntry(model=model)
        for model, weight in total.items()
    ]


def _weights(group: list[Deployment]) -> dict[str, float]:
    """The weight of each entry: its own, else its limits as in LiteLLM, else 1 for all."""
    for field in ("weight", "rpm", "tpm"):
        found = {deployment.place: float(getattr(deployment, field)) for deployment in group}
        if any(found.values()):
            return found
    return {deployment.place: 1.0 for deployment in group}


def _route(
    conversion: Conversion, name: str, own: list[CandidateEntry], fallbacks: list[str], order: str, retries: int
) -> None:
    here = {candidate.model for candidate in own}
    after = [model for model in dict.fromkeys(fallbacks) if model not in here]
    route = RouteEntry(name=name)
    candidates = list(own)
    if len(own) > 1 and order != "sequence" and (order == "weighted" or not after):
        route.order = order
        # Candidates of weight 0 are tried after all others.
        candidates += [CandidateEntry(model=model, weight=0) for model in after]
        if len(after) > 1:
            conversion.skip(f"fallbacks of {name}", "They are tried after the route's own models, in random order.")
    else:
        candidates += [CandidateEntry(model=model) for model in after]
        if len(own) > 1 and order != "sequence":
            conversion.skip(
                f"fallbacks of {name}", f"A route with fallbacks tries its models in sequence, not {order}."
            )
    route.candidates = candidates
    if retries and len(own) == 1:
        route.retries = retries
    needed = len(candidates) + (retries if len(own) == 1 else 0)
    if needed > 4:
        route.attempts = min(needed, 50)
    conversion.configuration.routes.append(route)


def _fallbacks(
    conversion: Conversion, router: Mapping[str, Any], litellm: Mapping[str, Any], groups: Mapping[str, Any]
) -> dict[str, list[str]]:
    """The fallback groups of each group: its own, those for long prompts, and the default ones."""
    found: dict[str, list[str]] = defaultdict(list)
    for where, settings in (("router_settings", router), ("litellm_settings", litellm)):
        for kind in ("fallbacks", "context_window_fallbacks"):
            for number, entry in enumerate(items(settings.get(kind))):
                place = f"{where}.{kind}[{number}]"
                if kind == "context_window_fallbacks" and mapping(entry):
                    conversion.skip(place, "They are tried after any failure, not only for a prompt that is too long.")
                for name, others in mapping(entry).items():
                    _add_fallbacks(
                        conversion, place, name, others if isinstance(others, list) else [others], found, groups
                    )
        for other in items(settings.get("default_fallbacks")):
            if stripped(other) in groups:
                for name in groups:
                    found[name].append(other)
            else:
                conversion.skip(f"{where}.default_fallbacks", f"{_named(other)}: No such route.")
    return found


def _add_fallbacks(
    conversion: Conversion,
    place: str,
    name: str,
    others: list[Any],
    found: dict[str, list[str]],
    groups: Mapping[str, Any],
) -> None:
    for other in others:
        if name == "*":
            conversion.skip(place, "Fallbacks for every name are not supported. Add them to each route.")
        elif name not in groups or stripped(other) not in groups:
            conversion.skip(place, f"{name} → {_named(other)}: No such route.")
        else:
            found[name].append(other)


def _named(other: Any) -> str:
    return other if isinstance(other, str) else "(not a name)"


def _aliases(conversion: Conversion, given: Any, groups: Mapping[str, Any]) -> None:
    for alias, entry in mapping(given).items():
        target = stripped(mapping(entry).get("model")) or stripped(entry)
        if target in groups:
            conversion.configuration.aliases.append(AliasEntry(pattern=alias, target=target))
        else:
            conversion.skip(f"router_settings.model_group_alias.{alias}", f"{_named(target)}: No such route.")
