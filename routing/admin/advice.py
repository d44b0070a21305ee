"""What is odd about a row without being wrong: told after it is saved, shown in its list. "" where nothing is."""

from __future__ import annotations

from providers.models import Model
from routing.models import Alias, Concept, Route, Rule, ScenarioRoute


def spelled(target: str) -> str:
    """An alias's target as its route or model is spelled; as it was written if there is none such."""
    target = target.strip()
    if Route.objects.filter(name=target).exists():
        return target
    for at, character in enumerate(target):
        if character in ":,":
            named = {"provider__name__iexact": target[:at].strip(), "name": target[at + 1 :].strip()}
            model = Model.objects.select_related("provider").filter(**named).first()
            if model is not None:
                return f"{model.provider.name}:{model.name}"
    return target


def about_alias(alias: Alias) -> str:
    """An alias that leads nowhere, or is never reached."""
    if Route.objects.filter(name=alias.pattern, enabled=True).exists():
        return f"A route is called {alias.pattern}, and routes come first: this alias is never looked at."
    for earlier in Alias.objects.filter(enabled=True).exclude(pk=alias.pk):
        if earlier.pattern.lower() == alias.pattern.lower() and earlier.position <= alias.position:
            return f"{earlier.pattern} is another alias for the same names, and it comes first."
    route = Route.objects.filter(name=alias.target).first()
    if route is not None:
        return "" if route.enabled else _off(route)
    provider, _, name = alias.target.partition(":")
    model = Model.objects.select_related("provider").filter(provider__name=provider, name=name).first()
    if model is None:
        return (
            f"Nothing is called {alias.target} yet: until there is a route or a model of that name, it leads nowhere."
        )
    if not model.enabled or not model.provider.enabled:
        return f"{alias.target} is switched off: until it is switched on, the alias leads nowhere."
    return ""


def about_scenario(scenario: ScenarioRoute) -> str:
    """A scenario whose route is off."""
    return "" if scenario.route.enabled else _off(scenario.route)


def about_concept(concept: Concept) -> str:
    """A concept whose route is off."""
    return "" if concept.route.enabled else _off(concept.route)


def about_rule(rule: Rule) -> str:
    """A rule that leads nowhere."""
    if rule.route is not None:
        return "" if rule.route.enabled else _off(rule.route)
    routes = ScenarioRoute.objects.filter(scenario=rule.scenario, enabled=True, route__enabled=True)
    if rule.team_id is not None:
        routes = routes.filter(team=None) | routes.filter(team=rule.team_id)
    if routes.exists():
        return ""
    return f"The scenario {rule.scenario} has no route yet: until it has one, the rule leads nowhere."


def _off(route: Route) -> str:
    return f"The route {route.name} is switched off: until it is switched on, this leads nowhere."
