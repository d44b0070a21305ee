"""The fields of the playground. Its form is never submitted: a script sends the request to the API itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from access.models import Team

EXAMPLE_TOOLS: Final = """[
  {
    "name": "get_weather",
    "description": "Returns the weather of a city.",
    "input_schema": {
      "type": "object",
      "properties": {"city": {"type": "string"}},
      "required": ["city"]
    }
  }
]"""
_MODELS: Final = {"list": "playground-models", "autocomplete": "off", "spellcheck": "false"}


class PlaygroundForm(forms.Form):
    """What is sent, and for which team."""

    team = forms.ChoiceField(help_text="Its budgets and limits bind the request, and so do yours.")
    model = forms.CharField(
        help_text="A route, or any name that a client may ask for.", widget=UnfoldAdminTextInputWidget(attrs=_MODELS)
    )
    second = forms.CharField(
        label="Second model",
        required=False,
        help_text="Gets the same request at the same time. Empty: one answer.",
        widget=UnfoldAdminTextInputWidget(attrs=_MODELS),
    )
    system = forms.CharField(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), label="System prompt")
    prompt = forms.CharField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 7}),
        initial="What is 2+2?",
        help_text="Nothing of it is stored. Ctrl+Enter sends.",
    )
    max_tokens = forms.IntegerField(initial=1024, min_value=1, widget=UnfoldAdminIntegerFieldWidget())
    stream = forms.BooleanField(required=False, initial=True, widget=UnfoldBooleanSwitchWidget())
    thinking = forms.BooleanField(
        required=False, widget=UnfoldBooleanSwitchWidget(), help_text="On: the model decides how long it thinks."
    )
    tools = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 5, "class": "gw-json", "spellcheck": "false"}),
        help_text="A JSON list as in a request. The model's calls are shown; nothing runs them.",
    )

    def __init__(self, teams: Sequence[Team], *, team: str = "", **initial: Any) -> None:
        super().__init__(initial=initial, use_required_attribute=False)
        choices: Iterable[tuple[int, str]] = [(one.pk, one.name) for one in teams]
        field: Any = self.fields["team"]
        field.choices = choices
        field.initial = team
        field.widget = forms.HiddenInput() if len(teams) == 1 else UnfoldAdminSelectWidget(choices=choices)
        if len(teams) == 1:
            field.initial = teams[0].pk
