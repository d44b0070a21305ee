"""The form of the Explain page. Its input is not stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Q
from django.http import HttpRequest
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from access.keys import KeyRecord
from configuration.explain import question, trial_rules
from configuration.explain.question import ANY_KEY, Question, Unexplainable
from routing.facts.request_facts import TokenRatios
from routing.selection import COMPARED_OUTPUT
from routing.snapshot import Snapshot
from usage.journal.account import identity_of
from usage.models import RequestLog

MOST_CHARACTERS = 2_000_000
"""Django accepts forms up to 2.5 MB; the command takes larger requests."""


class ExplainForm(forms.Form):
    """A request or the id of a logged one, with the key and the rules to explain it by."""

    body = forms.CharField(
        required=False,
        strip=False,
        max_length=MOST_CHARACTERS,
        label="Request",
        help_text="The JSON body of a POST /v1/messages, up to 2 MB. For larger requests use ./gateway explain_route.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 22, "class": "gw-json", "spellcheck": "false"}),
    )
    headers = forms.CharField(
        required=False,
        label="Headers",
        help_text="One per line. Credentials are ignored.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4, "class": "gw-json", "spellcheck": "false"}),
    )
    logged = forms.CharField(
        required=False,
        label="Or a logged request",
        help_text="A request id. Explains the facts stored for that request, instead of the request on the left. "
        "The text of requests is never stored.",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    key = forms.ChoiceField(required=False, label="Client key", widget=UnfoldAdminSelectWidget())
    rules = forms.CharField(
        required=False,
        label="Trial rules",
        help_text=f"Checked before the saved rules, for this explanation only. Example: {trial_rules.EXAMPLE}",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4, "class": "gw-json", "spellcheck": "false"}),
    )
    tokens = forms.IntegerField(
        required=False,
        min_value=0,
        label="Prompt tokens",
        help_text="Number of prompt tokens to assume. Leave empty to estimate it.",
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    output = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=10_000_000,
        initial=COMPARED_OUTPUT,
        label="Output tokens",
        help_text="Number of output tokens for the estimated cost.",
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    ignore_health = forms.BooleanField(
        required=False,
        label="Ignore health",
        help_text="On: treat every provider and model as healthy. Off: use the health that this worker knows.",
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
            self._keys |= {str(key.id): key for key in question.keys_of(snapshot)}
        self.fields["key"].choices = [(value, _key_label(key)) for value, key in self._keys.items()]  # type: ignore[attr-defined]
        if not may("usage.view_requestlog"):
            del self.fields["logged"]

    def clean(self) -> dict[str, Any]:
        """Adds the question as `question`; each error belongs to its field."""
        data: dict[str, Any] = super().clean() or {}
        more: dict[str, Any] = {
            "tokens": data.get("tokens"),
            "upstream": self._upstream,
            "output": COMPARED_OUTPUT if data.get("output") is None else data["output"],
            "rules": self._read(
                "rules", lambda: trial_rules.compile_rules(trial_rules.parse(data.get("rules", "")), self._snapshot)
            ),
        }
        key = self._keys.get(data.get("key", ""), ANY_KEY)
        if data.get("logged"):
            data["question"] = self._read("logged", lambda: question.of_logged(_row(data["logged"]), key, **more))
            return data
        headers = self._read("headers", lambda: question.headers_of(data.get("headers", "")))
        if self.errors:
            return data
        body = data.get("body", "").encode()
        data["question"] = self._read(
            "body", lambda: question.of_request(body, headers, key, self._now, ratios=self._ratios, **more)
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
        """The question; call it on a valid form."""
        found: Question = self.cleaned_data["question"]
        return found


def _key_label(key: KeyRecord) -> str:
    if key is ANY_KEY:
        return "Any key (no team, all routes allowed)"
    return f"{key.team_name}: {key.name} ({key.prefix}…)"


def _row(request_id: str) -> RequestLog:
    row = RequestLog.objects.filter(Q(pk=identity_of(request_id))).first()
    if row is None:
        raise Unexplainable("There is no logged request with this id.")
    return row
