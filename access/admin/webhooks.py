"""Webhooks in the admin. A secret can be entered and is never shown."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from access.audit import record
from access.models import Webhook
from access.outbox.alerts import test_body
from access.outbox.models import Kind
from access.permissions import may
from access.tags import tags_of
from providers import secrets
from providers.outbound.addresses import Refusal, refusal_of_host
from proxysite.admin.deletions import TakesHistoryAlong
from proxysite.admin.kept_secret import KeptSecretWidget, owner_of
from proxysite.alerts.sending import NotSent, send_webhook
from proxysite.console.lost_updates import MergingForm, SerializedSaves

_SHORTEST = 24
"""Characters of a secret."""


class WebhookForm(MergingForm):
    """A webhook. If the secret is left empty, the stored one stays."""

    kinds = forms.MultipleChoiceField(
        choices=Kind.choices,
        required=False,
        label="Alerts",
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="Which alerts it gets. None ticked: all, those of later versions too.",
    )
    secret = forms.CharField(
        required=False,
        min_length=_SHORTEST,
        max_length=200,
        widget=KeptSecretWidget(attrs={"autocomplete": "new-password"}, render_value=False),
        help_text="What bodies are signed with, such as the output of `openssl rand -hex 32`; the receiver has the "
        "same. Stored encrypted and never shown. Empty: the stored secret stays.",
    )

    owner = ""
    """Who fills in the form: set by the page."""

    class Meta:
        model = Webhook
        fields = ("name", "url", "is_local", "kinds", "secret", "enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["kinds"] = list(tags_of(self.instance.kinds))
        if "secret" in self.fields:
            self.fields["secret"].widget.owner = self.owner

    def clean_kinds(self) -> str:
        """Returns the kinds as the row has them."""
        return ", ".join(self.cleaned_data["kinds"])

    def clean_secret(self) -> str:
        """Requires visible ASCII: what else is copied along is a mistake."""
        secret: str = self.cleaned_data["secret"]
        if not all("!" <= c <= "~" for c in secret):
            raise ValidationError("The secret has white space or characters outside ASCII: copy it again.")
        return secret

    def clean(self) -> dict[str, Any]:
        """Encrypts an entered secret, requires one, and refuses an address that would never be called."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("secret"):
            try:
                self.instance.ciphertext = secrets.encrypt(data["secret"])
            except ImproperlyConfigured as error:
                self.add_error("secret", str(error))
        elif not self.instance.ciphertext and "secret" not in self.errors:
            self.add_error("secret", "Enter the secret: a receiver knows by it that an alert is from here.")
        if data.get("url"):
            self._check_address(data["url"], local=bool(data.get("is_local")))
        return data

    def _check_address(self, url: str, *, local: bool) -> None:
        refusal = refusal_of_host(urlsplit(url).hostname or "", local=local)
        if refusal is Refusal.PRIVATE:
            self.add_error("url", "This address is this machine or a private network: switch “local” on to allow it.")
        elif refusal is not None:
            self.add_error("url", f"This address is {refusal}.")


@admin.register(Webhook)
class WebhookAdmin(TakesHistoryAlong, SerializedSaves, ModelAdmin):
    """Webhooks, with a button that tests one."""

    form = WebhookForm
    list_display = ["name", "url", "shown_kinds", "enabled"]
    search_fields = ["name", "url"]
    fields = ["name", "url", "is_local", "kinds", "secret", "enabled", "created_at"]
    readonly_fields = ["created_at"]
    actions_detail = ["test"]

    def get_form(self, request: HttpRequest, obj: Webhook | None = None, change: bool = False, **options: Any) -> Any:
        """The form learns whose it is; its class is made anew for each request."""
        form = super().get_form(request, obj, change, **options)
        form.owner = owner_of(request)
        return form

    def get_fields(self, request: HttpRequest, obj: Webhook | None = None) -> Any:
        """Returns the fields; whoever may only see them gets the kinds in words and no secret."""
        if obj is None or self.has_change_permission(request, obj):
            return super().get_fields(request, obj)
        return ["name", "url", "is_local", "shown_kinds", "enabled", "created_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Webhook | None = None) -> Any:
        """Returns what is only shown."""
        return [*self.readonly_fields, "shown_kinds"]

    @display(description="Alerts")
    def shown_kinds(self, webhook: Webhook) -> str:
        """Which alerts it gets."""
        return "; ".join(Kind(kind).label for kind in tags_of(webhook.kinds)) or "all"

    def has_test_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Returns whether somebody may send to a webhook."""
        return may(request.user, "access.change_webhook")

    @action(
        description="Send a test",
        icon="send",
        permissions=["test"],
        dialog={
            "title": "Send a test?",
            "description": "The webhook gets a signed body of the type “test”, now, also while it is off.",
            "form_submit_text": "Send it",
        },
    )
    def test(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Sends a test, once its dialog is confirmed by POST, and says what the server answered."""
        webhook = get_object_or_404(Webhook, pk=object_id)
        record("tested", webhook)
        try:
            send_webhook(webhook, test_body())
        except NotSent as error:
            messages.error(request, str(error))
        else:
            messages.success(request, "The webhook's server took the test.")
        return HttpResponse(headers={"HX-Redirect": reverse("admin:access_webhook_change", args=[object_id])})
