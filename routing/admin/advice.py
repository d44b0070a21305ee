"""Advice about rows that are valid and have no effect: shown after saving, and marked in lists."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.utils.html import format_html

from providers.models import Model
from routing.admin.steps import NextSteps
from routing.admin.unreachable import Unreachable
from routing.models import Alias, Concept, Route, Rule, ScenarioRoute


class AdviceAdmin(NextSteps):
    """A page that shows advice about the row that was saved."""

    def advice(self, row: Any) -> str:
        """Returns a sentence about a row without effect; "" when there is nothing to say."""
        return ""

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm[Any], change: bool) -> None:
        """Saves the row, and shows the advice about it."""
        super().save_model(request, obj, form, change)
        text = self.advice(obj) if obj.enabled else ""
        if text:
            messages.warning(request, text)


def route_label(route: Route) -> str:
    """Returns a route's name, marked where it is switched off."""
    return route.name if route.enabled else marked(f"{route.name} (switched off)")


def marked(text: str) -> str:
    """Returns the text in red."""
    return format_html('<span class="text-red-700 dark:text-red-400">{}</span>', text)


def canonical_target(target: str) -> str:
    """Returns an alias's target as its route or model is spelled; unchanged if there is no such route or model."""
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
    """Returns advice about an alias without effect."""
    return Unreachable().alias(alias)


def about_scenario(scenario: ScenarioRoute) -> str:
    """Returns advice about a scenario whose route is switched off."""
    return Unreachable().scenario(scenario)


def about_concept(concept: Concept) -> str:
    """Returns advice about a concept without effect."""
    return Unreachable().concept(concept)


def about_rule(rule: Rule) -> str:
    """Returns advice about a rule without effect."""
    return Unreachable().rule(rule)
