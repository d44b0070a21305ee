"""The admin page of rules."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from proxysite.console.related import VisibleRelatedFilter
from routing.admin import advice, sentences
from routing.admin.advice import AdviceAdmin, route_label
from routing.admin.forms import RuleForm
from routing.admin.steps import explain_step
from routing.admin.wording import in_words
from routing.models import Rule
from routing.rules.conditions import ConditionError, parse_conditions


@admin.register(Rule)
class RuleAdmin(AdviceAdmin):
    """Rules, in the order in which they are tested."""

    class Media:
        js = ("proxysite/order.js",)

    form = RuleForm
    list_display = ["name", "priority", "for_team", "when", "then", "enabled"]
    list_editable = ["priority", "enabled"]
    ordering_field = "priority"
    list_filter = [("team", VisibleRelatedFilter), ("route", VisibleRelatedFilter), "scenario", "enabled"]
    list_filter_submit = True
    list_select_related = ["team", "route"]
    change_form_outer_after_template = "playground/of_rule.html"
    search_fields = ["name", "route__name", "conditions"]
    search_help_text = "Name, route, or a word of a condition"
    autocomplete_fields = ["team", "route"]
    fieldsets = [
        (None, {"fields": ["name", ("priority", "enabled"), "team"]}),
        ("When", {"fields": ["match", "conditions"]}),
        ("Then", {"fields": ["route", "scenario"]}),
    ]
    actions = ["switch_on", "switch_off"]

    def advice(self, row: Any) -> str:
        """Returns advice about a rule."""
        return advice.about_rule(row)

    def sentence(self, row: Any) -> str:
        """Returns when it holds, and where requests go."""
        return sentences.of_rule(row)

    def next_steps(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        """To an explanation, which says whether the rule holds."""
        return explain_step(request, "")

    @display(description="Team", ordering="team__name")
    def for_team(self, rule: Rule) -> str:
        return rule.team.name if rule.team is not None else "every team"

    @display(description="When")
    def when(self, rule: Rule) -> str:
        """Returns the conditions in words."""
        try:
            return in_words(parse_conditions(rule.conditions), rule.match)
        except ConditionError as error:
            return f"invalid: {error}"

    @display(description="Then")
    def then(self, rule: Rule) -> str:
        """Returns the route or the scenario."""
        return route_label(rule.route) if rule.route is not None else f"the scenario {rule.scenario.replace('_', ' ')}"

    @admin.action(description="Switch on", permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        """Enables the selected rules."""
        self.message_user(request, f"Switched on: {queryset.update(enabled=True)}.")

    @admin.action(description="Switch off", permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        """Disables the selected rules."""
        self.message_user(request, f"Switched off: {queryset.update(enabled=False)}.")
