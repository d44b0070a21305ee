"""The admin pages of aliases, scenarios and concepts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Case, Exists, F, Max, OuterRef, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Concat
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from providers.models import Model
from proxysite.console.related import VisibleRelatedFilter
from routing.admin import advice, sentences
from routing.admin.advice import AdviceAdmin, marked, route_label
from routing.admin.forms import AliasForm, ConceptForm, ScenarioForm
from routing.admin.steps import explain_step
from routing.models import Alias, Concept, Route, ScenarioRoute
from routing.phases.scenarios import LONG_CONTEXT
from routing.rules.concepts import words_of


@admin.register(Alias)
class AliasAdmin(AdviceAdmin):
    """Aliases, in the order in which they are compared; drag a row to move it."""

    form = AliasForm

    class Media:
        js = ("proxysite/order.js",)

    list_display = ("pattern", "leads_to", "enabled")
    list_editable = ("enabled",)
    named_by = "pattern"
    list_filter = ["enabled"]
    search_fields = ["pattern", "target"]
    ordering_field = "position"
    hide_ordering_field = True
    fields = ["pattern", "target", "enabled"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alias]:
        """Adds `target_exists`: whether the target is there and switched on."""
        aliases: QuerySet[Alias] = super().get_queryset(request)
        models = Model.objects.annotate(full=Concat(F("provider__name"), Value(":"), F("name")))
        return aliases.annotate(
            target_exists=Q(Exists(Route.objects.filter(name=OuterRef("target"), enabled=True)))
            | Q(Exists(models.filter(full=OuterRef("target"), enabled=True, provider__enabled=True)))
        )

    def save_model(self, request: HttpRequest, obj: Alias, form: forms.ModelForm[Any], change: bool) -> None:
        """Saves the alias; a new one is compared last."""
        if not change:
            highest = Alias.objects.aggregate(highest=Max("position"))["highest"]
            obj.position = 0 if highest is None else highest + 1
        super().save_model(request, obj, form, change)

    def advice(self, row: Any) -> str:
        """Returns advice about an alias."""
        return advice.about_alias(row)

    def sentence(self, row: Any) -> str:
        """Returns which requests get where."""
        return sentences.of_alias(row)

    def next_steps(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        """To an explanation of a request for that name."""
        return [] if "*" in row.pattern else explain_step(request, row.pattern)

    @display(description="Leads to", ordering="target")
    def leads_to(self, alias: Any) -> str:
        """Returns the route or the model."""
        return alias.target if alias.target_exists else marked(f"{alias.target} (missing or switched off)")


@admin.register(ScenarioRoute)
class ScenarioAdmin(AdviceAdmin):
    """Scenarios, in the order in which they are checked."""

    form = ScenarioForm
    list_display = ["scenario", "for_team", "goes_to", "from_tokens", "enabled"]
    list_editable = ["enabled"]
    named_by = ""
    list_filter = ["scenario", ("team", VisibleRelatedFilter), ("route", VisibleRelatedFilter), "enabled"]
    list_filter_submit = True
    list_select_related = ["team", "route"]
    search_fields = ["scenario", "route__name", "team__name"]
    autocomplete_fields = ["team", "route"]
    fields = ["scenario", "team", "route", "threshold", "enabled"]

    def get_ordering(self, request: HttpRequest) -> Any:
        """Returns the order in which scenarios are checked."""
        checked = [When(scenario=name, then=at) for at, name in enumerate(ScenarioRoute.Scenario.values)]
        return [Case(*checked, default=len(checked)), "team__name"]

    def advice(self, row: Any) -> str:
        """Returns advice about a scenario."""
        return advice.about_scenario(row)

    def sentence(self, row: Any) -> str:
        """Returns which requests get where."""
        return sentences.of_scenario(row)

    @display(description="Team", ordering="team__name")
    def for_team(self, scenario: ScenarioRoute) -> str:
        return scenario.team.name if scenario.team is not None else "every team"

    @display(description="Route", ordering="route__name")
    def goes_to(self, scenario: ScenarioRoute) -> str:
        return route_label(scenario.route)

    @display(description="From", empty_value="")
    def from_tokens(self, scenario: ScenarioRoute) -> str | None:
        """Returns the threshold of long context."""
        if scenario.scenario != ScenarioRoute.Scenario.LONG_CONTEXT:
            return None
        return f"{LONG_CONTEXT if scenario.threshold is None else scenario.threshold:,} tokens"


@admin.register(Concept)
class ConceptAdmin(AdviceAdmin):
    """Concepts, by priority."""

    form = ConceptForm
    list_display = ["name", "priority", "words", "goes_to", "enabled"]
    list_editable = ["priority", "enabled"]
    list_filter = [("route", VisibleRelatedFilter), "enabled"]
    list_filter_submit = True
    list_select_related = ["route"]
    search_fields = ["name", "synonyms", "route__name"]
    autocomplete_fields = ["route"]
    fields = ["name", "synonyms", "route", ("priority", "enabled")]
    formfield_overrides = {TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})}}

    def advice(self, row: Any) -> str:
        """Returns advice about a concept."""
        return advice.about_concept(row)

    def sentence(self, row: Any) -> str:
        """Returns which requests get where."""
        return sentences.of_concept(row)

    @display(description="Words")
    def words(self, concept: Concept) -> str:
        """Returns all words that are searched for."""
        return ", ".join(words_of(concept.name, concept.synonyms))

    @display(description="Route", ordering="route__name")
    def goes_to(self, concept: Concept) -> str:
        return route_label(concept.route)
