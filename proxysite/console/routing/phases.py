"""The phases of routing in the order in which they decide, with what each holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from django.conf import settings
from django.db.models import Model as Row
from django.db.models import Prefetch
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from proxysite.console.routing.counts import Counts
from routing.admin.unreachable import Unreachable
from routing.admin.wording import in_words
from routing.models import Alias, Candidate, Concept, Route, Rule, ScenarioRoute
from routing.phases.scenarios import LONG_CONTEXT, SCENARIOS
from routing.rules.concepts import words_of
from routing.rules.conditions import ConditionError, parse_conditions
from usage.admin.filters import rows_url
from usage.reports.decisions import Decisions

SHOWN = 50
"""Rows of one kind that the page shows; the rest are in their own list."""
_WORDS_SHOWN = 6
_AFTER_RULES = ("scenarios", "custom", "concepts", "default_route")


class Item(msgspec.Struct, frozen=True):
    """A row of one kind: what it does in words, and where it leads.

    `never` says why it can never match. `requests` is None for whoever may not see usage.
    """

    kind: str
    name: str
    url: str
    words: str = ""
    target: str = ""
    target_url: str = ""
    requests: int | None = None
    rows_url: str = ""
    explain_url: str = ""
    is_off: bool = False
    never: str = ""
    note: str = ""


class Part(msgspec.Struct, frozen=True):
    """The rows of one kind in a phase, in order: those shown, how many there are, and their list."""

    title: str
    items: list[Item]
    total: int
    url: str

    @property
    def explains(self) -> bool:
        """Whether requests for one of them can be explained by its name."""
        return any(item.explain_url for item in self.items)

    @property
    def rest(self) -> int:
        """How many are not shown."""
        return self.total - len(self.items)


class Phase(msgspec.Struct, frozen=True):
    """A phase, as routing.phases names it. `lines` say what it does and what it has beside its parts."""

    name: str
    title: str
    lines: list[str]
    parts: list[Part] = []
    requests: int | None = None
    rows_url: str = ""
    never: str = ""


class Overview:
    """What the page shows of the configuration, for one reader."""

    def __init__(self, request: HttpRequest, decided: Decisions | None) -> None:
        self._may: Callable[[str], bool] = lambda kind: request.user.has_perm(f"routing.view_{kind}")
        self._unreachable = Unreachable()
        self._routes = list(Route.objects.order_by("name"))
        scenarios = self._rows("scenarioroute", ScenarioRoute.objects.select_related("team", "route"))
        order = [name for name, _ in SCENARIOS]
        self._scenarios = sorted(scenarios, key=lambda row: (order.index(row.scenario), row.team_id is not None))
        self._rules = self._rows("rule", Rule.objects.select_related("team", "route"))
        self._aliases = self._rows("alias", Alias.objects.all())
        self._concepts = self._rows("concept", Concept.objects.select_related("route"))
        self._urls = {route.name: reverse("admin:routing_route_change", args=[route.pk]) for route in self._routes}
        names = frozenset(self._urls)
        self.counts = None if decided is None else Counts(decided.matched, self._scenarios, names)

    def never(self) -> list[Item]:
        """Returns everything enabled that can never match, in the order of the phases."""
        rows = [*self._aliases, *self._rules, *self._scenarios, *self._concepts]
        return [self._item(row) for row in rows if self._never(row)]

    def phases(self) -> list[Phase]:
        """Returns all phases in their order."""
        usual = [row for row in self._scenarios if row.scenario != "default"]
        last = [row for row in self._scenarios if row.scenario == "default"]
        return [
            self._phase(
                "subagent_tag",
                "Subagent tag",
                "What a <CCR-SUBAGENT-MODEL> tag in the prompt names, as the next phase understands names.",
            ),
            self._phase(
                "name",
                "Name",
                "The route that the request's model names, or the first alias that matches and leads somewhere, or one "
                "model as provider:model; then the same without a date or -latest. A route that yields to rules is "
                "used where no later phase chooses.",
                *self._single_models(),
                parts=[self._routes_part(), self._part("Aliases", "alias", self._aliases)],
            ),
            self._phase(
                "rules",
                "Rules",
                "The first rule that holds, and whose route the client key may use.",
                parts=[self._part("Rules", "rule", self._rules)],
            ),
            self._phase(
                "scenarios",
                "Scenarios",
                "The first kind of request that this one is and that has a route, the team's own before every team's.",
                parts=[self._part("Scenarios", "scenarioroute", usual)],
            ),
            self._phase("custom", "Custom function", _custom()),
            self._phase(
                "concepts",
                "Concepts",
                "Words in the user's last message, by priority, where a model of the route can do what is asked for.",
                parts=[self._part("Concepts", "concept", self._concepts)],
            ),
            self._phase(
                "default_route",
                "Default",
                "The route of the scenario default, else the default route. Without either the client gets a 404.",
                parts=[self._part("Scenarios", "scenarioroute", last), self._default_part()],
            ),
        ]

    def _phase(self, name: str, title: str, *lines: str, parts: Iterable[Part | None] = ()) -> Phase:
        requests = None if self.counts is None else self.counts.of_phase(name)
        there = [part for part in parts if part is not None]
        never = self._unreachable.after_rules(None) if name in _AFTER_RULES and self._may("rule") else ""
        return Phase(name, title, list(lines), there, requests, rows_url(phase=name) if requests else "", never)

    def _rows(self, kind: str, rows: Any) -> list[Any]:
        return list(rows) if self._may(kind) else []

    def _single_models(self) -> list[str]:
        if self.counts is None or not self.counts.single_models:
            return []
        return [f"{self.counts.single_models:,} named one model at its provider."]

    def _part(self, title: str, kind: str, rows: Sequence[Any]) -> Part | None:
        if not self._may(kind):
            return None
        items = [self._item(row) for row in rows[:SHOWN]]
        return Part(title, items, len(rows), reverse(f"admin:routing_{kind}_changelist"))

    def _routes_part(self) -> Part:
        """The routes, those first that requests name."""
        counts = self.counts
        if counts is not None:
            self._routes.sort(key=lambda route: (-counts.of("name", route.name), route.name))
        shown = self._with_candidates(self._routes[:SHOWN])
        items = [self._route(route, "name") for route in shown]
        return Part("Routes", items, len(self._routes), reverse("admin:routing_route_changelist"))

    def _default_part(self) -> Part | None:
        shown = self._with_candidates([route for route in self._routes if route.is_default])
        items = [self._route(route, "default_route") for route in shown]
        return Part("Default route", items, len(items), reverse("admin:routing_route_changelist")) if items else None

    def _with_candidates(self, routes: Sequence[Route]) -> list[Route]:
        usable = Candidate.objects.filter(enabled=True, model__enabled=True, model__provider__enabled=True)
        ordered = usable.order_by("position", "id").select_related("model__provider")
        found = Route.objects.prefetch_related(Prefetch("candidates", ordered, to_attr="usable"))
        by_id = found.in_bulk([route.pk for route in routes])
        return [by_id[route.pk] for route in routes if route.pk in by_id]

    def _route(self, route: Any, phase: str) -> Item:
        names = [str(candidate.model) for candidate in route.usable]
        return Item(
            "route",
            route.name,
            self._urls[route.name],
            words=_in_order(names, route.order),
            note="yields to rules" if route.yields and phase == "name" else "",
            is_off=not route.enabled,
            never="" if names or not route.enabled else "Nothing answers: every request that gets here fails.",
            explain_url=_explain_url(route.name),
            **self._requests(phase, route.name),
        )

    def _item(self, row: Any) -> Item:
        """What is shown of an alias, a rule, a scenario or a concept."""
        show: dict[type[Row], Callable[[Any], dict[str, Any]]] = {
            Alias: self._alias, Rule: self._rule, ScenarioRoute: self._scenario, Concept: self._concept,
        }  # fmt: skip
        kind = str(row._meta.verbose_name)
        return Item(kind, url=_url(row), is_off=not row.enabled, never=self._never(row), **show[type(row)](row))

    def _never(self, row: Any) -> str:
        ask: dict[type[Row], Callable[[Any], str]] = {
            Alias: self._unreachable.alias,
            Rule: self._unreachable.rule,
            ScenarioRoute: self._unreachable.scenario,
            Concept: self._unreachable.concept,
        }
        return ask[type(row)](row) if row.enabled else ""

    def _alias(self, alias: Alias) -> dict[str, Any]:
        # The list of requests has no filter for the name that was asked for.
        requests = None if self.counts is None else self.counts.of_alias(alias)
        explain = "" if "*" in alias.pattern else _explain_url(alias.pattern)
        return {"name": alias.pattern, "requests": requests, "explain_url": explain, **self._target(alias.target)}

    def _rule(self, rule: Rule) -> dict[str, Any]:
        try:
            words = in_words(parse_conditions(rule.conditions), rule.match)
        except ConditionError as error:
            words = f"invalid: {error}"
        note = "" if rule.team is None else f"team {rule.team.name}"
        leads = {"target": f"scenario {rule.scenario.replace('_', ' ')}"}
        target = leads if rule.route is None else self._target(rule.route.name)
        return {"name": rule.name, "words": words, "note": note, **target, **self._requests("rules", rule.name)}

    def _scenario(self, row: ScenarioRoute) -> dict[str, Any]:
        words = ScenarioRoute.Scenario(row.scenario).label.partition(": ")[2]
        if row.scenario == ScenarioRoute.Scenario.LONG_CONTEXT:
            words = f"the prompt has {LONG_CONTEXT if row.threshold is None else row.threshold:,} tokens or more"
        note = "" if row.team is None else f"team {row.team.name}"
        phase = "default_route" if row.scenario == "default" else "scenarios"
        requests = None if self.counts is None else self.counts.of_scenario(row)
        url = rows_url(phase=phase, rule=row.scenario)
        if row.team_id is not None:
            url = rows_url(phase=phase, rule=row.scenario, team=row.team_id)
        return {
            "name": row.scenario.replace("_", " "), "words": words, "note": note, "requests": requests,
            "rows_url": url if requests else "",
            **self._target(row.route.name),
        }  # fmt: skip

    def _concept(self, concept: Concept) -> dict[str, Any]:
        words = words_of(concept.name, concept.synonyms)
        shown = ", ".join(f"“{word}”" for word in words[:_WORDS_SHOWN])
        more = f" and {len(words) - _WORDS_SHOWN} more" if len(words) > _WORDS_SHOWN else ""
        requests = self._requests("concepts", concept.name)
        return {"name": concept.name, "words": shown + more, **self._target(concept.route.name), **requests}

    def _target(self, name: str) -> dict[str, str]:
        return {"target": name, "target_url": self._urls.get(name, "")}

    def _requests(self, phase: str, name: str) -> dict[str, Any]:
        if self.counts is None:
            return {}
        requests = self.counts.of(phase, name)
        return {"requests": requests, "rows_url": rows_url(phase=phase, rule=name) if requests else ""}


def _custom() -> str:
    if settings.CUSTOM_ROUTER:
        return f"What the function {settings.CUSTOM_ROUTER} returns for a request."
    return "What a function of your own returns for a request. None is set (CUSTOM_ROUTER), so nothing is asked."


def _in_order(names: list[str], order: str) -> str:
    if len(names) < 2:
        return "".join(names)
    shown = [*names[:3], f"{len(names) - 3} more"] if len(names) > 3 else names
    if order == Route.Order.SEQUENCE:
        return ", then ".join(shown)
    return f"{', '.join(shown)}: {Route.Order(order).label}"


def _explain_url(name: str) -> str:
    return f"{reverse('console:explain')}?{urlencode({'route': name})}"


def _url(row: Row) -> str:
    return reverse(f"admin:routing_{row._meta.model_name}_change", args=[row.pk])
