"""The form of the Explain page. What is typed into it is explained and forgotten."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.http import HttpRequest
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from access.keys import KeyRecord
from configuration.explain import lookup, question, trial_rules
from configuration.explain.question import ANY_KEY, Question, Unexplainable
from routing.facts.request_facts import TokenRatios
from routing.selection import COMPARED_OUTPUT
from routing.snapshot import Snapshot
from usage.models import RequestLog

MOST_CHARACTERS = 2_000_000
"""Django takes 2.5 MB of a form; larger requests are for the command."""


class ExplainForm(forms.Form):
    """A request, or the id of a logged one, and as whose and under which rules it is explained."""

    body = forms.CharField(
        required=False,
        strip=False,
        max_length=MOST_CHARACTERS,
        label="Request",
        help_text="The JSON body of a POST /v1/messages, up to 2 MB. Larger ones: manage.py explain_route.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 22, "class": "gw-json", "spellcheck": "false"}),
    )
    headers = forms.CharField(
        required=False,
        label="Headers",
        help_text="One a line. Credentials in them are not looked at.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4, "class": "gw-json", "spellcheck": "false"}),
    )
    logged = forms.CharField(
        required=False,
        label="Or a logged request",
        help_text="Its request id: the facts that were kept of it are explained, and the request beside it is not. "
        "Its words were never stored.",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    key = forms.ChoiceField(required=False, label="Client key", widget=UnfoldAdminSelectWidget())
    rules = forms.CharField(
        required=False,
        label="Unsaved rules",
        help_text=f"Looked at before the saved ones, for this explanation alone. Such as {trial_rules.EXAMPLE}",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4, "class": "gw-json", "spellcheck": "false"}),
    )
    tokens = forms.IntegerField(
        required=False,
        min_value=0,
        label="Prompt tokens",
        help_text="As if the prompt had so many. Empty: as estimated.",
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    output = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=10_000_000,
        initial=COMPARED_OUTPUT,
        label="Output tokens",
        help_text="What it would cost with so many.",
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    well = forms.BooleanField(
        required=False,
        label="As if everybody were well",
        help_text="Off: as this worker knows the health of providers and models now.",
        widget=UnfoldBooleanSwitchWidget(),
    )

    def __init__(
        self,
        request: HttpRequest,
        snapshot: Snapshot,
        data: Any = None,
        *,
        now: datetime,
        ratios: TokenRatios | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data, **kwargs)
        self._snapshot, self._now, self._ratios = snapshot, now, ratios
        may = request.user.has_perm
        self._upstream = may("providers.change_provider")
        self._keys = {"": ANY_KEY}
        if may("access.view_clientkey"):
            self._keys |= {str(key.id): key for key in lookup.keys_of(snapshot)}
        self.fields["key"].choices = [(value, _called(key)) for value, key in self._keys.items()]  # type: ignore[attr-defined]
        if not may("usage.view_requestlog"):
            del self.fields["logged"]

    def clean(self) -> dict[str, Any]:
        """The question, as `question`; each error stands beside its field."""
        data: dict[str, Any] = super().clean() or {}
        more: dict[str, Any] = {
            "tokens": data.get("tokens"),
            "upstream": self._upstream,
            "output": COMPARED_OUTPUT if data.get("output") is None else data["output"],
            "rules": self._read(
                "rules", lambda: trial_rules.made(trial_rules.written(data.get("rules", "")), self._snapshot)
            ),
        }
        key = self._keys.get(data.get("key", ""), ANY_KEY)
        if data.get("logged"):
            data["question"] = self._read("logged", lambda: question.logged(_row(data["logged"]), key, **more))
            return data
        headers = self._read("headers", lambda: question.headers_of(data.get("headers", "")))
        if self.errors:
            return data
        body = data.get("body", "").encode()
        data["question"] = self._read(
            "body", lambda: question.asked(body, headers, key, self._now, ratios=self._ratios, **more)
        )
        return data

    def _read(self, field: str, read: Any) -> Any:
        try:
            return read()
        except Unexplainable as error:
            self.add_error(field, str(error))
            return None

    @property
    def question(self) -> Question:
        """What was asked; call on a valid form."""
        asked: Question = self.cleaned_data["question"]
        return asked


def _called(key: KeyRecord) -> str:
    if key is ANY_KEY:
        return "Any key: may use every route, is of no team"
    return f"{key.team_name}: {key.name} ({key.prefix}…)"


def _row(request_id: str) -> RequestLog:
    row = RequestLog.objects.filter(request_id=request_id).first()
    if row is None:
        raise Unexplainable("No request of this id was logged.")
    return row
