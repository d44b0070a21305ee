"""The forms of routes and of what leads to them; errors stand beside the field that can be changed to mend them."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import INPUT_CLASSES, SELECT_CLASSES, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from providers.models import Model
from proxysite.console.form_fields import JsonField, NamedOnce
from routing.admin import advice
from routing.admin.wording import editor
from routing.models import Alias, Concept, Route, Rule, ScenarioRoute
from routing.rules.concepts import words_of


class ConditionsWidget(UnfoldAdminTextareaWidget):
    """A text area of JSON that the browser turns into rows; without scripts it stays what it is."""

    class Media:
        js = ("proxysite/conditions.js",)

    def __init__(self) -> None:
        super().__init__({"rows": 8, "class": "gw-json", "spellcheck": "false"})

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """With what the editor has to know."""
        context: dict[str, Any] = super().get_context(name, value, attrs)
        looks = {"input": " ".join(INPUT_CLASSES), "select": " ".join(SELECT_CLASSES)}
        context["widget"]["attrs"]["data-conditions"] = json.dumps({**editor(), "looks": looks})
        return context


class TargetWidget(UnfoldAdminTextInputWidget):
    """A text input that offers routes and models while one types."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """With the list of what is offered."""
        offered = f"{name}-offered"
        shown = super().render(name, value, {**(attrs or {}), "list": offered, "autocomplete": "off"}, renderer)
        models = Model.objects.filter(enabled=True).values_list("provider__name", "name")
        names = [
            *Route.objects.filter(enabled=True).values_list("name", flat=True),
            *(f"{provider}:{model}" for provider, model in models.order_by("provider__name", "name")),
        ]
        options = format_html_join("", '<option value="{}"></option>', ((each,) for each in names))
        return format_html('{}<datalist id="{}">{}</datalist>', shown, offered, options)


class RouteForm(forms.ModelForm):  # type: ignore[type-arg]
    """A route."""

    class Meta:
        model = Route
        exclude = ()
        error_messages = {
            "name": {"unique": "Another route has this name: choose a different one, or edit that route."}
        }

    def clean_is_default(self) -> bool:
        """Say beside the switch which route is the default already."""
        wanted: bool = self.cleaned_data["is_default"]
        other = Route.objects.filter(is_default=True).exclude(pk=self.instance.pk).first()
        if wanted and other is not None:
            raise forms.ValidationError(f"{other.name} is the default route already: switch it off there first.")
        return wanted


class EachModelOnce(NamedOnce):
    """A route's candidates."""

    once = "model"
    message = "This model stands here twice: a route tries each one once. Remove one of the lines."

    def clean(self) -> None:
        """A row that was added and not dragged anywhere is tried last, not first."""
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
    """An alias. A target that is not there yet may be saved: the page says so."""

    class Meta:
        model = Alias
        fields = ("pattern", "target", "enabled")
        widgets = {"target": TargetWidget()}
        error_messages = {"pattern": {"unique": "Another alias has this pattern: edit that one."}}

    def clean_target(self) -> str:
        """As the route or the model is spelled."""
        return advice.spelled(self.cleaned_data["target"])


class ScenarioForm(forms.ModelForm):  # type: ignore[type-arg]
    """Where a scenario's requests go."""

    class Meta:
        model = ScenarioRoute
        exclude = ()

    def clean(self) -> dict[str, Any]:
        """One route a scenario and team, and a threshold only where it is looked at."""
        data: dict[str, Any] = super().clean() or {}
        scenario, team = data.get("scenario"), data.get("team")
        if scenario and "team" in data:
            same = ScenarioRoute.objects.filter(scenario=scenario, team=team).exclude(pk=self.instance.pk).first()
            if same is not None:
                whose = f"The team {team.name} has" if team is not None else "Everybody has"
                self.add_error(
                    "scenario", f"{whose} a route for {scenario} already, {same.route.name}: edit that line."
                )
        if data.get("threshold") is not None and scenario != ScenarioRoute.Scenario.LONG_CONTEXT:
            self.add_error("threshold", "Only long context has a threshold: leave this empty.")
        return data


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """A rule."""

    conditions = JsonField(
        list,
        "What a request must be like. The page docs/routing.md lists the fields. No condition at all always holds.",
    )

    class Meta:
        model = Rule
        exclude = ()
        error_messages = {"name": {"unique": "Another rule has this name: choose a different one, or edit that rule."}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["conditions"].widget = ConditionsWidget()

    def clean(self) -> dict[str, Any]:
        """A route or a scenario, and not both."""
        data: dict[str, Any] = super().clean() or {}
        route, scenario = data.get("route"), data.get("scenario")
        if route is not None and scenario:
            self.add_error("scenario", "There is a route already: leave one of the two empty.")
        elif route is None and not scenario and not {"route", "scenario"} & set(self.errors):
            self.add_error("route", "Choose a route, or below it a scenario.")
        return data


class ConceptForm(forms.ModelForm):  # type: ignore[type-arg]
    """A concept."""

    class Meta:
        model = Concept
        exclude = ()
        error_messages = {"name": {"unique": "Another concept has this name: edit that one."}}

    def clean(self) -> dict[str, Any]:
        """At least one word to look for."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("name") and not words_of(data["name"], data.get("synonyms", "")):
            self.add_error("name", "There is no word in this: write what users would say.")
        return data
