"""Credentials on a provider's page. A secret can be entered and is never shown.

Entering a secret, or confirming a variable, binds it to the address that the provider has then.
"""

from __future__ import annotations

import json
import os
from typing import Any

from django import forms
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.http import HttpRequest
from unfold.admin import StackedInline
from unfold.decorators import display
from unfold.widgets import UnfoldBooleanWidget

from providers.admin import choices
from providers.credentials.binding import destination_of, may_use, why_inactive
from providers.models import Credential, Provider
from proxysite.admin.kept_secret import KeptSecretWidget, owner_of
from proxysite.console.form_fields import AddedRows, NamedOnce, explain_choices


class CredentialForm(forms.ModelForm):  # type: ignore[type-arg]
    """A credential. `secret` is never shown; if it is left empty, the stored secret stays."""

    secret = forms.CharField(
        required=False,
        max_length=16384,
        widget=KeptSecretWidget(attrs={"autocomplete": "new-password"}, render_value=False),
        help_text="Stored encrypted and never shown again. Leave it empty to keep the stored secret.",
    )
    confirm = forms.BooleanField(
        required=False,
        label="Confirm the address",
        widget=UnfoldBooleanWidget(),
        help_text="Tick it after the provider's address, proxy or platform has changed, if the variable's value may be "
        "sent there.",
    )
    may_name_variables = False
    """Whether whoever fills in the form may name variables: set by the page."""
    owner = ""
    """Who fills in the form: set by the page."""

    class Meta:
        model = Credential
        fields = (
            "name",
            "source",
            "secret",
            "variable",
            "position",
            "weight",
            "requests_per_minute",
            "tokens_per_minute",
            "concurrent",
            "enabled",
        )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["secret"].widget.owner = self.owner
        explain_choices(self.fields["source"], choices.SOURCES)

    def clean_secret(self) -> str:
        """Requires one line of visible ASCII, as headers do; a JSON key file may have any number of lines."""
        return checked_secret(self.cleaned_data["secret"])

    def clean(self) -> dict[str, Any]:
        """Checks secret, variable and source together, and encrypts an entered secret."""
        data: dict[str, Any] = super().clean() or {}
        secret = data.get("secret", "")
        if data.get("source") == Credential.Source.ENVIRONMENT:
            self._from_environment(data, secret)
        elif secret:
            try:
                store_secret(self.instance, secret)
            except ImproperlyConfigured as error:
                self.add_error("secret", str(error))
        elif not self.instance.ciphertext and "secret" not in self.errors:
            self.add_error("secret", "Enter the secret, or choose an environment variable as its source.")
        return data

    def _from_environment(self, data: dict[str, Any], secret: str) -> None:
        if not data.get("variable") and "variable" not in self.errors:
            self.add_error("variable", "Enter the name of the variable that holds the secret.")
        # One that was typed before, and kept by the page, is not there to be emptied.
        if secret and self.data.get(self.add_prefix("secret")):
            self.add_error("secret", "Leave this empty: the secret is read from the variable.")
        # A secret that is not used is not stored.
        self.instance.ciphertext = self.instance.last_four = ""
        named = self.instance.pk is None or bool({"source", "variable"} & set(self.changed_data))
        confirmed = bool(data.get("confirm"))
        if (named or confirmed) and not self.may_name_variables:
            self.add_error(
                "variable" if named else "confirm",
                "You may not name environment variables: ask somebody with the permission “Can name environment "
                "variables as credentials”, or enter the secret itself.",
            )
        self.instance.binds = named or confirmed


def checked_secret(secret: str) -> str:
    """Returns an entered secret as it is stored. Raises ValidationError."""
    if secret.startswith("{"):
        return _one_line(secret)
    if not all("!" <= c <= "~" for c in secret):
        raise ValidationError("The secret has white space or characters that no key has: copy it again.")
    return secret


def store_secret(credential: Credential, secret: str) -> None:
    """Encrypts a secret into the row, which is not saved. Raises ImproperlyConfigured."""
    credential.set_secret(secret)
    if secret.startswith("{"):
        # The last characters of a file identify nothing.
        credential.last_four = ""


def _one_line(secret: str) -> str:
    """Returns the same JSON object in one line. Raises ValidationError."""
    try:
        found = json.loads(secret)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValidationError(
            "The secret looks like a JSON file but is not valid JSON: copy the complete file again."
        ) from error
    return json.dumps(found)


def credential_state(credential: Credential) -> tuple[str, bool]:
    """Returns what to show of a credential's secret, and whether this process can use it."""
    text, usable = _secret_state(credential)
    now = destination_of(credential.provider)
    why = why_inactive(credential, now)
    if not why:
        return text, usable
    places = f" ({credential.bound_to or 'no address'}, now {now})" if credential.bound_to != now else ""
    return f"{text}, but inactive: {why}{places}", False


def _secret_state(credential: Credential) -> tuple[str, bool]:
    if credential.source == Credential.Source.ENVIRONMENT:
        if not may_use(credential):
            return credential.variable, False
        present = bool(os.environ.get(credential.variable))
        return f"{credential.variable} is {'set' if present else 'not set'} in this process", present
    if not credential.ciphertext:
        return "no secret stored", False
    return f"stored, ends in …{credential.last_four}" if credential.last_four else "stored", True


class CredentialRows(AddedRows, NamedOnce):
    """The rows of a page."""


class CredentialInline(StackedInline):
    """A provider's credentials."""

    model = Credential
    form = CredentialForm
    formset = CredentialRows
    extra = 0
    tab = True
    fields = [
        ("name", "source"),
        "secret",
        "variable",
        "confirm",
        ("position", "weight", "enabled"),
        ("requests_per_minute", "tokens_per_minute", "concurrent"),
        "secret_state",
    ]
    readonly_fields = ["secret_state"]

    def get_formset(self, request: HttpRequest, obj: Provider | None = None, **options: Any) -> Any:
        """The form learns whether this user may name variables; its class is made anew for each request."""
        formset = super().get_formset(request, obj, **options)
        formset.form.may_name_variables = request.user.has_perm("providers.name_variable")
        formset.form.owner = owner_of(request)
        return formset

    @display(description="Secret now")
    def secret_state(self, credential: Credential) -> str:
        """Returns the last four characters, or whether the variable is set in this process, and why it is inactive."""
        return credential_state(credential)[0] if credential.pk else "none yet"
