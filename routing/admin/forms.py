"""The forms of routes and of what leads to them; each error is shown at the field that has to be changed."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import INPUT_CLASSES, SELECT_CLASSES, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from providers.models import Model
from proxysite.console.form_fields import JsonField, NamedOnce, explain_choices
from routing.admin.advice import canonical_target
from routing.admin.wording import editor
from routing.models import Alias, Concept, Route, Rule, ScenarioRoute
from routing.rules.concepts import words_of


class ConditionsWidget(UnfoldAdminTextareaWidget):
    """A text area of JSON that the browser turns into rows; without scripts it stays a text area."""

    class Media:
        js = ("proxysite/conditions.js",)

    def __init__(self) -> None:
        super().__init__({"rows": 8, "class": "gw-json", "spellcheck": "false"})

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Adds the data of the condition editor."""
        context: dict[str, Any] = super().get_context(name, value, attrs)
        styles = {"input": " ".join(INPUT_CLASSES), "select": " ".join(SELECT_CLASSES)}
        context["widget"]["attrs"]["data-conditions"] = json.dumps({**editor(), "looks": styles})
        return context


class TargetWidget(UnfoldAdminTextInputWidget):
    """A text input that suggests routes and models while typing."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Adds the list of suggestions."""
        suggestions = f"{name}-suggestions"
        field = super().render(name, value, {**(attrs or {}), "list": suggestions, "autocomplete": "off"}, renderer)
        models = Model.objects.filter(enabled=True).values_list("provider__name", "name")
        names = [
            *Route.objects.filter(enabled=True).values_list("name", flat=True),
            *(f"{provider}:{model}" for provider, model in models.order_by("provider__name", "name")),
        ]
        options = format_html_join("", '<option value="{}"></option>', ((each,) for each in names))
        return format_html('{}<datalist id="{}">{}</datalist>', field, suggestions, options)


_ORDERS = {
    Route.Order.SEQUENCE: "The first candidate is asked; the next only when it fails or is not available.",
    Route.Order.WEIGHTED: "One is drawn for each request, by the candidates' weights; the rest stand in for it.",
    Route.Order.CHEAPEST: "By what the request would cost at today's prices; models without prices come last.",
    Route.Order.FASTEST: "By the time to the first token as it was lately; those that were not asked yet come first.",
    Route.Order.LEAST_BUSY: "By the requests that each has at this moment in a worker.",
}
_ANSWERS = {
    Route.Answer.ASKED: "Clients see the name that they asked for, whichever model answered.",
    Route.Answer.REAL: "Clients see which model answered.",
}


class RouteForm(forms.ModelForm):  # type: ignore[type-arg]
    """The form of a route."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, meanings in (("order", _ORDERS), ("answers_as", _ANSWERS)):
            if name in self.fields:
                explain_choices(self.fields[name], meanings)

    class Meta:
        model = Route
        exclude = ()
        error_messages = {
            "name": {"unique": "Another route has this name: choose a different one, or edit that route."}
        }

    def clean_is_default(self) -> bool:
        """Rejects a second default route, and names the first."""
        wanted: bool = self.cleaned_data["is_default"]
        other = Route.objects.filter(is_default=True).exclude(pk=self.instance.pk).first()
        if wanted and other is not None:
            raise forms.ValidationError(f"{other.name} is the default route already: switch it off there first.")
        return wanted


class EachModelOnce(NamedOnce):
    """The formset of a route's candidates."""

    once = "model"
    message = "This model is in the route twice: a route tries each model once. Remove one of the rows."

    def add_fields(self, form: Any, index: int | None) -> None:
        """Names the inputs: in a table they have no labels of their own."""
        super().add_fields(form, index)
        of = f"of {form.instance.model.name}" if form.instance.model_id else "of a new candidate"
        for name in ("weight", "enabled"):
            form.fields[name].widget.attrs["aria-label"] = f"{name.capitalize()} {of}"

    def clean(self) -> None:
        """Puts a row that was added and not dragged last, not first."""
        super().clean()
        rows = [form for form in self.forms if form not in self.deleted_forms and getattr(form, "cleaned_data", {})]
        positions = [form.cleaned_data.get("position") or 0 for form in rows]
        dragged = any("position" in form.changed_data for form in rows)
        last = max(positions, default=0)
        for form, position in zip(rows, positions, strict=True):
            untouched = form.instance.pk is None and "position" not in form.changed_data
            if untouched and len(rows) > 1 and (not dragged or positions.count(position) > 1):
                last += 1
                form.instance.position = last


class AliasForm(forms.ModelForm):  # type: ignore[type-arg]
    """The form of an alias. A target that does not exist yet may be saved: the page shows advice."""

    class Meta:
        model = Alias
        fields = ("pattern", "target", "enabled")
        widgets = {"target": TargetWidget()}
        error_messages = {"pattern": {"unique": "Another alias has this pattern: edit that one."}}

    def clean_target(self) -> str:
        """Returns the target as the route or the model is spelled."""
        return canonical_target(self.cleaned_data["target"])


class ScenarioForm(forms.ModelForm):  # type: ignore[type-arg]
    """The form of a scenario."""

    class Meta:
        model = ScenarioRoute
        exclude = ()

    def clean(self) -> dict[str, Any]:
        """Requires one route per scenario and team, and a threshold only where it is used."""
        data: dict[str, Any] = super().clean() or {}
        scenario, team = data.get("scenario"), data.get("team")
        if scenario and "team" in data:
            same = ScenarioRoute.objects.filter(scenario=scenario, team=team).exclude(pk=self.instance.pk).first()
            if same is not None:
                owner = f"The team {team.name}" if team is not None else "Every team"
                self.add_error(
                    "scenario", f"{owner} already has the route {same.route.name} for {scenario}: edit that scenario."
                )
        if data.get("threshold") is not None and scenario != ScenarioRoute.Scenario.LONG_CONTEXT:
            self.add_error("threshold", "Only long context has a threshold: leave this field empty.")
        return data


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """The form of a rule."""

    conditions = JsonField(
        list,
        "What a request must be like. docs/routing.md lists the fields. A rule without conditions always holds.",
    )

    class Meta:
        model = Rule
        exclude = ()
        error_messages = {"name": {"unique": "Another rule has this name: choose a different one, or edit that rule."}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["conditions"].widget = ConditionsWidget()

    def clean(self) -> dict[str, Any]:
        """Requires a route or a scenario, not both."""
        data: dict[str, Any] = super().clean() or {}
        route, scenario = data.get("route"), data.get("scenario")
        if route is not None and scenario:
            self.add_error("scenario", "A rule has a route or a scenario, not both: leave one of the two empty.")
        elif route is None and not scenario and not {"route", "scenario"} & set(self.errors):
            self.add_error("route", "Choose a route or a scenario.")
        return data


class ConceptForm(forms.ModelForm):  # type: ignore[type-arg]
    """The form of a concept."""

    class Meta:
        model = Concept
        exclude = ()
        error_messages = {"name": {"unique": "Another concept has this name: edit that one."}}

    def clean(self) -> dict[str, Any]:
        """Requires at least one word to search for."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("name") and not words_of(data["name"], data.get("synonyms", "")):
            self.add_error("name", "This name contains no word: write a word that users would use.")
        return data
